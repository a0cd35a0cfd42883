//! Events on their way to the guest.

use super::{derived, exact, optional};
use crate::bindings::calypte::strategy::types as wit;
use calypte_kernel::{
    BalanceCause, Book, Candle, CandleEvent, Context, Event, Feed, FeedChange, FeedEvent, FillView, Level, MarginMode, Order,
    OrderChange, OrderEvent, OrderKind, PositionCause, PositionEvent, PositionView, Price, Quote, Refusal, Side, TimeInForce,
    TimerEvent, TimerSource, Trade, TriggerKind,
};
use wasmtime::Result;
use wasmtime::component::{ComponentType, Lower};

/// The contract's `events.event`. Written by hand, since the generated type is as large as its largest case and is copied
/// several times on the way to the guest: here what is rare and large is boxed, and a candle is not.
#[derive(Debug, Clone, ComponentType, Lower)]
#[component(variant)]
pub(crate) enum NextEvent {
    /// A candle.
    #[component(name = "candle")]
    Candle(wit::CandleEvent),
    /// A trade.
    #[component(name = "trade")]
    Trade(wit::TradeEvent),
    /// A quote.
    #[component(name = "quote")]
    Quote(wit::QuoteEvent),
    /// A book.
    #[component(name = "book")]
    Book(Box<wit::BookEvent>),
    /// A context.
    #[component(name = "context")]
    Context(Box<wit::ContextEvent>),
    /// A position.
    #[component(name = "position")]
    Position(Box<wit::PositionEvent>),
    /// An order.
    #[component(name = "order")]
    Order(Box<wit::OrderEvent>),
    /// Funding.
    #[component(name = "funding")]
    Funding(Box<wit::FundingEvent>),
    /// A balance.
    #[component(name = "balance")]
    Balance(Box<wit::BalanceEvent>),
    /// A timer.
    #[component(name = "timer")]
    Timer(wit::TimerEvent),
    /// A feed.
    #[component(name = "feed")]
    Feed(wit::FeedEvent),
}

/// An event as the guest gets it.
pub(crate) fn event(event: &Event) -> Result<NextEvent> {
    Ok(match event {
        Event::Candle(event) => NextEvent::Candle(candle_event(event)?),
        Event::Trade(event) => NextEvent::Trade(trade(event)?),
        Event::Quote(event) => NextEvent::Quote(wit::QuoteEvent { instrument: event.instrument.get(), quote: quote(event)? }),
        Event::Book(event) => NextEvent::Book(Box::new(book(event)?)),
        Event::Context(event) => NextEvent::Context(Box::new(market_context(event)?)),
        Event::Position(event) => NextEvent::Position(Box::new(position_event(event)?)),
        Event::Order(event) => NextEvent::Order(Box::new(order_event(event)?)),
        Event::Funding(event) => NextEvent::Funding(Box::new(wit::FundingEvent {
            instrument: event.instrument.get(),
            time: event.time.as_millis(),
            rate: exact(event.rate)?,
            payment: derived(event.payment)?,
        })),
        Event::Balance(event) => NextEvent::Balance(Box::new(wit::BalanceEvent {
            time: event.time.as_millis(),
            cash: derived(event.cash)?,
            change: exact(event.change)?,
            cause: balance_cause(event.cause).to_owned(),
        })),
        Event::Timer(event) => NextEvent::Timer(timer(event)),
        Event::Feed(event) => NextEvent::Feed(feed(event)),
    })
}

#[inline]
fn candle_event(event: &CandleEvent) -> Result<wit::CandleEvent> {
    Ok(wit::CandleEvent { series: event.series.get(), warm_up: event.warm_up, candle: candle(&event.candle)? })
}

/// A candle.
#[inline]
pub(crate) fn candle(candle: &Candle) -> Result<wit::Candle> {
    Ok(wit::Candle {
        open_time: candle.open_time.as_millis(),
        open: exact(candle.open.get())?,
        high: exact(candle.high.get())?,
        low: exact(candle.low.get())?,
        close: exact(candle.close.get())?,
        volume: exact(candle.volume)?,
    })
}

fn trade(trade: &Trade) -> Result<wit::TradeEvent> {
    Ok(wit::TradeEvent {
        instrument: trade.instrument.get(),
        time: trade.time.as_millis(),
        price: exact(trade.price.get())?,
        size: exact(trade.size.get())?,
        taker: side(trade.taker),
    })
}

/// A quote.
pub(crate) fn quote(quote: &Quote) -> Result<wit::Quote> {
    Ok(wit::Quote {
        time: quote.time.as_millis(),
        bid_price: exact(quote.bid.price.get())?,
        bid_size: exact(quote.bid.size.get())?,
        ask_price: exact(quote.ask.price.get())?,
        ask_size: exact(quote.ask.size.get())?,
    })
}

/// A book.
pub(crate) fn book(book: &Book) -> Result<wit::BookEvent> {
    let levels = |levels: &[Level]| {
        let level = |level: &Level| Ok(wit::BookLevel { price: exact(level.price.get())?, size: exact(level.size.get())? });
        levels.iter().map(level).collect::<Result<Vec<_>>>()
    };
    Ok(wit::BookEvent {
        instrument: book.instrument.get(),
        time: book.time.as_millis(),
        bids: levels(&book.bids)?,
        asks: levels(&book.asks)?,
    })
}

fn market_context(context: &Context) -> Result<wit::ContextEvent> {
    Ok(wit::ContextEvent {
        instrument: context.instrument.get(),
        time: context.time.as_millis(),
        mark_price: exact(context.mark_price.get())?,
        oracle_price: optional(context.oracle_price.map(Price::get))?,
        funding_rate: optional(context.funding_rate)?,
        open_interest: optional(context.open_interest)?,
    })
}

fn position_event(event: &PositionEvent) -> Result<wit::PositionEvent> {
    let unrealized = event.mark.and_then(|mark| {
        let distance = mark.get().checked_sub(event.now.entry_price)?;
        distance.checked_mul(event.now.size)
    });
    Ok(wit::PositionEvent {
        time: event.time.as_millis(),
        now: position(&event.now, unrealized)?,
        size_before: exact(event.size_before)?,
        cause: match event.cause {
            PositionCause::Fill => wit::PositionCause::Fill,
            PositionCause::Exchange => wit::PositionCause::Exchange,
            PositionCause::Liquidation => wit::PositionCause::Liquidation,
            PositionCause::Settings => wit::PositionCause::Settings,
        },
    })
}

/// A position with its profit at the mark price.
pub(crate) fn position(position: &PositionView, unrealized: Option<calypte_kernel::Decimal>) -> Result<wit::Position> {
    Ok(wit::Position {
        instrument: position.instrument.get(),
        size: exact(position.size)?,
        entry_price: derived(position.entry_price)?,
        unrealized_pnl: unrealized.map(derived).transpose()?,
        realized_pnl: derived(position.realized_pnl)?,
        leverage: position.leverage,
        margin_mode: position.margin_mode.map(margin_mode),
        liquidation_price: position.liquidation_price.map(derived).transpose()?,
    })
}

const fn margin_mode(mode: MarginMode) -> wit::MarginMode {
    match mode {
        MarginMode::Cross => wit::MarginMode::Cross,
        MarginMode::Isolated => wit::MarginMode::Isolated,
    }
}

fn order_event(event: &OrderEvent) -> Result<wit::OrderEvent> {
    let refusal = |refusal: &Refusal| wit::Refusal { code: refusal.code.to_string(), message: refusal.message.clone() };
    Ok(wit::OrderEvent {
        time: event.time.as_millis(),
        order: event.order.as_ref().map(order).transpose()?,
        change: match &event.change {
            OrderChange::Accepted => wit::OrderChange::Accepted,
            OrderChange::Denied(reason) => wit::OrderChange::Denied(refusal(reason)),
            OrderChange::Rejected(reason) => wit::OrderChange::Rejected(refusal(reason)),
            OrderChange::PartiallyFilled(view) => wit::OrderChange::PartiallyFilled(fill(view)?),
            OrderChange::Filled(view) => wit::OrderChange::Filled(fill(view)?),
            OrderChange::Cancelled(reason) => wit::OrderChange::Cancelled(reason.to_string()),
            OrderChange::Expired => wit::OrderChange::Expired,
            OrderChange::Triggered => wit::OrderChange::Triggered,
            OrderChange::Amended => wit::OrderChange::Amended,
        },
        intent_index: event.answers.map(|answers| answers.intent_index),
        decided_on: event.answers.map(|answers| answers.decided_on.get()),
    })
}

fn fill(fill: &FillView) -> Result<wit::Fill> {
    Ok(wit::Fill {
        trade_id: fill.trade_id.get(),
        price: exact(fill.price.get())?,
        size: exact(fill.size.get())?,
        fee: exact(fill.fee)?,
        maker: fill.maker,
        liquidation: fill.liquidation,
        remaining: exact(fill.remaining)?,
    })
}

/// An order.
pub(crate) fn order(order: &Order) -> Result<wit::Order> {
    Ok(wit::Order {
        id: order.id.get(),
        tag: order.tag.map(calypte_kernel::OrderTag::get),
        instrument: order.instrument.get(),
        side: side(order.side),
        size: exact(order.size.get())?,
        filled: exact(order.filled)?,
        kind: order_kind(order.kind)?,
        reduce_only: order.reduce_only,
    })
}

fn order_kind(kind: OrderKind) -> Result<wit::OrderKind> {
    Ok(match kind {
        OrderKind::Market => wit::OrderKind::Market,
        OrderKind::Limit { price, time_in_force } => wit::OrderKind::Limit(wit::LimitTerms {
            price: exact(price.get())?,
            time_in_force: match time_in_force {
                TimeInForce::Gtc => wit::TimeInForce::Gtc,
                TimeInForce::Ioc => wit::TimeInForce::Ioc,
                TimeInForce::Alo => wit::TimeInForce::Alo,
            },
        }),
        OrderKind::Trigger { kind, trigger_price, limit_price } => wit::OrderKind::Trigger(wit::TriggerTerms {
            kind: match kind {
                TriggerKind::Stop => wit::TriggerKind::Stop,
                TriggerKind::TakeProfit => wit::TriggerKind::TakeProfit,
            },
            trigger_price: exact(trigger_price.get())?,
            limit_price: optional(limit_price.map(Price::get))?,
        }),
        OrderKind::TrailingStop { distance } => {
            wit::OrderKind::TrailingStop(wit::TrailingTerms { distance: exact(distance.get())? })
        }
    })
}

const fn side(side: Side) -> wit::Side {
    match side {
        Side::Buy => wit::Side::Buy,
        Side::Sell => wit::Side::Sell,
    }
}

const fn balance_cause(cause: BalanceCause) -> &'static str {
    match cause {
        BalanceCause::Deposit => "deposit",
        BalanceCause::Withdrawal => "withdrawal",
        BalanceCause::Transfer => "transfer",
        BalanceCause::Funding => "funding",
        BalanceCause::Other => "other",
    }
}

const fn timer(event: &TimerEvent) -> wit::TimerEvent {
    wit::TimerEvent {
        source: match event.source {
            TimerSource::Timer(timer) => wit::TimerSource::Timer(timer.get()),
            TimerSource::Tick => wit::TimerSource::Tick,
        },
        due: event.due.as_millis(),
        time: event.time.as_millis(),
    }
}

const fn feed(event: &FeedEvent) -> wit::FeedEvent {
    wit::FeedEvent {
        time: event.time.as_millis(),
        feed: match event.feed {
            Feed::Candles(series) => wit::Feed::Candles(series.get()),
            Feed::Trades(instrument) => wit::Feed::Trades(instrument.get()),
            Feed::Quotes(instrument) => wit::Feed::Quotes(instrument.get()),
            Feed::Book(instrument) => wit::Feed::Book(instrument.get()),
            Feed::Context(instrument) => wit::Feed::Context(instrument.get()),
            Feed::Connection => wit::Feed::Connection,
        },
        change: match event.change {
            FeedChange::Stale => wit::FeedChange::Stale,
            FeedChange::Gap { start, end, missing } => {
                wit::FeedChange::Gap(wit::Gap { start: start.as_millis(), end: end.as_millis(), missing })
            }
            FeedChange::Recovered => wit::FeedChange::Recovered,
            FeedChange::Lost => wit::FeedChange::Lost,
            FeedChange::Restored => wit::FeedChange::Restored,
        },
    }
}
