//! Why a request is denied: stable codes, and the words that go with them.

use crate::Refusal;
use std::borrow::Cow;

macro_rules! denial_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// A reason to deny a request. The code is stable; `engine/docs/denials.md` says what to do about each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DenialCode {
            $($(#[$doc])* $name,)*
        }

        impl DenialCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its stable name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

denial_codes! {
    /// A number cannot be represented, or arithmetic on it overflows.
    NumberOutOfRange = "number-out-of-range",
    /// The instrument is not one of the account's.
    UnknownInstrument = "unknown-instrument",
    /// A price is zero or negative.
    PriceNotPositive = "price-not-positive",
    /// A price does not lie on the instrument's grid.
    PriceOffGrid = "price-off-grid",
    /// A size is zero or negative.
    SizeNotPositive = "size-not-positive",
    /// A size does not lie on the lot grid.
    SizeOffGrid = "size-off-grid",
    /// The order is worth too little.
    BelowMinNotional = "below-min-notional",
    /// A market order must be valued, and no price is known yet.
    NoPriceYet = "no-price-yet",
    /// The terms do not fit the order or contradict one another.
    BadTerms = "bad-terms",
    /// A reduce-only order would make a position, or a larger one.
    ReduceOnlyIncreases = "reduce-only-increases",
    /// Another strategy of the account trades the instrument, and they may not share it.
    InstrumentTaken = "instrument-taken",
    /// Another strategy that shares the instrument is, or could come to be, on the other side.
    OppositePosition = "opposite-position",
    /// There is nothing to close.
    NoPosition = "no-position",
    /// The order is larger than the limit.
    OrderSizeLimit = "order-size-limit",
    /// The order is worth more than the limit.
    OrderNotionalLimit = "order-notional-limit",
    /// The instrument is not to be traded now.
    InstrumentNotTradable = "instrument-not-tradable",
    /// The instrument does not take that kind of order.
    OrderTypeNotAllowed = "order-type-not-allowed",
    /// The notional in the instrument would be above the limit.
    InstrumentNotionalLimit = "instrument-notional-limit",
    /// The notional of the strategy would be above the limit.
    StrategyNotionalLimit = "strategy-notional-limit",
    /// The notional of the account would be above the limit.
    AccountNotionalLimit = "account-notional-limit",
    /// The notional of all the tenant's accounts would be above the limit.
    TenantNotionalLimit = "tenant-notional-limit",
    /// The notional of the account would be too many times its equity.
    LeverageLimit = "leverage-limit",
    /// The equity does not cover the initial margin.
    InsufficientMargin = "insufficient-margin",
    /// The strategy would need more of the account's collateral than its budget.
    BudgetExceeded = "budget-exceeded",
    /// The price is too far on the wrong side of the market.
    PriceCollar = "price-collar",
    /// It would meet an own order.
    SelfTrade = "self-trade",
    /// The market data of the instrument is too old.
    DataStale = "data-stale",
    /// The account is not reconciled with the exchange.
    NotReconciled = "not-reconciled",
    /// Too many new orders in too short a time.
    OrderRate = "order-rate",
    /// Too many amendments in too short a time.
    AmendRate = "amend-rate",
    /// Too many cancels in too short a time.
    CancelRate = "cancel-rate",
    /// Only what reduces passes: the operator says so.
    ReducingOnly = "reducing-only",
    /// Only cancels pass: the operator says so.
    TradingHalted = "trading-halted",
    /// A kill switch fired.
    Killed = "killed",
    /// A streak of stop-losses pauses it.
    PausedAfterLosses = "paused-after-losses",
    /// A drawdown of its round trips pauses it.
    PausedByDrawdown = "paused-by-drawdown",
    /// Too little profit pauses the instrument.
    PausedLowProfit = "paused-low-profit",
    /// The strategy has as many open orders as it may.
    TooManyOpenOrders = "too-many-open-orders",
    /// The answer held more intents than are taken.
    TooManyIntents = "too-many-intents",
    /// The order has as many unanswered requests as it may.
    TooManyRequests = "too-many-requests",
    /// The order's end was asked for already.
    AlreadyCancelling = "already-cancelling",
    /// What became of the order is unknown; only its end may be asked for.
    OrderInDoubt = "order-in-doubt",
    /// An open order of the strategy has that tag.
    DuplicateTag = "duplicate-tag",
    /// The tag is zero or larger than 2^53 - 1.
    BadTag = "bad-tag",
    /// The strategy has no open order of that name.
    UnknownOrder = "unknown-order",
    /// The strategy is still handed history.
    WarmingUp = "warming-up",
    /// The strategy is being stopped.
    Stopping = "stopping",
    /// The event it was decided on is too old.
    DecisionTooOld = "decision-too-old",
    /// The leverage is zero or beyond the instrument's limit.
    LeverageOutOfRange = "leverage-out-of-range",
    /// The timer's terms make no sense.
    BadTimer = "bad-timer",
    /// The strategy has as many timers as it may.
    TooManyTimers = "too-many-timers",
    /// To the operator: no strategy of that number is deployed.
    UnknownStrategy = "unknown-strategy",
    /// To the operator: a strategy of that number is at work.
    AlreadyDeployed = "already-deployed",
    /// To the operator: the account holds as many strategies as it may.
    TooManyStrategies = "too-many-strategies",
    /// To the operator: what is declared about risk makes no sense.
    BadRiskSettings = "bad-risk-settings",
}

impl std::fmt::Display for DenialCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A request that was denied, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Denial {
    /// The reason.
    pub code: DenialCode,
    /// The same in words, with the numbers involved.
    pub message: String,
}

impl Denial {
    /// A denial in words.
    pub(crate) fn new(code: DenialCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self { code: Cow::Borrowed(denial.code.as_str()), message: denial.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_exactly_the_codes_that_exist() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/denials.md");
        let page = std::fs::read_to_string(path).expect("engine/docs/denials.md is part of the repository");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let listed: Vec<&str> = rows.map(|(code, _)| code).collect();
        let codes: Vec<&str> = DenialCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(listed, codes, "one row for each code, in the order of the enum");
    }
}
