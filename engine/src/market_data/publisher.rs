//! Makes entries of what a connector hears: each once, in order, with holes said to be holes.
//!
//! Ids and numbers follow from what was written before, so that a service which starts again, or takes over from another,
//! goes on where the streams end: what is there already is not written again, and what fell in between is a gap.

#[cfg(test)]
mod tests;

use super::derive::Derived;
use super::message::{MarketEntry, Said};
use crate::bus::{Entry, EntryId, NewEntry, StreamName, Topic};
use calypte_kernel::{Candle, Feed, FeedChange, MarketEvent, Timeframe, Timestamp};
use calypte_sim::NotDerivable;
use std::collections::{BTreeMap, VecDeque};

/// Entries that wait to be written. With as many nothing more is taken: the connector then slows its sockets down.
pub const WAITING_MAX: usize = 50_000;
/// How far ahead of our clock an exchange's time may lie where nothing else is said. Ids rise for ever: one from the far future
/// would end its stream.
pub const TIME_AHEAD_MS_MAX: u64 = 60_000;

/// The end of a stream, as it is on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// The newest id.
    pub id: EntryId,
    /// The newest number.
    pub number: u64,
    /// The exchange's time of the newest entry that says one.
    pub time: Option<Timestamp>,
}

impl Last {
    /// From the newest entries of a stream, newest first; none: there are none. Entries that cannot be read count as written.
    pub fn of(newest: &[Entry]) -> Option<Self> {
        let id = newest.first()?.id;
        let sound = newest.iter().zip(0_u64..).find_map(|(entry, later)| {
            let content = entry.content.as_ref().ok()?;
            Some(content.number.saturating_add(later))
        });
        let time = newest.iter().find_map(|entry| {
            let content = entry.content.as_ref().ok()?;
            MarketEntry::read(content, entry.stream.topic()).ok().map(|entry| entry.time)
        });
        Some(Self { id, number: sound.unwrap_or(0), time })
    }
}

/// What was not written, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PublisherTally {
    /// Candles that are on their stream already.
    pub repeated: u64,
    /// Of a feed that no stream is open for.
    pub unknown: u64,
    /// With a time too far ahead.
    pub absurd: u64,
    /// Beyond the limits of an entry.
    pub unwritable: u64,
}

/// No room: write what waits first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{WAITING_MAX} entries wait to be written")]
pub struct Full;

/// What is written next on each stream.
#[derive(Debug)]
pub struct Publisher {
    streams: BTreeMap<StreamName, Lane>,
    /// Which stream a feed goes to.
    feeds: BTreeMap<Feed, StreamName>,
    /// Longer candles, by the stream of the minutes they are made of.
    derived: BTreeMap<StreamName, Vec<Derived>>,
    waiting: VecDeque<NewEntry>,
    time_ahead_ms_max: u64,
    tally: PublisherTally,
}

impl Default for Publisher {
    fn default() -> Self {
        Self::new(TIME_AHEAD_MS_MAX)
    }
}

/// One stream.
#[derive(Debug)]
struct Lane {
    last: Option<Last>,
    /// When an entry was last made.
    written: Timestamp,
}

/// When something was heard, and when it is written.
#[derive(Debug, Clone, Copy)]
struct Times {
    received: Timestamp,
    now: Timestamp,
}

impl Publisher {
    /// One without a stream. What lies further ahead of our clock than so many milliseconds is not believed.
    pub fn new(time_ahead_ms_max: u64) -> Self {
        Self {
            streams: BTreeMap::new(),
            feeds: BTreeMap::new(),
            derived: BTreeMap::new(),
            waiting: VecDeque::new(),
            time_ahead_ms_max,
            tally: PublisherTally::default(),
        }
    }

    /// Begins a stream that a feed goes to, after its end on the bus. Of trades, what happened since then is a gap; of candles
    /// the connector brings it, if it is asked for what came after [`Self::after`].
    pub fn begin(&mut self, now: Timestamp, feed: Feed, stream: &StreamName, last: Option<Last>) {
        self.feeds.insert(feed, stream.clone());
        self.streams.insert(stream.clone(), Lane { last, written: now });
        let since = last.and_then(|last| last.time).filter(|since| stream.topic() == Topic::Trades && *since < now);
        if let Some(start) = since {
            let times = Times { received: now, now };
            self.write(stream, times, now, Said::Feed(FeedChange::Gap { start, end: now, missing: 0 }));
        }
    }

    /// Begins a stream of longer candles over minutes, after its end on the bus. `history` are the minutes on the bus, oldest
    /// first: what they complete and is not written yet is written now.
    ///
    /// # Errors
    /// Where minutes do not make them.
    pub fn derive(
        &mut self,
        now: Timestamp,
        minutes: &StreamName,
        to: Timeframe,
        last: Option<Last>,
        history: &[Candle],
    ) -> Result<(), NotDerivable> {
        let mut derived = Derived::new(minutes, to)?;
        let stream = derived.stream.clone();
        self.streams.insert(stream.clone(), Lane { last, written: now });
        for candle in history.iter().flat_map(|minute| derived.take(minute).collect::<Vec<_>>()) {
            self.candle(&stream, Times { received: now, now }, candle);
        }
        self.derived.entry(minutes.clone()).or_default().push(derived);
        Ok(())
    }

    /// Ends a stream. What waits of it is let go: where it begins again it goes on after what is on the bus, and what was not written
    /// until then is heard again or said to be a gap.
    pub fn end(&mut self, stream: &StreamName) {
        self.streams.remove(stream);
        self.waiting.retain(|entry| entry.stream != *stream);
        self.derived.remove(stream);
        self.feeds.retain(|_, other| other != stream);
        self.derived.values_mut().for_each(|all| all.retain(|derived| derived.stream != *stream));
    }

    /// Of a stream of candles: the open time of the last that is on it, or was given up.
    pub fn after(&self, stream: &StreamName) -> Option<Timestamp> {
        let Topic::Candles(timeframe) = stream.topic() else { return None };
        let close = millis(self.streams.get(stream)?.last?.id);
        Some(Timestamp::from_millis(close.checked_sub(i64::try_from(timeframe.as_millis()).ok()?)?))
    }

    /// Whether more can be taken.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX
    }

    /// Takes what a connector heard.
    ///
    /// # Errors
    /// Where too much waits: nothing was taken.
    pub fn take(&mut self, now: Timestamp, received: Timestamp, event: &MarketEvent) -> Result<(), Full> {
        if !self.has_room() {
            return Err(Full);
        }
        let feed = match event {
            MarketEvent::Candle { series, .. } => Feed::Candles(*series),
            MarketEvent::Trade(trade) => Feed::Trades(trade.instrument),
            MarketEvent::Quote(quote) => Feed::Quotes(quote.instrument),
            MarketEvent::Book(book) => Feed::Book(book.instrument),
            MarketEvent::Context(context) => Feed::Context(context.instrument),
            // Each feed says for itself what a lost connection is to it.
            MarketEvent::Feed { feed: Feed::Connection, .. } => return Ok(()),
            MarketEvent::Feed { feed, .. } => *feed,
        };
        let Some(stream) = self.feeds.get(&feed).cloned() else {
            self.tally.unknown = self.tally.unknown.saturating_add(1);
            return Ok(());
        };
        self.pass(&stream, Times { received, now }, event);
        Ok(())
    }

    /// Says of each stream on which nothing was written for so long that it lives: of candles once between two at most, so that
    /// what a stream keeps is mostly candles.
    pub fn heartbeat(&mut self, now: Timestamp, quiet_ms: u64) {
        let quiet = |stream: &StreamName, lane: &Lane| {
            let between = match stream.topic() {
                Topic::Candles(timeframe) => quiet_ms.max(timeframe.as_millis() / 2),
                _ => quiet_ms,
            };
            now.millis_since(lane.written) >= between
        };
        let quiet: Vec<_> =
            self.streams.iter().filter(|(stream, lane)| quiet(stream, lane)).map(|(stream, _)| stream.clone()).collect();
        for stream in quiet {
            self.write(&stream, Times { received: now, now }, now, Said::Heartbeat);
        }
    }

    /// What is to be written next, at most so many; it waits until it is [`Self::written`].
    pub fn waiting(&mut self, entries_max: usize) -> &[NewEntry] {
        let waiting = self.waiting.make_contiguous();
        &waiting[..waiting.len().min(entries_max)]
    }

    /// Notes that the first of those that wait are on the bus.
    pub fn written(&mut self, entries: usize) {
        self.waiting.drain(..entries.min(self.waiting.len()));
    }

    /// What was not written so far.
    pub const fn tally(&self) -> PublisherTally {
        self.tally
    }

    fn pass(&mut self, stream: &StreamName, times: Times, event: &MarketEvent) {
        let (time, said) = match event {
            MarketEvent::Candle { candle, .. } => {
                if self.candle(stream, times, *candle) {
                    self.longer(stream, times, candle);
                }
                return;
            }
            MarketEvent::Trade(trade) => (trade.time, Said::Trade { price: trade.price, size: trade.size, taker: trade.taker }),
            MarketEvent::Quote(quote) => (quote.time, Said::Quote { bid: quote.bid, ask: quote.ask }),
            MarketEvent::Book(book) => (book.time, Said::Book { bids: book.bids.clone(), asks: book.asks.clone() }),
            MarketEvent::Context(context) => {
                let said = Said::Context {
                    mark: context.mark_price,
                    oracle: context.oracle_price,
                    funding: context.funding_rate,
                    open_interest: context.open_interest,
                };
                (context.time, said)
            }
            MarketEvent::Feed { change: change @ FeedChange::Gap { end, .. }, .. } => (*end, Said::Feed(*change)),
            MarketEvent::Feed { change, .. } => {
                let longer: Vec<_> = self.longer_than(stream).collect();
                for longer in longer {
                    self.write(&longer, times, times.now, Said::Feed(*change));
                }
                (times.now, Said::Feed(*change))
            }
        };
        self.write(stream, times, time, said);
    }

    /// Writes a candle, after a gap where some before it are missing. Whether it was new.
    fn candle(&mut self, stream: &StreamName, times: Times, candle: Candle) -> bool {
        let (Topic::Candles(timeframe), Some(lane)) = (stream.topic(), self.streams.get(stream)) else { return false };
        let close = timeframe.close_of(candle.open_time);
        let end = lane.last.map(|last| Timestamp::from_millis(millis(last.id)));
        if end.is_some_and(|end| close <= end) {
            self.tally.repeated = self.tally.repeated.saturating_add(1);
            return false;
        }
        // Before its first candle a stream has heartbeats at most, whose ids are no time.
        let start = end.filter(|end| end.as_millis() > 0 && *end < candle.open_time);
        if let Some(start) = start {
            let missing = candle.open_time.millis_since(start) / timeframe.as_millis();
            let missing = u32::try_from(missing).unwrap_or(u32::MAX);
            let gap = FeedChange::Gap { start, end: candle.open_time, missing };
            self.write(stream, times, candle.open_time, Said::Feed(gap));
        }
        self.write(stream, times, close, Said::Candle(candle));
        true
    }

    /// Passes a new minute on to the longer candles made of it.
    fn longer(&mut self, minutes: &StreamName, times: Times, minute: &Candle) {
        let Some(all) = self.derived.get_mut(minutes) else { return };
        let made: Vec<_> = all
            .iter_mut()
            .flat_map(|derived| {
                let stream = derived.stream.clone();
                derived.take(minute).map(move |candle| (stream.clone(), candle))
            })
            .collect();
        for (stream, candle) in made {
            self.candle(&stream, times, candle);
        }
    }

    fn longer_than(&self, minutes: &StreamName) -> impl Iterator<Item = StreamName> + use<> {
        let all = self.derived.get(minutes).into_iter().flatten();
        all.map(|derived| derived.stream.clone()).collect::<Vec<_>>().into_iter()
    }

    /// Makes an entry with the next number, and the id that is fixed for it or follows the last.
    fn write(&mut self, stream: &StreamName, times: Times, time: Timestamp, said: Said) {
        let Some(lane) = self.streams.get_mut(stream) else { return };
        if time.millis_since(times.received) > self.time_ahead_ms_max {
            self.tally.absurd = self.tally.absurd.saturating_add(1);
            return;
        }
        let entry = MarketEntry { time, received: times.received, published: times.now, said };
        let Some(id) = next_id(&entry, stream.topic(), lane.last.map(|last| last.id)) else {
            self.tally.repeated = self.tally.repeated.saturating_add(1);
            return;
        };
        let Ok(fields) = entry.write() else {
            self.tally.unwritable = self.tally.unwritable.saturating_add(1);
            return;
        };
        let number = lane.last.map_or(1, |last| last.number.saturating_add(1));
        lane.last = Some(Last { id, number, time: Some(time) });
        lane.written = times.now;
        self.waiting.push_back(NewEntry { stream: stream.clone(), id, number, fields });
    }
}

/// The id of an entry after another; none: its place has passed.
fn next_id(entry: &MarketEntry, topic: Topic, last: Option<EntryId>) -> Option<EntryId> {
    let following = last.map_or(Some(EntryId::new(0, 1)), EntryId::next)?;
    if let Some(fixed) = entry.fixed_id(topic) {
        return Some(fixed).filter(|fixed| *fixed >= following);
    }
    if matches!(topic, Topic::Candles(_)) {
        // Beside the last candle: the place of the next one stays free.
        return Some(following);
    }
    let own = u64::try_from(entry.time.as_millis()).unwrap_or(0);
    Some(following.max(EntryId::new(own, 0)))
}

/// The time of an id.
fn millis(id: EntryId) -> i64 {
    i64::try_from(id.millis).unwrap_or(i64::MAX)
}
