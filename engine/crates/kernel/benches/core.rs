//! What the core costs: a candle that nobody trades on, a fill, and the review of an order.

mod running;

use calypte_kernel::{
    AccountId, AccountRisk, Answer, ClientOrderId, Decimal, EventKind, EventNumber, Input, InstrumentId, InstrumentRisk,
    KnownEvents, Lane, Limits, MarginMode, MarginPolicy, NewOrder, OrderOrigin, Output, PlaceOrder, RISK_AMOUNT_MAX, Rate,
    Rates, Request, Resting, RiskGate, SelfTrade, Side, Size, Stake, Stakes, Standing, StrategyRisk, TimeInForce, Timestamp,
    TradeId, TradingCore, VenueEvent, VenueFill, VenueOrderId, Wanted, WantedKind,
};
use criterion::{Criterion, criterion_group, criterion_main};
use running::{BTC, HEARD, STRATEGY, UNHEARD, answer, candle, instrument, pass, price, running, running_and_hearing};
use std::hint::black_box;

/// A limit that nothing here comes near.
const MUCH: Decimal = RISK_AMOUNT_MAX;

/// Orders at work beside what is measured, large enough that no number of fills of it ends one.
const ORDERS: [i64; 10] = [1_000_000_000; 10];

/// One candle through the core: it is handed in, delivered, and answered with nothing.
fn candles(criterion: &mut Criterion) {
    let mut minute = 0;
    for (name, orders) in [("alone", &ORDERS[..0]), ("with 10 open orders", &ORDERS)] {
        let (mut core, _) = running(orders);
        criterion.bench_function(&format!("a candle, delivered and answered with nothing, {name}"), |bencher| {
            bencher.iter(|| {
                minute += 1;
                let now = Timestamp::from_millis(minute * 60_000);
                core.handle(now, Input::Market(black_box(candle(HEARD, minute))));
                let Some(Output::Deliver(deliver)) = core.poll() else { panic!("the strategy runs") };
                answer(&mut core, now, black_box(deliver).number, Answer::Intents(Vec::new()));
                assert!(core.poll().is_none());
            });
        });
    }
    let (mut core, _) = running(&ORDERS);
    criterion.bench_function("a candle that nobody hears, with 10 open orders", |bencher| {
        bencher.iter(|| {
            minute += 1;
            core.handle(Timestamp::from_millis(minute * 60_000), Input::Market(black_box(candle(UNHEARD, minute))));
            assert!(core.poll().is_none());
        });
    });
}

/// A part of an order fills: the fill is booked, and where the strategy hears of it two hooks are called, of the order and of
/// the position. With a known leverage, margin and the liquidation price are reckoned too.
fn fills(criterion: &mut Criterion) {
    let candles = KnownEvents::default().with(EventKind::Candle);
    fill("a partial fill with 10 open orders that nobody hears of", running_and_hearing(&ORDERS, candles), criterion);
    fill("a partial fill with 10 open orders, its two events answered with nothing", running(&ORDERS), criterion);
    let (mut core, orders) = running(&ORDERS);
    let now = Timestamp::from_millis(1);
    let set = VenueEvent::LeverageSet { instrument: BTC, leverage: 10, mode: MarginMode::Cross, as_of: now };
    core.handle(now, Input::Venue(set));
    pass(&mut core, now);
    fill("the same with a leverage that is known", (core, orders), criterion);
}

fn fill(name: &str, (mut core, orders): (TradingCore, Vec<NewOrder>), criterion: &mut Criterion) {
    let mut trade = 0;
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            trade += 1;
            let now = Timestamp::from_millis(trade);
            let order = &orders[usize::try_from(trade).expect("positive") % orders.len()];
            let fill = VenueFill {
                order: Some(order.client_id),
                venue_order: VenueOrderId::new(trade.unsigned_abs() % ORDERS.len() as u64 + 1),
                trade_id: TradeId::new(trade.unsigned_abs()),
                instrument: BTC,
                side: order.side,
                price: price(10_000),
                size: Size::new(Decimal::new(1, 5)).expect("positive"),
                fee: Decimal::ZERO,
                maker: true,
                force: None,
                time: now,
            };
            core.handle(now, Input::Venue(VenueEvent::Fill(black_box(Box::new(fill)))));
            pass(&mut core, now);
        });
    });
    // Where only other benchmarks were asked for, none of this ran.
    assert!(trade == 0 || core.positions().next().is_some(), "nothing was filled");
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
            elsewhere: Some(Decimal::ZERO),
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

criterion_group!(benches, candles, fills, review, review_of_everything);
criterion_main!(benches);
