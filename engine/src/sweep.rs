//! A sweep: every combination of parameters over one market, decoded once, in parallel.
//!
//! ```text
//! files ──► candles in memory (shared) ──► worker 1: combination 0, 2, 5, …  ──┐
//!                                     └──► worker 2: combination 1, 3, 4, …  ──┴─► rows ──► journal, table
//! ```
//!
//! Each combination is a run of its own, with its own instance and its own fuel; nothing passes from one to another, so a row
//! does not depend on how many workers there are or on who ran it.

use crate::control::Control;
use crate::data;
use crate::report::{SweepJournal, SweepReport, SweepRow, SweepTable};
use crate::request::{StrategyRequest, SweepRequest};
use crate::run::{DataUsed, Identity, Loaded, PrepareError, Pull, Setup, Way, deployment, instance_settings, load, resolve};
use crate::run::{ParameterError, read_options, warnings_of};
use crate::upload::uploads;
use anyhow::Context as _;
use calypte_host::SandboxSettings;
use calypte_kernel::{ParamValue, StrategyId};
use calypte_sim::{Backtest, CandleSource, ItemSource, Outcome, SourceItem};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

/// The number of the only strategy of each run.
const STRATEGY: StrategyId = StrategyId::new(0);
/// Rows that may wait for the journal, per worker.
const ROWS_WAITING_PER_WORKER: usize = 4;

/// Runs every combination that the journal does not have yet.
///
/// # Errors
/// Where it cannot begin, a combination is not allowed by the manifest, or the journal cannot be written.
pub async fn sweep(request: SweepRequest, control: Arc<Control>) -> anyhow::Result<SweepReport> {
    let began = Instant::now();
    let jobs = request.jobs.min(request.combinations()).max(1);
    let instances_max = u32::try_from(jobs).context("counting jobs")?.saturating_add(1);
    let sandbox = SandboxSettings { instances_max, portable: request.settings.portable, ..SandboxSettings::default() };
    let uploads = uploads(sandbox, |words| eprintln!("{words}"))?;
    let loaded = load(&uploads, STRATEGY, &request.strategy).await?;
    let work = tokio::task::spawn_blocking(move || Work::new(request, loaded)).await.context("reading the data")??;
    let (work, digest) = (Arc::new(work.0), work.1);

    let combinations = work.request.combinations();
    let (mut journal, done) = match &work.request.out {
        Some(folder) => {
            let (journal, rows) = SweepJournal::open(folder, work.request.resume, &digest, &work.request.axes)?;
            (Some(journal), rows)
        }
        None => (None, Vec::new()),
    };
    let mut table = SweepTable::new(combinations, done);
    control.expect(combinations as u64);
    control.reach(table.done() as u64);
    let todo: Arc<[usize]> = (0..combinations).filter(|number| !table.has(*number)).collect();
    let collected = tokio::task::spawn_blocking({
        let (work, control) = (Arc::clone(&work), Arc::clone(&control));
        move || {
            let rows = workers(&work, &todo, jobs, &control);
            for row in rows {
                let row = row?;
                if let Some(journal) = &mut journal {
                    journal.append(&row)?;
                }
                table.add(row);
                control.advance(1);
            }
            Ok::<_, anyhow::Error>(table)
        }
    });
    let table = collected.await.context("collecting the rows")??;
    let wall_time_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(table.report(&work.request, digest, wall_time_ms))
}

/// Everything that all combinations share.
struct Work {
    request: SweepRequest,
    loaded: Loaded,
    setup: Setup,
    /// Candles and gap notes of each series with a file.
    items: Vec<Arc<[SourceItem]>>,
}

impl Work {
    /// Decodes the data and checks every value of every axis, before anything runs.
    fn new(request: SweepRequest, loaded: Loaded) -> anyhow::Result<(Self, String)> {
        check_axes(&request, &loaded)?;
        let setup = Setup::new(&request.market, &request.settings);
        let (mut items, mut used) = (Vec::new(), Vec::new());
        for series in &request.market.series {
            let read = data::load(&series.file, &read_options(series, &request.settings), data::LOAD_CANDLES_MAX)
                .map_err(PrepareError::Data)?;
            let (warnings, warnings_left_out) = warnings_of(&read.notes);
            for warning in &warnings {
                eprintln!("warning: {}: {warning}", series.file.display());
            }
            let (file, sha256) = (series.file.clone(), read.sha256);
            used.push(DataUsed { file, series: series.info, sha256, warnings, warnings_left_out });
            items.push(read.items);
        }
        // The swept parameters have their defaults here; their values are in the journal beside the digest.
        let strategies = std::slice::from_ref(&loaded);
        let identity = Identity { strategies, data: &used, setup: &setup, settings: &request.settings, way: Way::Next };
        let digest = identity.digest();
        Ok((Self { request, loaded, setup, items }, digest))
    }

    /// Runs one combination.
    fn run(&self, number: usize, control: &Arc<Control>) -> anyhow::Result<Outcome> {
        let values = self.request.combination(number);
        let parameters = self.parameters(&values)?;
        let loaded = Loaded { parameters, ..self.loaded.clone() };
        let sources = self.items.iter().map(|items| Box::new(ItemSource::new(Arc::clone(items))) as Box<dyn CandleSource>);
        let sources = self.setup.sources(sources.collect());
        let backtest = Backtest::new(self.setup.backtest(), vec![deployment(&loaded)], sources).context("setting up a run")?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().context("making a worker's runtime")?;
        runtime.block_on(async {
            let instance = loaded.strategy.instantiate(instance_settings(STRATEGY, &self.request.settings)).await?;
            let pull = Pull::new(backtest, Arc::default(), Arc::clone(control), Way::Next).without_progress();
            let (outcome, failed) = pull.run(&mut [instance]).await;
            failed.map_or(Ok(outcome), |error| Err(error).context("reading the data"))
        })
    }

    fn parameters(&self, values: &[&str]) -> Result<Arc<[(String, ParamValue)]>, ParameterError> {
        let StrategyRequest { name, parameters, .. } = &self.request.strategy;
        let mut written = parameters.clone();
        written.extend(self.request.axes.iter().zip(values).map(|(axis, value)| (axis.name.clone(), (*value).to_owned())));
        resolve(name, self.loaded.strategy.manifest(), &written)
    }
}

/// Checks each value once, so that the last combination of a long sweep does not fail on what could be known at its start.
fn check_axes(request: &SweepRequest, loaded: &Loaded) -> Result<(), ParameterError> {
    for axis in &request.axes {
        for value in &axis.values {
            let mut written = request.strategy.parameters.clone();
            written.push((axis.name.clone(), value.clone()));
            resolve(&request.strategy.name, loaded.strategy.manifest(), &written)?;
        }
    }
    Ok(())
}

/// Rows as they are finished, until all are or the sweep is cancelled. A row of a run that was cut short is not among them.
fn workers(
    work: &Arc<Work>,
    todo: &Arc<[usize]>,
    jobs: usize,
    control: &Arc<Control>,
) -> impl Iterator<Item = anyhow::Result<SweepRow>> {
    let (sender, rows) = mpsc::sync_channel(jobs * ROWS_WAITING_PER_WORKER);
    let next = Arc::new(AtomicUsize::new(0));
    for _ in 0..jobs {
        let (work, todo, control) = (Arc::clone(work), Arc::clone(todo), Arc::clone(control));
        let (sender, next) = (sender.clone(), Arc::clone(&next));
        std::thread::spawn(move || {
            while let Some(number) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outcome = work.run(*number, &control);
                if control.is_cancelled() {
                    return;
                }
                let values = work.request.combination(*number);
                let row = outcome.map(|outcome| SweepRow::new(*number, &values, &outcome));
                // Nobody takes rows any more where one of them was an error: the sweep is over.
                if sender.send(row).is_err() {
                    return;
                }
            }
        });
    }
    rows.into_iter()
}
