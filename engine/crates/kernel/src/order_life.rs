//! The life of an order, written down once: which evidence leads from which state to which, and what its strategy is told.
//!
//! ```text
//!   Sent ──► Open ──► PartlyFilled ──► Filled
//!    │        │ ▲         │            Cancelled   (by us, by the exchange, or gone without a trace)
//!    ▼        ▼ │         ▼            Rejected
//!  SentIn-   Amending, Cancelling      Expired
//!  Doubt      │                        NeverAdmitted
//!    │        ▼
//!    └────► InDoubt, Replacing
//! ```
//!
//! [`LIFE`] is the only place that says so: the books apply it, the tests walk it. What is not in it changes nothing and is
//! counted, whoever says it. A fill is the exception that is none: it is money, so it is booked whatever the table says.
//!
//! Two states are *doubt about an order that may exist* ([`OrderState::SentInDoubt`]) and *doubt about one that did*
//! ([`OrderState::InDoubt`], [`OrderState::Replacing`]). An order in doubt is asked after until evidence ends the doubt. It
//! counts as open meanwhile. Its strategy is told nothing of the doubt, for nothing has happened that it could be told of: what
//! it does hear, when the doubt ends, is what then is known.

use crate::listed::listed;
use OrderState::{
    Amending, Cancelled, Cancelling, Expired, Filled, InDoubt, NeverAdmitted, Open, PartlyFilled, Rejected, Replacing, Sent,
    SentInDoubt,
};

listed! {
    /// Where an order is in its life.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum OrderState {
        /// Sent; the exchange has not said anything of it.
        Sent,
        /// Sent, and its answer is lost: it may exist, or come to exist until its admission expires.
        SentInDoubt,
        /// The exchange has it, and none of it has filled.
        Open,
        /// The exchange has it, and some of it has filled.
        PartlyFilled,
        /// The exchange has it; an amend is unanswered.
        Amending,
        /// The exchange has it; a cancel is unanswered.
        Cancelling,
        /// The exchange had it; what became of a request about it, or of itself, is unknown.
        InDoubt,
        /// The form it had is gone while an amend is unanswered: replaced by a new one, or gone for good.
        Replacing,
        /// Filled wholly, or beyond.
        Filled,
        /// Gone without filling further.
        Cancelled,
        /// Refused by the exchange.
        Rejected,
        /// Its time ran out at the exchange.
        Expired,
        /// Its admission expired, and the exchange does not know it.
        NeverAdmitted,
    }
}

impl OrderState {
    /// Whether it is over. What is not counts as open, in doubt or not.
    pub const fn is_over(self) -> bool {
        matches!(self, Filled | Cancelled | Rejected | Expired | NeverAdmitted)
    }

    /// Whether the exchange has to be asked what became of it.
    pub const fn is_in_doubt(self) -> bool {
        matches!(self, SentInDoubt | InDoubt | Replacing)
    }

    /// Whether the exchange is known to have, or to have had it.
    pub(crate) const fn is_known(self) -> bool {
        !matches!(self, Sent | SentInDoubt | NeverAdmitted | Rejected)
    }
}

listed! {
    /// What is learnt of an order, or done about it: an event of the exchange, told apart by what the books hold.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub(crate) enum Evidence {
        /// The exchange has it.
        Accepted,
        /// The exchange refused it.
        Rejected,
        /// A fill that leaves something to fill.
        PartFill,
        /// A fill that leaves nothing, or goes beyond the order.
        LastFill,
        /// It is gone.
        Cancelled,
        /// Its present form is gone while an amend is unanswered.
        FormGone,
        /// A form that a later one took the place of is gone.
        OldFormGone,
        /// Its time ran out.
        Expired,
        /// Its trigger price was reached.
        Triggered,
        /// It has new terms.
        Amended,
        /// It had new terms before it had those it has now, which is told late.
        AmendedBefore,
        /// The exchange changed its size.
        Resized,
        /// The oldest unanswered amend was refused.
        AmendRefused,
        /// An amend was refused while others are unanswered and the present form is gone.
        OneAmendRefused,
        /// The oldest unanswered cancel was refused.
        CancelRefused,
        /// An answer did not come.
        Unanswered,
        /// It is among the open orders.
        Found,
        /// It is among the open orders though its form was said to be gone, and no amend of it can be admitted any more.
        FoundAfterAll,
        /// It is nowhere to be found, and what was sent about it may still be admitted.
        AbsentEarly,
        /// It is nowhere to be found, and nothing that was sent about it can be admitted any more.
        AbsentLate,
        /// An amend is sent.
        AmendSent,
        /// A cancel is sent.
        CancelSent,
    }
}

/// What an order becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// What it was.
    Same,
    /// This.
    To(OrderState),
    /// What its fills and its unanswered requests make of it: in doubt where one of these is, else cancelling, amending, partly
    /// filled or open.
    Settled,
}

/// What a strategy is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// The exchange has it.
    Accepted,
    /// The exchange refused it.
    Rejected,
    /// A fill, of a part or of the last of it.
    Fill,
    /// It is cancelled.
    Cancelled,
    /// Its time ran out.
    Expired,
    /// Its trigger price was reached.
    Triggered,
    /// Its terms changed.
    Amended,
    /// A request about it was refused.
    Refused,
}

/// One legal transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) next: Next,
    /// In this order.
    pub(crate) told: &'static [Told],
    /// Whether the exchange contradicts itself: it is followed, and counted as a difference.
    pub(crate) odd: bool,
}

/// The same transition from several states.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) from: &'static [OrderState],
    pub(crate) on: Evidence,
    pub(crate) then: Transition,
}

const fn rule(from: &'static [OrderState], on: Evidence, next: Next, told: &'static [Told]) -> Rule {
    Rule { from, on, then: Transition { next, told, odd: false } }
}

const fn odd(from: &'static [OrderState], on: Evidence, next: Next, told: &'static [Told]) -> Rule {
    Rule { from, on, then: Transition { next, told, odd: true } }
}

/// Not known to be at the exchange.
const UNHEARD: &[OrderState] = &[Sent, SentInDoubt];
/// Surely at the exchange.
const STANDING: &[OrderState] = &[Open, PartlyFilled, Amending, Cancelling];
/// Not over.
const LIVE: &[OrderState] = &[Sent, SentInDoubt, Open, PartlyFilled, Amending, Cancelling, InDoubt, Replacing];
/// Not over, and heard of.
const HEARD: &[OrderState] = &[Open, PartlyFilled, Amending, Cancelling, InDoubt, Replacing];
/// Over, and once at the exchange.
const GONE: &[OrderState] = &[Filled, Cancelled, Expired];
/// Over.
const OVER: &[OrderState] = &[Filled, Cancelled, Rejected, Expired, NeverAdmitted];
/// Over, and not declared so by us alone.
const SURELY_OVER: &[OrderState] = &[Filled, Cancelled, Rejected, Expired];

/// Every legal transition.
///
/// An order that was taken for dead and turns up ([`OrderState::NeverAdmitted`] and evidence that it exists) lives again: an
/// order at the exchange belongs in the books. Its strategy was told that it expired and may have replaced it, so the core
/// cancels it.
pub(crate) const LIFE: &[Rule] = &[
    rule(UNHEARD, Evidence::Accepted, Next::Settled, &[Told::Accepted]),
    rule(&[Open, PartlyFilled, Amending, Cancelling, Replacing], Evidence::Accepted, Next::Same, &[]),
    rule(&[InDoubt], Evidence::Accepted, Next::Settled, &[]),
    rule(SURELY_OVER, Evidence::Accepted, Next::Same, &[]), // told late
    odd(&[NeverAdmitted], Evidence::Accepted, Next::Settled, &[Told::Accepted]),
    // A trigger order is refused after it was accepted: when it triggers.
    rule(LIVE, Evidence::Rejected, Next::To(Rejected), &[Told::Rejected]),
    rule(&[Rejected, NeverAdmitted], Evidence::Rejected, Next::Same, &[]),
    rule(UNHEARD, Evidence::PartFill, Next::Settled, &[Told::Accepted, Told::Fill]),
    rule(&[Open, PartlyFilled, Amending, Cancelling, InDoubt], Evidence::PartFill, Next::Settled, &[Told::Fill]),
    rule(&[Replacing], Evidence::PartFill, Next::Same, &[Told::Fill]),
    rule(&[Cancelled, Expired], Evidence::PartFill, Next::Same, &[Told::Fill]), // of what filled wholly, each is a last one
    odd(&[Rejected], Evidence::PartFill, Next::Same, &[Told::Fill]),
    odd(&[NeverAdmitted], Evidence::PartFill, Next::Settled, &[Told::Accepted, Told::Fill]),
    rule(UNHEARD, Evidence::LastFill, Next::To(Filled), &[Told::Accepted, Told::Fill]),
    rule(HEARD, Evidence::LastFill, Next::To(Filled), &[Told::Fill]),
    rule(GONE, Evidence::LastFill, Next::Same, &[Told::Fill]),
    odd(&[Rejected], Evidence::LastFill, Next::Same, &[Told::Fill]),
    odd(&[NeverAdmitted], Evidence::LastFill, Next::To(Filled), &[Told::Accepted, Told::Fill]),
    rule(UNHEARD, Evidence::Cancelled, Next::To(Cancelled), &[Told::Accepted, Told::Cancelled]),
    rule(HEARD, Evidence::Cancelled, Next::To(Cancelled), &[Told::Cancelled]),
    rule(&[Cancelled, NeverAdmitted], Evidence::Cancelled, Next::Same, &[]),
    rule(UNHEARD, Evidence::FormGone, Next::To(Replacing), &[Told::Accepted]),
    rule(&[Amending, Cancelling, InDoubt], Evidence::FormGone, Next::To(Replacing), &[]),
    rule(&[Replacing], Evidence::FormGone, Next::Same, &[]),
    rule(HEARD, Evidence::OldFormGone, Next::Same, &[]),
    rule(GONE, Evidence::OldFormGone, Next::Same, &[]),
    rule(LIVE, Evidence::Expired, Next::To(Expired), &[Told::Expired]),
    rule(&[Expired, NeverAdmitted], Evidence::Expired, Next::Same, &[]),
    rule(UNHEARD, Evidence::Triggered, Next::Settled, &[Told::Accepted, Told::Triggered]),
    rule(&[Open, PartlyFilled, Amending, Cancelling, InDoubt], Evidence::Triggered, Next::Settled, &[Told::Triggered]),
    rule(&[Replacing], Evidence::Triggered, Next::Same, &[Told::Triggered]),
    rule(SURELY_OVER, Evidence::Triggered, Next::Same, &[]),
    odd(&[NeverAdmitted], Evidence::Triggered, Next::Settled, &[Told::Accepted, Told::Triggered]),
    rule(UNHEARD, Evidence::Amended, Next::Settled, &[Told::Accepted, Told::Amended]),
    rule(HEARD, Evidence::Amended, Next::Settled, &[Told::Amended]),
    odd(&[NeverAdmitted], Evidence::Amended, Next::Settled, &[Told::Accepted, Told::Amended]),
    rule(&[Amending, Cancelling, InDoubt], Evidence::AmendedBefore, Next::Settled, &[Told::Amended]),
    rule(&[Replacing], Evidence::AmendedBefore, Next::Same, &[Told::Amended]),
    rule(UNHEARD, Evidence::Resized, Next::Settled, &[Told::Accepted]),
    rule(&[Open, PartlyFilled, Amending, Cancelling, InDoubt], Evidence::Resized, Next::Settled, &[]),
    rule(&[Replacing], Evidence::Resized, Next::Same, &[]),
    rule(GONE, Evidence::Resized, Next::Same, &[]),
    odd(&[NeverAdmitted], Evidence::Resized, Next::Settled, &[Told::Accepted]),
    rule(UNHEARD, Evidence::AmendRefused, Next::Same, &[Told::Refused]),
    rule(&[Amending, Cancelling, InDoubt], Evidence::AmendRefused, Next::Settled, &[Told::Refused]),
    rule(&[Replacing], Evidence::AmendRefused, Next::To(Cancelled), &[Told::Refused, Told::Cancelled]),
    rule(&[Replacing], Evidence::OneAmendRefused, Next::Same, &[Told::Refused]),
    rule(OVER, Evidence::AmendRefused, Next::Same, &[]), // answered when it ended
    rule(UNHEARD, Evidence::CancelRefused, Next::Same, &[Told::Refused]),
    rule(&[Cancelling, InDoubt], Evidence::CancelRefused, Next::Settled, &[Told::Refused]),
    rule(&[Replacing], Evidence::CancelRefused, Next::Same, &[Told::Refused]),
    rule(OVER, Evidence::CancelRefused, Next::Same, &[]), // answered when it ended
    rule(UNHEARD, Evidence::Unanswered, Next::To(SentInDoubt), &[]),
    rule(STANDING, Evidence::Unanswered, Next::To(InDoubt), &[]),
    rule(&[InDoubt, Replacing], Evidence::Unanswered, Next::Same, &[]),
    rule(OVER, Evidence::Unanswered, Next::Same, &[]),
    rule(UNHEARD, Evidence::Found, Next::Settled, &[Told::Accepted]),
    rule(&[Open, PartlyFilled], Evidence::Found, Next::Same, &[]),
    rule(&[Amending, Cancelling, InDoubt], Evidence::Found, Next::Settled, &[]),
    rule(&[Replacing], Evidence::Found, Next::Same, &[]), // its form is gone: this is older
    odd(&[Replacing], Evidence::FoundAfterAll, Next::Settled, &[]),
    odd(&[NeverAdmitted], Evidence::Found, Next::Settled, &[Told::Accepted]),
    rule(LIVE, Evidence::AbsentEarly, Next::Same, &[]),
    rule(OVER, Evidence::AbsentEarly, Next::Same, &[]),
    rule(UNHEARD, Evidence::AbsentLate, Next::To(NeverAdmitted), &[Told::Expired]),
    rule(STANDING, Evidence::AbsentLate, Next::To(InDoubt), &[]), // asked once more before it is believed
    rule(&[InDoubt, Replacing], Evidence::AbsentLate, Next::To(Cancelled), &[Told::Cancelled]),
    rule(OVER, Evidence::AbsentLate, Next::Same, &[]),
    rule(&[Sent, Amending], Evidence::AmendSent, Next::Same, &[]),
    rule(&[Open, PartlyFilled], Evidence::AmendSent, Next::To(Amending), &[]),
    rule(&[Sent, SentInDoubt, InDoubt, Replacing], Evidence::CancelSent, Next::Same, &[]),
    rule(&[Open, PartlyFilled, Amending], Evidence::CancelSent, Next::To(Cancelling), &[]),
];

/// The rules by state and evidence.
const TABLE: [[Option<Transition>; Evidence::ALL.len()]; OrderState::ALL.len()] = {
    let mut table = [[None; Evidence::ALL.len()]; OrderState::ALL.len()];
    let mut at = 0;
    while at < LIFE.len() {
        let Rule { from, on, then } = LIFE[at];
        let mut state = 0;
        while state < from.len() {
            let cell = &mut table[from[state] as usize][on as usize];
            assert!(cell.is_none(), "two rules for the same state and evidence");
            *cell = Some(then);
            state += 1;
        }
        at += 1;
    }
    table
};

/// What follows from evidence; none where it cannot be.
pub(crate) fn transition(from: OrderState, on: Evidence) -> Option<Transition> {
    static BY_STATE: [[Option<Transition>; Evidence::ALL.len()]; OrderState::ALL.len()] = TABLE;
    #[cfg(test)]
    walked::note(from, on);
    BY_STATE[from as usize][on as usize]
}

/// Which rows of the table were looked up, so that tests can tell what a script really led through.
#[cfg(test)]
pub(crate) mod walked {
    use super::{Evidence, OrderState};
    use std::cell::RefCell;

    thread_local! {
        static WALKED: RefCell<Vec<(OrderState, Evidence)>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn note(from: OrderState, on: Evidence) {
        WALKED.with_borrow_mut(|walked| walked.push((from, on)));
    }

    /// The rows since it was called last.
    pub(crate) fn take() -> Vec<(OrderState, Evidence)> {
        WALKED.take()
    }
}
