//! When to ask for everything, and after which orders.
//!
//! ```text
//!   the core asks, a frame could not be read ──► everything, once the feeds flow   ──no answer──► later, twice as late each time
//!   nothing for some minutes ──────────────────►
//!   a vital feed is set aside ─────────────────► every few seconds
//! ```

use crate::hyperliquid::questions::{DOUBTS_MAX, Doubt};
use calypte_kernel::{ClientOrderId, InstrumentId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How often everything is asked for when nothing calls for it; a random part of a fifth comes on top.
pub const RECONCILE_MS: u64 = 300_000;
/// How often everything is asked for where a feed that tells it is missing.
pub const POLL_MS: u64 = 5_000;
/// How long until a question that was not answered is asked again, at first.
const RETRY_MS_FIRST: u64 = 1_000;
/// How long at most.
const RETRY_MS_MAX: u64 = 60_000;
/// How long at least from one round of doubts to the next.
const DOUBT_PACE_MS: u64 = 1_000;
/// Most orders that wait to be asked after: as many as may be open. The core asks again.
const WAITING_MAX: usize = 5_000;

/// Something to ask now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inquiry {
    /// Everything.
    Everything,
    /// After these orders.
    Orders(BTreeMap<ClientOrderId, Doubt>),
    /// Which leverage holds.
    Leverage(InstrumentId),
}

/// A question that is asked, waited for, and asked again where there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turn {
    is_out: bool,
    failed: u32,
    not_before: Timestamp,
}

impl Turn {
    const fn new(now: Timestamp) -> Self {
        Self { is_out: false, failed: 0, not_before: now }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        !self.is_out && now >= self.not_before
    }

    fn done(&mut self, now: Timestamp, answered: bool, pace_ms: u64) {
        self.is_out = false;
        self.failed = if answered { 0 } else { self.failed.saturating_add(1) };
        let retry = (RETRY_MS_FIRST << self.failed.min(7)).min(RETRY_MS_MAX);
        self.not_before = now.saturating_add(if answered { pace_ms } else { retry });
    }
}

/// What is to be asked, and when.
#[derive(Debug)]
pub struct Inquiries {
    everything: Turn,
    /// Whether somebody waits for everything.
    wanted: bool,
    /// When it is asked for anyway.
    periodic: Timestamp,
    /// When the account was last reconciled.
    reconciled: Option<Timestamp>,
    /// Whether a feed is missing that would tell.
    polls: bool,
    orders: Turn,
    doubts: BTreeMap<ClientOrderId, Doubt>,
    leverages: BTreeSet<InstrumentId>,
    leverage: Turn,
}

impl Inquiries {
    /// One that asks for nothing by itself for a while.
    pub const fn new(now: Timestamp) -> Self {
        Self {
            everything: Turn::new(now),
            wanted: false,
            periodic: now.saturating_add(RECONCILE_MS),
            reconciled: None,
            polls: false,
            orders: Turn::new(now),
            doubts: BTreeMap::new(),
            leverages: BTreeSet::new(),
            leverage: Turn::new(now),
        }
    }

    /// Wants everything, as soon as the feeds flow.
    pub const fn everything(&mut self) {
        self.wanted = true;
    }

    /// Wants everything, since something that was said is not known.
    pub fn doubt_everything(&mut self, now: Timestamp) {
        self.wanted = true;
        self.everything.not_before = self.everything.not_before.max(now);
    }

    /// Wants to know what became of an order.
    pub fn order(&mut self, doubt: Doubt) {
        if self.doubts.len() < WAITING_MAX || self.doubts.contains_key(&doubt.order) {
            self.doubts.insert(doubt.order, doubt);
        }
    }

    /// Wants to know which leverage holds.
    pub fn leverage(&mut self, instrument: InstrumentId) {
        self.leverages.insert(instrument);
    }

    /// A vital feed is missing: it is asked for in its place.
    pub const fn poll(&mut self) {
        self.polls = true;
    }

    /// A vital feed is back: what it did not say is asked for once more, and no longer in its place unless another is missing.
    pub const fn vital_is_back(&mut self, others_are_missing: bool) {
        (self.polls, self.wanted) = (others_are_missing, true);
    }

    /// What is to be asked now. Everything is asked for only where the feeds flow, or one of them never will.
    pub fn due(&mut self, now: Timestamp, feeds_flow: bool) -> Vec<Inquiry> {
        let mut due = Vec::new();
        let wanted = self.wanted || now >= self.periodic;
        if wanted && feeds_flow && self.everything.is_due(now) {
            self.wanted = false;
            self.everything.is_out = true;
            due.push(Inquiry::Everything);
        }
        if !self.doubts.is_empty() && self.orders.is_due(now) {
            self.orders.is_out = true;
            let mut asked = BTreeMap::new();
            while let Some((order, doubt)) = self.doubts.pop_first().filter(|_| asked.len() < DOUBTS_MAX) {
                asked.insert(order, doubt);
                if asked.len() == DOUBTS_MAX {
                    break;
                }
            }
            due.push(Inquiry::Orders(asked));
        }
        if self.leverage.is_due(now)
            && let Some(instrument) = self.leverages.pop_first()
        {
            self.leverage.is_out = true;
            due.push(Inquiry::Leverage(instrument));
        }
        due
    }

    /// Notes how the question after everything ended. Where it did not, or where it is of no use any more, it is asked again.
    pub fn everything_done(&mut self, now: Timestamp, answered: bool, chance: u32) {
        self.everything.done(now, answered, 0);
        self.wanted |= !answered;
        let pace = if self.polls { POLL_MS } else { RECONCILE_MS };
        self.periodic = now.saturating_add(pace + u64::from(chance) % (pace / 5));
    }

    /// Notes that the core has been told everything.
    pub const fn reconciled(&mut self, now: Timestamp) {
        self.reconciled = Some(now);
    }

    /// Notes how the question after orders ended. The core asks again after those of which nothing came.
    pub fn orders_done(&mut self, now: Timestamp, answered: bool) {
        self.orders.done(now, answered, DOUBT_PACE_MS);
    }

    /// Notes how the question after leverage ended.
    pub fn leverage_done(&mut self, now: Timestamp, instrument: InstrumentId, answered: bool) {
        self.leverage.done(now, answered, 0);
        if !answered {
            self.leverages.insert(instrument);
        }
    }

    /// When something is due.
    pub fn next_wake(&self, feeds_flow: bool) -> Option<Timestamp> {
        let everything = if self.wanted { self.everything.not_before } else { self.periodic.max(self.everything.not_before) };
        let everything = (feeds_flow && !self.everything.is_out).then_some(everything);
        let orders = (!self.doubts.is_empty() && !self.orders.is_out).then_some(self.orders.not_before);
        let leverage = (!self.leverages.is_empty() && !self.leverage.is_out).then_some(self.leverage.not_before);
        [everything, orders, leverage].into_iter().flatten().min()
    }

    /// When the account was last reconciled.
    pub const fn last_reconciled(&self) -> Option<Timestamp> {
        self.reconciled
    }
}
