//! Where candles come from: streams of one series each, in time order and in bounded batches.
//!
//! A source knows nothing of the others; the backtest merges them. File readers live outside this crate, the source over
//! candles already in memory lives here. Whoever makes a source has checked its candles; the merge checks only their order,
//! because a run in the wrong order would be silently wrong.

use calypte_kernel::{Candle, FeedChange, Timestamp};
use std::sync::Arc;

/// Most items that a source adds in one call. Small enough that a batch stays in the processor's cache.
pub const BATCH_MAX: usize = 256;

/// A stream of one candle series, oldest first.
pub trait CandleSource: Send {
    /// Appends the next items to `batch`, at most [`BATCH_MAX`]. False: the stream has ended and nothing was added.
    ///
    /// # Errors
    /// Where the data cannot be read or is not fit for use. The stream is then over.
    fn next_batch(&mut self, batch: &mut Vec<SourceItem>) -> Result<bool, SourceError>;

    /// All of its items that are still to come, where they are in memory and nothing can fail any more; then nothing else is asked of
    /// it. A run then reads them where they lie.
    fn whole(&mut self) -> Option<(Arc<[SourceItem]>, usize)> {
        None
    }
}

/// What a source yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceItem {
    /// A closed candle. Each opens later than the one before it.
    Candle(Candle),
    /// A note that candles are missing, in the place where they are missing: after the candle before the hole and before the
    /// one behind it.
    Gap(Gap),
}

/// Candles that are missing and will not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Open time of the first missing candle.
    pub start: Timestamp,
    /// Open time of the first candle that is there again.
    pub end: Timestamp,
    /// How many are missing; 0 where it cannot be known.
    pub missing: u32,
}

impl From<Gap> for FeedChange {
    fn from(gap: Gap) -> Self {
        Self::Gap { start: gap.start, end: gap.end, missing: gap.missing }
    }
}

/// Why a source gives nothing more.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The data itself is at fault: mend it, or choose another policy for faults.
    #[error("{name} is not fit for use")]
    Data {
        /// The source: a file with its line where there is one.
        name: String,
        /// What is wrong, with the value.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The data could not be reached: a device or a file failed. The same call may work later.
    #[error("reading {name}")]
    Unreadable {
        /// The source.
        name: String,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
}

/// Candles in memory, shared between runs. Gaps are not noted: give a source of its own where they matter.
#[derive(Debug, Clone)]
pub struct MemorySource {
    candles: Arc<[Candle]>,
    next: usize,
}

impl MemorySource {
    /// Over candles in time order.
    pub const fn new(candles: Arc<[Candle]>) -> Self {
        Self { candles, next: 0 }
    }
}

impl CandleSource for MemorySource {
    fn next_batch(&mut self, batch: &mut Vec<SourceItem>) -> Result<bool, SourceError> {
        let end = self.candles.len().min(self.next + BATCH_MAX);
        let slice = &self.candles[self.next..end];
        self.next = end;
        batch.extend(slice.iter().map(|candle| SourceItem::Candle(*candle)));
        Ok(!slice.is_empty())
    }
}

/// Items in memory: candles with gap notes between them.
#[derive(Debug, Clone)]
pub struct ItemSource {
    items: Arc<[SourceItem]>,
    next: usize,
}

impl ItemSource {
    /// Over items in time order.
    pub const fn new(items: Arc<[SourceItem]>) -> Self {
        Self { items, next: 0 }
    }
}

impl CandleSource for ItemSource {
    fn next_batch(&mut self, batch: &mut Vec<SourceItem>) -> Result<bool, SourceError> {
        let end = self.items.len().min(self.next + BATCH_MAX);
        let slice = &self.items[self.next..end];
        self.next = end;
        batch.extend_from_slice(slice);
        Ok(!slice.is_empty())
    }

    fn whole(&mut self) -> Option<(Arc<[SourceItem]>, usize)> {
        Some((Arc::clone(&self.items), self.next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::flat;

    #[test]
    fn memory_comes_in_bounded_batches_and_in_order() {
        let count = BATCH_MAX * 2 + 3;
        let candles = (0..count).map(|minute| flat(i64::try_from(minute).expect("small"), "1")).collect::<Arc<[_]>>();
        let mut source = MemorySource::new(Arc::clone(&candles));
        let (mut all, mut calls) = (Vec::new(), 0);
        loop {
            let before = all.len();
            let more = source.next_batch(&mut all).expect("memory does not fail");
            assert!(all.len() - before <= BATCH_MAX);
            assert_eq!(more, all.len() > before);
            if !more {
                break;
            }
            calls += 1;
        }
        assert_eq!(calls, 3);
        assert!(all.iter().zip(candles.iter()).all(|(item, candle)| *item == SourceItem::Candle(*candle)));
        assert_eq!(all.len(), count);
    }
}
