//! A session that trades on paper while candles come in: what its strategy decides is what it decides in a backtest.

use crate::in_process::{request, run, runtime, settings, uploads};
use async_trait::async_trait;
use calypte::data::{CandleFile, ReadOptions};
use calypte::live::{
    Account, Cores, Ears, History, HistoryError, Listener, LoadedStrategy, News, Notice, Paper, PaperSettings, Session,
    SessionSettings, Surroundings,
};
use calypte::run::{Way, resolve};
use calypte_host::InstanceSettings;
use calypte_kernel::{
    AccountId, Answer, Candle, CoreSettings, Decimal, Deployment, Event, FeeRates, Hook, HookEnded, Instrument, InstrumentId,
    Level, MarketEvent, Price, Quote, Refusal, Rules, SeriesId, SeriesInfo, Size, StrategyId, Timestamp, TradingCore,
    VenueFill,
};
use calypte_sim::{CandleSource, EquityPoint, Observer, SourceItem};
use calypte_venues::ambient::Ambient;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tests::{component, spec_candles, temp_dir};
use tokio::sync::mpsc;

const MINUTE: i64 = 60_000;
const STRATEGY: StrategyId = StrategyId::new(0);
/// Candles of history before the first live one.
const HISTORY: usize = 200;
const CANDLES: usize = 3_000;

/// A clock that is set.
#[derive(Debug, Default)]
pub(crate) struct Clock(pub(crate) AtomicI64);

impl Ambient for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn chance(&self) -> u32 {
        0
    }
}

/// What a strategy decided, and on which event: all that a live run and a backtest have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decisions(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    /// What the event at hand was.
    event: String,
    out: usize,
    fills: usize,
    /// How often it was asked for its state, and gave it.
    saved: usize,
}

impl Decisions {
    pub(crate) fn saved(&self) -> usize {
        self.0.lock().expect("nobody panicked with it").saved
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().expect("nobody panicked with it").lines.clone()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.0.lock().expect("nobody panicked with it").out == 0
    }

    fn decided(&self, event: &str, ended: &HookEnded) {
        if let Answer::Intents(intents) = &ended.answer
            && !intents.is_empty()
        {
            self.0.lock().expect("nobody panicked with it").lines.push(format!("{event}: {intents:?}"));
        }
    }
}

impl Listener for Decisions {
    fn notice(&mut self, _now: Timestamp, _core: &TradingCore, notice: Notice<'_>) {
        match notice {
            Notice::Delivered(deliver) => {
                let mut state = self.0.lock().expect("nobody panicked with it");
                state.out += 1;
                state.event = match &deliver.hook {
                    Hook::Event(Event::Candle(event)) => (event.candle.open_time.as_millis() + MINUTE).to_string(),
                    _ => "no candle".to_owned(),
                };
            }
            Notice::HookEnded(ended) => {
                let event = self.0.lock().expect("nobody panicked with it").event.clone();
                self.decided(&event, ended);
                let mut state = self.0.lock().expect("nobody panicked with it");
                state.out -= 1;
                state.saved += usize::from(matches!(ended.answer, Answer::Saved(_)));
            }
            Notice::Venue(calypte_kernel::VenueEvent::Fill(_)) => self.0.lock().expect("nobody panicked with it").fills += 1,
            Notice::Denied(_, refusal) => panic!("nothing is to be denied here: {}: {}", refusal.code, refusal.message),
            _ => {}
        }
    }
}

impl Observer for Decisions {
    fn fill(&mut self, _strategy: StrategyId, _fill: &VenueFill, _position: Decimal) {
        self.0.lock().expect("nobody panicked with it").fills += 1;
    }

    fn equity(&mut self, _point: EquityPoint) {}

    fn answered(&mut self, time: Timestamp, ended: &HookEnded) {
        self.decided(&time.as_millis().to_string(), ended);
    }

    fn denied(&mut self, _time: Timestamp, _strategy: StrategyId, refusal: &Refusal) {
        panic!("nothing is to be denied here: {}: {}", refusal.code, refusal.message);
    }
}

/// History in memory.
pub(crate) struct Past(pub(crate) Vec<Candle>);

#[async_trait]
impl History for Past {
    async fn candles(&self, series: SeriesInfo, count: u32, until: Timestamp) -> Result<Vec<Candle>, HistoryError> {
        let length = i64::try_from(series.timeframe.as_millis()).expect("a minute");
        let closed = self.0.iter().filter(|candle| candle.open_time.as_millis() + length <= until.as_millis());
        let closed = closed.copied().collect::<Vec<_>>();
        Ok(closed[closed.len().saturating_sub(count as usize)..].to_vec())
    }
}

pub(crate) fn candles_of(file: &Path) -> Vec<Candle> {
    let mut file = CandleFile::open(file, &ReadOptions::new("1m".parse().expect("a timeframe"))).expect("the file is there");
    let (mut candles, mut batch) = (Vec::new(), Vec::new());
    while file.next_batch(&mut batch).expect("the file is sound") {
        candles.extend(batch.drain(..).map(|item| match item {
            SourceItem::Candle(candle) => candle,
            SourceItem::Gap(gap) => panic!("made candles have no gap: {gap:?}"),
        }));
    }
    candles
}

/// Both sides at one price, in any size.
pub(crate) fn quote(time: Timestamp, price: Price) -> MarketEvent {
    let level = Level { price, size: Size::new(Decimal::from(1_000_000)).expect("positive") };
    MarketEvent::Quote(Quote { instrument: InstrumentId::new(0), time, bid: level, ask: level })
}

#[test]
fn a_live_session_decides_what_a_backtest_of_the_same_candles_decides() {
    let folder = temp_dir();
    let file = spec_candles(CANDLES, folder.path());
    let candles = candles_of(&file);
    let path = component("ema-atr");

    let tested = Decisions::default();
    let from = candles[HISTORY].open_time;
    let cash = Decimal::from(1_000_000);
    let request = request(
        std::slice::from_ref(&path),
        &[],
        &file,
        calypte::request::RunSettings { from: Some(from), cash, ..settings() },
    );
    let report = run(request, Box::new(tested.clone()), Way::Call).expect("the backtest runs");
    assert_eq!(report.outcome.status, calypte_sim::RunStatus::Completed);

    let live = Decisions::default();
    runtime().block_on(trade(&path, &candles, cash, live.clone()));

    let (tested, mut lived) = (tested.lines(), live.lines());
    assert!(tested.len() > 20, "only {} decisions: nothing is compared", tested.len());
    // The end of a backtest's data stops its strategies, which then decide on no candle; so does the end of the session.
    lived.retain(|line| !line.starts_with("no candle"));
    let last = (candles[CANDLES - 1].open_time.as_millis() + MINUTE).to_string();
    let trim = |lines: Vec<String>| lines.into_iter().filter(|line| !line.starts_with(&last)).collect::<Vec<_>>();
    assert_eq!(trim(lived), trim(tested));
    let fills = live.0.lock().expect("nobody panicked with it").fills;
    assert!(fills > 20, "orders fill on paper: {fills}");
}

/// Lets the candles pass one by one; each is done with before the next one comes.
async fn trade(path: &Path, candles: &[Candle], cash: Decimal, decisions: Decisions) {
    let component = calypte::upload::load(uploads(), path).await.expect("the example is sound").strategy;
    let parameters = resolve("ema-atr", component.manifest(), &[]).expect("defaults");
    let instrument = Instrument::new(InstrumentId::new(0), "BTC".parse().expect("a symbol"), Rules::ANY);
    let series = SeriesInfo { id: SeriesId::new(0), instrument: instrument.id, timeframe: "1m".parse().expect("a timeframe") };
    let fees = FeeRates { taker: Decimal::new(45, 5), maker: Decimal::new(15, 5) };
    let core = CoreSettings {
        cash,
        fees,
        ..CoreSettings::new(AccountId::new(1), Arc::from([instrument.clone()]), Arc::from([series]))
    };
    let clock = Arc::new(Clock::default());
    let start = candles[HISTORY].open_time;
    clock.0.store(start.as_millis(), Ordering::SeqCst);
    let loaded = LoadedStrategy {
        id: STRATEGY,
        name: "ema-atr".to_owned(),
        settings: InstanceSettings::new(STRATEGY),
        component: component.clone(),
        cores: Cores::of_machine(),
    };
    let paper = Paper::new(PaperSettings { fees, ..PaperSettings::default() }, &[instrument]).expect("the fees make sense");
    let account = Account::new(TradingCore::new(core).expect("the settings make sense"), None);
    let surroundings = Surroundings {
        venue: Box::new(paper),
        history: Arc::new(Past(candles[..HISTORY].to_vec())),
        ambient: Arc::clone(&clock) as Arc<dyn Ambient>,
        listener: Box::new(decisions.clone()),
    };
    let settings = SessionSettings { checkpoint_ms: 0, ..SessionSettings::default() };
    let session = Session::new(account, &[loaded], surroundings, settings);
    let (news, told) = mpsc::channel(1);
    let deployment = Deployment::new(STRATEGY, parameters, component.knows());
    let (ears, _operator) = Ears::new(told);
    let session = tokio::spawn(session.run(vec![deployment], ears));
    let say = async |event: MarketEvent| {
        news.send(News::Market(event)).await.expect("the session listens");
        while news.capacity() == 0 || !decisions.is_idle() {
            tokio::task::yield_now().await;
        }
    };
    for (place, candle) in candles[HISTORY..].iter().enumerate() {
        let close = candle.open_time.as_millis() + MINUTE;
        say(quote(candle.open_time, candle.open)).await;
        clock.0.store(close, Ordering::SeqCst);
        say(quote(Timestamp::from_millis(close), candle.close)).await;
        say(MarketEvent::Candle { series: SeriesId::new(0), candle: *candle }).await;
        if place == 0 {
            // A stream that fills up as the session begins brings what was history: nobody hears it again.
            say(MarketEvent::Candle { series: SeriesId::new(0), candle: candles[HISTORY - 5] }).await;
        }
    }
    news.send(News::Shutdown).await.expect("the session listens");
    let ended = session.await.expect("it does not panic").expect("it ends in order");
    assert_eq!(ended.late, vec![], "nobody had to be ended");
}
