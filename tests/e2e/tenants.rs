//! Two accounts of one trader under one limit: whatever each of them wants, together they never hold more.

use crate::in_process::uploads;
use async_trait::async_trait;
use calypte::live::{
    Account, Cores, Ears, Ended, History, HistoryError, Listener, LiveError, LoadedStrategy, News, Notice, Paper,
    PaperSettings, Seat, Session, SessionSettings, Surroundings,
};
use calypte::run::resolve;
use calypte_host::InstanceSettings;
use calypte_kernel::{
    AccountId, AccountRisk, Candle, Command, CoreSettings, Decimal, DenialCode, Deployment, Event, Hook, Instrument,
    InstrumentId, Level, MarketEvent, Price, Quote, Rules, SeriesId, SeriesInfo, Size, StrategyId, StrategyState, Timestamp,
    TradingCore,
};
use calypte_venues::ambient::Ambient;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tests::component;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const MINUTE: i64 = 60_000;
const STRATEGY: StrategyId = StrategyId::new(0);
/// Both accounts want one of what costs about this much.
const PRICE: i64 = 1_000;
/// Room for one of them, and for half of the other.
const LIMIT: i64 = 1_500;
const CANDLES: i64 = 400;

/// A clock that is set.
#[derive(Debug, Default)]
struct Clock(AtomicI64);

impl Ambient for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn chance(&self) -> u32 {
        0
    }
}

/// Nothing is known of the past.
struct NoPast;

#[async_trait]
impl History for NoPast {
    async fn candles(&self, _: SeriesInfo, _: u32, _: Timestamp) -> Result<Vec<Candle>, HistoryError> {
        Ok(Vec::new())
    }
}

/// What was seen of both accounts.
#[derive(Debug, Default)]
struct Seen {
    held: [Decimal; 2],
    /// Orders sent by each.
    sent: [usize; 2],
    /// The most that both held together when one of them had sent an order.
    most: Decimal,
    denied: usize,
    out: usize,
    /// Strategies that hear candles.
    running: usize,
    /// Candles that were handed out.
    candles: i64,
}

#[derive(Debug, Clone)]
struct Watch {
    place: usize,
    seen: Arc<Mutex<Seen>>,
}

impl Listener for Watch {
    fn notice(&mut self, _now: Timestamp, core: &TradingCore, notice: Notice<'_>) {
        let mut seen = self.seen.lock().expect("nobody panicked with it");
        seen.held[self.place] = core.exposure().expect("prices are known");
        match notice {
            Notice::Delivered(deliver) => {
                seen.out += 1;
                seen.candles += i64::from(matches!(deliver.hook, Hook::Event(Event::Candle(_))));
            }
            Notice::Lifecycle(_, StrategyState::Running) => seen.running += 1,
            Notice::HookEnded(_) => seen.out -= 1,
            Notice::Sent(batch) if batch.commands.iter().any(|command| matches!(command.get(), Command::Place(_))) => {
                seen.sent[self.place] += 1;
                seen.most = seen.most.max(seen.held.iter().sum());
            }
            Notice::Denied(_, refusal) => {
                assert_eq!(refusal.code, DenialCode::TenantNotionalLimit.as_str(), "{}", refusal.message);
                seen.denied += 1;
            }
            _ => {}
        }
    }
}

/// An account at work.
struct Trading {
    news: mpsc::Sender<News>,
    session: JoinHandle<Result<Ended, LiveError>>,
}

async fn begin(watch: Watch, seat: Option<&Seat>, ambient: Arc<dyn Ambient>) -> Trading {
    let component = calypte::upload::load(uploads(), &component("ema-atr")).await.expect("the example is sound").strategy;
    let instrument = Instrument::new(InstrumentId::new(0), "BTC".parse().expect("a symbol"), Rules::ANY);
    let series = SeriesInfo { id: SeriesId::new(0), instrument: instrument.id, timeframe: "1m".parse().expect("a timeframe") };
    let defaults = CoreSettings::new(AccountId::new(1), Arc::from([instrument.clone()]), Arc::from([series]));
    let risk = AccountRisk { tenant_notional_max: Some(Decimal::from(LIMIT)), ..AccountRisk::NONE };
    let core = CoreSettings { cash: Decimal::from(100_000), risk, ..defaults };
    let loaded = LoadedStrategy {
        id: STRATEGY,
        name: "ema-atr".to_owned(),
        settings: InstanceSettings::new(STRATEGY),
        component: component.clone(),
        cores: Cores::of_machine(),
    };
    let surroundings = Surroundings {
        venue: Box::new(Paper::new(PaperSettings::default(), &[instrument]).expect("the fees make sense")),
        history: Arc::new(NoPast),
        ambient,
        listener: Box::new(watch),
    };
    let account = Account::new(TradingCore::new(core).expect("the settings make sense"), None);
    let settings = SessionSettings { checkpoint_ms: 0, ..SessionSettings::default() };
    let session = Session::new(account, &[loaded], surroundings, settings).seated(seat);
    let parameters = resolve("ema-atr", component.manifest(), &[]).expect("defaults");
    let (news, told) = mpsc::channel(1);
    let (ears, _) = Ears::new(told);
    let session = tokio::spawn(session.run(vec![Deployment::new(STRATEGY, parameters, component.knows())], ears));
    Trading { news, session }
}

/// Lets both hear the same waves of prices at the same time.
async fn trade(seats: [Option<&Seat>; 2]) -> Seen {
    let (clock, seen) = (Arc::new(Clock::default()), Arc::new(Mutex::new(Seen::default())));
    let mut accounts = Vec::new();
    for (place, seat) in seats.into_iter().enumerate() {
        let watch = Watch { place, seen: Arc::clone(&seen) };
        accounts.push(begin(watch, seat, Arc::clone(&clock) as Arc<dyn Ambient>).await);
    }
    let until = async |done: &dyn Fn(&Seen) -> bool| {
        while !done(&seen.lock().expect("nobody panicked with it")) {
            tokio::task::yield_now().await;
        }
    };
    until(&|seen| seen.running == 2).await;
    let size = Size::new(Decimal::from(1_000_000)).expect("positive");
    for number in 0..CANDLES {
        let close = Price::new(Decimal::from(PRICE + (number % 80 - 40).abs())).expect("positive");
        let (open_time, time) = (Timestamp::from_millis(number * MINUTE), Timestamp::from_millis((number + 1) * MINUTE));
        clock.0.store(time.as_millis(), Ordering::SeqCst);
        let level = Level { price: close, size };
        let quote = MarketEvent::Quote(Quote { instrument: InstrumentId::new(0), time, bid: level, ask: level });
        let candle = Candle { open_time, open: close, high: close, low: close, close, volume: Decimal::ONE };
        for event in [quote, MarketEvent::Candle { series: SeriesId::new(0), candle }] {
            for account in &accounts {
                account.news.send(News::Market(event.clone())).await.expect("the session listens");
            }
        }
        until(&|seen| seen.candles == 2 * (number + 1) && seen.out == 0).await;
    }
    for account in accounts {
        account.news.send(News::Shutdown).await.expect("the session listens");
        account.session.await.expect("it does not panic").expect("it ends in order");
    }
    Arc::try_unwrap(seen).expect("both have ended").into_inner().expect("nobody panicked with it")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_accounts_never_use_the_same_room() {
    let seats = Seat::of_tenant(2);
    let shared = trade([Some(&seats[0]), Some(&seats[1])]).await;
    assert!(shared.most <= Decimal::from(LIMIT), "together they held {} under a limit of {LIMIT}", shared.most);
    assert!(shared.sent.iter().sum::<usize>() > 5, "{shared:?}");
    assert!(shared.denied > 5, "who comes second is denied: {shared:?}");

    // Each by itself has room enough: the test sees what it would see if nobody told the other.
    let apart = trade([None, None]).await;
    assert!(apart.most > Decimal::from(LIMIT) && apart.denied == 0, "{apart:?}");
}

#[tokio::test]
async fn while_another_account_of_the_trader_is_not_traded_nothing_opens() {
    let seats = Seat::of_tenant(3);
    let seen = trade([Some(&seats[0]), Some(&seats[1])]).await;
    assert_eq!(seen.sent, [0, 0], "what the third account holds is not known");
    assert!(seen.denied > 5, "{seen:?}");
}
