//! One WebSocket connection: a task that dials, shakes hands, and moves messages until the connection ends.
//!
//! What comes goes into a channel that its owner reads; where that is full, nothing more is read. What goes out is taken from a
//! queue that never waits: a connection that does not take what is sent is no connection.

use super::{Dial, Stream, Tied};
use crate::ambient::Ambient;
use calypte_kernel::Timestamp;
use futures_util::{SinkExt as _, StreamExt as _};
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Most messages that wait to be sent.
pub const OUTGOING_MAX: usize = 512;
/// Most bytes that wait in the connection itself.
const UNSENT_BYTES_MAX: usize = 4 << 20;
/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;
/// Most characters of what the other side says about the end.
const WORDS_MAX: usize = 200;

/// Something of a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum SocketNews {
    /// It is open.
    Opened,
    /// A message of text.
    Text(Utf8Bytes),
    /// It is over, or did not come up. Nothing comes after it.
    Ended(SocketEnd),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SocketEnd {
    /// Nobody answered, or could not prove who they are.
    #[error("no connection: {0}")]
    NotConnected(String),
    /// The other side does not speak WebSocket with us.
    #[error("no handshake: {0}")]
    NoHandshake(String),
    /// The other side closed it, in order.
    #[error("closed by the other side ({code}): {reason:?}")]
    Closed {
        /// Its code; 1005: none was given.
        code: u16,
        /// Its reason; often none.
        reason: String,
    },
    /// It broke.
    #[error("broken: {0}")]
    Broken(String),
    /// A message was longer than is read.
    #[error("a message of more than {most} bytes")]
    TooLarge {
        /// What is read at most.
        most: usize,
    },
    /// A text was none, or a message was not text.
    #[error("a message that is no text")]
    NotText,
    /// A frame made no sense.
    #[error("not WebSocket: {0}")]
    Protocol(String),
}

impl SocketEnd {
    /// Whether the other side said why: then nothing that we asked for is to blame.
    pub fn is_explained(&self) -> bool {
        matches!(self, Self::Closed { reason, .. } if !reason.is_empty())
    }
}

/// News of one of several connections, with the time at which they were read.
#[derive(Debug, PartialEq, Eq)]
pub struct SocketReport {
    /// Which connection, by the number that its owner gave it.
    pub number: u64,
    /// When.
    pub received: Timestamp,
    /// What.
    pub news: SocketNews,
}

/// Where a connection goes.
#[derive(Clone)]
pub struct Target {
    /// Opens it.
    pub dial: Arc<dyn Dial>,
    /// Host and port as the handshake names them.
    pub authority: String,
    /// Path of the handshake, with its slash.
    pub path: &'static str,
    /// Longest message that is read, in bytes.
    pub message_bytes_max: usize,
}

/// A connection. It ends when this is dropped.
#[derive(Debug)]
pub struct Socket {
    outgoing: mpsc::Sender<Utf8Bytes>,
    _task: Tied,
}

impl Socket {
    /// Opens one. What becomes of it goes into the channel, under its number.
    pub fn open(number: u64, target: Target, ambient: Arc<dyn Ambient>, reports: mpsc::Sender<SocketReport>) -> Self {
        let (outgoing, queue) = mpsc::channel(OUTGOING_MAX);
        let task = tokio::spawn(async move {
            let report = |news| SocketReport { number, received: ambient.now(), news };
            let end = match shake_hands(&target).await {
                Ok(stream) => match reports.send(report(SocketNews::Opened)).await {
                    Ok(()) => run(stream, &target, queue, &reports, report).await,
                    // Nobody listens any more.
                    Err(_) => return,
                },
                Err(end) => end,
            };
            drop(reports.send(report(SocketNews::Ended(end))).await);
        });
        Self { outgoing, _task: Tied(task) }
    }

    /// Sends a text. False where too many wait already: the connection is to be given up.
    pub fn send(&self, text: String) -> bool {
        self.outgoing.try_send(text.into()).is_ok()
    }
}

type Connection = WebSocketStream<Box<dyn Stream>>;

async fn shake_hands(target: &Target) -> Result<Connection, SocketEnd> {
    let stream = target.dial.dial().await.map_err(|error: io::Error| SocketEnd::NotConnected(words(&error)))?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .max_write_buffer_size(UNSENT_BYTES_MAX)
        .max_message_size(Some(target.message_bytes_max))
        .max_frame_size(Some(target.message_bytes_max));
    // The scheme says nothing here: whether there is TLS was settled when it was dialled.
    let request = format!("ws://{}{}", target.authority, target.path);
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((connection, _)) => Ok(connection),
        Err(error) => Err(SocketEnd::NoHandshake(words(&error))),
    }
}

async fn run(
    stream: Connection,
    target: &Target,
    mut queue: mpsc::Receiver<Utf8Bytes>,
    reports: &mpsc::Sender<SocketReport>,
    report: impl Fn(SocketNews) -> SocketReport,
) -> SocketEnd {
    let (mut sink, mut stream) = stream.split();
    let mut held = None;
    loop {
        tokio::select! {
            biased;
            text = queue.recv() => match text {
                Some(text) => if let Err(error) = sink.send(Message::Text(text)).await {
                    return ended(&error, target);
                },
                None => return SocketEnd::Broken("given up".into()),
            },
            permit = reports.reserve(), if held.is_some() => match permit {
                Ok(permit) => if let Some(report) = held.take() {
                    permit.send(report);
                },
                Err(_) => return SocketEnd::Broken("given up".into()),
            },
            message = stream.next(), if held.is_none() => match message {
                Some(Ok(Message::Text(text))) => held = Some(report(SocketNews::Text(text))),
                Some(Ok(Message::Binary(_))) => return SocketEnd::NotText,
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = frame.map_or((1005, String::new()), |frame| (frame.code.into(), words(&frame.reason)));
                    return SocketEnd::Closed { code, reason };
                }
                // Answered by itself.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return ended(&error, target),
                None => return SocketEnd::Broken("the stream ended".into()),
            },
        }
    }
}

fn ended(error: &Error, target: &Target) -> SocketEnd {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => SocketEnd::TooLarge { most: target.message_bytes_max },
        Error::Utf8(_) => SocketEnd::NotText,
        Error::Protocol(error) => SocketEnd::Protocol(words(error)),
        other => SocketEnd::Broken(words(other)),
    }
}

fn words(of: &impl ToString) -> String {
    of.to_string().chars().take(WORDS_MAX).collect()
}

#[cfg(test)]
mod tests;
