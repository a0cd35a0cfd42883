//! What the hub did so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of a hub. Whoever watches reads them while it works.
#[derive(Debug, Default)]
pub struct HubTally {
    read: AtomicU64,
    acknowledged: AtomicU64,
    replaced: AtomicU64,
    age_ms: AtomicU64,
}

impl HubTally {
    /// Entries that were read.
    pub fn entries(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Entries that were acknowledged.
    pub fn acknowledged_entries(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Quotes, books and contexts that an account had no room for.
    pub fn replaced_events(&self) -> u64 {
        self.replaced.load(Ordering::Relaxed)
    }

    /// Milliseconds from hearing the oldest event of the last read at the exchange's socket to delivering it.
    pub fn age_ms(&self) -> u64 {
        self.age_ms.load(Ordering::Relaxed)
    }

    pub(super) fn read(&self, entries: usize, age_ms: Option<u64>) {
        self.read.fetch_add(entries as u64, Ordering::Relaxed);
        if let Some(age_ms) = age_ms {
            self.age_ms.store(age_ms, Ordering::Relaxed);
        }
    }

    pub(super) fn acknowledged(&self, entries: u64) {
        self.acknowledged.fetch_add(entries, Ordering::Relaxed);
    }

    pub(super) fn replaced(&self) {
        self.replaced.fetch_add(1, Ordering::Relaxed);
    }
}
