//! Public market data: candles, trades, books, quotes, contexts.
//!
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket/subscriptions>

use super::{Address, List, Millis, Number};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most levels on each side of a book: the exchange shows 20.
pub const BOOK_LEVELS_MAX: usize = 100;
/// Most trades of one message: about 30 old ones come with a subscription.
pub const TRADES_MAX: usize = 2_000;

/// A side as one letter. In public trades it is the taker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// Bid: buy.
    B,
    /// Ask: sell.
    A,
}

impl From<Side> for calypte_kernel::Side {
    fn from(side: Side) -> Self {
        match side {
            Side::B => Self::Buy,
            Side::A => Self::Sell,
        }
    }
}

impl From<calypte_kernel::Side> for Side {
    fn from(side: calypte_kernel::Side) -> Self {
        match side {
            calypte_kernel::Side::Buy => Self::B,
            calypte_kernel::Side::Sell => Self::A,
        }
    }
}

/// A candle, running or closed: nothing in it says which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candle {
    /// Open time.
    #[serde(rename = "t")]
    pub open_time: Millis,
    /// Last millisecond that belongs to it.
    #[serde(rename = "T")]
    pub end_time: Millis,
    /// Coin.
    #[serde(rename = "s")]
    pub coin: String,
    /// Interval: `1m`, `1h`, `1M`, …
    #[serde(rename = "i")]
    pub interval: String,
    /// First price.
    #[serde(rename = "o")]
    pub open: Number,
    /// Last price so far.
    #[serde(rename = "c")]
    pub close: Number,
    /// Highest price.
    #[serde(rename = "h")]
    pub high: Number,
    /// Lowest price.
    #[serde(rename = "l")]
    pub low: Number,
    /// Traded size in the base asset; it can carry the noise of floating point.
    #[serde(rename = "v")]
    pub volume: Number,
    /// Number of trades.
    #[serde(rename = "n", default)]
    pub trades: u64,
}

/// A public trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Coin.
    pub coin: String,
    /// Side of the taker.
    pub side: Side,
    /// Price.
    pub px: Number,
    /// Size.
    pub sz: Number,
    /// Block time.
    pub time: Millis,
    /// Number of the trade; not unique by itself.
    pub tid: u64,
    /// Hash of the transaction; zeros where there is none.
    #[serde(default)]
    pub hash: Option<String>,
    /// Buyer, then seller.
    #[serde(default)]
    pub users: Option<(Address, Address)>,
}

/// A price and the size resting there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Price.
    pub px: Number,
    /// Size.
    pub sz: Number,
    /// Number of orders.
    #[serde(default)]
    pub n: u64,
}

/// A snapshot of the book; the answer to a question after an unknown coin is null instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// Coin.
    pub coin: String,
    /// Block time.
    pub time: Millis,
    /// Bids, then asks, best first.
    pub levels: (List<Level, BOOK_LEVELS_MAX>, List<Level, BOOK_LEVELS_MAX>),
}

/// Best bid and offer. A side without orders is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bbo {
    /// Coin.
    pub coin: String,
    /// Block time.
    pub time: Millis,
    /// Best bid, best offer.
    pub bbo: (Option<Level>, Option<Level>),
}

/// Mid prices by coin, spot pairs (`@1`) and outcomes (`#1`) among them. A mid can have more digits than a price may.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AllMids {
    /// By coin.
    pub mids: BTreeMap<String, Number>,
}

/// What surrounds the trading of an asset. Dead assets have nulls; a spot pair lacks what only perpetuals have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AssetContext {
    /// Hourly funding rate.
    pub funding: Option<Number>,
    /// Open interest in the base asset.
    pub open_interest: Option<Number>,
    /// Price a day ago.
    pub prev_day_px: Option<Number>,
    /// Traded notional of a day.
    pub day_ntl_vlm: Option<Number>,
    /// Traded size of a day.
    pub day_base_vlm: Option<Number>,
    /// Premium over the oracle.
    pub premium: Option<Number>,
    /// Oracle price.
    pub oracle_px: Option<Number>,
    /// Mark price.
    pub mark_px: Option<Number>,
    /// Mid price.
    pub mid_px: Option<Number>,
    /// Average prices of selling and buying a fixed notional.
    pub impact_pxs: Option<(Number, Number)>,
}

/// The context of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveAssetContext {
    /// Coin.
    pub coin: String,
    /// Its context.
    pub ctx: AssetContext,
}

/// A funding rate as it was charged; its time lies a few milliseconds past the hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FundingRate {
    /// Coin.
    pub coin: String,
    /// Hourly rate.
    pub funding_rate: Number,
    /// Premium over the oracle.
    #[serde(default)]
    pub premium: Option<Number>,
    /// When.
    pub time: Millis,
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn a_book_with_an_empty_side() {
        let book: Book =
            parse(br#"{"coin":"KO","time":5,"levels":[[],[{"px":"2.5","sz":"3","n":1}]],"spread":"0.1"}"#).expect("a book");
        assert!(book.levels.0.is_empty());
        assert_eq!(book.levels.1[0].px.to_string(), "2.5");
        assert_eq!(parse::<Option<Book>>(b"null"), Ok(None), "an unknown coin");
    }

    #[test]
    fn a_quote_with_one_side() {
        let quote: Bbo = parse(br#"{"coin":"KO","time":5,"bbo":[{"px":"2.4","sz":"1"},null]}"#).expect("a quote");
        assert_eq!(quote.bbo.0.map(|level| level.n), Some(0));
        assert_eq!(quote.bbo.1, None);
    }

    #[test]
    fn a_dead_asset_has_a_context_of_nulls() {
        let context: AssetContext =
            parse(br#"{"funding":"0.0","midPx":null,"impactPxs":null,"new":{"x":[1]}}"#).expect("a context");
        assert_eq!((context.funding, context.mid_px, context.mark_px), (Some(Number::default()), None, None));
    }
}
