//! A session that is killed goes on: its core from the journal, its strategy from what it saved last and the events since.

use crate::in_process::{runtime, uploads};
use crate::live::{Clock, Decisions, Past, candles_of, quote};
use calypte::journal::{JournalSettings, Writer};
use calypte::live::{
    Account, Cores, Ears, LoadedStrategy, News, Paper, PaperSettings, Restored, Session, SessionSettings, Surroundings, restore,
};
use calypte::run::resolve;
use calypte_host::InstanceSettings;
use calypte_kernel::{
    AccountId, Candle, CoreSettings, Decimal, Deployment, Instrument, InstrumentId, MarketEvent, Rules, SeriesId, SeriesInfo,
    StrategyId, Timestamp, TradingCore,
};
use calypte_venues::ambient::Ambient;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tests::{hostile, spec_candles, temp_dir};
use tokio::sync::mpsc;

const STRATEGY: StrategyId = StrategyId::new(0);
const MINUTE: i64 = 60_000;
const CHECKPOINT_MS: u64 = 60_000;
const CANDLES: usize = 40;

/// A strategy and the market it lives on.
struct Rig {
    loaded: LoadedStrategy,
    deployment: Deployment,
    instrument: Instrument,
    candles: Vec<Candle>,
    clock: Arc<Clock>,
    decisions: Decisions,
    /// Which component the journal is said to be written with.
    sha256: String,
}

impl Rig {
    async fn new(candles: &[Candle], forgets: bool) -> Self {
        let component = calypte::upload::load(uploads(), &hostile("forgetful")).await.expect("it is sound").strategy;
        let parameter = ("forgets".to_owned(), forgets.to_string());
        let parameters = resolve("forgetful", component.manifest(), &[parameter]).expect("it is in the manifest");
        let deployment = Deployment::new(STRATEGY, parameters, component.knows());
        let (settings, cores) = (InstanceSettings::new(STRATEGY), Cores::of_machine());
        let sha256 = component.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            sha256,
            loaded: LoadedStrategy { id: STRATEGY, name: "forgetful".to_owned(), settings, component, cores },
            deployment,
            instrument: Instrument::new(InstrumentId::new(0), "BTC".parse().expect("a symbol"), Rules::ANY),
            candles: candles.to_vec(),
            clock: Arc::new(Clock::default()),
            decisions: Decisions::default(),
        }
    }

    fn core(&self) -> CoreSettings {
        let timeframe = "1m".parse().expect("a timeframe");
        let series = SeriesInfo { id: SeriesId::new(0), instrument: self.instrument.id, timeframe };
        let instruments = Arc::from([self.instrument.clone()]);
        CoreSettings {
            cash: Decimal::from(10_000_000),
            ..CoreSettings::new(AccountId::new(1), instruments, Arc::from([series]))
        }
    }

    async fn restored(&self, journal: &Path) -> Option<Restored> {
        restore(journal, std::slice::from_ref(&self.loaded)).await.expect("it can be read")
    }

    /// Trades these candles, asks for the state before those, and is killed after the last of them: what was not written down by
    /// then is lost.
    async fn live(&self, journal: &Path, candles: std::ops::Range<usize>, checkpoints: &[usize]) {
        let restored = self.restored(journal).await;
        self.clock.0.store(self.candles[candles.start].open_time.as_millis(), Ordering::SeqCst);
        let (session, deployments) = self.session(journal, restored);
        let (news, told) = mpsc::channel(1);
        let (ears, _operator) = Ears::new(told);
        let session = tokio::spawn(session.run(deployments, ears));
        let say = async |event: MarketEvent| {
            news.send(News::Market(event)).await.expect("the session listens");
            while news.capacity() == 0 || !self.decisions.is_idle() {
                tokio::task::yield_now().await;
            }
        };
        // Once it is taken the session is at work, and its checkpoints are counted.
        say(quote(self.clock.now(), self.candles[candles.start].open)).await;
        for place in candles {
            if checkpoints.contains(&place) {
                let saved = self.decisions.saved();
                // Timers are rounded up to a millisecond.
                tokio::time::advance(Duration::from_millis(CHECKPOINT_MS + 1)).await;
                while self.decisions.saved() == saved {
                    tokio::task::yield_now().await;
                }
            }
            let candle = self.candles[place];
            let close = candle.open_time.as_millis() + MINUTE;
            self.clock.0.store(close, Ordering::SeqCst);
            say(quote(Timestamp::from_millis(close), candle.close)).await;
            say(MarketEvent::Candle { series: SeriesId::new(0), candle }).await;
        }
        session.abort();
        assert!(session.await.expect_err("it does not end by itself").is_cancelled());
    }

    /// Comes back by all that it heard as long as it saved nothing, and does not once it did.
    async fn lost_once_it_saved(&self, journal: &Path) -> Restored {
        self.live(journal, 0..7, &[]).await;
        let restored = self.restored(journal).await.expect("there is a journal");
        assert!(restored.lost.is_empty() && restored.instances.len() == 1, "it answers as it did: {:?}", restored.lost);
        drop(restored);

        self.live(journal, 7..14, &[9]).await;
        let restored = self.restored(journal).await.expect("there is a journal");
        assert!(restored.instances.is_empty());
        restored
    }

    fn session(&self, journal: &Path, restored: Option<Restored>) -> (Session, Vec<Deployment>) {
        let settings = SessionSettings { checkpoint_ms: CHECKPOINT_MS, ..SessionSettings::default() };
        let surroundings = Surroundings {
            venue: Box::new(
                Paper::new(PaperSettings::default(), std::slice::from_ref(&self.instrument)).expect("it makes sense"),
            ),
            history: Arc::new(Past(Vec::new())),
            ambient: Arc::clone(&self.clock) as Arc<dyn Ambient>,
            listener: Box::new(self.decisions.clone()),
        };
        let loaded = std::slice::from_ref(&self.loaded);
        let core = restored.as_ref().map_or_else(|| self.core(), |restored| restored.settings.clone());
        let strategies = json!([{ "id": 0, "name": "forgetful", "sha256": self.sha256 }]);
        let facts = json!({ "engine": "0", "way": "call", "seed": 0, "portable": false, "strategies": strategies }).to_string();
        let writer = Writer::open(journal, JournalSettings::default(), &core, facts.into()).expect("a folder");
        let Some(restored) = restored else {
            let account = Account::new(TradingCore::new(core).expect("it makes sense"), Some(writer));
            return (Session::new(account, loaded, surroundings, settings), vec![self.deployment.clone()]);
        };
        let (mut outputs, times) = (Vec::new(), (restored.time, self.clock.now()));
        let account = Account::taken_over(restored.core, writer, times, &mut outputs).expect("it can be written");
        let at_work = (restored.instances, restored.unanswered);
        (Session::going_on(account, loaded, at_work, outputs, surroundings, settings), vec![])
    }
}

#[test]
fn a_strategy_goes_on_with_what_it_saved_and_decides_as_if_nothing_had_happened() {
    let folder = temp_dir();
    let candles = candles_of(&spec_candles(CANDLES, folder.path()));
    runtime().block_on(async {
        let (whole, killed) = (Rig::new(&candles, false).await, Rig::new(&candles, false).await);
        tokio::time::pause();
        whole.live(&folder.path().join("whole"), 0..CANDLES, &[]).await;
        assert_eq!(whole.decisions.lines().len(), CANDLES, "it decides on each candle");

        // Killed before it saved anything, between two checkpoints, right after one, and without a candle in between.
        let journal = folder.path().join("killed");
        killed.live(&journal, 0..4, &[]).await;
        killed.live(&journal, 4..17, &[6, 11]).await;
        killed.live(&journal, 17..30, &[17, 18]).await;
        killed.live(&journal, 30..CANDLES, &[]).await;
        assert_eq!(killed.decisions.saved(), 4);
        assert_eq!(killed.decisions.lines(), whole.decisions.lines());
    });
}

#[test]
fn one_that_takes_no_notice_of_what_it_saved_is_found_out_by_what_it_answers() {
    let folder = temp_dir();
    let candles = candles_of(&spec_candles(CANDLES, folder.path()));
    runtime().block_on(async {
        let rig = Rig::new(&candles, true).await;
        tokio::time::pause();
        let journal = folder.path().join("journal");
        let restored = rig.lost_once_it_saved(&journal).await;
        let lost = restored.lost[&STRATEGY].to_string();
        // Nine candles were counted when it saved; it counts from none again.
        assert!(lost.contains("it answers event") && lost.contains("begin a new journal"), "{lost}");
        let core = restored.core.strategy(STRATEGY).expect("it was deployed");
        assert_eq!(core.saved(), Some(9_u32.to_le_bytes().as_slice()));
    });
}

#[test]
fn what_another_component_saved_is_given_to_none() {
    let folder = temp_dir();
    let candles = candles_of(&spec_candles(CANDLES, folder.path()));
    runtime().block_on(async {
        let rig = Rig { sha256: "00".repeat(32), ..Rig::new(&candles, false).await };
        tokio::time::pause();
        let journal = folder.path().join("journal");
        let lost = rig.lost_once_it_saved(&journal).await.lost[&STRATEGY].to_string();
        assert!(lost.contains("another component than the one that saved its state"), "{lost}");
    });
}
