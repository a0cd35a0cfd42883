//! From approved orders to actions, and from their answers back to the core.
//!
//! ```text
//!   commands of one event ──plan──► batches: cancels │ post-only │ the rest │ amends │ with exits, one each
//!        batch ──sign──► bytes ──► outbox: sent, repeated as they are, given up     (never signed anew)
//!        answer ──outcome──► one or more events for each entry
//! ```
//!
//! Nothing is rounded here but what has no price of its own: a market order, and the worst price behind a trigger. Those are
//! rounded so that they stay marketable, up for a buy and down for a sell. A price or size that does not lie on the grid is refused.

mod attached;
mod outbox;
mod outcome;
mod own;
mod plan;
#[cfg(test)]
mod tests;

pub use attached::{ATTACHED_MAX, AttachedOrders};
pub use outbox::{ANSWER_MS_MAX, Lane, Outbox, PENDING_MAX, REPEATS_MAX, Signed, Step};
pub use outcome::{doubted, outcome, refused, unsent};
pub use own::{OWN_ORDERS_MAX, OwnOrders};
pub use plan::{Plan, Planner, SLIPPAGE_MAX};

use super::budget::Urgency;
use super::protocol::{Action, Millis, OrderTypeWire, PlaceWire, Tif};
use calypte_kernel::{ClientOrderId, InstrumentId, MarginMode, OrderKind, Size, Timestamp, VenueOrderId};

/// What one entry of a batch asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A new order.
    Place {
        /// Its name.
        order: ClientOrderId,
    },
    /// An exit attached to the order before it, which is not told of until it lives.
    Exit,
    /// New terms.
    Amend {
        /// Whose.
        order: ClientOrderId,
        /// Its new total size, what has filled included.
        size: Size,
        /// Its new terms.
        kind: OrderKind,
    },
    /// An end.
    Cancel {
        /// Whose.
        order: ClientOrderId,
    },
    /// The end of an order that is not ours.
    CancelOutside {
        /// Its number.
        venue_order: VenueOrderId,
    },
    /// Leverage and margin mode.
    Leverage {
        /// Of which instrument.
        instrument: InstrumentId,
        /// How much.
        leverage: u32,
        /// Cross or isolated.
        mode: MarginMode,
    },
    /// The dead man's switch.
    Schedule {
        /// When it strikes; none: never.
        at: Option<Timestamp>,
    },
}

/// An action that is to be signed, and what its entries are, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The action.
    pub action: Action,
    /// Its entries: as many as the action has.
    pub entries: Vec<Entry>,
    /// When the exchange may admit it no longer: the earliest of its entries'.
    pub expires_after: Option<Millis>,
    /// How much it matters.
    pub urgency: Urgency,
}

impl Batch {
    /// Whether it only cancels, for which an account has more requests.
    pub const fn is_cancel(&self) -> bool {
        matches!(self.action, Action::Cancel { .. } | Action::CancelByCloid { .. })
    }

    /// Whether it places nothing but orders that only rest.
    pub fn is_post_only(&self) -> bool {
        let rests = |order: &PlaceWire| order.kind == OrderTypeWire::Limit { tif: Tif::Alo };
        match &self.action {
            Action::Order { orders, .. } => orders.iter().all(rests),
            Action::BatchModify { modifies, .. } => modifies.iter().all(|modify| rests(&modify.order)),
            _ => false,
        }
    }
}
