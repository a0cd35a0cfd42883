//! Servers that answer, dawdle, break off, say too much, and close what was kept.

use super::*;
use async_trait::async_trait;
use std::collections::VecDeque;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::mpsc;

/// Hands the other end of each connection to the test.
struct Pipes(mpsc::UnboundedSender<DuplexStream>);

#[async_trait]
impl Dial for Pipes {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let (ours, theirs) = duplex(1 << 16);
        self.0.send(theirs).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(Box::new(ours))
    }
}

const WAIT: Duration = Duration::from_secs(5);

fn rest() -> (Rest, mpsc::UnboundedReceiver<DuplexStream>) {
    let (pipes, dialled) = mpsc::unbounded_channel();
    (Rest::new(Arc::new(Pipes(pipes)), "exchange:1".into(), 1_000), dialled)
}

/// Serves one connection: reads a request, writes the next of these, closes after the last.
async fn serve(mut stream: DuplexStream, mut replies: VecDeque<&'static str>) -> Vec<String> {
    let mut requests = Vec::new();
    while let Some(reply) = replies.pop_front() {
        let mut request = vec![0; 4_096];
        let count = stream.read(&mut request).await.expect("a pipe");
        requests.push(String::from_utf8_lossy(&request[..count]).into_owned());
        stream.write_all(reply.as_bytes()).await.expect("a pipe");
    }
    requests
}

const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine";

#[tokio::test(start_paused = true)]
async fn requests_share_a_connection_and_survive_its_end() {
    let (rest, mut dialled) = rest();
    let server = async move {
        let first = dialled.recv().await.expect("dialled");
        let requests = serve(first, [FINE, FINE].into()).await;
        let second = dialled.recv().await.expect("dialled again, since the first is closed");
        (requests, serve(second, [FINE].into()).await)
    };
    let client = async {
        for _ in 0..3 {
            let reply = rest.post("/info", Bytes::from_static(b"{}"), WAIT).await.expect("a reply");
            assert_eq!((reply.status, &reply.body[..]), (200, &b"fine"[..]));
            tokio::task::yield_now().await;
        }
    };
    let ((requests, more), ()) = tokio::join!(server, client);
    assert_eq!((requests.len(), more.len()), (2, 1));
    assert!(
        requests[0].starts_with("POST /info HTTP/1.1\r\n") && requests[0].contains("host: exchange:1\r\n"),
        "{}",
        requests[0]
    );
    assert!(requests[0].ends_with("\r\n\r\n{}"), "{}", requests[0]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_reply() {
    let (rest, mut dialled) = rest();
    let html = "HTTP/1.1 502 Bad\r\ncontent-length: 12\r\n\r\n<html></html";
    let server = async { serve(dialled.recv().await.expect("dialled"), [html].into()).await };
    let (reply, _) = tokio::join!(rest.post("/exchange", Bytes::new(), WAIT), server);
    assert_eq!(reply.expect("a reply").status, 502);
}

#[tokio::test(start_paused = true)]
async fn whether_it_may_have_been_looked_at_is_told() {
    let (rest, mut dialled) = rest();
    let server = async {
        let mut stream = dialled.recv().await.expect("dialled");
        let count = stream.read(&mut [0; 4_096]).await.expect("a pipe");
        assert!(count > 0, "it reads the request, and hangs up");
    };
    let (lost, ()) = tokio::join!(rest.post("/exchange", Bytes::from_static(b"{}"), WAIT), server);
    assert!(matches!(lost, Err(RestError::Lost(_))), "{lost:?}");
    let silent = async {
        let _held = dialled.recv().await.expect("dialled");
        std::future::pending::<()>().await;
    };
    let slow = tokio::select! { slow = rest.post("/exchange", Bytes::from_static(b"{}"), WAIT) => slow, () = silent => unreachable!() };
    assert!(matches!(slow, Err(RestError::Slow { waited_ms: 5_000 })), "{slow:?}");
    drop(dialled);
    let refused = rest.post("/exchange", Bytes::from_static(b"{}"), WAIT).await;
    assert!(matches!(refused, Err(RestError::NotSent(_))), "{refused:?}");
}

/// One that never comes up.
struct Nowhere;

#[async_trait]
impl Dial for Nowhere {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_come_up_sent_nothing() {
    let rest = Rest::new(Arc::new(Nowhere), "exchange".into(), 1_000);
    assert!(matches!(rest.post("/exchange", Bytes::new(), WAIT).await, Err(RestError::NotSent(_))));
}

#[tokio::test(start_paused = true)]
async fn a_reply_without_end_is_cut_off() {
    let (rest, mut dialled) = rest();
    let server = async {
        let mut stream = dialled.recv().await.expect("dialled");
        let _read = stream.read(&mut [0; 4_096]).await.expect("a pipe");
        let chunk = format!("40\r\n{}\r\n", "x".repeat(64));
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.expect("a pipe");
        while stream.write_all(chunk.as_bytes()).await.is_ok() {}
    };
    let (reply, ()) = tokio::join!(rest.post("/info", Bytes::new(), WAIT), server);
    assert!(matches!(reply, Err(RestError::TooLarge { most: 1_000 })), "{reply:?}");
}
