//! All that a strategy under test can see and touch.

use super::exchange::{Exchange, Origin, Wide, derived, exact, refusal, wide};
use crate::{
    BookEvent, Candle, CandleEvent, Decimal, Event, InstrumentId, Intent, Level, Quote, SeriesId, SeriesInfo, Side, TimerEvent,
    TimerId, TimerSource, Timestamp,
};
use std::collections::{BTreeMap, VecDeque};

/// Longest key of the state.
pub(super) const STATE_KEY_BYTES_MAX: usize = 256;
/// Bytes of the state, keys and values.
pub(super) const STATE_BYTES_MAX: usize = 1 << 20;
/// Series of the chart.
pub(super) const CHART_SERIES_MAX: usize = 32;

/// Something that will happen.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A candle closes.
    Candle { series: SeriesInfo, warm_up: bool, candle: Candle },
    /// An event as the test wrote it.
    Event(Event),
    /// Nothing but time.
    Time(Timestamp),
}

/// A timer that was set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timer {
    pub(super) due: Timestamp,
    pub(super) every_ms: Option<u64>,
}

/// All that a strategy under test can see and touch.
#[derive(Debug)]
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) exchange: Exchange,
    pub(super) script: VecDeque<Step>,
    pub(super) closed: BTreeMap<SeriesId, Vec<Candle>>,
    pub(super) marks: BTreeMap<InstrumentId, Decimal>,
    pub(super) quotes: BTreeMap<InstrumentId, Quote>,
    pub(super) books: BTreeMap<InstrumentId, BookEvent>,
    pub(super) timers: BTreeMap<TimerId, Timer>,
    /// The next tick and how often it comes, of a clocked strategy.
    pub(super) tick: Option<(Timestamp, u64)>,
    pub(super) warming_up: bool,
    pub(super) state: BTreeMap<String, Vec<u8>>,
    pub(super) log: Vec<(Level, String)>,
    pub(super) status: String,
    pub(super) chart: Vec<(String, Vec<(Timestamp, f64)>)>,
    pub(super) marks_drawn: Vec<(Timestamp, String)>,
    pub(super) notifications: Vec<String>,
    /// Number of the event handed out last.
    pub(super) event: u64,
}

impl World {
    pub(super) fn new(exchange: Exchange, now: Timestamp) -> Self {
        Self {
            now,
            exchange,
            script: VecDeque::new(),
            closed: BTreeMap::new(),
            marks: BTreeMap::new(),
            quotes: BTreeMap::new(),
            books: BTreeMap::new(),
            timers: BTreeMap::new(),
            tick: None,
            warming_up: false,
            state: BTreeMap::new(),
            log: Vec::new(),
            status: String::new(),
            chart: Vec::new(),
            marks_drawn: Vec::new(),
            notifications: Vec::new(),
            event: 0,
        }
    }

    /// The next event: what the exchange has to say, timers that are due, then the script.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        let event = loop {
            if let Some(event) = self.exchange.events.pop_front() {
                break event;
            }
            // A step takes its place only after the timers that are due before it.
            let until = self.script.front().map(Step::time);
            let reached = until.unwrap_or(self.now);
            if let Some(event) = self.due_timer(|due| due < reached || (until.is_none() && due <= reached)) {
                break event;
            }
            match self.script.pop_front()? {
                Step::Candle { series, warm_up, candle } => {
                    self.now = self.now.max(reached);
                    self.exchange.pass(series.instrument, &candle, self.now);
                    self.closed.entry(series.id).or_default().push(candle);
                    self.warming_up = warm_up;
                    self.exchange.events.push_back(Event::Candle(CandleEvent { series: series.id, warm_up, candle }));
                }
                Step::Event(event) => {
                    self.learn(&event);
                    break event;
                }
                Step::Time(time) => self.now = self.now.max(time),
            }
        };
        self.event += 1;
        Some(event)
    }

    /// The earliest timer or tick for whose time something holds; timers before the tick.
    fn due_timer(&mut self, reached: impl Fn(Timestamp) -> bool) -> Option<Event> {
        let timer = self.timers.iter().min_by_key(|(_, timer)| timer.due).map(|(&id, &timer)| (id, timer));
        let tick = self.tick.filter(|&(due, _)| reached(due) && timer.is_none_or(|(_, timer)| due < timer.due));
        let (source, due) = if let Some((due, every_ms)) = tick {
            self.tick = Some((later(due, every_ms), every_ms));
            (TimerSource::Tick, due)
        } else {
            let (id, Timer { due, every_ms }) = timer.filter(|(_, timer)| reached(timer.due))?;
            match every_ms {
                Some(every_ms) => self.timers.insert(id, Timer { due: later(due, every_ms), every_ms: Some(every_ms) }),
                None => self.timers.remove(&id),
            };
            (TimerSource::Timer(id), due)
        };
        self.now = self.now.max(due);
        Some(Event::Timer(TimerEvent { source, due, time: self.now }))
    }

    /// What an event written by the test says about the market.
    fn learn(&mut self, event: &Event) {
        match event {
            Event::Quote(event) => drop(self.quotes.insert(event.instrument, event.quote)),
            Event::Book(event) => drop(self.books.insert(event.instrument, event.clone())),
            Event::Context(event) => drop(self.marks.insert(event.instrument, event.mark_price)),
            _ => {}
        }
    }

    /// Does what the answer to the last event asks for.
    pub(super) fn apply(&mut self, intents: &[Intent]) {
        for (index, intent) in (0..).zip(intents) {
            let origin = Origin { index, event: self.event };
            match intent {
                Intent::SetTimer(setting) => {
                    let timer = Timer { due: setting.at.max(self.now), every_ms: setting.every_ms };
                    self.timers.insert(setting.timer, timer);
                }
                Intent::ClearTimer(timer) => drop(self.timers.remove(timer)),
                Intent::Notify(notification) => self.notifications.push(notification.text.clone()),
                _ if self.warming_up => {
                    self.exchange.deny(self.now, refusal("warming-up", "the strategy is warming up"), origin);
                }
                intent => self.exchange.take(self.now, intent, origin),
            }
        }
    }

    /// Worst and average price of taking a size from the known book.
    pub(super) fn sweep(&self, instrument: InstrumentId, side: Side, size: Decimal) -> Option<(Decimal, Decimal)> {
        let book = self.books.get(&instrument)?;
        let levels = if side == Side::Buy { &book.asks } else { &book.bids };
        let (mut left, mut paid) = (wide(size), Wide::ZERO);
        for level in levels {
            let taken = left.min(wide(level.size));
            paid += taken * wide(level.price);
            left -= taken;
            if left.is_zero() {
                return Some((exact(wide(level.price)), derived(paid / wide(size))));
            }
        }
        None
    }
}

/// The time of the next round; a period of 0 counts as 1 ms.
fn later(due: Timestamp, every_ms: u64) -> Timestamp {
    due.saturating_add(i64::try_from(every_ms.max(1)).unwrap_or(i64::MAX))
}

impl Step {
    /// When it happens.
    fn time(&self) -> Timestamp {
        match self {
            Self::Candle { series, candle, .. } => later(candle.open_time, series.timeframe_ms),
            Self::Time(time) => *time,
            Self::Event(event) => match event {
                Event::Candle(event) => event.candle.open_time,
                Event::Trade(event) => event.time,
                Event::Quote(event) => event.quote.time,
                Event::Book(event) => event.time,
                Event::Context(event) => event.time,
                Event::Position(event) => event.time,
                Event::Order(event) => event.time,
                Event::Funding(event) => event.time,
                Event::Balance(event) => event.time,
                Event::Timer(event) => event.time,
                Event::Feed(event) => event.time,
            },
        }
    }
}
