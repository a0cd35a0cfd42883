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
mod setup;
mod warnings;

pub use bars::{BARS_MAX, Bar};
pub use decoded::Decoded;
pub use journal::{
    CHART_MARKS_MAX, CHART_POINTS_MAX, ChartLine, ChartMark, Journal, LOG_LINES_KEPT, LogEntry, NOTIFICATIONS_MAX, Notification,
};
pub use parameters::{ParameterError, resolve, written};
pub use prepare::PrepareError;
pub use pull::Way;

use digest::Identity;

use crate::control::Control;
use crate::report::escape_terminal;
use crate::request::{BacktestRequest, RunSettings, SeriesRequest};
use crate::upload::uploads;
use anyhow::Context as _;
use bars::{Bars, Watched};
use calypte_host::{Instance, Manifest, SandboxSettings, Uploads};
use calypte_kernel::{Instrument, ParamValue, SeriesInfo, Status, StrategyId};
use calypte_sim::{Backtest, CandleSource, Observer, Outcome, RunStatus};
use prepare::{Loaded, SharedFile};
use pull::{Listener, Pull};
use setup::{Setup, deployment, instance_settings};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
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
    /// The first series' candles over the whole run, thinned to at most [`BARS_MAX`]: for a picture.
    pub bars: Vec<Bar>,
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
    /// Its series.
    pub series: SeriesInfo,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// What was odd about it, in words, bounded.
    pub warnings: Vec<String>,
    /// Oddities past the bound.
    pub warnings_left_out: u64,
}

/// Runs one backtest. The observer gets fills and equity as they happen; `control` shows progress and can end the run early,
/// with a report of what happened until then.
///
/// # Errors
/// [`PrepareError`] where it cannot begin, and a fault of the data where that cannot be read to the end of the run.
pub async fn backtest(
    request: BacktestRequest,
    control: Arc<Control>,
    observer: Box<dyn Observer>,
    way: Way,
) -> anyhow::Result<RunReport> {
    let instances_max = u32::try_from(request.strategies.len()).context("counting strategies")?.saturating_add(1);
    let sandbox = SandboxSettings { instances_max, portable: request.settings.portable, ..SandboxSettings::default() };
    backtest_in(&uploads(sandbox, remark)?, request, control, observer, way).await
}

/// As [`backtest`], in a sandbox that other runs share. Whether results are portable is the sandbox's setting then.
///
/// # Errors
/// As [`backtest`].
pub async fn backtest_in(
    uploads: &Uploads,
    request: BacktestRequest,
    control: Arc<Control>,
    observer: Box<dyn Observer>,
    way: Way,
) -> anyhow::Result<RunReport> {
    let began = Instant::now();
    let strategies = prepare::strategies(uploads, &request).await?;
    let setup = Setup::new(&request.market, &request.settings);
    let files = prepare::files(&request.market, &request.settings).map_err(PrepareError::Data)?;
    let bars = Arc::new(Mutex::new(Bars::new(request.settings.from)));
    let journal = Arc::new(Mutex::new(Journal::default()));

    let sources = sources(&files, &bars);
    let deployments = strategies.iter().map(deployment).collect();
    let backtest = Backtest::new(setup.backtest(), deployments, setup.sources(sources))
        .context("setting up the run")?
        .with_observer(Box::new(Listener::new(observer, Arc::clone(&journal))));
    let mut instances = start(&strategies, &request.settings).await?;
    let (outcome, failed) = Pull::new(backtest, Arc::clone(&journal), Arc::clone(&control), way)
        .with_fuel(request.settings.fuel)
        .run(&mut instances)
        .await;
    if let Some(error) = failed {
        return Err(error).context("reading the data");
    }
    if outcome.counts.candles == 0 && outcome.status == RunStatus::Completed {
        return Err(PrepareError::NoCandles.into());
    }

    let data = used(&request.market.series, &files)?;
    let identity = Identity { strategies: &strategies, data: &data, setup: &setup, settings: &request.settings, way };
    let journal = std::mem::take(&mut *journal.lock().unwrap_or_else(PoisonError::into_inner));
    let bars = bars.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(RunReport {
        outcome,
        digest: identity.digest(),
        strategies: ran(strategies, &request, &journal),
        instruments: setup.instruments,
        series: setup.series,
        data,
        settings: request.settings,
        bars,
        journal,
        wall_time_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// Says something that is no result and no error.
pub(crate) fn remark(words: &str) {
    eprintln!("{}", escape_terminal(words));
}

/// The files as sources; the first is drawn as it passes.
fn sources(files: &[SharedFile], bars: &Arc<Mutex<Bars>>) -> Vec<Box<dyn CandleSource>> {
    let mut sources: Vec<Box<dyn CandleSource>> = Vec::with_capacity(files.len());
    for file in files {
        let source: Box<dyn CandleSource> = Box::new(file.clone());
        if sources.is_empty() {
            sources.push(Box::new(Watched::new(source, Arc::clone(bars))));
        } else {
            sources.push(source);
        }
    }
    sources
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

fn used(series: &[SeriesRequest], files: &[SharedFile]) -> Result<Vec<DataUsed>, PrepareError> {
    series
        .iter()
        .zip(files)
        .map(|(series, file)| {
            let mut file = file.lock();
            let sha256 = file.sha256()?;
            let (warnings, warnings_left_out) = warnings_of(file.notes());
            Ok(DataUsed { file: series.file.clone(), series: series.info, sha256, warnings, warnings_left_out })
        })
        .collect()
}

fn ran(strategies: Vec<Loaded>, request: &BacktestRequest, journal: &Journal) -> Vec<RanStrategy> {
    let with_files = strategies.into_iter().zip(&request.strategies);
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
