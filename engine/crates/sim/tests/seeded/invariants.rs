//! What must hold, whatever happens: each a function of its own that says what it saw where it does not.

pub(crate) mod money;
pub(crate) mod risk;

use super::exchange::{INSTRUMENTS, OpenOrder, Truth, instrument};
use super::log::Hooks;
use calypte_kernel::{
    Answer, Answers, ClientOrderId, Command, Decimal, Deliver, Event, Hook, HookEnded, InstrumentId, Intent, OrderChange,
    OrderEvent, OrderId, OrderOrigin, Position, StrategyId, StrategyState, StrategyView, TradingCore, Wanted,
};
use std::collections::{BTreeMap, BTreeSet};

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Invariant {
    /// The exchange makes at most one order of each intent.
    OrdersMadeOnce,
    /// Nothing reaches the exchange that the risk gate did not let pass, as it let it pass.
    OrdersReviewed,
    /// No two orders are sent under one name.
    NamesUsedOnce,
    /// Every intent is answered, and once.
    IntentsAnsweredOnce,
    /// A strategy has at most one hook out.
    OneHookAtATime,
    /// Once all is quiet, both sides hold the same.
    PositionsAgree,
    /// Once all is quiet, both sides have the same orders open.
    OrdersAgree,
    /// Once the exchange has answered, nothing is in doubt.
    DoubtEnds,
    /// Margin is reserved for what is open, and for nothing else.
    MarginReserved,
    /// What is sent is covered by what the account is worth.
    MarginCovered,
    /// A kill switch that fired stays so, lets nothing open, and does what it is to do.
    KillHolds,
    /// Cash, fees, funding and what was realized add up.
    MoneyAddsUp,
    /// A core out of the journal is the core that wrote it.
    StateAfterReplay,
    /// And it says the same.
    OutputsAfterReplay,
    /// It becomes quiet once nothing new happens.
    BecomesQuiet,
    /// Nothing panics.
    NoPanic,
}

/// An invariant that does not hold, with what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which.
    pub(crate) invariant: Invariant,
    /// What was seen.
    pub(crate) seen: String,
}

impl Violation {
    /// Of an invariant.
    pub(crate) const fn new(invariant: Invariant, seen: String) -> Self {
        Self { invariant, seen }
    }
}

fn hold(holds: bool, invariant: Invariant, seen: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(invariant, seen())) }
}

/// An intent: strategy, event, place in its answer, leg.
type IntentName = (u32, u64, u32, u8);

/// What an intent was asked to do, as far as its answers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// A new order: the first word on it is its answer, and what follows follows.
    NewOrder,
    /// A new order, where one is needed: whether one is shows when it is sent.
    NewOrderMaybe,
    /// Something about an order: every word on it is an answer.
    Request,
}

/// An intent that was taken.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    asked: Asked,
    answers: u32,
    /// The order that the first answer was about: of an order with exits, these say that they are there under its name.
    order: Option<OrderId>,
}

/// What was seen so far, as far as the invariants need it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    approved: BTreeMap<u64, Command>,
    names: BTreeMap<ClientOrderId, u64>,
    /// Epochs and events, of which names are made.
    events: BTreeSet<(u16, u64)>,
    made: BTreeMap<IntentName, ClientOrderId>,
    asked: BTreeMap<(u32, u64, u32), Waiting>,
}

impl Seen {
    /// Takes note of what the risk gate let pass.
    pub(crate) fn passed(&mut self, nonce: u64, command: &Command) {
        self.approved.insert(nonce, command.clone());
    }

    /// Takes note of what the risk gate let pass. No name is sent twice.
    pub(crate) fn no_name_is_used_twice(&mut self, nonce: u64, command: &Command) -> Result<(), Violation> {
        self.passed(nonce, command);
        let Command::Place(new) = command else { return Ok(()) };
        if let Some(OrderOrigin { strategy, event, intent, leg: 0, .. }) = new.client_id.origin()
            && let Some(waiting) = self.asked.get_mut(&(strategy.get(), event.get(), u32::from(intent)))
        {
            waiting.asked = Asked::NewOrder;
        }
        let before = self.names.insert(new.client_id, nonce);
        hold(before.is_none(), Invariant::NamesUsedOnce, || format!("{} names two orders", new.client_id))
    }

    /// No event has the epoch and the number of another: names are made of both.
    pub(crate) fn no_event_is_numbered_twice(&mut self, epoch: u16, deliver: &Deliver) -> Result<(), Violation> {
        let number = deliver.number.get();
        hold(self.events.insert((epoch, number)), Invariant::NamesUsedOnce, || {
            format!("there are two events {number} of {epoch}")
        })
    }

    /// What reaches the exchange is what the risk gate let pass.
    pub(crate) fn everything_was_reviewed(&self, nonce: u64, command: &Command) -> Result<(), Violation> {
        let approved = self.approved.get(&nonce);
        hold(approved == Some(command), Invariant::OrdersReviewed, || format!("{command:?} was sent; passed was {approved:?}"))
    }

    /// The exchange made an order. Whatever it is called, it is the only one of its intent.
    pub(crate) fn no_order_is_made_twice(&mut self, command: &Command) -> Result<(), Violation> {
        let Command::Place(new) = command else { return Ok(()) };
        let Some(OrderOrigin { strategy, event, intent, leg, .. }) = new.client_id.origin() else {
            return Err(Violation::new(Invariant::OrdersMadeOnce, format!("{} is no name of ours", new.client_id)));
        };
        let before = self.made.insert((strategy.get(), event.get(), u32::from(intent), leg), new.client_id);
        hold(before.is_none(), Invariant::OrdersMadeOnce, || {
            let before = before.expect("there was one");
            format!("intent {intent} of event {event} of strategy {strategy} became {before} and {}", new.client_id)
        })
    }

    /// Takes note of what a hook asked for, if its strategy hears of what becomes of it.
    pub(crate) fn asked(&mut self, core: &TradingCore, ended: &HookEnded) {
        let Answer::Intents(intents) = &ended.answer else { return };
        let listens = core.strategy(ended.strategy).map(|strategy| strategy.state() == &StrategyState::Running);
        if listens != Some(true) {
            return;
        }
        let max = core.settings().limits.intents_per_event_max;
        for (index, intent) in (0_u32..).zip(intents.iter().take(max)) {
            let asked = match intent {
                Intent::Place(_) | Intent::ClosePosition(_) => Asked::NewOrder,
                Intent::SetTarget { instrument, size, .. }
                    if index == 0 && is_elsewhere(core, ended.strategy, *instrument, *size) =>
                {
                    Asked::NewOrder
                }
                Intent::SetTarget { .. } => Asked::NewOrderMaybe,
                Intent::Amend { .. } | Intent::Cancel(_) | Intent::SetLeverage { .. } => Asked::Request,
                // Of these a strategy hears only where they are denied, or once for each order.
                Intent::CancelAll(_) | Intent::SetTimer { .. } | Intent::ClearTimer(_) | Intent::Notify { .. } => continue,
            };
            self.asked.insert((ended.strategy.get(), ended.number.get(), index), Waiting { asked, answers: 0, order: None });
        }
    }

    /// A strategy ended or began anew: what it asked for is answered to nobody.
    pub(crate) fn forget(&mut self, strategy: StrategyId) {
        self.asked.retain(|(asker, ..), _| *asker != strategy.get());
    }

    /// A strategy is told something of an order. No intent is answered twice.
    pub(crate) fn no_intent_is_answered_twice(&mut self, deliver: &Deliver) -> Result<(), Violation> {
        let Hook::Event(Event::Order(event)) = &deliver.hook else { return Ok(()) };
        let OrderEvent { change, answers: Some(Answers { decided_on, intent_index }), order, .. } = &**event else {
            return Ok(());
        };
        let name = (deliver.strategy.get(), decided_on.get(), *intent_index);
        let Some(waiting) = self.asked.get_mut(&name) else { return Ok(()) };
        let order = order.as_ref().map(|order| order.id);
        if waiting.order.is_some() && order != waiting.order {
            return Ok(());
        }
        waiting.order = order;
        let is_answer = waiting.answers == 0
            || waiting.asked == Asked::Request
            || matches!(change, OrderChange::Accepted | OrderChange::Denied(_));
        waiting.answers += u32::from(is_answer);
        let answers = waiting.answers;
        hold(answers <= 1, Invariant::IntentsAnsweredOnce, || {
            format!(
                "intent {intent_index} of event {decided_on} of strategy {} is answered again: {change:?}",
                deliver.strategy
            )
        })
    }

    /// What happened after an event is not remembered any more.
    pub(crate) fn lost_from(&mut self, event: u64) {
        self.asked.clear();
        self.made.retain(|(_, of, ..), _| *of <= event);
    }

    /// Once all is quiet, no intent waits for its answer.
    pub(crate) fn every_intent_is_answered(&mut self) -> Result<(), Violation> {
        let waiting = self.asked.iter().find(|(_, one)| one.answers == 0 && one.asked != Asked::NewOrderMaybe);
        let result = hold(waiting.is_none(), Invariant::IntentsAnsweredOnce, || {
            format!("(strategy, event, intent) {:?} was never answered", waiting.expect("one waits"))
        });
        self.asked.clear();
        result
    }
}

/// Whether a strategy surely is not where it wants to be: nothing of it is under way, and it holds another number of lots. A target
/// that nobody can understand is nowhere.
fn is_elsewhere(core: &TradingCore, strategy: StrategyId, instrument: InstrumentId, target: Wanted) -> bool {
    let Some(strategy) = core.strategy(strategy) else { return false };
    let is_idle = strategy.orders().all(|order| order.instrument != instrument);
    let held = strategy.positions().find(|position| position.instrument() == instrument).map_or(Decimal::ZERO, Position::size);
    let lot = Decimal::new(1, 2);
    is_idle && target.get().and_then(|target| target.checked_sub(held)).is_none_or(|by| by.abs() >= lot)
}

/// A hook is handed out while none of its strategy is.
pub(crate) fn one_hook_at_a_time(hooks: &Hooks, deliver: &Deliver) -> Result<(), Violation> {
    let out = hooks.get(&deliver.strategy);
    hold(out.is_none(), Invariant::OneHookAtATime, || {
        format!("strategy {} gets event {} while {:?} is out", deliver.strategy, deliver.number, out.map(|out| out.number))
    })
}

/// Both sides hold the same of each instrument.
pub(crate) fn positions_agree(core: &TradingCore, truth: &Truth) -> Result<(), Violation> {
    (0..INSTRUMENTS).try_for_each(|place| {
        let (ours, theirs) = (core.size_held(instrument(place)), truth.positions[place]);
        hold(ours == theirs, Invariant::PositionsAgree, || format!("instrument {place}: ours {ours}, theirs {theirs}"))
    })
}

/// Nothing is in doubt.
pub(crate) fn doubt_ends(core: &TradingCore) -> Result<(), Violation> {
    let doubted = core.strategies().flat_map(StrategyView::order_states).find(|(_, state)| state.is_in_doubt());
    hold(doubted.is_none(), Invariant::DoubtEnds, || format!("{doubted:?} is in doubt still"))
}

/// Both sides have the same orders open.
pub(crate) fn orders_agree(core: &TradingCore, theirs: &[OpenOrder]) -> Result<(), Violation> {
    let mut ours: Vec<OpenOrder> = core
        .strategies()
        .flat_map(|strategy| strategy.orders().map(move |order| (strategy.id().get(), order)))
        .map(|(strategy, order)| (strategy, order.instrument.get() as usize, order.side, order.size.get(), order.filled))
        .collect();
    ours.sort_unstable();
    hold(ours == theirs, Invariant::OrdersAgree, || format!("open here {ours:?}, open there {theirs:?}"))
}

/// A core out of the journal is in the state of the one that wrote it, to the last field.
pub(crate) fn the_state_is_the_same(before: &TradingCore, after: &TradingCore) -> Result<(), Violation> {
    let (before, after) = (format!("{before:?}"), format!("{after:?}"));
    hold(before == after, Invariant::StateAfterReplay, || {
        let same = before.bytes().zip(after.bytes()).take_while(|(before, after)| before == after).count();
        let around = |text: &str| text.chars().skip(same.saturating_sub(200)).take(400).collect::<String>();
        format!("before …{}…\nafter …{}…", around(&before), around(&after))
    })
}

/// And the same hooks are out.
pub(crate) fn the_same_hooks_are_out(before: &Hooks, after: &Hooks) -> Result<(), Violation> {
    let numbers = |hooks: &Hooks| hooks.values().map(|out| (out.strategy, out.number)).collect::<Vec<_>>();
    let (before, after) = (numbers(before), numbers(after));
    hold(before == after, Invariant::StateAfterReplay, || format!("out before {before:?}, after {after:?}"))
}
