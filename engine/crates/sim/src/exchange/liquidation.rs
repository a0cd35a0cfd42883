//! Margin at work: orders that the account cannot carry are refused, positions that it cannot keep are taken.

use crate::exchange::Exchange;
use crate::exchange::clearing::Taken;
use crate::exchange::desk::Desk;
use crate::exchange::market::Market;
use crate::exchange::order::Terms;
use calypte_kernel::{Decimal, InstrumentId, OrderKind, Price, Side, Size, StrategyId, Timestamp};

impl Market {
    /// The market stands at a price.
    #[inline]
    pub(super) fn mark(&self, desk: &mut Desk, price: Decimal) {
        if let Some(clearing) = &mut desk.clearing {
            clearing.mark(self.id, price);
        }
    }

    /// Liquidates what does not survive the way from one price to another. Gives where; the rest of the way is still to go.
    #[inline]
    pub(super) fn liquidate_between(&mut self, desk: &mut Desk, now: Timestamp, from: Decimal, to: Decimal) -> Option<Decimal> {
        let clearing = desk.clearing.as_mut()?;
        let (price, taken) = clearing.taken(self.id, from, to)?;
        clearing.mark(self.id, price);
        let strategies = match taken {
            Taken::Isolated(strategy) => vec![strategy],
            Taken::Cross => clearing.in_cross(self.id),
        };
        for strategy in strategies {
            self.liquidate(desk, now, strategy, price);
        }
        desk.cross_taken |= taken == Taken::Cross;
        Some(price)
    }

    /// Margin that standing orders reserve, each as if it stood alone. What waits for a trigger reserves none.
    fn reserved(&self, desk: &Desk) -> Decimal {
        let Some(clearing) = &desk.clearing else { return Decimal::ZERO };
        let orders = self.resting.iter().chain(&self.waiting).filter(|order| !order.reduce_only);
        let margins = orders.filter_map(|order| {
            let price = match order.terms {
                Terms::Limit { price, .. } | Terms::Immediate { price } => price,
                Terms::Market => self.last?,
                Terms::Trigger { .. } | Terms::Trailing { .. } => return None,
            };
            let before = self.position(order.strategy);
            clearing.order_margin(self.id, before, order.side.signed(order.size), Price::new(price).ok()?)
        });
        margins.fold(Decimal::ZERO, Decimal::saturating_add)
    }
}

impl Exchange {
    /// Whether the account can carry one more order; else why not, in words. `size` is what is still to fill.
    pub(super) fn refuses(
        &self,
        instrument: InstrumentId,
        strategy: StrategyId,
        (side, size, kind): (Side, Size, OrderKind),
    ) -> Option<String> {
        let clearing = self.desk.clearing.as_ref()?;
        let market = self.market(instrument)?;
        let price = match kind {
            OrderKind::Limit { price, .. } => price,
            OrderKind::Market => Price::new(market.last_price()?).ok()?,
            OrderKind::Trigger { .. } | OrderKind::TrailingStop { .. } => return None,
        };
        let margin = clearing.order_margin(instrument, market.position(strategy), side.signed(size), price);
        if margin.is_some_and(|margin| margin.is_zero()) {
            return None;
        }
        let reserved = self.markets.iter().fold(Decimal::ZERO, |sum, market| sum.saturating_add(market.reserved(&self.desk)));
        let free = clearing.free().and_then(|free| free.checked_sub(reserved)).unwrap_or(Decimal::MIN);
        match margin {
            Some(margin) if margin <= free => None,
            Some(margin) => Some(format!("it needs a margin of {margin}; {free} is free")),
            None => Some("its margin is out of range".to_owned()),
        }
    }

    /// Where the account could not keep its cross margin in one market, its cross positions in the others go with it, at the
    /// prices where those stand.
    #[inline]
    pub(super) fn take_the_rest(&mut self, now: Timestamp) {
        if std::mem::take(&mut self.desk.cross_taken) {
            self.liquidate_all(now);
        }
    }

    #[cold]
    fn liquidate_all(&mut self, now: Timestamp) {
        let Self { desk, markets, .. } = self;
        for market in markets {
            let strategies = desk.clearing.as_ref().map_or_else(Vec::new, |clearing| clearing.in_cross(market.id));
            let Some(price) = market.last_price() else { continue };
            for strategy in strategies {
                market.liquidate(desk, now, strategy, price);
            }
        }
    }
}
