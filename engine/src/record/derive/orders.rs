//! Orders and their states: what changed of them, told by what they were.

use super::evidence::{Evidence, Touched, Why};
use super::words::{number, order_state, price, side, terms, text};
use super::{Facts, Table, Value};
use calypte_kernel::{
    Approved, ClientOrderId, Command, Decimal, InstrumentId, NewOrder, Order, OrderKind, OrderState, Output, Side, Size,
    StrategyId,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Orders that are gone and remembered, since a fill may come behind their end: as many as the core remembers of one strategy.
const GONE_MAX: usize = 256;

/// Orders as they were when they were told last.
#[derive(Debug, Default)]
pub(super) struct Orders {
    known: BTreeMap<ClientOrderId, Seen>,
    /// Those that are over, oldest first.
    gone: VecDeque<ClientOrderId>,
}

/// An order as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    state: OrderState,
    size: Size,
    filled: Decimal,
    kind: OrderKind,
}

impl Seen {
    fn of(order: &Order, state: OrderState) -> Self {
        Self { state, size: order.size, filled: order.filled, kind: order.kind }
    }
}

impl Orders {
    /// Looks at the orders that an input may have changed, and tells what is new of them.
    pub(super) fn look(&mut self, evidence: &Evidence, outputs: &[Output], facts: &mut Facts<'_>) {
        let placed = placed(outputs);
        let mut names = asked_about(outputs);
        names.extend(placed.keys());
        match evidence.touched {
            Touched::None => {}
            Touched::One(order) => drop(names.insert(order)),
            Touched::All => {
                let open = facts.core.strategies().flat_map(|strategy| strategy.named_orders().map(|(name, ..)| name));
                names.extend(open);
                names.extend(self.known.keys());
            }
        }
        let silent = Why::default();
        for name in names {
            if let Some(order) = placed.get(&name).filter(|_| find(name, facts).is_none()) {
                tell_own_hand(order, facts);
                continue;
            }
            let is_named = evidence.touched == Touched::One(name);
            self.look_at(name, if is_named { &evidence.why } else { &silent }, facts);
        }
    }

    fn look_at(&mut self, name: ClientOrderId, why: &Why, facts: &mut Facts<'_>) {
        let Some((strategy, (order, state))) = find(name, facts) else { return };
        let now = Seen::of(order, state);
        let before = self.known.insert(name, now);
        if before.is_none() {
            let terms = (order.instrument, order.side, order.size, order.kind, order.reduce_only);
            tell_order(name, Some(strategy), terms, facts);
        }
        if before != Some(now) {
            tell_state(name, Some(strategy), (state, now.size, now.filled, now.kind), why, facts);
        }
        let was_over = before.is_some_and(|before| before.state.is_over());
        match (was_over, state.is_over()) {
            (false, true) => self.note_gone(name),
            (true, false) => self.gone.retain(|gone| *gone != name),
            _ => {}
        }
    }

    fn note_gone(&mut self, name: ClientOrderId) {
        self.gone.push_back(name);
        if self.gone.len() > GONE_MAX
            && let Some(oldest) = self.gone.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

fn commands(outputs: &[Output]) -> impl Iterator<Item = &Command> {
    let batches = outputs.iter().filter_map(|output| match output {
        Output::Send(batch) => Some(batch),
        _ => None,
    });
    batches.flat_map(|batch| batch.commands.iter().map(Approved::get))
}

/// The orders that are sent.
fn placed(outputs: &[Output]) -> BTreeMap<ClientOrderId, &NewOrder> {
    let placed = commands(outputs).filter_map(|command| match command {
        Command::Place(order) => Some((order.client_id, order)),
        _ => None,
    });
    placed.collect()
}

/// The orders of which something is asked.
fn asked_about(outputs: &[Output]) -> BTreeSet<ClientOrderId> {
    let asked = commands(outputs).filter_map(|command| match command {
        Command::Amend { order, .. } | Command::Cancel { order, .. } => Some(*order),
        Command::Place(_) | Command::CancelOutside { .. } | Command::SetLeverage { .. } | Command::ScheduleCancel { .. } => {
            None
        }
    });
    let doubted = outputs.iter().filter_map(|output| match output {
        Output::Resolve(resolve) => Some(resolve.order),
        _ => None,
    });
    asked.chain(doubted).collect()
}

/// An order of ours, open or gone not long ago.
fn find<'a>(name: ClientOrderId, facts: &Facts<'a>) -> Option<(StrategyId, (&'a Order, OrderState))> {
    let origin = name.origin().filter(|origin| origin.account == facts.core.account())?;
    let strategy = facts.core.strategy(origin.strategy)?;
    Some((strategy.id(), strategy.order_named(name)?))
}

/// The terms of an order, however it is held.
type Terms = (InstrumentId, Side, Size, OrderKind, bool);

fn tell_order(name: ClientOrderId, strategy: Option<StrategyId>, terms_of: Terms, facts: &mut Facts<'_>) {
    let (instrument, of_side, size, kind, reduce_only) = terms_of;
    let (terms, origin) = (terms(kind), name.origin());
    let values = vec![
        strategy.map_or(Value::None, |strategy| facts.strategy(strategy)),
        text(name.to_string()),
        facts.symbol(instrument),
        text(side(of_side)),
        Value::Exact(size.get()),
        text(terms.kind),
        price(terms.price),
        price(terms.trigger_price),
        terms.time_in_force.map_or(Value::None, text),
        Value::Flag(reduce_only),
        origin.map_or(Value::None, |origin| number(origin.event.get())),
        origin.map_or(Value::None, |origin| Value::Number(origin.intent.into())),
        origin.map_or(Value::None, |origin| Value::Number(origin.leg.into())),
    ];
    facts.add(Table::Orders, values);
}

/// An order that the core sends for nobody: what belongs to no strategy is closed. Of its life only its fills are told.
fn tell_own_hand(order: &NewOrder, facts: &mut Facts<'_>) {
    let terms = (order.instrument, order.side, order.size, order.kind, order.reduce_only);
    tell_order(order.client_id, None, terms, facts);
    tell_state(order.client_id, None, (OrderState::Sent, order.size, Decimal::ZERO, order.kind), &Why::default(), facts);
}

fn tell_state(
    name: ClientOrderId,
    strategy: Option<StrategyId>,
    (state, size, filled, kind): (OrderState, Size, Decimal, OrderKind),
    why: &Why,
    facts: &mut Facts<'_>,
) {
    let terms = terms(kind);
    let values = vec![
        strategy.map_or(Value::None, |strategy| facts.strategy(strategy)),
        text(name.to_string()),
        text(order_state(state)),
        Value::Exact(size.get()),
        Value::Exact(filled),
        price(terms.price),
        price(terms.trigger_price),
        why.code.clone().map_or(Value::None, text),
        why.words.clone().map_or(Value::None, text),
    ];
    facts.add(Table::OrderStates, values);
}
