//! `calypte backtest`: one or more strategies over recorded candles.

use super::exit::{Ends, ExitStatus};
use super::output::Output;
use super::progress::{Unit, watch};
use super::run_flags::RunFlags;
use super::summary;
use crate::control::Control;
use crate::report::{self, Recorder, RunRecord};
use crate::request::{BacktestRequest, ParameterSpec};
use crate::run::{Prepared, RunReport, Way};
use calypte_kernel::StrategyState;
use calypte_sim::{NoObserver, Observer, RunStatus};
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// Runs strategies over recorded candles, sandboxed and metered, and reports.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calypte backtest target/calypte/ema-atr.wasm --data BTC:1m=candles.csv --param fast=12 --out report\n  \
    calypte backtest ema-atr.wasm grid.wasm --data BTC:1m=btc.csv.gz --data ETH:1m=eth.csv.gz --param ema-atr.fast=5 --fuel 5000000000"
)]
pub(super) struct BacktestArgs {
    /// Components, as `calypte build` makes them.
    #[arg(required = true, value_name = "FILE.wasm")]
    components: Vec<PathBuf>,
    /// A parameter; with several strategies STRATEGY.NAME=VALUE.
    #[arg(long, value_name = "NAME=VALUE")]
    param: Vec<ParameterSpec>,
    #[command(flatten)]
    run: RunFlags,
    /// Folder for report.json, report.html, fills.csv and equity.csv.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder of a journal: every input of the core is written there, for `calypte replay`. Where it holds a journal already,
    /// the run is appended as a further epoch.
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
}

pub(super) fn run(args: BacktestArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let instruments = args.run.instruments();
    let settings = args.run.settings();
    let request = BacktestRequest::new(&args.components, &args.param, &args.run.data(), &instruments, settings, args.out)?;
    let (report, record) = execute(request, args.journal, output)?;
    output.answer(&record, || summary::of_run(&record))?;
    Ok(status_of(&report))
}

/// Runs, and writes what is to be written: nothing before it is known that the run can begin, and all of it at the end.
pub(super) fn execute(
    request: BacktestRequest,
    journal: Option<PathBuf>,
    output: Output,
) -> anyhow::Result<(RunReport, RunRecord)> {
    let out = request.out.clone();
    let control = Arc::new(Control::default());
    let (report, recorder) = watch(output, ("backtest", Unit::Bytes), &control, async {
        let prepared = Prepared::new(request, Arc::clone(&control)).await?.with_journal(journal);
        let request = prepared.request();
        let recorder = out.as_ref().map(|folder| Recorder::create(folder, &request.strategies, &request.market));
        let recorder = recorder.transpose().ends(ExitStatus::Environment)?;
        let observer: Box<dyn Observer> = match &recorder {
            Some(recorder) => Box::new(recorder.clone()),
            None => Box::new(NoObserver),
        };
        Ok((prepared.run(observer, Way::default()).await?, recorder))
    })?;
    let record = RunRecord::new(&report);
    if let (Some(folder), Some(recorder)) = (&out, recorder) {
        let recorded = recorder.finish().ends(ExitStatus::Environment)?;
        report::write_run(folder, &report, &record, recorded).ends(ExitStatus::Environment)?;
        output.remark(&format!("wrote {}", folder.join("report.html").display()));
    }
    if let (RunStatus::BadData(_), Some(reason)) = (&report.outcome.status, &record.reason) {
        output.remark(&format!("error: the run ended early, at a fault of the data: {reason}"));
    }
    for (ran, ended) in report.strategies.iter().zip(&report.outcome.strategies) {
        match &ended.state {
            StrategyState::Faulted(fault) => output.remark(&format!("warning: {} failed: {fault}", ran.name)),
            StrategyState::Refused(words) => output.remark(&format!("warning: {} refused to begin: {words}", ran.name)),
            _ => {}
        }
    }
    for warning in &record.warnings {
        output.remark(&format!("warning: {warning}"));
    }
    for data in &report.data {
        for warning in &data.warnings {
            output.remark(&format!("warning: {}: {warning}", data.file.display()));
        }
    }
    Ok((report, record))
}

/// How the program ends after a run.
///
/// A run of several strategies completes although one failed on the way; whoever asked must not miss that.
pub(super) fn status_of(report: &RunReport) -> ExitStatus {
    let failed = |state: &StrategyState| matches!(state, StrategyState::Faulted(_) | StrategyState::Refused(_));
    match report.outcome.status {
        RunStatus::Completed if report.outcome.strategies.iter().any(|ended| failed(&ended.state)) => ExitStatus::Failed,
        RunStatus::Completed => ExitStatus::Ok,
        RunStatus::OutOfFuel(_) | RunStatus::Faulted(_) | RunStatus::Refused(_) => ExitStatus::Failed,
        RunStatus::BadData(_) => ExitStatus::BadInput,
        RunStatus::Cancelled(_) => ExitStatus::Cancelled,
    }
}
