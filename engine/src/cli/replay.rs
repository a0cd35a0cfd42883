//! `calypte replay`: a journal again, through the core and, with components, through the sandbox.

use super::exit::ExitStatus;
use super::output::Output;
use super::progress::{Unit, watch};
use crate::control::Control;
use crate::replay::{ComponentSpec, EpochReport, ReplayReport, ReplayRequest, Verdict, replay};
use crate::report::escape_terminal;
use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Runs a journal again and says whether everything comes out as it did.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calypte replay journal\n  calypte replay journal --component target/calypte/ema-atr.wasm\n  \
    calypte replay journal --component ema-atr=next/ema-atr.wasm --epoch 2\n\n\
    Exit codes: 0 everything is equal; 3 the journal is damaged or cannot be read; 5 something differs."
)]
pub(super) struct ReplayArgs {
    /// Folder of the journal.
    #[arg(value_name = "JOURNAL")]
    journal: PathBuf,
    /// Runs a component again in a strategy's part, and compares what it answers; with several strategies STRATEGY=FILE.
    #[arg(long, value_name = "[STRATEGY=]FILE.wasm")]
    component: Vec<ComponentSpec>,
    /// Replays this opening of the journal, behind those whose core it goes on with.
    #[arg(long, value_name = "NUMBER")]
    epoch: Option<u32>,
}

#[derive(Serialize)]
struct ReplayRecord {
    verdict: &'static str,
    difference: Option<DifferenceRecord>,
    epochs: Vec<EpochRecord>,
}

#[derive(Serialize)]
struct EpochRecord {
    epoch: u32,
    inputs: u64,
    outputs: u64,
    compared_until_record: Option<u64>,
    component_events: u64,
    closed: bool,
    torn_tail: Option<TornRecord>,
}

#[derive(Serialize)]
struct TornRecord {
    segment: String,
    offset: usize,
    bytes: usize,
}

/// The first difference: of the core between two records, of a component at an event.
#[derive(Serialize)]
struct DifferenceRecord {
    epoch: u32,
    strategy: Option<String>,
    event: Option<u64>,
    time: Option<i64>,
    after_record: Option<u64>,
    before_record: Option<u64>,
    expected: String,
    got: String,
}

pub(super) fn run(args: ReplayArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let control = Arc::new(Control::default());
    let request = ReplayRequest { journal: args.journal, components: args.component, epoch: args.epoch };
    let report = watch(output, ("replay", Unit::Bytes), &control, replay(&request, &control))?;
    let record = ReplayRecord::new(&report);
    output.answer(&record, || escape_terminal(&words(&report)))?;
    Ok(if report.is_equal() { ExitStatus::Ok } else { ExitStatus::Different })
}

impl ReplayRecord {
    fn new(report: &ReplayReport) -> Self {
        let verdict = match report.epochs.last().map(|epoch| &epoch.verdict) {
            Some(Verdict::CoreDiffers(_)) => "core-differs",
            Some(Verdict::ComponentDiffers(_)) => "component-differs",
            Some(Verdict::Equal) | None => "equal",
        };
        let difference = report.epochs.last().and_then(DifferenceRecord::new);
        Self { verdict, difference, epochs: report.epochs.iter().map(EpochRecord::new).collect() }
    }
}

impl EpochRecord {
    fn new(report: &EpochReport) -> Self {
        let torn = report.torn.as_ref();
        Self {
            epoch: report.epoch,
            inputs: report.inputs,
            outputs: report.outputs,
            compared_until_record: report.compared_until,
            component_events: report.events,
            closed: report.is_closed,
            torn_tail: torn.map(|torn| TornRecord {
                segment: torn.path.display().to_string(),
                offset: torn.offset,
                bytes: torn.bytes,
            }),
        }
    }
}

impl DifferenceRecord {
    fn new(report: &EpochReport) -> Option<Self> {
        let epoch = report.epoch;
        match &report.verdict {
            Verdict::Equal => None,
            Verdict::CoreDiffers(mismatch) => Some(Self {
                epoch,
                strategy: None,
                event: None,
                time: None,
                after_record: mismatch.same_until,
                before_record: Some(mismatch.record),
                expected: mismatch.expected.to_string(),
                got: mismatch.got.to_string(),
            }),
            Verdict::ComponentDiffers(difference) => Some(Self {
                epoch,
                strategy: Some(difference.strategy.clone()),
                event: Some(difference.event.get()),
                time: Some(difference.time.as_millis()),
                after_record: None,
                before_record: None,
                expected: difference.expected.clone(),
                got: difference.got.clone(),
            }),
        }
    }
}

fn words(report: &ReplayReport) -> String {
    let mut text = String::new();
    let mut line = |words: std::fmt::Arguments<'_>| writeln!(text, "{words}").expect("text grows");
    for epoch in &report.epochs {
        let EpochReport { epoch: number, inputs, outputs, events, .. } = epoch;
        line(format_args!("epoch {number}: {inputs} inputs, {outputs} outputs, {events} events of components"));
        if let Some(torn) = &epoch.torn {
            line(format_args!("  {torn}"));
        } else if !epoch.is_closed && epoch.verdict == Verdict::Equal {
            line(format_args!("  it was not closed: the process that wrote it was ended"));
        }
        match (&epoch.verdict, epoch.compared_until) {
            (Verdict::Equal, Some(record)) => line(format_args!("  equal: outputs compared up to record {record}")),
            (Verdict::Equal, None) => line(format_args!("  nothing was written down to compare the core's outputs with")),
            (Verdict::CoreDiffers(mismatch), _) => line(format_args!("  different: {mismatch}")),
            (Verdict::ComponentDiffers(difference), _) => line(format_args!("  different: {difference}")),
        }
    }
    text
}
