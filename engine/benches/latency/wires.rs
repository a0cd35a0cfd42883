//! A look at what passes through sockets: frames as they come in and as they are written, with the time.

use crate::marks::{Mark, Marks};
use async_trait::async_trait;
use calypte_venues::net::{Dial, Stream};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Beginning of the frames that are looked for among those of the market.
const CANDLE: &[u8] = br#"{"channel":"candle""#;
/// What stands in a frame that places orders.
const ORDER: &str = r#""type":"order""#;

/// Dials, and notes what passes.
pub(crate) struct Tapped {
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) marks: Marks,
}

#[async_trait]
impl Dial for Tapped {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let inner = self.dial.dial().await?;
        let marks = self.marks.clone();
        Ok(Box::new(Tap { inner, marks, read: Frames::default(), written: Frames::default(), user: None }))
    }
}

/// A socket that is looked at.
struct Tap {
    inner: Box<dyn Stream>,
    marks: Marks,
    read: Frames,
    written: Frames,
    /// Whose feeds were asked for on it; none: nobody's yet.
    user: Option<String>,
}

impl AsyncRead for Tap {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let at = Instant::now();
        let Self { read, marks, .. } = &mut *self;
        read.take(&buffer.filled()[before..], |frame| {
            if frame.starts_with(CANDLE) {
                marks.note(Mark::Heard { frame, at });
            }
        });
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        let at = Instant::now();
        let Self { written, marks, user, .. } = &mut *self;
        written.take(&bytes[..count], |frame| {
            let frame = String::from_utf8_lossy(&frame);
            if user.is_none() {
                *user = user_of(&frame);
            } else if places_orders(&frame)
                && let Some(user) = user
            {
                marks.note(Mark::Written { user: user.clone(), frame: frame.into_owned(), at });
            }
        });
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Whether a frame of a client places orders.
pub(crate) fn places_orders(frame: &str) -> bool {
    frame.contains(ORDER)
}

/// Whose feed a frame asks for.
fn user_of(frame: &str) -> Option<String> {
    let (_, user) = frame.split_once(r#""user":""#)?;
    user.split_once('"').map(|(user, _)| user.to_owned())
}

/// Payloads out of one direction of a WebSocket, after its handshake.
#[derive(Debug, Default)]
struct Frames {
    bytes: Vec<u8>,
    is_shaken: bool,
}

impl Frames {
    fn take(&mut self, bytes: &[u8], mut each: impl FnMut(Vec<u8>)) {
        self.bytes.extend_from_slice(bytes);
        if !self.is_shaken {
            let end = self.bytes.windows(4).position(|four| four == b"\r\n\r\n");
            let Some(end) = end else { return };
            self.bytes.drain(..end + 4);
            self.is_shaken = true;
        }
        while let Some((payload, length)) = first(&self.bytes) {
            self.bytes.drain(..length);
            each(payload);
        }
    }
}

/// The payload of the first frame, unmasked, and how many bytes the frame has; none: it is not whole yet.
/// <https://www.rfc-editor.org/rfc/rfc6455#section-5.2>
fn first(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let second = *bytes.get(1)?;
    let (length, mut at) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
        short => (usize::from(short), 2),
    };
    let mut mask = [0; 4];
    if second & 0x80 != 0 {
        mask.copy_from_slice(bytes.get(at..at + 4)?);
        at += 4;
    }
    let payload = bytes.get(at..at.checked_add(length)?)?;
    Some((payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect(), at + length))
}
