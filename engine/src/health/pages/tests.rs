//! The pages as a client has them, a hostile one too.

use super::super::metrics::Metrics;
use super::super::pulse::{Pulse, tolerance};
use super::super::readiness::Readiness;
use super::*;
use calypte_kernel::Timeframe;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Pages that are served until this is dropped.
struct Served {
    address: SocketAddr,
    vitals: Vitals,
    serving: tokio::task::JoinHandle<()>,
}

async fn serve(pulse: Pulse) -> Served {
    let vitals = Vitals { metrics: Metrics::new("engine"), pulse, readiness: Readiness::new([("bus", "not reached yet")]) };
    let bound = Bound::new(vitals.clone(), "127.0.0.1:0".parse().expect("an address")).await.expect("a port is free");
    let address = bound.address();
    Served { address, vitals, serving: tokio::spawn(bound.serve()) }
}

fn sound() -> Pulse {
    Pulse::new(Instant::now(), Duration::from_hours(1))
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Served {
    /// All that comes back for some bytes.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("it is served");
        // It may hang up before it has read all of it.
        drop(stream.write_all(bytes).await);
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.raw(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, body.to_owned())
    }
}

#[tokio::test]
async fn a_service_says_what_is_missing() {
    let served = serve(sound()).await;
    assert_eq!(served.get("/healthz").await, (200, r#"{"status":"ok"}"#.to_owned()));
    let missing = r#"{"status":"not-ready","missing":[{"what":"bus","why":"not reached yet"}]}"#;
    assert_eq!(served.get("/readyz").await, (503, missing.to_owned()));
    served.vitals.readiness.met("bus");
    assert_eq!(served.get("/readyz").await, (200, r#"{"status":"ready","missing":[]}"#.to_owned()));
}

#[tokio::test]
async fn a_service_that_hangs_is_not_healthy_and_one_without_progress_not_ready() {
    let now = Instant::now();
    let before = |seconds| now.checked_sub(Duration::from_secs(seconds)).expect("the machine runs longer");
    let hangs = serve(Pulse::new(before(60), tolerance(Timeframe::MINUTE))).await;
    let (status, body) = hangs.get("/healthz").await;
    assert!(status == 503 && body.contains("the loop has not turned for 60 s"), "{status} {body}");
    let pulse = Pulse::new(before(60), Duration::from_secs(30));
    pulse.turned(now);
    let stalled = serve(pulse).await;
    stalled.vitals.readiness.met("bus");
    assert_eq!(stalled.get("/healthz").await.0, 200);
    let (status, body) = stalled.get("/readyz").await;
    assert!(status == 503 && body.contains("progress") && body.contains("at most 30 s are allowed"), "{status} {body}");
    assert!(stalled.get("/metrics").await.1.contains("calypte_ready 0\n"));
}

#[tokio::test]
async fn metrics_are_as_of_now() {
    let served = serve(sound()).await;
    served.vitals.pulse.feed("md.BTC.1m", Instant::now());
    served.vitals.readiness.met("bus");
    let (status, page) = served.get("/metrics").await;
    assert_eq!(status, 200);
    for part in ["calypte_ready 1\n", "calypte_feed_age_seconds{feed=\"md.BTC.1m\"} 0.", "calypte_build_info{", "# EOF\n"] {
        assert!(page.contains(part), "{part:?} is in {page}");
    }
}

#[tokio::test]
async fn there_is_nothing_else() {
    let served = serve(sound()).await;
    assert_eq!(served.get("/").await.0, 404);
    assert_eq!(served.get("/metrics/../healthz").await.0, 404);
    let posted = served.raw(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n").await;
    assert!(posted.starts_with("HTTP/1.1 405"), "{posted}");
}

#[tokio::test]
async fn hostile_clients_do_no_harm() {
    let served = serve(sound()).await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(1 << 20));
    for bytes in [long.as_bytes(), b"\0\0\0\0\r\n\r\n", b"GET /healthz HTTP/9.9\r\n\r\n", b"\r\n", b""] {
        let mut stream = TcpStream::connect(served.address).await.expect("it is served");
        drop(stream.write_all(bytes).await);
        drop(stream.shutdown().await);
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&answer));
    }
    // Who says nothing takes places, and whoever comes then is turned away at once rather than left waiting.
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        silent.push(TcpStream::connect(served.address).await.expect("it is served"));
    }
    let turned_away = served.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(turned_away, "", "no place is left");
    drop(silent);
    // Their places are free as soon as it is seen that they are gone.
    let answered = async {
        while served.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), answered).await.expect("places come free");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let served = serve(sound()).await;
    let error = Bound::new(served.vitals.clone(), served.address).await.expect_err("it is taken");
    assert!(error.to_string().contains(&served.address.to_string()), "{error}");
}
