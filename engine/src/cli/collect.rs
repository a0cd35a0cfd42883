//! `calypte collect`: streams of market data off the bus, into files that a backtest reads.

use super::exit::ExitStatus;
use super::output::Output;
use super::service::{ServiceArgs, bus, serve};
use crate::bus::{HolderName, StreamName};
use crate::collect::{CollectSettings, Collected, Collector};
use crate::config::{Config, Environment, Services};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Shortest time between two writes of a file.
const EVERY_MIN_S: u64 = 1;
/// Longest: what came since the last is read again from the stream after a crash, as long as it is there.
const EVERY_MAX_S: u64 = 3_600;

/// Keeps streams of market data as files that `calypte backtest` reads, until it is told to end.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calypte collect --config calypte.toml --out market --stream md.BTC.1m --stream md.BTC.trades\n  \
    calypte backtest ema-atr.wasm --data BTC:1m=market/BTC/1m\n\n\
    Exit codes: 0 told to end (SIGINT, SIGTERM), or all is there with --once; 2 a stream that cannot be collected; 3 the configuration \
    or a file of the folder is not fit; 4 the bus refuses, or the folder cannot be written."
)]
pub(super) struct CollectArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// Folder of the files: OUT/SYMBOL/1m/DATE.parquet, OUT/SYMBOL/trades/HOUR.csv.zst.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A stream of candles, trades or quotes, which is then asked for; once for each. Without, whatever others ask for.
    #[arg(long, value_name = "md.SYMBOL.TOPIC")]
    stream: Vec<StreamName>,
    /// Its name on the bus, which no other process has.
    #[arg(long, value_name = "NAME", default_value = "collect")]
    name: HolderName,
    /// How often files are written, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(EVERY_MIN_S..=EVERY_MAX_S))]
    every: u64,
    /// Takes what is there, asks for nothing, and ends.
    #[arg(long)]
    once: bool,
}

/// That it works: the first line of what it prints.
#[derive(Serialize)]
struct Working<'a> {
    service: &'a str,
    bus: String,
    out: String,
}

/// What it did.
#[derive(Serialize)]
struct Done {
    streams: usize,
    rows: u64,
    gaps: u64,
    bad: u64,
}

pub(super) fn run(args: &CollectArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let config = Config::<Services>::read(&args.service.config, &Environment::of_process())?;
    config.warnings.iter().for_each(|warning| output.remark(&format!("warning: {warning}")));
    serve(async |control| {
        let Some(bus) = bus(&config.bus, &control, output).await? else { return Ok(ExitStatus::Ok) };
        let settings = CollectSettings {
            out: args.out.clone(),
            streams: args.stream.clone(),
            holder: args.name.clone(),
            every: Duration::from_secs(args.every),
            once: args.once,
        };
        let collector = Collector::new(bus, settings)?;
        let (name, out) = (args.name.as_str(), args.out.display());
        if !args.once {
            let working = Working { service: name, bus: config.bus.to_string(), out: out.to_string() };
            output.first_line(&working, || format!("{name}: market data from the bus at {} into {out}", config.bus))?;
        }
        let Collected { streams, rows, gaps, bad } = collector.run(&control).await?;
        output.first_line(&Done { streams, rows, gaps, bad }, || {
            format!("{rows} rows of {streams} streams written, {gaps} gaps")
        })?;
        Ok(ExitStatus::Ok)
    })
}
