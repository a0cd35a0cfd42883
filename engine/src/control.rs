//! What a long piece of work and whoever watches it share: how far it has come, and whether it should end early.
//!
//! Plain relaxed atomics: the worker writes them every few thousand events at no cost, a progress bar reads them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Progress of a run or a sweep, and the wish to end it.
#[derive(Debug, Default)]
pub struct Control {
    done: AtomicU64,
    total: AtomicU64,
    cancelled: AtomicBool,
}

impl Control {
    /// Says how much there is to do, in whatever unit `advance` counts; zero: unknown.
    pub fn expect(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    /// Some more is done.
    pub fn advance(&self, by: u64) {
        self.done.fetch_add(by, Ordering::Relaxed);
    }

    /// So much is done, whatever was said before.
    pub fn reach(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }

    /// What is done, and of how much; zero: unknown.
    pub fn position(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// Asks the work to end as soon as it can, with what it has.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it should end.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
