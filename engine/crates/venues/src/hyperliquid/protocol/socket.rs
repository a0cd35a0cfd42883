//! Frames of the WebSocket.
//!
//! There are no sequence numbers and no resume. Messages of one subscription come in the order of their block times; between
//! subscriptions, and between an answer and the feeds, there is no order at all.
//!
//! <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket>

mod fast;
mod frame;

pub use fast::{FAST_BYTES_MAX, FastContext};
pub use frame::*;

use super::{Address, Envelope};
use serde::{Deserialize, Serialize};

/// Something to subscribe to. An unknown or misspelt coin ends the whole socket, without a word: names are looked up first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Subscription {
    /// All mid prices, about every five seconds.
    AllMids,
    /// The book: 20 levels about every five seconds, or 5 levels about twice a second. Both come on one channel, and so at most one
    /// of them for each coin and socket.
    L2Book {
        /// Coin.
        coin: String,
        /// Whether the short and frequent one.
        #[serde(default, skip_serializing_if = "is_not")]
        fast: Option<bool>,
    },
    /// Best bid and offer, with each block that changes them.
    Bbo {
        /// Coin.
        coin: String,
    },
    /// Public trades; about 30 old ones come first, unmarked.
    Trades {
        /// Coin.
        coin: String,
    },
    /// The running candle.
    Candle {
        /// Coin.
        coin: String,
        /// Interval.
        interval: String,
    },
    /// Mark, oracle, funding, open interest, about once a second.
    ActiveAssetCtx {
        /// Coin.
        coin: String,
    },
    /// What becomes of orders. No snapshot, and the messages do not say whose.
    OrderUpdates {
        /// Account.
        user: Address,
    },
    /// Fills, funding, liquidations. No snapshot, and the messages do not say whose.
    UserEvents {
        /// Account.
        user: Address,
    },
    /// Fills; a snapshot of old ones first.
    UserFills {
        /// Account.
        user: Address,
    },
    /// Funding; a snapshot of old payments first.
    UserFundings {
        /// Account.
        user: Address,
    },
    /// Money moved; a snapshot first.
    UserNonFundingLedgerUpdates {
        /// Account.
        user: Address,
    },
    /// Positions and margin, whole, about every five seconds.
    ClearinghouseState {
        /// Account.
        user: Address,
    },
    /// Open orders, whole, about every five seconds.
    OpenOrders {
        /// Account.
        user: Address,
    },
    /// Spot balances, whole.
    SpotState {
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
    /// The account's agent with its expiry, the account's mode, the exchange's clock.
    WebData3 {
        /// Account.
        user: Address,
    },
    /// Words for people. The messages do not say whose.
    Notification {
        /// Account.
        user: Address,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "serde asks with a reference to the field")]
fn is_not(flag: &Option<bool>) -> bool {
    *flag != Some(true)
}

impl Subscription {
    /// The account it is about.
    pub const fn user(&self) -> Option<Address> {
        match self {
            Self::OrderUpdates { user }
            | Self::UserEvents { user }
            | Self::UserFills { user }
            | Self::UserFundings { user }
            | Self::UserNonFundingLedgerUpdates { user }
            | Self::ClearinghouseState { user }
            | Self::OpenOrders { user }
            | Self::SpotState { user }
            | Self::ActiveAssetData { user, .. }
            | Self::WebData3 { user }
            | Self::Notification { user } => Some(*user),
            Self::AllMids
            | Self::L2Book { .. }
            | Self::Bbo { .. }
            | Self::Trades { .. }
            | Self::Candle { .. }
            | Self::ActiveAssetCtx { .. } => None,
        }
    }

    /// The coin it is about.
    pub fn coin(&self) -> Option<&str> {
        match self {
            Self::L2Book { coin, .. }
            | Self::Bbo { coin }
            | Self::Trades { coin }
            | Self::Candle { coin, .. }
            | Self::ActiveAssetCtx { coin }
            | Self::ActiveAssetData { coin, .. } => Some(coin),
            _ => None,
        }
    }

    /// Whether its messages leave out whose they are, so that two accounts cannot share a socket for it.
    pub const fn leaves_out_the_user(&self) -> bool {
        matches!(self, Self::OrderUpdates { .. } | Self::UserEvents { .. } | Self::Notification { .. })
    }

    /// The same in one spelling: the exchange's echo fills in what was left out.
    #[must_use]
    pub fn normalized(self) -> Self {
        match self {
            Self::L2Book { coin, fast } => Self::L2Book { coin, fast: fast.filter(|fast| *fast) },
            other => other,
        }
    }
}

/// A frame that we send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "camelCase")]
pub enum ClientFrame {
    /// Subscribe.
    Subscribe {
        /// To what.
        subscription: Subscription,
    },
    /// Unsubscribe.
    Unsubscribe {
        /// From what.
        subscription: Subscription,
    },
    /// Keep the socket open: one that nothing was sent to for a minute is closed.
    Ping,
    /// An action over the socket.
    Post {
        /// Our number for it, which its answer carries.
        id: u64,
        /// What is asked.
        request: PostRequest,
    },
}

/// What a post asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload", rename_all = "camelCase")]
pub enum PostRequest {
    /// A signed action.
    Action(Envelope),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_as_the_exchange_reads_them() {
        let user = Address::from_bytes([1; 20]);
        let cases = [
            (ClientFrame::Ping, r#"{"method":"ping"}"#.to_owned()),
            (
                ClientFrame::Subscribe { subscription: Subscription::L2Book { coin: "KO".into(), fast: None } },
                r#"{"method":"subscribe","subscription":{"type":"l2Book","coin":"KO"}}"#.into(),
            ),
            (
                ClientFrame::Unsubscribe { subscription: Subscription::Candle { coin: "KO".into(), interval: "1m".into() } },
                r#"{"method":"unsubscribe","subscription":{"type":"candle","coin":"KO","interval":"1m"}}"#.into(),
            ),
            (
                ClientFrame::Subscribe { subscription: Subscription::WebData3 { user } },
                format!(r#"{{"method":"subscribe","subscription":{{"type":"webData3","user":"{user}"}}}}"#),
            ),
        ];
        for (frame, text) in cases {
            assert_eq!(serde_json::to_string(&frame).expect("text"), text);
            assert_eq!(serde_json::from_str::<ClientFrame>(&text).expect("a frame"), frame);
        }
    }

    #[test]
    fn an_echo_means_what_was_sent() {
        let echo = r#"{"coin":"KO","fast":false,"mantissa":null,"nSigFigs":null,"type":"l2Book"}"#;
        let echo: Subscription = serde_json::from_str(echo).expect("an echo");
        assert_eq!(echo.normalized(), Subscription::L2Book { coin: "KO".into(), fast: None });
    }
}
