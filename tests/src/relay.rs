//! A relay on the loopback: what it stands before answers late, or with another clock, while a test says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Bytes that are passed on at once.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that are on their way at once, on one connection.
const PIECES_MAX: usize = 1_024;
/// What stands before the time in an exchange's answer to `exchangeStatus`.
const BEFORE_TIME: &[u8] = br#""specialStatuses":null,"time":"#;
/// Digits of a time in milliseconds, from 2001 to 2286.
const TIME_DIGITS: usize = 13;

/// A relay. It ends with this; connections that it carries end with either side.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    faults: Arc<Faults>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Faults {
    delay_ms: AtomicU64,
    clock_ms: AtomicI64,
}

impl Relay {
    /// Stands before the server of an address such as `http://127.0.0.1:3001`.
    ///
    /// # Panics
    /// Outside of a runtime, or where the loopback has no free port.
    pub fn start(before: &str) -> Self {
        let (_, server) = before.split_once("://").expect("an address with a scheme");
        let server: SocketAddr = server.parse().expect("host and port");
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("the loopback has free ports");
        listener.set_nonblocking(true).expect("a listener can be asked without waiting");
        let listener = TcpListener::from_std(listener).expect("there is a runtime");
        let address = listener.local_addr().expect("it is bound");
        let faults = Arc::new(Faults::default());
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&faults)));
        Self { address, faults, accepting }
    }

    /// Its address, with a scheme.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// From now on every answer comes so much later.
    pub fn delay(&self, by: Duration) {
        self.faults.delay_ms.store(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// From now on the exchange's clock, as it tells it, is off by so many milliseconds.
    pub fn set_clock(&self, by_ms: i64) {
        self.faults.clock_ms.store(by_ms, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, faults: Arc<Faults>) {
    while let Ok((client, _)) = listener.accept().await {
        let faults = Arc::clone(&faults);
        tokio::spawn(async move {
            // Where nobody listens, the client sees its connection end.
            let Ok(server) = TcpStream::connect(server).await else { return };
            let ((mut asked, answer), (answers, mut ask)) = (client.into_split(), server.into_split());
            // That one side has ended is all there is to say of it; the other is then closed too.
            tokio::spawn(async move { drop(tokio::io::copy(&mut asked, &mut ask).await) });
            pass(answers, answer, &faults).await;
        });
    }
}

/// Passes answers on, each as late as was said when it came, in their order.
async fn pass(mut answers: OwnedReadHalf, mut answer: OwnedWriteHalf, faults: &Faults) {
    let (on_the_way, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES_MAX);
    let writing = tokio::spawn(async move {
        while let Some((at, piece)) = due.recv().await {
            tokio::time::sleep_until(at).await;
            if answer.write_all(&piece).await.is_err() {
                return;
            }
        }
    });
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(length @ 1..) = answers.read(&mut piece).await {
        let mut read = piece[..length].to_vec();
        shift(&mut read, faults.clock_ms.load(Ordering::SeqCst));
        let at = Instant::now() + Duration::from_millis(faults.delay_ms.load(Ordering::SeqCst));
        if on_the_way.send((at, read)).await.is_err() {
            break;
        }
    }
    drop(on_the_way);
    // A writer that failed has said so to its reader.
    drop(writing.await);
}

/// Moves the time that an exchange tells. Its length stays, so that nothing around it changes.
fn shift(bytes: &mut [u8], by_ms: i64) {
    let Some(start) = bytes.windows(BEFORE_TIME.len()).position(|window| window == BEFORE_TIME) else { return };
    let from = start + BEFORE_TIME.len();
    let Some(digits) = bytes.get_mut(from..from + TIME_DIGITS) else { return };
    let time = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<i64>().ok()).expect("a time in milliseconds");
    digits.copy_from_slice((time + by_ms).to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_moved_and_nothing_else() {
        let mut answer = br#"{"specialStatuses":null,"time":1750000000000}"#.to_vec();
        shift(&mut answer, -5_000);
        assert_eq!(answer, br#"{"specialStatuses":null,"time":1749999995000}"#);
        let mut other = br#"{"time":1750000000000}"#.to_vec();
        shift(&mut other, -5_000);
        assert_eq!(other, br#"{"time":1750000000000}"#);
    }
}
