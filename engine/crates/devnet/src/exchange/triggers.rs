//! Orders that wait for the mark price.

use super::Exchange;
use super::orders::{Stage, Trigger};
use super::place::Draft;
use calypte_kernel::{Decimal, Price, Side};
use calypte_venues::hyperliquid::protocol::{Address, EntryStatus, Tif};

impl Exchange {
    /// Fires the orders of a coin that the mark has reached, oldest first. Orders that these bring about wait for the next mark.
    pub(super) fn fire_triggers(&mut self, coin: usize) {
        let market = &self.markets[coin];
        let is_reached = |oid: &&u64| {
            let order = self.orders.get(**oid);
            order.is_some_and(|order| order.trigger.is_some_and(|trigger| trigger.is_reached(order.side, market.mark)))
        };
        let reached: Vec<u64> = market.triggers.iter().filter(is_reached).copied().collect();
        for oid in reached {
            // One before it may have ended it.
            if self.markets[coin].triggers.remove(&oid) {
                self.fire(oid, coin);
            }
        }
    }

    fn fire(&mut self, oid: u64, coin: usize) {
        let Some((user, position)) = self.orders.get(oid).map(|order| order.user).and_then(|user| {
            let account = self.accounts.get(&user)?;
            Some((user, account.size_of(coin)))
        }) else {
            return;
        };
        let Some(order) = self.orders.get_mut(oid) else { return };
        let reduces = !position.is_zero() && position.is_sign_negative() == (order.side == Side::Buy);
        if order.reduce_only {
            let most = if reduces { position.abs() } else { Decimal::ZERO };
            order.size = if order.is_position_tpsl { most } else { order.size.min(most) };
            if order.is_position_tpsl {
                order.orig_size = most;
            }
        }
        let is_market = order.trigger.is_some_and(|trigger: Trigger| trigger.is_market);
        let Ok(price) = Price::new(order.price) else { return };
        let draft = Draft {
            coin,
            side: order.side,
            price,
            size: order.size,
            tif: if is_market { Tif::Ioc } else { Tif::Gtc },
            reduce_only: order.reduce_only,
            trigger: None,
            cloid: order.cloid,
            is_position_tpsl: order.is_position_tpsl,
        };
        self.tell(oid, "triggered");
        if let Some(refused) = self.refused_once_triggered(oid, user, &draft) {
            self.finish(oid, refused);
            return;
        }
        // Only now: margin for it is not tied up before it was asked for.
        if let Some(order) = self.orders.get_mut(oid) {
            order.stage = Stage::Book;
        }
        if let EntryStatus::Unknown = self.run(oid, &draft) {
            self.finish(oid, "internalCancel");
        }
    }

    /// Why an order that waited cannot go on now: the status that says so.
    fn refused_once_triggered(&self, oid: u64, user: Address, draft: &Draft) -> Option<&'static str> {
        let market = &self.markets[draft.coin];
        if draft.reduce_only {
            if draft.size.is_zero() {
                return Some("reduceOnlyRejected");
            }
        } else if let Err(refusal) = self.check_margin(user, draft, draft.size, Some(oid)) {
            return refusal.status().or(Some("rejected"));
        }
        let takes = draft.tif == Tif::Ioc;
        (takes && market.book.best(draft.side.opposite()).is_none()).then_some("marketOrderNoLiquidityRejected")
    }
}
