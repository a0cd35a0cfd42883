//! What the core costs: a candle that nobody trades on, and the review of an order.

use calypte_kernel::{
    AccountId, Answer, Candle, ClientOrderId, CoreSettings, Decimal, Deployment, EventNumber, HookEnded, Input, Instrument,
    InstrumentId, KnownEvents, Lane, Limits, MarketEvent, OrderOrigin, Output, PlaceOrder, Price, Request, RiskGate, Rules,
    SeriesId, SeriesInfo, Side, Standing, StrategyId, Subscription, TimeInForce, Timeframe, Timestamp, TradingCore, Wanted,
    WantedKind,
};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const STRATEGY: StrategyId = StrategyId::new(1);

fn instrument() -> Instrument {
    Instrument::new(InstrumentId::new(0), "BTC".parse().expect("a symbol"), Rules::hyperliquid(5, 50))
}

fn price(digits: i64) -> Price {
    Price::new(Decimal::new(digits, 1)).expect("positive")
}

/// A core with one strategy that runs and hears one series.
fn running() -> TradingCore {
    let series = SeriesInfo { id: SeriesId::new(0), instrument: InstrumentId::new(0), timeframe: Timeframe::MINUTE };
    let mut core = TradingCore::new(CoreSettings {
        cash: Decimal::new(1_000_000, 0),
        ..CoreSettings::new(AccountId::new(1), [instrument()].into(), [series].into())
    })
    .expect("sound settings");
    let deployment = Deployment::new(STRATEGY, [].into(), KnownEvents::ALL);
    core.handle(Timestamp::from_millis(0), Input::Deploy(Box::new(deployment)));
    core.handle(Timestamp::from_millis(0), Input::Start(STRATEGY));
    let wanted = Subscription::Candles { series: series.id, warm_up: 0 };
    let number = EventNumber::new(1);
    let answer = Answer::Subscriptions(vec![wanted]);
    let ended = HookEnded { strategy: STRATEGY, number, answer, effects: None, fuel: 0 };
    core.handle(Timestamp::from_millis(0), Input::HookEnded(ended));
    while core.poll().is_some() {}
    core
}

/// One candle through the core: it is handed in, delivered, and answered with nothing.
fn candle(criterion: &mut Criterion) {
    let mut core = running();
    let mut minute = 0;
    criterion.bench_function("a candle, delivered and answered with nothing", |bencher| {
        bencher.iter(|| {
            minute += 1;
            let now = Timestamp::from_millis(minute * 60_000);
            let at = price(600_000 + minute % 1000);
            let candle = Candle { open_time: now, open: at, high: at, low: at, close: at, volume: Decimal::ONE };
            let event = MarketEvent::Candle { series: SeriesId::new(0), candle: black_box(candle) };
            core.handle(now, Input::Market(event));
            let Some(Output::Deliver(deliver)) = core.poll() else { panic!("the strategy runs") };
            let deliver = black_box(deliver);
            let (strategy, number) = (deliver.strategy, deliver.number);
            let answer = Answer::Intents(Vec::new());
            core.handle(now, Input::HookEnded(HookEnded { strategy, number, answer, effects: None, fuel: 1 }));
            assert!(core.poll().is_none());
        });
    });
}

/// One limit order past every check of the gate.
fn review(criterion: &mut Criterion) {
    let (instruments, limits) = ([instrument()], Limits::default());
    let gate = RiskGate::new(&instruments, &limits);
    let origin = OrderOrigin { account: AccountId::new(1), strategy: STRATEGY, event: EventNumber::new(1), intent: 0, leg: 0 };
    let client_id = ClientOrderId::derive(origin).expect("it fits");
    let limit = Wanted { mantissa: 60_001, scale: 0 };
    let order = PlaceOrder {
        instrument: InstrumentId::new(0),
        side: Side::Buy,
        size: Wanted { mantissa: 125, scale: 3 },
        kind: WantedKind::Limit { price: limit, time_in_force: TimeInForce::Gtc },
        reduce_only: false,
        tag: None,
        take_profit: None,
        stop_loss: None,
    };
    let standing = Standing { reference: Some(price(600_000)), open_orders: 3, ..Standing::new(Lane::Running) };
    criterion.bench_function("the review of a limit order", |bencher| {
        bencher.iter(|| gate.review(&black_box(Request::Place { order: &order, client_id }), &standing).expect("it passes"));
    });
}

criterion_group!(benches, candle, review);
criterion_main!(benches);
