//! What lies between the account and the exchange: it delays, loses, repeats, and breaks. Within one stream of the exchange the
//! order is kept; across streams, and among requests, it is not.

use super::exchange::{Action, Line, Said};
use super::plan::Profile;
use super::random::Random;
use calypte_kernel::{ClientOrderId, Command, InstrumentId, Resolve, Timestamp, VenueEvent};
use std::collections::VecDeque;

/// How far ahead of its turn a request may arrive.
const OVERTAKEN_MAX: usize = 3;

/// Something for the exchange.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// To be done.
    Act(Action),
    /// What became of an order?
    Resolve(Resolve),
    /// Which leverage holds?
    Leverage(InstrumentId),
    /// What is the state of everything?
    Reconcile,
}

#[derive(Debug)]
struct OnItsWay<T> {
    due: Timestamp,
    what: T,
}

/// Both directions.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    up: VecDeque<OnItsWay<Request>>,
    down: [VecDeque<OnItsWay<VenueEvent>>; Line::ALL.len()],
}

/// How the wires behave now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// The time.
    pub(crate) now: Timestamp,
    /// Whether there is a connection.
    pub(crate) connected: bool,
    /// Whether everything arrives.
    pub(crate) calm: bool,
    /// What is to be expected otherwise.
    pub(crate) profile: Profile,
}

impl Weather {
    fn delay(&self, random: &mut Random) -> Timestamp {
        let most = if self.calm { 0 } else { self.profile.delay_ms };
        self.now.saturating_add(random.below(most + 1))
    }

    fn loses(&self, random: &mut Random) -> bool {
        !self.calm && (!self.connected || random.chance(self.profile.lost))
    }

    /// Money that is told once and without a number has to arrive, unless the exchange says what the collateral is.
    fn must_arrive(&self, event: &VenueEvent) -> bool {
        !self.profile.cash_told && matches!(event, VenueEvent::Balance { .. } | VenueEvent::Funding { .. })
    }
}

impl Wires {
    /// Sends something to the exchange.
    pub(crate) fn send(&mut self, request: Request, weather: Weather, random: &mut Random) {
        if weather.loses(random) {
            if let Request::Act(Action { command, .. }) = &request
                && let Some(order) = order_of(command)
            {
                self.time_out(order, weather, random);
            }
            return;
        }
        self.up.push_back(OnItsWay { due: weather.delay(random), what: request });
    }

    /// The shell notices, or does not, that no answer came.
    fn time_out(&mut self, order: ClientOrderId, weather: Weather, random: &mut Random) {
        if random.chance(60) {
            let due = weather.delay(random);
            self.down[Line::Answers as usize].push_back(OnItsWay { due, what: VenueEvent::Unanswered { order } });
        }
    }

    /// Takes what the exchange said at once. An answer comes whole or not at all.
    pub(crate) fn carry(&mut self, said: Vec<Said>, weather: Weather, random: &mut Random) {
        let answer_is_lost = weather.loses(random);
        for Said { line, event } in said {
            let is_lost = if line == Line::Answers { answer_is_lost } else { weather.loses(random) };
            self.carry_one(line, event, is_lost, weather, random);
        }
    }

    fn carry_one(&mut self, line: Line, event: VenueEvent, is_lost: bool, weather: Weather, random: &mut Random) {
        if is_lost && !weather.must_arrive(&event) {
            if let (Line::Answers, Some(order)) = (line, subject_of(&event)) {
                self.time_out(order, weather, random);
            }
            return;
        }
        // A deposit has no number to tell it by, and an answer belongs to one request.
        let repeats = !weather.calm && line != Line::Answers && !matches!(event, VenueEvent::Balance { .. });
        if repeats && random.chance(weather.profile.repeated) {
            let again = OnItsWay { due: weather.delay(random), what: event.clone() };
            self.down[line as usize].push_back(again);
        }
        self.down[line as usize].push_back(OnItsWay { due: weather.delay(random), what: event });
    }

    /// Money that was told is told once more: who asks for what happened since then gets it.
    pub(crate) fn tell_again(&mut self, event: VenueEvent) {
        let due = Timestamp::from_millis(0);
        self.down[Line::Account as usize].push_back(OnItsWay { due, what: event });
    }

    /// A request that arrives now, if one does.
    pub(crate) fn arrive(&mut self, weather: Weather, random: &mut Random) -> Option<Request> {
        let reach = self.up.len().min(if weather.calm { 1 } else { OVERTAKEN_MAX });
        if reach == 0 {
            return None;
        }
        let at = random.place(reach);
        if !weather.calm && self.up[at].due > weather.now {
            return None;
        }
        self.up.remove(at).map(|request| request.what)
    }

    /// A message that is delivered now, if one is.
    pub(crate) fn deliver(&mut self, weather: Weather, random: &mut Random) -> Option<VenueEvent> {
        let first = random.place(Line::ALL.len());
        let mut lines = (0..Line::ALL.len()).map(|by| (first + by) % Line::ALL.len());
        let now = weather.now;
        let ready = |line: &usize| self.down[*line].front().is_some_and(|message| weather.calm || message.due <= now);
        let line = lines.find(ready)?;
        self.down[line].pop_front().map(|message| message.what)
    }

    /// The connection breaks: what is on its way to us is gone, and of what is on its way to the exchange the half.
    pub(crate) fn cut(&mut self, weather: Weather, random: &mut Random) {
        self.up.retain(|_| random.chance(50));
        for line in &mut self.down {
            line.retain(|message| weather.must_arrive(&message.what));
        }
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.up.is_empty() && self.down.iter().all(VecDeque::is_empty)
    }
}

/// The order that a command is about.
pub(crate) const fn order_of(command: &Command) -> Option<ClientOrderId> {
    match command {
        Command::Place(new) => Some(new.client_id),
        Command::Amend { order, .. } | Command::Cancel { order, .. } => Some(*order),
        Command::CancelOutside { .. } | Command::SetLeverage { .. } | Command::ScheduleCancel { .. } => None,
    }
}

/// The order whose request an answer answers.
const fn subject_of(event: &VenueEvent) -> Option<ClientOrderId> {
    match event {
        VenueEvent::Accepted { order, .. }
        | VenueEvent::Rejected { order, .. }
        | VenueEvent::Cancelled { order, .. }
        | VenueEvent::Amended { order, .. }
        | VenueEvent::RequestRejected { order, .. } => Some(*order),
        _ => None,
    }
}
