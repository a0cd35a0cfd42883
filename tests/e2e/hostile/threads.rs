//! No guest holds the thread: on a runtime of one thread another task goes on while an attack lasts.

use super::the_next_is_honest;
use crate::in_process::{runtime, uploads};
use calypte_host::{EVENTS_PER_CALL, Feed, Instance, InstanceLimits, InstanceSettings, NoFeed};
use calypte_kernel::{
    AccountFacts, AccountView, Answer, Candle, CandleEvent, Decimal, Deliver, Event, EventNumber, Fault, FaultKind, FeeRates,
    Hook, HookEnded, InitContext, Instrument, InstrumentId, Marks, Price, Rules, SeriesId, SeriesInfo, StrategyId, Timeframe,
    Timestamp, Views,
};
use std::any::Any;
use std::sync::Arc;
use tests::hostile;

const STRATEGY: StrategyId = StrategyId::new(0);
/// More events than an attack lives to see.
const ENDLESS: u64 = u64::MAX;

/// Candles without end, or so many of them.
struct Candles {
    next: u64,
    end: u64,
    /// Events that have ended.
    ended: u64,
}

impl Candles {
    fn deliver(&mut self) -> Option<Deliver> {
        let number = self.next;
        self.next += 1;
        (number < self.end).then(|| candle(number))
    }
}

impl Feed for Candles {
    fn next(&mut self, _ended: HookEnded) -> Option<Deliver> {
        self.ended += 1;
        self.deliver()
    }
}

/// How an attack ended, how many events ended before that, and how often another task of the thread had its turn.
struct Ended {
    fault: Option<Fault>,
    events: u64,
    ticks: u64,
}

/// Feeds a guest candles, on one thread with a task that counts its turns.
fn watch(guest: &str, limits: InstanceLimits, end: u64) -> Ended {
    let file = std::fs::read(hostile(guest)).expect("it was built");
    let ended = runtime().block_on(async {
        let strategy = uploads().load(file).await.expect("it is a strategy").strategy;
        let settings = InstanceSettings { limits, ..InstanceSettings::new(STRATEGY) };
        let mut instance = strategy.instantiate(settings).await.expect("it starts");
        let (_, begun) = instance.call(init(), Box::new(NoFeed::default())).await;
        assert!(matches!(begun.map(|ended| ended.answer), Some(Answer::Subscriptions(_))), "{guest}");
        let mut ticks = 0;
        let other = async {
            loop {
                tokio::task::yield_now().await;
                ticks += 1;
            }
        };
        let (fault, events) = tokio::select! {
            biased;
            ended = feed(&mut instance, end) => ended,
            () = other => unreachable!("it never ends"),
        };
        Ended { fault, events, ticks }
    });
    the_next_is_honest();
    ended
}

async fn feed(instance: &mut Instance, end: u64) -> (Option<Fault>, u64) {
    let mut candles = Candles { next: 2, end, ended: 0 };
    while let Some(deliver) = candles.deliver() {
        let before = candles.ended;
        let (feed, ended) = instance.call(deliver, Box::new(candles)).await;
        let feed: Box<dyn Any> = feed;
        candles = *feed.downcast::<Candles>().expect("it is the feed that was lent");
        assert!(candles.ended - before <= u64::from(EVENTS_PER_CALL), "one call handed out too many events");
        if let Some(HookEnded { answer: Answer::Fault(fault), .. }) = ended {
            return (Some(*fault), candles.ended);
        }
        // As the loop of a backtest does.
        tokio::task::consume_budget().await;
    }
    (None, candles.ended)
}

const OUT_OF_FUEL: &str = "the event used all of its 50000000 fuel";

/// Fuel decides here, however busy the machine is.
fn patient() -> InstanceLimits {
    InstanceLimits { wall_ms_per_event: 600_000, ..InstanceLimits::default() }
}

/// Asserts what ended the guest's first candle.
fn assert_told(ended: &Ended, kind: FaultKind, words: &str) {
    let fault = ended.fault.as_ref().expect("it does not end by itself");
    assert_eq!((fault.kind, fault.event.get(), fault.detail.as_str()), (kind, 2, words), "{fault}");
}

#[test]
fn an_endless_loop_yields_its_thread() {
    let ended = watch("endless-loop", patient(), ENDLESS);
    assert_told(&ended, FaultKind::EventFuel, OUT_OF_FUEL);
    // Fifty million fuel in intervals of a million.
    assert!(ended.ticks >= 40, "{} turns", ended.ticks);
}

#[test]
fn an_endless_yield_yields_its_thread_until_its_fuel_is_used_up() {
    let ended = watch("endless-yield", patient(), ENDLESS);
    assert_told(&ended, FaultKind::EventFuel, OUT_OF_FUEL);
    assert!(ended.ticks >= 40, "{} turns", ended.ticks);
}

#[test]
fn an_endless_yield_with_fuel_to_spare_ends_by_the_clock() {
    let limits = InstanceLimits { fuel_per_event: u64::MAX / 4, wall_ms_per_event: 5, ..InstanceLimits::default() };
    let ended = watch("endless-yield", limits, ENDLESS);
    assert_told(&ended, FaultKind::WallClock, "the event took longer than its 5 ms");
}

#[test]
fn cheap_events_without_end_use_up_the_runs_fuel_and_yield_the_thread() {
    let limits = InstanceLimits { fuel_per_run: Some(500_000_000), ..patient() };
    let ended = watch("idle", limits, ENDLESS);
    let fault = ended.fault.expect("it does not end by itself");
    assert_eq!(fault.kind, FaultKind::RunFuel, "{fault}");
    // The one that begins a call is not pulled: so many of a full call are.
    let calls = ended.events / u64::from(EVENTS_PER_CALL - 1) + 2;
    assert!((ended.events..=ended.events + calls).contains(&fault.event.get()), "{} events, {fault}", ended.events);
    // What the events before it had left.
    let left = fault.detail.strip_prefix("the run has no fuel left; the last event got ").and_then(|left| left.parse().ok());
    assert!(left.is_some_and(|left: u64| left < 10_000), "{fault}");
    assert!(ended.events > u64::from(EVENTS_PER_CALL), "{} events", ended.events);
    // A call ends after an interval of fuel, and the loop around the calls gives way every so many of them.
    assert!(ended.ticks >= 2, "{} turns in {} events", ended.ticks, ended.events);
}

#[test]
fn pulls_without_end_end_with_the_call_that_hands_out_no_more() {
    let ended = watch("endless-next", patient(), ENDLESS);
    let fault = ended.fault.expect("it does not end by itself");
    assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::EventFuel, OUT_OF_FUEL), "{fault}");
    assert!(fault.event.get().abs_diff(ended.events) <= 2, "the last that was handed out: {} of {fault}", ended.events);
    assert!(ended.events > 100 && ended.events <= u64::from(EVENTS_PER_CALL), "{} events", ended.events);
    assert!(ended.ticks >= 20, "{} turns in {} events", ended.ticks, ended.events);
}

#[test]
fn pulls_that_are_answered_with_none_use_up_the_events_fuel() {
    let ended = watch("endless-next", patient(), 100);
    let fault = ended.fault.expect("it does not end by itself");
    assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::EventFuel, OUT_OF_FUEL), "{fault}");
    assert_eq!(fault.event.get(), 99, "the last that there was");
    assert_eq!(ended.events, 98, "every event was delivered and ended");
    assert!(ended.ticks >= 1, "{} turns", ended.ticks);
}

fn deliver(number: u64, now: Timestamp, hook: Hook) -> Deliver {
    let account = AccountView {
        settled: Decimal::from(1_000),
        positions: Vec::new(),
        orders: Vec::new(),
        fees: FeeRates::default(),
        margin_used: Decimal::ZERO,
    };
    let views = Views { now, account: Arc::new(account), marks: Marks::new() };
    Deliver { strategy: STRATEGY, number: EventNumber::new(number), hook, views }
}

fn candle(number: u64) -> Deliver {
    let price = Price::new(Decimal::from(100)).expect("positive");
    let open_time = Timestamp::from_millis(number.cast_signed() * 60_000);
    let candle = Candle { open_time, open: price, high: price, low: price, close: price, volume: Decimal::ONE };
    let event = CandleEvent { series: SeriesId::new(0), warm_up: false, candle };
    deliver(number, Timestamp::from_millis((number.cast_signed() + 1) * 60_000), Hook::Event(Event::Candle(event)))
}

fn init() -> Deliver {
    let instrument = InstrumentId::new(0);
    let series = SeriesInfo { id: SeriesId::new(0), instrument, timeframe: Timeframe::MINUTE };
    let instrument = Instrument::new(instrument, "BTC".parse().expect("a symbol"), Rules::ANY);
    let context = InitContext {
        now: Timestamp::from_millis(0),
        parameters: Arc::from([]),
        instruments: Arc::from([instrument]),
        series: Arc::from([series]),
        account: AccountFacts { cash: Decimal::from(1_000), fees: FeeRates::default(), live: false },
        restored: None,
    };
    deliver(1, Timestamp::from_millis(0), Hook::Init(Box::new(context)))
}
