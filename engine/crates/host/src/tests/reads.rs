//! What a guest can ask.

use super::*;
use calypte_kernel::{Book, FeedEvent, Level, LogLevel, Order, OrderId, OrderKind, PositionView, Quote, Side, Size};

/// A guest that keeps the number that a body leaves under a key, on each candle.
fn keeps(body: &str) -> Guest {
    let keep = "(call $set (i32.const 1344) (i32.const 3) (i32.const 600) (i32.const 8) (i32.const 512))";
    let candle = format!("(i64.store (i32.const 600) {body}) {keep} call $nothing i32.const 0");
    Guest { candle, ..Guest::default() }
}

fn kept(ended: HookEnded) -> i64 {
    let effects = ended.effects.unwrap_or_else(|| panic!("{:?}", ended.answer));
    let value = effects.state[0].1.clone().expect("it was set");
    i64::from_le_bytes(value.try_into().expect("eight bytes"))
}

/// The number that a body leaves on the last of some deliveries.
async fn number(body: &str, deliveries: impl IntoIterator<Item = Deliver>) -> i64 {
    let mut instance = begun(&keeps(body), InstanceLimits::default()).await;
    let mut last = None;
    for deliver in deliveries {
        last = Some(call(&mut instance, deliver).await);
    }
    kept(last.expect("a delivery at least"))
}

fn level(price_: i64, size: i64) -> Level {
    Level { price: price(price_), size: Size::new(Decimal::new(size, 0)).expect("positive") }
}

fn event(number: u64, event: Event) -> Deliver {
    deliver(number, Hook::Event(event))
}

fn book() -> Event {
    Event::Book(Box::new(Book {
        instrument: InstrumentId::new(4),
        time: Timestamp::from_millis(5),
        bids: vec![level(99, 1), level(98, 2)],
        asks: vec![level(101, 1), level(103, 3)],
    }))
}

#[tokio::test]
async fn now_is_the_time_of_the_event() {
    assert_eq!(number("(call $now)", [candle(2, 100)]).await, 60_000);
}

#[tokio::test]
async fn candles_are_those_delivered_the_latest_last() {
    let many = (2..100).map(|number| candle(number, number.cast_signed()));
    let count = "(call $candles (i32.const 0) (i32.const -1) (i32.const 0)) ";
    let kept = format!("(block (result i64) {count} (i64.load32_u (i32.const 4)))");
    assert_eq!(number(&kept, many.clone()).await, 64, "the named minimum");
    let first_close = format!("(block (result i64) {count} (i64.load offset=56 (i32.load (i32.const 0))))");
    assert_eq!(number(&first_close, many.clone()).await, 99 - 63);
    let two = "(block (result i64) (call $candles (i32.const 0) (i32.const 2) (i32.const 0)) (i64.load offset=56 (i32.load (i32.const 0))))";
    assert_eq!(number(two, many.clone()).await, 98);
    let unknown =
        "(block (result i64) (call $candles (i32.const 77) (i32.const 2) (i32.const 0)) (i64.load32_u (i32.const 4)))";
    assert_eq!(number(unknown, many).await, 0);
}

#[tokio::test]
async fn an_instance_that_takes_over_knows_what_the_one_before_was_told() {
    let count = "(call $candles (i32.const 0) (i32.const -1) (i32.const 0)) ";
    let guest = keeps(&format!("(block (result i64) {count} (i64.load offset=56 (i32.load (i32.const 0))))"));
    let mut before = begun(&guest, InstanceLimits::default()).await;
    for number in 2..50 {
        let Hook::Event(event) = candle(number, number.cast_signed()).hook else { panic!("it is an event") };
        before.hear(&event);
    }
    let heard = before.into_heard().expect("it is alive");
    // This one keeps the ten that the guest wishes for.
    let limits = InstanceLimits { candles_kept_min: 4, ..InstanceLimits::default() };
    let mut instance = begun(&guest, limits).await;
    instance.take_over(heard);
    assert_eq!(kept(call(&mut instance, candle(50, 50)).await), 41, "the close of the first of ten");
}

#[tokio::test]
async fn prices_come_from_what_was_delivered() {
    let last = |instrument| {
        format!(
            "(block (result i64) (call $last (i32.const {instrument}) (i32.const 0))
               (select (i64.load (i32.const 8)) (i64.const -1) (i32.load8_u (i32.const 0))))"
        )
    };
    assert_eq!(number(&last(4), [candle(2, 123)]).await, 123, "the last close");
    assert_eq!(number(&last(1), [candle(2, 123)]).await, -1, "none before the first");
    assert_eq!(number(&last(u32::MAX), [candle(2, 123)]).await, -1);
    let mark = last(4).replace("$last", "$mark_price");
    assert_eq!(number(&mark, [candle(2, 123)]).await, 123, "no mark price is published: the last one");
    let best = "(block (result i64) (call $best (i32.const 4) (i32.const 0))
        (select (i64.load offset=16 (i32.const 0)) (i64.const -1) (i32.load8_u (i32.const 0))))";
    assert_eq!(number(best, [candle(2, 123)]).await, -1);
    let quote = Event::Quote(Quote {
        instrument: InstrumentId::new(4),
        time: Timestamp::from_millis(1),
        bid: level(120, 1),
        ask: level(124, 1),
    });
    assert_eq!(number(best, [event(2, quote), candle(3, 123)]).await, 120);
    assert_eq!(number(best, [event(2, book()), candle(3, 123)]).await, 99, "of the book");
}

#[tokio::test]
async fn volumes_are_priced_on_the_known_book() {
    let ask = |function: &str, side: u32, size: i64, scale: u32| {
        format!(
            "(block (result i64) (call ${function} (i32.const 4) (i32.const {side}) (i64.const {size}) (i32.const {scale}) (i32.const 0))
               (select (i64.load (i32.const 8)) (i64.const -1) (i32.load8_u (i32.const 0))))"
        )
    };
    let with_book = || [event(2, book()), candle(3, 100)];
    assert_eq!(number(&ask("price_for", 0, 2, 0), with_book()).await, 103);
    assert_eq!(number(&ask("price_for", 1, 3, 0), with_book()).await, 98);
    assert_eq!(number(&ask("vwap_for", 0, 2, 0), with_book()).await, 102);
    for (size, scale) in [(0, 0), (-1, 0), (i64::MAX, 0), (1, 29), (1, 255), (i64::MIN, 28)] {
        assert_eq!(number(&ask("price_for", 0, size, scale), with_book()).await, -1, "{size} {scale}");
    }
    let gone = FeedEvent {
        time: Timestamp::from_millis(9),
        feed: calypte_kernel::Feed::Connection,
        change: calypte_kernel::FeedChange::Lost,
    };
    let without = [event(2, book()), event(3, Event::Feed(gone)), candle(4, 100)];
    assert_eq!(number(&ask("price_for", 0, 1, 0), without).await, -1, "after the connection was lost it is not known");
    assert_eq!(number(&ask("price_for", 0, 1, 0), [candle(2, 100)]).await, -1, "no book");
}

#[tokio::test]
async fn rounding_follows_the_instruments_rules() {
    let round = |function: &str, instrument: i64, value: i64, scale: u32, way: u32| {
        format!(
            "(block (result i64)
               (call ${function} (i32.const {instrument}) (i64.const {value}) (i32.const {scale}) (i32.const {way}) (i32.const 0))
               (select (i64.load (i32.const 8)) (i64.const -1) (i32.load8_u (i32.const 0))))"
        )
    };
    let one = || [candle(2, 100)];
    assert_eq!(number(&round("round_price", 4, 123_456, 2, 1), one()).await, 12_345, "1234.56 down: five figures");
    assert_eq!(number(&round("round_price", 4, 123_456, 2, 2), one()).await, 12_346);
    assert_eq!(number(&round("round_size", 4, 12_349, 4, 1), one()).await, 123);
    assert_eq!(number(&round("round_price", 99, 123, 0, 0), one()).await, -1);
    for (value, scale) in [(i64::MIN, 0), (0, 0), (1, 200)] {
        assert_eq!(number(&round("round_price", 4, value, scale, 0), one()).await, -1, "{value} {scale}");
    }
    assert_eq!(number(&round("round_size", 4, i64::MAX, 0, 0), one()).await, i64::MAX);
}

#[tokio::test]
async fn a_value_of_an_enum_that_does_not_exist_faults() {
    let ended = candle_of(
        "(call $round_size (i32.const 4) (i64.const 1) (i32.const 0) (i32.const 9) (i32.const 0)) call $nothing i32.const 0",
    )
    .await;
    assert_eq!(fault_of(&ended).0, FaultKind::Contract);
    let ended = candle_of("(call $log (i32.const 9) (i32.const 0) (i32.const 0)) call $nothing i32.const 0").await;
    assert_eq!(fault_of(&ended).0, FaultKind::Contract);
    assert!(LogLevel::Debug < LogLevel::Error);
}

#[tokio::test]
async fn the_account_is_as_of_the_event() {
    let position = PositionView {
        instrument: InstrumentId::new(4),
        size: Decimal::new(-2, 0),
        entry_price: Decimal::new(110, 0),
        flow: Decimal::new(220, 0),
        realized_pnl: Decimal::ZERO,
        leverage: Some(3),
        margin_mode: None,
        liquidation_price: None,
    };
    let order = Order {
        id: OrderId::new(9),
        tag: None,
        instrument: InstrumentId::new(4),
        side: Side::Buy,
        size: Size::new(Decimal::ONE).expect("positive"),
        filled: Decimal::ZERO,
        kind: OrderKind::Market,
        reduce_only: true,
    };
    let account = AccountView {
        settled: Decimal::new(1_000, 0),
        positions: vec![position],
        orders: vec![order],
        fees: FeeRates { taker: Decimal::new(45, 5), maker: Decimal::ZERO },
        margin_used: Decimal::new(50, 0),
    };
    let with = |marked: bool| {
        let mut deliver = deliver_with(2, candle(2, 100).hook, account.clone());
        deliver.views.marks.push(marked.then(|| price(100)));
        [deliver]
    };
    let load = |call: &str, offset: u32| format!("(block (result i64) {call} (i64.load (i32.const {offset})))");
    // position: instrument 0, size 8, entry 24, unrealized: disc 40, value 48
    let held = "(call $position (i32.const 4) (i32.const 0))";
    assert_eq!(number(&load(held, 8), with(true)).await, -2);
    assert_eq!(number(&load(held, 48), with(true)).await, 20, "short two from 110, marked at 100");
    assert_eq!(
        number(&format!("(block (result i64) {held} (i64.load8_u (i32.const 40)))"), with(false)).await,
        0,
        "no mark: none"
    );
    assert_eq!(number(&load("(call $position (i32.const 1) (i32.const 0))", 8), with(true)).await, 0);
    let balance = "(call $balance (i32.const 0))";
    assert_eq!(number(&load(balance, 0), with(true)).await, 1_000, "cash");
    assert_eq!(number(&load(balance, 16), with(true)).await, 1_020, "equity");
    assert_eq!(number(&load(balance, 16), with(false)).await, 1_000, "without a mark the entry price counts");
    assert_eq!(number(&load(balance, 48), with(true)).await, 970, "available");
    let count = |call: &str| format!("(block (result i64) {call} (i64.load32_u (i32.const 4)))");
    assert_eq!(number(&count("(call $positions (i32.const 0))"), with(true)).await, 1);
    assert_eq!(number(&count("(call $orders (i32.const 0) (i32.const 0) (i32.const 0))"), with(true)).await, 1);
    assert_eq!(number(&count("(call $orders (i32.const 1) (i32.const 4) (i32.const 0))"), with(true)).await, 1);
    assert_eq!(number(&count("(call $orders (i32.const 1) (i32.const 1) (i32.const 0))"), with(true)).await, 0);
    assert_eq!(number(&load("(call $fees (i32.const 0))", 0), with(true)).await, 45);
}

#[tokio::test]
async fn reading_costs_fuel_even_where_the_host_does_the_work() {
    let reads = "(local $i i32) (loop $more (call $balance (i32.const 0)) (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const -1)))) unreachable";
    let limits = InstanceLimits { fuel_per_event: 1_000_000, ..InstanceLimits::default() };
    let ended = candle_with(reads, limits).await;
    assert_eq!(fault_of(&ended).0, FaultKind::EventFuel);
}
