//! Strategies without a guest and the data of the peer benchmark, for tests and benchmarks of the driver.

#![allow(dead_code, unreachable_pub, reason = "each test and benchmark uses its own part")]

use calypte_kernel::{
    AccountId, AccountRisk, Answer, Candle, CandleEvent, Decimal, Deliver, Deployment, Event, FeeRates, Hook, HookEnded,
    Instrument, InstrumentId, Intent, KnownEvents, Limits, Price, Rules, SeriesId, SeriesInfo, StrategyId, Subscription,
    Timeframe, Timestamp, Wanted, statistic,
};
use calypte_sim::{
    Backtest, BacktestSettings, CandleSource, ExchangeSettings, MemorySource, ModelSettings, Outcome, SeriesData, SeriesSource,
    TRADES_MAX,
};
use std::sync::Arc;

mod peer_walk;
use peer_walk::{PeerCandle, PeerWalk};

pub const BTC: InstrumentId = InstrumentId::new(0);
pub const MINUTES: SeriesId = SeriesId::new(0);
pub const FIRST: StrategyId = StrategyId::new(0);

/// A strategy written as a closure: it gets what a guest would get, and answers as one would.
pub type Native<'a> = Box<dyn FnMut(&Deliver) -> Answer + 'a>;

pub fn number(text: &str) -> Decimal {
    text.parse().expect(text)
}

/// One instrument, one series of one-minute candles, the fees of the peer benchmark.
pub fn settings() -> BacktestSettings {
    let instrument = Instrument::new(BTC, "BTC".parse().expect("a symbol"), Rules::ANY);
    let series = SeriesInfo { id: MINUTES, instrument: BTC, timeframe: Timeframe::MINUTE };
    let fees = FeeRates { taker: number("0.00045"), maker: number("0.00015") };
    BacktestSettings {
        account: AccountId::new(1),
        cash: number("1000000"),
        instruments: Arc::new([instrument]),
        series: Arc::new([series]),
        exchange: ExchangeSettings { fees, ..ExchangeSettings::default() },
        limits: Limits::default(),
        risk: AccountRisk::NONE,
        from: None,
        to: None,
        trades_max: TRADES_MAX,
        equity_interval_ms: None,
        models: ModelSettings::default(),
    }
}

pub fn deployment(strategy: StrategyId) -> Deployment {
    Deployment::new(strategy, Arc::new([]), KnownEvents::ALL)
}

pub fn source(series: SeriesId, source: impl CandleSource + 'static) -> SeriesSource {
    SeriesSource { series, data: SeriesData::Source(Box::new(source)) }
}

pub fn in_memory(candles: &Arc<[Candle]>) -> Vec<SeriesSource> {
    vec![source(MINUTES, MemorySource::new(Arc::clone(candles)))]
}

/// Runs to the end; strategies are numbered by their place.
pub fn run(mut backtest: Backtest, strategies: &mut [Native<'_>]) -> Outcome {
    while let Some(deliver) = backtest.next().expect("the data is sound") {
        let answer = strategies[deliver.strategy.get() as usize](&deliver);
        backtest.answer(HookEnded { strategy: deliver.strategy, number: deliver.number, answer, effects: None, fuel: 1 });
    }
    backtest.finish()
}

/// One strategy over one series in memory.
pub fn run_one(candles: &Arc<[Candle]>, strategy: Native<'_>) -> Outcome {
    let backtest = Backtest::new(settings(), vec![deployment(FIRST)], in_memory(candles)).expect("sound settings");
    run(backtest, &mut [strategy])
}

pub fn subscribe(series: SeriesId, warm_up: u32) -> Answer {
    Answer::Subscriptions(vec![Subscription::Candles { series, warm_up }])
}

/// Subscribes and does nothing.
pub fn idle() -> Native<'static> {
    Box::new(|deliver| match deliver.hook {
        Hook::Init(_) => subscribe(MINUTES, 0),
        _ => Answer::Intents(Vec::new()),
    })
}

/// The rules of the peer benchmark.
pub fn ema_atr() -> Native<'static> {
    let mut rules = EmaAtr::default();
    Box::new(move |deliver| match &deliver.hook {
        Hook::Init(_) => subscribe(MINUTES, 0),
        Hook::Event(Event::Candle(CandleEvent { candle, .. })) => {
            let [high, low, close] = [candle.high, candle.low, candle.close].map(|price| statistic(price.get()));
            let target = rules.close(high, low, close).map(|target| Intent::SetTarget {
                instrument: BTC,
                size: Wanted { mantissa: target, scale: 0 },
                tag: None,
            });
            Answer::Intents(target.into_iter().collect())
        }
        _ => Answer::Intents(Vec::new()),
    })
}

#[derive(Default)]
struct EmaAtr {
    candles: u32,
    fast: f64,
    slow: f64,
    atr: f64,
    last: f64,
}

impl EmaAtr {
    fn close(&mut self, high: f64, low: f64, close: f64) -> Option<i64> {
        self.candles += 1;
        if self.candles == 1 {
            (self.fast, self.slow, self.atr, self.last) = (close, close, high - low, close);
            return None;
        }
        let range = (high - low).max((high - self.last).abs()).max((low - self.last).abs());
        self.last = close;
        self.atr = match self.candles {
            ..14 => self.atr + range,
            14 => (self.atr + range) / 14.0,
            _ => (13.0 * self.atr + range) / 14.0,
        };
        let (fast, slow) = (self.fast, self.slow);
        self.fast = 2.0 / 13.0 * close + 11.0 / 13.0 * fast;
        self.slow = 2.0 / 27.0 * close + 25.0 / 27.0 * slow;
        if self.candles < 26 || self.atr / close <= 0.0005 {
            return None;
        }
        if fast <= slow && self.fast > self.slow {
            Some(1)
        } else if fast >= slow && self.fast < self.slow {
            Some(-1)
        } else {
            None
        }
    }
}

/// The first candles of the peer benchmark.
pub fn peer_candles(count: usize) -> Arc<[Candle]> {
    let price = |ticks: i64| Price::new(Decimal::new(ticks, 1)).expect("positive");
    let candle = |PeerCandle { open_time, prices: [open, high, low, close], volume }| Candle {
        open_time: Timestamp::from_millis(open_time),
        open: price(open),
        high: price(high),
        low: price(low),
        close: price(close),
        volume: Decimal::new(volume, 3),
    };
    PeerWalk::new().take(count).map(candle).collect()
}

/// Candles that wander a little, made of arithmetic alone.
pub fn walk(count: usize) -> Arc<[Candle]> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut ticks = 20_000_i64;
    let mut step = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        i64::try_from(state % 41).expect("small") - 20
    };
    let price = |ticks: i64| Price::new(Decimal::new(ticks, 1)).expect("positive");
    let candle = |minute| {
        let open = ticks;
        let close = (open + step()).max(1000);
        ticks = close;
        let (high, low) = (open.max(close) + step().abs(), open.min(close) - step().abs());
        Candle {
            open_time: Timestamp::from_millis(1_704_067_200_000 + 60_000 * minute),
            open: price(open),
            high: price(high),
            low: price(low),
            close: price(close),
            volume: Decimal::new(1_234_567, 3),
        }
    };
    (0..i64::try_from(count).expect("fits")).map(candle).collect()
}
