//! Questions to `POST /info`, and what each weighs.

use super::{Address, Millis, OrderKey};
use calypte_kernel::Timeframe;
use serde::{Deserialize, Serialize};

/// A question. Anybody may ask about any address; asking about an agent's instead of its account's finds an empty account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum InfoRequest {
    /// The perpetuals of an exchange.
    Meta {
        /// Which builder's; left out: the core.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dex: Option<String>,
    },
    /// The perpetuals and their contexts.
    MetaAndAssetCtxs {
        /// Which builder's; left out: the core.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dex: Option<String>,
    },
    /// Tokens and spot pairs.
    SpotMeta,
    /// Builders' exchanges.
    PerpDexs,
    /// All mid prices.
    AllMids,
    /// A book.
    L2Book {
        /// Coin.
        coin: String,
    },
    /// Candles, the newest 5000 at most; the last may still be running.
    CandleSnapshot {
        /// Which.
        req: CandleRange,
    },
    /// The last trades.
    RecentTrades {
        /// Coin.
        coin: String,
    },
    /// Funding rates.
    FundingHistory {
        /// Coin.
        coin: String,
        /// From when.
        start_time: Millis,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end_time: Option<Millis>,
    },
    /// An account's positions and margin.
    ClearinghouseState {
        /// Account.
        user: Address,
    },
    /// An account's spot balances.
    SpotClearinghouseState {
        /// Account.
        user: Address,
    },
    /// Open orders in their long form.
    FrontendOpenOrders {
        /// Account.
        user: Address,
    },
    /// One order.
    OrderStatus {
        /// Account.
        user: Address,
        /// Which.
        oid: OrderKey,
    },
    /// Orders of late.
    HistoricalOrders {
        /// Account.
        user: Address,
    },
    /// The newest fills.
    UserFills {
        /// Account.
        user: Address,
    },
    /// Fills of a time, oldest first, 2000 a page.
    UserFillsByTime {
        /// Account.
        user: Address,
        /// From when.
        start_time: Millis,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end_time: Option<Millis>,
    },
    /// Funding paid.
    UserFunding {
        /// Account.
        user: Address,
        /// From when.
        start_time: Millis,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end_time: Option<Millis>,
    },
    /// Money moved.
    UserNonFundingLedgerUpdates {
        /// Account.
        user: Address,
        /// From when.
        start_time: Millis,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end_time: Option<Millis>,
    },
    /// An account's budget of requests.
    UserRateLimit {
        /// Account.
        user: Address,
    },
    /// An account's fee rates.
    UserFees {
        /// Account.
        user: Address,
    },
    /// Leverage of a coin, also when none is held.
    ActiveAssetData {
        /// Account.
        user: Address,
        /// Coin.
        coin: String,
    },
    /// What kind of address it is.
    UserRole {
        /// The address.
        user: Address,
    },
    /// Named agents.
    ExtraAgents {
        /// Account.
        user: Address,
    },
    /// Sub-accounts.
    SubAccounts {
        /// Account.
        user: Address,
    },
    /// How an account keeps its collateral: `default`, `disabled`, `unifiedAccount`, `portfolioMargin`.
    UserAbstraction {
        /// Account.
        user: Address,
    },
    /// The exchange's clock.
    ExchangeStatus,
}

/// A stretch of candles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CandleRange {
    /// Coin.
    pub coin: String,
    /// Interval.
    pub interval: String,
    /// From this open time, itself included.
    pub start_time: Millis,
    /// To this open time, itself included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Millis>,
}

impl CandleRange {
    /// Most candles there can be of it.
    fn rows_max(&self) -> usize {
        const MOST: usize = 5_000;
        let span = self.end_time.map(|end| end.get().saturating_sub(self.start_time.get()));
        let length = self.interval.parse::<Timeframe>().ok().map(Timeframe::as_millis);
        let rows = span.zip(length).and_then(|(span, length)| usize::try_from(span / length + 1).ok());
        rows.map_or(MOST, |rows| rows.min(MOST))
    }
}

impl InfoRequest {
    /// What it takes of the weight that an address of ours has each minute, without what its rows add.
    /// <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/rate-limits-and-user-limits>
    pub const fn weight(&self) -> u32 {
        match self {
            Self::L2Book { .. }
            | Self::AllMids
            | Self::ClearinghouseState { .. }
            | Self::OrderStatus { .. }
            | Self::SpotClearinghouseState { .. }
            | Self::ExchangeStatus => 2,
            Self::UserRole { .. } => 60,
            _ => 20,
        }
    }

    /// What so many rows of its answer add.
    pub fn row_weight(&self, rows: usize) -> u32 {
        let rows_per_weight = match self {
            Self::RecentTrades { .. }
            | Self::HistoricalOrders { .. }
            | Self::UserFills { .. }
            | Self::UserFillsByTime { .. }
            | Self::FundingHistory { .. }
            | Self::UserFunding { .. }
            | Self::UserNonFundingLedgerUpdates { .. } => 20,
            Self::CandleSnapshot { .. } => 60,
            _ => return 0,
        };
        u32::try_from(rows / rows_per_weight).unwrap_or(u32::MAX)
    }

    /// Most rows its answer can have, for setting weight aside before it is asked.
    pub fn rows_max(&self) -> usize {
        match self {
            Self::CandleSnapshot { req } => req.rows_max(),
            Self::HistoricalOrders { .. } | Self::UserFills { .. } | Self::UserFillsByTime { .. } => 2_000,
            Self::FundingHistory { .. } | Self::UserFunding { .. } | Self::UserNonFundingLedgerUpdates { .. } => 500,
            Self::RecentTrades { .. } => 100,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Address {
        Address::from_bytes([7; 20])
    }

    #[test]
    fn questions_are_written_as_the_exchange_reads_them() {
        let millis = |value| Millis::new(value).expect("a time");
        let cases = [
            (InfoRequest::Meta { dex: None }, r#"{"type":"meta"}"#),
            (InfoRequest::L2Book { coin: "KO".into() }, r#"{"type":"l2Book","coin":"KO"}"#),
            (
                InfoRequest::CandleSnapshot {
                    req: CandleRange { coin: "KO".into(), interval: "1m".into(), start_time: millis(1), end_time: None },
                },
                r#"{"type":"candleSnapshot","req":{"coin":"KO","interval":"1m","startTime":1}}"#,
            ),
            (
                InfoRequest::OrderStatus { user: user(), oid: OrderKey::Oid(9) },
                r#"{"type":"orderStatus","user":"0x0707070707070707070707070707070707070707","oid":9}"#,
            ),
            (
                InfoRequest::UserFillsByTime { user: user(), start_time: millis(5), end_time: Some(millis(6)) },
                r#"{"type":"userFillsByTime","user":"0x0707070707070707070707070707070707070707","startTime":5,"endTime":6}"#,
            ),
            (InfoRequest::ExchangeStatus, r#"{"type":"exchangeStatus"}"#),
        ];
        for (request, text) in cases {
            assert_eq!(serde_json::to_string(&request).expect("text"), text);
            assert_eq!(serde_json::from_str::<InfoRequest>(text).expect(text), request);
        }
    }

    #[test]
    fn weights_are_those_of_the_documentation() {
        let candles = InfoRequest::CandleSnapshot {
            req: CandleRange { coin: "KO".into(), interval: "1m".into(), start_time: Millis::default(), end_time: None },
        };
        assert_eq!(candles.weight() + candles.row_weight(candles.rows_max()), 103);
        let rows_max = |interval: &str, end: u64| {
            let end_time = Millis::new(end);
            let (coin, interval, start_time) = ("KO".into(), interval.to_owned(), Millis::default());
            InfoRequest::CandleSnapshot { req: CandleRange { coin, interval, start_time, end_time } }.rows_max()
        };
        assert_eq!(
            [rows_max("1m", 0), rows_max("1m", 599_999), rows_max("1m", 4_000_000_000_000), rows_max("1M", 1)],
            [1, 10, 5_000, 5_000]
        );
        let fills = InfoRequest::UserFills { user: user() };
        assert_eq!(fills.weight() + fills.row_weight(2_000), 120);
        assert_eq!(InfoRequest::UserRole { user: user() }.weight(), 60);
        assert_eq!(InfoRequest::ClearinghouseState { user: user() }.weight(), 2);
        assert_eq!(InfoRequest::FrontendOpenOrders { user: user() }.weight(), 20);
    }
}
