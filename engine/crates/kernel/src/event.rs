//! What a strategy is told.

use crate::listed::listed;
use crate::{
    Book, Candle, Context, EventNumber, Feed, FeedChange, InstrumentId, MarginMode, Order, Price, Quote, SeriesId, Size,
    TimerId, Timestamp, Trade, TradeId,
};
use rust_decimal::Decimal;
use std::borrow::Cow;

/// One event for one of the hooks that return intents. What is rare and large is boxed: a candle is neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A candle of a subscribed series closed.
    Candle(CandleEvent),
    /// Somebody traded.
    Trade(Trade),
    /// The best bid or offer changed.
    Quote(Quote),
    /// A book snapshot.
    Book(Box<Book>),
    /// Mark price, oracle, funding rate or open interest changed.
    Context(Box<Context>),
    /// A position changed.
    Position(Box<PositionEvent>),
    /// Something happened to an order or a request.
    Order(Box<OrderEvent>),
    /// Funding was paid or received.
    Funding(Box<FundingEvent>),
    /// The collateral changed other than by trading.
    Balance(Box<BalanceEvent>),
    /// A timer or the clock fired.
    Timer(TimerEvent),
    /// A feed changed its state.
    Feed(FeedEvent),
}

listed! {
    /// The kinds of [`Event`], for counting and for asking what a component knows.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum EventKind {
        /// [`Event::Candle`].
        Candle,
        /// [`Event::Trade`].
        Trade,
        /// [`Event::Quote`].
        Quote,
        /// [`Event::Book`].
        Book,
        /// [`Event::Context`].
        Context,
        /// [`Event::Position`].
        Position,
        /// [`Event::Order`].
        Order,
        /// [`Event::Funding`].
        Funding,
        /// [`Event::Balance`].
        Balance,
        /// [`Event::Timer`].
        Timer,
        /// [`Event::Feed`].
        Feed,
    }
}

impl EventKind {
    /// Its name in reports and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Candle => "candle",
            Self::Trade => "trade",
            Self::Quote => "quote",
            Self::Book => "book",
            Self::Context => "context",
            Self::Position => "position",
            Self::Order => "order",
            Self::Funding => "funding",
            Self::Balance => "balance",
            Self::Timer => "timer",
            Self::Feed => "feed",
        }
    }
}

impl Event {
    /// Its kind.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Candle(_) => EventKind::Candle,
            Self::Trade(_) => EventKind::Trade,
            Self::Quote(_) => EventKind::Quote,
            Self::Book(_) => EventKind::Book,
            Self::Context(_) => EventKind::Context,
            Self::Position(_) => EventKind::Position,
            Self::Order(_) => EventKind::Order,
            Self::Funding(_) => EventKind::Funding,
            Self::Balance(_) => EventKind::Balance,
            Self::Timer(_) => EventKind::Timer,
            Self::Feed(_) => EventKind::Feed,
        }
    }
}

/// A closed candle of a subscribed series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleEvent {
    /// Which series.
    pub series: SeriesId,
    /// Whether it is history, handed over before the strategy goes live.
    pub warm_up: bool,
    /// The candle.
    pub candle: Candle,
}

/// A position of a strategy as it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionView {
    /// The instrument held.
    pub instrument: InstrumentId,
    /// Signed size; zero: none.
    pub size: Decimal,
    /// Average entry price, rounded to 8 decimals; zero without a position.
    pub entry_price: Decimal,
    /// Quote asset that flowed in (positive) or out (negative) through fills since the position was last flat. Exact.
    pub flow: Decimal,
    /// Profit taken by closing, before fees and funding, since the deployment, rounded to 8 decimals.
    pub realized_pnl: Decimal,
    /// Leverage; none where the venue did not say.
    pub leverage: Option<u32>,
    /// Margin mode; none where the venue did not say.
    pub margin_mode: Option<MarginMode>,
    /// Estimated liquidation price, rounded to 8 decimals.
    pub liquidation_price: Option<Decimal>,
}

/// Why a position changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PositionCause {
    /// A fill of an order.
    Fill,
    /// The exchange reported it so.
    Exchange,
    /// The exchange closed it by force.
    Liquidation,
    /// Leverage or margin mode changed.
    Settings,
}

/// A position as it now is, with what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionEvent {
    /// When it changed.
    pub time: Timestamp,
    /// What it is now.
    pub now: PositionView,
    /// Mark price at the change, where one is known.
    pub mark: Option<Price>,
    /// Signed size before.
    pub size_before: Decimal,
    /// Why.
    pub cause: PositionCause,
}

/// Why a request was refused, here or at the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A stable code, lower case with hyphens.
    pub code: Cow<'static, str>,
    /// The same in words, with the numbers involved.
    pub message: String,
}

/// A fill as the strategy sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillView {
    /// The exchange's trade number.
    pub trade_id: TradeId,
    /// Price.
    pub price: Price,
    /// Size.
    pub size: Size,
    /// Fee in the quote asset; negative is a rebate.
    pub fee: Decimal,
    /// Whether the order was resting.
    pub maker: bool,
    /// Whether the exchange forced it.
    pub liquidation: bool,
    /// What the order still has to fill.
    pub remaining: Decimal,
}

/// What happened to an order or a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderChange {
    /// The exchange has it.
    Accepted,
    /// The risk gate refused it; nothing was sent.
    Denied(Refusal),
    /// The exchange refused it.
    Rejected(Refusal),
    /// Part of it filled.
    PartiallyFilled(FillView),
    /// The last of it filled.
    Filled(FillView),
    /// It is cancelled; by whom or why.
    Cancelled(Cow<'static, str>),
    /// Its time ran out.
    Expired,
    /// Its trigger price was reached.
    Triggered,
    /// Its terms changed as asked.
    Amended,
}

/// The intent that an order event answers or follows from.
///
/// An intent is answered exactly once: by its denial, or by the first word on what became of it.
///
/// - A new order (to place, to close, to reach a target): [`OrderChange::Accepted`], or [`OrderChange::Rejected`] or
///   [`OrderChange::Expired`] where it never stood. Whatever happens to it later follows from the same intent and names it too, as
///   do the exits that were attached to it.
/// - An amend: [`OrderChange::Amended`] or [`OrderChange::Rejected`]. A cancel: [`OrderChange::Cancelled`] or
///   [`OrderChange::Rejected`]. Where the order ends otherwise first, that is a rejection (`order-ended`).
/// - To cancel all: one such answer for each order that it cancels.
/// - Leverage: [`OrderChange::Accepted`] or [`OrderChange::Rejected`], without an order.
/// - What asks nothing of the exchange (timers, notifications, a target that is reached, to cancel all of nothing) is done when it is
///   taken, and answered only where it is denied. Of an answer with too many intents the first one beyond is denied for all of them.
///
/// A lost answer is no end: the exchange is asked until it is known. A strategy that has ended (stopped, faulted) hears no more,
/// and over an upgrade the answers wait for the new version. Only an exchange that contradicts itself (an order that it did not
/// know turns up) is told of as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// Number of the event whose answer held the intent.
    pub decided_on: EventNumber,
    /// The intent's place in that answer, from 0.
    pub intent_index: u32,
}

/// One order event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEvent {
    /// When it happened.
    pub time: Timestamp,
    /// The order after the event; none where the request is about none (leverage), or names none that we know.
    pub order: Option<Order>,
    /// What happened.
    pub change: OrderChange,
    /// Which intent it answers or follows from.
    pub answers: Option<Answers>,
}

/// A funding payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingEvent {
    /// Instrument.
    pub instrument: InstrumentId,
    /// When it was due.
    pub time: Timestamp,
    /// The rate, a fraction of the position's notional.
    pub rate: Decimal,
    /// What the account received; negative: paid. Rounded to 8 decimals.
    pub payment: Decimal,
}

/// Why the collateral changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BalanceCause {
    /// Money came in.
    Deposit,
    /// Money went out.
    Withdrawal,
    /// It moved between accounts of the same owner.
    Transfer,
    /// Funding.
    Funding,
    /// Something else.
    Other,
}

/// The collateral changed other than by trading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceEvent {
    /// When.
    pub time: Timestamp,
    /// Cash now, rounded to 8 decimals.
    pub cash: Decimal,
    /// By how much it changed.
    pub change: Decimal,
    /// Why.
    pub cause: BalanceCause,
}

/// Which timer fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerSource {
    /// A timer the strategy set.
    Timer(TimerId),
    /// The clock tick of its manifest.
    Tick,
}

/// A timer or the clock fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerEvent {
    /// Which.
    pub source: TimerSource,
    /// When it was due.
    pub due: Timestamp,
    /// The engine's time now.
    pub time: Timestamp,
}

/// A feed changed its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedEvent {
    /// When.
    pub time: Timestamp,
    /// Which feed.
    pub feed: Feed,
    /// How.
    pub change: FeedChange,
}
