//! What is recorded: tables, their columns, and rows of them.

use calypte_kernel::Decimal;
use std::fmt;

/// A place in an account's journal: which opening of it, and which record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mark {
    /// The epoch. A power cut can cost records at the end of one, whose numbers the next epoch gives again.
    pub epoch: u32,
    /// The record's number.
    pub record: u64,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number of at most 63 bits.
    Number,
    /// An exact decimal: money, prices, sizes, and numbers that the exchange gives. `NUMERIC` in PostgreSQL; text in SQLite,
    /// which has no exact decimals.
    Exact,
    /// Yes or no.
    Flag,
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be empty.
    pub is_optional: bool,
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, is_optional: false }
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

const fn number(name: &'static str) -> Column {
    column(name, Kind::Number)
}

const fn exact(name: &'static str) -> Column {
    column(name, Kind::Exact)
}

const fn flag(name: &'static str) -> Column {
    column(name, Kind::Flag)
}

const fn optional(column: Column) -> Column {
    Column { is_optional: true, ..column }
}

/// The columns that every table begins with. All but the last are the key.
pub const KEY: [Column; 5] = [text("account"), number("epoch"), number("record"), number("place"), number("time_ms")];

const ORDERS: &[Column] = &[
    optional(text("strategy")),
    text("client_order"),
    text("symbol"),
    text("side"),
    exact("size"),
    text("kind"),
    optional(exact("price")),
    optional(exact("trigger_price")),
    optional(text("time_in_force")),
    flag("reduce_only"),
    optional(number("event")),
    optional(number("intent")),
    optional(number("leg")),
];

const ORDER_STATES: &[Column] = &[
    optional(text("strategy")),
    text("client_order"),
    text("state"),
    exact("size"),
    exact("filled"),
    optional(exact("price")),
    optional(exact("trigger_price")),
    optional(text("code")),
    optional(text("words")),
];

const FILLS: &[Column] = &[
    optional(text("strategy")),
    optional(text("client_order")),
    exact("venue_order"),
    exact("trade"),
    text("symbol"),
    text("side"),
    exact("price"),
    exact("size"),
    exact("fee"),
    flag("maker"),
    optional(text("forced")),
    number("exchange_time_ms"),
];

const FUNDING: &[Column] = &[optional(text("strategy")), text("symbol"), number("due_ms"), exact("rate"), exact("payment")];

const POSITIONS: &[Column] =
    &[optional(text("strategy")), text("symbol"), exact("size"), optional(exact("entry_price")), optional(exact("realized"))];

const EQUITY: &[Column] =
    &[optional(exact("equity")), optional(exact("cash")), exact("settled"), exact("fees_paid"), exact("funding_received")];

const BOOKS: &[Column] =
    &[text("symbol"), number("exchange_time_ms"), text("side"), number("level"), exact("price"), exact("size")];

const DENIALS: &[Column] = &[text("strategy"), text("code"), text("words")];

const FAULTS: &[Column] = &[text("strategy"), text("kind"), text("function"), number("event"), number("fuel"), text("words")];

const LIFECYCLE: &[Column] = &[text("strategy"), text("state"), optional(text("words"))];

const NOTIFICATIONS: &[Column] = &[text("strategy"), text("urgency"), text("words")];

const DIFFERENCES: &[Column] =
    &[text("kind"), optional(text("name")), exact("ours"), exact("theirs"), number("exchange_time_ms")];

const RISK_EVENTS: &[Column] = &[
    text("kind"),
    optional(text("strategy")),
    optional(text("action")),
    optional(text("symbol")),
    optional(exact("size")),
    text("words"),
];

/// A table of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Orders as they were sent, or came to life at the exchange.
    Orders,
    /// Each state of each order.
    OrderStates,
    /// Fills.
    Fills,
    /// Funding payments.
    Funding,
    /// Positions, each time they changed.
    Positions,
    /// The account's money, at an interval.
    Equity,
    /// Levels of order books, at an interval.
    Books,
    /// Requests that were denied before they were sent.
    Denials,
    /// Strategies that failed.
    Faults,
    /// Strategies that changed their state.
    Lifecycle,
    /// What strategies said to the trader.
    Notifications,
    /// Where the exchange's word differed from ours.
    Differences,
    /// What happened to the account's safeguards.
    RiskEvents,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Orders,
        Self::OrderStates,
        Self::Fills,
        Self::Funding,
        Self::Positions,
        Self::Equity,
        Self::Books,
        Self::Denials,
        Self::Faults,
        Self::Lifecycle,
        Self::Notifications,
        Self::Differences,
        Self::RiskEvents,
    ];

    /// Its name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::OrderStates => "order_states",
            Self::Fills => "fills",
            Self::Funding => "funding",
            Self::Positions => "positions",
            Self::Equity => "equity",
            Self::Books => "books",
            Self::Denials => "denials",
            Self::Faults => "faults",
            Self::Lifecycle => "lifecycle",
            Self::Notifications => "notifications",
            Self::Differences => "differences",
            Self::RiskEvents => "risk_events",
        }
    }

    /// The table of that name; none where there is none.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Its columns, [`KEY`] first.
    pub fn columns(self) -> impl Iterator<Item = Column> {
        KEY.into_iter().chain(self.own_columns().iter().copied())
    }

    /// Its columns behind the key.
    pub const fn own_columns(self) -> &'static [Column] {
        match self {
            Self::Orders => ORDERS,
            Self::OrderStates => ORDER_STATES,
            Self::Fills => FILLS,
            Self::Funding => FUNDING,
            Self::Positions => POSITIONS,
            Self::Equity => EQUITY,
            Self::Books => BOOKS,
            Self::Denials => DENIALS,
            Self::Faults => FAULTS,
            Self::Lifecycle => LIFECYCLE,
            Self::Notifications => NOTIFICATIONS,
            Self::Differences => DIFFERENCES,
            Self::RiskEvents => RISK_EVENTS,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    None,
    /// Text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// An exact decimal.
    Exact(Decimal),
    /// Yes or no.
    Flag(bool),
}

impl Value {
    /// As a database takes it; none where there is nothing.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Exact(decimal) => Some(decimal.normalize().to_string()),
            Self::Flag(flag) => Some(i64::from(*flag).to_string()),
        }
    }

    /// Whether a column may hold it.
    pub const fn fits(&self, column: Column) -> bool {
        match self {
            Self::None => column.is_optional,
            Self::Text(_) => matches!(column.kind, Kind::Text),
            Self::Number(_) => matches!(column.kind, Kind::Number),
            Self::Exact(_) => matches!(column.kind, Kind::Exact),
            Self::Flag(_) => matches!(column.kind, Kind::Flag),
        }
    }
}

/// A fact: a row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Of which table.
    pub table: Table,
    /// The input that brought it about.
    pub mark: Mark,
    /// Its place among the rows of that table which the input brought about, from 0.
    pub place: u32,
    /// The account's time, in Unix milliseconds.
    pub time_ms: i64,
    /// Values of the columns behind the key, in their order.
    pub values: Vec<Value>,
}
