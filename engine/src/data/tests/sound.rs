//! The sound files of the collection: they are read whole, and say about themselves what their page says of them.

use super::*;
use calypte_sim::CandleSource;
use std::collections::HashMap;

/// A line of the page's table: file, rows, gaps, missing rows, rows without volume.
struct Listed {
    file: String,
    rows: u64,
    gaps: u64,
    missing: u64,
    zero_volume: u64,
}

fn listed(data: &Path) -> Vec<Listed> {
    let page = std::fs::read_to_string(data.join("README.md")).expect("the collection has a page");
    let lines = page.lines().filter(|line| line.contains(".csv.gz |"));
    let listed = lines.filter_map(|line| {
        let cells = line.split('|').map(str::trim).collect::<Vec<_>>();
        timeframe_in_name(Path::new(cells[1]))?;
        cells[2].parse::<u64>().ok()?; // the table of bad files says other things
        let number = |cell: &str| if cell.is_empty() { 0 } else { cell.parse().expect(line) };
        Some(Listed {
            file: cells[1].to_owned(),
            rows: number(cells[2]),
            gaps: number(cells[4]),
            missing: number(cells[5]),
            zero_volume: number(cells[7]),
        })
    });
    listed.collect()
}

#[test]
fn each_file_of_candles_is_as_its_page_says() {
    let Some(data) = shared() else { return };
    let sums = std::fs::read_to_string(data.join("SHA256SUMS")).expect("the collection has check sums");
    let sums = sums.lines().filter_map(|line| line.split_once("  ")).map(|(sum, file)| (file, sum)).collect::<HashMap<_, _>>();
    let listed = listed(&data);
    assert_eq!(listed.len(), 29);
    for Listed { file, rows, gaps, missing, zero_volume } in listed {
        let path = data.join(&file);
        let (timeframe, from) = timeframe_of(&path, &options("1m")).expect(&file).expect("its name says it");
        assert_eq!(from, TimeframeFrom::Name);
        let found = survey(&path, &ReadOptions::new(timeframe), &std::sync::Arc::default()).expect(&file);
        assert!(found.usable, "{found}");
        assert_eq!((found.rows, found.candles, found.gaps.count, found.gaps.missing), (rows, rows, gaps, missing), "{file}");
        assert_eq!(found.zero_volume, zero_volume, "{file}");
        assert_eq!(found.sha256.as_deref(), Some(sums[file.as_str()]), "{file}");
    }
}

#[test]
fn files_of_anything_else_are_refused_by_name() {
    let Some(data) = shared() else { return };
    let mut refused = 0;
    for entry in data.read_dir().expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        let kinds = [
            ("-trades-", "trades"),
            ("-funding-", "funding rates"),
            ("-bbo-", "best bids and offers"),
            ("-l2-", "order books"),
        ];
        let Some((_, kind)) = kinds.into_iter().find(|(part, _)| name.contains(part)) else { continue };
        let Err(DataError::Shape { fault, .. }) = read(&path, &options("1m")) else { panic!("{name} was read") };
        assert!(matches!(*fault, ShapeFault::NotCandles { what, .. } if what == kind), "{name}: {fault}");
        refused += 1;
    }
    assert_eq!(refused, 14);
}

#[test]
fn a_timeframe_that_the_name_hides_is_found_in_the_rows() {
    let Some(data) = shared() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let hidden = directory.path().join("candles.csv.gz");
    std::fs::copy(data.join("BTC-15m-hyperliquid.csv.gz"), &hidden).expect("copied");
    let found = timeframe_of(&hidden, &options("1m")).expect("candles").expect("a step");
    assert_eq!((found.0.to_string().as_str(), found.1), ("15m", TimeframeFrom::Rows));
}

/// Candles of one file, made longer, against those of another at the same times; gives how many were compared.
fn compare(data: &Path, shorter: &str, longer: &str, except: &[i64]) -> usize {
    let timeframe = |file: &str| timeframe_in_name(Path::new(file)).expect("its name says it");
    let open = |file: &str| CandleFile::open(&data.join(file), &ReadOptions::new(timeframe(file))).expect(file);
    let mut resampled = Resampled::new(open(shorter), timeframe(shorter), timeframe(longer)).expect("a multiple");
    let mut items = Vec::new();
    while resampled.next_batch(&mut items).expect("sound") {}
    let made = candles_of(&items).into_iter().map(|candle| (candle.open_time, candle)).collect::<HashMap<_, _>>();

    let (mut compared, mut candles) = (0, Vec::new());
    let mut file = open(longer);
    while file.read(&mut candles).expect("sound") {}
    for candle in candles_of(&candles) {
        if let Some(made) = made.get(&candle.open_time)
            && !except.contains(&candle.open_time.as_millis())
        {
            assert_eq!(*made, candle, "{longer} at {}", iso_text(candle.open_time.as_millis()));
            compared += 1;
        }
    }
    compared
}

#[test]
fn hours_made_of_minutes_are_the_exchange_s_own() {
    let Some(data) = shared() else { return };
    // A year, but for the one hour that is missing in both.
    assert_eq!(compare(&data, "BTCUSDT-1m-binance.csv.gz", "BTCUSDT-1h-binance.csv.gz", &[]), 365 * 24 - 1);
}

#[test]
fn longer_candles_of_hyperliquid_are_the_exchange_s_own() {
    let Some(data) = shared() else { return };
    // The one moment at which the exchange's own timeframes disagree: 2025-04-20 10:45, and the longer ones around it.
    let disagreement = [1_745_145_900_000, 1_745_143_200_000, 1_745_107_200_000];
    for coin in ["BTC", "ETH", "SOL", "HYPE"] {
        for (shorter, longer, at_least) in [("1m", "5m", 1300), ("5m", "15m", 12_000), ("15m", "1h", 4000), ("1h", "1d", 200)] {
            let file = |timeframe: &str| format!("{coin}-{timeframe}-hyperliquid.csv.gz");
            let compared = compare(&data, &file(shorter), &file(longer), &disagreement);
            assert!(compared >= at_least, "{coin}: only {compared} candles of {longer} compared");
        }
    }
}

#[test]
fn a_span_leaves_out_what_is_before_and_behind() {
    let Some(data) = shared() else { return };
    let path = data.join("BTC-1h-hyperliquid.csv.gz");
    let time = calypte_kernel::Timestamp::from_millis;
    let (from, to) = (time(1_735_689_600_000), time(1_735_776_000_000));
    let day = ReadOptions { from: Some(from), to: Some(to), ..options("1h") };
    let (items, notes) = read(&path, &day).expect("sound");
    let candles = candles_of(&items);
    assert_eq!((candles.len(), candles[0].open_time), (24, from));
    assert!(notes.is_clean());
    assert!(notes.rows < 4000, "what lies behind is not decoded");
}

#[test]
fn a_whole_file_is_loaded_up_to_a_limit() {
    let Some(data) = shared() else { return };
    let path = data.join("BTCUSD-1m-bitfinex.csv.gz");
    let loaded = load(&path, &options("1m"), LOAD_CANDLES_MAX).expect("sound");
    assert_eq!((loaded.candles().len(), loaded.items.len()), (131_335, 131_335 + 593));
    let refused = load(&path, &options("1m"), 1000).expect_err("too many");
    assert!(matches!(refused, DataError::TooMany { limit: 1000, .. }), "{refused}");
}
