//! Exits of one strategy that the core guards, since they cannot rest at the exchange.
//!
//! ```text
//!   promised ──► waiting ──► reached ──► an order at the market, again until nothing is left
//!   (attached, its        (an open order          └──► given up, with an alert
//!    order unfilled)       to its strategy)
//! ```

use crate::{
    Answers, AttachedExits, Decimal, InstrumentId, Order, OrderId, OrderKind, OrderRef, Price, Side, Timestamp, TriggerKind,
};

/// An exit that waits for its price.
#[derive(Debug, Clone)]
pub(crate) struct GuardedExit {
    /// As the strategy sees it: open.
    pub(crate) order: Order,
    /// The intent that made it.
    pub(crate) answers: Answers,
    /// The order it is attached to; of two exits of one order only one goes out.
    pub(crate) parent: Option<OrderId>,
    /// The best price since it waits, for one that trails.
    best: Option<Price>,
}

/// Exits attached to an order that has not filled wholly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PromisedExits {
    pub(crate) parent: OrderId,
    pub(crate) instrument: InstrumentId,
    /// Direction of the exits.
    pub(crate) side: Side,
    pub(crate) exits: AttachedExits,
    pub(crate) answers: Answers,
}

/// An exit whose price came, or that only waits for others to make way.
#[derive(Debug, Clone)]
pub(crate) struct ReachedExit {
    /// As its strategy knows it; the first order that goes out has its number.
    pub(crate) order: Order,
    /// What of it is still to go out.
    pub(crate) left: Decimal,
    pub(crate) is_stop: bool,
    /// Whether its strategy was told of it as an open order.
    pub(crate) is_announced: bool,
    /// Whether an order ever went out for it, which tells of its end.
    pub(crate) went_out: bool,
    pub(crate) answers: Answers,
    /// The order that is out for it.
    pub(crate) sent: Option<OrderId>,
    pub(crate) attempts: u32,
    /// When the next attempt may be made; the first may be made before, of everything.
    pub(crate) next: Timestamp,
}

/// The exits of one strategy that the core guards.
#[derive(Debug, Default)]
pub(crate) struct Guarded {
    /// By number.
    waiting: Vec<GuardedExit>,
    promised: Vec<PromisedExits>,
    pub(crate) reached: Vec<ReachedExit>,
    /// Whether the trader was told that they are not at the exchange.
    pub(crate) is_told: bool,
}

impl GuardedExit {
    /// One that waits from now on, with the market at a price.
    pub(crate) const fn new(order: Order, answers: Answers, parent: Option<OrderId>, market: Option<Price>) -> Self {
        Self { order, answers, parent, best: market }
    }

    /// Whether its price has come.
    fn is_reached(&mut self, price: Price) -> bool {
        match (self.order.kind, self.order.side) {
            (OrderKind::Trigger { kind: TriggerKind::Stop, trigger_price, .. }, Side::Sell)
            | (OrderKind::Trigger { kind: TriggerKind::TakeProfit, trigger_price, .. }, Side::Buy) => price <= trigger_price,
            (OrderKind::Trigger { kind: TriggerKind::Stop, trigger_price, .. }, Side::Buy)
            | (OrderKind::Trigger { kind: TriggerKind::TakeProfit, trigger_price, .. }, Side::Sell) => price >= trigger_price,
            (OrderKind::TrailingStop { distance }, side) => self.trails(price, distance, side),
            (OrderKind::Market | OrderKind::Limit { .. }, _) => true,
        }
    }

    /// Follows the price; whether it came back by the distance. What leaves the range of a price never does.
    fn trails(&mut self, price: Price, distance: Price, side: Side) -> bool {
        let best = self.best.unwrap_or(price);
        let (best, back) = match side {
            Side::Sell => (best.max(price), best.max(price).get().checked_sub(price.get())),
            Side::Buy => (best.min(price), price.get().checked_sub(best.min(price).get())),
        };
        self.best = Some(best);
        back.is_some_and(|back| back >= distance.get())
    }
}

impl Guarded {
    /// Exits that wait, by number.
    pub(crate) fn waiting(&self) -> &[GuardedExit] {
        &self.waiting
    }

    /// Exits that were reached, and for which nothing is out. With those that wait they count as open orders, which bounds them.
    pub(crate) fn unsent(&self) -> impl Iterator<Item = &ReachedExit> {
        self.reached.iter().filter(|exit| exit.sent.is_none())
    }

    /// Whether there is anything to watch the market for.
    pub(crate) fn watches(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes an exit. Its number is above all others.
    pub(crate) fn insert(&mut self, exit: GuardedExit) {
        self.waiting.push(exit);
    }

    /// Notes that an order has exits to come.
    pub(crate) fn promise(&mut self, exits: PromisedExits) {
        self.promised.push(exits);
    }

    /// Forgets the exits of orders of which nothing more can fill.
    pub(crate) fn keep_promises(&mut self, may_fill: impl Fn(OrderId) -> bool) {
        self.promised.retain(|promised| may_fill(promised.parent));
    }

    /// The exits that an order was promised.
    pub(crate) fn promised(&self, parent: OrderId) -> Option<PromisedExits> {
        self.promised.iter().find(|promised| promised.parent == parent).copied()
    }

    /// The exit that a strategy names.
    pub(crate) fn named(&self, name: OrderRef) -> Option<&GuardedExit> {
        self.waiting.iter().find(|exit| match name {
            OrderRef::Id(id) => exit.order.id == id,
            OrderRef::Tag(tag) => exit.order.tag == Some(tag),
        })
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, id: OrderId) -> Option<&mut GuardedExit> {
        self.waiting.iter_mut().find(|exit| exit.order.id == id)
    }

    /// Exits that wait and are attached to an order.
    pub(crate) fn of_parent(&mut self, parent: OrderId) -> impl Iterator<Item = &mut GuardedExit> {
        self.waiting.iter_mut().filter(move |exit| exit.parent == Some(parent))
    }

    /// Takes out the exits that a condition holds of.
    pub(crate) fn take_out(&mut self, is_meant: impl Fn(&GuardedExit) -> bool) -> Vec<GuardedExit> {
        let (out, stay) = std::mem::take(&mut self.waiting).into_iter().partition(is_meant);
        self.waiting = stay;
        out
    }

    /// Takes out one exit of an instrument whose price has come, and the others of its order.
    pub(crate) fn reach(&mut self, instrument: InstrumentId, price: Price) -> Option<(GuardedExit, Vec<GuardedExit>)> {
        let of = |exit: &&mut GuardedExit| exit.order.instrument == instrument;
        let id = self.waiting.iter_mut().filter(of).find_map(|exit| exit.is_reached(price).then_some(exit.order.id))?;
        let exit = self.take_out(|exit| exit.order.id == id).pop()?;
        let others = exit.parent.map_or_else(Vec::new, |parent| self.take_out(|other| other.parent == Some(parent)));
        Some((exit, others))
    }

    /// Lets go of everything that waits; gives what strategies saw of it.
    pub(crate) fn clear(&mut self) -> Vec<GuardedExit> {
        self.promised.clear();
        std::mem::take(&mut self.waiting)
    }
}
