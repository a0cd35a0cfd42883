//! What holds for any orders on any candles.

mod support;

use calypte_kernel::{
    Answer, Candle, ClientOrderId, Decimal, Event, Hook, Input, Intent, MarginMode, Output, PlaceOrder, Price, Side,
    StrategyId, TimeInForce, TimerId, Timestamp, TriggerKind, VenueFill, Wanted, WantedKind,
};
use calypte_sim::{
    Backtest, BacktestSettings, EquityPoint, FundingRate, InputRecorder, Latency, Leverage, LimitFill, MarginSettings,
    MemoryTicks, Observer, Outcome, RecorderError, Tick, TickFeed, TickKind,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use support::{BTC, FIRST, MINUTES, Native, deployment, in_memory, run, settings, subscribe};

/// One request, at a candle.
#[derive(Debug, Clone)]
struct Wish {
    minute: usize,
    intent: Intent,
}

/// Takes everything and keeps nothing. A run that is recorded goes the long way past every candle.
struct TheLongWay;

impl InputRecorder for TheLongWay {
    fn input(&mut self, _now: Timestamp, _input: &Input) -> Result<(), RecorderError> {
        Ok(())
    }

    fn outputs(&mut self, _now: Timestamp, outputs: &mut dyn Iterator<Item = &Output>) -> Result<(), RecorderError> {
        outputs.for_each(drop);
        Ok(())
    }
}

type Fills = Arc<Mutex<Vec<VenueFill>>>;

struct Recorder(Fills);

impl Observer for Recorder {
    fn fill(&mut self, strategy: StrategyId, fill: &VenueFill, position: Decimal) {
        let mut fills = self.0.lock().expect("nobody panicked");
        fills.push(fill.clone());
        let held = fills.iter().fold(Decimal::ZERO, |sum, fill| sum + fill.side.signed(fill.size));
        assert_eq!((strategy, position), (FIRST, held));
    }

    fn equity(&mut self, _point: EquityPoint) {}
}

const CANDLES: usize = 40;

fn candles() -> impl Strategy<Value = Arc<[Candle]>> {
    let shape = (-30..30_i64, 0..20_i64, 0..20_i64, -30..30_i64, 0..8_u8);
    prop::collection::vec(shape, CANDLES).prop_map(|shapes| {
        let mut last = 1000_i64;
        let price = |ticks: i64| Price::new(Decimal::new(ticks, 1)).expect("positive");
        let candle = |(minute, (gap, up, down, body, volume)): (usize, (i64, i64, i64, i64, u8))| {
            let open = (last + gap).max(100);
            let close = (open + body).max(100);
            last = close;
            let minute = i64::try_from(minute).expect("small");
            // One in eight is a halt.
            let (high, low) = if volume == 0 { (open, open) } else { (open.max(close) + up, open.min(close) - down) };
            let close = if volume == 0 { open } else { close };
            Candle {
                open_time: Timestamp::from_millis(minute * 60_000),
                open: price(open),
                high: price(high),
                low: price(low.max(1)),
                close: price(close),
                volume: Decimal::from(volume),
            }
        };
        shapes.into_iter().enumerate().map(candle).collect()
    })
}

fn tenths(range: std::ops::Range<i64>) -> impl Strategy<Value = Wanted> {
    range.prop_map(|mantissa| Wanted { mantissa, scale: 1 })
}

fn kind() -> impl Strategy<Value = WantedKind> {
    let time_in_force = prop_oneof![Just(TimeInForce::Gtc), Just(TimeInForce::Ioc), Just(TimeInForce::Alo)];
    let trigger_kind = prop_oneof![Just(TriggerKind::Stop), Just(TriggerKind::TakeProfit)];
    prop_oneof![
        3 => Just(WantedKind::Market),
        3 => (tenths(800..1200), time_in_force).prop_map(|(price, time_in_force)| WantedKind::Limit { price, time_in_force }),
        2 => (trigger_kind, tenths(800..1200), prop::option::of(tenths(800..1200)))
            .prop_map(|(kind, trigger_price, limit_price)| WantedKind::Trigger { kind, trigger_price, limit_price }),
        1 => tenths(1..100).prop_map(|distance| WantedKind::TrailingStop { distance }),
    ]
}

fn intent() -> impl Strategy<Value = Intent> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let exits = (prop::option::of(tenths(800..1200)), prop::option::of(tenths(800..1200)));
    let place = (side, 1..30_i64, kind(), any::<bool>(), exits).prop_map(|(side, size, kind, reduce_only, exits)| {
        Intent::Place(Box::new(PlaceOrder {
            instrument: BTC,
            side,
            size: Wanted { mantissa: size, scale: 1 },
            kind,
            reduce_only,
            tag: None,
            take_profit: exits.0,
            stop_loss: exits.1,
        }))
    });
    prop_oneof![
        10 => place,
        1 => Just(Intent::CancelAll(None)),
        1 => Just(Intent::ClosePosition(BTC)),
        2 => tenths(-30..30).prop_map(|size| Intent::SetTarget { instrument: BTC, size, tag: None }),
    ]
}

/// A timer within the run, before, at and between the closes of candles.
fn timer() -> impl Strategy<Value = Intent> {
    let at =
        (0..CANDLES, -2..3_i64).prop_map(|(minute, offset)| i64::try_from(minute).expect("small") * 60_000 + offset * 15_000);
    (at, prop::option::of(20_000..400_000_u64)).prop_map(|(at, every_ms)| Intent::SetTimer {
        timer: TimerId::new(1),
        at: Timestamp::from_millis(at),
        every_ms,
    })
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    prop::collection::vec((0..CANDLES, intent()).prop_map(|(minute, intent)| Wish { minute, intent }), 0..60)
}

fn exchange(slippage_bps: u32, through: bool) -> BacktestSettings {
    let mut settings = settings();
    settings.exchange.slippage_bps = Decimal::from(slippage_bps);
    settings.exchange.limit_fill = if through { LimitFill::Through } else { LimitFill::Touch };
    settings
}

/// What is simulated beyond fills and fees: each is on in half of the runs.
fn models() -> impl Strategy<Value = BacktestSettings> {
    let latency = (0..90_000_u64, 0..90_000_u64, 0..90_000_u64).prop_map(|(feed_ms, order_ms, report_ms)| Latency {
        feed_ms: feed_ms.saturating_sub(45_000),
        order_ms: order_ms.saturating_sub(45_000),
        report_ms: report_ms.saturating_sub(45_000),
    });
    let mode = prop_oneof![Just(MarginMode::Cross), Just(MarginMode::Isolated)];
    let margin = prop::option::of((1..40_u32, mode));
    (latency, margin, prop::option::of(1..100_u32), 200..3000_u32).prop_map(|(latency, margin, participation, cash)| {
        let mut settings = exchange(2, false);
        settings.models.latency = latency;
        if let Some((leverage, mode)) = margin {
            settings.cash = Decimal::from(cash);
            let leverage = vec![Leverage { leverage, mode }];
            // An instrument without a largest leverage asks for nothing to be kept: it ends where nothing is left.
            settings.models.margin = Some(MarginSettings { leverage, liquidation_fee: Decimal::new(1, 3) });
        }
        settings.exchange.participation = participation.map(|percent| Decimal::new(percent.into(), 2));
        settings
    })
}

/// Rates every five minutes.
fn rates() -> impl Strategy<Value = Vec<Decimal>> {
    prop::collection::vec((-40_000..40_000_i64).prop_map(|rate| Decimal::new(rate, 6)), 0..9)
}

fn funding(rates: &[Decimal]) -> Vec<TickFeed> {
    let due = |place: usize| Timestamp::from_millis(i64::try_from(place).expect("few") * 300_000);
    let ticks = rates
        .iter()
        .enumerate()
        .map(|(place, rate)| Tick::Funding(FundingRate { instrument: BTC, time: due(place), rate: *rate }));
    vec![TickFeed { instrument: BTC, kind: TickKind::Funding, source: Box::new(MemoryTicks::new(ticks.collect())) }]
}

struct Ran {
    outcome: Outcome,
    fills: Vec<VenueFill>,
    /// What the core says of itself before the end: settled money, and what is held.
    settled: Decimal,
    held: Vec<(Decimal, Decimal)>,
    reduce_only: BTreeMap<ClientOrderId, bool>,
    /// Everything the strategy was handed.
    delivered: Vec<String>,
}

fn trade(settings: BacktestSettings, candles: &Arc<[Candle]>, wishes: &[Wish]) -> Ran {
    trade_with(settings, candles, wishes, Vec::new())
}

fn trade_with(settings: BacktestSettings, candles: &Arc<[Candle]>, wishes: &[Wish], ticks: Vec<TickFeed>) -> Ran {
    let backtest = Backtest::new(settings, vec![deployment(FIRST)], in_memory(candles)).expect("sound settings");
    trade_in(backtest.with_ticks(ticks), wishes)
}

fn trade_in(backtest: Backtest, wishes: &[Wish]) -> Ran {
    let fills = Fills::default();
    let mut backtest = backtest.with_observer(Box::new(Recorder(Arc::clone(&fills))));
    let mut reduce_only = BTreeMap::new();
    let mut delivered = Vec::new();
    while let Some(deliver) = backtest.next().expect("sound data") {
        delivered.push(format!("{deliver:?}"));
        let intents = match &deliver.hook {
            Hook::Event(Event::Candle(event)) => {
                let minute = usize::try_from(event.candle.open_time.as_millis() / 60_000).expect("small");
                wishes.iter().filter(|wish| wish.minute == minute).map(|wish| wish.intent.clone()).collect()
            }
            _ => Vec::new(),
        };
        for (place, intent) in intents.iter().enumerate() {
            let origin = calypte_kernel::OrderOrigin {
                account: backtest.core().account(),
                strategy: FIRST,
                epoch: 0,
                event: deliver.number,
                intent: u16::try_from(place).expect("few"),
                leg: 0,
            };
            let id = ClientOrderId::derive(origin).expect("small");
            let reduces = match intent {
                Intent::Place(order) => order.reduce_only,
                Intent::ClosePosition(_) => true,
                _ => false,
            };
            reduce_only.insert(id, reduces);
        }
        let answer = if matches!(deliver.hook, Hook::Init(_)) { subscribe(MINUTES, 0) } else { Answer::Intents(intents) };
        let ended = calypte_kernel::HookEnded { strategy: FIRST, number: deliver.number, answer, effects: None, fuel: 3 };
        backtest.answer(ended);
    }
    let settled = backtest.core().settled();
    let held = backtest.core().positions().map(|(_, position)| (position.size(), position.flow())).collect();
    let outcome = backtest.finish();
    let fills = fills.lock().expect("nobody panicked").clone();
    Ran { outcome, fills, settled, held, reduce_only, delivered }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn money_adds_up_to_the_last_digit(candles in candles(), wishes in wishes(), slippage in 0..50_u32, through: bool) {
        let ran = trade(exchange(slippage, through), &candles, &wishes);
        let mark = candles[CANDLES - 1].close.get();
        let (outcome, fills) = (&ran.outcome, &ran.fills);
        let paid = |fill: &VenueFill| fill.side.signed(fill.size) * fill.price.get() + fill.fee;
        let cash = fills.iter().fold(outcome.money.initial_cash, |cash, fill| cash - paid(fill));
        let size = fills.iter().fold(Decimal::ZERO, |size, fill| size + fill.side.signed(fill.size));
        prop_assert_eq!(outcome.money.final_equity, cash + size * mark, "cash and position");
        let held = ran.held.iter().fold(ran.settled, |sum, (size, flow)| sum + flow + size * mark);
        prop_assert_eq!(outcome.money.final_equity, held, "what the core holds");
        let fees = fills.iter().fold(Decimal::ZERO, |sum, fill| sum + fill.fee);
        prop_assert_eq!(outcome.money.fees, fees);
        prop_assert_eq!(outcome.counts.fills, fills.len() as u64);
        if outcome.open_positions.is_empty() {
            let pnl = outcome.trades.iter().fold(Decimal::ZERO, |sum, trade| sum + trade.pnl);
            prop_assert_eq!(outcome.money.final_equity, outcome.money.initial_cash + pnl, "trades");
        }
        for fill in fills {
            let rate = if fill.maker { Decimal::new(15, 5) } else { Decimal::new(45, 5) };
            prop_assert_eq!(fill.fee, rate * fill.size.get() * fill.price.get());
        }
    }

    #[test]
    fn money_adds_up_with_every_model(candles in candles(), wishes in wishes(), settings in models(), rates in rates()) {
        let has_margin = settings.models.margin.is_some();
        let ran = trade_with(settings, &candles, &wishes, funding(&rates));
        let (outcome, fills, mark) = (&ran.outcome, &ran.fills, candles[CANDLES - 1].close.get());
        let paid = |fill: &VenueFill| fill.side.signed(fill.size) * fill.price.get() + fill.fee;
        let cash = fills.iter().fold(outcome.money.initial_cash + outcome.money.funding, |cash, fill| cash - paid(fill));
        let size = fills.iter().fold(Decimal::ZERO, |size, fill| size + fill.side.signed(fill.size));
        prop_assert_eq!(outcome.money.final_equity, cash + size * mark, "cash, fees, funding and position");
        let held = ran.held.iter().fold(ran.settled, |sum, (size, flow)| sum + flow + size * mark);
        prop_assert_eq!(outcome.money.final_equity, held, "what the core holds");
        prop_assert_eq!(outcome.counts.liquidations, fills.iter().filter(|fill| fill.force.is_some()).count() as u64);
        prop_assert!(has_margin || outcome.counts.liquidations == 0);
        prop_assert!(outcome.counts.funding_payments > 0 || outcome.money.funding.is_zero());
    }

    #[test]
    fn a_share_of_the_volume_is_never_exceeded(candles in candles(), wishes in wishes(), percent in 1..100_u32) {
        let mut settings = exchange(0, false);
        let share = Decimal::new(percent.into(), 2);
        settings.exchange.participation = Some(share);
        let fills = trade(settings, &candles, &wishes).fills;
        let filled = fills.iter().fold(Decimal::ZERO, |sum, fill| sum + fill.size.get());
        let volume = candles.iter().fold(Decimal::ZERO, |sum, candle| sum + candle.volume);
        prop_assert!(filled <= volume * share, "{} of {}", filled, volume);
    }

    #[test]
    fn nothing_fills_at_a_price_that_no_candle_had(candles in candles(), wishes in wishes(), through: bool) {
        for fill in trade(exchange(0, through), &candles, &wishes).fills {
            let covers = |candle: &&Candle| {
                candle.open_time <= fill.time && fill.time.as_millis() <= candle.open_time.as_millis() + 60_000
            };
            let within = candles.iter().filter(covers).any(|candle| {
                !candle.volume.is_zero() && candle.low <= fill.price && fill.price <= candle.high
            });
            prop_assert!(within, "{:?}", fill);
        }
    }

    #[test]
    fn reduce_only_never_turns_or_grows_a_position_and_of_two_exits_one_fills(candles in candles(), wishes in wishes()) {
        let ran = trade(exchange(3, false), &candles, &wishes);
        let mut position = Decimal::ZERO;
        let mut exits = BTreeMap::new();
        for fill in &ran.fills {
            let after = position + fill.side.signed(fill.size);
            let order = fill.order.expect("ours");
            let origin = order.origin().expect("ours");
            if origin.leg > 0 || ran.reduce_only.get(&order).copied().unwrap_or_default() {
                prop_assert!(after.abs() < position.abs(), "{} to {}", position, after);
                prop_assert!(after.is_zero() || after.is_sign_negative() == position.is_sign_negative());
            }
            if origin.leg > 0 {
                let before = exits.insert((origin.event, origin.intent), origin.leg);
                prop_assert_eq!(before, None, "both exits filled");
            }
            position = after;
        }
    }

    #[test]
    fn the_short_way_past_quiet_candles_leads_to_the_same(
        candles in candles(),
        wishes in prop::collection::vec((0..CANDLES, prop_oneof![3 => intent(), 1 => timer()]), 0..12),
        missing in 0..CANDLES,
    ) {
        let wishes = wishes.into_iter().map(|(minute, intent)| Wish { minute, intent }).collect::<Vec<_>>();
        // One candle is not there.
        let there = candles.iter().enumerate().filter(|(place, _)| *place != missing).map(|(_, candle)| *candle);
        let there = there.collect::<Arc<[_]>>();
        let run = || {
            let settings = BacktestSettings { equity_interval_ms: Some(180_000), ..exchange(2, false) };
            Backtest::new(settings, vec![deployment(FIRST)], in_memory(&there)).expect("sound settings")
        };
        let (short, long) = (trade_in(run(), &wishes), trade_in(run().with_recorder(Box::new(TheLongWay)), &wishes));
        prop_assert_eq!(short.delivered, long.delivered);
        prop_assert_eq!(short.fills, long.fills);
        prop_assert_eq!(format!("{:?}", short.outcome), format!("{:?}", long.outcome));
    }

    #[test]
    fn equal_inputs_give_equal_outcomes(candles in candles(), wishes in wishes(), through: bool) {
        let [one, other] = [(); 2].map(|()| trade(exchange(2, through), &candles, &wishes));
        prop_assert_eq!(one.fills, other.fills);
        prop_assert_eq!(format!("{:?}", one.outcome), format!("{:?}", other.outcome));
    }
}

#[test]
fn two_strategies_on_one_market_have_positions_of_their_own() {
    let candles = support::walk(50);
    let second = StrategyId::new(1);
    let backtest = Backtest::new(settings(), vec![deployment(FIRST), deployment(second)], in_memory(&candles)).expect("sound");
    let target = |mantissa| -> Native<'static> {
        Box::new(move |deliver| match deliver.hook {
            Hook::Init(_) => subscribe(MINUTES, 0),
            Hook::Event(Event::Candle(_)) => {
                Answer::Intents(vec![Intent::SetTarget { instrument: BTC, size: Wanted { mantissa, scale: 0 }, tag: None }])
            }
            _ => Answer::Intents(Vec::new()),
        })
    };
    let outcome = run(backtest, &mut [target(2), target(-2)]);
    let held = outcome.open_positions.iter().map(|open| (open.strategy, open.size)).collect::<Vec<_>>();
    assert_eq!(held, [(FIRST, Decimal::TWO), (second, -Decimal::TWO)]);
    assert_eq!(outcome.counts.fills, 2);
}
