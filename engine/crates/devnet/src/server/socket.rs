//! One socket: frames in, frames out, until either side ends it.

use super::owner::{Command, Place};
use crate::node::OutKind;
use futures_util::{SinkExt as _, StreamExt as _};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// How long a client has to answer a close frame.
const CLOSE_SECONDS_MAX: u64 = 1;

/// Serves a socket to its end. When this returns without a close frame, the connection just ends.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: WebSocketStream<S>,
    mut place: Place,
    commands: &mpsc::Sender<Command>,
) {
    loop {
        let out = tokio::select! {
            // A fixed order: what is to be sent is sent before more is read.
            biased;
            // The only answer to this is silence.
            _ = &mut place.cut => return,
            out = place.frames.recv() => match out {
                Some(out) => out,
                None => return,
            },
            frame = stream.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    let text = text.as_str().to_owned();
                    if commands.send(Command::Receive { id: place.id, text }).await.is_err() {
                        return;
                    }
                    continue;
                }
                // Pings are answered beneath; binary frames are nothing that the exchange reads.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
        };
        match out {
            OutKind::Text(text) => tokio::select! {
                biased;
                _ = &mut place.cut => return,
                sent = stream.send(Message::text(text)) => if sent.is_err() {
                    return;
                },
            },
            OutKind::Close { code, reason } => return close(stream, code, reason).await,
            OutKind::Cut => return,
        }
    }
}

/// Says goodbye, and waits a little for the answer. A client that is gone already is not missed.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(mut stream: WebSocketStream<S>, code: u16, reason: &'static str) {
    let goodbye = async {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        drop(stream.close(Some(frame)).await);
        while let Some(Ok(_)) = stream.next().await {}
    };
    drop(tokio::time::timeout(Duration::from_secs(CLOSE_SECONDS_MAX), goodbye).await);
}
