//! A connection of the driver's: its life, its socket, and what could not be read of it.

use crate::connector::{ConnectionHealth, News, Notice};
use crate::hyperliquid::protocol::ParseError;
use crate::hyperliquid::supervise::Supervisor;
use crate::net::Socket;
use calypte_kernel::Timestamp;

/// How often it is told at most that messages cannot be read.
const UNREADABLE_TOLD_MS: u64 = 10_000;

/// A connection.
pub(super) struct Link {
    pub(super) name: &'static str,
    pub(super) supervisor: Supervisor,
    /// The socket there is, with its number; what comes of others is old.
    pub(super) socket: Option<(u64, Socket)>,
    /// Whether one of its feeds was refused: there was no room for it.
    pub(super) refused: bool,
    unreadable: u64,
    told: Option<Timestamp>,
}

impl Link {
    pub(super) fn new(name: &'static str, now: Timestamp) -> Self {
        Self { name, supervisor: Supervisor::new(now), socket: None, refused: false, unreadable: 0, told: None }
    }

    pub(super) fn number(&self) -> Option<u64> {
        self.socket.as_ref().map(|(number, _)| *number)
    }

    /// Notes a message that cannot be read; told once in a while.
    pub(super) fn unreadable(&mut self, now: Timestamp, error: &ParseError) -> Option<News> {
        self.unreadable = self.unreadable.saturating_add(1);
        if self.told.is_some_and(|told| now.millis_since(told) < UNREADABLE_TOLD_MS) {
            return None;
        }
        self.told = Some(now);
        let count = std::mem::take(&mut self.unreadable);
        Some(News::Notice(Notice::Unreadable { connection: self.name, count, why: error.to_string() }))
    }

    pub(super) fn health(&self) -> ConnectionHealth {
        ConnectionHealth { name: self.name, is_live: self.supervisor.is_whole(), heard: self.supervisor.heard() }
    }
}
