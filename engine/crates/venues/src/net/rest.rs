//! Requests over HTTP/1.1: a few connections that are kept open, and one request at a time on each.
//!
//! What went wrong is sorted by whether the other side may have looked at the request, since that decides about sending it again.

use super::{Dial, Stream, Tied};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// Connections that are kept open for the next request.
const IDLE_MAX: usize = 4;
/// Most bytes of what the other side calls itself and its headers.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// It never left us: safe to send again.
    #[error("not sent: {0}")]
    NotSent(io::Error),
    /// It may have been looked at.
    #[error("no reply: {0}")]
    Lost(String),
    /// It may have been looked at.
    #[error("no reply after {waited_ms} ms")]
    Slow {
        /// How long was waited.
        waited_ms: u128,
    },
    /// It was looked at, and the reply is longer than is read.
    #[error("a reply of more than {most} bytes")]
    TooLarge {
        /// What is read at most.
        most: usize,
    },
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
}

/// An open connection.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Moves its bytes.
    _task: Tied,
}

/// Requests to one place.
pub struct Rest {
    dial: Arc<dyn Dial>,
    authority: String,
    reply_bytes_max: usize,
    idle: Mutex<Vec<Connection>>,
}

impl Rest {
    /// One that reads replies up to a length.
    pub fn new(dial: Arc<dyn Dial>, authority: String, reply_bytes_max: usize) -> Self {
        Self { dial, authority, reply_bytes_max, idle: Mutex::default() }
    }

    /// Posts JSON to a path that can stand in a request, and waits so long for all of the reply.
    ///
    /// # Errors
    /// Where there is no reply, or one that is too large. A reply that says no is a reply.
    pub async fn post(&self, path: &str, json: Bytes, wait: Duration) -> Result<Reply, RestError> {
        let mut sent = false;
        match timeout(wait, self.exchange(path, json, &mut sent)).await {
            Ok(replied) => replied,
            Err(_) if sent => Err(RestError::Slow { waited_ms: wait.as_millis() }),
            Err(_) => Err(RestError::NotSent(io::ErrorKind::TimedOut.into())),
        }
    }

    async fn exchange(&self, path: &str, json: Bytes, sent: &mut bool) -> Result<Reply, RestError> {
        let mut request = self.request(path, json);
        // One that was kept may have been closed meanwhile, which shows when it is used: then nothing was sent.
        while let Some(mut kept) = self.kept() {
            if kept.sender.ready().await.is_err() {
                continue;
            }
            *sent = true;
            match kept.sender.try_send_request(request).await {
                Ok(response) => return self.read(kept, response).await,
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(RestError::Lost(error.error().to_string())),
                },
            }
            *sent = false;
        }
        let mut new = self.connect().await.map_err(RestError::NotSent)?;
        *sent = true;
        match new.sender.try_send_request(request).await {
            Ok(response) => self.read(new, response).await,
            Err(mut error) => match error.take_message() {
                Some(_) => Err(RestError::NotSent(io::Error::new(io::ErrorKind::ConnectionAborted, error.into_error()))),
                None => Err(RestError::Lost(error.error().to_string())),
            },
        }
    }

    fn request(&self, path: &str, json: Bytes) -> Request<Full<Bytes>> {
        Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(json))
            .expect("an endpoint is a host, and a path is one")
    }

    async fn connect(&self) -> io::Result<Connection> {
        let stream: Box<dyn Stream> = self.dial.dial().await?;
        let mut builder = Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // How it ends shows in what is asked over it.
        let task = tokio::spawn(async move { drop(connection.await) });
        Ok(Connection { sender, _task: Tied(task) })
    }

    async fn read(&self, connection: Connection, response: Response<Incoming>) -> Result<Reply, RestError> {
        let status = response.status().as_u16();
        let most = self.reply_bytes_max;
        let body = Limited::new(response.into_body(), most).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { RestError::TooLarge { most } } else { RestError::Lost(error.to_string()) }
        })?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX && !connection.sender.is_closed() {
            idle.push(connection);
        }
        Ok(Reply { status, body: body.to_bytes() })
    }

    fn kept(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

#[cfg(test)]
mod tests;
