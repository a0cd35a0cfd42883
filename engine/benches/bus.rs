//! How many entries the bus on a server writes and reads in a second, beside what `redis-benchmark` reaches with entries of the
//! same size and as many commands on the way: `cargo bench -p calypte --bench bus`.
//!
//! It starts a server of its own on the loopback. One JSON document comes out.

#[path = "shared/redis_server.rs"]
mod redis_server;

use anyhow::{Context as _, bail};
use calypte::bus::{
    EntryId, MemoryBus, NewEntry, Position, ReadLimit, RedisBus, RedisSettings, Retention, StreamName, Streams,
};
use calypte::market_data::{MarketEntry, Said};
use calypte_kernel::{Candle, Decimal, Price, Timestamp};
use redis_server::RedisServer;
use std::process::Command;
use std::time::{Duration, Instant};

/// Entries of a run.
const ENTRIES: u64 = 200_000;
/// Entries of one call to publish, and commands on the way of `redis-benchmark`.
const PIPELINED: usize = 50;
/// Entries of one call to read.
const READ: usize = 1_000;
/// Runs, of which the median counts.
const RUNS: usize = 5;

fn main() -> anyhow::Result<()> {
    let server = RedisServer::start()?;
    let port = server.port();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut rows = Vec::new();
    for _ in 0..RUNS {
        rows.push(runtime.block_on(async {
            let url = format!("redis://127.0.0.1:{port}").parse()?;
            let settings = RedisSettings { retention: Retention::of_each(ENTRIES), ..RedisSettings::new(url) };
            let redis = measure(&RedisBus::connect(settings).await?).await?;
            let memory = measure(&MemoryBus::new(Retention::of_each(ENTRIES))).await?;
            anyhow::Ok([redis[0], redis[1], memory[0], memory[1], redis_benchmark(port)?])
        })?);
        redis_cli(port, &["FLUSHALL"])?;
    }
    drop(server);
    let median = |place: usize| {
        let mut rates: Vec<f64> = rows.iter().map(|row| row[place]).collect();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    let [publish, read, memory_publish, memory_read, benchmark] = [0, 1, 2, 3, 4].map(median);
    println!(
        "{{\"entries\": {ENTRIES}, \"pipelined\": {PIPELINED}, \"runs\": {RUNS}, \"unit\": \"entries/s\", \
         \"redis_publish\": {publish:.0}, \"redis_read\": {read:.0}, \"redis_benchmark\": {benchmark:.0}, \
         \"publish_of_benchmark\": {:.2}, \"memory_publish\": {memory_publish:.0}, \"memory_read\": {memory_read:.0}}}",
        publish / benchmark
    );
    Ok(())
}

/// Entries a second, written and then read with their acknowledgements.
async fn measure(bus: &dyn Streams) -> anyhow::Result<[f64; 2]> {
    let stream: StreamName = "md.BTC.1m".parse()?;
    let (group, consumer) = ("bench".parse()?, "bench".parse()?);
    bus.join(&stream, &group, Position::First).await?;
    let entries = (1..=ENTRIES).map(|number| entry(&stream, number)).collect::<anyhow::Result<Vec<_>>>()?;
    let begun = Instant::now();
    for batch in entries.chunks(PIPELINED) {
        bus.publish(batch, None).await?;
    }
    let publish = rate(begun.elapsed());
    let begun = Instant::now();
    let mut read = 0;
    while read < ENTRIES {
        let limit = ReadLimit { entries: READ, wait: Duration::from_secs(1) };
        let batch = bus.read(&group, &consumer, std::slice::from_ref(&stream), limit).await?;
        for entry in &batch {
            let content = entry.content.as_ref().map_err(Clone::clone)?;
            MarketEntry::read(content, stream.topic())?;
        }
        read += batch.len() as u64;
        bus.acknowledge(&group, &[(stream.clone(), batch.iter().map(|entry| entry.id).collect())]).await?;
    }
    Ok([publish, rate(begun.elapsed())])
}

/// The candle of a minute, as the market data service writes it.
fn entry(stream: &StreamName, number: u64) -> anyhow::Result<NewEntry> {
    let open_time = Timestamp::from_millis(1_700_000_040_000 + i64::try_from(number)? * 60_000);
    let price = |units: i64| Price::new(Decimal::new(units, 1)).context("a price");
    let time = open_time.saturating_add(60_000);
    let candle = Candle {
        open_time,
        open: price(643_215)?,
        high: price(643_500)?,
        low: price(642_900)?,
        close: price(643_105)?,
        volume: Decimal::new(12_345_678, 5),
    };
    let published = time.saturating_add(25);
    let said = MarketEntry { time, received: time.saturating_add(24), published, said: Said::Candle(candle) };
    let id = EntryId::new(time.as_millis().unsigned_abs(), 0);
    Ok(NewEntry { stream: stream.clone(), id, number, fields: said.write()? })
}

/// What `redis-benchmark` reaches with the same entry over one connection, in entries a second.
fn redis_benchmark(port: u16) -> anyhow::Result<f64> {
    let entry = entry(&"md.BTC.1m".parse()?, 1)?;
    let mut benchmark = Command::new("redis-benchmark");
    benchmark.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "1", "-P", &PIPELINED.to_string()]);
    benchmark.args(["-n", &ENTRIES.to_string(), "--csv", "XADD", "bench", "MAXLEN", "~", &ENTRIES.to_string(), "*", "n", "1"]);
    benchmark.args(entry.fields.iter().flat_map(|(name, value)| [name, value]));
    let output = benchmark.output().context("redis-benchmark comes with redis-tools")?;
    let text = String::from_utf8(output.stdout)?;
    // "test","rps",… and below it the values, the command among them with its spaces.
    let rate = text.lines().last().and_then(|line| line.split("\",\"").nth(1)).context("it says a rate")?;
    Ok(rate.parse()?)
}

fn redis_cli(port: u16, command: &[&str]) -> anyhow::Result<()> {
    let mut cli = Command::new("redis-cli");
    let output = cli.args(["-h", "127.0.0.1", "-p", &port.to_string()]).args(command).output()?;
    if !output.status.success() {
        bail!("redis-cli: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a rate is a statistic")]
fn rate(elapsed: Duration) -> f64 {
    ENTRIES as f64 / elapsed.as_secs_f64()
}
