//! The core's surface: what goes in, what comes out.

use crate::{
    AccountId, AccountRisk, Approved, ClientOrderId, Command, Decimal, Deliver, EventKind, EventNumber, Fault, FeeRates, Holds,
    HookEnded, Instrument, InstrumentId, KillAction, KillCause, KillScope, MarketEvent, Netting, ParamValue, Pause, Refusal,
    RestartPolicy, RiskSettingsError, SeriesId, SeriesInfo, StopReason, StrategyId, StrategyRisk, Symbol, Timestamp,
    TradingState, Urgency, VenueEvent,
};
use std::sync::Arc;

/// What an account is made of. Fixed for the life of a core.
#[derive(Debug, Clone)]
pub struct CoreSettings {
    /// The account's number, part of every client order id.
    pub account: AccountId,
    /// The journal's epoch at the start, part of every client order id; [`Input::Opened`] moves it on.
    pub epoch: u16,
    /// Cash at the start.
    pub cash: Decimal,
    /// Fee rates, for strategies to read; what was really charged comes with each fill.
    pub fees: FeeRates,
    /// Instruments, each at the place its id says.
    pub instruments: Arc<[Instrument]>,
    /// Candle series, each at the place its id says.
    pub series: Arc<[SeriesInfo]>,
    /// Whether fills are real. A live account is reconciled with the exchange before anything trades.
    pub live: bool,
    /// How the exchange keeps the positions of several strategies.
    pub books: Books,
    /// Whether strategies that share an instrument may hold opposite positions in it.
    pub netting: Netting,
    /// What the exchange can hold until its price comes.
    pub holds: Holds,
    /// Whether strategies are asked for their state when they stop, since they may begin again.
    pub saves: bool,
    /// Limits of the account and its strategies.
    pub limits: Limits,
    /// What is declared about the account's risk.
    pub risk: AccountRisk,
}

impl CoreSettings {
    /// An account without cash or fees where fills are not real, under the ordinary limits.
    pub fn new(account: AccountId, instruments: Arc<[Instrument]>, series: Arc<[SeriesInfo]>) -> Self {
        Self {
            account,
            epoch: 0,
            cash: Decimal::ZERO,
            fees: FeeRates::default(),
            instruments,
            series,
            live: false,
            books: Books::default(),
            netting: Netting::Deny,
            holds: Holds::ALL,
            saves: false,
            limits: Limits::default(),
            risk: AccountRisk::NONE,
        }
    }
}

/// How the exchange keeps the positions of several strategies of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Books {
    /// Each strategy has positions of its own, as in a backtest.
    #[default]
    Apart,
    /// One net position for each instrument: one strategy trades an instrument, unless all concerned opted in to sharing
    /// ([`Deployment::shares`]).
    Netted,
}

/// Limits of the core. Each denial or fault names the one that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Intents taken from one answer.
    pub intents_per_event_max: usize,
    /// Open orders of one strategy.
    pub open_orders_max: usize,
    /// Timers of one strategy.
    pub timers_max: usize,
    /// Subscriptions of one strategy.
    pub subscriptions_max: usize,
    /// Warm-up candles of one subscription.
    pub warm_up_max: u32,
    /// Events that wait while a hook of the strategy is out; quotes, books and contexts are replaced instead of queued.
    pub queue_max: usize,
    /// Age of the event beyond which what was decided on it is denied, in milliseconds.
    pub decision_age_ms_max: u64,
    /// Largest size of one order; none: no such limit.
    pub order_size_max: Option<Decimal>,
    /// Largest notional of one order at its reference price; none: no such limit.
    pub order_notional_max: Option<Decimal>,
    /// Bytes of a strategy's key-value store, keys and values.
    pub state_bytes_max: usize,
    /// How long the exchange may admit what was signed, in milliseconds from when it was decided. Too short and a slow moment
    /// refuses orders; too long and an order whose answer is lost stays in doubt for as long.
    pub admission_ms_max: u64,
    /// How often an order in doubt is asked after, in milliseconds.
    pub doubt_ask_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            intents_per_event_max: 256,
            open_orders_max: 500,
            timers_max: 64,
            subscriptions_max: 256,
            warm_up_max: 100_000,
            queue_max: 2048,
            decision_age_ms_max: 5_000,
            order_size_max: None,
            order_notional_max: None,
            state_bytes_max: 1 << 20,
            admission_ms_max: 10_000,
            doubt_ask_ms: 1_000,
        }
    }
}

/// Settings that contradict themselves; nothing was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// An instrument does not stand at the place its number says.
    #[error("instrument {symbol} has number {id} but stands at place {place}: number instruments by their place, from 0")]
    InstrumentPlace {
        /// Its name.
        symbol: Symbol,
        /// Its number.
        id: InstrumentId,
        /// Where it stands.
        place: usize,
    },
    /// A series does not stand at the place its number says.
    #[error("series {id} stands at place {place}: number series by their place, from 0")]
    SeriesPlace {
        /// Its number.
        id: SeriesId,
        /// Where it stands.
        place: usize,
    },
    /// A series is of an instrument that is not listed.
    #[error("series {id} is of instrument {instrument}, which is not listed: list it or leave the series out")]
    SeriesOfNothing {
        /// The series.
        id: SeriesId,
        /// Its instrument.
        instrument: InstrumentId,
    },
    /// An account number too large for client order ids.
    #[error("account number {0} does not fit a client order id: use numbers below 2^24")]
    AccountNumber(AccountId),
    /// What is declared about risk makes no sense.
    #[error("risk settings of the account")]
    Risk(#[from] RiskSettingsError),
    /// A limit that would fault every strategy on its first answer.
    #[error(
        "queue_max is {queue_max}, not above intents_per_event_max {intents_max}: each intent of one answer may queue an event"
    )]
    QueueTooShort {
        /// The queue's limit.
        queue_max: usize,
        /// The intents of one answer.
        intents_max: usize,
    },
}

/// A strategy put into an account.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Its number.
    pub strategy: StrategyId,
    /// Which version of it, as the shell numbers what it runs: `init` is for an instance of this one.
    pub version: u32,
    /// Parameters, checked against its manifest, in its order.
    pub parameters: Arc<[(String, ParamValue)]>,
    /// Kinds of event it has hooks for; others are not delivered to it.
    pub knows: KnownEvents,
    /// Tick interval of a clocked strategy.
    pub tick_interval_ms: Option<u64>,
    /// What it saved before a restart.
    pub restored: Option<Vec<u8>>,
    /// Whether its trader lets it trade instruments that other strategies of the account trade too.
    pub shares: bool,
    /// What is declared about its risk.
    pub risk: StrategyRisk,
    /// What it does after a restart of the process, and what becomes of its orders and positions after a fault.
    pub restart: RestartPolicy,
}

impl Deployment {
    /// A strategy that neither ticks, restores nor shares, and goes on after a restart.
    pub const fn new(strategy: StrategyId, parameters: Arc<[(String, ParamValue)]>, knows: KnownEvents) -> Self {
        Self {
            strategy,
            version: 0,
            parameters,
            knows,
            tick_interval_ms: None,
            restored: None,
            shares: false,
            risk: StrategyRisk::NONE,
            restart: RestartPolicy::Resume,
        }
    }
}

/// A set of [`EventKind`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownEvents(u16);

impl KnownEvents {
    /// Every kind.
    pub const ALL: Self = Self((1 << EventKind::ALL.len()) - 1);

    /// With one more kind.
    #[must_use]
    pub const fn with(self, kind: EventKind) -> Self {
        Self(self.0 | (1 << kind as u16))
    }

    /// Whether a kind is in it.
    #[inline]
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & (1 << kind as u16) != 0
    }
}

/// What can happen to an account.
#[derive(Debug, Clone)]
pub enum Input {
    /// A strategy is put into the account; it does nothing until it is started.
    Deploy(Box<Deployment>),
    /// Start a strategy. Starting one that runs does nothing.
    Start(StrategyId),
    /// Stop a strategy. Stopping one that is stopped does nothing.
    Stop {
        /// Which.
        strategy: StrategyId,
        /// Why.
        reason: StopReason,
    },
    /// A strategy's parameters change; they were checked against its manifest.
    Params {
        /// Which.
        strategy: StrategyId,
        /// All of them, in the manifest's order.
        parameters: Arc<[(String, ParamValue)]>,
    },
    /// A new version of a strategy takes over: it gets what the old one saved, and the old one comes back if the new one refuses
    /// or fails before its first event has ended.
    Upgrade(Box<Deployment>),
    /// Every strategy that runs is asked for its state.
    Checkpoint,
    /// Every strategy is stopped; those that have not ended by the deadline are ended by it.
    Shutdown {
        /// When at the latest.
        deadline: Timestamp,
    },
    /// The market moved.
    Market(MarketEvent),
    /// The exchange says something about the account.
    Venue(VenueEvent),
    /// A hook ended.
    HookEnded(HookEnded),
    /// The operator or the trader says so.
    Operator(OperatorCommand),
    /// What the tenant has at stake in other accounts.
    TenantExposure {
        /// Notional at worst, in the quote asset; none: nobody knows it, so that nothing more may open under a limit of the tenant.
        elsewhere: Option<Decimal>,
    },
    /// Time has come to what [`next_wake`](crate::TradingCore::next_wake) said.
    Wake,
    /// A new process took the account over, its core rebuilt from the journal. Whatever the one before had sent and not heard
    /// of is in doubt from now on, and what is sent from now on is named by the new epoch.
    Opened {
        /// How often a process has taken the account over; above that of every process before it.
        epoch: u16,
    },
}

/// What an operator or a trader may say while an account runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorCommand {
    /// Fire a kill switch.
    Kill {
        /// Whose.
        scope: KillScope,
        /// What it does.
        action: KillAction,
    },
    /// Arm a kill switch that fired again, and end the rests of protections. Losses count anew from now on.
    Rearm {
        /// Whose.
        scope: KillScope,
    },
    /// Set what trading is allowed. A kill switch that fired may allow less.
    SetTradingState {
        /// Whose.
        scope: KillScope,
        /// What is allowed.
        state: TradingState,
    },
    /// Say whether an instrument is to be traded.
    SetTradable {
        /// Which.
        instrument: InstrumentId,
        /// Whether it is.
        tradable: bool,
    },
}

/// What happened to the safeguards of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RiskEvent {
    /// A kill switch fired, or fired again with a stronger action.
    Killed {
        /// Whose.
        scope: KillScope,
        /// What fired it.
        cause: KillCause,
        /// What it does.
        action: KillAction,
        /// Whether it waits for the connection to come back.
        armed: bool,
    },
    /// A kill switch is armed again.
    Rearmed {
        /// Whose.
        scope: KillScope,
    },
    /// The operator set what trading is allowed.
    TradingState {
        /// Whose.
        scope: KillScope,
        /// What is allowed.
        state: TradingState,
    },
    /// A protection makes a strategy rest.
    Paused {
        /// Which.
        strategy: StrategyId,
        /// Why and until when.
        pause: Pause,
    },
    /// Everything that a kill switch was to close is closed.
    Flat {
        /// Whose.
        strategy: StrategyId,
    },
    /// Everything that belongs to no strategy and was to be cancelled and closed is gone.
    OutsideFlat,
    /// The account's kill switch gave up closing what belongs to no strategy: the trader must.
    OutsideNotFlat {
        /// Which instrument.
        instrument: InstrumentId,
        /// What is still held, signed.
        size: Decimal,
    },
    /// A kill switch gave up closing a position: the trader must.
    NotFlat {
        /// Whose.
        strategy: StrategyId,
        /// Which instrument.
        instrument: InstrumentId,
        /// What is still held, signed.
        size: Decimal,
    },
    /// The exchange's dead man's switch, which is to be kept set, was refused or is unanswered: should the connection break, open
    /// orders stay. It is asked for again and again.
    DeadManLost,
    /// It is set again.
    DeadManBack,
}

/// What is to be done.
#[derive(Debug)]
pub enum Output {
    /// Hand an event to a strategy; the answer is [`Input::HookEnded`].
    Deliver(Deliver),
    /// Send these to the exchange.
    Send(Batch),
    /// Ask the exchange what became of an order.
    Resolve(Resolve),
    /// Ask the exchange which leverage and margin mode hold for an instrument: whether a change was taken is unknown. The answer
    /// is [`VenueEvent::LeverageSet`].
    ResolveLeverage(InstrumentId),
    /// Tell the trader.
    Notify {
        /// Who says so.
        strategy: StrategyId,
        /// How urgent.
        urgency: Urgency,
        /// What.
        text: String,
    },
    /// A strategy changed its state.
    Lifecycle {
        /// Which.
        strategy: StrategyId,
        /// What it is now.
        state: StrategyState,
    },
    /// A request was denied: for the record; the strategy hears of it through `on-order`.
    Denied {
        /// Whose.
        strategy: StrategyId,
        /// Why.
        refusal: Refusal,
    },
    /// Something happened to the account's safeguards: for the record.
    Risk(RiskEvent),
    /// A strategy's parameters were changed, or it refused them and keeps the old ones.
    Parameters {
        /// Which.
        strategy: StrategyId,
        /// Why not, in its own words.
        refused: Option<String>,
    },
    /// A strategy saved its state: the answer that held it is in the journal.
    Saved {
        /// Which.
        strategy: StrategyId,
        /// How much.
        bytes: usize,
    },
    /// A new version refused or failed before its first event had ended; the one before it begins again.
    RolledBack {
        /// Which.
        strategy: StrategyId,
        /// What was wrong.
        why: String,
    },
    /// Every strategy has ended, as [`Input::Shutdown`] asked.
    ShutDown {
        /// Those that the deadline ended.
        late: Vec<StrategyId>,
    },
    /// Ask the exchange for everything at once; the answer is [`VenueEvent::Snapshot`]. Strategies that were started wait
    /// for it, and nothing new is sent before it came.
    Reconcile(ReconcileCause),
    /// The exchange's word on the account differs from ours and is newer than everything we know, or more filled of an order
    /// than was ordered. Ours is replaced.
    Difference(Difference),
}

/// Why the account is to be reconciled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReconcileCause {
    /// It was not yet.
    Start,
    /// The connection was lost and is back.
    Reconnected,
}

/// Where the exchange and we differed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Exchange time of its word.
    pub time: Timestamp,
    /// In what.
    pub of: DifferenceOf,
    /// What we had.
    pub ours: Decimal,
    /// What the exchange has.
    pub theirs: Decimal,
}

impl Difference {
    /// Whether this is the exchange's first word on the account's cash: until it comes the account has none, and nothing is
    /// wrong.
    pub fn is_first_word(&self) -> bool {
        self.of == DifferenceOf::Cash && self.ours.is_zero()
    }
}

/// In what the exchange and we differed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DifferenceOf {
    /// What filled of an order beyond its size; ours is the size.
    Filled(ClientOrderId),
    /// The account's signed size of an instrument.
    Position(InstrumentId),
    /// Collateral without unrealized profit.
    Cash,
}

/// Everything that one event's answer asks of the exchange, in its order. The venue may split it; what it puts together, or
/// holds apart because the exchange wants post-only orders by themselves, is its own business, but never their order.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    /// The event whose answer asked for it; of what the core does by itself, the latest event.
    pub event: EventNumber,
    /// Never empty.
    pub commands: Vec<Approved<Command>>,
}

/// A question about an order whose fate is unknown. What the exchange knows of it comes back as it always does; where the order
/// is not open, [`VenueEvent::Absent`] comes last, whether it ended or never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolve {
    /// Which order.
    pub order: ClientOrderId,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// Until then the *identical signed bytes* of what is unanswered may be sent once more, since the exchange takes them once
    /// at most. Nothing else may ever be.
    pub repeat_until: Timestamp,
}

/// Where a strategy is in its life.
///
/// None of these is a pause: a strategy that is paused runs on and hears everything, and what it asks for is denied as far as the
/// [`TradingState`](crate::TradingState) of the operator, a kill switch or a protection says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StrategyState {
    /// Deployed, not started.
    Created,
    /// `init` is out, or history is being handed over.
    WarmingUp,
    /// Gets events, may trade.
    Running,
    /// `on-stop` is out, or its orders are being cancelled.
    Stopping,
    /// Holds nothing.
    Stopped,
    /// It refused to begin, in its own words.
    Refused(String),
    /// It failed; its orders are being cancelled or are gone.
    Faulted(Box<Fault>),
}
