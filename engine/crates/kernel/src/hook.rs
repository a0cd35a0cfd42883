//! Hooks are effects: the core says what to deliver, the shell answers with how the hook ended. Both are owned messages, so
//! that instances can live in other tasks or processes, and both can be written to a journal.

use crate::{Event, EventNumber, Instrument, InstrumentId, Intent, SeriesId, StrategyId, Timeframe, Timestamp, Views};
use rust_decimal::Decimal;
use std::sync::Arc;

/// One hook call for one strategy. At most one per strategy is unanswered.
#[derive(Debug, Clone)]
pub struct Deliver {
    /// Which strategy.
    pub strategy: StrategyId,
    /// Number of the event.
    pub number: EventNumber,
    /// Which hook, with what it gets.
    pub hook: Hook,
    /// What is true of the account as of this event.
    pub views: Views,
}

/// A hook with its argument.
#[derive(Debug, Clone)]
pub enum Hook {
    /// `lifecycle.init`.
    Init(Box<InitContext>),
    /// One of the hooks that return intents on an event.
    Event(Event),
    /// `parameter-events.on-params`.
    Params(Arc<[(String, ParamValue)]>),
    /// `lifecycle.on-stop`.
    Stop(StopReason),
    /// `checkpoint.save`.
    Save,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamValue {
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// An exact decimal.
    Number(Decimal),
    /// A text, or one of the choices.
    Text(String),
}

/// A candle series of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesInfo {
    /// Its number.
    pub id: SeriesId,
    /// The instrument.
    pub instrument: InstrumentId,
    /// Length of one candle.
    pub timeframe: Timeframe,
}

/// Facts about the account at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountFacts {
    /// Cash collateral, rounded to 8 decimals.
    pub cash: Decimal,
    /// Fees.
    pub fees: FeeRates,
    /// Whether fills are real.
    pub live: bool,
}

/// Fee rates, fractions of the notional.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeeRates {
    /// Of an order that fills at once.
    pub taker: Decimal,
    /// Of an order that rested; negative is a rebate.
    pub maker: Decimal,
}

/// What `init` is told.
#[derive(Debug, Clone)]
pub struct InitContext {
    /// The time now.
    pub now: Timestamp,
    /// Every parameter of the manifest, checked, in its order.
    pub parameters: Arc<[(String, ParamValue)]>,
    /// Instruments it may trade, the trader's first choice first.
    pub instruments: Arc<[Instrument]>,
    /// Series it may subscribe to, the trader's first choice first.
    pub series: Arc<[SeriesInfo]>,
    /// The account.
    pub account: AccountFacts,
    /// What `save` returned before a restart or an upgrade.
    pub restored: Option<Vec<u8>>,
}

/// A wish for a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscription {
    /// Closed candles, and how many of history first.
    Candles {
        /// Which series.
        series: SeriesId,
        /// How many closed candles of history to hand over first.
        warm_up: u32,
    },
    /// Public trades.
    Trades(InstrumentId),
    /// Best bid and offer.
    Quotes(InstrumentId),
    /// Book snapshots.
    Book {
        /// Which instrument.
        instrument: InstrumentId,
        /// How many levels of each side.
        levels: u32,
    },
    /// Mark price and its kin.
    Context(InstrumentId),
}

/// Why a strategy is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The trader or the operator said so.
    Operator,
    /// A kill switch fired.
    KillSwitch,
    /// A newer version takes over.
    Upgrade,
    /// The engine shuts down, or the backtest's data ended.
    Shutdown,
}

/// How a hook ended: the answer to one [`Deliver`].
#[derive(Debug, Clone)]
pub struct HookEnded {
    /// Which strategy.
    pub strategy: StrategyId,
    /// The event that was delivered.
    pub number: EventNumber,
    /// What the hook returned, or how it failed.
    pub answer: Answer,
    /// What it did besides, boxed since it is mostly nothing. A fault has none.
    pub effects: Option<Box<Effects>>,
    /// Fuel it used.
    pub fuel: u64,
}

/// What a hook returned, or how it failed.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Of an event or a stop.
    Intents(Vec<Intent>),
    /// Of `init`: what it wants to hear.
    Subscriptions(Vec<Subscription>),
    /// Of `init` or `on-params`: a refusal in words.
    Refused(String),
    /// Of `on-params`: it took them.
    Accepted,
    /// Of `save`.
    Saved(Vec<u8>),
    /// It failed; the instance is gone and the event leaves no trace but this.
    Fault(Box<Fault>),
}

/// What a hook did besides answering.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// Writes to its store, in order; none as value deletes.
    pub state: Vec<(String, Option<Vec<u8>>)>,
    /// Lines of its log, cut and escaped.
    pub log: Vec<LogLine>,
    /// Lines dropped past the event's limit.
    pub log_dropped: u32,
    /// What it shows now, where it changed that.
    pub status: Option<Status>,
    /// Chart series it named: number, name, whether on the price axis.
    pub chart_series: Vec<(u32, String, bool)>,
    /// Chart points: series and value.
    pub chart_points: Vec<(u32, f64)>,
    /// Chart marks.
    pub chart_marks: Vec<String>,
    /// Points and marks dropped past the limit.
    pub chart_dropped: u32,
}

impl Effects {
    /// Whether there is anything in it.
    pub fn is_empty(&self) -> bool {
        self.state.is_empty()
            && self.log.is_empty()
            && self.log_dropped == 0
            && self.status.is_none()
            && self.chart_series.is_empty()
            && self.chart_points.is_empty()
            && self.chart_marks.is_empty()
            && self.chart_dropped == 0
    }
}

/// A line of a strategy's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The text.
    pub text: String,
}

/// How much a line of a log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the author.
    Debug,
    /// For the record.
    Info,
    /// Something is odd.
    Warn,
    /// Something is wrong.
    Error,
}

/// What a strategy shows to its trader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// A text.
    Text(String),
    /// A table.
    Table {
        /// Its title.
        title: String,
        /// Names of the columns.
        columns: Vec<String>,
        /// Rows, each as long as the columns.
        rows: Vec<Vec<String>>,
    },
}

/// How an instance failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} in {function} at event {event} after {fuel} fuel: {detail}")]
pub struct Fault {
    /// What kind of failure.
    pub kind: FaultKind,
    /// The hook, or the guest's innermost functions where they are known.
    pub function: String,
    /// Number of the event being handled.
    pub event: EventNumber,
    /// Fuel used in that event.
    pub fuel: u64,
    /// In words, with the limit that was broken.
    pub detail: String,
}

/// Kinds of failure. The name is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// The guest trapped: a panic, a bad access, a division by zero.
    Trap,
    /// The event's fuel ran out.
    EventFuel,
    /// The run's fuel ran out.
    RunFuel,
    /// The event took longer than its wall-clock limit.
    WallClock,
    /// The guest's stack overflowed.
    StackOverflow,
    /// A memory or a table would have grown past its limit, and the guest gave up.
    Memory,
    /// The guest waits for something that cannot come.
    Deadlock,
    /// The hook returned and left work running.
    TaskLeft,
    /// It broke the contract: a list too long, text that is not UTF-8, intents after the event had ended.
    Contract,
    /// The core's queue of its events overflowed.
    QueueOverflow,
    /// The account's money left the range of what can be represented exactly.
    Overflow,
    /// The run was cancelled from outside.
    Cancelled,
    /// There was no room to start the instance, through no fault of the guest's.
    NoRoom,
}

impl FaultKind {
    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::EventFuel => "event-fuel",
            Self::RunFuel => "run-fuel",
            Self::WallClock => "wall-clock",
            Self::StackOverflow => "stack-overflow",
            Self::Memory => "memory",
            Self::Deadlock => "deadlock",
            Self::TaskLeft => "task-left",
            Self::Contract => "contract",
            Self::QueueOverflow => "queue-overflow",
            Self::Overflow => "overflow",
            Self::Cancelled => "cancelled",
            Self::NoRoom => "no-room",
        }
    }
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}
