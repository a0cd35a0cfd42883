//! Deliberate bugs, one for each invariant, put between the core and its world while it runs: whoever watches must see them.

use super::invariants::Invariant;
use calypte_kernel::{
    ClientOrderId, Command, CoreSettings, Decimal, EventNumber, Input, MarginView, OperatorCommand, OrderOrigin, Resolve, Size,
    VenueEvent,
};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// An order that got no answer is made again under another name.
    OrderMadeAgain,
    /// What is sent is twice as large as what was reviewed.
    OrderDoubled,
    /// A name is used for a second order.
    NameReused,
    /// A strategy is told twice what became of an intent.
    AnswerRepeated,
    /// A strategy is not told what became of an intent.
    AnswerSwallowed,
    /// A strategy is handed an event while another is out.
    HookHandedTwice,
    /// What the exchange says of positions is let pass, and half of each fill.
    FillHalved,
    /// The size of an order is taken for a little more than it is, wherever the exchange says it.
    SizeMisread,
    /// Nobody asks what became of an order.
    DoubtForgotten,
    /// What was reserved for an order stays so when it is over.
    ReservationKept,
    /// Nobody looks whether the account can carry an order.
    MarginUnchecked,
    /// The operator is not heard when he kills.
    KillUnheard,
    /// A process that takes over names its orders as the one before did.
    EpochForgotten,
    /// A fee is taken for a little more than it was.
    FeeMisread,
    /// Funding is taken for a little more than it was.
    FundingMisread,
    /// A process takes over without the last input.
    InputLost,
    /// A process takes over from inputs that are not those that were.
    InputChanged,
    /// An answer is sent again and again.
    NeverQuiet,
    /// Something gives up.
    Panic,
}

/// Which invariant notices which bug.
pub(crate) const NOTICED_BY: [(Bug, Invariant); 19] = [
    (Bug::OrderMadeAgain, Invariant::OrdersMadeOnce),
    (Bug::OrderDoubled, Invariant::OrdersReviewed),
    (Bug::NameReused, Invariant::NamesUsedOnce),
    (Bug::AnswerRepeated, Invariant::IntentsAnsweredOnce),
    (Bug::AnswerSwallowed, Invariant::IntentsAnsweredOnce),
    (Bug::HookHandedTwice, Invariant::OneHookAtATime),
    (Bug::FillHalved, Invariant::PositionsAgree),
    (Bug::SizeMisread, Invariant::OrdersAgree),
    (Bug::DoubtForgotten, Invariant::DoubtEnds),
    (Bug::ReservationKept, Invariant::MarginReserved),
    (Bug::MarginUnchecked, Invariant::MarginCovered),
    (Bug::KillUnheard, Invariant::KillHolds),
    (Bug::EpochForgotten, Invariant::NamesUsedOnce),
    (Bug::FeeMisread, Invariant::MoneyAddsUp),
    (Bug::FundingMisread, Invariant::MoneyAddsUp),
    (Bug::InputLost, Invariant::StateAfterReplay),
    (Bug::InputChanged, Invariant::OutputsAfterReplay),
    (Bug::NeverQuiet, Invariant::BecomesQuiet),
    (Bug::Panic, Invariant::NoPanic),
];

impl Bug {
    /// Spoils what the exchange says on its way into the core.
    pub(crate) fn spoil_input(self, input: &mut Input) {
        if let (Self::KillUnheard, Input::Operator(OperatorCommand::Kill { .. })) = (self, &*input) {
            *input = Input::Checkpoint;
        }
        let Input::Venue(event) = input else { return };
        match (self, event) {
            (Self::SizeMisread, VenueEvent::Amended { size, .. }) => misread(size),
            (Self::SizeMisread, VenueEvent::Open(order)) => misread(&mut order.size),
            (Self::SizeMisread, VenueEvent::Snapshot(snapshot)) => {
                snapshot.orders.iter_mut().for_each(|order| misread(&mut order.size));
            }
            (Self::FundingMisread, VenueEvent::Funding { payment, .. }) => *payment += Decimal::new(1, 8),
            (Self::FillHalved, VenueEvent::Fill(fill)) => {
                fill.size = Size::new(fill.size.get() / Decimal::TWO).expect("positive");
            }
            (Self::FillHalved, VenueEvent::Snapshot(snapshot)) => snapshot.positions.clear(),
            (Self::FeeMisread, VenueEvent::Fill(fill)) => fill.fee += Decimal::new(1, 8),
            _ => {}
        }
    }

    /// Spoils what the account is made of.
    pub(crate) fn spoil_settings(self, settings: &mut CoreSettings) {
        if self == Self::MarginUnchecked {
            settings.risk.margin = None;
        }
    }

    /// Spoils what is seen of margin once orders were made.
    pub(crate) fn spoil_margin(self, margin: &mut MarginView, orders: u64) {
        if self == Self::ReservationKept && orders > 0 {
            margin.reserved += Decimal::ONE;
        }
    }

    /// Spoils what the core sends before anybody looks at it.
    pub(crate) fn spoil_command(self, command: &mut Command, before: Option<ClientOrderId>) {
        if let (Self::NameReused, Command::Place(new), Some(before)) = (self, command, before) {
            new.client_id = before;
        }
    }

    /// Spoils what is sent after it was looked at.
    pub(crate) fn spoil_sent(self, command: &mut Command) {
        if let (Self::OrderDoubled, Command::Place(new)) = (self, command) {
            new.size = Size::new(new.size.get() + new.size.get()).expect("positive");
        }
    }

    /// What is sent in place of an order that is asked after.
    pub(crate) fn made_again(self, question: &Resolve, sent: &Command) -> Option<Command> {
        let (Self::OrderMadeAgain, Command::Place(new)) = (self, sent) else { return None };
        let origin = question.order.origin()?;
        let client_id =
            ClientOrderId::derive(OrderOrigin { epoch: u16::MAX, event: EventNumber::new(origin.event.get()), ..origin })?;
        let mut new = new.clone();
        new.client_id = client_id;
        Some(Command::Place(new))
    }
}

/// A little more than it is.
fn misread(size: &mut Size) {
    *size = Size::new(size.get() + Decimal::new(1, 2)).expect("positive");
}
