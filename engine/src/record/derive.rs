//! Facts, from inputs and what followed from them: the one function that says what is recorded.
//!
//! It is a fold: what an order, a position and the intervals were is carried along, so that only changes are facts. Equal
//! journals give equal facts, whether they are read as they are written or years later.

mod evidence;
mod orders;
#[cfg(test)]
mod tests;
mod words;

use super::schema::{Mark, Row, Table, Value};
use calypte_kernel::{
    Book, Decimal, DifferenceOf, Input, InstrumentId, MarketEvent, Output, Position, RiskEvent, Side, StrategyId,
    StrategyState, Timestamp, TradingCore,
};
use evidence::Evidence;
use orders::Orders;
use std::collections::BTreeMap;
use words::text;

/// How often the account's money is recorded, in milliseconds of its own time.
pub(super) const EQUITY_EVERY_MS: i64 = 60_000;
/// How often a book is recorded, of each instrument that has one.
pub(super) const BOOKS_EVERY_MS: i64 = 60_000;
/// Levels that are recorded of each side of a book.
pub(super) const BOOK_LEVELS_MAX: usize = 20;

/// What was true of the account so far, as far as changes are told by it.
#[derive(Debug, Default)]
pub(super) struct Deriver {
    /// Names of strategies.
    names: BTreeMap<StrategyId, String>,
    orders: Orders,
    /// Sizes and entry prices that are not zero; of nobody where there is no strategy.
    positions: BTreeMap<(Option<StrategyId>, InstrumentId), (Decimal, Decimal)>,
    /// The core's, when positions were looked at last.
    revision: Option<u64>,
    /// The interval that equity was recorded in last.
    equity: Option<i64>,
    /// The same of the book of each instrument.
    books: BTreeMap<InstrumentId, i64>,
}

/// What one input brought about, as it is put together.
#[derive(Debug)]
struct Facts<'a> {
    core: &'a TradingCore,
    names: &'a BTreeMap<StrategyId, String>,
    mark: Mark,
    time: Timestamp,
    /// How many rows of each table there are of this input.
    places: BTreeMap<Table, u32>,
    rows: &'a mut Vec<Row>,
}

impl Deriver {
    /// Whatever was true of an account, another one begins.
    pub(super) fn begin(&mut self) {
        *self = Self { names: std::mem::take(&mut self.names), ..Self::default() };
    }

    /// What strategies are called from now on.
    pub(super) fn name(&mut self, names: BTreeMap<StrategyId, String>) {
        self.names = names;
    }

    /// What an input says that only the core can judge who has not had it. None of the core: it is the first input.
    pub(super) fn before(core: Option<&TradingCore>, input: &Input) -> Evidence {
        Evidence::of(core, input)
    }

    /// The facts of an input, once the core has had it.
    pub(super) fn after(
        &mut self,
        (mark, time): (Mark, Timestamp),
        evidence: &Evidence,
        outputs: &[Output],
        core: &TradingCore,
        rows: &mut Vec<Row>,
    ) {
        let mut facts = Facts { core, names: &self.names, mark, time, places: BTreeMap::new(), rows };
        self.orders.look(evidence, outputs, &mut facts);
        evidence.tell(&mut facts);
        if self.revision.replace(core.revision()) != Some(core.revision()) {
            look_at_positions(&mut self.positions, &mut facts);
        }
        for output in outputs {
            facts.said(output);
        }
        let is_over = outputs.iter().any(|output| matches!(output, Output::ShutDown { .. }));
        let interval = time.as_millis().div_euclid(EQUITY_EVERY_MS);
        if self.equity.replace(interval) != Some(interval) || is_over {
            facts.equity();
        }
        if let Some(book) = &evidence.book {
            let interval = time.as_millis().div_euclid(BOOKS_EVERY_MS);
            if self.books.insert(book.instrument, interval) != Some(interval) {
                facts.book(book);
            }
        }
    }
}

/// Tells which positions changed, and remembers how they are.
fn look_at_positions(held: &mut BTreeMap<(Option<StrategyId>, InstrumentId), (Decimal, Decimal)>, facts: &mut Facts<'_>) {
    let core = facts.core;
    let mut now = BTreeMap::new();
    for (strategy, position) in core.positions() {
        now.insert((Some(strategy), position.instrument()), (position.size(), position.entry_price()));
    }
    for instrument in core.settings().instruments.iter() {
        let nobodys = core.unattributed(instrument.id);
        if !nobodys.is_zero() {
            now.insert((None, instrument.id), (nobodys, Decimal::ZERO));
        }
    }
    let before = std::mem::replace(held, now);
    let gone = before.keys().filter(|key| !held.contains_key(key)).map(|key| (*key, (Decimal::ZERO, Decimal::ZERO)));
    let changed = held.iter().filter(|(key, position)| before.get(key) != Some(position));
    let mut changed = changed.map(|(key, position)| (*key, *position)).chain(gone).collect::<Vec<_>>();
    changed.sort_by_key(|(key, _)| *key);
    for ((strategy, instrument), (size, entry)) in changed {
        facts.position(strategy, instrument, size, entry);
    }
}

impl Facts<'_> {
    fn add(&mut self, table: Table, values: Vec<Value>) {
        let place = self.places.entry(table).or_default();
        let row = Row { table, mark: self.mark, place: *place, time_ms: self.time.as_millis(), values };
        *place += 1;
        self.rows.push(row);
    }

    fn strategy(&self, strategy: StrategyId) -> Value {
        self.names.get(&strategy).map_or_else(|| text(format!("strategy {strategy}")), |name| text(name.clone()))
    }

    fn symbol(&self, instrument: InstrumentId) -> Value {
        let known = self.core.settings().instruments.get(instrument.get() as usize);
        text(known.map_or_else(|| instrument.to_string(), |instrument| instrument.symbol.as_str().to_owned()))
    }

    fn position(&mut self, strategy: Option<StrategyId>, instrument: InstrumentId, size: Decimal, entry: Decimal) {
        let exact = |entry: Decimal| if strategy.is_some() { Value::Exact(entry) } else { Value::None };
        let position = strategy.and_then(|id| self.core.strategy(id)?.position(instrument));
        let realized = position.map_or(Value::None, |position| Value::Exact(Position::realized_pnl(position)));
        let who = strategy.map_or(Value::None, |strategy| self.strategy(strategy));
        let values = vec![who, self.symbol(instrument), Value::Exact(size), exact(entry), realized];
        self.add(Table::Positions, values);
    }

    fn equity(&mut self) {
        let core = self.core;
        let known = |money: Option<Decimal>| money.map_or(Value::None, Value::Exact);
        let sums = [core.settled(), core.fees_paid(), core.funding_received()].map(Value::Exact);
        let values = [known(core.equity()), known(core.cash())].into_iter().chain(sums).collect();
        self.add(Table::Equity, values);
    }

    fn book(&mut self, book: &Book) {
        for (side, levels) in [(Side::Buy, &book.bids), (Side::Sell, &book.asks)] {
            for (place, level) in (0..).zip(levels.iter().take(BOOK_LEVELS_MAX)) {
                let values = vec![
                    self.symbol(book.instrument),
                    Value::Number(book.time.as_millis()),
                    text(words::side(side)),
                    Value::Number(place),
                    Value::Exact(level.price.get()),
                    Value::Exact(level.size.get()),
                ];
                self.add(Table::Books, values);
            }
        }
    }

    /// What the core said, as far as it is for the record.
    fn said(&mut self, output: &Output) {
        match output {
            Output::Denied { strategy, refusal } => {
                let values = vec![self.strategy(*strategy), text(&*refusal.code), text(&*refusal.message)];
                self.add(Table::Denials, values);
            }
            Output::Lifecycle { strategy, state } => self.lifecycle(*strategy, state),
            Output::Notify { strategy, urgency, text: said } => {
                let values = vec![self.strategy(*strategy), text(words::urgency(*urgency)), text(said.clone())];
                self.add(Table::Notifications, values);
            }
            Output::Difference(difference) => {
                let (kind, name) = match difference.of {
                    DifferenceOf::Filled(order) => ("filled", text(order.to_string())),
                    DifferenceOf::Position(instrument) => ("position", self.symbol(instrument)),
                    DifferenceOf::Cash => ("cash", Value::None),
                };
                let sums = [difference.ours, difference.theirs].map(Value::Exact);
                let time = Value::Number(difference.time.as_millis());
                let values = [text(kind), name].into_iter().chain(sums).chain([time]).collect();
                self.add(Table::Differences, values);
            }
            Output::Risk(event) => self.risk(event),
            Output::Deliver(_)
            | Output::Send(_)
            | Output::Resolve(_)
            | Output::ResolveLeverage(_)
            | Output::Parameters { .. }
            | Output::Saved { .. }
            | Output::RolledBack { .. }
            | Output::ShutDown { .. }
            | Output::Reconcile(_) => {}
        }
    }

    fn lifecycle(&mut self, strategy: StrategyId, state: &StrategyState) {
        let (name, said) = words::state(state);
        let values = vec![self.strategy(strategy), text(name), said.map_or(Value::None, text)];
        self.add(Table::Lifecycle, values);
        if let StrategyState::Faulted(fault) = state {
            let values = vec![
                self.strategy(strategy),
                text(fault.kind.name()),
                text(fault.function.clone()),
                words::number(fault.event.get()),
                words::number(fault.fuel),
                text(fault.detail.clone()),
            ];
            self.add(Table::Faults, values);
        }
    }

    fn risk(&mut self, event: &RiskEvent) {
        let told = words::risk(event);
        let strategy = told.strategy.map_or(Value::None, |strategy| self.strategy(strategy));
        let symbol = told.instrument.map_or(Value::None, |instrument| self.symbol(instrument));
        let values = vec![
            text(told.kind),
            strategy,
            told.action.map_or(Value::None, text),
            symbol,
            told.size.map_or(Value::None, Value::Exact),
            text(told.words),
        ];
        self.add(Table::RiskEvents, values);
    }
}

/// The book of an input, where it is one.
fn book_of(input: &Input) -> Option<Book> {
    match input {
        Input::Market(MarketEvent::Book(book)) => Some(book.as_ref().clone()),
        _ => None,
    }
}
