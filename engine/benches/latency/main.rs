//! A live system from the exchange's socket to signed orders at the exchange: how long each stage takes.
//!
//! `cargo bench -p calypte --bench latency -- --strategies 100` prints one JSON document; `--help` says what else there is.
//!
//! ```text
//!   devnet ═ socket ═► market data service ══ bus ══► engine: hub ─► accounts ─► hooks ─► gate ─► signer ═ socket ═► devnet
//!          heard                       published    read          delivered   intents            written          seen
//! ```
//!
//! The parts are those of `calypte devnet`, `calypte market-data` and `calypte engine`, each on a runtime and threads of its own, with a real
//! `redis-server` between them; accounts have journals, leases and metrics. All stages are noted by one clock, since it is one process.
//! A candle is *heard* when the first frame of the one after it is read from the socket: the exchange does not say that it is over.
//!
//! Prices go up and down from one minute to the next, so that the averages of the strategies that are to trade cross on each candle. The
//! exchange's minutes pass faster than ours; all else takes the time that it takes.

mod marks;
mod plan;
#[path = "../shared/redis_server.rs"]
mod redis_server;
mod stages;
mod system;
mod tapped_bus;
mod wires;

use anyhow::{Context as _, Result, bail, ensure};
use calypte::component::{BuildOptions, build};
use calypte::control::Control;
use clap::{Parser, ValueEnum};
use marks::{Mark, Marks};
use plan::{COINS, Plan};
use redis_server::RedisServer;
use serde_json::json;
use stages::Stages;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use system::{BusKind, Devnet, joined};
use tokio::sync::mpsc;

const MINUTE: i64 = 60_000;
/// How long all strategies may take to run.
const START_MAX: Duration = Duration::from_mins(5);
/// Closes that are let go first: the first of all finds caches cold.
const CLOSES_FIRST: usize = 2;
/// How long is waited after the last close for what follows from it.
const SETTLE: Duration = Duration::from_secs(3);

/// What is between the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BusArgument {
    /// A `redis-server` that is started for it.
    Redis,
    /// The bus within a process.
    Memory,
}

/// How long each stage takes from a candle on the exchange's socket to the orders that follow from it.
#[derive(Debug, Parser)]
struct Arguments {
    /// Strategies in the engine.
    #[arg(long, default_value_t = 100)]
    strategies: usize,
    /// How many of a hundred trade on each candle.
    #[arg(long, default_value_t = 10)]
    trading_percent: usize,
    /// Strategies of each account.
    #[arg(long, default_value_t = 10)]
    per_account: usize,
    /// What is between the parts.
    #[arg(long, value_enum, default_value_t = BusArgument::Redis)]
    bus: BusArgument,
    /// Closes that are measured.
    #[arg(long, default_value_t = 9)]
    closes: usize,
    /// Seconds between two closes.
    #[arg(long, default_value_t = 10)]
    every: u64,
    /// Said by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    // The sandbox compiles in a child, which is this very program.
    if std::env::args().nth(1).as_deref() == Some("compile-child") {
        return calypte_host::compile_child();
    }
    match measure(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let Arguments { strategies, trading_percent, per_account, closes, every, .. } = *arguments;
    ensure!(
        trading_percent <= 100 && every > 0 && every <= 60,
        "a share is at most 100, and a close comes each 1 to 60 seconds"
    );
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::ERROR).init();
    let plan = Plan::new(strategies, per_account, (strategies * trading_percent).div_ceil(100))?;
    let folder = tempfile::tempdir()?;
    let accounts = plan.accounts(&component()?, folder.path())?;
    let symbols = plan.seats.iter().map(|seat| (seat.name.clone(), seat.symbol.clone())).collect();
    let redis = (arguments.bus == BusArgument::Redis).then(RedisServer::start).transpose()?;
    let bus = redis.as_ref().map_or_else(BusKind::memory, |redis| BusKind::Redis(redis.port()));

    let (marks, mut noted) = Marks::new();
    let devnet = Devnet::start(&plan, 60_000 / every, marks.clone())?;
    let (serving, trading) = (Arc::new(Control::default()), Arc::new(Control::default()));
    let service = system::market_data(bus.clone(), devnet.address, Arc::clone(&serving), marks.clone())?;
    let started = Instant::now();
    let engine = system::engine(bus, devnet.address, (accounts, symbols), Arc::clone(&trading), marks.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(async {
        while marks.running() < plan.strategies {
            ensure!(!engine.is_finished() && !service.is_finished(), "a part ended at its start: see above why");
            ensure!(started.elapsed() < START_MAX, "only {} strategies run", marks.running());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let start_ms = started.elapsed().as_millis();
        // What closed while some did not run yet is none of it.
        while noted.try_recv().is_ok() {}
        // A close may be half over: it is among those that are let go.
        Ok((start_ms, watched(&mut noted, closes + CLOSES_FIRST).await?))
    });
    trading.cancel();
    let ended = joined(engine);
    serving.cancel();
    joined(service).and(devnet.end()).and(ended)?;
    let (start_ms, noted) = measured?;
    let mut document = json!({
        "plan": plan.figures(),
        "bus": format!("{:?}", arguments.bus).to_lowercase(),
        "seconds_between_closes": every,
        "start_ms": start_ms,
    });
    let users = plan.addresses()?.into_iter().map(|(name, user)| (name, user.to_string())).collect();
    let figures = Stages::new(users, noted)?.figures(closes, plan.strategies)?;
    document.as_object_mut().context("it is one")?.insert("measured".to_owned(), figures);
    println!("{document:#}");
    Ok(())
}

/// All that is noted until so many candles have closed.
async fn watched(noted: &mut mpsc::UnboundedReceiver<Mark>, closes: usize) -> Result<Vec<Mark>> {
    let mut marks = Vec::new();
    let mut left = closes + 1;
    let mut end = None;
    loop {
        let mark = match end {
            None => noted.recv().await,
            Some(end) => match tokio::time::timeout_at(end, noted.recv()).await {
                Ok(mark) => mark,
                Err(_) => return Ok(marks),
            },
        };
        let Some(mark) = mark else { bail!("nobody notes anything any more") };
        if let Mark::Read(candle, _) = &mark
            && candle.symbol.as_str() == COINS[0].0
        {
            left = left.saturating_sub(1);
            if left == 0 {
                end.get_or_insert_with(|| tokio::time::Instant::now() + SETTLE);
            }
        }
        marks.push(mark);
    }
}

/// The example strategy, built.
fn component() -> Result<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the engine lies in the repository")?;
    let folder = repository.join("guest-strategies/ema-atr");
    Ok(build(&folder, BuildOptions { locked: true }, |words| eprintln!("{words}"))?.component)
}
