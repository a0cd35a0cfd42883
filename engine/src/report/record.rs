//! `report.json`: the record of a run. Fields are added, never renamed; another meaning is another version.

mod build;
mod refused;

pub(crate) use build::parameter;
pub(crate) use refused::count_words;

use crate::request::{LimitSettings, RiskFile};
use calypte_kernel::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of the record.
pub const REPORT_VERSION: u32 = 1;

/// What was read of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataRecord {
    /// Instrument.
    pub symbol: String,
    /// Length of a candle, such as `1m`; `trades`, `quotes`, `book` or `funding` where it holds no candles.
    pub timeframe: String,
    /// The file as it was given.
    pub file: String,
    /// SHA-256 of its bytes; none where they could not all be read.
    pub sha256: Option<String>,
    /// What was odd about it.
    pub warnings: Vec<String>,
    /// Oddities past the limit of that list.
    pub warnings_left_out: u64,
}

/// An instrument's rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstrumentRecord {
    /// Its name.
    pub symbol: String,
    /// Decimals of a size.
    pub size_decimals: u8,
    /// Decimals of a price.
    pub price_decimals: u8,
    /// Significant figures of a price; 0: no such rule.
    pub price_significant_figures: u8,
    /// Price step; zero: none.
    pub tick_size: String,
    /// Smallest notional.
    pub min_notional: String,
    /// Largest leverage; 0: none named.
    pub max_leverage: u32,
    /// Margin tiers: `FROM:LEVERAGE`, the notional from which a largest leverage holds.
    pub margin_tiers: Vec<String>,
}

/// Settings of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingsRecord {
    /// Candles before it are left out.
    pub from: Option<String>,
    /// Candles that open at it or later are left out.
    pub to: Option<String>,
    /// Cash at the start.
    pub cash: String,
    /// Taker fee, a fraction.
    pub fee_taker: String,
    /// Maker fee, a fraction.
    pub fee_maker: String,
    /// Slippage, in basis points.
    pub slippage_bps: String,
    /// `touch` or `through`.
    pub fill: &'static str,
    /// Fuel of the run.
    pub fuel: Option<u64>,
    /// Fuel of one event.
    pub fuel_per_event: Option<u64>,
    /// Limits of the sandbox that differ from the defaults, by name.
    #[serde(skip_serializing_if = "LimitSettings::is_empty")]
    pub limits: LimitSettings,
    /// Seed.
    pub seed: u64,
    /// `stop`, `skip` or `repair`.
    pub on_bad_data: String,
    /// `tell`, `stop` or `fill`.
    pub gaps: String,
    /// Whether results are the same on every architecture.
    pub portable: bool,
    /// What is simulated beyond fills and fees.
    pub models: ModelsRecord,
    /// What was declared about risk, as its file has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<RiskFile>,
    /// Architecture of the machine.
    pub architecture: &'static str,
    /// Version of the engine.
    pub engine: &'static str,
}

/// What is simulated beyond fills and fees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelsRecord {
    /// Leverage and margin mode by symbol, or of `all`; empty: positions need no margin.
    pub leverage: BTreeMap<String, String>,
    /// Fee of a liquidation; none: that of a taker.
    pub liquidation_fee: Option<String>,
    /// Milliseconds from the market to the strategy.
    pub latency_feed_ms: u64,
    /// Milliseconds from the strategy to the exchange.
    pub latency_order_ms: u64,
    /// Milliseconds from the exchange's books to the strategy.
    pub latency_report_ms: u64,
    /// Share of the volume that orders may fill with; none: they fill whole.
    pub participation: Option<String>,
    /// Trades, quotes, books and funding rates that were given: `SYMBOL:KIND`.
    pub ticks: Vec<String>,
}

/// The record of a run. `wall_time_ms` is the only field in which two equal runs differ.
#[derive(Debug, Clone, Serialize)]
pub struct RunRecord {
    version: u32,
    /// `completed`, `out-of-fuel`, `faulted` or `cancelled`.
    pub status: &'static str,
    /// SHA-256 of what the run depends on.
    pub digest: String,
    /// Hooks called.
    pub events: u64,
    /// Fills.
    pub fills: u64,
    /// Fees paid, rebates taken off. Exact.
    pub fees: String,
    /// Cash and positions at their last prices. Exact.
    pub final_equity: String,
    /// Fuel used.
    pub fuel: u64,
    /// Why it ended early, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The event in which it ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at_event: Option<u64>,
    /// The fault that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultRecord>,
    /// Where the clock began.
    pub start: String,
    /// Where it stopped.
    pub end: String,
    /// What is odd about the run as a whole, in words.
    pub warnings: Vec<String>,
    /// How many of each.
    pub counts: CountsRecord,
    /// Requests denied by the risk gate, by code.
    pub denials: BTreeMap<String, u64>,
    /// Requests refused by the exchange, by code.
    pub rejections: BTreeMap<String, u64>,
    /// Events by kind; hooks that are no events (`init`, `on-stop`) are counted in `events` only.
    pub events_by_kind: BTreeMap<&'static str, u64>,
    /// Funding received, what was paid taken off. Exact.
    pub funding: String,
    /// Cash at the start. Exact.
    pub initial_cash: String,
    /// Final equity over initial cash, less one.
    #[serde(rename = "return")]
    pub total_return: Option<f64>,
    /// Compound annual growth rate.
    pub cagr: Option<f64>,
    /// Deviation of daily returns, per year.
    pub volatility: Option<f64>,
    /// Sharpe ratio, per year.
    pub sharpe: Option<f64>,
    /// Sortino ratio, per year.
    pub sortino: Option<f64>,
    /// CAGR over the largest drawdown.
    pub calmar: Option<f64>,
    /// The deepest drawdown.
    pub max_drawdown: Option<DrawdownRecord>,
    /// Gross profit over gross loss.
    pub profit_factor: Option<f64>,
    /// Mean result of a round trip.
    pub expectancy: Option<f64>,
    /// Share of round trips with a profit.
    pub win_rate: Option<f64>,
    /// Mean profit of those with a profit.
    pub average_win: Option<f64>,
    /// Mean loss of those with a loss.
    pub average_loss: Option<f64>,
    /// Share of the time with an open position.
    pub exposure: f64,
    /// Traded notional over average equity.
    pub turnover: Option<f64>,
    /// Notional of all fills. Exact.
    pub traded_notional: String,
    /// Sizes of all fills. Exact.
    pub traded_size: String,
    /// Sums over round trips.
    pub trade_statistics: TradeStatisticsRecord,
    /// Return of each month.
    pub monthly_returns: Vec<MonthRecord>,
    /// Fuel of hooks.
    pub fuel_detail: FuelRecord,
    /// Positions still open.
    pub open_positions: Vec<OpenPositionRecord>,
    /// Each strategy.
    pub strategies: Vec<StrategyRecord>,
    /// Each file: what was read.
    pub data: Vec<DataRecord>,
    /// Each instrument: its rules.
    pub instruments: Vec<InstrumentRecord>,
    /// Money, fees, fuel and the rest.
    pub settings: SettingsRecord,
    /// What strategies told the trader.
    pub notifications: Vec<NotificationRecord>,
    /// Notifications past the limit of that list.
    pub notifications_left_out: u64,
    /// First and last lines of the log.
    pub log: Vec<LogRecord>,
    /// Lines of the log between the first and the last, and lines dropped past a limit.
    pub log_left_out: u64,
    /// Round trips past the limit of the list below.
    pub trades_left_out: u64,
    /// Round trips.
    pub trades: Vec<TradeRecord>,
    /// Wall-clock milliseconds of the run.
    pub wall_time_ms: u64,
}

/// What failed: an instance, or the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultRecord {
    /// Stable name of its kind: that of an instance's fault, `refused` where it refused in `init`, or `data`.
    pub kind: &'static str,
    /// The hook, or the guest's innermost functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The file, with its line where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The event; of data the last one before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    /// Fuel used in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// In words.
    pub detail: String,
}

/// How many of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountsRecord {
    /// Candles of the files.
    pub candles: u64,
    /// Candles made from them.
    pub derived_candles: u64,
    /// Candles read for warm-up only.
    pub history_candles: u64,
    /// Candles missing.
    pub missing_candles: u64,
    /// Stretches of missing candles.
    pub gaps: u64,
    /// Intents.
    pub intents: u64,
    /// Orders at the exchange.
    pub orders: u64,
    /// Requests denied by the risk gate.
    pub denied: u64,
    /// Requests refused by the exchange.
    pub rejected: u64,
    /// Orders cancelled.
    pub cancelled: u64,
    /// Fills of resting orders.
    pub maker_fills: u64,
    /// Fills that the exchange forced.
    pub liquidations: u64,
    /// Funding payments.
    pub funding_payments: u64,
    /// Public trades.
    pub trades: u64,
    /// Best bids and offers.
    pub quotes: u64,
    /// Snapshots of books.
    pub books: u64,
    /// Days that gave a return.
    pub days: u64,
}

/// A fall from a peak of equity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrawdownRecord {
    /// As a fraction of the peak.
    pub fraction: f64,
    /// In money. Exact.
    pub amount: String,
    /// When the peak was left.
    pub start: String,
    /// When it was deepest.
    pub end: String,
    /// When the peak was reached again.
    pub recovery: Option<String>,
}

/// Sums over round trips.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TradeStatisticsRecord {
    /// How many.
    pub count: u64,
    /// With a profit.
    pub wins: u64,
    /// With a loss.
    pub losses: u64,
    /// Sum of the profits. Exact.
    pub gross_profit: String,
    /// Sum of the losses. Exact.
    pub gross_loss: String,
    /// Largest profit. Exact.
    pub largest_win: Option<String>,
    /// Largest loss. Exact.
    pub largest_loss: Option<String>,
    /// Longest run of profits.
    pub consecutive_wins_max: u64,
    /// Longest run of losses.
    pub consecutive_losses_max: u64,
    /// Mean length, in milliseconds.
    pub average_duration_ms: Option<f64>,
}

/// Return of a month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MonthRecord {
    /// Year.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u8,
    /// The return.
    #[serde(rename = "return")]
    pub value: Option<f64>,
}

/// Fuel of hooks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FuelRecord {
    /// All of it.
    pub total: u64,
    /// Per event.
    pub mean: f64,
    /// What 99 of 100 events stayed within.
    pub p99: u64,
    /// The most of one.
    pub max: u64,
}

/// A position still open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenPositionRecord {
    /// Whose.
    pub strategy: String,
    /// In what.
    pub symbol: String,
    /// Signed size. Exact.
    pub size: String,
    /// Money that flowed since it was last flat. Exact.
    pub flow: String,
    /// Last price.
    pub mark: Option<String>,
}

/// How one strategy fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StrategyRecord {
    /// Its name in the run.
    pub name: String,
    /// Name in its manifest.
    pub manifest_name: String,
    /// Version in its manifest.
    pub manifest_version: String,
    /// SHA-256 of its component.
    pub sha256: String,
    /// Every parameter with the value it ran with.
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// What it last showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<ShownRecord>,
    /// `stopped`, `refused`, `faulted` …
    pub state: &'static str,
    /// Its refusal, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Its fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultRecord>,
    /// Hooks called.
    pub events: u64,
    /// Fills.
    pub fills: u64,
    /// Fees. Exact.
    pub fees: String,
    /// Fuel.
    pub fuel: u64,
}

/// What a strategy shows to its trader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownRecord {
    /// A text.
    Text(String),
    /// A table.
    Table {
        /// Its title.
        title: String,
        /// Names of the columns.
        columns: Vec<String>,
        /// Its rows.
        rows: Vec<Vec<String>>,
    },
}

/// A message to the trader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotificationRecord {
    /// When.
    pub time: String,
    /// Who says so.
    pub strategy: String,
    /// `info`, `warning` or `alert`.
    pub urgency: &'static str,
    /// What.
    pub text: String,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogRecord {
    /// When.
    pub time: String,
    /// Whose.
    pub strategy: String,
    /// `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// The line.
    pub text: String,
}

/// A round trip.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TradeRecord {
    /// Whose.
    pub strategy: String,
    /// Of what.
    pub symbol: String,
    /// `long` or `short`.
    pub side: &'static str,
    /// Sum of the sizes that entered. Exact.
    pub size: String,
    /// First entry.
    pub entry_time: String,
    /// Last exit.
    pub exit_time: String,
    /// Average entry, 8 decimals.
    pub entry_price: String,
    /// Average exit, 8 decimals.
    pub exit_price: String,
    /// Result after fees. Exact.
    pub pnl: String,
    /// Fees. Exact.
    pub fees: String,
    /// Worst open result on the way. Exact.
    pub mae: String,
    /// Best open result on the way. Exact.
    pub mfe: String,
}

/// An exact number as text, without trailing zeros.
pub fn money(value: Decimal) -> String {
    // A report holds hundreds of thousands of them, nearly all of which are small enough for this.
    let Ok(mut digits) = u64::try_from(value.mantissa().unsigned_abs()) else { return value.normalize().to_string() };
    let mut decimals = value.scale();
    while decimals > 0 && digits.is_multiple_of(10) {
        (digits, decimals) = (digits / 10, decimals - 1);
    }
    let is_negative = value.is_sign_negative() && digits != 0;
    let mut text = [b'0'; MONEY_BYTES_MAX];
    let mut start = text.len();
    let mut written = 0;
    while digits > 0 || written <= decimals {
        if written == decimals && decimals > 0 {
            start -= 1;
            text[start] = b'.';
        }
        start -= 1;
        text[start] = b'0' + u8::try_from(digits % 10).unwrap_or_default();
        (digits, written) = (digits / 10, written + 1);
    }
    if is_negative {
        start -= 1;
        text[start] = b'-';
    }
    String::from_utf8_lossy(&text[start..]).into_owned()
}

/// A sign, a point, and as many digits as a decimal has at most, one of them before the point.
const MONEY_BYTES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_at_its_limits_is_exact() {
        for (value, text) in [
            (Decimal::ZERO, "0"),
            (Decimal::new(0, 8), "0"),
            (Decimal::new(-5, 1), "-0.5"),
            (Decimal::new(-1_200, 2), "-12"),
            (Decimal::new(1, 28), "0.0000000000000000000000000001"),
            (Decimal::MAX, "79228162514264337593543950335"),
            (Decimal::MIN, "-79228162514264337593543950335"),
        ] {
            assert_eq!(money(value), text);
        }
    }

    proptest! {
        #[test]
        fn money_is_the_plain_number(digits in any::<i128>(), shift in 32_u32..128, scale in 0_u32..=28) {
            let value = Decimal::from_i128_with_scale(digits >> shift, scale);
            prop_assert_eq!(money(value), value.normalize().to_string());
        }
    }
}
