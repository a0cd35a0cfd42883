//! Orders as the exchange shows them, and their statuses.

use super::{Cloid, Millis, Number, Side};
use serde::{Deserialize, Serialize};

/// An order, in any of the forms in which it is shown: the plain one of `openOrders` and `orderUpdates`, and the long one of
/// `frontendOpenOrders`, `orderStatus` and `historicalOrders`. What a form lacks is none. Its children are not read: exits attached
/// to it are told of when they become orders of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Coin.
    pub coin: String,
    /// Side.
    pub side: Side,
    /// Limit price; of a trigger order for the market the worst price.
    pub limit_px: Number,
    /// What is still to fill; zero once it filled.
    pub sz: Number,
    /// Its number.
    pub oid: u64,
    /// When it was placed.
    pub timestamp: Millis,
    /// Its size at first; the oldest answers did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orig_sz: Option<Number>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloid: Option<Cloid>,
    /// Whether it may only make a position smaller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduce_only: Option<bool>,
    /// `Limit`, `Market`, `Stop Market`, `Take Profit Limit`, or another word. Long form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_type: Option<String>,
    /// `Gtc`, `Ioc`, `Alo`, `FrontendMarket`, or another word. Long form; null for triggers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tif: Option<String>,
    /// Whether it waits for a trigger. Long form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_trigger: Option<bool>,
    /// Trigger price; zero without one. Long form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_px: Option<Number>,
    /// The trigger in words. Long form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_condition: Option<String>,
    /// Whether it is sized with the position. Long form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_position_tpsl: Option<bool>,
}

/// An order and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderUpdate {
    /// The order.
    pub order: Order,
    /// Its status, a word from an open list: see [`StatusKind::of`].
    pub status: String,
    /// When it came to that.
    pub status_timestamp: Millis,
}

/// What a status means for the order. New ones are told by their endings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusKind {
    /// It rests at the exchange.
    Open,
    /// The last of it filled.
    Filled,
    /// Its trigger price was reached; it goes on under the same number.
    Triggered,
    /// It is gone; part of it may have filled.
    Cancelled,
    /// It was refused. What was refused for want of a counterpart may have filled in part before.
    Rejected,
    /// Nobody here knows: it must be asked after.
    Unknown,
}

impl StatusKind {
    /// What a status means.
    pub fn of(status: &str) -> Self {
        match status {
            "open" => Self::Open,
            "filled" => Self::Filled,
            "triggered" => Self::Triggered,
            _ if status.ends_with("anceled") || status.ends_with("ancelled") || status.ends_with("Cancel") => Self::Cancelled,
            _ if status == "rejected" || status.ends_with("Rejected") => Self::Rejected,
            _ => Self::Unknown,
        }
    }
}

/// The answer to a question after one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStatus {
    /// `order`, or `unknownOid`, which alone is no proof: orders still open were reported so.
    pub status: String,
    /// The order, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderUpdate>,
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn statuses_are_told_by_their_endings() {
        let cases = [
            ("open", StatusKind::Open),
            ("filled", StatusKind::Filled),
            ("triggered", StatusKind::Triggered),
            ("canceled", StatusKind::Cancelled),
            ("marginCanceled", StatusKind::Cancelled),
            ("internalCancel", StatusKind::Cancelled),
            ("scheduledCancel", StatusKind::Cancelled),
            ("somethingNewCanceled", StatusKind::Cancelled),
            ("rejected", StatusKind::Rejected),
            ("iocCancelRejected", StatusKind::Rejected),
            ("somethingNewRejected", StatusKind::Rejected),
            ("somethingNew", StatusKind::Unknown),
            ("", StatusKind::Unknown),
        ];
        for (status, kind) in cases {
            assert_eq!(StatusKind::of(status), kind, "{status}");
        }
    }

    #[test]
    fn an_order_of_the_first_year_is_an_order() {
        let order: Order =
            parse(br#"{"coin":"KO","limitPx":"1.25","oid":7,"side":"A","sz":"20.0","timestamp":9}"#).expect("an order");
        assert_eq!((order.orig_sz, order.cloid, order.reduce_only), (None, None, None));
    }
}
