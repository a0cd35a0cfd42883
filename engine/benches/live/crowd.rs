//! Accounts on paper, each with a strategy of its own, and a clock of theirs.

use crate::guests::Guests;
use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use calypte::live::{
    Account, Ears, Ended, History, HistoryError, Listener, LiveError, LoadedStrategy, News, Notice, Operator, Paper,
    PaperSettings, Session, SessionSettings, Surroundings,
};
use calypte::run::resolve;
use calypte_host::{InstanceSettings, Strategy};
use calypte_kernel::{
    AccountId, Answer, Candle, CoreSettings, Decimal, Deployment, Hook, Instrument, InstrumentId, Level, MarketEvent,
    ParamValue, Price, Quote, Rules, SeriesId, SeriesInfo, Size, StrategyId, StrategyState, Timeframe, Timestamp, TradingCore,
};
use calypte_venues::ambient::Ambient;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

const STRATEGY: StrategyId = StrategyId::new(0);
const MINUTE: i64 = 60_000;

/// A strategy to be started.
pub(crate) struct Member {
    strategy: Strategy,
    parameters: Arc<[(String, ParamValue)]>,
    cores: calypte::live::Cores,
}

impl Member {
    /// One whose averages cross every few candles.
    pub(crate) fn trading(guests: &Guests) -> Result<Self> {
        Self::ema_atr(guests, "0")
    }

    /// One that watches the same and never trades.
    pub(crate) fn quiet(guests: &Guests) -> Result<Self> {
        Self::ema_atr(guests, "1")
    }

    /// One that uses nearly all its fuel on each candle.
    pub(crate) fn burning(guests: &Guests) -> Result<Self> {
        let parameters = resolve("glutton", guests.glutton.manifest(), &[])?;
        Ok(Self { strategy: guests.glutton.clone(), parameters, cores: guests.cores.clone() })
    }

    fn ema_atr(guests: &Guests, filter: &str) -> Result<Self> {
        let written =
            [("fast", "3"), ("slow", "8"), ("filter", filter)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let parameters = resolve("ema-atr", guests.ema_atr.manifest(), &written)?;
        Ok(Self { strategy: guests.ema_atr.clone(), parameters, cores: guests.cores.clone() })
    }
}

/// Accounts at work.
pub(crate) struct Crowd {
    accounts: Vec<Seat>,
    shared: Arc<Shared>,
    ended: mpsc::UnboundedReceiver<HookTime>,
}

/// That a hook on a live candle ended.
pub(crate) struct HookTime {
    seat: usize,
    /// Since the candle was handed out.
    pub(crate) took: Duration,
    /// Whether it ordered something.
    pub(crate) ordered: bool,
}

struct Seat {
    news: mpsc::Sender<News>,
    session: JoinHandle<Result<Ended, LiveError>>,
    _operator: Operator,
}

/// What all sessions of a crowd share.
struct Shared {
    clock: AtomicI64,
    began: Instant,
    /// When the candle at hand was handed out, in nanoseconds since it began.
    handed: AtomicU64,
    running: AtomicU64,
}

struct Clock(Arc<Shared>);

impl Ambient for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.clock.load(Ordering::Relaxed))
    }

    fn chance(&self) -> u32 {
        0
    }
}

struct Past(Arc<[Candle]>);

#[async_trait]
impl History for Past {
    async fn candles(&self, _series: SeriesInfo, count: u32, _until: Timestamp) -> Result<Vec<Candle>, HistoryError> {
        Ok(self.0[self.0.len().saturating_sub(count as usize)..].to_vec())
    }
}

/// Notes when hooks end.
struct Watch {
    shared: Arc<Shared>,
    seat: usize,
    ended: mpsc::UnboundedSender<HookTime>,
    /// Whether the hook at hand is that of a live candle.
    live: bool,
}

impl Listener for Watch {
    fn notice(&mut self, _now: Timestamp, _core: &TradingCore, notice: Notice<'_>) {
        match notice {
            Notice::Delivered(deliver) => {
                self.live = matches!(&deliver.hook, Hook::Event(calypte_kernel::Event::Candle(event)) if !event.warm_up);
            }
            Notice::HookEnded(ended) if self.live => {
                let handed = Duration::from_nanos(self.shared.handed.load(Ordering::Relaxed));
                let ordered = matches!(&ended.answer, Answer::Intents(intents) if !intents.is_empty());
                let took = self.shared.began.elapsed().saturating_sub(handed);
                // Nobody counts any more where the crowd has ended.
                drop(self.ended.send(HookTime { seat: self.seat, took, ordered }));
            }
            Notice::Lifecycle(_, StrategyState::Running) => {
                self.shared.running.fetch_add(1, Ordering::Relaxed);
            }
            Notice::Lifecycle(_, state @ (StrategyState::Faulted(_) | StrategyState::Refused(_))) => panic!("{state:?}"),
            _ => {}
        }
    }
}

impl Crowd {
    /// Starts all of them, and waits until they run.
    pub(crate) async fn start(members: impl IntoIterator<Item = Member>, history: &[Candle]) -> Result<Self> {
        let past: Arc<[Candle]> = history.into();
        let now = past.last().context("there is history")?.open_time.as_millis() + MINUTE;
        let shared = Arc::new(Shared {
            clock: AtomicI64::new(now),
            began: Instant::now(),
            handed: AtomicU64::new(0),
            running: AtomicU64::new(0),
        });
        let (ended_out, ended) = mpsc::unbounded_channel();
        let mut accounts = Vec::new();
        for (seat, member) in members.into_iter().enumerate() {
            let watch = Watch { shared: Arc::clone(&shared), seat, ended: ended_out.clone(), live: false };
            accounts.push(sit(member, watch, &past)?);
        }
        while shared.running.load(Ordering::Relaxed) < accounts.len() as u64 {
            let ended = accounts.iter().position(|seat| seat.session.is_finished());
            ensure!(ended.is_none(), "a session ended at its start: see above why");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(Self { accounts, shared, ended })
    }

    /// Hands a candle to everybody, and waits for all of them.
    pub(crate) async fn close(&mut self, candle: Candle) -> Result<Vec<HookTime>> {
        self.shared.clock.store(candle.open_time.as_millis() + MINUTE, Ordering::Relaxed);
        // Prices come before the candle, as orders need them.
        for seat in &self.accounts {
            seat.news.send(News::Market(quote(&candle))).await.ok().context("a session ended")?;
        }
        let handed = u64::try_from(self.shared.began.elapsed().as_nanos())?;
        self.shared.handed.store(handed, Ordering::Relaxed);
        for seat in &self.accounts {
            seat.news.send(News::Market(closed(candle))).await.ok().context("a session ended")?;
        }
        let mut times = Vec::with_capacity(self.accounts.len());
        while times.len() < self.accounts.len() {
            times.push(self.ended.recv().await.context("a session ended")?);
        }
        Ok(times)
    }

    /// Hands each of them one candle after the other, each as soon as it is done with the one before, until that is ended.
    pub(crate) fn burn(self, candle: fn(i64) -> Candle) -> Burning {
        let Self { accounts, shared, mut ended } = self;
        let (stop, mut stopped) = watch::channel(false);
        let news = accounts.iter().map(|seat| seat.news.clone()).collect::<Vec<_>>();
        let first = shared.clock.load(Ordering::Relaxed) / MINUTE;
        let feeder = tokio::spawn(async move {
            let mut next = vec![first; news.len()];
            let mut give = |seat: usize| {
                let candle = candle(next[seat]);
                next[seat] += 1;
                // Their time goes on with whoever is ahead.
                shared.clock.fetch_max(candle.open_time.as_millis() + MINUTE, Ordering::Relaxed);
                let event = News::Market(closed(candle));
                // Where there is no room, what waits there is enough.
                drop(news[seat].try_send(event));
            };
            // One is at work, and one waits.
            (0..news.len()).chain(0..news.len()).for_each(&mut give);
            let mut done = 0_u64;
            loop {
                tokio::select! {
                    _ = stopped.changed() => return done,
                    Some(HookTime { seat, .. }) = ended.recv() => {
                        done += 1;
                        give(seat);
                    }
                }
            }
        });
        Burning { stop, feeder, accounts }
    }

    /// Ends all of them in order.
    pub(crate) async fn end(self) -> Result<()> {
        end(self.accounts).await
    }
}

async fn end(accounts: Vec<Seat>) -> Result<()> {
    for seat in &accounts {
        // One that has ended says so below.
        drop(seat.news.send(News::Shutdown).await);
    }
    for seat in accounts {
        seat.session.await??;
    }
    Ok(())
}

/// A crowd that always has another candle.
pub(crate) struct Burning {
    stop: watch::Sender<bool>,
    feeder: JoinHandle<u64>,
    accounts: Vec<Seat>,
}

impl Burning {
    /// Ends it; how many hooks ended.
    pub(crate) async fn end(self) -> Result<u64> {
        self.stop.send_replace(true);
        let done = self.feeder.await?;
        end(self.accounts).await?;
        Ok(done)
    }
}

fn sit(member: Member, watch: Watch, past: &Arc<[Candle]>) -> Result<Seat> {
    let instrument = Instrument::new(InstrumentId::new(0), "BTC".parse()?, Rules::ANY);
    let series = SeriesInfo { id: SeriesId::new(0), instrument: instrument.id, timeframe: Timeframe::MINUTE };
    let core = CoreSettings {
        cash: Decimal::from(1_000_000),
        ..CoreSettings::new(AccountId::new(1), Arc::from([instrument.clone()]), Arc::from([series]))
    };
    let loaded = LoadedStrategy {
        id: STRATEGY,
        name: "member".to_owned(),
        settings: InstanceSettings::new(STRATEGY),
        component: member.strategy.clone(),
        cores: member.cores,
    };
    let surroundings = Surroundings {
        venue: Box::new(Paper::new(PaperSettings::default(), &[instrument])?),
        history: Arc::new(Past(Arc::clone(past))),
        ambient: Arc::new(Clock(Arc::clone(&watch.shared))),
        listener: Box::new(watch),
    };
    let settings = SessionSettings { checkpoint_ms: 0, ..SessionSettings::default() };
    let session = Session::new(Account::new(TradingCore::new(core)?, None), &[loaded], surroundings, settings);
    let (news, told) = mpsc::channel(4);
    let (ears, operator) = Ears::new(told);
    let deployment = Deployment::new(STRATEGY, member.parameters, member.strategy.knows());
    Ok(Seat { news, session: tokio::spawn(session.run(vec![deployment], ears)), _operator: operator })
}

fn closed(candle: Candle) -> MarketEvent {
    MarketEvent::Candle { series: SeriesId::new(0), candle }
}

fn quote(candle: &Candle) -> MarketEvent {
    let size = Size::new(Decimal::from(1_000_000)).expect("it is positive");
    let level = |price: Price| Level { price, size };
    let time = Timestamp::from_millis(candle.open_time.as_millis() + MINUTE);
    MarketEvent::Quote(Quote { instrument: InstrumentId::new(0), time, bid: level(candle.close), ask: level(candle.close) })
}
