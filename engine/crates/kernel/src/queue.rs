//! Events that wait while a hook of their strategy is out.

use crate::{Event, InstrumentId, Timestamp};
use std::collections::VecDeque;

/// Place of an event among those of one time: fills and account first, then funding, then the market, its candles last and
/// those of longer timeframes after shorter ones, then timers, then ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Orders, positions, collateral.
    Account,
    /// Funding.
    Funding,
    /// The state of a feed: a gap comes before what follows it.
    Feed,
    /// Trades, quotes, books, contexts, as they came.
    Market,
    /// Candles.
    Candle {
        /// Longer ones later.
        timeframe_ms: u64,
        /// Then by instrument.
        instrument: InstrumentId,
    },
    /// Timers of the strategy.
    Timer,
    /// The clock.
    Tick,
}

/// An event with its place.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// When the core learnt of it.
    pub(crate) time: Timestamp,
    pub(crate) rank: Rank,
    pub(crate) event: Event,
}

/// The queue of one strategy.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    waiting: VecDeque<Waiting>,
    /// Quotes, books and contexts that a newer one took the place of.
    replaced: u64,
}

/// The queue is as long as it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl EventQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many events a newer one took the place of.
    pub(crate) const fn replaced(&self) -> u64 {
        self.replaced
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Forgets all but what happened to the account.
    pub(crate) fn keep_account(&mut self) {
        self.waiting.retain(|waiting| matches!(waiting.rank, Rank::Account | Rank::Funding));
    }

    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        self.waiting.pop_front()
    }

    /// Whether the same timer or the clock waits already: one that fires faster than its strategy answers is not queued twice.
    pub(crate) fn has_timer(&self, event: &Event) -> bool {
        let Event::Timer(timer) = event else { return false };
        self.waiting.iter().any(|waiting| matches!(&waiting.event, Event::Timer(other) if other.source == timer.source))
    }

    /// Puts an event behind those that go before it. Of quotes, books and contexts only the newest of an instrument stays.
    pub(crate) fn push(&mut self, new: Waiting, queue_max: usize) -> Result<(), Full> {
        if let Some(place) = self.waiting.iter().position(|old| is_replaced_by(&old.event, &new.event)) {
            self.waiting.remove(place);
            self.replaced += 1;
        }
        if self.waiting.len() >= queue_max {
            return Err(Full);
        }
        let goes_before = |waiting: &Waiting| (waiting.time, waiting.rank) <= (new.time, new.rank);
        let behind = self.waiting.iter().rev().take_while(|waiting| !goes_before(waiting)).count();
        self.waiting.insert(self.waiting.len() - behind, new);
        Ok(())
    }
}

/// Whether a newer event makes an older one pointless.
fn is_replaced_by(old: &Event, new: &Event) -> bool {
    match (old, new) {
        (Event::Quote(old), Event::Quote(new)) => old.instrument == new.instrument,
        (Event::Book(old), Event::Book(new)) => old.instrument == new.instrument,
        (Event::Context(old), Event::Context(new)) => old.instrument == new.instrument,
        _ => false,
    }
}
