//! Three pages for this machine: `/metrics`, `/healthz`, `/readyz`.
//!
//! Whoever connects is hostile: a connection has one request, a short time for it, and a small head; nobody waits in line.

use super::readiness::Missing;
use super::vitals::Vitals;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::Serialize;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Most connections at once; one more is closed.
pub const CONNECTIONS_MAX: usize = 16;
/// Longest that a connection stands, whatever it does.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest that the head of a request may take to come.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);
/// Largest head of a request.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// How long is waited after a connection could not be taken, for want of files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What a page of metrics is written in.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why the pages cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("metrics and health cannot be served on {address}")]
pub struct PagesError {
    /// Where.
    address: SocketAddr,
    #[source]
    cause: io::Error,
}

/// How a service is, as JSON.
#[derive(Serialize)]
struct HealthRecord {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

/// Whether a service is ready, as JSON.
#[derive(Serialize)]
struct ReadyRecord {
    status: &'static str,
    missing: Vec<Missing>,
}

/// Pages that are about to be served.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    vitals: Vitals,
}

fn router(vitals: Vitals) -> Router {
    let routes = Router::new().route("/metrics", get(metrics)).route("/healthz", get(health)).route("/readyz", get(ready));
    routes.with_state(vitals)
}

/// What is missing, that the service makes no progress among it.
fn missing(vitals: &Vitals, now: Instant) -> Vec<Missing> {
    let mut missing = vitals.readiness.check();
    if let Err(stalled) = vitals.pulse.check(now) {
        missing.push(Missing { what: "progress".to_owned(), why: stalled.to_string() });
    }
    missing
}

impl Bound {
    /// Takes the address.
    ///
    /// # Errors
    /// Where somebody else has it, or it is not this machine's.
    pub async fn new(vitals: Vitals, address: SocketAddr) -> Result<Self, PagesError> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address, vitals })
        };
        bound.await.map_err(|cause| PagesError { address, cause })
    }

    /// Where, with the port that was free if it was 0.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves for as long as it is waited for.
    pub async fn serve(self) {
        let router = router(self.vitals);
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                Some(_) = connections.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
                connections.spawn(answer(stream, router.clone(), permit));
            }
        }
    }
}

/// Answers one request.
async fn answer(stream: TcpStream, router: Router, _permit: OwnedSemaphorePermit) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX).max_buf_size(HEAD_BYTES_MAX).keep_alive(false);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // What goes wrong is the client's: it has its answer, or went away, or was too slow.
    drop(timeout(CONNECTION_TIME_MAX, connection).await);
}

async fn metrics(State(vitals): State<Vitals>) -> Response {
    let now = Instant::now();
    vitals.metrics.ages(vitals.pulse.age(now), &vitals.pulse.feed_ages(now), missing(&vitals, now).is_empty());
    ([(header::CONTENT_TYPE, OPEN_METRICS)], vitals.metrics.page()).into_response()
}

async fn health(State(vitals): State<Vitals>) -> Response {
    match vitals.pulse.check_loop(Instant::now()) {
        Ok(()) => json(StatusCode::OK, &HealthRecord { status: "ok", reasons: Vec::new() }),
        Err(stalled) => {
            json(StatusCode::SERVICE_UNAVAILABLE, &HealthRecord { status: "failing", reasons: vec![stalled.to_string()] })
        }
    }
}

async fn ready(State(vitals): State<Vitals>) -> Response {
    let missing = missing(&vitals, Instant::now());
    if missing.is_empty() {
        return json(StatusCode::OK, &ReadyRecord { status: "ready", missing });
    }
    json(StatusCode::SERVICE_UNAVAILABLE, &ReadyRecord { status: "not-ready", missing })
}

fn json<T: Serialize>(status: StatusCode, record: &T) -> Response {
    let body = serde_json::to_string(record).expect("records have text keys");
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests;
