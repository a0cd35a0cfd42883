//! Fills that were counted, so that none is counted twice.

use crate::{Timestamp, TradeId, VenueFill, VenueOrderId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many fills of an account are remembered. An exchange repeats its newest fills after every reconnect; Hyperliquid has the
/// newest 10,000 and no more.
pub(crate) const FILLS_REMEMBERED_MAX: usize = 16_384;

/// The latest fills of an account, whoever they belong to.
///
/// The number of a trade is not unique by itself (dust conversions share one), so a fill is known by it together with the
/// number of its order.
#[derive(Debug, Default)]
pub(crate) struct FillMemory {
    known: BTreeSet<(VenueOrderId, TradeId)>,
    /// The same, oldest first, with their times.
    ages: VecDeque<(Timestamp, VenueOrderId, TradeId)>,
    /// Those that were counted without an order, which may be told of later, and whether they are some strategy's.
    unclaimed: BTreeMap<(VenueOrderId, TradeId), bool>,
    /// The latest time of those that were forgotten: what is older cannot be told apart from them.
    forgotten: Option<Timestamp>,
}

/// Whether a fill was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Never.
    New,
    /// It was counted.
    Before,
    /// It is older than what is remembered: an exchange that repeats it repeats more than it can have.
    TooOld,
}

impl FillMemory {
    /// Whether a fill was seen before; from now on it was.
    pub(crate) fn see(&mut self, fill: &VenueFill, now: Timestamp) -> Seen {
        let name = (fill.venue_order, fill.trade_id);
        if self.known.contains(&name) {
            return Seen::Before;
        }
        if self.forgotten.is_some_and(|forgotten| fill.time < forgotten) {
            return Seen::TooOld;
        }
        if self.ages.len() == FILLS_REMEMBERED_MAX
            && let Some((time, order, trade)) = self.ages.pop_front()
        {
            self.known.remove(&(order, trade));
            self.unclaimed.remove(&(order, trade));
            self.forgotten = self.forgotten.max(Some(time));
        }
        self.known.insert(name);
        // A time from the future would make every fill after it look old one day.
        self.ages.push_back((fill.time.min(now), fill.venue_order, fill.trade_id));
        Seen::New
    }

    /// Whether a fill was seen before, as far as is remembered.
    pub(crate) fn knows(&self, fill: &VenueFill) -> bool {
        self.known.contains(&(fill.venue_order, fill.trade_id))
    }

    /// Notes that no order of ours is known for a fill, and whether it was counted to a strategy all the same.
    pub(crate) fn unclaimed(&mut self, fill: &VenueFill, is_counted: bool) {
        self.unclaimed.insert((fill.venue_order, fill.trade_id), is_counted);
    }

    /// The order of a fill is known after all: whether it was counted to a strategy without it. None from the second time on.
    pub(crate) fn claim(&mut self, fill: &VenueFill) -> Option<bool> {
        self.unclaimed.remove(&(fill.venue_order, fill.trade_id))
    }
}
