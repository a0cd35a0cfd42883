//! What a finished run amounts to: plain data, from which reports are made. Money is exact, statistics are `f64`.
//!
//! A statistic that is not defined (no trade, no loss, fewer than two days) is none rather than zero or infinity. Formulas and
//! their sources stand in `engine/docs/statistics.md`.

use calypte_kernel::{
    Decimal, EventKind, EventNumber, Fault, HookEnded, InstrumentId, Price, Refusal, RiskEvent, Side, Size, StrategyId,
    StrategyState, Timestamp, Urgency, VenueFill,
};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Everything about a finished run but what was streamed to its [`Observer`].
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub status: RunStatus,
    /// Where the clock began: `from`, or the open of the first candle.
    pub start: Timestamp,
    /// Where it stopped: the close of the last candle handled, or the event that ended the run.
    pub end: Timestamp,
    /// What went through.
    pub counts: Counts,
    /// Why requests came to nothing.
    pub refusals: Refusals,
    /// Exact sums of money.
    pub money: Money,
    /// Return and risk over the whole run.
    pub performance: Performance,
    /// Sums over round trips.
    pub trade_statistics: TradeStatistics,
    /// Round trips in the order of their ends, at most [`BacktestSettings::trades_max`](crate::BacktestSettings).
    pub trades: Vec<Trade>,
    /// Round trips past that limit; the statistics count them, the list does not have them.
    pub trades_left_out: u64,
    /// Return of each UTC month, in order.
    pub months: Vec<MonthReturn>,
    /// Equity over time, evenly spaced, at most [`EQUITY_POINTS_MAX`](crate::EQUITY_POINTS_MAX) points, the last one at the end.
    pub equity: Vec<EquityPoint>,
    /// Positions still open at the end, by strategy, then instrument.
    pub open_positions: Vec<OpenPosition>,
    /// Fuel of all hooks.
    pub fuel: FuelSummary,
    /// Each strategy, by its number.
    pub strategies: Vec<StrategyOutcome>,
}

/// How a run ended. In each case the rest of the outcome covers everything up to there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunStatus {
    /// The data ended.
    Completed,
    /// The run's fuel was used up in this event.
    OutOfFuel(EventNumber),
    /// The only strategy, or the last one left, failed.
    Faulted(Box<Fault>),
    /// The only strategy, or the last one left, refused to begin, in its own words.
    Refused(String),
    /// The data could not be read on.
    BadData(Box<DataFault>),
    /// It was cancelled from outside, at this event.
    Cancelled(EventNumber),
}

impl RunStatus {
    /// Its name in reports: `completed`, `out-of-fuel`, `faulted` or `cancelled`. What went wrong with whom is a fault's kind.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::OutOfFuel(_) => "out-of-fuel",
            Self::Faulted(_) | Self::Refused(_) | Self::BadData(_) => "faulted",
            Self::Cancelled(_) => "cancelled",
        }
    }
}

/// Data that could not be read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFault {
    /// The last event before it.
    pub event: EventNumber,
    /// Where: a file, with its line where there is one.
    pub place: String,
    /// What is wrong there, with the value.
    pub words: String,
}

/// How many of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Candles of the sources, within the run's span.
    pub candles: u64,
    /// Candles of higher timeframes made from them.
    pub derived_candles: u64,
    /// Candles from before the span, read for warm-up only.
    pub history_candles: u64,
    /// Candles that the sources said are missing.
    pub missing_candles: u64,
    /// Stretches of missing candles.
    pub gaps: u64,
    /// Hooks called, `init` and `on-stop` included.
    pub events: u64,
    /// Of these, by the place of their kind in [`EventKind::ALL`].
    pub events_by_kind: [u64; EventKind::ALL.len()],
    /// Intents returned by hooks.
    pub intents: u64,
    /// Orders that reached the exchange.
    pub orders: u64,
    /// Requests denied by the risk gate.
    pub denied: u64,
    /// Requests refused by the exchange.
    pub rejected: u64,
    /// Orders cancelled, by whomever.
    pub cancelled: u64,
    /// Fills. A reversal is one.
    pub fills: u64,
    /// Of these, fills of resting orders.
    pub maker_fills: u64,
    /// Of these, fills that the exchange forced.
    pub liquidations: u64,
    /// Funding payments, by instrument and time.
    pub funding_payments: u64,
    /// Public trades.
    pub trades: u64,
    /// Best bids and offers.
    pub quotes: u64,
    /// Snapshots of books.
    pub books: u64,
}

/// Requests that came to nothing, counted by the stable code of the reason. Codes are the engine's own, so they are few.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusals {
    /// Denied by the risk gate: together [`Counts::denied`].
    pub denied: BTreeMap<Cow<'static, str>, u64>,
    /// Refused by the exchange: together [`Counts::rejected`].
    pub rejected: BTreeMap<Cow<'static, str>, u64>,
}

/// Exact sums of money, in the quote asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Money {
    /// Cash at the start.
    pub initial_cash: Decimal,
    /// Cash and positions at their last prices at the end.
    pub final_equity: Decimal,
    /// Fees paid, rebates taken off.
    pub fees: Decimal,
    /// Funding received, what was paid taken off.
    pub funding: Decimal,
    /// Notional of all fills.
    pub traded_notional: Decimal,
    /// Sizes of all fills, of all instruments.
    pub traded_size: Decimal,
}

/// Return and risk over the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Performance {
    /// Final equity over initial cash, less one.
    pub total_return: Option<f64>,
    /// Compound annual growth rate.
    pub cagr: Option<f64>,
    /// Standard deviation of daily returns, annualised.
    pub volatility: Option<f64>,
    /// Sharpe ratio, annualised, risk-free rate zero.
    pub sharpe: Option<f64>,
    /// Sortino ratio, annualised, target zero.
    pub sortino: Option<f64>,
    /// CAGR over maximum drawdown.
    pub calmar: Option<f64>,
    /// Deepest drawdown; none where equity never fell.
    pub max_drawdown: Option<Drawdown>,
    /// Share of the time in which any position was open.
    pub exposure: f64,
    /// Traded notional over the average equity.
    pub turnover: Option<f64>,
    /// Days that gave a return.
    pub days: u64,
}

/// A fall from a peak of equity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawdown {
    /// As a fraction of the peak.
    pub fraction: f64,
    /// In money. Exact.
    pub amount: Decimal,
    /// When the peak was left.
    pub start: Timestamp,
    /// When it was deepest.
    pub end: Timestamp,
    /// When the peak was reached again; none where it was not.
    pub recovery: Option<Timestamp>,
}

/// Sums over round trips, fees taken off. A round trip leads from flat to flat; a reversal ends one and begins the next.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TradeStatistics {
    /// How many.
    pub count: u64,
    /// With a profit.
    pub wins: u64,
    /// With a loss. The rest broke even.
    pub losses: u64,
    /// Sum of the profits, exact.
    pub gross_profit: Decimal,
    /// Sum of the losses, exact, positive.
    pub gross_loss: Decimal,
    /// Gross profit over gross loss.
    pub profit_factor: Option<f64>,
    /// Average result of a round trip.
    pub expectancy: Option<f64>,
    /// Share of round trips with a profit.
    pub win_rate: Option<f64>,
    /// Average profit of those with a profit.
    pub average_win: Option<f64>,
    /// Average loss of those with a loss, positive.
    pub average_loss: Option<f64>,
    /// Largest profit.
    pub largest_win: Option<Decimal>,
    /// Largest loss, positive.
    pub largest_loss: Option<Decimal>,
    /// Longest run of profits.
    pub consecutive_wins_max: u64,
    /// Longest run of losses.
    pub consecutive_losses_max: u64,
    /// Average length, in milliseconds.
    pub average_duration_ms: Option<f64>,
}

/// A round trip: from flat to flat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trade {
    /// Whose.
    pub strategy: StrategyId,
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Side of the entry: a buy is a long trade.
    pub side: Side,
    /// Sum of the sizes that entered.
    pub size: Size,
    /// Time of the first entry.
    pub entry_time: Timestamp,
    /// Time of the last exit.
    pub exit_time: Timestamp,
    /// Average price of the entries, rounded to 8 decimals.
    pub entry_price: Decimal,
    /// Average price of the exits, rounded to 8 decimals.
    pub exit_price: Decimal,
    /// Result after fees. Exact.
    pub pnl: Decimal,
    /// Its fees; a fill that reverses is shared between the two round trips by size.
    pub fees: Decimal,
    /// Maximum adverse excursion: the worst open result at any price seen, before fees, as a loss: zero or positive.
    /// Exact.
    pub mae: Decimal,
    /// Maximum favourable excursion: the best open result at any price seen, before fees: zero or positive. Exact.
    pub mfe: Decimal,
}

/// Return of one UTC month.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MonthReturn {
    /// Year.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u8,
    /// Equity at its end over equity at its start, less one; none where the start was not positive.
    pub value: Option<f64>,
}

/// Equity at one moment. Exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EquityPoint {
    /// When.
    pub time: Timestamp,
    /// Cash and positions at their last prices.
    pub equity: Decimal,
}

/// A position still open at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenPosition {
    /// Whose.
    pub strategy: StrategyId,
    /// In which instrument.
    pub instrument: InstrumentId,
    /// Signed size.
    pub size: Decimal,
    /// Quote asset that flowed since it was last flat, before fees: negative for a long position.
    pub flow: Decimal,
    /// Last price.
    pub mark: Option<Price>,
}

/// Fuel of hooks.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FuelSummary {
    /// All of it.
    pub total: u64,
    /// Per hook.
    pub mean: f64,
    /// What 99 of 100 hooks stayed within; read from a histogram whose classes are at most 1/32 wide, upper end.
    pub p99: u64,
    /// The most that one took.
    pub max: u64,
}

/// How one strategy fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyOutcome {
    /// Which.
    pub strategy: StrategyId,
    /// How it ended: stopped, refused, faulted.
    pub state: StrategyState,
    /// Hooks called.
    pub events: u64,
    /// Fills of its orders.
    pub fills: u64,
    /// Fees of these.
    pub fees: Decimal,
    /// Fuel it used.
    pub fuel: u64,
}

/// Gets what is too long to be kept, as it happens, in the order of the run: a stable order, fit for a digest.
///
/// It cannot stop a run: an observer that writes files keeps its error and gives it back afterwards.
pub trait Observer: Send {
    /// A fill. `position` is the strategy's signed size after it.
    fn fill(&mut self, strategy: StrategyId, fill: &VenueFill, position: Decimal);
    /// Equity, at the interval that the settings name and at the end of the run.
    fn equity(&mut self, point: EquityPoint);
    /// A hook ended with anything but «nothing»: intents, effects, or an answer that is no list of intents. It is not yet acted on.
    fn answered(&mut self, _time: Timestamp, _ended: &HookEnded) {}
    /// The risk gate denied a request.
    fn denied(&mut self, _time: Timestamp, _strategy: StrategyId, _refusal: &Refusal) {}
    /// Something happened to the account's safeguards.
    fn risk(&mut self, _time: Timestamp, _event: &RiskEvent) {}
    /// A strategy tells the trader something.
    fn notified(&mut self, _time: Timestamp, _strategy: StrategyId, _urgency: Urgency, _text: &str) {}
    /// A strategy changed its state.
    fn lifecycle(&mut self, _time: Timestamp, _strategy: StrategyId, _state: &StrategyState) {}
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn fill(&mut self, _strategy: StrategyId, _fill: &VenueFill, _position: Decimal) {}
    fn equity(&mut self, _point: EquityPoint) {}
}
