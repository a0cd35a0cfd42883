//! `calypte sweep`: every combination of parameters over one market.

use super::exit::{Ends, ExitStatus};
use super::output::Output;
use super::progress::{Unit, watch};
use super::run_flags::RunFlags;
use super::summary;
use crate::control::Control;
use crate::report::{self, Earlier};
use crate::request::{Axis, Metric, SweepFlags, SweepRequest};
use crate::sweep;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// Runs a strategy with every combination of parameters, in parallel, and ranks them.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte sweep target/calypte/ema-atr.wasm --data BTC:1m=candles.csv \\\n    \
    --param fast=5..23:2 --param slow=30..120:10 --metric sharpe --out sweep\n  calypte sweep … --out sweep --resume")]
pub(super) struct SweepArgs {
    /// The component.
    #[arg(value_name = "FILE.wasm")]
    component: PathBuf,
    /// Values of a parameter: FIRST..LAST:STEP (both ends included; STEP is 1 where it is left out), A,B,C or one value for all runs.
    #[arg(long, value_name = "NAME=VALUES", required = true, allow_hyphen_values = true)]
    param: Vec<Axis>,
    #[command(flatten)]
    run: RunFlags,
    /// What makes a combination the best.
    #[arg(long, value_enum, default_value_t)]
    metric: Metric,
    /// Runs at once [default: as many as there are cores].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Folder for sweep.json, sweep.csv, sweep.html and the journal.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Goes on from the journal in --out.
    #[arg(long)]
    resume: bool,
    /// Begins anew where --out holds the journal of an earlier sweep.
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
}

pub(super) fn run(args: SweepArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let (instruments, settings) = (args.run.instruments(), args.run.settings());
    let earlier = match (args.resume, args.overwrite) {
        (true, _) => Earlier::Resume,
        (false, true) => Earlier::Overwrite,
        (false, false) => Earlier::Keep,
    };
    let flags = SweepFlags { axes: args.param, metric: args.metric, jobs: args.jobs, out: args.out.clone(), earlier };
    let request = SweepRequest::new(args.component, flags, &args.run.data(), &instruments, settings)?;
    let control = Arc::new(Control::default());
    let result = watch(output, ("sweep", Unit::Things), &control, sweep::sweep(request, Arc::clone(&control)))?;
    if let Some(folder) = &args.out {
        report::write_sweep(folder, &result).ends(ExitStatus::Environment)?;
        output.remark(&format!("wrote {}", folder.join("sweep.html").display()));
    }
    output.answer(&result, || summary::of_sweep(&result))?;
    Ok(match (result.status, &result.best) {
        ("cancelled", _) => ExitStatus::Cancelled,
        (_, None) => ExitStatus::Failed,
        _ => ExitStatus::Ok,
    })
}
