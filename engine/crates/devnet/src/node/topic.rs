//! What can be subscribed to, as it is asked for and as it is echoed.

use crate::exchange::{BookPrecision, Interval};
use calypte_venues::hyperliquid::protocol::Subscription;
use serde_json::{Value, json};

/// A subscription in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Topic {
    pub(crate) subscription: Subscription,
    /// Of a book: significant figures and mantissa.
    n_sig_figs: Option<u32>,
    mantissa: Option<u32>,
}

impl Topic {
    /// Reads what is asked for; none where nobody could read it, or where it is of another exchange than the core one.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let subscription = <Subscription as serde::Deserialize>::deserialize(value).ok()?.normalized();
        let number = |key: &str| match value.get(key) {
            None | Some(Value::Null) => Some(None),
            Some(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()).map(Some),
        };
        if let Subscription::Candle { interval, .. } = &subscription
            && interval.parse::<Interval>().is_err()
        {
            return None;
        }
        let is_book = matches!(subscription, Subscription::L2Book { .. });
        let (n_sig_figs, mantissa) = if is_book { (number("nSigFigs")?, number("mantissa")?) } else { (None, None) };
        let is_core = value.get("dex").and_then(Value::as_str).is_none_or(str::is_empty);
        is_core.then_some(Self { subscription, n_sig_figs, mantissa })
    }

    /// One without a choice of precision.
    pub(crate) const fn plain(subscription: Subscription) -> Self {
        Self { subscription, n_sig_figs: None, mantissa: None }
    }

    pub(crate) const fn precision(&self) -> BookPrecision {
        BookPrecision { n_sig_figs: self.n_sig_figs, mantissa: self.mantissa }
    }

    /// What is echoed: keys in an order of the exchange's own, what was left out filled in.
    pub(crate) fn echo(&self) -> Value {
        match &self.subscription {
            Subscription::L2Book { coin, fast } => json!({
                "type": "l2Book",
                "coin": coin,
                "nSigFigs": self.n_sig_figs,
                "mantissa": self.mantissa,
                "fast": fast.unwrap_or(false),
            }),
            other => serde_json::to_value(other).unwrap_or_default(),
        }
    }

    /// The channel its messages come on.
    pub(crate) const fn channel(&self) -> &'static str {
        match self.subscription {
            Subscription::AllMids => "allMids",
            Subscription::L2Book { .. } => "l2Book",
            Subscription::Bbo { .. } => "bbo",
            Subscription::Trades { .. } => "trades",
            Subscription::Candle { .. } => "candle",
            Subscription::ActiveAssetCtx { .. } => "activeAssetCtx",
            Subscription::OrderUpdates { .. } => "orderUpdates",
            Subscription::UserEvents { .. } => "user",
            Subscription::UserFills { .. } => "userFills",
            Subscription::UserFundings { .. } => "userFundings",
            Subscription::UserNonFundingLedgerUpdates { .. } => "userNonFundingLedgerUpdates",
            Subscription::ClearinghouseState { .. } => "clearinghouseState",
            Subscription::OpenOrders { .. } => "openOrders",
            Subscription::SpotState { .. } => "spotState",
            Subscription::ActiveAssetData { .. } => "activeAssetData",
            Subscription::WebData3 { .. } => "webData3",
            Subscription::Notification { .. } => "notification",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_subscription_has_one_spelling() {
        let plain = Topic::read(&json!({ "type": "l2Book", "coin": "BTC" })).expect("a book");
        let full = json!({ "type": "l2Book", "coin": "BTC", "nSigFigs": null, "mantissa": null, "fast": false });
        assert_eq!(Topic::read(&full), Some(plain.clone()));
        assert_eq!(plain.echo(), full);
        let coarse = Topic::read(&json!({ "type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 2 })).expect("a book");
        assert_ne!(coarse, plain);
        assert_eq!(coarse.echo()["mantissa"], 2);
        let user = "0xAAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        let fills = Topic::read(&json!({ "type": "userFills", "user": user, "aggregateByTime": false })).expect("fills");
        assert_eq!(fills.echo(), json!({ "type": "userFills", "user": user.to_lowercase() }));
    }

    #[test]
    fn what_nobody_can_read_is_no_topic() {
        for value in [
            json!(null),
            json!({ "type": "webData2", "user": "0x0101010101010101010101010101010101010101" }),
            json!({ "type": "trades" }),
            json!({ "type": "trades", "coin": 5 }),
            json!({ "type": "userFills", "user": "me" }),
            json!({ "type": "candle", "coin": "BTC", "interval": "2m" }),
            json!({ "type": "l2Book", "coin": "BTC", "nSigFigs": "5" }),
            json!({ "type": "allMids", "dex": "xyz" }),
        ] {
            assert_eq!(Topic::read(&value), None, "{value}");
        }
    }
}
