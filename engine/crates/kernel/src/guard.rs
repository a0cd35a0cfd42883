//! What guards one strategy, or the account: its kill switch, the rests it takes, what a kill has yet to do.

use crate::kill::EquityWatch;
use crate::protections::Rests;
use crate::rates::Bucket;
use crate::{
    ClientOrderId, Decimal, InstrumentId, KillAction, KillCause, KillRule, KillTrigger, Killed, Price, REJECTS_MAX, Timestamp,
    TradingState,
};
use std::collections::VecDeque;

/// How many stops that triggered are remembered, to tell what ended a round trip.
const STOPS_MAX: usize = 256;

/// A kill switch, armed or fired.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    /// What the operator allows.
    pub(crate) set: TradingState,
    pub(crate) killed: Option<Killed>,
    /// Since the switch was armed; none until an equity was known.
    watch: Option<EquityWatch>,
    /// When the exchange refused orders, oldest first.
    rejects: VecDeque<Timestamp>,
}

impl Switch {
    /// Fires it. Whether that made it stronger than it was.
    pub(crate) fn kill(&mut self, now: Timestamp, cause: KillCause, action: KillAction) -> bool {
        let state = action.trading_state();
        let Some(killed) = &mut self.killed else {
            self.killed = Some(Killed { cause, action, state, since: now });
            return true;
        };
        let stronger = action > killed.action;
        (killed.action, killed.state) = (killed.action.max(action), killed.state.max(state));
        stronger
    }

    /// Arms it again: what was lost and refused before does not count any more.
    pub(crate) fn rearm(&mut self) {
        (self.killed, self.watch) = (None, None);
        self.rejects.clear();
    }

    /// Notes that the exchange refused an order.
    pub(crate) fn rejected(&mut self, now: Timestamp) {
        if self.rejects.len() == REJECTS_MAX as usize {
            self.rejects.pop_front();
        }
        self.rejects.push_back(now);
    }

    /// Notes what the equity is.
    pub(crate) fn note(&mut self, now: Timestamp, equity: Decimal) {
        self.watch.get_or_insert_with(|| EquityWatch::new(now, equity)).note(now, equity);
    }

    /// Money was paid in or out of what it watches.
    pub(crate) fn paid(&mut self, change: Decimal) {
        if let Some(watch) = &mut self.watch {
            watch.paid(change);
        }
    }

    /// Whether a rule could still make it stronger.
    pub(crate) fn is_open_to(&self, rule: &KillRule) -> bool {
        self.killed.is_none_or(|killed| rule.action > killed.action)
    }

    /// The strongest rule that fires now and did not before.
    pub(crate) fn fires(&self, now: Timestamp, rules: &[KillRule], data_age_ms: Option<u64>) -> Option<KillRule> {
        let fires = |trigger: &KillTrigger| match *trigger {
            KillTrigger::StaleData { age_ms } => data_age_ms.is_some_and(|age| age >= age_ms),
            KillTrigger::RejectRate { rejects, within_ms } => {
                let recent = self.rejects.iter().rev().take_while(|at| now.millis_since(**at) <= within_ms);
                recent.take(rejects as usize).count() == rejects as usize
            }
            ref money => self.watch.is_some_and(|watch| watch.fires(money)),
        };
        let fired = rules.iter().filter(|rule| self.is_open_to(rule) && fires(&rule.trigger));
        // Of equally strong ones the first that was declared.
        fired.copied().reduce(|strongest, rule| if rule.action > strongest.action { rule } else { strongest })
    }
}

/// What a kill switch has yet to do for a strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) action: KillAction,
    /// Rounds of closing so far.
    pub(crate) attempts: u32,
    /// When the next one may begin.
    pub(crate) next: Timestamp,
    /// Whether the trader was told that it will not try again.
    pub(crate) gave_up: bool,
}

impl Closing {
    pub(crate) const fn new(action: KillAction, now: Timestamp) -> Self {
        Self { action, attempts: 0, next: now, gave_up: false }
    }
}

/// A round trip that is open, as far as is known.
#[derive(Debug, Clone, Copy)]
struct OpenTrip {
    instrument: InstrumentId,
    /// What it made so far.
    made: Decimal,
    /// Whether the exchange's word on the position ended it, and the fill that did so is not told yet.
    is_foretold: bool,
}

/// What guards one strategy.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    pub(crate) switch: Switch,
    pub(crate) closing: Option<Closing>,
    pub(crate) rests: Rests,
    pub(crate) orders: Bucket,
    pub(crate) amends: Bucket,
    pub(crate) cancels: Bucket,
    /// Round trips that are open, by instrument.
    trips: Vec<OpenTrip>,
    /// Stops that triggered, latest last.
    stops: VecDeque<ClientOrderId>,
    /// Whether the trader was told that something held has no price.
    pub(crate) is_unpriced_told: bool,
}

impl Guard {
    /// Notes that a stop triggered.
    pub(crate) fn stop_triggered(&mut self, order: ClientOrderId) {
        if self.stops.len() == STOPS_MAX {
            self.stops.pop_front();
        }
        self.stops.push_back(order);
    }

    /// Whether an order is a stop: an attached stop-loss, or one that triggered.
    pub(crate) fn is_stop(&self, order: ClientOrderId) -> bool {
        let is_attached = order.origin().is_some_and(|origin| origin.leg == LEG_STOP_LOSS);
        is_attached || self.stops.contains(&order)
    }

    /// Adds what was settled to the round trip of its instrument; gives the sum where that ended it.
    pub(crate) fn settled(&mut self, instrument: InstrumentId, by: Decimal, ended: bool) -> Option<Decimal> {
        let trip = self.trip(instrument);
        trip.made = trip.made.saturating_add(by);
        ended.then(|| std::mem::take(&mut trip.made))
    }

    /// Notes that the exchange's word ended a round trip of which a fill is still to be told.
    pub(crate) fn foretell_end(&mut self, instrument: InstrumentId) {
        self.trip(instrument).is_foretold = true;
    }

    /// Whether a round trip was ended so. It is told once.
    pub(crate) fn was_foretold(&mut self, instrument: InstrumentId) -> bool {
        std::mem::take(&mut self.trip(instrument).is_foretold)
    }

    fn trip(&mut self, instrument: InstrumentId) -> &mut OpenTrip {
        let place = match self.trips.binary_search_by_key(&instrument, |trip| trip.instrument) {
            Ok(place) => place,
            Err(place) => {
                self.trips.insert(place, OpenTrip { instrument, made: Decimal::ZERO, is_foretold: false });
                place
            }
        };
        &mut self.trips[place]
    }
}

/// Leg of an attached stop-loss in a client order id.
const LEG_STOP_LOSS: u8 = 2;
/// Leg of what the core sends to close a position.
pub(crate) const LEG_CLOSING: u8 = 3;
/// Leg of an exit that the core guarded, when it goes out.
pub(crate) const LEG_GUARDED: u8 = 4;

/// The exchange's dead man's switch, as far as it is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DeadMan {
    /// When it was last asked to strike.
    pub(crate) strikes_at: Option<Timestamp>,
    /// Whether that is unanswered.
    pub(crate) unanswered: bool,
    /// Whether it does not hold what it was asked to, and the operator was told so.
    pub(crate) lost: bool,
}

/// What the market made of positions that belong to no strategy since each was first seen with a price. For how much they were
/// bought nobody knows.
#[derive(Debug, Default)]
pub(crate) struct OutsideMade {
    /// Up to the latest look.
    pub(crate) sum: Decimal,
    /// Those that were held then, with their prices, by instrument.
    marks: Vec<(InstrumentId, Price)>,
}

impl OutsideMade {
    /// Looks at what is held now, by instrument, with its size and its price. What cannot be reckoned is as it was.
    pub(crate) fn look(&mut self, held: impl Iterator<Item = (InstrumentId, Decimal, Price)>) {
        let before = std::mem::take(&mut self.marks);
        for (instrument, size, mark) in held {
            if let Ok(place) = before.binary_search_by_key(&instrument, |(of, _)| *of) {
                let by = mark.get().checked_sub(before[place].1.get()).and_then(|by| by.checked_mul(size));
                self.sum = by.and_then(|by| self.sum.checked_add(by)).unwrap_or(self.sum);
            }
            self.marks.push((instrument, mark));
        }
    }
}

/// What guards the account.
#[derive(Debug)]
pub(crate) struct AccountGuard {
    pub(crate) switch: Switch,
    /// Notional of the tenant's other accounts; none: it is not known.
    pub(crate) elsewhere: Option<Decimal>,
    /// Whether the connection to the exchange stands.
    pub(crate) connected: bool,
    pub(crate) dead_man: DeadMan,
    /// Whether anything is declared or under way that has to be looked after.
    pub(crate) watching: bool,
    /// What the market made of positions that belong to no strategy, for rules that watch money.
    pub(crate) outside_made: OutsideMade,
    /// What is under way of cancelling and closing what belongs to no strategy.
    pub(crate) outside: Option<Closing>,
    /// When to look next, if nothing happens.
    pub(crate) wake: Option<Timestamp>,
}

impl Default for AccountGuard {
    fn default() -> Self {
        Self {
            switch: Switch::default(),
            elsewhere: Some(Decimal::ZERO),
            connected: true,
            dead_man: DeadMan::default(),
            watching: false,
            outside_made: OutsideMade::default(),
            outside: None,
            wake: None,
        }
    }
}
