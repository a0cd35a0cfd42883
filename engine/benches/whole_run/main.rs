//! A whole backtest of the peers' benchmark with fuel on, from decoded candles to its outcome and to its written report: two
//! figures, and where the first goes.
//!
//! `cargo bench -p calypte --bench whole_run [-- --data CANDLES.csv] [--runs N]` prints one JSON document. Without `--data` it
//! makes a year of candles of its own. Times are medians, each as wall clock and as processor time of the one thread that runs;
//! on a shared machine the second is the steadier one.
//!
//! Stages are differences between runs that leave parts out, since a clock read per stage would cost as much as a stage:
//! `core` and `matching` are loops over these alone, `accounting` is what else the simulation does, `call` is what a guest that
//! does nothing adds to it, and `guest` is what the strategy adds to that, its orders included.

#![expect(clippy::cast_precision_loss, reason = "figures of a benchmark")]

mod native;
mod sample;

use anyhow::{Context as _, Result, ensure};
use calypte::component::{BuildOptions, build, encode};
use calypte::control::Control;
use calypte::data::{CandleWriter, LOAD_CANDLES_MAX, ReadOptions, Synth, SynthSettings, load};
use calypte::report::{Recorder, RunRecord, write_run};
use calypte::request::instrument::RulesSource;
use calypte::request::{BacktestRequest, DataSpec, InstrumentSpec, StrategyRequest};
use calypte::run::{Decoded, Way};
use calypte_kernel::{Candle, Rules, Timeframe};
use calypte_sim::Outcome;
use sample::{Sample, Sampled};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

/// Runs of each stage where `--runs` says nothing.
const RUNS: usize = 9;

fn main() -> ExitCode {
    // The sandbox compiles in a child, which is this very program.
    if std::env::args().nth(1).as_deref() == Some("compile-child") {
        return calypte_host::compile_child();
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<()> {
    let arguments = std::env::args().skip(1).filter(|argument| argument != "--bench").collect::<Vec<_>>();
    let option = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|place| arguments.get(place + 1));
    let runs = option("--runs").map_or(Ok(RUNS), |text| text.parse()).context("--runs takes a number")?;
    let folder = tempfile::tempdir()?;
    let (data, source) = match option("--data") {
        Some(file) => (PathBuf::from(file), "given"),
        None => (synthetic(folder.path())?, "made here"),
    };
    let loaded = load(&data, &ReadOptions::new(Timeframe::MINUTE), LOAD_CANDLES_MAX)?;
    let candles = loaded.candles();

    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the engine lies in the repository")?;
    let ema_atr =
        build(&repository.join("guest-strategies/ema-atr"), BuildOptions { locked: true }, |words| eprintln!("{words}"))?;
    let idle = idle_component(repository, folder.path())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let decoded = |component: PathBuf| runtime.block_on(decode(component, &data));
    let ((strategy, request), (idle, _)) = (decoded(ema_atr.component)?, decoded(idle)?);
    let written = |folder: &Path| -> Result<()> {
        let recorder = Recorder::create(folder, &request.strategies, &request.market)?;
        let run = strategy.report(&[], Way::Next, &Arc::default(), Box::new(recorder.clone()))?;
        Ok(write_run(folder, &run, &RunRecord::new(&run), recorder.finish()?)?)
    };
    let reports = folder.path().join("report");

    let mut plain = Sample::new();
    let (mut core, mut matching, mut driver) = (Sample::new(), Sample::new(), Sample::new());
    let (mut call, mut total, mut to_report) = (Sample::new(), Sample::new(), Sample::new());
    let mut outcome = None;
    for _ in 0..runs {
        // In turn, so that a machine that drifts does so for all of them.
        plain.time(|| native::ema_atr(&candles));
        core.time(|| native::core(&candles));
        matching.time(|| native::matching(&candles));
        driver.time(|| native::driver(&candles));
        call.time(|| run(&idle))?;
        outcome = Some(total.time(|| run(&strategy))?);
        to_report.time(|| written(&reports))?;
    }
    let outcome = outcome.context("--runs takes at least 1")?;
    report(&candles, source, runs, &outcome, &Stages { plain, core, matching, driver, call, total, to_report });
    Ok(())
}

struct Stages {
    plain: Sample,
    core: Sample,
    matching: Sample,
    driver: Sample,
    call: Sample,
    total: Sample,
    to_report: Sample,
}

fn report(candles: &Arc<[Candle]>, source: &str, runs: usize, outcome: &Outcome, stages: &Stages) {
    let count = candles.len();
    let per_candle = |pick: fn(&Sampled) -> f64| {
        let [plain, core, matching, driver, call, total] =
            [&stages.plain, &stages.core, &stages.matching, &stages.driver, &stages.call, &stages.total]
                .map(|sample| pick(&sample.median()) / count as f64);
        json!({
            "total": total,
            "guest": total - call,
            "call": call - driver,
            "core": core,
            "matching": matching,
            "accounting": driver - core - matching,
            "plain_rust": plain,
        })
    };
    let rates = |sample: &Sample| {
        let rate = |nanoseconds: f64| count as f64 * 1e9 / nanoseconds;
        let (median, best) = (sample.median(), sample.least());
        json!({
            "wall_median": rate(median.wall()),
            "cpu_median": rate(median.cpu()),
            "wall_best": rate(best.wall()),
            "cpu_best": rate(best.cpu()),
        })
    };
    let document = json!({
        "candles": count,
        "data": source,
        "runs": runs,
        "fills": outcome.counts.fills,
        "final_equity": outcome.money.final_equity.to_string(),
        "fuel": outcome.fuel.total,
        "candles_per_second": rates(&stages.total),
        "candles_per_second_to_report": rates(&stages.to_report),
        "nanoseconds_per_candle": { "wall": per_candle(Sampled::wall), "cpu": per_candle(Sampled::cpu) },
        "times_plain_rust": stages.total.median().cpu() / stages.plain.median().cpu(),
    });
    println!("{document:#}");
}

fn run(decoded: &Decoded) -> Result<Outcome> {
    decoded.run(&[], Way::Next, &Arc::new(Control::default()))
}

/// A year of made-up candles.
fn synthetic(folder: &Path) -> Result<PathBuf> {
    let file = folder.join("candles.csv");
    let mut writer = CandleWriter::create(&file)?;
    for candle in Synth::new(&SynthSettings::default())? {
        writer.write(&candle)?;
    }
    writer.finish()?;
    Ok(file)
}

/// The guest that does nothing.
fn idle_component(repository: &Path, folder: &Path) -> Result<PathBuf> {
    let target = folder.join("target");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--locked", "--profile", "guest", "--target", "wasm32-unknown-unknown", "-p", "hostile"]);
    cargo.args(["--example", "idle"]).env("CARGO_TARGET_DIR", &target).current_dir(repository);
    ensure!(cargo.status().context("starting cargo")?.success(), "the idle guest does not build");
    let module = std::fs::read(target.join("wasm32-unknown-unknown/guest/examples/idle.wasm"))?;
    let file = folder.join("idle.wasm");
    std::fs::write(&file, encode(&module)?)?;
    Ok(file)
}

/// The benchmark's own settings: no slippage, taker fee 0.00045, cash 1,000,000, fuel counted.
async fn decode(component: PathBuf, data: &Path) -> Result<(Decoded, BacktestRequest)> {
    let spec: DataSpec = format!("BTC:1m={}", data.display()).parse()?;
    let settings = native::settings();
    let any = [InstrumentSpec { symbol: None, source: RulesSource::Fixed(Rules::ANY), margin: None }];
    let request = BacktestRequest::new(&[component], &[], &[spec], &any, settings, None)?;
    let strategy: &StrategyRequest = &request.strategies[0];
    let decoded = Decoded::new(strategy, &request.market, &request.settings, 1, |words| eprintln!("{words}")).await?;
    Ok((decoded, request))
}
