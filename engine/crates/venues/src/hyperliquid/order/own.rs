//! What is remembered of orders of ours, since an amend must say all of an order again.

use crate::hyperliquid::protocol::{Order, StatusKind};
use calypte_kernel::{ClientOrderId, Decimal, NewOrder, Side, VenueOrder};
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
        self.note(order.client_id, order.side, order.reduce_only, Decimal::ZERO);
    }

    /// Notes an open order that was found: after a restart, this is all there is to go by.
    pub fn found(&mut self, order: &VenueOrder) {
        let filled = order.size.get().saturating_sub(order.remaining).max(Decimal::ZERO);
        if let Some(name) = order.order {
            self.note(name, order.side, order.reduce_only, filled);
        }
    }

    /// Notes what an update says of an order: what is left of it, or that it is over.
    pub fn updated(&mut self, order: &Order, status: &str) {
        let Some(name) = order.cloid.map(|cloid| cloid.0) else { return };
        let kind = StatusKind::of(status);
        if let Some(own) = self.orders.get_mut(&name)
            && let Some(whole) = order.orig_sz
            && (own.form == Some(order.oid) || kind != StatusKind::Cancelled)
        {
            if own.form != Some(order.oid) {
                (own.form, own.before) = (Some(order.oid), own.filled);
            }
            let filled = whole.get().saturating_sub(order.sz.get()).max(Decimal::ZERO);
            own.filled = own.before.saturating_add(filled);
        }
        // An amend cancels the old form under the same name, and the new one is told of after it: that is no end.
        if matches!(kind, StatusKind::Filled | StatusKind::Rejected) {
            self.ended(name);
        }
    }

    /// Forgets an order that is over.
    pub fn ended(&mut self, order: ClientOrderId) {
        if let Some(own) = self.orders.remove(&order) {
            self.by_age.remove(&own.number);
        }
    }

    fn note(&mut self, name: ClientOrderId, side: Side, reduce_only: bool, filled: Decimal) {
        self.ended(name);
        if self.orders.len() >= OWN_ORDERS_MAX
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.orders.remove(&oldest);
        }
        self.orders.insert(name, Own { side, reduce_only, filled, before: Decimal::ZERO, form: None, number: self.next });
        self.by_age.insert(self.next, name);
        self.next += 1;
    }
}
