//! Accounts that trade while the clock runs, in one process: how soon a strategy has decided after a candle closed.
//!
//! `cargo bench -p calypte --bench live [-- --part one|many|neighbours]` prints one JSON document. Each strategy has an account on
//! paper of its own, as tenants have. Times are from before the candle is handed to the first account until the account's loop has the
//! end of the hook, in a histogram of three digits.
//!
//! - `one`: a single `ema-atr`.
//! - `many`: ten thousand, of which one in a hundred trades; then how much memory they hold, and how many mappings.
//! - `neighbours`: one honest strategy beside some that use most of their fuel on each candle, and twice as many.

#![expect(clippy::cast_precision_loss, reason = "figures of a benchmark")]

mod crowd;
mod guests;

use anyhow::{Context as _, Result, bail};
use calypte_kernel::{Candle, Decimal, Price, Timestamp};
use crowd::{Crowd, HookTime, Member};
use guests::Guests;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const MINUTE: i64 = 60_000;
/// Candles before the first live one: enough for the slowest average.
const HISTORY: i64 = 120;
/// Candles of the parts with few strategies.
const CANDLES: i64 = 20_000;
/// Candles on which ten thousand decide.
const CANDLES_MANY: i64 = 40;
const MANY: usize = 10_000;
/// Of how many strategies one trades.
const TRADES_ONE_IN: usize = 100;
/// Candles of the honest strategy beside neighbours, and the time between two.
const CANDLES_BESIDE: i64 = 600;
const BETWEEN: Duration = Duration::from_millis(5);
const NEIGHBOURS: [usize; 4] = [0, 2, 4, 8];

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
    let part = match arguments.as_slice() {
        [] => "all",
        [flag, part] if flag == "--part" => part,
        other => bail!("{other:?} is not understood: leave it out, or say --part and one of one, many, neighbours"),
    };
    let wanted = |name: &str| part == name || part == "all";
    let runtime = tokio::runtime::Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let document = runtime.block_on(async {
        let guests = Guests::build(folder.path(), MANY + 1).await?;
        let mut document = serde_json::Map::new();
        if wanted("one") {
            document.insert("one".to_owned(), one(&guests).await?);
        }
        if wanted("neighbours") {
            document.insert("neighbours".to_owned(), neighbours(&guests).await?);
        }
        if wanted("many") {
            document.insert("many".to_owned(), many(&guests).await?);
        }
        anyhow::Ok(document)
    })?;
    println!("{:#}", Value::Object(document));
    Ok(())
}

/// A price that goes up and down, so that averages cross.
fn candle(number: i64) -> Candle {
    let wave = (number % 40 - 20).abs();
    let price = Price::new(Decimal::from(1_000 + wave * 5)).expect("it is positive");
    let open_time = Timestamp::from_millis(number * MINUTE);
    Candle { open_time, open: price, high: price, low: price, close: price, volume: Decimal::ONE }
}

fn history() -> Vec<Candle> {
    (0..HISTORY).map(candle).collect()
}

async fn one(guests: &Guests) -> Result<Value> {
    let mut crowd = Crowd::start([Member::trading(guests)?], &history()).await?;
    let (mut all, mut decided) = (histogram(), histogram());
    for number in HISTORY..HISTORY + CANDLES {
        for HookTime { took, ordered, .. } in crowd.close(candle(number)).await? {
            all.record(nanos(took))?;
            if ordered {
                decided.record(nanos(took))?;
            }
        }
    }
    crowd.end().await?;
    Ok(json!({ "event_to_end_of_hook": figures(&all), "with_orders": figures(&decided) }))
}

async fn many(guests: &Guests) -> Result<Value> {
    let before = memory()?;
    let started = Instant::now();
    let members =
        (0..MANY).map(|place| if place % TRADES_ONE_IN == 0 { Member::trading(guests) } else { Member::quiet(guests) });
    let mut crowd = Crowd::start(members.collect::<Result<Vec<_>>>()?, &history()).await?;
    let start_ms = started.elapsed().as_millis();
    let (mut all, mut decided) = (histogram(), histogram());
    for number in HISTORY..HISTORY + CANDLES_MANY {
        for HookTime { took, ordered, .. } in crowd.close(candle(number)).await? {
            all.record(nanos(took))?;
            if ordered {
                decided.record(nanos(took))?;
            }
        }
    }
    let held = memory()?;
    crowd.end().await?;
    Ok(json!({
        "strategies": MANY,
        "start_all_ms": start_ms,
        "close_to_end_of_hook": figures(&all),
        "with_orders": figures(&decided),
        "resident_mib": held.resident_kib / 1024,
        "resident_before_mib": before.resident_kib / 1024,
        "mappings": held.mappings,
    }))
}

async fn neighbours(guests: &Guests) -> Result<Value> {
    let mut rows = Vec::new();
    for count in NEIGHBOURS {
        let burning = (0..count).map(|_| Member::burning(guests)).collect::<Result<Vec<_>>>()?;
        let burners = Crowd::start(burning, &history()).await?.burn(candle);
        let mut honest = Crowd::start([Member::trading(guests)?], &history()).await?;
        let mut times = histogram();
        for number in HISTORY..HISTORY + CANDLES_BESIDE {
            tokio::time::sleep(BETWEEN).await;
            for HookTime { took, .. } in honest.close(candle(number)).await? {
                times.record(nanos(took))?;
            }
        }
        honest.end().await?;
        let burnt = burners.end().await?;
        rows.push(json!({ "neighbours": count, "their_hooks": burnt, "event_to_end_of_hook": figures(&times) }));
    }
    Ok(Value::Array(rows))
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are allowed")
}

fn nanos(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

/// In microseconds.
fn figures(times: &Histogram<u64>) -> Value {
    let at = |quantile| times.value_at_quantile(quantile) as f64 / 1e3;
    json!({
        "count": times.len(),
        "p50_us": at(0.5),
        "p90_us": at(0.9),
        "p99_us": at(0.99),
        "p999_us": at(0.999),
        "max_us": times.max() as f64 / 1e3,
    })
}

/// What this process holds.
struct Memory {
    resident_kib: u64,
    mappings: usize,
}

fn memory() -> Result<Memory> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let resident =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the system does not say what is resident")?;
    let resident_kib = resident.trim().trim_end_matches(" kB").parse()?;
    Ok(Memory { resident_kib, mappings: std::fs::read_to_string("/proc/self/maps")?.lines().count() })
}
