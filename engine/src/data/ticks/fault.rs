//! What can be wrong with a row of trades, quotes, books or funding rates, besides what can be wrong with any row.

use crate::data::fault::At;
use calypte_kernel::Decimal;

/// What is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TickFault {
    /// No number.
    #[error("{column} is not a number: {value:?}; mend the value or drop the line")]
    NotANumber {
        /// The column's name.
        column: String,
        /// What stands there.
        value: String,
    },
    /// More digits than are exact.
    #[error("{column} has more digits than fit: {value:?}; numbers have at most 18 digits, at most 28 of them decimals")]
    TooManyDigits {
        /// The column's name.
        column: String,
        /// What stands there.
        value: String,
    },
    /// A price or size of zero or less.
    #[error("{column} is {value}, but it must be above zero; mend the value or drop the line")]
    NotPositive {
        /// The column's name.
        column: String,
        /// The value.
        value: Decimal,
    },
    /// A side that is none.
    #[error("side is {value:?}, but it must be buy or sell, the taker's; rewrite the column")]
    NotASide {
        /// What stands there.
        value: String,
    },
    /// A rate beyond what any exchange takes.
    #[error("funding_rate is {rate}, but no exchange takes more than {max} at once; a rate is a fraction: 0.0001 is 0.01 %")]
    RateTooLarge {
        /// The rate.
        rate: Decimal,
        /// The largest there is.
        max: Decimal,
    },
    /// Funding of one hour twice.
    #[error("funding of the hour {due} stands at {previous_at} already; drop one of the two")]
    HourTwice {
        /// The hour.
        due: String,
        /// Where it was first.
        previous_at: At,
    },
    /// The best bid is not below the best offer.
    #[error("the bid {bid} is not below the ask {ask}; check the order of the columns, else drop the line")]
    Crossed {
        /// Best bid.
        bid: Decimal,
        /// Best offer.
        ask: Decimal,
    },
    /// A level of a book that does not lie behind the one before it.
    #[error("{column} {value} does not lie behind the level before it, {before}; levels go from the best price outwards")]
    LevelOrder {
        /// The column's name.
        column: String,
        /// Its price.
        value: Decimal,
        /// The price of the level before it.
        before: Decimal,
    },
}

impl TickFault {
    /// A stable name of the kind of fault, for counting.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotANumber { .. } => "not-a-number",
            Self::TooManyDigits { .. } => "too-many-digits",
            Self::NotPositive { .. } => "not-positive",
            Self::NotASide { .. } => "not-a-side",
            Self::RateTooLarge { .. } => "rate-too-large",
            Self::HourTwice { .. } => "hour-twice",
            Self::Crossed { .. } => "crossed",
            Self::LevelOrder { .. } => "level-order",
        }
    }
}
