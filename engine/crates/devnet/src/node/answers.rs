//! Answers to posts that wait: in any order, each at its own time.

use super::SessionId;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Answers by when they leave. There are no more than posts may wait.
#[derive(Debug, Default)]
pub(super) struct Answers {
    waiting: BTreeMap<(u64, u64), (SessionId, IpAddr, String)>,
    count: u64,
}

impl Answers {
    pub(super) fn push(&mut self, leaves: u64, to: SessionId, from: IpAddr, text: String) {
        self.count += 1;
        self.waiting.insert((leaves, self.count), (to, from, text));
    }

    /// The next that may leave now.
    pub(super) fn pop(&mut self, now: u64) -> Option<(SessionId, IpAddr, String)> {
        let first = self.waiting.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    pub(super) fn next_due(&self) -> Option<u64> {
        self.waiting.first_key_value().map(|((leaves, _), _)| *leaves)
    }
}
