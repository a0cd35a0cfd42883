//! Every hook gets what was delivered, value by value, and what it answers comes back.

use super::*;
use calypte_kernel::{
    Answers, BalanceCause, BalanceEvent, Book, Context, FeedChange, FeedEvent, FillView, FundingEvent, Level, MarginMode,
    Order, OrderChange, OrderEvent, OrderId, OrderKind, ParamValue, PositionCause, PositionEvent, PositionView, Quote, Refusal,
    Side, Size, StopReason, TimerEvent, TimerId, TimerSource, Trade, TradeId,
};

/// What the guest logs of [`market`], [`feeds`] and [`account`].
const SEEN: &str = "\
TradeEvent { instrument: 4, time: 60000, price: 98, size: 2.5, taker: Side::Sell }
QuoteEvent { instrument: 4, quote: Quote { time: 60000, bid-price: 97, bid-size: 0.1, ask-price: 98, ask-size: 0.2 } }
BookEvent { instrument: 4, time: 60000, bids: [BookLevel { price: 99, size: 0.5 }], \
asks: [BookLevel { price: 101, size: 0.7 }, BookLevel { price: 102, size: 0.8 }] }
ContextEvent { instrument: 4, time: 60000, mark-price: 100, oracle-price: None, funding-rate: Some(-0.0000125), \
open-interest: Some(9) }
TimerEvent { source: TimerSource::Timer(8), due: 59999, time: 60000 }
TimerEvent { source: TimerSource::Tick, due: 60000, time: 60000 }
FeedEvent { time: 60000, feed: Feed::Candles(0), change: FeedChange::Gap(Gap { start: 1, end: 2, missing: 3 }) }
FeedEvent { time: 60000, feed: Feed::Book(4), change: FeedChange::Stale }
FeedEvent { time: 60000, feed: Feed::Connection, change: FeedChange::Restored }
PositionEvent { time: 60000, now: Position { instrument: 4, size: -2, entry-price: 110, unrealized-pnl: Some(20), \
realized-pnl: -3, leverage: Some(5), margin-mode: Some(MarginMode::Isolated), liquidation-price: None }, size-before: -1, \
cause: PositionCause::Liquidation }
OrderEvent { time: 60000, order: Some(Order { id: 9, tag: None, instrument: 4, side: Side::Buy, size: 2.5, filled: 1, \
kind: OrderKind::Market, reduce-only: true }), change: OrderChange::PartiallyFilled(Fill { trade-id: 77, price: 101, size: 2.5, \
fee: -0.01, maker: true, liquidation: false, remaining: 1.5 }), intent-index: Some(1), decided-on: Some(6) }
OrderEvent { time: 60000, order: None, change: OrderChange::Denied(Refusal { code: \"too-small\", message: \"below 10\" }), \
intent-index: None, decided-on: None }
FundingEvent { instrument: 4, time: 60000, rate: 0.0001, payment: -123.45678912 }
BalanceEvent { time: 60000, cash: 1500, change: 500, cause: \"deposit\" }";

async fn every_hook() -> Instance {
    let component = Component::from_binary(sandbox().engine(), &examples::built("every-hook")).expect("it compiles");
    let strategy = Strategy::new(&sandbox(), component, [7; 32]).await.expect("it is a strategy");
    assert!(strategy.takes_parameters() && strategy.saves());
    let settings = InstanceSettings::new(StrategyId::new(3));
    let mut instance = strategy.instantiate(settings).await.expect("it starts");
    let ended = call(&mut instance, deliver(1, init())).await;
    assert!(matches!(ended.answer, Answer::Subscriptions(_)), "{ended:?}");
    instance
}

fn line(ended: &HookEnded) -> String {
    let effects = ended.effects.as_ref().unwrap_or_else(|| panic!("{:?}", ended.answer));
    assert_eq!(effects.log.len(), 1);
    effects.log[0].text.clone()
}

/// What the guest saw of an event. It pulls, so the end goes to the feed.
async fn seen(instance: &mut Instance, event: Event) -> String {
    let feed = Listed::default();
    let (_, ended) = instance.call(deliver(2, Hook::Event(event)), Box::new(feed.clone())).await;
    assert!(ended.is_none(), "{ended:?}");
    line(&feed.ended()[0])
}

fn level(price_: i64, size: i64) -> Level {
    Level { price: price(price_), size: Size::new(Decimal::new(size, 1)).expect("positive") }
}

fn time() -> Timestamp {
    Timestamp::from_millis(60_000)
}

fn market() -> Vec<Event> {
    let instrument = InstrumentId::new(4);
    let size = Size::new(Decimal::new(25, 1)).expect("positive");
    let book = Book { instrument, time: time(), bids: vec![level(99, 5)], asks: vec![level(101, 7), level(102, 8)] };
    let context = Context {
        instrument,
        time: time(),
        mark_price: price(100),
        oracle_price: None,
        funding_rate: Some(Decimal::new(-125, 7)),
        open_interest: Some(Decimal::new(9, 0)),
    };
    vec![
        Event::Trade(Trade { instrument, time: time(), price: price(98), size, taker: Side::Sell }),
        Event::Quote(Quote { instrument, time: time(), bid: level(97, 1), ask: level(98, 2) }),
        Event::Book(Box::new(book)),
        Event::Context(Box::new(context)),
        Event::Timer(TimerEvent {
            source: TimerSource::Timer(TimerId::new(8)),
            due: Timestamp::from_millis(59_999),
            time: time(),
        }),
        Event::Timer(TimerEvent { source: TimerSource::Tick, due: time(), time: time() }),
    ]
}

fn feeds() -> Vec<Event> {
    let feed = |feed, change| Event::Feed(FeedEvent { time: time(), feed, change });
    let gap = FeedChange::Gap { start: Timestamp::from_millis(1), end: Timestamp::from_millis(2), missing: 3 };
    vec![
        feed(calypte_kernel::Feed::Candles(SeriesId::new(0)), gap),
        feed(calypte_kernel::Feed::Book(InstrumentId::new(4)), FeedChange::Stale),
        feed(calypte_kernel::Feed::Connection, FeedChange::Restored),
    ]
}

fn account() -> Vec<Event> {
    let instrument = InstrumentId::new(4);
    let size = Size::new(Decimal::new(25, 1)).expect("positive");
    let position = PositionView {
        instrument,
        size: Decimal::new(-2, 0),
        entry_price: Decimal::new(110, 0),
        flow: Decimal::new(220, 0),
        realized_pnl: Decimal::new(-3, 0),
        leverage: Some(5),
        margin_mode: Some(MarginMode::Isolated),
        liquidation_price: None,
    };
    let position = PositionEvent {
        time: time(),
        now: position,
        mark: Some(price(100)),
        size_before: Decimal::new(-1, 0),
        cause: PositionCause::Liquidation,
    };
    let order = Order {
        id: OrderId::new(9),
        tag: None,
        instrument,
        side: Side::Buy,
        size,
        filled: Decimal::ONE,
        kind: OrderKind::Market,
        reduce_only: true,
    };
    let fill = FillView {
        trade_id: TradeId::new(77),
        price: price(101),
        size,
        fee: Decimal::new(-1, 2),
        maker: true,
        liquidation: false,
        remaining: Decimal::new(15, 1),
    };
    let answers = Some(Answers { decided_on: EventNumber::new(6), intent_index: 1 });
    let filled = OrderEvent { time: time(), order: Some(order), change: OrderChange::PartiallyFilled(fill), answers };
    let refusal = Refusal { code: "too-small".into(), message: "below 10".to_owned() };
    let denied = OrderEvent { time: time(), order: None, change: OrderChange::Denied(refusal), answers: None };
    let funding =
        FundingEvent { instrument, time: time(), rate: Decimal::new(1, 4), payment: Decimal::new(-123_456_789_123, 9) };
    let balance =
        BalanceEvent { time: time(), cash: Decimal::new(1_500, 0), change: Decimal::new(500, 0), cause: BalanceCause::Deposit };
    vec![
        Event::Position(Box::new(position)),
        Event::Order(Box::new(filled)),
        Event::Order(Box::new(denied)),
        Event::Funding(Box::new(funding)),
        Event::Balance(Box::new(balance)),
    ]
}

#[tokio::test]
async fn every_event_reaches_its_hook_with_its_values() {
    let mut instance = every_hook().await;
    let mut lines = Vec::new();
    for event in market().into_iter().chain(feeds()).chain(account()) {
        lines.push(seen(&mut instance, event).await);
    }
    assert_eq!(lines.join("\n"), SEEN);
}

#[tokio::test]
async fn parameters_are_taken_or_refused_in_words() {
    let mut instance = every_hook().await;
    let with = |value| Hook::Params(Arc::from([("size".to_owned(), value)]));
    let ended = call(&mut instance, deliver(2, with(ParamValue::Integer(7)))).await;
    assert!(matches!(ended.answer, Answer::Accepted), "{ended:?}");
    assert_eq!(line(&ended), "size is 7 now");
    let ended = call(&mut instance, deliver(3, with(ParamValue::Integer(0)))).await;
    let Answer::Refused(words) = &ended.answer else { panic!("{ended:?}") };
    assert_eq!(words, "a size of zero trades nothing");
    let ended = call(&mut instance, deliver(4, with(ParamValue::Text("x".to_owned())))).await;
    assert!(matches!(ended.answer, Answer::Refused(_)), "{ended:?}");
}

#[tokio::test]
async fn state_is_saved_and_a_stop_may_have_last_intents() {
    let mut instance = every_hook().await;
    seen(&mut instance, feeds().remove(0)).await;
    let ended = call(&mut instance, deliver(3, Hook::Save)).await;
    let Answer::Saved(saved) = &ended.answer else { panic!("{ended:?}") };
    assert_eq!(saved, &1_u64.to_le_bytes());
    let ended = call(&mut instance, deliver(4, Hook::Stop(StopReason::KillSwitch))).await;
    assert!(line(&ended).contains("KillSwitch"), "{ended:?}");
    let Answer::Intents(intents) = ended.answer else { panic!("{ended:?}") };
    assert_eq!(intents, [calypte_kernel::Intent::CancelAll(None)]);
}

#[tokio::test]
async fn more_saved_than_allowed_breaks_the_contract() {
    let component = Component::from_binary(sandbox().engine(), &examples::built("every-hook")).expect("it compiles");
    let strategy = Strategy::new(&sandbox(), component, [7; 32]).await.expect("it is a strategy");
    let limits = InstanceLimits { save_bytes_max: 7, ..InstanceLimits::default() };
    let settings = InstanceSettings { limits, ..InstanceSettings::new(StrategyId::new(3)) };
    let mut instance = strategy.instantiate(settings).await.expect("it starts");
    call(&mut instance, deliver(1, init())).await;
    let ended = call(&mut instance, deliver(2, Hook::Save)).await;
    let (kind, detail) = fault_of(&ended);
    assert_eq!(kind, FaultKind::Contract);
    assert!(detail.contains("8 bytes; the limit is 7"), "{detail}");
}

#[tokio::test]
async fn a_guest_without_these_hooks_is_not_called_for_them() {
    let mut instance = begun(&Guest::default(), InstanceLimits::default()).await;
    let ended = call(&mut instance, deliver(2, Hook::Save)).await;
    assert!(matches!(&ended.answer, Answer::Saved(saved) if saved.is_empty()), "{ended:?}");
    let ended = call(&mut instance, deliver(3, Hook::Params(Arc::from([])))).await;
    assert!(matches!(ended.answer, Answer::Refused(_)), "{ended:?}");
    for event in account().into_iter().chain(feeds()) {
        let ended = call(&mut instance, deliver(4, Hook::Event(event))).await;
        assert!(matches!(&ended.answer, Answer::Intents(intents) if intents.is_empty()) && ended.fuel == 0, "{ended:?}");
    }
}
