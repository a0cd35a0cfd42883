//! An order that stands at the exchange, and the price at which it acts.

use crate::exchange::desk::LimitFill;
use calypte_kernel::{
    AttachedExits, ClientOrderId, Decimal, NewOrder, OrderKind, Side, Size, StrategyId, TimeInForce, Timestamp, TriggerKind,
    VenueOrderId,
};

/// An order that stands.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) client_id: ClientOrderId,
    /// Also its place in the queue at one price: the lower number arrived first.
    pub(super) venue_id: VenueOrderId,
    /// When it arrived: a candle that was open by then is half over, so that the order takes part from the next one on.
    pub(super) arrived: Timestamp,
    /// Whose position it changes.
    pub(super) strategy: StrategyId,
    pub(super) side: Side,
    /// What is still to fill.
    pub(super) size: Size,
    /// What has filled.
    pub(super) filled: Decimal,
    pub(super) terms: Terms,
    pub(super) reduce_only: bool,
    pub(super) exits: Option<AttachedExits>,
    /// The other one of two exits of which only one may fill.
    pub(super) sibling: Option<ClientOrderId>,
    /// Whether it has met no price yet: a limit order that could fill at the first price it meets takes liquidity.
    pub(super) fresh: bool,
    /// How much stands before it at its price, where the data shows that; none: not known.
    pub(super) ahead: Option<Decimal>,
}

/// When an order came, and the number it got.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) time: Timestamp,
    pub(super) venue_id: VenueOrderId,
}

/// What it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Terms {
    /// The next open, at any price.
    Market,
    /// The next open, at this price or better; else it is cancelled.
    Immediate {
        price: Decimal,
    },
    Limit {
        price: Decimal,
        post_only: bool,
        /// Whether it is what a trigger order sent.
        child: bool,
    },
    Trigger {
        kind: TriggerKind,
        trigger: Decimal,
        limit: Option<Decimal>,
    },
    /// `best` is the best price seen; none before the first.
    Trailing {
        distance: Decimal,
        best: Option<Decimal>,
    },
}

/// The prices at which an order acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// This one and all below.
    Below(Decimal),
    /// This one and all above.
    Above(Decimal),
}

impl Standing {
    /// An order that arrives now. Its strategy is known from its name.
    pub(super) fn new(new: &NewOrder, strategy: StrategyId, arrival: Arrival, last: Option<Decimal>) -> Self {
        let terms = Terms::of(new.kind, last);
        Self {
            client_id: new.client_id,
            venue_id: arrival.venue_id,
            arrived: arrival.time,
            strategy,
            side: new.side,
            size: new.size,
            filled: Decimal::ZERO,
            terms,
            reduce_only: new.reduce_only,
            exits: new.exits,
            sibling: None,
            fresh: !terms.is_post_only(),
            ahead: None,
        }
    }

    /// New terms, as if it were cancelled and placed again: it goes to the end of the queue. `size` is what is still to fill.
    pub(super) fn amend(&mut self, terms: Terms, size: Size, arrival: Arrival) {
        self.terms = terms;
        self.size = size;
        self.venue_id = arrival.venue_id;
        self.arrived = arrival.time;
        self.fresh = !terms.is_post_only();
        self.ahead = None;
    }

    /// Where it acts; none where it waits for the next open instead.
    pub(super) fn level(&self) -> Option<Level> {
        let (below, price) = match self.terms {
            Terms::Market | Terms::Immediate { .. } => return None,
            Terms::Limit { price, .. } => (self.side == Side::Buy, price),
            Terms::Trigger { kind, trigger, .. } => ((self.side == Side::Buy) == (kind == TriggerKind::TakeProfit), trigger),
            Terms::Trailing { distance, best } => match self.side {
                Side::Buy => (false, best?.checked_add(distance)?),
                Side::Sell => (true, best?.checked_sub(distance)?),
            },
        };
        Some(if below { Level::Below(price) } else { Level::Above(price) })
    }

    /// Whether it acts when the market stands at `price`.
    pub(super) fn acts_at(&self, price: Decimal, limit_fill: LimitFill) -> bool {
        let strict = self.is_strict(limit_fill);
        match self.level() {
            None => false,
            Some(Level::Below(level)) => price < level || (price == level && !strict),
            Some(Level::Above(level)) => price > level || (price == level && !strict),
        }
    }

    /// Whether its price must be traded through: it rests in a queue.
    pub(super) fn is_strict(&self, limit_fill: LimitFill) -> bool {
        limit_fill == LimitFill::Through && !self.fresh && matches!(self.terms, Terms::Limit { .. })
    }

    /// Order among those that act at one price: stops first, since that is the worse outcome, then whoever arrived first.
    pub(super) fn rank(&self) -> (bool, VenueOrderId) {
        let stop = matches!(self.terms, Terms::Trailing { .. } | Terms::Trigger { kind: TriggerKind::Stop, .. });
        (!stop, self.venue_id)
    }
}

impl Terms {
    fn of(kind: OrderKind, last: Option<Decimal>) -> Self {
        match kind {
            OrderKind::Market => Self::Market,
            OrderKind::Limit { price, time_in_force: TimeInForce::Ioc } => Self::Immediate { price: price.get() },
            OrderKind::Limit { price, time_in_force } => {
                Self::Limit { price: price.get(), post_only: time_in_force == TimeInForce::Alo, child: false }
            }
            OrderKind::Trigger { kind, trigger_price, limit_price } => {
                Self::Trigger { kind, trigger: trigger_price.get(), limit: limit_price.map(calypte_kernel::Price::get) }
            }
            OrderKind::TrailingStop { distance } => Self::Trailing { distance: distance.get(), best: last },
        }
    }

    const fn is_post_only(self) -> bool {
        matches!(self, Self::Limit { post_only: true, .. })
    }

    /// These terms changed to others; none where they would be of another kind, or cannot change any more.
    pub(super) fn amended(self, kind: OrderKind) -> Option<Self> {
        let wanted = Self::of(kind, None);
        match (self, wanted) {
            (Self::Limit { child, .. }, Self::Limit { price, post_only, .. }) => Some(Self::Limit { price, post_only, child }),
            // What a trigger order sent is still known by that order's terms; only its limit can change now.
            (Self::Limit { child: true, .. }, Self::Trigger { limit: Some(price), .. }) => {
                Some(Self::Limit { price, post_only: false, child: true })
            }
            (Self::Trigger { kind: present, .. }, Self::Trigger { kind, .. }) if present == kind => Some(wanted),
            (Self::Trailing { best, .. }, Self::Trailing { distance, .. }) => Some(Self::Trailing { distance, best }),
            _ => None,
        }
    }
}
