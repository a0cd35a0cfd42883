//! Open orders of the account that no strategy of ours asked for: of the trader's own hand, of another program.
//!
//! They are kept apart from what strategies ordered, so that neither is taken for the other, and counted, since they share the
//! account's margin. What their fills made is nobody's position, or that of the one strategy that holds the instrument.

use crate::{Decimal, Timestamp, VenueFill, VenueOrder, VenueOrderId};
use std::collections::BTreeMap;

/// How many open orders that are not ours are kept: as many as the exchange lets an account have.
pub(crate) const EXTERNAL_ORDERS_MAX: usize = 5_000;

/// Open orders that are not ours, by the exchange's number.
#[derive(Debug, Default)]
pub(crate) struct ExternalOrders(BTreeMap<VenueOrderId, VenueOrder>);

/// There are as many orders as are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BookFull;

impl ExternalOrders {
    /// By the exchange's number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &VenueOrder> {
        self.0.values()
    }

    /// Notes an open order as it is shown; an older picture of it than the one that is kept changes nothing.
    pub(crate) fn note(&mut self, order: VenueOrder) -> Result<(), BookFull> {
        let known = self.0.get(&order.venue_order);
        if known.is_some_and(|known| known.as_of > order.as_of) {
            return Ok(());
        }
        if known.is_none() && self.0.len() >= EXTERNAL_ORDERS_MAX {
            return Err(BookFull);
        }
        self.0.insert(order.venue_order, order);
        Ok(())
    }

    /// Forgets an order; false where it was not known.
    pub(crate) fn gone(&mut self, order: VenueOrderId) -> bool {
        self.0.remove(&order).is_some()
    }

    /// Forgets what was not shown again in a picture of everything.
    pub(crate) fn keep_since(&mut self, as_of: Timestamp) {
        self.0.retain(|_, order| order.as_of >= as_of);
    }

    /// Counts a fill against the open order that it is of, if that is known.
    pub(crate) fn filled(&mut self, fill: &VenueFill) {
        let Some(order) = self.0.get_mut(&fill.venue_order) else { return };
        if fill.time <= order.as_of {
            return; // what is shown counts it already
        }
        order.remaining = order.remaining.saturating_sub(fill.size.get());
        if order.remaining <= Decimal::ZERO {
            self.0.remove(&fill.venue_order);
        }
    }
}
