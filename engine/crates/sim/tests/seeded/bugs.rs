//! Deliberate bugs, one for each invariant, put between the core and its world while it runs: whoever watches must see them.

use super::invariants::Invariant;
use calypte_kernel::{ClientOrderId, Command, Decimal, EventNumber, Input, OrderOrigin, Resolve, Size, VenueEvent};

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
    /// Nobody asks what became of an order.
    DoubtForgotten,
    /// A fee is taken for a little more than it was.
    FeeMisread,
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
pub(crate) const NOTICED_BY: [(Bug, Invariant); 13] = [
    (Bug::OrderMadeAgain, Invariant::OrdersMadeOnce),
    (Bug::OrderDoubled, Invariant::OrdersReviewed),
    (Bug::NameReused, Invariant::NamesUsedOnce),
    (Bug::AnswerRepeated, Invariant::IntentsAnsweredOnce),
    (Bug::AnswerSwallowed, Invariant::IntentsAnsweredOnce),
    (Bug::HookHandedTwice, Invariant::OneHookAtATime),
    (Bug::FillHalved, Invariant::PositionsAgree),
    (Bug::DoubtForgotten, Invariant::OrdersAgree),
    (Bug::FeeMisread, Invariant::MoneyAddsUp),
    (Bug::InputLost, Invariant::StateAfterReplay),
    (Bug::InputChanged, Invariant::OutputsAfterReplay),
    (Bug::NeverQuiet, Invariant::BecomesQuiet),
    (Bug::Panic, Invariant::NoPanic),
];

impl Bug {
    /// Spoils what the exchange says on its way into the core.
    pub(crate) fn spoil_input(self, input: &mut Input) {
        let Input::Venue(event) = input else { return };
        match (self, event) {
            (Self::FillHalved, VenueEvent::Fill(fill)) => {
                fill.size = Size::new(fill.size.get() / Decimal::TWO).expect("positive");
            }
            (Self::FillHalved, VenueEvent::Snapshot(snapshot)) => snapshot.positions.clear(),
            (Self::FeeMisread, VenueEvent::Fill(fill)) => fill.fee += Decimal::new(1, 8),
            _ => {}
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
