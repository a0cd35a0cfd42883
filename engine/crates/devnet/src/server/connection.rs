//! One connection: requests over HTTP, or the handshake of a socket.

use super::Port;
use super::owner::{Command, Place};
use super::socket;
use crate::node::{FRAME_BYTES_MAX, HttpAnswer, REQUEST_BYTES_MAX};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// How long the head of a request, or its body, may take.
const READ_SECONDS_MAX: u64 = 30;

type Answer = Response<Full<Bytes>>;

/// A connection that ends without an answer.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the connection ends without an answer")]
struct NoAnswer;

/// What a connection needs to serve requests.
#[derive(Clone)]
struct Desk {
    from: SocketAddr,
    port: Port,
    commands: mpsc::Sender<Command>,
}

/// Serves a connection to its end.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    from: SocketAddr,
    port: Port,
    commands: mpsc::Sender<Command>,
    mut stopped: watch::Receiver<bool>,
) {
    let desk = Desk { from, port, commands };
    // The socket that the connection becomes, if it does, is served by the same task.
    let (upgraded, upgrade) = oneshot::channel();
    let upgraded = std::sync::Mutex::new(Some(upgraded));
    let service = hyper::service::service_fn(|request| {
        let desk = desk.clone();
        let upgraded = &upgraded;
        async move {
            let (answer, place) = desk.answer(request).await?;
            if let Some(place) = place
                && let Some(upgraded) = upgraded.lock().ok().and_then(|mut upgraded| upgraded.take())
            {
                drop(upgraded.send(place));
            }
            Ok::<_, NoAnswer>(answer)
        }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(READ_SECONDS_MAX));
    let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::select! {
        biased;
        // An error here is a client that has gone, or one that is left without an answer.
        _ = connection => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    drop(upgraded);
    if let Ok((place, upgrade)) = upgrade.await {
        become_socket(place, upgrade, &desk).await;
    }
}

async fn become_socket(place: Place, upgrade: hyper::upgrade::OnUpgrade, desk: &Desk) {
    let id = place.id;
    if let Ok(upgraded) = upgrade.await {
        let config = WebSocketConfig::default().max_message_size(Some(FRAME_BYTES_MAX)).max_frame_size(Some(FRAME_BYTES_MAX));
        let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        socket::serve(stream, place, &desk.commands).await;
    }
    // Where the node has gone, it needs not be told.
    drop(desk.commands.send(Command::Disconnect { id }).await);
}

type Upgrade = Option<(Place, hyper::upgrade::OnUpgrade)>;

impl Desk {
    async fn answer(&self, mut request: Request<Incoming>) -> Result<(Answer, Upgrade), NoAnswer> {
        if self.port == Port::Clients && request.uri().path() == "/ws" {
            return self.open_socket(&mut request).await;
        }
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        // A page in a browser cannot send this kind of content to another address without asking first, and is not answered.
        let is_json = request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        if self.port == Port::Control && method != Method::GET && !is_json {
            return Ok((plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send it with Content-Type: application/json"), None));
        }
        if self.port == Port::Clients && method != Method::POST {
            return Ok((plain(StatusCode::METHOD_NOT_ALLOWED, ""), None));
        }
        let body = Limited::new(request.into_body(), REQUEST_BYTES_MAX).collect();
        let body = match tokio::time::timeout(Duration::from_secs(READ_SECONDS_MAX), body).await {
            Ok(Ok(body)) => body.to_bytes().to_vec(),
            Ok(Err(_)) => return Ok((plain(StatusCode::PAYLOAD_TOO_LARGE, "length limit exceeded"), None)),
            Err(_) => return Ok((plain(StatusCode::REQUEST_TIMEOUT, ""), None)),
        };
        let (answer, answered) = oneshot::channel();
        let command = match self.port {
            Port::Clients => Command::Post { from: self.from.ip(), path, body, answer },
            Port::Control => Command::Control { method: method.to_string(), path, body, answer },
        };
        self.commands.send(command).await.map_err(|_| NoAnswer)?;
        let answer = answered.await.map_err(|_| NoAnswer)?;
        if answer.after_ms > 0 {
            tokio::time::sleep(Duration::from_millis(answer.after_ms)).await;
        }
        Ok((response(answer), None))
    }

    async fn open_socket(&self, request: &mut Request<Incoming>) -> Result<(Answer, Upgrade), NoAnswer> {
        let has = |name, word: &str| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word))
        };
        let key = request.headers().get(SEC_WEBSOCKET_KEY).cloned();
        let Some(key) = key.filter(|_| has(CONNECTION, "upgrade") && has(UPGRADE, "websocket")) else {
            return Ok((plain(StatusCode::BAD_REQUEST, "`/ws` is a WebSocket"), None));
        };
        let (answer, answered) = oneshot::channel();
        let command = Command::Connect { from: self.from.ip(), answer };
        self.commands.send(command).await.map_err(|_| NoAnswer)?;
        let place = match answered.await.map_err(|_| NoAnswer)? {
            Ok(place) => place,
            Err(crate::node::ConnectRefused::TooMany) => return Ok((plain(StatusCode::TOO_MANY_REQUESTS, "null"), None)),
            Err(crate::node::ConnectRefused::Fault) => return Ok((plain(StatusCode::SERVICE_UNAVAILABLE, ""), None)),
        };
        let mut answer = plain(StatusCode::SWITCHING_PROTOCOLS, "");
        let headers = answer.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(|_| NoAnswer)?;
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        Ok((answer, Some((place, hyper::upgrade::on(request)))))
    }
}

fn plain(status: StatusCode, words: &'static str) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from_static(words.as_bytes())));
    *response.status_mut() = status;
    response
}

fn response(answer: HttpAnswer) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response
}
