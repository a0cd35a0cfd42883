//! Makes events of the core from entries: of each stream in order and each once, with a gap wherever something is missing.
//!
//! An entry is new if its id is above those before it. Whether something is missing between two entries, their numbers say, and
//! of candles their times: what was trimmed, lost by a server, or cannot be read leaves the same hole. Which hole matters to
//! whom, and whether it is filled from elsewhere, is the caller's business.

#[cfg(test)]
mod tests;

use super::message::{MarketEntry, Said};
use crate::bus::{BadEntry, Entry, EntryId, StreamName, Topic};
use calypte_kernel::{Book, Context, Feed, FeedChange, InstrumentId, MarketEvent, Quote, Timeframe, Timestamp, Trade};
use std::collections::BTreeMap;

/// An event for the core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The stream that it came by.
    pub stream: StreamName,
    /// The entry that it came with, to be acknowledged when the event is journalled; none: it was found out here.
    pub id: Option<EntryId>,
    /// The event.
    pub event: MarketEvent,
    /// When it was so at the exchange.
    pub time: Timestamp,
    /// Milliseconds from hearing it to delivering it.
    pub age_ms: u64,
}

/// What was not delivered, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReaderTally {
    /// Handed out before.
    pub repeated: u64,
    /// Cannot be read; each is part of a gap.
    pub bad: u64,
    /// Of streams that were not asked for.
    pub unknown: u64,
    /// Gaps found here.
    pub gaps: u64,
}

/// Reads streams.
#[derive(Debug)]
pub struct Reader {
    lanes: BTreeMap<StreamName, Lane>,
    /// After how long without any sign of life a feed is stale.
    silence_ms: u64,
    /// What may be acknowledged.
    done: BTreeMap<StreamName, Vec<EntryId>>,
    tally: ReaderTally,
}

/// One stream.
#[derive(Debug)]
struct Lane {
    feed: Feed,
    instrument: InstrumentId,
    /// The last entry taken; none: whatever comes is the first.
    last: Option<(EntryId, u64)>,
    /// Up to when the feed is known: the exchange's time of the last entry, of candles the end of the last.
    until: Option<Timestamp>,
    /// When something came last, or the stream was begun.
    heard: Timestamp,
    is_stale: bool,
}

/// The place of an event among others: exchange time, then ticks before candles, shorter candles before longer.
type Place = (Timestamp, u64, StreamName);

impl Reader {
    /// One without a stream yet. A feed is stale after so many milliseconds without even a heartbeat, one of candles not before
    /// their length is over: there is one heartbeat between two.
    pub fn new(silence_ms: u64) -> Self {
        Self { lanes: BTreeMap::new(), silence_ms, done: BTreeMap::new(), tally: ReaderTally::default() }
    }

    /// Begins a stream. `last` is the last entry that was taken before, with its number, and `until` up to when the feed is known
    /// by it: from the journal, or none.
    pub fn begin(
        &mut self,
        now: Timestamp,
        stream: StreamName,
        (feed, instrument): (Feed, InstrumentId),
        last: Option<(EntryId, u64)>,
        until: Option<Timestamp>,
    ) {
        self.lanes.insert(stream, Lane { feed, instrument, last, until, heard: now, is_stale: false });
    }

    /// Ends a stream. What is not acknowledged of it stays so.
    pub fn end(&mut self, stream: &StreamName) {
        self.lanes.remove(stream);
        self.done.remove(stream);
    }

    /// The streams that are read, for the next call to the bus.
    pub fn streams(&self) -> Vec<StreamName> {
        self.lanes.keys().cloned().collect()
    }

    /// The last entry taken from a stream and its number: where to join again if the group is gone.
    pub fn last(&self, stream: &StreamName) -> Option<(EntryId, u64)> {
        self.lanes.get(stream)?.last
    }

    /// Takes entries as the bus brought them; gives events in the order of the core.
    pub fn take(&mut self, now: Timestamp, entries: Vec<Entry>) -> Vec<Delivered> {
        let mut placed: Vec<(Place, Delivered)> = Vec::with_capacity(entries.len());
        let mut latest: BTreeMap<StreamName, Timestamp> = BTreeMap::new();
        let mut events = Vec::new();
        for entry in entries {
            let stream = entry.stream.clone();
            self.entry(now, entry, &mut events);
            for event in events.drain(..) {
                // Times of a stream may step back; its order does not.
                let time = latest.get(&stream).map_or(event.time, |latest| event.time.max(*latest));
                latest.insert(stream.clone(), time);
                placed.push(((time, rank(stream.topic()), stream.clone()), event));
            }
        }
        placed.sort_by(|(one, _), (other, _)| one.cmp(other));
        placed.into_iter().map(|(_, event)| event).collect()
    }

    /// Says which feeds have been silent for too long.
    pub fn wake(&mut self, now: Timestamp) -> Vec<Delivered> {
        let mut stale = Vec::new();
        for (stream, lane) in &mut self.lanes {
            let silence_ms = match stream.topic() {
                Topic::Candles(timeframe) => self.silence_ms.max(timeframe.as_millis()),
                _ => self.silence_ms,
            };
            if !lane.is_stale && now.millis_since(lane.heard) > silence_ms {
                lane.is_stale = true;
                let event = MarketEvent::Feed { feed: lane.feed, change: FeedChange::Stale };
                stale.push(Delivered { stream: stream.clone(), id: None, event, time: now, age_ms: 0 });
            }
        }
        stale
    }

    /// Notes that the event of an entry is journalled.
    pub fn journalled(&mut self, stream: &StreamName, id: EntryId) {
        self.acknowledge(stream, id);
    }

    /// What may be acknowledged now.
    pub fn acknowledgements(&mut self) -> Vec<(StreamName, Vec<EntryId>)> {
        std::mem::take(&mut self.done).into_iter().collect()
    }

    /// What was not delivered so far.
    pub const fn tally(&self) -> ReaderTally {
        self.tally
    }

    fn acknowledge(&mut self, stream: &StreamName, id: EntryId) {
        match self.done.get_mut(stream) {
            Some(done) => done.push(id),
            None => _ = self.done.insert(stream.clone(), vec![id]),
        }
    }

    fn entry(&mut self, now: Timestamp, entry: Entry, events: &mut Vec<Delivered>) {
        let Entry { stream, id, content } = entry;
        let Some(lane) = self.lanes.get_mut(&stream) else {
            self.tally.unknown = self.tally.unknown.saturating_add(1);
            return;
        };
        lane.heard = now;
        let is_repeated = lane.last.is_some_and(|(last, _)| id <= last);
        let read = content.and_then(|content| Ok((content.number, MarketEntry::read(&content, stream.topic())?)));
        let Some((number, entry)) = self.sound(&stream, id, is_repeated, read) else { return };
        let Some(lane) = self.lanes.get_mut(&stream) else { return };
        if lane.is_stale {
            lane.is_stale = false;
            let event = MarketEvent::Feed { feed: lane.feed, change: FeedChange::Recovered };
            events.push(Delivered { stream: stream.clone(), id: None, event, time: entry.time, age_ms: 0 });
        }
        if let Some(gap) = lane.gap_before(stream.topic(), number, &entry) {
            self.tally.gaps = self.tally.gaps.saturating_add(1);
            let event = MarketEvent::Feed { feed: lane.feed, change: gap };
            events.push(Delivered { stream: stream.clone(), id: None, event, time: entry.time, age_ms: 0 });
        }
        let is_old = lane.is_old(stream.topic(), &entry);
        lane.pass(stream.topic(), (id, number), &entry);
        let event = if is_old { None } else { lane.event(&entry) };
        match event {
            Some(event) => {
                let age_ms = now.millis_since(entry.received);
                events.push(Delivered { stream, id: Some(id), event, time: entry.time, age_ms });
            }
            None => self.acknowledge(&stream, id),
        }
    }

    /// An entry that is new and can be read. Any other is done with.
    fn sound(
        &mut self,
        stream: &StreamName,
        id: EntryId,
        is_repeated: bool,
        read: Result<(u64, MarketEntry), BadEntry>,
    ) -> Option<(u64, MarketEntry)> {
        let count = match (is_repeated, read) {
            (false, Ok(read)) => return Some(read),
            (true, _) => &mut self.tally.repeated,
            // The number of the next one will show the hole.
            (false, Err(_)) => &mut self.tally.bad,
        };
        *count = count.saturating_add(1);
        self.acknowledge(stream, id);
        None
    }
}

impl Lane {
    /// What is missing before an entry.
    fn gap_before(&self, topic: Topic, number: u64, entry: &MarketEntry) -> Option<FeedChange> {
        let (until, (_, last)) = (self.until?, self.last?);
        match (topic, &entry.said) {
            // Candles say themselves what lies between them.
            (Topic::Candles(timeframe), Said::Candle(candle)) => candles_between(timeframe, until, candle.open_time),
            (Topic::Candles(timeframe), Said::Feed(FeedChange::Gap { start, .. })) => candles_between(timeframe, until, *start),
            (Topic::Candles(_), _) => None,
            _ if last.checked_add(1) == Some(number) => None,
            _ => Some(FeedChange::Gap { start: until, end: entry.time.max(until), missing: 0 }),
        }
    }

    /// Whether it says what was said before: a publisher that takes over may say the last candle again.
    fn is_old(&self, topic: Topic, entry: &MarketEntry) -> bool {
        let of_past = match (topic, &entry.said) {
            (Topic::Candles(_), Said::Candle(candle)) => Some(candle.open_time),
            (Topic::Candles(_), Said::Feed(FeedChange::Gap { end, .. })) => Some(Timestamp::from_millis(end.as_millis() - 1)),
            _ => None,
        };
        of_past.zip(self.until).is_some_and(|(open, until)| open < until)
    }

    fn pass(&mut self, topic: Topic, last: (EntryId, u64), entry: &MarketEntry) {
        self.last = Some(last);
        let until = match (topic, &entry.said) {
            (Topic::Candles(_), Said::Candle(_)) => Some(entry.time),
            (Topic::Candles(_), Said::Feed(FeedChange::Gap { end, .. })) => Some(*end),
            (Topic::Candles(_), _) => None,
            _ => Some(entry.time),
        };
        self.until = self.until.max(until);
    }

    /// The event that an entry is to the core.
    fn event(&self, entry: &MarketEntry) -> Option<MarketEvent> {
        let (instrument, time) = (self.instrument, entry.time);
        Some(match (&entry.said, self.feed) {
            (Said::Candle(candle), Feed::Candles(series)) => MarketEvent::Candle { series, candle: *candle },
            (Said::Trade { price, size, taker }, _) => {
                MarketEvent::Trade(Trade { instrument, time, price: *price, size: *size, taker: *taker })
            }
            (Said::Quote { bid, ask }, _) => MarketEvent::Quote(Quote { instrument, time, bid: *bid, ask: *ask }),
            (Said::Book { bids, asks }, _) => {
                MarketEvent::Book(Box::new(Book { instrument, time, bids: bids.clone(), asks: asks.clone() }))
            }
            (Said::Context { mark, oracle, funding, open_interest }, _) => MarketEvent::Context(Box::new(Context {
                instrument,
                time,
                mark_price: *mark,
                oracle_price: *oracle,
                funding_rate: *funding,
                open_interest: *open_interest,
            })),
            (Said::Feed(change), feed) => MarketEvent::Feed { feed, change: *change },
            (Said::Heartbeat | Said::Candle(_), _) => return None,
        })
    }
}

fn candles_between(timeframe: Timeframe, until: Timestamp, open: Timestamp) -> Option<FeedChange> {
    let missing = open.millis_since(until) / timeframe.as_millis();
    let missing = u32::try_from(missing).unwrap_or(u32::MAX);
    (missing > 0).then_some(FeedChange::Gap { start: until, end: open, missing })
}

/// Ticks first, then candles, longer ones last.
const fn rank(topic: Topic) -> u64 {
    match topic {
        Topic::Trades => 0,
        Topic::Quotes => 1,
        Topic::Book => 2,
        Topic::Context => 3,
        Topic::Candles(timeframe) => timeframe.as_millis(),
    }
}
