//! What is remembered of orders of ours, since an amend must say all of an order again.

use crate::hyperliquid::protocol::{Order, StatusKind};
use calypte_kernel::{ClientOrderId, Decimal, NewOrder, Side, Size, VenueOrder};
use std::collections::BTreeMap;

/// Most orders that are remembered: as many as an account may have open.
pub const OWN_ORDERS_MAX: usize = 5_000;

/// An order of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) side: Side,
    pub(super) reduce_only: bool,
    /// How much of it filled, as far as is known, earlier forms included.
    pub(super) filled: Decimal,
    /// What is left of it, as the exchange last said while it was open.
    left: Decimal,
    /// What filled of it by fills that came over the socket.
    traded: Decimal,
    /// Of that, what filled of the forms before this one: each amend begins a new one.
    before: Decimal,
    /// The exchange's number of its present form.
    form: Option<u64>,
    /// When it was remembered, for forgetting the oldest.
    number: u64,
}

/// Orders of ours that are out, by name.
#[derive(Debug, Default)]
pub struct OwnOrders {
    orders: BTreeMap<ClientOrderId, Own>,
    by_age: BTreeMap<u64, ClientOrderId>,
    next: u64,
}

impl OwnOrders {
    pub(super) fn get(&self, order: ClientOrderId) -> Option<Own> {
        self.orders.get(&order).copied()
    }

    /// Notes an order that goes out. Beyond [`OWN_ORDERS_MAX`] the oldest is forgotten: it can then be cancelled, not amended.
    pub fn placed(&mut self, order: &NewOrder) {
        self.note(order.client_id, order.side, order.reduce_only, (Decimal::ZERO, order.size.get()));
    }

    /// Notes an open order that was found: after a restart, this is all there is to go by.
    pub fn found(&mut self, order: &VenueOrder) {
        let filled = order.size.get().saturating_sub(order.remaining).max(Decimal::ZERO);
        if let Some(name) = order.order {
            self.note(name, order.side, order.reduce_only, (filled, order.remaining));
        }
    }

    /// Notes an exit that came alive.
    pub fn came_alive(&mut self, name: ClientOrderId, side: Side, size: Size) {
        self.note(name, side, true, (Decimal::ZERO, size.get()));
    }

    /// Notes a fill that came over the socket.
    pub fn traded(&mut self, order: ClientOrderId, size: Decimal) {
        if let Some(own) = self.orders.get_mut(&order) {
            own.traded = own.traded.saturating_add(size);
        }
    }

    /// Notes what an update says of an order: what is left of it, or that it is over. True: it is said to have filled, and the exchange
    /// had cut it to the position before, so that its fills do not add up to its size; what became of it has to be asked.
    pub fn updated(&mut self, order: &Order, status: &str) -> bool {
        let Some(name) = order.cloid.map(|cloid| cloid.0) else { return false };
        let kind = StatusKind::of(status);
        let mut was_cut = false;
        if let Some(own) = self.orders.get_mut(&name)
            && let Some(whole) = order.orig_sz
            && (own.form == Some(order.oid) || kind != StatusKind::Cancelled)
        {
            if own.form != Some(order.oid) {
                (own.form, own.before) = (Some(order.oid), own.filled);
            }
            let filled = whole.get().saturating_sub(order.sz.get()).max(Decimal::ZERO);
            own.filled = own.before.saturating_add(filled);
            match kind {
                StatusKind::Open => own.left = order.sz.get(),
                // The last fills may not have come yet: they are what was left.
                StatusKind::Filled => was_cut = own.reduce_only && own.traded.saturating_add(own.left) < whole.get(),
                _ => {}
            }
        }
        // An amend cancels the old form under the same name, and the new one is told of after it: that is no end.
        if matches!(kind, StatusKind::Filled | StatusKind::Rejected) {
            self.ended(name);
        }
        was_cut
    }

    /// Forgets an order that is over.
    pub fn ended(&mut self, order: ClientOrderId) {
        if let Some(own) = self.orders.remove(&order) {
            self.by_age.remove(&own.number);
        }
    }

    fn note(&mut self, name: ClientOrderId, side: Side, reduce_only: bool, (filled, left): (Decimal, Decimal)) {
        self.ended(name);
        if self.orders.len() >= OWN_ORDERS_MAX
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.orders.remove(&oldest);
        }
        let (traded, before, number) = (Decimal::ZERO, Decimal::ZERO, self.next);
        self.orders.insert(name, Own { side, reduce_only, filled, left, traded, before, form: None, number });
        self.by_age.insert(self.next, name);
        self.next += 1;
    }
}
