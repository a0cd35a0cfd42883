//! What the core costs: a candle that nobody trades on, and the review of an order.

use calypte_kernel::{
    AccountId, AccountRisk, Answer, Candle, ClientOrderId, CoreSettings, Decimal, Deployment, EventNumber, HookEnded, Input,
    Instrument, InstrumentId, InstrumentRisk, KnownEvents, Lane, Limits, MarginPolicy, MarketEvent, OrderOrigin, Output,
    PlaceOrder, Price, RISK_AMOUNT_MAX, Rate, Rates, Request, Resting, RiskGate, Rules, SelfTrade, SeriesId, SeriesInfo, Side,
    Stake, Stakes, Standing, StrategyId, StrategyRisk, Subscription, TimeInForce, Timeframe, Timestamp, TradingCore, Wanted,
    WantedKind,
};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

const STRATEGY: StrategyId = StrategyId::new(1);
/// A limit that nothing here comes near.
const MUCH: Decimal = RISK_AMOUNT_MAX;

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

/// A limit order and its name.
fn limit_order() -> (PlaceOrder, ClientOrderId) {
    let origin =
        OrderOrigin { account: AccountId::new(1), strategy: STRATEGY, epoch: 0, event: EventNumber::new(1), intent: 0, leg: 0 };
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
    (order, ClientOrderId::derive(origin).expect("it fits"))
}

/// One limit order past the checks of a gate under which nothing is declared.
fn review(criterion: &mut Criterion) {
    let (instruments, limits) = ([instrument()], Limits::default());
    let gate = RiskGate::new(&instruments, &limits, Timestamp::default());
    let (order, client_id) = limit_order();
    let standing = Standing { reference: Some(price(600_000)), open_orders: 3, ..Standing::new(Lane::Running) };
    criterion.bench_function("the review of a limit order", |bencher| {
        bencher.iter(|| gate.review(&black_box(Request::Place { order: &order, client_id }), &standing).expect("it passes"));
    });
}

/// The same order past everything that can be declared.
fn review_of_everything(criterion: &mut Criterion) {
    let (instruments, limits) = ([instrument()], Limits { order_notional_max: Some(MUCH), ..Limits::default() });
    let rate = Some(Rate { count: 10, per_ms: 1000 });
    let account = AccountRisk {
        instruments: vec![InstrumentRisk { notional_max: Some(MUCH), ..InstrumentRisk::new(InstrumentId::new(0)) }],
        notional_max: Some(MUCH),
        tenant_notional_max: Some(MUCH),
        leverage_max: Some(10),
        margin: Some(MarginPolicy { leverage_when_unknown: 5 }),
        ..AccountRisk::NONE
    };
    let strategy = StrategyRisk {
        order_size_max: Some(MUCH),
        order_notional_max: Some(MUCH),
        instrument_notional_max: Some(MUCH),
        notional_max: Some(MUCH),
        rates: Rates { orders: rate, amends: rate, cancels: rate },
        self_trade: SelfTrade::Deny,
        collar_bps: Some(500),
        data_age_ms_max: Some(60_000),
        ..StrategyRisk::NONE
    };
    let gate = RiskGate::new(&instruments, &limits, Timestamp::default()).under(&account, &strategy);
    let (order, client_id) = limit_order();
    let held = Stake { held: Decimal::new(7_500_123, 2), buys: Decimal::new(1_234_567, 2), sells: Decimal::new(99_999, 2) };
    let standing = Standing {
        reference: Some(price(600_000)),
        best: Some((price(599_990), price(600_010))),
        open_orders: 3,
        resting: Resting { own_bid: Some(price(599_000)), own_ask: Some(price(601_000)), ..Resting::default() },
        stakes: Some(Stakes {
            before: held,
            without: held,
            account_rest: Decimal::new(1_234_567, 2),
            margin_rest: Decimal::new(246_913, 2),
            leverage: 5,
            equity: Decimal::new(100_000_000, 2),
            ..Stakes::default()
        }),
        ..Standing::new(Lane::Running)
    };
    criterion.bench_function("the review of a limit order under everything that can be declared", |bencher| {
        bencher.iter(|| gate.review(&black_box(Request::Place { order: &order, client_id }), &standing).expect("it passes"));
    });
}

criterion_group!(benches, candle, review, review_of_everything);
criterion_main!(benches);
