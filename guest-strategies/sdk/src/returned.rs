//! What `events.next` returns, read where the engine put it.
//!
//! The bindings' own reading of an event takes twice as many instructions as a strategy does: they gather the fields of eleven
//! kinds of event in common variables, and then put them down again. A candle needs none of it, since the contract's records of
//! plain numbers lie in memory as the types of the SDK do. So the import is called by its core signature here, a candle is
//! handed out in its place, and only the other kinds are read field by field.
//!
//! The types called `Stored…` are the canonical ABI's layout of those of the contract that Rust lays out otherwise. The layout
//! and the order of cases are held to the contract by a test, which fails when the contract changes.

#![expect(unsafe_code, reason = "memory written by the engine is read by its layout")]

use crate::{
    BalanceEvent, BookEvent, CandleEvent, ContextEvent, Decimal, Event, Feed, FeedChange, FeedEvent, Fill, FundingEvent, Gap,
    LimitTerms, MarginMode, Order, OrderChange, OrderEvent, OrderKind, OrderRefusal, Position, PositionCause, PositionEvent,
    QuoteEvent, Side, TimerEvent, TimerSource, TradeEvent, TrailingTerms, TriggerKind, TriggerTerms,
};
use std::mem::MaybeUninit;

#[cfg(target_family = "wasm")]
#[link(wasm_import_module = "calypte:strategy/events@0.1.0")]
unsafe extern "C" {
    #[link_name = "next"]
    fn next(returned: *mut StoredNext);
}

/// Natively nothing is imported; only the layout is looked at.
#[cfg(not(target_family = "wasm"))]
unsafe extern "C" fn next(_returned: *mut StoredNext) {
    unreachable!("there is no engine to ask")
}

/// Where `events.next` puts its answer.
pub(crate) struct Returned(MaybeUninit<StoredNext>);

/// An event that was pulled.
pub(crate) enum Pulled<'a> {
    /// A candle, where the engine put it.
    Candle(&'a CandleEvent),
    /// Another kind.
    Other(Unread<'a>),
}

/// An event that waits to be read.
pub(crate) struct Unread<'a>(&'a mut StoredCase<StoredEvent>);

impl Returned {
    /// Room for an answer. Costs nothing.
    pub(crate) const fn new() -> Self {
        Self(MaybeUninit::uninit())
    }

    /// Ends the event and takes the following one, if there is one.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Pulled<'_>> {
        let returned = self.0.as_mut_ptr();
        // SAFETY: there is room for the answer, and the engine writes it by the contract: first whether there is an event, then
        // which, then that one. Nothing is looked at but what was written.
        unsafe {
            next(returned);
            if (*returned).some == 0 {
                return None;
            }
            let event = &mut (*returned).event;
            Some(if event.case == 0 { Pulled::Candle(&event.payload.candle) } else { Pulled::Other(Unread(event)) })
        }
    }
}

impl Unread<'_> {
    /// Reads it. Never inlined: candles are the many.
    #[inline(never)]
    pub(crate) fn read(self) -> Event {
        let Self(StoredCase { case, payload }) = self;
        // SAFETY: the case says what was written. Lists and texts are taken once, since `self` is.
        unsafe {
            match case {
                0 => Event::Candle(payload.candle),
                1 => Event::Trade(payload.trade),
                2 => Event::Quote(payload.quote),
                3 => Event::Book(payload.book.read()),
                4 => Event::Context(payload.context.read()),
                5 => Event::Position(payload.position.read()),
                6 => Event::Order(payload.order.read()),
                7 => Event::Funding(payload.funding),
                8 => Event::Balance(payload.balance.read()),
                9 => Event::Timer(payload.timer.read()),
                10 => Event::Feed(payload.feed.read()),
                _ => no_such_case(),
            }
        }
    }
}

#[cold]
fn no_such_case() -> ! {
    unreachable!("the contract has no such case")
}

/// `option<event>`.
#[repr(C)]
struct StoredNext {
    some: u8,
    event: StoredCase<StoredEvent>,
}

/// A variant: which case, then its payload.
#[repr(C)]
#[derive(Clone, Copy)]
struct StoredCase<P> {
    case: u8,
    payload: P,
}

/// The payloads of `event`.
#[repr(C)]
#[derive(Clone, Copy)]
union StoredEvent {
    candle: CandleEvent,
    trade: TradeEvent,
    quote: QuoteEvent,
    book: StoredBook,
    context: StoredContext,
    position: StoredPositionEvent,
    order: StoredOrderEvent,
    funding: FundingEvent,
    balance: StoredBalance,
    timer: StoredTimer,
    feed: StoredFeed,
}

/// `option`.
#[repr(C)]
#[derive(Clone, Copy)]
struct StoredOption<T: Copy> {
    some: u8,
    value: MaybeUninit<T>,
}

impl<T: Copy> StoredOption<T> {
    fn read(self) -> Option<T> {
        // SAFETY: what is there was written.
        (self.some != 0).then(|| unsafe { self.value.assume_init() })
    }
}

/// `list` or `string`: where its memory begins, as wide as an address of the guest, and how many elements there are.
#[repr(C)]
#[derive(Clone, Copy)]
struct StoredList {
    start: u32,
    length: u32,
}

impl StoredList {
    /// Takes the list over.
    ///
    /// # Safety
    /// It must be one of this element, written by the engine into memory that it asked the component for, and be taken once.
    unsafe fn take<T>(self) -> Vec<T> {
        let (start, length) = (self.start as usize as *mut T, self.length as usize);
        // SAFETY: as the caller says.
        unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(start, length)) }.into_vec()
    }

    /// Takes the text over.
    ///
    /// # Safety
    /// It must be a text, written by the engine, and be taken once.
    unsafe fn take_text(self) -> String {
        // SAFETY: as the caller says; the engine writes UTF-8 only.
        unsafe { String::from_utf8_unchecked(self.take()) }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StoredBook {
    instrument: u32,
    time: i64,
    bids: StoredList,
    asks: StoredList,
}

impl StoredBook {
    /// # Safety
    /// It was written, and its lists are taken once.
    unsafe fn read(self) -> BookEvent {
        let Self { instrument, time, bids, asks } = self;
        // SAFETY: as the caller says; levels are plain numbers.
        let (bids, asks) = unsafe { (bids.take(), asks.take()) };
        BookEvent { instrument, time, bids, asks }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StoredContext {
    instrument: u32,
    time: i64,
    mark_price: Decimal,
    oracle_price: StoredOption<Decimal>,
    funding_rate: StoredOption<Decimal>,
    open_interest: StoredOption<Decimal>,
}

impl StoredContext {
    fn read(self) -> ContextEvent {
        ContextEvent {
            instrument: self.instrument,
            time: self.time,
            mark_price: self.mark_price,
            oracle_price: self.oracle_price.read(),
            funding_rate: self.funding_rate.read(),
            open_interest: self.open_interest.read(),
        }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StoredPositionEvent {
    time: i64,
    now: StoredPosition,
    size_before: Decimal,
    cause: PositionCause,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StoredPosition {
    instrument: u32,
    size: Decimal,
    entry_price: Decimal,
    unrealized_pnl: StoredOption<Decimal>,
    realized_pnl: Decimal,
    leverage: StoredOption<u32>,
    margin_mode: StoredOption<MarginMode>,
    liquidation_price: StoredOption<Decimal>,
}

impl StoredPositionEvent {
    fn read(self) -> PositionEvent {
        let now = Position {
            instrument: self.now.instrument,
            size: self.now.size,
            entry_price: self.now.entry_price,
            unrealized_pnl: self.now.unrealized_pnl.read(),
            realized_pnl: self.now.realized_pnl,
            leverage: self.now.leverage.read(),
            margin_mode: self.now.margin_mode.read(),
            liquidation_price: self.now.liquidation_price.read(),
        };
        PositionEvent { time: self.time, now, size_before: self.size_before, cause: self.cause }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StoredOrderEvent {
    time: i64,
    order: StoredOption<StoredOrder>,
    change: StoredCase<StoredChange>,
    intent_index: StoredOption<u32>,
    decided_on: StoredOption<u64>,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StoredOrder {
    id: u64,
    tag: StoredOption<u64>,
    instrument: u32,
    side: Side,
    size: Decimal,
    filled: Decimal,
    kind: StoredCase<StoredKind>,
    reduce_only: bool,
}

/// The payloads of `order-kind`.
#[repr(C)]
#[derive(Clone, Copy)]
union StoredKind {
    limit: LimitTerms,
    trigger: StoredTrigger,
    trailing_stop: TrailingTerms,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StoredTrigger {
    kind: TriggerKind,
    trigger_price: Decimal,
    limit_price: StoredOption<Decimal>,
}

/// The payloads of `order-change`.
#[repr(C)]
#[derive(Clone, Copy)]
union StoredChange {
    refusal: StoredRefusal,
    fill: Fill,
    cause: StoredList,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StoredRefusal {
    code: StoredList,
    message: StoredList,
}

impl StoredOrderEvent {
    /// # Safety
    /// It was written, and its texts are taken once.
    unsafe fn read(self) -> OrderEvent {
        OrderEvent {
            time: self.time,
            order: self.order.read().map(StoredOrder::read),
            // SAFETY: as the caller says.
            change: unsafe { self.change.read() },
            intent_index: self.intent_index.read(),
            decided_on: self.decided_on.read(),
        }
    }
}

impl StoredOrder {
    fn read(self) -> Order {
        Order {
            id: self.id,
            tag: self.tag.read(),
            instrument: self.instrument,
            side: self.side,
            size: self.size,
            filled: self.filled,
            kind: self.kind.read(),
            reduce_only: self.reduce_only,
        }
    }
}

impl StoredCase<StoredKind> {
    fn read(self) -> OrderKind {
        let Self { case, payload } = self;
        // SAFETY: the case says what was written.
        unsafe {
            match case {
                0 => OrderKind::Market,
                1 => OrderKind::Limit(payload.limit),
                2 => OrderKind::Trigger(TriggerTerms {
                    kind: payload.trigger.kind,
                    trigger_price: payload.trigger.trigger_price,
                    limit_price: payload.trigger.limit_price.read(),
                }),
                3 => OrderKind::TrailingStop(payload.trailing_stop),
                _ => no_such_case(),
            }
        }
    }
}

impl StoredCase<StoredChange> {
    /// # Safety
    /// Its texts are taken once.
    unsafe fn read(self) -> OrderChange {
        let Self { case, payload } = self;
        // SAFETY: the case says what was written; the rest as the caller says.
        unsafe {
            match case {
                0 => OrderChange::Accepted,
                1 => OrderChange::Denied(payload.refusal.read()),
                2 => OrderChange::Rejected(payload.refusal.read()),
                3 => OrderChange::PartiallyFilled(payload.fill),
                4 => OrderChange::Filled(payload.fill),
                5 => OrderChange::Cancelled(payload.cause.take_text()),
                6 => OrderChange::Expired,
                7 => OrderChange::Triggered,
                8 => OrderChange::Amended,
                _ => no_such_case(),
            }
        }
    }
}

impl StoredRefusal {
    /// # Safety
    /// It was written, and its texts are taken once.
    unsafe fn read(self) -> OrderRefusal {
        // SAFETY: as the caller says.
        let (code, message) = unsafe { (self.code.take_text(), self.message.take_text()) };
        OrderRefusal { code, message }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StoredBalance {
    time: i64,
    cash: Decimal,
    change: Decimal,
    cause: StoredList,
}

impl StoredBalance {
    /// # Safety
    /// It was written, and its text is taken once.
    unsafe fn read(self) -> BalanceEvent {
        let Self { time, cash, change, cause } = self;
        // SAFETY: as the caller says.
        BalanceEvent { time, cash, change, cause: unsafe { cause.take_text() } }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StoredTimer {
    source: StoredCase<MaybeUninit<u32>>,
    due: i64,
    time: i64,
}

impl StoredTimer {
    fn read(self) -> TimerEvent {
        let Self { source: StoredCase { case, payload: number }, due, time } = self;
        let source = match case {
            // SAFETY: the case says that the number was written.
            0 => TimerSource::Timer(unsafe { number.assume_init() }),
            1 => TimerSource::Tick,
            _ => no_such_case(),
        };
        TimerEvent { source, due, time }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StoredFeed {
    time: i64,
    feed: StoredCase<MaybeUninit<u32>>,
    change: StoredCase<MaybeUninit<Gap>>,
}

impl StoredFeed {
    fn read(self) -> FeedEvent {
        let StoredCase { case, payload: number } = self.feed;
        // SAFETY: the case says that the number was written.
        let feed = unsafe {
            match case {
                0 => Feed::Candles(number.assume_init()),
                1 => Feed::Trades(number.assume_init()),
                2 => Feed::Quotes(number.assume_init()),
                3 => Feed::Book(number.assume_init()),
                4 => Feed::Context(number.assume_init()),
                5 => Feed::Connection,
                _ => no_such_case(),
            }
        };
        let change = match self.change.case {
            0 => FeedChange::Stale,
            // SAFETY: the case says that the gap was written.
            1 => FeedChange::Gap(unsafe { self.change.payload.assume_init() }),
            2 => FeedChange::Recovered,
            3 => FeedChange::Lost,
            4 => FeedChange::Restored,
            _ => no_such_case(),
        };
        FeedEvent { time: self.time, feed, change }
    }
}

#[cfg(test)]
mod tests;
