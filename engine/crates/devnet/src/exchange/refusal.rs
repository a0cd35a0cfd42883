//! Why an order is not taken, in the exchange's words.

use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::Number;

/// Why an order is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No such asset.
    Asset,
    /// The price is not on the grid.
    Tick,
    /// The price is none.
    Price,
    /// The size is zero.
    ZeroSize,
    /// The size is negative or not on the grid.
    Size,
    /// It is worth too little.
    MinValue,
    /// It is worth too much.
    MaxValue(u64),
    /// The account cannot carry it.
    Margin,
    /// It should make a position smaller, and would not.
    ReduceOnly,
    /// It should only rest, and would trade at these best prices.
    PostOnly { bid: Option<Decimal>, ask: Option<Decimal> },
    /// It should trade at once, and there is nothing at its price.
    NoCounterpart,
    /// It should trade at any price, and there is nothing at all.
    NoLiquidity,
    /// Its trigger price lies on the wrong side.
    Trigger,
    /// Its price is too far from everything.
    Band,
    /// The account has too many orders.
    TooMany,
    /// The account has so many orders that it may place no more of these.
    TooManyForThese,
    /// The order to be replaced is gone.
    Gone,
    /// What should take its place cannot.
    BadReplacement,
    /// Numbers beyond what can be counted.
    OutOfRange,
}

impl Refusal {
    /// The words, without the asset's number.
    pub(super) fn words(self) -> String {
        let shown = |price: Option<Decimal>| price.map_or_else(|| "0".to_owned(), |price| Number::new(price).to_string());
        let words = match self {
            Self::Asset => "Order has invalid asset.",
            Self::Tick => "Price must be divisible by tick size.",
            Self::Price => "Order has invalid price.",
            Self::ZeroSize => "Order has zero size.",
            Self::Size | Self::OutOfRange => "Order has invalid size.",
            Self::MinValue => "Order must have minimum value of $10.",
            Self::MaxValue(most) => return format!("Order value too large. Max is ${most}."),
            Self::Margin => "Insufficient margin to place order.",
            Self::ReduceOnly => "Reduce only order would increase position.",
            Self::PostOnly { bid, ask } => {
                return format!("Post only order would have immediately matched, bbo was {}@{}.", shown(bid), shown(ask));
            }
            Self::NoCounterpart => "Order could not immediately match against any resting orders.",
            Self::NoLiquidity => "No liquidity available for market order.",
            Self::Trigger => "Invalid TP/SL price.",
            Self::Band => "Order price cannot be more than 80% away from the reference price.",
            Self::TooMany => "Too many open orders.",
            Self::TooManyForThese => "Too many open orders: no more reduce only or trigger orders.",
            Self::Gone => "Cannot modify canceled or filled order.",
            Self::BadReplacement => "Attempted to modify to invalid new order.",
        };
        words.to_owned()
    }

    /// The words as they stand in an answer.
    pub(super) fn of(self, asset: u32) -> String {
        format!("{} asset={asset}", self.words())
    }

    /// The status under which the order is remembered and told of; none for what never became one.
    pub(super) fn status(self) -> Option<&'static str> {
        match self {
            Self::Tick => Some("tickRejected"),
            Self::MinValue => Some("minTradeNtlRejected"),
            Self::Margin => Some("perpMarginRejected"),
            Self::ReduceOnly => Some("reduceOnlyRejected"),
            Self::PostOnly { .. } => Some("badAloPxRejected"),
            Self::NoCounterpart => Some("iocCancelRejected"),
            Self::NoLiquidity => Some("marketOrderNoLiquidityRejected"),
            Self::Trigger => Some("badTriggerPxRejected"),
            Self::Band => Some("oracleRejected"),
            Self::MaxValue(_) => Some("perpMaxPositionRejected"),
            Self::TooMany | Self::TooManyForThese => Some("tooManyOpenOrdersRejected"),
            Self::Asset | Self::Price | Self::ZeroSize | Self::Size | Self::OutOfRange | Self::Gone | Self::BadReplacement => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_venues::hyperliquid::protocol::RefusalClass;

    #[test]
    fn the_client_knows_the_words() {
        let known = [
            (Refusal::Tick, RefusalClass::OffGrid),
            (Refusal::Price, RefusalClass::OffGrid),
            (Refusal::ZeroSize, RefusalClass::OffGrid),
            (Refusal::Size, RefusalClass::OffGrid),
            (Refusal::MinValue, RefusalClass::TooSmall),
            (Refusal::MaxValue(5), RefusalClass::TooLarge),
            (Refusal::Margin, RefusalClass::NoMoney),
            (Refusal::ReduceOnly, RefusalClass::StalePosition),
            (Refusal::PostOnly { bid: None, ask: Some(Decimal::ONE) }, RefusalClass::WouldTrade),
            (Refusal::NoCounterpart, RefusalClass::NoCounterpart),
            (Refusal::NoLiquidity, RefusalClass::NoCounterpart),
            (Refusal::Trigger, RefusalClass::BadTrigger),
            (Refusal::Band, RefusalClass::PriceBand),
            (Refusal::TooMany, RefusalClass::TooMany),
            (Refusal::Gone, RefusalClass::GoneOrNever),
            (Refusal::BadReplacement, RefusalClass::GoneOrNever),
        ];
        for (refusal, class) in known {
            assert_eq!(RefusalClass::of(&refusal.of(7)), class, "{}", refusal.of(7));
        }
        let post_only = Refusal::PostOnly { bid: Some(Decimal::from(97_000)), ask: Some(Decimal::from(97_001)) };
        assert_eq!(post_only.of(0), "Post only order would have immediately matched, bbo was 97000@97001. asset=0");
    }
}
