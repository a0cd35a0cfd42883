//! `calypte demo`: the whole way once, from source to report, on made-up candles, and then for a while on a local exchange.

mod live;
mod table;

use super::backtest::{execute, status_of};
use super::build::make;
use super::exit::{Ends, ExitStatus, Failure};
use super::output::Output;
use super::summary;
use super::trade::words_of_session;
use crate::component::BuildOptions;
use crate::data::{CandleWriter, OnFault, OnGap, Synth, SynthSettings};
use crate::data::{Columns, Label, TimeUnit};
use crate::report::RunRecord;
use crate::request::{BacktestRequest, DataSpec, LimitFill, LimitSettings, RunModels, RunSettings};
use calypte_kernel::FeeRates;
use clap::Args;
use live::{Latencies, LiveRecord};
use rust_decimal::Decimal;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Example strategies, the one that is run first.
const EXAMPLES: [&str; 4] = ["ema-atr", "donchian", "grid", "dca"];
/// Candles of the demonstration: two months of minutes.
const CANDLES: u64 = 86_400;
/// Fuel of its run, about twice what it takes.
const FUEL: u64 = 5_000_000_000;

/// Builds the example strategies, makes candles, backtests one of them under fuel, and lets all trade on a local exchange.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte demo")]
pub(super) struct DemoArgs {
    /// Folder for what it makes [default: target/demo of the checkout].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Serialize)]
struct DemoRecord {
    components: Vec<String>,
    data: String,
    out: String,
    report: RunRecord,
    live: LiveRecord,
}

pub(super) fn run(args: &DemoArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = root.canonicalize().map_err(|_| {
        let words = "the checkout this program was built from is gone: run `cargo run --release -- demo` in a new one";
        Failure::new(ExitStatus::Environment, words)
    })?;
    let out = args.out.clone().unwrap_or_else(|| root.join("target/demo"));
    std::fs::create_dir_all(&out).ends(ExitStatus::Environment)?;

    let mut components = Vec::new();
    for example in EXAMPLES {
        output.remark(&format!("building {example}"));
        let built = make(&root.join("guest-strategies").join(example), BuildOptions { locked: true }, output)?;
        components.push(built.component);
    }
    let data = out.join("BTC-1m.csv");
    output.remark(&format!("making {CANDLES} candles: {}", data.display()));
    make_candles(&data).ends(ExitStatus::Environment)?;

    output.remark(&format!("backtesting {} under {FUEL} fuel", EXAMPLES[0]));
    let data_spec = DataSpec { symbol: "BTC".parse()?, timeframe: SynthSettings::default().timeframe, file: data.clone() };
    let request = BacktestRequest::new(&components[..1], &[], &[data_spec], &[], settings(), Some(out.clone()))?;
    let (report, record) = execute(request, None, output)?;
    let status = status_of(&report);
    let live = live::run(&components, output)?;
    let components = components.iter().map(|component| component.display().to_string()).collect();
    let (data, out) = (data.display().to_string(), out.display().to_string());
    let record = DemoRecord { components, data, out, report: record, live };
    output.answer(&record, || {
        format!("{}\nThen live, on a local exchange:\n{}", summary::of_run(&record.report), words_of_live(&record.live))
    })?;
    Ok(status)
}

/// What came of trading, and how fast it went.
fn words_of_live(live: &LiveRecord) -> String {
    let Latencies { event_to_intent, sent_to_ack } = &live.latency;
    let (intent, ack) = (table::latency(*event_to_intent), table::latency(*sent_to_ack));
    format!("{}{:<16}{intent}\n{:<16}{ack}\n", words_of_session(&live.session), "event to intent", "sent to ack")
}

fn make_candles(path: &Path) -> anyhow::Result<()> {
    let mut writer = CandleWriter::create(path)?;
    for candle in Synth::new(&SynthSettings { candles: CANDLES, ..SynthSettings::default() })? {
        writer.write(&candle)?;
    }
    Ok(writer.finish()?)
}

fn settings() -> RunSettings {
    RunSettings {
        from: None,
        to: None,
        cash: Decimal::new(1_000_000, 0),
        fees: FeeRates { taker: Decimal::new(45, 5), maker: Decimal::new(15, 5) },
        slippage_bps: Decimal::ZERO,
        fill: LimitFill::Touch,
        fuel: Some(FUEL),
        fuel_per_event: None,
        limits: LimitSettings::default(),
        seed: 0,
        columns: Columns::Header,
        time: TimeUnit::Millis,
        label: Label::Open,
        on_bad_data: OnFault::Stop,
        on_gap: OnGap::Tell,
        portable: false,
        models: RunModels::default(),
        risk: None,
    }
}
