//! Orders that are not over, and the forms in which orders are shown.

use super::shown::LongOrder;
use calypte_kernel::{Decimal, Side};
use calypte_venues::hyperliquid::protocol::{Address, Cloid, Millis, Number, Tif, TpSl};
use std::collections::BTreeMap;

/// An order that is not over.
#[derive(Debug, Clone)]
pub(super) struct LiveOrder {
    pub(super) user: Address,
    pub(super) coin: usize,
    pub(super) oid: u64,
    pub(super) side: Side,
    /// Limit price; of a trigger order for the market the worst price.
    pub(super) price: Decimal,
    /// What is still to fill. Of a reduce-only order never more than the position.
    pub(super) size: Decimal,
    /// What was asked for.
    pub(super) orig_size: Decimal,
    pub(super) placed: u64,
    pub(super) reduce_only: bool,
    pub(super) cloid: Option<Cloid>,
    pub(super) tif: Tif,
    pub(super) trigger: Option<Trigger>,
    pub(super) stage: Stage,
    /// What it belongs to.
    pub(super) kin: Kin,
    /// Whether it is sized with the position.
    pub(super) is_position_tpsl: bool,
}

/// What an order belongs to.
#[derive(Debug, Clone, Default)]
pub(super) struct Kin {
    /// Exits that wait for it to fill.
    pub(super) children: Vec<u64>,
    /// Of exits that were placed together: the number of their parent. One that fills ends the others.
    pub(super) group: Option<u64>,
}

/// A price that an order waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trigger {
    pub(super) price: Decimal,
    pub(super) tpsl: TpSl,
    pub(super) is_market: bool,
}

/// Where an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// In the book, or on its way through it.
    Book,
    /// It waits for the mark price.
    Trigger,
    /// It waits for its parent to fill.
    Parent,
}

impl Trigger {
    /// Whether the price that it waits for lies above.
    pub(super) fn waits_above(self, side: Side) -> bool {
        matches!((side, self.tpsl), (Side::Sell, TpSl::Tp) | (Side::Buy, TpSl::Sl))
    }

    /// Whether a mark price is what it waits for.
    pub(super) fn is_reached(self, side: Side, mark: Decimal) -> bool {
        if self.waits_above(side) { mark >= self.price } else { mark <= self.price }
    }
}

impl LiveOrder {
    /// In its long form; `children` are its own.
    pub(super) fn shown(&self, coin: &str, children: Vec<LongOrder>) -> LongOrder {
        let is_market = matches!(self.tif, Tif::FrontendMarket);
        let order_type = match self.trigger {
            None if is_market => "Market",
            None => "Limit",
            Some(Trigger { tpsl: TpSl::Tp, is_market: true, .. }) => "Take Profit Market",
            Some(Trigger { tpsl: TpSl::Tp, is_market: false, .. }) => "Take Profit Limit",
            Some(Trigger { tpsl: TpSl::Sl, is_market: true, .. }) => "Stop Market",
            Some(Trigger { tpsl: TpSl::Sl, is_market: false, .. }) => "Stop Limit",
        };
        let tif = match self.tif {
            Tif::Gtc => "Gtc",
            Tif::Ioc => "Ioc",
            Tif::Alo => "Alo",
            Tif::FrontendMarket => "FrontendMarket",
        };
        let trigger_condition = self.trigger.map_or("N/A".to_owned(), |trigger| {
            let word = if trigger.waits_above(self.side) { "above" } else { "below" };
            format!("Price {word} {}", Number::new(trigger.price))
        });
        LongOrder {
            coin: coin.to_owned(),
            side: self.side.into(),
            limit_px: self.price.into(),
            sz: self.size.into(),
            oid: self.oid,
            timestamp: Millis::new(self.placed).unwrap_or_default(),
            trigger_condition,
            is_trigger: self.trigger.is_some(),
            trigger_px: self.trigger.map_or(Decimal::ZERO, |trigger| trigger.price).into(),
            children,
            is_position_tpsl: self.is_position_tpsl,
            reduce_only: self.reduce_only,
            order_type: order_type.to_owned(),
            orig_sz: self.orig_size.into(),
            tif: self.trigger.is_none().then(|| tif.to_owned()),
            cloid: self.cloid,
        }
    }
}

/// The orders of all accounts that are not over, by number, and the numbers themselves.
#[derive(Debug, Default)]
pub(super) struct Orders {
    live: BTreeMap<u64, LiveOrder>,
    given: u64,
}

/// Numbers of orders begin here, so that they look like the exchange's: more than 32 bits.
const OIDS_FROM: u64 = 200_000_000_000;

impl Orders {
    /// A number that no order had.
    pub(super) fn next_oid(&mut self) -> u64 {
        self.given += 1;
        OIDS_FROM + self.given
    }

    pub(super) fn get(&self, oid: u64) -> Option<&LiveOrder> {
        self.live.get(&oid)
    }

    pub(super) fn get_mut(&mut self, oid: u64) -> Option<&mut LiveOrder> {
        self.live.get_mut(&oid)
    }

    pub(super) fn insert(&mut self, order: LiveOrder) {
        self.live.insert(order.oid, order);
    }

    pub(super) fn remove(&mut self, oid: u64) -> Option<LiveOrder> {
        self.live.remove(&oid)
    }
}
