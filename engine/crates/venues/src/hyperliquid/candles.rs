//! Closes candles: the exchange streams the running one and never says that it is over.
//!
//! ```text
//!   frame of a later candle ──────────────► the one before is over    (if nothing was missed in between)
//!   its end and some grace have passed ───► ask over REST
//!   the socket was cut ───────────────────► what was running is unsure: ask over REST
//!   REST has later ones, but not this ────► ask again, a few times; then it is a gap, and said so
//! ```
//!
//! Candles pass in order: nothing newer before what is older was passed or given up. A minute without a trade may be missing at the
//! exchange and turn up later as a flat row; it is never made up here. What turns up after its place was given up is counted.
//!
//! Pure: the time is told, and what is to be asked is an output. One closer for each series.

#[cfg(test)]
mod tests;

use super::protocol::Candle as WireCandle;
use calypte_kernel::{Candle, Decimal, Price, Timeframe, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// How long after its end a candle is given to be complete at the exchange.
pub const GRACE_MS: u64 = 2_000;
/// How often a candle that is missing is asked for before later ones are passed without it.
pub const ASKS_MAX: u32 = 3;
/// How long until the second time it is asked for; then twice as long each time.
pub const RETRY_MS: u64 = 2_000;
/// Longest time between two questions after failures.
const RETRY_MS_MAX: u64 = 60_000;
/// Most candles that wait for one before them: more than the exchange answers with at once.
pub const HELD_MAX: usize = 6_000;

/// What a closer wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandleOutput {
    /// A candle is closed; in order, each once.
    Closed(Candle),
    /// These are missing and will not come.
    Gap {
        /// Open time of the first missing one.
        start: Timestamp,
        /// Open time of the first one there again.
        end: Timestamp,
        /// How many.
        missing: u32,
    },
    /// Ask the exchange for candles from this open time on; the answer goes to [`CandleCloser::answer`] or
    /// [`CandleCloser::no_answer`].
    Ask {
        /// From which.
        from: Timestamp,
    },
}

/// What was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CandleTally {
    /// Came after their place was passed or given up.
    pub late: u64,
    /// Contradict themselves, or do not lie on the grid of the timeframe.
    pub absurd: u64,
}

/// A candle that waits.
#[derive(Debug, Clone, Copy)]
struct Held {
    candle: Candle,
    /// Trades in it: of two versions the one with more is the later.
    trades: u64,
    /// Whether it is over and complete.
    sure: bool,
    /// Whether it was seen on the connection that there is now.
    live: bool,
}

/// Closes the candles of one series.
#[derive(Debug)]
pub struct CandleCloser {
    timeframe: Timeframe,
    /// Open time of the next one to pass; none before the first was seen.
    next: Option<Timestamp>,
    held: BTreeMap<Timestamp, Held>,
    outputs: VecDeque<CandleOutput>,
    /// Whether a question is out.
    asking: bool,
    /// How often the next one was asked for and was not there, though something later was.
    asked: u32,
    /// How often it was asked for and there was nothing at all: the market is quiet.
    idle: u32,
    /// How often in a row there was no answer.
    failed: u32,
    /// Before it, nothing is asked again.
    quiet_until: Timestamp,
    tally: CandleTally,
}

impl CandleCloser {
    /// One that goes on after the candle that this time falls into; none: that begins with the first it sees.
    pub fn new(timeframe: Timeframe, after: Option<Timestamp>) -> Self {
        Self {
            timeframe,
            next: after.map(|time| timeframe.close_of(timeframe.open_of(time))),
            held: BTreeMap::new(),
            outputs: VecDeque::new(),
            asking: false,
            asked: 0,
            idle: 0,
            failed: 0,
            quiet_until: Timestamp::from_millis(i64::MIN),
            tally: CandleTally::default(),
        }
    }

    /// Takes a frame of the running candle.
    pub fn frame(&mut self, now: Timestamp, wire: &WireCandle) {
        let Some(candle) = self.usable(wire) else { return };
        if self.next.is_none() {
            self.next = Some(candle.open_time);
        }
        // What was seen on this connection up to here is over.
        let before = self.held.range_mut(..candle.open_time);
        before.filter(|(_, held)| held.live).for_each(|(_, held)| held.sure = true);
        self.hold(Held { candle, trades: wire.trades, sure: false, live: true });
        self.advance(now);
    }

    /// Takes the answer to a question. `as_of` is the exchange's time at which it was asked at the earliest: what ended well before
    /// is complete, and so is what a later row follows; the last row may still be running.
    pub fn answer<'a>(&mut self, now: Timestamp, as_of: Timestamp, rows: impl IntoIterator<Item = &'a WireCandle>) {
        (self.asking, self.failed) = (false, 0);
        let rows = rows.into_iter().take(HELD_MAX).collect::<Vec<_>>();
        let newest = rows.iter().map(|wire| wire.open_time.timestamp()).max();
        for wire in rows {
            let Some(candle) = self.usable(wire) else { continue };
            if self.next.is_none() {
                self.next = Some(candle.open_time);
            }
            let over = newest.is_some_and(|newest| candle.open_time < newest)
                || self.timeframe.close_of(candle.open_time).saturating_add(GRACE_MS) <= as_of;
            self.hold(Held { candle, trades: wire.trades, sure: over, live: false });
        }
        let there = self.next.is_some_and(|next| self.held.get(&next).is_some_and(|held| held.sure));
        if !there {
            let overtaken = self.next.is_some_and(|next| self.is_overtaken(next));
            let count = if overtaken { &mut self.asked } else { &mut self.idle };
            *count = count.saturating_add(1);
            self.quiet_until = self.when_again(now);
        }
        self.advance(now);
    }

    /// Notes that a question was not answered, or could not be asked. That says nothing about what there is.
    pub fn no_answer(&mut self, now: Timestamp) {
        self.asking = false;
        self.failed = self.failed.saturating_add(1);
        let wait = (RETRY_MS << self.failed.min(6)).min(RETRY_MS_MAX);
        self.quiet_until = now.saturating_add(wait);
    }

    /// Notes that the socket was cut, or that frames may have been missed: what is running is unsure.
    pub fn cut(&mut self, now: Timestamp) {
        self.held.values_mut().for_each(|held| held.live = false);
        self.quiet_until = self.quiet_until.min(now);
    }

    /// Notes the time.
    pub fn wake(&mut self, now: Timestamp) {
        self.advance(now);
    }

    /// When it wants [`Self::wake`], if nothing else happens first.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let next = self.next.filter(|_| !self.asking)?;
        // What was overtaken is over, whatever our clock says: the exchange's may be ahead of it.
        let due =
            if self.is_overtaken(next) { self.quiet_until } else { self.timeframe.close_of(next).saturating_add(GRACE_MS) };
        Some(due.max(self.quiet_until))
    }

    /// The next thing to do. Drain it after each call.
    pub fn poll(&mut self) -> Option<CandleOutput> {
        self.outputs.pop_front()
    }

    /// Whether something of the past is missing that is, or is to be, asked for.
    pub fn is_behind(&self, now: Timestamp) -> bool {
        self.asking || self.next_wake().is_some_and(|due| due <= now)
    }

    /// What was left out so far.
    pub const fn tally(&self) -> CandleTally {
        self.tally
    }

    /// A candle that makes sense and whose time has not passed.
    fn usable(&mut self, wire: &WireCandle) -> Option<Candle> {
        let candle = candle(wire);
        let open = wire.open_time.timestamp();
        let length = self.timeframe.as_millis().cast_signed();
        let aligned = |next: Timestamp| open.as_millis().saturating_sub(next.as_millis()) % length == 0;
        let Some(candle) = candle.filter(|_| self.next.is_none_or(aligned)) else {
            self.tally.absurd = self.tally.absurd.saturating_add(1);
            return None;
        };
        if self.next.is_some_and(|next| open < next) {
            self.tally.late = self.tally.late.saturating_add(1);
            return None;
        }
        Some(candle)
    }

    /// Keeps the later of two versions: the one with more trades.
    fn hold(&mut self, new: Held) {
        let held = self.held.entry(new.candle.open_time).or_insert(new);
        let later = new.trades >= held.trades;
        held.sure |= new.sure && (later || !held.live);
        held.live |= new.live;
        if later {
            (held.candle, held.trades) = (new.candle, new.trades);
        }
    }

    /// When to ask again for what was not there: soon, and once for each candle where the market is quiet.
    fn when_again(&self, now: Timestamp) -> Timestamp {
        let quiet = self.next.filter(|next| self.idle >= ASKS_MAX && !self.is_overtaken(*next));
        match quiet {
            Some(next) => {
                let length = self.timeframe.as_millis();
                let ended = now.millis_since(next) / length;
                next.saturating_add((ended + 1).saturating_mul(length)).saturating_add(GRACE_MS)
            }
            None => now.saturating_add(RETRY_MS << self.asked.max(self.idle).min(ASKS_MAX)),
        }
    }

    /// Whether something later than a candle is there.
    fn is_overtaken(&self, next: Timestamp) -> bool {
        self.held.last_key_value().is_some_and(|(open, _)| *open > next)
    }

    fn advance(&mut self, now: Timestamp) {
        while let Some(next) = self.next {
            if let Some(held) = self.held.get(&next).filter(|held| held.sure) {
                self.outputs.push_back(CandleOutput::Closed(held.candle));
                self.held.remove(&next);
                self.pass_to(self.timeframe.close_of(next));
                continue;
            }
            let given_up = self.asked >= ASKS_MAX || self.held.len() > HELD_MAX;
            let missing = given_up && !self.held.contains_key(&next);
            let later = self.held.first_key_value().map(|(open, _)| *open).filter(|_| missing);
            if let Some(later) = later {
                let missing = later.millis_since(next) / self.timeframe.as_millis();
                let missing = u32::try_from(missing).unwrap_or(u32::MAX);
                self.outputs.push_back(CandleOutput::Gap { start: next, end: later, missing });
                self.pass_to(later);
                continue;
            }
            if self.held.len() > HELD_MAX {
                self.held.pop_first();
            }
            let due = self.next_wake().is_some_and(|due| due <= now);
            if due {
                self.asking = true;
                self.outputs.push_back(CandleOutput::Ask { from: next });
            }
            return;
        }
    }

    fn pass_to(&mut self, next: Timestamp) {
        self.next = Some(next);
        (self.asked, self.idle) = (0, 0);
    }
}

/// A candle as the core knows it; none where it contradicts itself.
pub fn candle(wire: &WireCandle) -> Option<Candle> {
    let price = |number: super::protocol::Number| Price::new(number.get()).ok();
    let (open, high, low, close) = (price(wire.open)?, price(wire.high)?, price(wire.low)?, price(wire.close)?);
    let volume = wire.volume.get();
    let sound = low <= open.min(close) && high >= open.max(close) && volume >= Decimal::ZERO;
    sound.then_some(Candle { open_time: wire.open_time.timestamp(), open, high, low, close, volume })
}

/// The exchange's word for a timeframe; none where it has no such candles.
pub fn interval(timeframe: Timeframe) -> Option<&'static str> {
    const MINUTE: u64 = 60_000;
    Some(match timeframe.as_millis() / MINUTE {
        1 => "1m",
        3 => "3m",
        5 => "5m",
        15 => "15m",
        30 => "30m",
        60 => "1h",
        120 => "2h",
        240 => "4h",
        480 => "8h",
        720 => "12h",
        1_440 => "1d",
        4_320 => "3d",
        10_080 => "1w",
        _ => return None,
    })
    .filter(|_| timeframe.as_millis().is_multiple_of(MINUTE))
}
