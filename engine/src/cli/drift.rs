//! `calypte drift`: what strategies decided live, beside what they decide in a backtest of the same candles.

use super::exit::ExitStatus;
use super::output::Output;
use super::progress::{Unit, watch};
use crate::calendar::format_time;
use crate::control::Control;
use crate::drift::{Compared, DriftReport, DriftRequest, FillsCompared, Row, SpanReport, drift};
use crate::replay::ComponentSpec;
use crate::report::escape_terminal;
use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows of a table; where there are more, only those that differ are shown.
const ROWS_SHOWN: usize = 60;
/// Characters of a decision that are shown in a table.
const COLUMN: usize = 44;

/// Backtests what a journal recorded live, and shows where decisions differ, event by event.
///
/// Candles, parameters and warm-up are those of the journal; fills and their times are simulated.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  calypte drift state/journal --component target/calypte/ema-atr.wasm\n  \
    calypte drift state/accounts/alice/journal --component ema-atr=ema-atr.wasm --component grid=grid.wasm\n\n\
    Exit codes: 0 every decision is the same; 2 it is not clear for whom a component is; 3 the journal is not fit, or has nothing to \
    compare; 5 something differs.")]
pub(super) struct DriftArgs {
    /// Folder of the journal.
    #[arg(value_name = "JOURNAL")]
    journal: PathBuf,
    /// The component of a strategy; with several strategies STRATEGY=FILE. A strategy without one is left out.
    #[arg(long, required = true, value_name = "[STRATEGY=]FILE.wasm")]
    component: Vec<ComponentSpec>,
    /// Up to this opening of the journal, with those before it whose core it goes on with.
    #[arg(long, value_name = "NUMBER")]
    epoch: Option<u32>,
}

#[derive(Serialize)]
struct DriftRecord {
    verdict: &'static str,
    left_out: Vec<String>,
    spans: Vec<SpanRecord>,
}

#[derive(Serialize)]
struct SpanRecord {
    strategy: String,
    epoch: u32,
    from: Option<i64>,
    until: Option<i64>,
    ended: String,
    warm_up: u64,
    same_component: Option<bool>,
    compared: u64,
    decided: u64,
    equal: u64,
    different: u64,
    first_difference: Option<RowRecord>,
    fills: FillsRecord,
    remarks: Vec<String>,
    rows: Vec<RowRecord>,
    rows_left_out: u64,
}

#[derive(Serialize)]
struct RowRecord {
    time: i64,
    event: String,
    live: Option<String>,
    backtest: Option<String>,
    equal: bool,
}

#[derive(Serialize)]
struct FillsRecord {
    orders_live: usize,
    orders_backtest: usize,
    orders_both: usize,
    worse_bps_mean: Option<f64>,
    worse_bps_max: Option<f64>,
}

pub(super) fn run(args: DriftArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let control = Arc::new(Control::default());
    let request = DriftRequest { journal: args.journal, components: args.component, epoch: args.epoch };
    let report = watch(output, ("drift", Unit::Bytes), &control, drift(&request, &control))?;
    output.answer(&DriftRecord::new(&report), || escape_terminal(&words(&report)))?;
    Ok(if report.is_equal() { ExitStatus::Ok } else { ExitStatus::Different })
}

impl DriftRecord {
    fn new(report: &DriftReport) -> Self {
        let verdict = if report.is_equal() { "equal" } else { "different" };
        let spans = report.spans.iter().map(SpanRecord::new).collect();
        Self { verdict, left_out: report.left_out.clone(), spans }
    }
}

impl SpanRecord {
    fn new(span: &SpanReport) -> Self {
        let FillsCompared { live, backtest, both, worse_bps_mean, worse_bps_max } = span.fills;
        let Compared { events, decided, different, ref first_difference, ref rows, rows_left_out } = span.decisions;
        Self {
            strategy: span.strategy.clone(),
            epoch: span.epoch,
            from: span.from.map(calypte_kernel::Timestamp::as_millis),
            until: span.until.map(calypte_kernel::Timestamp::as_millis),
            ended: span.ended.clone(),
            warm_up: span.warm_up,
            same_component: span.is_same_component,
            compared: events,
            decided,
            equal: events - different,
            different,
            first_difference: first_difference.as_ref().map(RowRecord::new),
            fills: FillsRecord {
                orders_live: live,
                orders_backtest: backtest,
                orders_both: both,
                worse_bps_mean,
                worse_bps_max,
            },
            remarks: span.remarks.clone(),
            rows: rows.iter().map(RowRecord::new).collect(),
            rows_left_out,
        }
    }
}

impl RowRecord {
    fn new(row: &Row) -> Self {
        let Row { time, event, live, backtest, is_equal } = row.clone();
        Self { time: time.as_millis(), event, live, backtest, equal: is_equal }
    }
}

fn words(report: &DriftReport) -> String {
    let mut text = String::new();
    for span in &report.spans {
        table(&mut text, span);
        summary(&mut text, span);
    }
    for strategy in &report.left_out {
        writeln!(text, "{strategy} is left out: it has no --component").expect("text grows");
    }
    text
}

fn table(text: &mut String, span: &SpanReport) {
    let mut line = |words: std::fmt::Arguments<'_>| writeln!(text, "{words}").expect("text grows");
    let time = |time: Option<_>| time.map_or_else(|| "–".to_owned(), format_time);
    let SpanReport { strategy, epoch, warm_up, ended, .. } = span;
    line(format_args!(
        "{strategy}, from epoch {epoch} on: {} to {}, {warm_up} candles before it",
        time(span.from),
        time(span.until)
    ));
    line(format_args!("  ended: {ended}"));
    let rows = &span.decisions.rows;
    let is_long = rows.len() > ROWS_SHOWN;
    let mut shown = rows.iter().filter(|row| !is_long || !row.is_equal).take(ROWS_SHOWN).peekable();
    if shown.peek().is_some() {
        line(format_args!("  {:<25}{:<20}{:<COLUMN$}  {}", "time", "event", "live", "backtest"));
    }
    for Row { time, event, live, backtest, is_equal } in shown {
        let mark = if *is_equal { ' ' } else { '*' };
        let (live, backtest) = (column(live.as_ref()), column(backtest.as_ref()));
        line(format_args!("{mark} {:<25}{event:<20}{live:<COLUMN$}  {backtest}", format_time(*time)));
    }
}

fn column(said: Option<&String>) -> String {
    let Some(said) = said else { return "–".to_owned() };
    match said.char_indices().nth(COLUMN) {
        Some(_) => said.chars().take(COLUMN - 1).chain(['…']).collect(),
        None => said.clone(),
    }
}

fn summary(text: &mut String, span: &SpanReport) {
    let mut line = |words: std::fmt::Arguments<'_>| writeln!(text, "  {words}").expect("text grows");
    let Compared { events, decided, different, first_difference, .. } = &span.decisions;
    line(format_args!("{events} events compared, on {decided} of them something was decided: {different} differ"));
    if let Some(first) = first_difference {
        line(format_args!("first difference: {} at {}", first.event, format_time(first.time)));
    }
    let FillsCompared { live, backtest, both, worse_bps_mean, worse_bps_max } = &span.fills;
    line(format_args!("orders filled: {live} live, {backtest} in the backtest, {both} in both"));
    if let Some((mean, max)) = worse_bps_mean.zip(*worse_bps_max) {
        line(format_args!("prices live, against the backtest's: {mean:.2} bps worse in the mean, {max:.2} at worst"));
    }
    for remark in &span.remarks {
        line(format_args!("note: {remark}"));
    }
}
