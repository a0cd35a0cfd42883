//! Set-up and course of a test.

use super::bars::Bar;
use super::exchange::{Exchange, derived, wide};
use super::imports::within;
use super::world::{Step, World};
use crate::component::drive;
use crate::{
    AccountFacts, Context, DAY_MS, Decimal, Event, Fill, InstrumentInfo, Intent, Intents, Level, MINUTE_MS, ParamValue,
    Parameters, Position, Refusal, SeriesInfo, StopReason, Strategy, Subscription, Timestamp,
};
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// When a bench begins: 2024-01-01T00:00:00Z.
const START: Timestamp = 19_723 * DAY_MS.cast_signed();

/// Sets up a test of a strategy.
#[derive(Debug)]
pub struct Bench<S> {
    parameters: Vec<(String, ParamValue)>,
    instruments: Vec<InstrumentInfo>,
    series: Vec<SeriesInfo>,
    cash: Decimal,
    taker_fee: Decimal,
    maker_fee: Decimal,
    state: BTreeMap<String, Vec<u8>>,
    restored: Option<Vec<u8>>,
    bars: Vec<Bar>,
    strategy: PhantomData<S>,
}

impl<S: Strategy> Default for Bench<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Strategy> Bench<S> {
    /// One instrument, `BTC`, that allows nearly everything; one series of 1-minute candles; cash of 1,000,000; no fees;
    /// parameters as the manifest has them.
    #[must_use]
    pub fn new() -> Self {
        Self {
            parameters: S::describe().parameters.into_iter().map(|parameter| (parameter.name, parameter.default)).collect(),
            instruments: vec![InstrumentInfo::any(0, "BTC")],
            series: vec![SeriesInfo { id: 0, instrument: 0, timeframe_ms: MINUTE_MS }],
            cash: Decimal::from(1_000_000),
            taker_fee: Decimal::ZERO,
            maker_fee: Decimal::ZERO,
            state: BTreeMap::new(),
            restored: None,
            bars: Vec::new(),
            strategy: PhantomData,
        }
    }

    /// Sets a parameter.
    ///
    /// # Panics
    /// Where the manifest has none of that name.
    #[must_use]
    pub fn param(mut self, name: &str, value: impl Into<ParamValue>) -> Self {
        let parameter = self.parameters.iter_mut().find(|(known, _)| known == name);
        let (_, place) = parameter.unwrap_or_else(|| panic!("the manifest has no parameter `{name}`"));
        *place = match (&*place, value.into()) {
            (ParamValue::Number(_), ParamValue::Integer(value)) => ParamValue::Number(value.into()),
            (_, value) => value,
        };
        self
    }

    /// Trades this instrument instead; its number must be 0.
    #[must_use]
    pub fn instrument(mut self, instrument: InstrumentInfo) -> Self {
        self.instruments = vec![instrument];
        self
    }

    /// One more series of candles, with an instrument of its own where `instruments` has none of that number yet.
    #[must_use]
    pub fn series(mut self, symbol: &str, timeframe_ms: u64) -> Self {
        let known = self.instruments.iter().find(|instrument| instrument.symbol == symbol).map(|instrument| instrument.id);
        let instrument = known.unwrap_or_else(|| {
            let id = u32::try_from(self.instruments.len()).expect("few instruments");
            self.instruments.push(InstrumentInfo::any(id, symbol));
            id
        });
        let id = u32::try_from(self.series.len()).expect("few series");
        self.series.push(SeriesInfo { id, instrument, timeframe_ms });
        self
    }

    /// Begins with this much cash.
    #[must_use]
    pub fn cash(mut self, cash: impl Into<Decimal>) -> Self {
        self.cash = cash.into();
        self
    }

    /// Fees as fractions of the notional.
    #[must_use]
    pub fn fees(mut self, taker: impl Into<Decimal>, maker: impl Into<Decimal>) -> Self {
        (self.taker_fee, self.maker_fee) = (taker.into(), maker.into());
        self
    }

    /// Begins with a key already in the state.
    #[must_use]
    pub fn state(mut self, key: &str, value: &[u8]) -> Self {
        self.state.insert(key.into(), value.into());
        self
    }

    /// Begins as after a restart, with what [`Strategy::save`] returned.
    #[must_use]
    pub fn restored(mut self, saved: Vec<u8>) -> Self {
        self.restored = Some(saved);
        self
    }

    /// Candles of the first series for [`run`](Self::run).
    #[must_use]
    pub fn candles(mut self, bars: impl IntoIterator<Item = Bar>) -> Self {
        self.bars.extend(bars);
        self
    }

    /// Begins, and lets the candles pass.
    ///
    /// # Panics
    /// Where the strategy refuses to begin.
    #[must_use]
    pub fn run(mut self) -> Session<S> {
        let bars = std::mem::take(&mut self.bars);
        let mut session = self.start().unwrap_or_else(|refusal| panic!("the strategy refuses to begin: {}", refusal.0));
        session.candles(bars);
        session
    }

    /// Begins.
    ///
    /// # Errors
    /// Where the strategy refuses, in its own words.
    pub fn start(self) -> Result<Session<S>, Refusal> {
        let manifest = S::describe();
        let exchange = Exchange::new(self.instruments.clone(), wide(self.cash), wide(self.taker_fee), wide(self.maker_fee));
        let mut world = World::new(exchange, START);
        world.state = self.state;
        world.tick = manifest.tick_interval_ms.map(|every_ms| (START, every_ms));
        let account = AccountFacts { cash: self.cash, taker_fee: self.taker_fee, maker_fee: self.maker_fee, live: false };
        let (parameters, series) = (self.parameters, self.series.clone());
        let mut context = Context::new(crate::bindings::exports::calypte::strategy::lifecycle::Context {
            now: START,
            parameters,
            instruments: self.instruments,
            series,
            account,
            restored: self.restored,
        });
        let (world, strategy) = within(world, || S::init(&mut context));
        let strategy = strategy?;
        let subscriptions = context.into_subscriptions();
        let delivered = vec![0; self.series.len()];
        Ok(Session { strategy, world: Some(world), series: self.series, subscriptions, delivered, intents: Vec::new() })
    }
}

/// A strategy under test that has begun.
#[derive(Debug)]
pub struct Session<S> {
    strategy: S,
    /// None only while a hook runs, when the imports have it.
    world: Option<World>,
    series: Vec<SeriesInfo>,
    subscriptions: Vec<Subscription>,
    /// Candles delivered so far, by series.
    delivered: Vec<u32>,
    intents: Vec<Intent>,
}

impl<S: Strategy> Session<S> {
    /// Lets candles of the first series pass.
    pub fn candles(&mut self, bars: impl IntoIterator<Item = Bar>) -> Vec<Intent> {
        self.candles_of(0, bars)
    }

    /// Lets candles of a series pass; returns what the strategy asked for meanwhile.
    ///
    /// # Panics
    /// Where there is no such series.
    pub fn candles_of(&mut self, series: usize, bars: impl IntoIterator<Item = Bar>) -> Vec<Intent> {
        let info = self.series[series];
        let warm_up = self.subscriptions.iter().find_map(|subscription| match subscription {
            Subscription::Candles(candles) if candles.series == info.id => Some(candles.warm_up),
            _ => None,
        });
        let warm_up = warm_up.expect("candles go only to a strategy that subscribed to the series");
        let timeframe = i64::try_from(info.timeframe_ms).expect("a short timeframe");
        for bar in bars {
            let place = &mut self.delivered[series];
            let candle = bar.at(START + i64::from(*place) * timeframe);
            let step = Step::Candle { series: info, warm_up: *place < warm_up, candle };
            *place += 1;
            self.world_mut().script.push_back(step);
        }
        self.play()
    }

    /// Hands over an event as it is written; returns what the strategy asked for.
    pub fn send(&mut self, event: Event) -> Vec<Intent> {
        self.world_mut().script.push_back(Step::Event(event));
        self.play()
    }

    /// Lets time pass, so that timers and ticks fire.
    pub fn wait_ms(&mut self, duration_ms: u64) -> Vec<Intent> {
        let time = self.world().now + i64::try_from(duration_ms).expect("a short while");
        self.world_mut().script.push_back(Step::Time(time));
        self.play()
    }

    /// Changes parameters while the strategy runs.
    ///
    /// # Errors
    /// Where the strategy refuses.
    pub fn params(&mut self, parameters: Vec<(String, ParamValue)>) -> Result<(), Refusal> {
        self.hook(|strategy| strategy.on_params(&Parameters::new(parameters)))
    }

    /// What the strategy saves for a restart.
    pub fn save(&mut self) -> Vec<u8> {
        self.hook(Strategy::save)
    }

    /// Stops the strategy; returns its last intents.
    pub fn stop(&mut self, reason: StopReason) -> Vec<Intent> {
        self.hook(|strategy| {
            let mut intents = Intents::new();
            strategy.on_stop(reason, &mut intents);
            intents.into_vec()
        })
    }

    /// Everything the strategy has asked for so far.
    #[must_use]
    pub fn intents(&self) -> &[Intent] {
        &self.intents
    }

    /// The subscriptions it made.
    #[must_use]
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// Fills so far.
    #[must_use]
    pub fn fills(&self) -> &[Fill] {
        &self.world().exchange.fills
    }

    /// The position in the first instrument.
    #[must_use]
    pub fn position(&self) -> Position {
        self.world().exchange.position(0)
    }

    /// Open orders.
    #[must_use]
    pub fn open_orders(&self) -> Vec<crate::Order> {
        self.world().exchange.open_orders(None)
    }

    /// Cash now.
    #[must_use]
    pub fn cash(&self) -> Decimal {
        derived(self.world().exchange.cash)
    }

    /// Cash and positions at last prices.
    #[must_use]
    pub fn equity(&self) -> Decimal {
        derived(self.world().exchange.equity())
    }

    /// The log so far.
    #[must_use]
    pub fn log(&self) -> &[(Level, String)] {
        &self.world().log
    }

    /// The status shown last; a table as lines.
    #[must_use]
    pub fn status(&self) -> &str {
        &self.world().status
    }

    /// What the trader was told.
    #[must_use]
    pub fn notifications(&self) -> &[String] {
        &self.world().notifications
    }

    /// A value of the state.
    #[must_use]
    pub fn state(&self, key: &str) -> Option<&[u8]> {
        self.world().state.get(key).map(Vec::as_slice)
    }

    /// Points of a chart series.
    #[must_use]
    pub fn chart(&self, name: &str) -> &[(Timestamp, f64)] {
        let found = self.world().chart.iter().find(|(known, _)| known == name);
        found.map(|(_, points)| points.as_slice()).unwrap_or_default()
    }

    /// Marks drawn so far.
    #[must_use]
    pub fn marks(&self) -> &[(Timestamp, String)] {
        &self.world().marks_drawn
    }

    /// The strategy itself.
    #[must_use]
    pub fn strategy(&self) -> &S {
        &self.strategy
    }

    /// Delivers until nothing waits; returns what was asked for meanwhile.
    fn play(&mut self) -> Vec<Intent> {
        let before = self.intents.len();
        while let Some(event) = self.world_mut().next_event() {
            let intents = self.hook(|strategy| drive(strategy, event));
            self.world_mut().apply(&intents);
            self.intents.extend(intents);
        }
        self.intents[before..].to_vec()
    }

    fn hook<R>(&mut self, work: impl FnOnce(&mut S) -> R) -> R {
        let world = self.world.take().expect("one hook at a time");
        let (world, answer) = within(world, || work(&mut self.strategy));
        self.world = Some(world);
        answer
    }

    fn world(&self) -> &World {
        self.world.as_ref().expect("no hook is running")
    }

    fn world_mut(&mut self) -> &mut World {
        self.world.as_mut().expect("no hook is running")
    }
}

impl From<i64> for ParamValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<i32> for ParamValue {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<Decimal> for ParamValue {
    fn from(value: Decimal) -> Self {
        Self::Number(value)
    }
}

impl From<bool> for ParamValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<&str> for ParamValue {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}
