//! What happens between candles: trades, quotes, books and funding rates, merged into one order of true time.
//!
//! At one moment trades come before quotes, and quotes before books, since a book shows what trades left; then by instrument.
//! Funding has a place of its own in the moment: after the fills of the candles that close then and before anybody hears of
//! these.

use crate::source::{BATCH_MAX, SourceError};
use calypte_kernel::{Book, Decimal, InstrumentId, MarketEvent, Quote, Timestamp, Trade};
use std::collections::VecDeque;
use std::sync::Arc;

/// Most tick sources of a run.
pub const TICK_SOURCES_MAX: usize = 256;

/// A stream of one kind of tick of one instrument, oldest first.
pub trait TickSource: Send {
    /// Appends the next ticks to `batch`, at most [`BATCH_MAX`]. False: the stream has ended and nothing was added.
    ///
    /// # Errors
    /// Where the data cannot be read or is not fit for use. The stream is then over.
    fn next_batch(&mut self, batch: &mut Vec<Tick>) -> Result<bool, SourceError>;
}

/// Something that happens at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tick {
    /// Funding is due.
    Funding(FundingRate),
    /// Somebody traded.
    Trade(Trade),
    /// The best bid or offer is new.
    Quote(Quote),
    /// A snapshot of the book.
    Book(Box<Book>),
}

/// A rate at which funding is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundingRate {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// When it is due.
    pub time: Timestamp,
    /// The rate, a fraction of the notional; positive: who is long pays.
    pub rate: Decimal,
}

/// A kind of tick; in this order they follow one another at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TickKind {
    /// Funding rates.
    Funding,
    /// Public trades.
    Trades,
    /// Best bids and offers.
    Quotes,
    /// Books.
    Book,
}

/// A source with what comes from it.
pub struct TickFeed {
    /// Of which instrument; the ticks say the same.
    pub instrument: InstrumentId,
    /// Of which kind; all ticks of the source are.
    pub kind: TickKind,
    /// Where they come from.
    pub source: Box<dyn TickSource>,
}

impl std::fmt::Debug for TickFeed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "TickFeed({:?} of {})", self.kind, self.instrument)
    }
}

impl Tick {
    /// When.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Funding(funding) => funding.time,
            Self::Trade(trade) => trade.time,
            Self::Quote(quote) => quote.time,
            Self::Book(book) => book.time,
        }
    }

    /// What strategies hear; none of funding, which concerns the account.
    pub(crate) fn into_market(self) -> Option<MarketEvent> {
        match self {
            Self::Funding(_) => None,
            Self::Trade(trade) => Some(MarketEvent::Trade(trade)),
            Self::Quote(quote) => Some(MarketEvent::Quote(quote)),
            Self::Book(book) => Some(MarketEvent::Book(book)),
        }
    }
}

impl std::fmt::Display for TickKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Funding => "funding",
            Self::Trades => "trades",
            Self::Quotes => "quotes",
            Self::Book => "book",
        })
    }
}

/// Ticks in memory, shared between runs.
#[derive(Debug, Clone)]
pub struct MemoryTicks {
    ticks: Arc<[Tick]>,
    next: usize,
}

impl MemoryTicks {
    /// Over ticks in time order.
    pub const fn new(ticks: Arc<[Tick]>) -> Self {
        Self { ticks, next: 0 }
    }
}

impl TickSource for MemoryTicks {
    fn next_batch(&mut self, batch: &mut Vec<Tick>) -> Result<bool, SourceError> {
        let end = self.ticks.len().min(self.next + BATCH_MAX);
        let slice = &self.ticks[self.next..end];
        self.next = end;
        batch.extend_from_slice(slice);
        Ok(!slice.is_empty())
    }
}

/// Why the merge cannot go on.
#[derive(Debug)]
pub(crate) enum BrokenTicks {
    Source { instrument: InstrumentId, kind: TickKind, cause: SourceError },
    OutOfOrder { instrument: InstrumentId, kind: TickKind, time: Timestamp, known_until: Timestamp },
}

/// The merge of several sources.
pub(crate) struct Ticks {
    lanes: Vec<Lane>,
    /// Ticks from then on are not part of the run.
    to: Timestamp,
}

struct Lane {
    feed: TickFeed,
    queue: VecDeque<Tick>,
    batch: Vec<Tick>,
    /// Time of the latest tick read.
    known_until: Timestamp,
}

impl Ticks {
    pub(crate) fn new(mut feeds: Vec<TickFeed>, to: Timestamp) -> Self {
        feeds.sort_by_key(|feed| (feed.kind, feed.instrument));
        let known_until = Timestamp::from_millis(i64::MIN);
        let lanes = feeds.into_iter().map(|feed| Lane { feed, queue: VecDeque::new(), batch: Vec::new(), known_until });
        Self { lanes: lanes.collect(), to }
    }

    /// Reads the first ticks.
    pub(crate) fn begin(&mut self) -> Result<(), BrokenTicks> {
        (0..self.lanes.len()).try_for_each(|lane| self.load(lane))
    }

    /// When the next tick is.
    pub(crate) fn peek(&self) -> Option<Timestamp> {
        self.first().map(|(_, time)| time)
    }

    /// Takes it.
    pub(crate) fn pop(&mut self) -> Result<Option<Tick>, BrokenTicks> {
        let Some((lane, _)) = self.first() else { return Ok(None) };
        let tick = self.lanes[lane].queue.pop_front();
        if self.lanes[lane].queue.is_empty() {
            self.load(lane)?;
        }
        Ok(tick)
    }

    fn first(&self) -> Option<(usize, Timestamp)> {
        let heads = self.lanes.iter().enumerate().filter_map(|(place, lane)| Some((place, lane.queue.front()?.time())));
        // The first of equals: lanes stand in their order.
        heads.min_by_key(|(_, time)| *time)
    }

    fn load(&mut self, lane: usize) -> Result<(), BrokenTicks> {
        let Lane { feed: TickFeed { instrument, kind, source }, queue, batch, known_until } = &mut self.lanes[lane];
        let (instrument, kind) = (*instrument, *kind);
        let more = source.next_batch(batch).map_err(|cause| BrokenTicks::Source { instrument, kind, cause })?;
        if !more {
            return Ok(());
        }
        for tick in batch.drain(..) {
            let time = tick.time();
            if time < *known_until || (kind == TickKind::Funding && time == *known_until) {
                return Err(BrokenTicks::OutOfOrder { instrument, kind, time, known_until: *known_until });
            }
            *known_until = time;
            if time < self.to {
                queue.push_back(tick);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{number, price};
    use calypte_kernel::{Side, Size};

    fn trade(instrument: u32, millis: i64) -> Tick {
        let size = Size::new(number("1")).expect("positive");
        let (instrument, time) = (InstrumentId::new(instrument), Timestamp::from_millis(millis));
        Tick::Trade(Trade { instrument, time, price: price("100"), size, taker: Side::Buy })
    }

    fn feed(instrument: u32, kind: TickKind, ticks: Vec<Tick>) -> TickFeed {
        TickFeed { instrument: InstrumentId::new(instrument), kind, source: Box::new(MemoryTicks::new(ticks.into())) }
    }

    fn funding(millis: i64) -> Tick {
        let rate = number("0.0001");
        Tick::Funding(FundingRate { instrument: InstrumentId::new(0), time: Timestamp::from_millis(millis), rate })
    }

    #[test]
    fn ticks_of_several_sources_come_in_one_order_and_end_before_the_end() {
        let first = (0..1000).map(|at| trade(0, at * 2)).collect();
        let second = (0..1000).map(|at| trade(1, at * 3)).collect();
        let feeds = vec![feed(1, TickKind::Trades, second), feed(0, TickKind::Trades, first)];
        let mut ticks = Ticks::new(feeds, Timestamp::from_millis(600));
        ticks.begin().expect("in order");
        let mut seen = Vec::new();
        while let Some(tick) = ticks.pop().expect("in order") {
            let Tick::Trade(trade) = tick else { panic!("only trades") };
            seen.push((trade.time, trade.instrument));
        }
        assert_eq!(seen.len(), 300 + 200);
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn what_goes_back_in_time_is_a_fault_and_funding_is_due_once() {
        let broken = |kind, ticks| Ticks::new(vec![feed(0, kind, ticks)], Timestamp::MAX).begin().is_err();
        assert!(broken(TickKind::Trades, vec![trade(0, 5), trade(0, 4)]));
        assert!(!broken(TickKind::Trades, vec![trade(0, 5), trade(0, 5)]));
        assert!(broken(TickKind::Funding, vec![funding(5), funding(5)]));
    }
}
