//! One trader's session, everything in one process: strategies, a connector, an account on paper or at the exchange.

use super::cores::Cores;
use super::ears::Ears;
use super::history::HISTORY_MAX;
use super::link::{Link, Passed, carry};
use super::paper::{Paper, PaperSettings};
use super::prepare::{sandbox, session, strategies};
use super::session::{News, Surroundings};
use super::summary::{SessionRecord, Summary};
use super::tenant::Seat;
use super::venue::Venue;
use crate::control::Control;
use crate::journal::Durability;
use crate::kill::{KillFolders, KillWatch};
use crate::record::{Recorded, Recorder, RecorderSettings};
use crate::request::{LimitSettings, RiskFile, StrategyRequest};
use anyhow::Context as _;
use calypte_kernel::{
    AccountId, AccountRisk, Books, CoreSettings, Decimal, FeeRates, Feed, Holds, Instrument, SeriesId, SeriesInfo, Symbol,
    Timeframe, Timestamp,
};
use calypte_venues::ambient::Ambient;
use calypte_venues::connector::{Connector, Opened, Request};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Most news that wait for the session.
const NEWS_MAX: usize = 1_024;
/// How often it is looked whether the session is to end, and what it has to show.
const LOOK: Duration = Duration::from_millis(200);
/// How long history may take to come before strategies begin without it.
const HISTORY_WAIT: Duration = Duration::from_secs(20);
/// How long the database may take to answer before trading begins without it.
const DATABASE_START_WAIT: Duration = Duration::from_secs(2);
/// How long it may take what is left when trading has ended.
const DATABASE_END_WAIT: Duration = Duration::from_secs(10);
/// The account's number: a session has one.
const ACCOUNT: AccountId = AccountId::new(1);

/// What is to be traded, and how.
pub struct TradeRequest {
    /// Strategies; the place of each is its deployment's number.
    pub strategies: Vec<StrategyRequest>,
    /// Instruments, the first choice first.
    pub symbols: Vec<Symbol>,
    /// Length of candles, the first choice first.
    pub timeframes: Vec<Timeframe>,
    /// On paper: the money to begin with, and what the exchange would charge. None: the account is real.
    pub paper: Option<(Decimal, PaperSettings)>,
    /// Limits, kill switches and protections.
    pub risk: Option<RiskFile>,
    /// Folder of the journal; none: nothing survives the process.
    pub journal: Option<PathBuf>,
    /// When an input of that journal is safe enough to be acted on.
    pub durability: Durability,
    /// Candles of history that are had ready for strategies, of each series.
    pub history: u32,
    /// Fuel of one event; none: the sandbox's own limit.
    pub fuel_per_event: Option<u64>,
    /// Limits of each strategy's sandbox that differ from the defaults.
    pub limits: LimitSettings,
    /// Seed of whatever strategies draw by lot.
    pub seed: u64,
    /// How long; none: until it is told to stop.
    pub duration: Option<Duration>,
    /// Where it is recorded; none: nowhere.
    pub record: Option<RecorderSettings>,
    /// Where the files lie that kill it; none: nowhere.
    pub kill: Option<KillFolders>,
    /// Among the accounts of its trader; none: it shares no limit with another.
    pub seat: Option<Seat>,
}

/// How a session went.
#[derive(Debug)]
pub struct Traded {
    /// What it amounts to.
    pub record: SessionRecord,
    /// What the connector warned of at the start.
    pub warnings: Vec<String>,
    /// Strategies that had to be ended by the deadline.
    pub late: Vec<String>,
    /// What was recorded, where it was to be.
    pub recorded: Option<Recorded>,
}

impl TradeRequest {
    /// Series of candles: of each instrument each timeframe.
    pub fn series(&self) -> Vec<SeriesInfo> {
        let pairs = (0..).zip(&self.symbols).flat_map(|(instrument, _)| {
            self.timeframes.iter().map(move |timeframe| (calypte_kernel::InstrumentId::new(instrument), *timeframe))
        });
        (0..)
            .zip(pairs)
            .map(|(id, (instrument, timeframe))| SeriesInfo { id: SeriesId::new(id), instrument, timeframe })
            .collect()
    }

    /// The settings of its core, given what the exchange said.
    pub(crate) fn core(&self, opened: &Opened, series: &[SeriesInfo]) -> CoreSettings {
        let instruments: Arc<[Instrument]> = opened.instruments.as_slice().into();
        let risk = self.risk.as_ref().map_or(AccountRisk::NONE, |risk| risk.account(&instruments));
        let netting = self.risk.as_ref().map(RiskFile::netting).unwrap_or_default();
        let defaults = CoreSettings::new(ACCOUNT, instruments, series.into());
        let common = CoreSettings { saves: true, risk, netting, ..defaults };
        match &self.paper {
            Some((cash, paper)) => CoreSettings { cash: *cash, fees: paper.fees, ..common },
            None => CoreSettings {
                live: true,
                books: Books::Netted,
                // The exchange knows no trailing stops: the core guards them.
                holds: Holds { trailing: false, ..Holds::ALL },
                fees: opened.fees.unwrap_or_default(),
                ..common
            },
        }
    }
}

/// Trades until it is told to stop, or the time is up. `show` gets what there is to show, now and then.
///
/// # Errors
/// Where it cannot begin, or cannot go on.
pub async fn trade(
    request: &TradeRequest,
    mut connector: Box<dyn Connector>,
    ambient: Arc<dyn Ambient>,
    control: &Control,
    mut show: impl FnMut(Vec<String>),
) -> anyhow::Result<Traded> {
    let strategies = strategies(request, &sandbox(request.strategies.len())?, &Cores::of_machine()).await?;
    let recorder = recorder(request, &mut show).await?;
    let opened = connector.start().await?;
    let series = request.series();
    let core = request.core(&opened, &series);
    let names = strategies.iter().map(|(loaded, _)| (loaded.id, loaded.name.clone())).collect::<BTreeMap<_, _>>();
    let summary = Summary::new(Arc::clone(&core.instruments), names.clone());

    let (link, asked) = Link::new();
    let requests = link.sender();
    let (news, told) = mpsc::channel(NEWS_MAX);
    let ((open, is_open), (stop, is_stopped)) = (watch::channel(None), watch::channel(false));
    let passed = Passed::default();
    let carrier = tokio::spawn(carry(connector, asked, news.clone(), (passed.clone(), series.clone()), is_open, is_stopped));
    subscribe(&requests, request, &series, ambient.now()).await?;
    warm(&passed, &series, ambient.as_ref(), &mut show).await;

    let venue: Box<dyn Venue> = match &request.paper {
        Some((_, paper)) => Box::new(Paper::new(*paper, &opened.instruments)?),
        None => Box::new(link),
    };
    let surroundings =
        Surroundings { venue, history: Arc::new(passed), ambient: Arc::clone(&ambient), listener: Box::new(summary.clone()) };
    let (session, deployments) = session(request, core, &strategies, surroundings, &mut show).await?;
    open.send_replace(Some(session.known()));
    let (ears, operator) = Ears::new(told);
    let mut kill = request.kill.clone().map(KillWatch::new);
    let mut look = || {
        if let Some(kill) = &mut kill {
            operator.obey(kill);
        }
        summary.take_lines()
    };
    // Who is killed already does not begin.
    show(look());
    let session = tokio::spawn(session.run(deployments, ears));
    let ended = watch_over(session, &news, control, request.duration, || show(look())).await?;
    stop.send_replace(true);
    // It only closes connections now; that it panicked would have ended the session before.
    drop(carrier.await);
    show(look());
    let late = ended.late.iter().filter_map(|id| names.get(id).cloned()).collect();
    let recorded = match recorder {
        Some(recorder) => recorded(recorder, &mut show).await,
        None => None,
    };
    Ok(Traded { record: summary.record(&ended.core), warnings: opened.warnings, late, recorded })
}

/// Begins to record. A database that does not answer yet is waited for while strategies trade; one that is not fit ends the run
/// before it begins.
///
/// # Errors
/// Where the database is not fit.
pub(crate) async fn recorder(request: &TradeRequest, show: &mut impl FnMut(Vec<String>)) -> anyhow::Result<Option<Recorder>> {
    let Some(settings) = &request.record else { return Ok(None) };
    let mut recorder = Recorder::start(settings.clone());
    if let Some(trouble) = recorder.ready(DATABASE_START_WAIT).await? {
        show(vec![format!("warning: facts wait in the journal until the database takes them: {trouble}")]);
    }
    Ok(Some(recorder))
}

/// Ends the recorder once the journal is complete. That it failed is no failure of the session: the journal holds everything.
pub(crate) async fn recorded(recorder: Recorder, show: &mut impl FnMut(Vec<String>)) -> Option<Recorded> {
    let (recorded, why) = match recorder.finish(DATABASE_END_WAIT).await {
        Ok(recorded) if recorded.is_complete => return Some(recorded),
        Ok(recorded) => {
            let why = recorded.progress.trouble.clone().unwrap_or_else(|| "it is slow".to_owned());
            (Some(recorded), why)
        }
        Err(error) => (None, format!("{:#}", anyhow::Error::new(error))),
    };
    show(vec![format!("warning: not every fact is in the database ({why}); `calypte record` brings what the journal holds")]);
    recorded
}

/// Asks for the market: candles with their past, and the prices that orders go by.
async fn subscribe(
    requests: &mpsc::Sender<Request>,
    request: &TradeRequest,
    series: &[SeriesInfo],
    now: Timestamp,
) -> anyhow::Result<()> {
    let back = |info: &SeriesInfo| {
        let length = i64::try_from(info.timeframe.as_millis()).unwrap_or(i64::MAX);
        let candles = i64::from(request.history.min(HISTORY_MAX)).saturating_add(1);
        Timestamp::from_millis(now.as_millis().saturating_sub(length.saturating_mul(candles)).max(0))
    };
    let candles = series.iter().map(|info| (Feed::Candles(info.id), Some(back(info))));
    let instruments = (0..u32::try_from(request.symbols.len())?).map(calypte_kernel::InstrumentId::new);
    let prices = instruments.flat_map(|id| [Feed::Quotes(id), Feed::Context(id), Feed::Trades(id)]).map(|feed| (feed, None));
    for (feed, after) in candles.chain(prices) {
        requests.send(Request::Subscribe { feed, after }).await.context("the connector ended at the start")?;
    }
    Ok(())
}

/// Waits for history: until of each series the candle that closed last is there.
async fn warm(passed: &Passed, series: &[SeriesInfo], ambient: &dyn Ambient, show: &mut impl FnMut(Vec<String>)) {
    let complete = async {
        while !series.iter().all(|info| passed.is_up_to(info, ambient.now())) {
            tokio::time::sleep(LOOK).await;
        }
    };
    if tokio::time::timeout(HISTORY_WAIT, complete).await.is_err() {
        show(vec!["warning: not all candles of the past came in time; strategies begin with what there is".to_owned()]);
    }
}

/// Looks now and then at what there is to show and to obey, and tells the session to stop when it is time.
async fn watch_over(
    mut session: tokio::task::JoinHandle<Result<super::Ended, super::LiveError>>,
    news: &mpsc::Sender<News>,
    control: &Control,
    duration: Option<Duration>,
    mut look: impl FnMut(),
) -> anyhow::Result<super::Ended> {
    let end = duration.map(|duration| tokio::time::Instant::now() + duration);
    let mut told = false;
    loop {
        tokio::select! {
            ended = &mut session => return Ok(ended.context("the session's task failed")??),
            () = tokio::time::sleep(LOOK) => {
                look();
                let is_over = end.is_some_and(|end| tokio::time::Instant::now() >= end);
                if (control.is_cancelled() || is_over) && !told {
                    told = true;
                    // Where nobody takes it, the session has ended, which is seen above.
                    drop(news.send(News::Shutdown).await);
                }
            }
        }
    }
}

/// Fees as the exchange charges who has traded nothing yet.
/// <https://hyperliquid.gitbook.io/hyperliquid-docs/trading/fees>
pub fn base_fees() -> FeeRates {
    FeeRates { taker: Decimal::new(45, 5), maker: Decimal::new(15, 5) }
}
