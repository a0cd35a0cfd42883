//! Orders whose fate is unknown: asked after at once, and again and again until the exchange says something of them.
//!
//! ```text
//!   sent ──► no answer by its expiry, or the venue says that none will come ──► in doubt ──► Output::Resolve
//!                                                                                 ▲  │ doubt_ask_ms
//!                                                                                 └──┘
//! ```
//!
//! Nothing is ever sent a second time from here: the venue may repeat the identical signed bytes while they can be admitted,
//! which the exchange takes once at most. An order is dead only when they no longer can be *and* the exchange does not know it.

use super::TradingCore;
use crate::orders::News;
use crate::{OrderId, Output, Resolve, StrategyId, Timestamp};
use std::collections::BTreeSet;

/// When which order has to be looked after: one that is unanswered when its answer is overdue, one in doubt when it is to be
/// asked after again. As many as there are open orders, at most.
#[derive(Debug, Default)]
pub(super) struct Watch(BTreeSet<(Timestamp, StrategyId, OrderId)>);

impl Watch {
    /// When the first of them is due.
    #[inline]
    pub(super) fn next(&self) -> Option<Timestamp> {
        if self.0.is_empty() { None } else { self.0.first().map(|(due, ..)| *due) }
    }

    fn due(&self, until: Timestamp) -> Vec<(StrategyId, OrderId)> {
        self.0.iter().take_while(|(due, ..)| *due <= until).map(|(_, strategy, order)| (*strategy, *order)).collect()
    }
}

impl TradingCore {
    /// Sets when an order is to be looked after next, and asks after one that has come to be in doubt.
    pub(super) fn look_after(&mut self, place: usize, id: OrderId) {
        self.look(place, id, false);
    }

    fn look(&mut self, place: usize, id: OrderId, again: bool) {
        let slot = &mut self.slots[place];
        let strategy = slot.id();
        let Some(order) = slot.orders.any_mut(id) else { return };
        let before = order.due;
        let in_doubt = order.state().is_in_doubt();
        if in_doubt && (again || !order.asked) {
            order.due = Some(self.now.saturating_add(self.settings.limits.doubt_ask_ms.max(1)));
            let (name, instrument, repeat_until) = (order.client_id, order.order.instrument, order.admitted_until());
            self.outputs.push_back(Output::Resolve(Resolve { order: name, instrument, repeat_until }));
        } else if !in_doubt {
            order.due = if order.state().is_over() { None } else { order.overdue_at() };
        }
        order.asked = in_doubt;
        let after = order.due;
        if before != after {
            before.map(|due| self.watch.0.remove(&(due, strategy, id)));
            after.map(|due| self.watch.0.insert((due, strategy, id)));
        }
    }

    /// Takes an order to be in doubt that is to be asked after later, not at once: so that one which the exchange will not let
    /// go is not asked to go without pause.
    pub(super) fn doubt(&mut self, place: usize, id: OrderId) {
        let now = self.now;
        let ask_at = now.saturating_add(self.settings.limits.doubt_ask_ms.max(1));
        let slot = &mut self.slots[place];
        let strategy = slot.id();
        if slot.orders.learn(id, News::Unanswered).is_none() {
            return;
        }
        let Some(order) = slot.orders.any_mut(id).filter(|order| order.state().is_in_doubt() && !order.asked) else { return };
        order.asked = true;
        let before = order.due.replace(ask_at);
        before.map(|due| self.watch.0.remove(&(due, strategy, id)));
        self.watch.0.insert((ask_at, strategy, id));
    }

    /// When something that is unanswered or in doubt has to be looked after next.
    #[inline]
    pub(super) fn next_to_look_after(&self) -> Option<Timestamp> {
        [self.watch.next(), self.settings_asked.next()].into_iter().flatten().min()
    }

    /// Looks after everything that is due at a time or before. Each once, however far time has jumped.
    pub(super) fn watch_orders(&mut self, until: Timestamp) {
        self.ask_leverage(until);
        for (strategy, id) in self.watch.due(until) {
            let Some(place) = self.place_of(strategy) else { continue };
            match self.slots[place].orders.state(id) {
                Some(state) if state.is_in_doubt() => self.look(place, id, true),
                Some(_) => {
                    self.learn(place, id, News::Unanswered, self.now);
                }
                None => {}
            }
        }
    }
}
