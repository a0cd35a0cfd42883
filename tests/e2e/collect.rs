//! The market recorder: what was on the bus is in files, each entry once whenever it ended, and a backtest reads them back.

use crate::bus::connect;
use calypte::bus::{EntryId, NewEntry, Registry as _, Retention, StreamName, Streams as _, Topic};
use calypte::data::{CandleFile, ReadOptions, TickFile, load_ticks};
use calypte::market_data::{MarketEntry, Said};
use calypte_kernel::{Candle, Decimal, FeedChange, InstrumentId, Price, Side, Size, Timestamp};
use calypte_sim::{SourceItem, Tick, TickKind};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tests::{RedisServer, Run, calypte, calypte_path, component, synth_candles, temp_dir};

const HOUR: i64 = 3_600_000;
/// 2024-01-01, when made-up candles begin.
const NEW_YEAR: i64 = 1_704_067_200_000;
/// Keeps all that a test publishes.
const KEPT: Retention = Retention::of_each(100_000);

fn stream(name: &str) -> StreamName {
    name.parse().expect("a stream")
}

fn configure(folder: &Path, server: &RedisServer) -> PathBuf {
    let path = folder.join("calypte.toml");
    let text = format!(
        "[bus]\nurl = \"{}\"\n[exchange]\nnetwork = \"devnet\"\n[market-data]\nname = \"market-data-1\"\n",
        server.url()
    );
    fs::write(&path, text).expect("the test's folder can be written");
    path
}

fn arguments(config: &Path, streams: &[&str]) -> Vec<String> {
    let out = config.with_file_name("market");
    let mut arguments = vec!["collect".to_owned(), "--json".to_owned()];
    arguments.extend(["--config".to_owned(), config.display().to_string(), "--out".to_owned(), out.display().to_string()]);
    arguments.extend(streams.iter().flat_map(|stream| ["--stream".to_owned(), (*stream).to_owned()]));
    arguments
}

fn collect(config: &Path, streams: &[&str]) -> Run {
    calypte(arguments(config, streams).into_iter().chain(["--once".to_owned()]))
}

fn entry(stream: &StreamName, number: u64, time: Timestamp, said: Said) -> NewEntry {
    let entry = MarketEntry { time, received: time, published: time, said };
    let id = entry.fixed_id(stream.topic()).unwrap_or_else(|| EntryId::new(1_000 + number, 0));
    NewEntry { stream: stream.clone(), id, number, fields: entry.write().expect("it is short") }
}

fn candle(stream: &StreamName, number: u64, candle: Candle) -> NewEntry {
    let Topic::Candles(timeframe) = stream.topic() else { panic!("{stream} is no stream of candles") };
    entry(stream, number, timeframe.close_of(candle.open_time), Said::Candle(candle))
}

fn trade(stream: &StreamName, number: u64, time: i64) -> NewEntry {
    let price = Price::new(Decimal::from(100 + number)).expect("positive");
    let size = Size::new(Decimal::new(15, 1)).expect("positive");
    entry(stream, number, Timestamp::from_millis(time), Said::Trade { price, size, taker: Side::Sell })
}

fn candles_of(path: &Path) -> Vec<Candle> {
    let mut file = CandleFile::open(path, &ReadOptions::new("1m".parse().expect("a timeframe"))).expect("it is there");
    let (mut candles, mut batch) = (Vec::new(), Vec::new());
    while file.read(&mut batch).expect("it is sound") {
        candles.extend(batch.drain(..).filter_map(|item| match item {
            SourceItem::Candle(candle) => Some(candle),
            SourceItem::Gap(_) => None,
        }));
    }
    candles
}

/// Names of the files of a stream, in order.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names = entries.map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>();
    names.sort();
    names
}

/// Times and prices of the trades in a file, or in a folder of some.
fn trades_of(path: &Path) -> Vec<(i64, String)> {
    let options = ReadOptions::new("1m".parse().expect("a timeframe"));
    let file = TickFile::open(path, InstrumentId::new(0), TickKind::Trades, &options).expect("it is there");
    let ticks = load_ticks(file, 1_000).expect("it is sound").ticks;
    let trades = ticks.iter().map(|tick| match tick {
        Tick::Trade(trade) => (trade.time.as_millis(), trade.price.to_string()),
        other => panic!("no trade: {other:?}"),
    });
    trades.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn candles_that_were_collected_bit_by_bit_backtest_as_their_one_file_does() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let folder = temp_dir();
    let (config, bus) = (configure(folder.path(), &server), connect(&server, KEPT).await);
    let file = synth_candles(3_000, 5, folder.path(), "candles.csv");
    let (candles, minutes) = (candles_of(&file), stream("md.BTC.1m"));
    for (part, candles) in (0..).zip(candles.chunks(1_100)) {
        let numbered = (1 + part * 1_100..).zip(candles);
        let entries = numbered.map(|(number, one)| candle(&minutes, number, *one)).collect::<Vec<_>>();
        bus.publish(&entries, None).await.expect("it is taken");
        let collected = collect(&config, &["md.BTC.1m"]).ok().json();
        assert_eq!((collected["rows"].as_u64(), &collected["gaps"]), (Some(candles.len() as u64), &0.into()), "{collected}");
    }
    assert_eq!(collect(&config, &["md.BTC.1m"]).ok().json()["rows"], 0, "nothing comes twice");
    let kept = folder.path().join("market/BTC/1m");
    assert_eq!(files(&kept), ["2024-01-01.parquet", "2024-01-02.parquet", "2024-01-03.parquet"]);
    assert_eq!(candles_of(&kept), candles);

    let backtest = |data: &Path| {
        let (component, data) = (component("ema-atr").display().to_string(), format!("BTC:1m={}", data.display()));
        calypte(["backtest", &component, "--data", &data, "--cash", "1000000", "--json"]).ok().json()
    };
    let (kept, file) = (backtest(&kept), backtest(&file));
    assert!(file["fills"].as_u64() > Some(10), "{file}");
    for figure in ["fills", "fees", "final_equity", "counts"] {
        assert_eq!(kept[figure], file[figure], "{figure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_stream_was_left_its_newest_file_says() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let folder = temp_dir();
    let (config, bus) = (configure(folder.path(), &server), connect(&server, KEPT).await);
    let trades = stream("md.BTC.trades");
    // Two hours, in one of which times step back.
    let times = [10, 30, 20, HOUR + 5, HOUR + 5, HOUR + 9];
    let entries = (1..).zip(times).map(|(number, time)| trade(&trades, number, NEW_YEAR + time)).collect::<Vec<_>>();
    bus.publish(&entries[..5], None).await.expect("it is taken");
    assert_eq!(collect(&config, &["md.BTC.trades"]).ok().json()["rows"], 5);
    bus.publish(&entries[5..], None).await.expect("it is taken");
    assert_eq!(collect(&config, &["md.BTC.trades"]).ok().json()["rows"], 1);
    let kept = folder.path().join("market/BTC/trades");
    let names = files(&kept);
    assert_eq!(names, ["2024-01-01T00-000.csv.zst", "2024-01-01T01-000.csv.zst"]);
    let expected = [(10, 101), (30, 102), (30, 103), (HOUR + 5, 104), (HOUR + 5, 105), (HOUR + 9, 106)];
    let expected = expected.map(|(time, price)| (NEW_YEAR + time, price.to_string()));
    assert_eq!(trades_of(&kept), expected, "what was said late comes no earlier than what was said before it");
    assert_eq!(trades_of(&kept.join(&names[1])), expected[3..]);

    // A process that was killed before it wrote leaves no file, and what was to be in it is read again.
    fs::remove_file(kept.join(&names[1])).expect("it is there");
    assert_eq!(collect(&config, &["md.BTC.trades"]).ok().json()["rows"], 3);
    assert_eq!(trades_of(&kept), expected);
    // A backtest matches orders against the folder, whose files are one.
    let candles = synth_candles(100, 5, folder.path(), "candles.csv");
    let data = [format!("BTC:1m={}", candles.display()), format!("BTC:trades={}", kept.display())];
    let ema = component("ema-atr").display().to_string();
    let run = calypte(["backtest", &ema, "--data", &data[0], "--data", &data[1], "--json"]).ok().json();
    assert_eq!(run["counts"]["trades"], 6, "{}", run["counts"]);

    fs::write(kept.join("2024-01-01T02-000.csv.zst"), "half").expect("it is written");
    let damaged = collect(&config, &["md.BTC.trades"]).exits_with(4).json();
    assert!(damaged["error"]["message"].as_str().is_some_and(|words| words.contains("T02-000")), "{damaged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stream_no_longer_has_is_told_once() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let folder = temp_dir();
    let (config, bus) = (configure(folder.path(), &server), connect(&server, KEPT).await);
    let (minutes, trades) = (stream("md.BTC.1m"), stream("md.BTC.trades"));
    let candles = candles_of(&synth_candles(10, 5, folder.path(), "candles.csv"));
    let heard = [0, 1, 5].map(|place| candle(&minutes, place + 1, candles[usize::try_from(place).expect("small")]));
    let gap = FeedChange::Gap { start: Timestamp::from_millis(40), end: Timestamp::from_millis(50), missing: 0 };
    let said = [
        trade(&trades, 1, 10),
        trade(&trades, 5, 40),
        entry(&trades, 6, Timestamp::from_millis(50), Said::Feed(gap)),
        trade(&trades, 7, 60),
    ];
    for entries in [&heard[..], &said[..]] {
        bus.publish(entries, None).await.expect("it is taken");
    }
    let both = ["md.BTC.1m", "md.BTC.trades"];
    let collected = collect(&config, &both).ok().json();
    assert_eq!((&collected["rows"], &collected["gaps"]), (&6.into(), &3.into()));
    let gaps =
        |topic: &str| fs::read_to_string(folder.path().join(format!("market/BTC/{topic}.gaps.csv"))).expect("it is there");
    let minute = 60_000;
    let start = candles[2].open_time.as_millis();
    assert_eq!(gaps("1m"), format!("from_ms,to_ms,missing\n{start},{},3\n", start + 3 * minute));
    assert_eq!(gaps("trades"), "from_ms,to_ms,missing\n10,40,3\n40,50,0\n");
    // Lost with the file behind it, and found again: it is the same.
    fs::remove_dir_all(folder.path().join("market/BTC/trades")).expect("it is there");
    assert_eq!(collect(&config, &both).ok().json()["gaps"], 0);
    assert_eq!(gaps("trades"), "from_ms,to_ms,missing\n10,40,3\n40,50,0\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_asks_for_its_streams_and_has_its_folder_to_itself() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let folder = temp_dir();
    let (config, bus) = (configure(folder.path(), &server), connect(&server, KEPT).await);
    let mut command = Command::new(calypte_path());
    command.args(arguments(&config, &["md.BTC.1m"])).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("it says that it works");
    assert!(line.starts_with('{'), "{line:?}");
    crate::bus::eventually("it asks for the stream", || async {
        bus.wanted().await.expect("it answers").iter().any(|wanted| wanted.stream == stream("md.BTC.1m"))
    })
    .await;
    let taken = collect(&config, &["md.BTC.1m"]).exits_with(4).json();
    assert!(taken["error"]["message"].as_str().is_some_and(|words| words.contains("another process")), "{taken}");
    let book = collect(&config, &["md.BTC.book"]).exits_with(2).json();
    assert!(book["error"]["message"].as_str().is_some_and(|words| words.contains("cannot be collected")), "{book}");

    bus.publish(&[candle(&stream("md.BTC.1m"), 1, candles_of(&synth_candles(1, 5, folder.path(), "one.csv"))[0])], None)
        .await
        .expect("it is taken");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("there is a `kill`").success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("it ends");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{rest}");
    let done: serde_json::Value = serde_json::from_str(&rest).expect("one line");
    assert_eq!(done["rows"], 1, "what came until then is in a file: {done}");
    assert!(bus.wanted().await.expect("it answers").is_empty(), "it asks for nothing any more");
}
