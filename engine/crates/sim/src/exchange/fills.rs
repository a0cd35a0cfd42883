//! How an order fills: as a taker or a maker, wholly or as far as there is something to fill it with, and what follows from it.

use crate::exchange::desk::Desk;
use crate::exchange::market::{Market, reaches, reducible};
use crate::exchange::order::{Standing, Terms};
use calypte_kernel::{
    AttachedExits, ClientOrderId, Decimal, Force, OrderKind, OrderOrigin, Price, Side, Size, StrategyId, Timestamp,
    TriggerKind, VenueEvent, VenueFill,
};

const SIBLING_FILLED: &str = "the other exit filled";
const REDUCE_ONLY: &str = "reduce-only: no position left to reduce";
const NOTHING_TO_TAKE: &str = "immediate-or-cancel: the open was beyond the limit";
const NOTHING_MORE_TO_TAKE: &str = "immediate-or-cancel: nothing more to take at the limit or better";
const OVERFLOW: &str = "arithmetic-overflow: price, size or position too large";
const MARGIN: &str = "margin-canceled: the account cannot carry it any more";
const LIQUIDATED: &str = "liquidated-canceled: its position was liquidated";

/// Largest position, and largest notional of one fill: more than all money there is, and little enough that sums over a run do
/// not overflow.
const AMOUNT_MAX: u64 = 1_000_000_000_000_000_000;

impl Market {
    /// An order that waited for the open gets it.
    pub(super) fn take_open(&mut self, desk: &mut Desk, now: Timestamp, order: Standing, open: Decimal) {
        match order.terms {
            Terms::Immediate { price } if !reaches(order.side, price, open) => {
                desk.cancelled(order.client_id, order.venue_id, NOTHING_TO_TAKE);
            }
            Terms::Immediate { price } => self.take(desk, now, order, open, Some(price)),
            _ => self.take(desk, now, order, open, None),
        }
    }

    /// An order acts where the market stands at `price`.
    pub(super) fn act(&mut self, desk: &mut Desk, now: Timestamp, mut order: Standing, price: Decimal) {
        match order.terms {
            Terms::Limit { price: limit, .. } if order.fresh => self.take(desk, now, order, price, Some(limit)),
            Terms::Trigger { limit: Some(limit), .. } => {
                desk.events.push_back(VenueEvent::Triggered { order: order.client_id });
                order.terms = Terms::Limit { price: limit, post_only: false, child: true };
                if reaches(order.side, limit, price) {
                    self.take(desk, now, order, price, Some(limit));
                } else {
                    order.fresh = false;
                    self.resting.push(order);
                }
            }
            Terms::Trigger { .. } | Terms::Trailing { .. } => {
                desk.events.push_back(VenueEvent::Triggered { order: order.client_id });
                order.terms = Terms::Market;
                self.take(desk, now, order, price, None);
            }
            Terms::Limit { .. } | Terms::Market | Terms::Immediate { .. } => {
                if let Some(rest) = self.fill(desk, now, order, Some(price), true) {
                    self.go_on(desk, rest);
                }
            }
        }
    }

    /// Fills as a taker: with slippage, but never beyond its limit. What does not fill goes on as its terms say.
    fn take(&mut self, desk: &mut Desk, now: Timestamp, order: Standing, price: Decimal, limit: Option<Decimal>) {
        let worst = self.taken_at(desk, order.side, price, limit);
        if let Some(rest) = self.fill(desk, now, order, worst, false) {
            self.go_on(desk, rest);
        }
    }

    /// What a taker pays or gets where the market stands at `price`; none where that overflows.
    pub(super) fn taken_at(&self, desk: &Desk, side: Side, price: Decimal, limit: Option<Decimal>) -> Option<Decimal> {
        let slipped = desk.taker_price(&self.rules, side, price);
        match (side, limit, slipped) {
            (Side::Buy, Some(limit), Some(slipped)) => Some(slipped.min(limit)),
            (Side::Sell, Some(limit), Some(slipped)) => Some(slipped.max(limit)),
            (_, _, slipped) => slipped,
        }
    }

    /// What is left of an order that filled in part, or not at all because there was nothing to fill it with.
    pub(super) fn go_on(&mut self, desk: &mut Desk, mut rest: Standing) {
        match rest.terms {
            Terms::Immediate { .. } => desk.cancelled(rest.client_id, rest.venue_id, NOTHING_MORE_TO_TAKE),
            Terms::Market => self.waiting.push(rest),
            Terms::Limit { .. } | Terms::Trigger { .. } | Terms::Trailing { .. } => {
                rest.fresh = false;
                self.resting.push(rest);
            }
        }
    }

    /// Fills an order as far as reduce-only and what there is to fill it with allow. Gives what goes on. `price` is none where
    /// it overflowed.
    pub(super) fn fill(
        &mut self,
        desk: &mut Desk,
        now: Timestamp,
        mut order: Standing,
        price: Option<Decimal>,
        maker: bool,
    ) -> Option<Standing> {
        let before = self.position(order.strategy);
        let wanted = if order.reduce_only { order.size.get().min(reducible(before, order.side)) } else { order.size.get() };
        if wanted.is_zero() {
            desk.cancelled(order.client_id, order.venue_id, REDUCE_ONLY);
            return None;
        }
        let Ok(size) = Size::new(self.available.map_or(wanted, |available| wanted.min(available))) else {
            return Some(order);
        };
        let booked = price.and_then(|price| Price::new(price).ok()).and_then(|price| {
            let after = before.checked_add(order.side.signed(size))?;
            let notional = size.get().checked_mul(price.get())?;
            let in_range = after.abs().max(notional) <= Decimal::from(AMOUNT_MAX);
            Some((price, desk.fee(maker, size.get(), price)?, after)).filter(|_| in_range)
        });
        let Some((price, fee, after)) = booked else {
            desk.cancelled(order.client_id, order.venue_id, OVERFLOW);
            return None;
        };
        if !desk.carries(self.id, (order.side, size, price), before) {
            desk.cancelled(order.client_id, order.venue_id, MARGIN);
            return None;
        }
        let trade_id = desk.next_trade();
        let fill = VenueFill {
            order: Some(order.client_id),
            venue_order: order.venue_id,
            trade_id,
            instrument: self.id,
            side: order.side,
            price,
            size,
            fee,
            maker,
            force: None,
            time: now,
        };
        self.book(desk, order.strategy, fill, after);
        order.filled = order.filled.saturating_add(size.get());
        let left = order.size.get() - size.get();
        let reduced = size.get() == wanted && !left.is_zero();
        if reduced {
            desk.cancelled(order.client_id, order.venue_id, REDUCE_ONLY);
        }
        if let Some(sibling) = order.sibling.take().and_then(|sibling| self.remove(sibling)) {
            desk.cancelled(sibling.client_id, sibling.venue_id, SIBLING_FILLED);
        }
        self.drop_reduced(desk, order.strategy, before, after);
        match Size::new(left) {
            Ok(left) if !reduced => {
                order.size = left;
                return Some(order);
            }
            _ => {
                if let Some(exits) = order.exits {
                    self.attach(desk, now, &order, exits, after);
                }
            }
        }
        None
    }

    /// Tells a fill, and moves the position and the account.
    fn book(&mut self, desk: &mut Desk, strategy: StrategyId, fill: VenueFill, after: Decimal) {
        if let Some(available) = &mut self.available {
            *available = available.saturating_sub(fill.size.get()).max(Decimal::ZERO);
        }
        desk.clear(strategy, &fill);
        desk.events.push_back(VenueEvent::Fill(Box::new(fill)));
        match self.positions.iter_mut().find(|(holder, _)| *holder == strategy) {
            Some((_, held)) => *held = after,
            None => self.positions.push((strategy, after)),
        }
    }

    /// The exchange closes a strategy's position where the market stands at `price`, and cancels its orders.
    pub(super) fn liquidate(&mut self, desk: &mut Desk, now: Timestamp, strategy: StrategyId, price: Decimal) {
        for orders in [&mut self.resting, &mut self.waiting] {
            orders.retain(|order| {
                let gone = order.strategy == strategy;
                if gone {
                    desk.cancelled(order.client_id, order.venue_id, LIQUIDATED);
                }
                !gone
            });
        }
        self.quiet = None;
        let Some((side, size)) = Side::of(-self.position(strategy)) else { return };
        let price = self.taken_at(desk, side, price, None).unwrap_or(price);
        let (Ok(price), Some((order, fee_rate))) = (Price::new(price), desk.next_liquidation(strategy)) else { return };
        let fill = VenueFill {
            order: Some(order),
            venue_order: desk.next_order(),
            trade_id: desk.next_trade(),
            instrument: self.id,
            side,
            price,
            size,
            fee: size.get().saturating_mul(price.get()).saturating_mul(fee_rate),
            maker: false,
            force: Some(Force::Liquidation),
            time: now,
        };
        // Volume does not hold it back: the backstop takes what the book does not.
        let available = self.available.take();
        self.book(desk, strategy, fill, Decimal::ZERO);
        self.available = available;
    }

    /// Cancels reduce-only orders whose position is gone.
    fn drop_reduced(&mut self, desk: &mut Desk, strategy: StrategyId, before: Decimal, after: Decimal) {
        self.resting.retain(|order| {
            let gone = order.reduce_only
                && order.strategy == strategy
                && !reducible(before, order.side).is_zero()
                && reducible(after, order.side).is_zero();
            if gone {
                desk.cancelled(order.client_id, order.venue_id, REDUCE_ONLY);
            }
            !gone
        });
    }

    /// The exits of an order that filled become live. They take part in what is left of the candle: the exchange holds them,
    /// so that nobody had to see the candle to place them.
    fn attach(&mut self, desk: &mut Desk, now: Timestamp, parent: &Standing, exits: AttachedExits, after: Decimal) {
        let side = parent.side.opposite();
        // An order that only closed has nothing to protect.
        if reducible(after, side).is_zero() {
            return;
        }
        let (Some(origin), Ok(size)) = (parent.client_id.origin(), Size::new(parent.filled)) else { return };
        let leg = |leg| ClientOrderId::derive(OrderOrigin { leg, ..origin });
        let (take_profit_id, stop_loss_id) = (leg(1), leg(2));
        let legs = [
            (take_profit_id, stop_loss_id, TriggerKind::TakeProfit, exits.take_profit),
            (stop_loss_id, take_profit_id, TriggerKind::Stop, exits.stop_loss),
        ];
        let both = exits.take_profit.is_some() && exits.stop_loss.is_some();
        for (id, sibling, kind, trigger_price) in legs {
            let (Some(client_id), Some(trigger_price)) = (id, trigger_price) else { continue };
            let venue_id = desk.next_order();
            let terms = OrderKind::Trigger { kind, trigger_price, limit_price: None };
            desk.events.push_back(VenueEvent::ExitLive {
                order: client_id,
                venue_order: venue_id,
                instrument: self.id,
                side,
                size,
                kind: terms,
            });
            self.add(Standing {
                client_id,
                venue_id,
                arrived: now,
                side,
                size,
                filled: Decimal::ZERO,
                terms: Terms::Trigger { kind, trigger: trigger_price.get(), limit: None },
                reduce_only: true,
                exits: None,
                sibling: sibling.filter(|_| both),
                fresh: false,
                ahead: None,
                ..*parent
            });
        }
    }
}
