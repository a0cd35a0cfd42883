//! Cuts connections from this side, without a word: what a check of reconnecting needs where the other side is not ours to break.

use super::Breaks;
use crate::net::{Dial, Stream};
use async_trait::async_trait;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// Cuts every connection that was dialed through it.
#[derive(Debug)]
pub struct Scissors(watch::Sender<u64>);

impl Scissors {
    /// Scissors, and a way to dial whose connections they cut.
    pub fn around(dial: Arc<dyn Dial>) -> (Self, Arc<dyn Dial>) {
        let (cuts, seen) = watch::channel(0);
        (Self(cuts), Arc::new(Cuttable { dial, seen }))
    }
}

impl Breaks for Scissors {
    fn cut(&self) {
        self.0.send_modify(|cuts| *cuts += 1);
    }
}

struct Cuttable {
    dial: Arc<dyn Dial>,
    seen: watch::Receiver<u64>,
}

#[async_trait]
impl Dial for Cuttable {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let mut seen = self.seen.clone();
        seen.mark_unchanged();
        let inner = self.dial.dial().await?;
        let cut = Box::pin(async move {
            if seen.changed().await.is_err() {
                // Without scissors, nothing is cut.
                std::future::pending::<()>().await;
            }
        });
        Ok(Box::new(Thread { inner, cut, is_cut: false }))
    }
}

/// A connection that can be cut.
struct Thread {
    inner: Box<dyn Stream>,
    cut: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_cut: bool,
}

impl Thread {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        self.is_cut = self.is_cut || self.cut.as_mut().poll(context).is_ready();
        if self.is_cut { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Thread {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Thread {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    struct Pipes(Mutex<Vec<DuplexStream>>);

    #[async_trait]
    impl Dial for Pipes {
        async fn dial(&self) -> io::Result<Box<dyn Stream>> {
            let (ours, theirs) = duplex(64);
            self.0.lock().expect("nobody panicked with it").push(theirs);
            Ok(Box::new(ours))
        }
    }

    #[tokio::test]
    async fn what_is_open_is_cut_and_what_comes_after_it_is_not() {
        let (scissors, dial) = Scissors::around(Arc::new(Pipes(Mutex::default())));
        let mut before = dial.dial().await.expect("it opens");
        before.write_all(b"word").await.expect("it is whole");
        let waiting = tokio::spawn(async move { before.read_u8().await.map_err(|error| error.kind()) });
        tokio::task::yield_now().await;
        scissors.cut();
        assert_eq!(waiting.await.expect("it ends"), Err(io::ErrorKind::ConnectionReset), "one that waits is woken");
        let mut after = dial.dial().await.expect("it opens");
        after.write_all(b"word").await.expect("it is whole");
    }
}
