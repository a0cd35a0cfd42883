//! The parts of a run without a guest: the simulation with a strategy that does nothing, the core alone, the matching alone,
//! and the benchmark's strategy as a plain loop.

use calypte::data::{Columns, Label, OnFault, OnGap, TimeUnit};
use calypte::request::{LimitFill, LimitSettings, RunModels, RunSettings};
use calypte_kernel::{
    AccountId, AccountRisk, Answer, Candle, CoreSettings, Decimal, Deliver, Deployment, FeeRates, Hook, HookEnded, Input,
    Instrument, InstrumentId, KnownEvents, Limits, MarketEvent, Output, Rules, SeriesId, SeriesInfo, StrategyId, Subscription,
    Timeframe, TradingCore, statistic,
};
use calypte_sim::{
    Backtest, BacktestSettings, Exchange, ExchangeSettings, MemorySource, ModelSettings, Outcome, SeriesData, SeriesSource,
    TRADES_MAX,
};
use std::sync::Arc;

const SERIES: SeriesId = SeriesId::new(0);
const INSTRUMENT: InstrumentId = InstrumentId::new(0);
const STRATEGY: StrategyId = StrategyId::new(0);

/// The benchmark's settings for the engine.
pub(crate) fn settings() -> RunSettings {
    RunSettings {
        from: None,
        to: None,
        cash: Decimal::from(1_000_000),
        fees: fees(),
        slippage_bps: Decimal::ZERO,
        fill: LimitFill::Touch,
        fuel: Some(1 << 60),
        fuel_per_event: None,
        limits: LimitSettings::default(),
        seed: 0,
        columns: Columns::default(),
        time: TimeUnit::default(),
        label: Label::default(),
        on_bad_data: OnFault::default(),
        on_gap: OnGap::default(),
        portable: false,
        models: RunModels::default(),
        risk: None,
    }
}

fn fees() -> FeeRates {
    FeeRates { taker: Decimal::new(45, 5), maker: Decimal::ZERO }
}

fn instruments() -> Arc<[Instrument]> {
    Arc::new([Instrument::new(INSTRUMENT, "BTC".parse().expect("a symbol"), Rules::ANY)])
}

fn series() -> Arc<[SeriesInfo]> {
    Arc::new([SeriesInfo { id: SERIES, instrument: INSTRUMENT, timeframe: Timeframe::MINUTE }])
}

fn deployment() -> Deployment {
    let parameters = Arc::new([]);
    Deployment::new(STRATEGY, parameters, KnownEvents::ALL)
}

/// Subscribes, and does nothing after that.
fn answer(deliver: &Deliver) -> HookEnded {
    let answer = match deliver.hook {
        Hook::Init(_) => Answer::Subscriptions(vec![Subscription::Candles { series: SERIES, warm_up: 0 }]),
        _ => Answer::Intents(Vec::new()),
    };
    HookEnded { strategy: deliver.strategy, number: deliver.number, answer, effects: None, fuel: 0 }
}

/// The whole simulation.
pub(crate) fn driver(candles: &Arc<[Candle]>) -> Outcome {
    let settings = BacktestSettings {
        account: AccountId::new(0),
        cash: Decimal::from(1_000_000),
        instruments: instruments(),
        series: series(),
        exchange: ExchangeSettings { fees: fees(), ..ExchangeSettings::default() },
        limits: Limits::default(),
        risk: AccountRisk::NONE,
        from: None,
        to: None,
        trades_max: TRADES_MAX,
        equity_interval_ms: Some(3_600_000),
        models: ModelSettings::default(),
    };
    let source = SeriesData::Source(Box::new(MemorySource::new(Arc::clone(candles))));
    let sources = vec![SeriesSource { series: SERIES, data: source }];
    let mut backtest = Backtest::new(settings, vec![deployment()], sources).expect("the settings agree");
    while let Some(deliver) = backtest.next().expect("memory does not fail") {
        backtest.answer(answer(&deliver));
    }
    backtest.finish()
}

/// The core alone: a candle in, a delivery out, its end in.
pub(crate) fn core(candles: &Arc<[Candle]>) -> u64 {
    let mut core = TradingCore::new(CoreSettings {
        cash: Decimal::from(1_000_000),
        fees: fees(),
        ..CoreSettings::new(AccountId::new(0), instruments(), series())
    })
    .expect("the settings agree");
    let first = candles.first().map_or_else(Default::default, |candle| candle.open_time);
    core.handle(first, Input::Deploy(Box::new(deployment())));
    core.handle(first, Input::Start(STRATEGY));
    let mut deliveries = drain(&mut core);
    for candle in &**candles {
        let now = Timeframe::MINUTE.close_of(candle.open_time);
        // As a backtest does it: by the short way where it leads.
        if let Some(deliver) = core.candle_closed(now, SERIES, candle) {
            deliveries += 1;
            assert!(core.ended_idly(deliver.strategy, deliver.number), "the hook is out");
        } else {
            core.handle(now, Input::Market(MarketEvent::Candle { series: SERIES, candle: *candle }));
            deliveries += drain(&mut core);
        }
    }
    assert!(deliveries > candles.len() as u64, "every candle was delivered");
    deliveries
}

fn drain(core: &mut TradingCore) -> u64 {
    let mut deliveries = 0;
    while let Some(output) = core.poll() {
        if let Output::Deliver(deliver) = output {
            deliveries += 1;
            core.handle(deliver.views.now, Input::HookEnded(answer(&deliver)));
        }
    }
    deliveries
}

/// The exchange alone, without an order.
pub(crate) fn matching(candles: &Arc<[Candle]>) -> bool {
    let settings = ExchangeSettings { fees: fees(), ..ExchangeSettings::default() };
    let mut exchange = Exchange::new(settings, &instruments(), &[true]).expect("the settings agree");
    for candle in &**candles {
        if exchange.has_orders(INSTRUMENT) {
            exchange.open(candle.open_time, INSTRUMENT, candle);
        }
        exchange.walk(Timeframe::MINUTE.close_of(candle.open_time), INSTRUMENT, candle);
        assert!(exchange.poll().is_none(), "nobody trades");
    }
    exchange.has_events()
}

/// The benchmark's strategy as a plain loop over the same candles, its money in decimals: what all of this is measured against.
pub(crate) fn ema_atr(candles: &Arc<[Candle]>) -> (u64, Decimal) {
    let (mut fast, mut slow, mut atr, mut last) = (0.0, 0.0, 0.0, 0.0);
    let (mut cash, mut position, mut fills) = (Decimal::from(1_000_000), Decimal::ZERO, 0);
    let mut wanted: Option<Decimal> = None;
    for (place, candle) in candles.iter().enumerate() {
        if let Some(target) = wanted.take().filter(|target| *target != position) {
            let (size, price) = (target - position, candle.open.get());
            cash -= size * price + fees().taker * size.abs() * price;
            (position, fills) = (target, fills + 1);
        }
        let [high, low, close] = [candle.high, candle.low, candle.close].map(|price| statistic(price.get()));
        let before: f64 = fast - slow;
        if place == 0 {
            (fast, slow, atr) = (close, close, high - low);
        } else {
            fast += 2.0 / 13.0 * (close - fast);
            slow += 2.0 / 27.0 * (close - slow);
            let range = f64::max(high - low, f64::max((high - last).abs(), (low - last).abs()));
            atr = match place {
                ..13 => atr + range,
                13 => (atr + range) / 14.0,
                _ => (13.0 * atr + range) / 14.0,
            };
        }
        last = close;
        if place >= 25 && atr / close > 0.0005 {
            let now = fast - slow;
            if before <= 0.0 && now > 0.0 {
                wanted = Some(Decimal::ONE);
            } else if before >= 0.0 && now < 0.0 {
                wanted = Some(Decimal::NEGATIVE_ONE);
            }
        }
    }
    let mark = candles.last().map_or(Decimal::ZERO, |candle| candle.close.get());
    (fills, cash + position * mark)
}
