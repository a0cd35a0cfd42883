//! How each strategy of a session stands now, for a table that is drawn again and again.

use super::laps::{Lap, Laps};
use super::notice::{Listener, Notice};
use super::summary::{side, state_words};
use crate::calendar::format_time;
use calypte_kernel::{
    Answer, Decimal, Instrument, InstrumentId, Position, StrategyId, StrategyState, StrategyView, Timestamp, TradingCore,
    VenueEvent, VenueFill,
};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Fills that are shown.
pub const FILLS_SHOWN_MAX: usize = 5;
/// Longest time that is told from longer ones, in microseconds: a minute.
const LATENCY_MICROS_MAX: u64 = 60_000_000;
/// Digits to which times are kept.
const LATENCY_DIGITS: u8 = 3;

/// The board of an account. Clones share one; whoever trades writes on it, whoever watches reads.
#[derive(Debug, Clone)]
pub struct Board(Arc<Mutex<Written>>);

#[derive(Debug)]
struct Written {
    instruments: Arc<[Instrument]>,
    rows: BTreeMap<StrategyId, StrategyRow>,
    equity: Option<Decimal>,
    fills: VecDeque<String>,
    laps: Laps,
    event_to_intent: Latency,
    sent_to_ack: Latency,
}

/// How everything stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Strategies, by number.
    pub strategies: Vec<StrategyRow>,
    /// What the account is worth at mark prices; none while a price is unknown.
    pub equity: Option<Decimal>,
    /// The last fills in words, oldest first.
    pub fills: Vec<String>,
    /// From an event's delivery to the intents that answer it.
    pub event_to_intent: LatencyRecord,
    /// From an order's way out to the exchange's word on it.
    pub sent_to_ack: LatencyRecord,
}

/// How a strategy stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StrategyRow {
    /// Its name.
    pub name: String,
    /// What it does.
    pub state: String,
    /// Its positions that are not zero: symbol, signed size, average entry price.
    pub positions: Vec<(String, Decimal, Decimal)>,
    /// What they are worth more than they cost, at mark prices; none while one is unknown.
    pub unrealized: Option<Decimal>,
    /// Its open orders.
    pub open_orders: usize,
    /// Fills of its orders.
    pub fills: u64,
}

/// Times, to three digits.
#[derive(Debug, Clone)]
pub struct Latency(Histogram<u64>);

/// What times come to, in microseconds; nothing where there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LatencyRecord {
    /// How many.
    pub count: u64,
    /// Half of them were at most this long.
    pub p50_us: u64,
    /// All but one in a hundred were at most this long.
    pub p99_us: u64,
}

impl Latency {
    fn new() -> Self {
        Self(Histogram::new_with_max(LATENCY_MICROS_MAX, LATENCY_DIGITS).expect("three digits up to a minute are allowed"))
    }

    fn add(&mut self, duration: Duration) {
        // What is longer than the longest counts as that.
        self.0.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    fn record(&self) -> LatencyRecord {
        let (p50_us, p99_us) = (self.0.value_at_quantile(0.5), self.0.value_at_quantile(0.99));
        LatencyRecord { count: self.0.len(), p50_us, p99_us }
    }
}

impl Default for Board {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Written {
            instruments: Arc::new([]),
            rows: BTreeMap::new(),
            equity: None,
            fills: VecDeque::new(),
            laps: Laps::default(),
            event_to_intent: Latency::new(),
            sent_to_ack: Latency::new(),
        })))
    }
}

impl Board {
    /// An account is put together, for the first time or again. What was timed stays.
    pub fn begin<'a>(&self, instruments: Arc<[Instrument]>, names: impl IntoIterator<Item = (StrategyId, &'a str)>) {
        let mut written = self.lock();
        written.instruments = instruments;
        written.laps = Laps::default();
        for (id, name) in names {
            let row = written.rows.entry(id).or_default();
            (row.name, row.state) = (name.to_owned(), state_words(&StrategyState::Created));
        }
    }

    /// How everything stands.
    pub fn standing(&self) -> Standing {
        let written = self.lock();
        Standing {
            strategies: written.rows.values().cloned().collect(),
            equity: written.equity,
            fills: written.fills.iter().cloned().collect(),
            event_to_intent: written.event_to_intent.record(),
            sent_to_ack: written.sent_to_ack.record(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    fn symbol(&self, instrument: InstrumentId) -> String {
        let known = self.instruments.get(instrument.get() as usize);
        known.map_or_else(|| instrument.to_string(), |instrument| instrument.symbol.as_str().to_owned())
    }

    /// Looks at the account: positions and orders as the core has them.
    fn look(&mut self, core: &TradingCore) {
        self.equity = core.equity();
        for strategy in core.strategies() {
            let positions = strategy.positions().map(|position| {
                (self.symbol(position.instrument()), position.size().normalize(), position.entry_price().normalize())
            });
            let positions = positions.collect();
            let unrealized = unrealized(core, strategy);
            let row = self.rows.entry(strategy.id()).or_default();
            (row.positions, row.unrealized, row.open_orders) = (positions, unrealized, strategy.orders().count());
        }
    }

    fn filled(&mut self, now: Timestamp, core: &TradingCore, fill: &VenueFill) {
        let owner = fill.order.and_then(|order| core.strategies().find(|strategy| strategy.order_named(order).is_some()));
        let name = owner.map(StrategyView::id).and_then(|id| self.rows.get_mut(&id)).map(|row| {
            row.fills += 1;
            row.name.clone()
        });
        if self.fills.len() == FILLS_SHOWN_MAX {
            self.fills.pop_front();
        }
        self.fills.push_back(format!(
            "{}  {} {} {} {} at {}",
            format_time(now),
            name.as_deref().unwrap_or("nobody"),
            side(fill.side),
            fill.size.get().normalize(),
            self.symbol(fill.instrument),
            fill.price.get().normalize(),
        ));
    }
}

/// What a strategy's open positions are worth more than they cost.
fn unrealized(core: &TradingCore, strategy: StrategyView<'_>) -> Option<Decimal> {
    strategy.positions().try_fold(Decimal::ZERO, |sum, position: &Position| {
        let gained = core.mark_price(position.instrument())?.get().checked_sub(position.entry_price())?;
        sum.checked_add(gained.checked_mul(position.size())?)
    })
}

impl Listener for Board {
    fn notice(&mut self, now: Timestamp, core: &TradingCore, notice: Notice<'_>) {
        let written = &mut *self.lock();
        match (written.laps.take(notice, Instant::now()), notice) {
            (Some(Lap::Hook(duration)), Notice::HookEnded(ended)) => {
                if matches!(&ended.answer, Answer::Intents(intents) if !intents.is_empty()) {
                    written.event_to_intent.add(duration);
                }
            }
            (Some(Lap::Acknowledged(duration)), _) => written.sent_to_ack.add(duration),
            _ => {}
        }
        match notice {
            Notice::Venue(VenueEvent::Fill(fill)) => written.filled(now, core, fill),
            Notice::Lifecycle(strategy, state) => {
                written.rows.entry(strategy).or_default().state = state_words(state);
                written.look(core);
            }
            // Whatever changes the account is told to somebody next.
            Notice::Delivered(_) | Notice::Sent(_) => written.look(core),
            _ => {}
        }
    }
}
