//! Guests of every temper against the whole host: each import, each limit, each way to fail.

use crate::instance::{Feed, Instance, InstanceSettings, NoFeed};
use crate::limits::InstanceLimits;
use crate::{Sandbox, SandboxSettings, Strategy};
use calypte_kernel::{
    AccountFacts, AccountView, Answer, Candle, CandleEvent, Decimal, Deliver, Event, EventNumber, FaultKind, FeeRates, Hook,
    HookEnded, InitContext, Instrument, InstrumentId, Price, Rules, SeriesId, SeriesInfo, StrategyId, Timeframe, Timestamp,
    Views,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};
use wasmtime::component::Component;

#[path = "../fixtures/allocated.rs"]
pub(crate) mod allocated;
#[path = "../fixtures/guest.rs"]
pub(crate) mod fixture;
#[path = "../fixtures/mutated.rs"]
pub(crate) mod mutated;

mod examples;
mod fast_path;
mod faults;
mod hooks;
mod limits;
mod reads;
mod wasi;
mod writes;

use fixture::Guest;

/// One sandbox for all tests: its pool is address space.
fn sandbox() -> Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    let settings = SandboxSettings { instances_max: 64, memory_bytes_max: 64 << 20, ..SandboxSettings::default() };
    SANDBOX.get_or_init(|| Sandbox::new(settings).expect("address space for 64 instances")).clone()
}

async fn strategy(guest: &Guest) -> Strategy {
    let sandbox = sandbox();
    let component = Component::from_binary(sandbox.engine(), &guest.component()).expect("it compiles");
    Strategy::new(&sandbox, component, [7; 32]).await.expect("it is a strategy")
}

/// An instance that has answered `init`.
async fn begun(guest: &Guest, limits: InstanceLimits) -> Instance {
    let mut instance = started(guest, limits).await;
    let ended = call(&mut instance, deliver(1, init())).await;
    assert!(matches!(ended.answer, Answer::Subscriptions(_)), "{ended:?}");
    instance
}

async fn started(guest: &Guest, limits: InstanceLimits) -> Instance {
    let settings = InstanceSettings { limits, ..InstanceSettings::new(StrategyId::new(3)) };
    strategy(guest).await.instantiate(settings).await.expect("it starts")
}

/// One delivery with nothing behind it.
async fn call(instance: &mut Instance, deliver: Deliver) -> HookEnded {
    let (_, ended) = instance.call(deliver, Box::new(NoFeed::default())).await;
    ended.expect("the guest did not ask for more")
}

/// Runs a guest's `on-candle` once, after `init`.
async fn candle_of(body: &str) -> HookEnded {
    candle_with(body, InstanceLimits::default()).await
}

async fn candle_with(body: &str, limits: InstanceLimits) -> HookEnded {
    let guest = Guest { candle: body.to_owned(), ..Guest::default() };
    let mut instance = begun(&guest, limits).await;
    call(&mut instance, candle(2, 100)).await
}

fn fault_of(ended: &HookEnded) -> (FaultKind, &str) {
    let Answer::Fault(fault) = &ended.answer else { panic!("no fault: {ended:?}") };
    assert!(ended.effects.is_none(), "a fault leaves no trace");
    assert_eq!((fault.event, fault.fuel), (ended.number, ended.fuel));
    (fault.kind, &fault.detail)
}

fn price(value: i64) -> Price {
    Price::new(Decimal::new(value, 0)).expect("positive")
}

fn init() -> Hook {
    let instrument =
        |id, symbol: &str| Instrument::new(InstrumentId::new(id), symbol.parse().expect("a symbol"), Rules::hyperliquid(2, 50));
    let series = SeriesInfo { id: SeriesId::new(0), instrument: InstrumentId::new(4), timeframe: Timeframe::MINUTE };
    Hook::Init(Box::new(InitContext {
        now: Timestamp::from_millis(0),
        parameters: Arc::from([]),
        instruments: Arc::from([instrument(4, "BTC"), instrument(1, "ETH")]),
        series: Arc::from([series]),
        account: AccountFacts { cash: Decimal::ONE_THOUSAND, fees: FeeRates::default(), live: false },
        restored: None,
    }))
}

fn deliver(number: u64, hook: Hook) -> Deliver {
    let account = AccountView {
        settled: Decimal::ONE_THOUSAND,
        positions: Vec::new(),
        orders: Vec::new(),
        fees: FeeRates { taker: Decimal::new(45, 5), maker: Decimal::new(-15, 6) },
        margin_used: Decimal::ZERO,
    };
    deliver_with(number, hook, account)
}

fn deliver_with(number: u64, hook: Hook, account: AccountView) -> Deliver {
    let views = Views { now: Timestamp::from_millis(60_000), account: Arc::new(account), marks: calypte_kernel::Marks::new() };
    Deliver { strategy: StrategyId::new(3), number: EventNumber::new(number), hook, views }
}

fn candle(number: u64, close: i64) -> Deliver {
    let candle = Candle {
        open_time: Timestamp::from_millis(60_000 * number.cast_signed()),
        open: price(close),
        high: price(close),
        low: price(close),
        close: price(close),
        volume: Decimal::ZERO,
    };
    deliver(number, Hook::Event(Event::Candle(CandleEvent { series: SeriesId::new(0), warm_up: false, candle })))
}

/// Hands out deliveries from a list and keeps the ends.
#[derive(Debug, Default, Clone)]
struct Listed {
    deliveries: Arc<Mutex<VecDeque<Deliver>>>,
    ended: Arc<Mutex<Vec<HookEnded>>>,
}

impl Listed {
    fn new(deliveries: impl IntoIterator<Item = Deliver>) -> Self {
        Self { deliveries: Arc::new(Mutex::new(deliveries.into_iter().collect())), ended: Arc::default() }
    }

    fn ended(&self) -> Vec<HookEnded> {
        self.ended.lock().expect("nobody panicked").clone()
    }
}

impl Feed for Listed {
    fn next(&mut self, ended: HookEnded) -> Option<Deliver> {
        self.ended.lock().expect("nobody panicked").push(ended);
        self.deliveries.lock().expect("nobody panicked").pop_front()
    }
}

#[test]
fn a_call_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    fn check(instance: &mut Instance, deliver: Deliver) {
        is_send(&instance.call(deliver, Box::new(NoFeed::default())));
        is_send(instance);
    }
    let _: fn(&mut Instance, Deliver) = check;
}
