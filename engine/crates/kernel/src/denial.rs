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
    /// There is nothing to close.
    NoPosition = "no-position",
    /// The order is larger than the limit.
    OrderSizeLimit = "order-size-limit",
    /// The order is worth more than the limit.
    OrderNotionalLimit = "order-notional-limit",
    /// The strategy has as many open orders as it may.
    TooManyOpenOrders = "too-many-open-orders",
    /// The answer held more intents than are taken.
    TooManyIntents = "too-many-intents",
    /// The order has as many unanswered requests as it may.
    TooManyRequests = "too-many-requests",
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
