//! One backtest, from files to a finished report: loads strategies, checks their parameters, opens the data, and hands events
//! from the simulated exchange to the sandbox until the data ends.
//!
//! ```text
//! files ──► sources ──► sim::Backtest ──Deliver──► host::Instance ──HookEnded──► sim::Backtest ──► Outcome
//!                            ▲                            │
//!                            └──── Pull: events.next ─────┘
//! ```

mod bars;
mod decoded;
mod digest;
mod journal;
mod parameters;
mod prepare;
mod pull;
mod recording;
mod setup;
mod ticks;
mod warnings;

pub use bars::{BARS_MAX, Bar, SeriesBars};
pub use decoded::Decoded;
pub use journal::{
    CHART_MARKS_MAX, CHART_POINTS_MAX, ChartLine, ChartMark, Journal, LOG_LINES_KEPT, LogEntry, NOTIFICATIONS_MAX, Notification,
};
pub use parameters::{ParameterError, resolve, written};
pub use prepare::PrepareError;
pub use pull::Way;
pub use recording::{Facts, StrategyFacts};

use digest::Identity;

use crate::control::Control;
use crate::health::logs::remark;
use crate::request::{BacktestRequest, RunSettings, SeriesRequest, StrategyRequest};
use crate::upload::uploads;
use anyhow::Context as _;
use bars::{Bars, Watched};
use calypte_host::{Instance, Manifest, SandboxSettings, Uploads};
use calypte_kernel::{Instrument, InstrumentId, ParamValue, SeriesInfo, Status, StrategyId, Timeframe, Timestamp};
use calypte_sim::{Backtest, CandleSource, Observer, Outcome, RunStatus, TickKind};
use prepare::{Loaded, SharedFile};
use pull::{Listener, Pull};
use recording::Recording;
use setup::{Setup, deployment, instance_settings};
pub(crate) use setup::{sandbox_settings, state_of};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use ticks::SharedTicks;
use warnings::warnings_of;

/// A finished backtest: how it went, and what it was made from.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// How it went.
    pub outcome: Outcome,
    /// SHA-256 over everything the outcome is a function of, in hex.
    pub digest: String,
    /// Strategies, by number.
    pub strategies: Vec<RanStrategy>,
    /// Instruments, by number.
    pub instruments: Arc<[Instrument]>,
    /// Series that strategies could subscribe to, by number; those with a file come first.
    pub series: Arc<[SeriesInfo]>,
    /// Files read, in the order of their series.
    pub data: Vec<DataUsed>,
    /// Money, fees, fuel and the rest.
    pub settings: RunSettings,
    /// Candles for a picture: of each instrument the series that was named first.
    pub bars: Vec<SeriesBars>,
    /// What strategies logged, drew, showed and said.
    pub journal: Journal,
    /// How long it took, reading included.
    pub wall_time_ms: u64,
}

/// A strategy that ran.
#[derive(Debug, Clone)]
pub struct RanStrategy {
    /// Its number.
    pub id: StrategyId,
    /// Its name in this run.
    pub name: String,
    /// Its file.
    pub component: PathBuf,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Every parameter with the value it ran with.
    pub parameters: Arc<[(String, ParamValue)]>,
    /// What it last showed.
    pub status: Option<Status>,
}

/// A data file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataUsed {
    /// The file.
    pub file: PathBuf,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// What is in it.
    pub content: Content,
    /// SHA-256 of its bytes, in hex; none where they could not all be read.
    pub sha256: Option<String>,
    /// What was odd about it, in words, bounded.
    pub warnings: Vec<String>,
    /// Oddities past the bound.
    pub warnings_left_out: u64,
}

/// What a data file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Candles of this length.
    Candles(Timeframe),
    /// Trades, quotes, books or funding rates.
    Ticks(TickKind),
}

impl std::fmt::Display for Content {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Candles(timeframe) => timeframe.fmt(formatter),
            Self::Ticks(kind) => kind.fmt(formatter),
        }
    }
}

/// A backtest that can begin: its strategies are loaded and started, its parameters checked, its files opened. Nothing has been
/// written yet.
pub struct Prepared {
    request: BacktestRequest,
    began: Instant,
    strategies: Vec<Loaded>,
    setup: Setup,
    files: Vec<SharedFile>,
    ticks: Vec<SharedTicks>,
    instances: Vec<Instance>,
    control: Arc<Control>,
    /// Folder of the journal; none: nothing is written down.
    journal: Option<PathBuf>,
}

impl Prepared {
    /// Prepares in a sandbox of its own. `control` shows progress, and can end the run early with what happened until then.
    ///
    /// # Errors
    /// [`PrepareError`] where it cannot begin.
    pub async fn new(request: BacktestRequest, control: Arc<Control>) -> anyhow::Result<Self> {
        let instances_max = u32::try_from(request.strategies.len()).context("counting strategies")?.saturating_add(1);
        let sandbox = SandboxSettings { instances_max, portable: request.settings.portable, ..SandboxSettings::default() };
        Self::new_in(&uploads(sandbox, remark)?, request, control).await
    }

    /// As [`Self::new`], in a sandbox that other runs share. Whether results are portable is the sandbox's setting then.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub async fn new_in(uploads: &Uploads, request: BacktestRequest, control: Arc<Control>) -> anyhow::Result<Self> {
        let began = Instant::now();
        let strategies = prepare::strategies(uploads, &request).await?;
        let setup = Setup::new(&request.market, &request.settings);
        let files = prepare::files(&request.market, &request.settings, &control).map_err(PrepareError::Data)?;
        let ticks = ticks::open_all(&request.market, &request.settings).map_err(PrepareError::Data)?;
        let instances = start(&strategies, &request.settings).await?;
        Ok(Self { request, began, strategies, setup, files, ticks, instances, control, journal: None })
    }

    /// Writes every input of the core to the journal in a folder, as its next epoch.
    #[must_use]
    pub fn with_journal(self, folder: Option<PathBuf>) -> Self {
        Self { journal: folder, ..self }
    }

    /// What was asked for.
    pub const fn request(&self) -> &BacktestRequest {
        &self.request
    }

    /// Runs. The observer gets fills and equity as they happen.
    ///
    /// # Errors
    /// Where the data are at fault before the first candle of the period, or hold none of it. A fault after that ends the run
    /// as [`RunStatus::BadData`], with everything up to there.
    pub async fn run(self, observer: Box<dyn Observer>, way: Way) -> anyhow::Result<RunReport> {
        let Self { request, began, strategies, setup, files, ticks, mut instances, control, journal: folder } = self;
        let journal = Arc::new(Mutex::new(Journal::default()));
        let sources = files.iter().map(|file| Box::new(file.clone()) as Box<dyn CandleSource>);
        let (sources, bars) = drawn(&request.market.series, sources, request.settings.from);
        let deployments = strategies.iter().map(|loaded| deployment(loaded, &request.settings)).collect();
        let mut backtest = Backtest::new(setup.backtest(), deployments, setup.sources(sources))
            .context("setting up the run")?
            .with_ticks(ticks.iter().map(SharedTicks::feed).collect())
            .with_observer(Box::new(Listener::new(observer, Arc::clone(&journal))));
        let facts = Facts::new(&strategies, &request.settings, way);
        let recording = folder.map(|folder| Recording::open(&folder, backtest.core().settings(), &facts)).transpose()?;
        if let Some(recording) = &recording {
            backtest = backtest.with_recorder(Box::new(recording.clone()));
        }
        let (mut outcome, failed) =
            Pull::new(backtest, Arc::clone(&journal), control, way).with_fuel(request.settings.fuel).run(&mut instances).await;
        if let Some(error) = &failed {
            setup.name_fault(&mut outcome.status, error);
        }
        let counts = &outcome.counts;
        let is_empty = counts.candles + counts.trades + counts.quotes + counts.books == 0;
        match (failed, &outcome.status) {
            (Some(_), RunStatus::BadData(_)) if !is_empty => {}
            (Some(error), _) => return Err(setup.named(error)),
            (None, RunStatus::Completed) if is_empty => {
                return Err(PrepareError::no_candles(&request.market, &request.settings).into());
            }
            (None, _) => {}
        }
        if let Some(recording) = recording {
            recording.close(outcome.end).context("closing the journal")?;
        }

        let data =
            used(&request.market.series, &files).into_iter().chain(ticks.iter().map(SharedTicks::used)).collect::<Vec<_>>();
        let identity = Identity { strategies: &strategies, data: &data, setup: &setup, settings: &request.settings, way };
        let journal = std::mem::take(&mut *journal.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(RunReport {
            outcome,
            digest: identity.digest(),
            strategies: ran(strategies, &request.strategies, &journal),
            instruments: setup.instruments,
            series: setup.series,
            data,
            settings: request.settings,
            bars: bars.iter().map(Drawing::take).collect(),
            journal,
            wall_time_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// A series that is drawn while it passes.
struct Drawing {
    series: SeriesInfo,
    bars: Arc<Mutex<Bars>>,
}

impl Drawing {
    fn take(&self) -> SeriesBars {
        let bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner).take();
        SeriesBars { series: self.series, bars }
    }
}

/// The sources of the series; of each instrument the first is drawn as it passes.
fn drawn(
    series: &[SeriesRequest],
    of_series: impl Iterator<Item = Box<dyn CandleSource>>,
    from: Option<Timestamp>,
) -> (Vec<Box<dyn CandleSource>>, Vec<Drawing>) {
    let mut sources: Vec<Box<dyn CandleSource>> = Vec::with_capacity(series.len());
    let mut drawings: Vec<Drawing> = Vec::new();
    for (series, source) in series.iter().zip(of_series) {
        if drawings.iter().any(|drawing| drawing.series.instrument == series.info.instrument) {
            sources.push(source);
        } else {
            let bars = Arc::new(Mutex::new(Bars::new(from)));
            sources.push(Box::new(Watched::new(source, Arc::clone(&bars))));
            drawings.push(Drawing { series: series.info, bars });
        }
    }
    (sources, drawings)
}

async fn start(strategies: &[Loaded], settings: &RunSettings) -> anyhow::Result<Vec<Instance>> {
    let mut instances = Vec::with_capacity(strategies.len());
    for loaded in strategies {
        let settings = instance_settings(loaded.id, settings);
        let instance = loaded.strategy.instantiate(settings).await;
        instances.push(instance.with_context(|| format!("starting {}", loaded.name))?);
    }
    Ok(instances)
}

/// What was read of the files. One whose device failed has no hash, which is no reason to lose the report.
fn used(series: &[SeriesRequest], files: &[SharedFile]) -> Vec<DataUsed> {
    let with_files = series.iter().zip(files);
    let used = with_files.map(|(series, file)| {
        let mut file = file.lock();
        let sha256 = file.sha256().ok();
        let (warnings, warnings_left_out) = warnings_of(file.notes());
        let (instrument, content) = (series.info.instrument, Content::Candles(series.info.timeframe));
        DataUsed { file: series.file.clone(), instrument, content, sha256, warnings, warnings_left_out }
    });
    used.collect()
}

fn ran(strategies: Vec<Loaded>, requests: &[StrategyRequest], journal: &Journal) -> Vec<RanStrategy> {
    let with_files = strategies.into_iter().zip(requests);
    let ran = with_files.map(|(loaded, wanted)| RanStrategy {
        id: loaded.id,
        name: loaded.name,
        component: wanted.component.clone(),
        sha256: digest::hex(loaded.strategy.sha256()),
        manifest: loaded.strategy.manifest().clone(),
        parameters: loaded.parameters,
        status: journal.statuses.get(&loaded.id).cloned(),
    });
    ran.collect()
}
