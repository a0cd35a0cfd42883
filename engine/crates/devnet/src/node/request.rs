//! Requests over either lane, REST or a post on a socket, and what comes back.

use super::Node;
use super::socket::POST;
use crate::faults::{FaultKind, Target};
use calypte_venues::hyperliquid::protocol::Address;
use serde_json::Value;
use std::net::IpAddr;

/// Most bytes of a request.
pub const REQUEST_BYTES_MAX: usize = 2 << 20;
/// What is said of a request that cannot be read.
const UNREADABLE: &str = "Failed to deserialize the JSON body into the target type";
/// The page of a server that has lost the one behind it.
const ERROR_PAGE: &str =
    "<html><head><title>500 Internal Server Error</title></head><body>500 Internal Server Error</body></html>";

/// The answer to a request over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The kind of content.
    pub content_type: &'static str,
    /// The content.
    pub body: String,
    /// How much later it leaves, in milliseconds.
    pub after_ms: u64,
}

/// The way a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// REST.
    Http,
    /// A post. Its answer is a frame, and is struck as one.
    Socket,
}

impl Lane {
    /// The channel of its answers.
    pub(super) const fn channel(self) -> Option<&'static str> {
        match self {
            Self::Http => None,
            Self::Socket => Some(POST),
        }
    }
}

/// What comes of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    /// It was looked at.
    Done {
        /// The answer.
        body: Value,
        /// What was asked.
        kind: String,
        /// How much later it leaves.
        after_ms: u64,
    },
    /// It was not let through, with this status code.
    Refused(u16),
    /// It was not let through, with a page of HTML.
    Page,
    /// It could not be read.
    Unreadable,
    /// There is no answer.
    Never,
}

impl HttpAnswer {
    fn json(status: u16, body: String, after_ms: u64) -> Self {
        Self { status, content_type: "application/json", body, after_ms }
    }
}

impl Node {
    /// Takes a request over HTTP, `POST` of course. None: it is never answered, and its connection ends.
    pub fn post(&mut self, from: IpAddr, path: &str, body: &[u8]) -> Option<HttpAnswer> {
        if !matches!(path, "/info" | "/exchange") {
            return Some(HttpAnswer { status: 404, content_type: "text/plain", body: String::new(), after_ms: 0 });
        }
        let unreadable = HttpAnswer { status: 422, content_type: "text/plain", body: UNREADABLE.to_owned(), after_ms: 0 };
        if body.len() > REQUEST_BYTES_MAX {
            return Some(HttpAnswer { status: 413, body: "length limit exceeded".to_owned(), ..unreadable });
        }
        let Ok(value) = serde_json::from_slice::<Value>(body) else { return Some(unreadable) };
        let reply = if path == "/info" { self.ask(from, &value, Lane::Http) } else { self.act(from, value, Lane::Http) };
        Some(match reply {
            Reply::Done { body, after_ms, .. } => HttpAnswer::json(200, body.to_string(), after_ms),
            Reply::Refused(status) => HttpAnswer::json(status, "null".to_owned(), 0),
            Reply::Page => HttpAnswer { status: 500, content_type: "text/html", body: ERROR_PAGE.to_owned(), after_ms: 0 },
            Reply::Unreadable => unreadable,
            Reply::Never => return None,
        })
    }

    /// What a fault makes of a request before it is looked at.
    pub(super) fn struck_before(&mut self, target: Target<'_>) -> Option<Reply> {
        if self.faults.strikes(self.now, FaultKind::LostRequest, target).is_some() {
            return Some(Reply::Never);
        }
        if self.faults.strikes(self.now, FaultKind::ErrorPage, target).is_some() {
            return Some(Reply::Page);
        }
        self.faults.strikes(self.now, FaultKind::TooMany, target).map(|_| Reply::Refused(429))
    }

    /// What faults make of an answer.
    pub(super) fn struck_after(&mut self, target: Target<'_>, mut body: Value, lane: Lane) -> Reply {
        if self.faults.strikes(self.now, FaultKind::LostAnswer, target).is_some() {
            return Reply::Never;
        }
        let kind = target.name.to_owned();
        let after_ms = self.faults.strikes(self.now, FaultKind::Delay, target).map_or(0, |fault| fault.by_ms);
        if lane == Lane::Socket {
            return Reply::Done { body, kind, after_ms };
        }
        if self.faults.strikes(self.now, FaultKind::Drop, target).is_some() {
            return Reply::Never;
        }
        let missing = self.faults.strikes(self.now, FaultKind::MissingKeys, target);
        let zero = self.faults.strikes(self.now, FaultKind::ZeroSize, target).is_some();
        let unknown = self.faults.strikes(self.now, FaultKind::UnknownKinds, target).is_some();
        self.mangle(&mut body, missing.as_ref(), zero, unknown, target.user);
        Reply::Done { body, kind, after_ms }
    }
}

/// The account that a question or an action names, for faults.
pub(super) fn user_of(value: &Value) -> Option<Address> {
    value.get("user")?.as_str()?.parse().ok()
}
