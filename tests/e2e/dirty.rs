//! Bad and awkward files of candles, as the user of the program meets them: what is told, and how the program ends.

use calypte::data::{CandleFile, DataError, ReadOptions};
use std::fs;
use std::path::Path;
use tests::{calypte, component, shared_file};

/// What a file should come to.
enum Verdict {
    /// It is accepted.
    Sound,
    /// It is refused as a whole.
    Refused,
    /// It is refused for its content, the first time on this line.
    Line(u32),
}
use Verdict::{Line, Refused, Sound};

/// What is wrong with a file and where, with the value that is: the reader's own words, which its tests hold one by one.
fn words_of(file: &Path, timeframe: &str) -> String {
    let options = ReadOptions::new(timeframe.parse().expect("a timeframe"));
    let read = CandleFile::open(file, &options).and_then(|mut file| {
        let mut batch = Vec::new();
        while file.read(&mut batch)? {
            batch.clear();
        }
        Ok(())
    });
    match read.expect_err("it is refused") {
        DataError::Row { fault, .. } => fault.to_string(),
        DataError::Shape { fault, .. } => fault.to_string(),
        other => panic!("{other}"),
    }
}

/// Each file with the length of its candles.
const FILES: &[(&str, &str, Verdict)] = &[
    ("made-bad-funding.csv", "1h", Refused),
    ("made-bad-trades.csv", "1m", Refused),
    ("made-bom-crlf-5m.csv", "5m", Sound),
    ("made-cut-last-line-5m.csv", "5m", Line(61)),
    ("made-duplicate-conflict-5m.csv", "5m", Line(23)),
    ("made-duplicate-exact-5m.csv", "5m", Line(13)),
    ("made-empty-5m.csv", "5m", Refused),
    ("made-gap-one-day-5m.csv", "5m", Sound),
    ("made-header-only-5m.csv", "5m", Refused),
    ("made-huge-numbers-5m.csv", "5m", Line(7)),
    ("made-missing-column-5m.csv", "5m", Refused),
    ("made-nan-empty-5m.csv", "5m", Line(7)),
    ("made-not-utf8-5m.csv", "5m", Line(26)),
    ("made-off-grid-5m.csv", "5m", Line(22)),
    ("made-ohlc-violations-5m.csv", "5m", Line(7)),
    ("made-out-of-order-5m.csv", "5m", Line(17)),
    ("made-ragged-rows-5m.csv", "5m", Line(32)),
    ("made-repeated-header-5m.csv", "5m", Line(32)),
    ("made-scientific-5m.csv", "5m", Sound),
    ("made-seconds-5m.csv", "5m", Line(2)),
    ("made-semicolon-5m.csv", "5m", Line(1)),
    ("made-truncated-5m.csv.gz", "5m", Line(41)),
    ("real-binance-ADABTC-1m-noheader.csv", "1m", Line(1)),
    ("real-binance-ms-to-us-1h.csv", "1h", Line(1)),
    ("real-bitfinex-ochl-noheader-1m.csv", "1m", Line(1)),
    ("real-bybit-testnet-BTCUSDT-1m-batch-gaps.csv", "1m", Line(2)),
    ("real-ftx-close-labelled-1m.csv", "1m", Line(2)),
    ("real-git-lfs-pointer-5m.csv", "5m", Refused),
    ("real-hyperliquid-illiquid-kLUNC-1m.csv", "1m", Sound),
    ("real-hyperliquid-no-volume-ANIME-15m.csv", "15m", Sound),
    ("real-hyperliquid-no-volume-ANIME-1h.csv", "1h", Sound),
    ("real-hyperliquid-prelaunch-BTC-1d.csv", "1d", Sound),
    ("real-hyperliquid-trades-duplicates-WLFI.csv", "1m", Refused),
    ("real-iso-timestamps-DOGEUSDT-1m.csv", "1m", Line(2)),
    ("real-okx-funding-scientific.csv", "8h", Refused),
    ("real-okx-swap-three-volumes-1m.csv", "1m", Refused),
];

#[test]
fn every_dirty_file_is_named_with_its_line_by_check_and_by_backtest() {
    let Some(folder) = shared_file("data/dirty") else { return };
    let strategy = component("ema-atr");
    for (name, timeframe, verdict) in FILES {
        let file = folder.join(name);
        let file = file.to_str().expect("text");
        let data = format!("X:{timeframe}={file}");
        let check = calypte(["data", "check", file, "--timeframe", timeframe]);
        let run = calypte(["backtest", strategy.to_str().expect("text"), "--data", &data]);
        if matches!(verdict, Sound) {
            check.ok();
            run.ok();
            continue;
        }
        let (check, run) = (check.exits_with(1), run.exits_with(3));
        let fault = words_of(Path::new(file), timeframe);
        for (words, of) in [(&check.stdout, &check), (&run.stderr, &run)] {
            assert!(words.contains(name), "the file is named in {of}");
            assert!(words.contains(&fault), "`{fault}` in {of}");
            if let Line(line) = verdict {
                assert!(
                    words.contains(&format!("line {line}: ")) || words.contains(&format!("line {line} is ")),
                    "line {line} in {of}"
                );
            }
        }
    }
}

#[test]
fn no_dirty_file_is_left_out() {
    let Some(folder) = shared_file("data/dirty") else { return };
    for entry in fs::read_dir(folder).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        assert!(FILES.iter().any(|(file, ..)| name == *file), "{name:?} is not tested");
    }
}

#[test]
fn a_faulty_file_can_be_mended_or_its_bad_rows_left_out() {
    let Some(file) = shared_file("data/dirty/made-out-of-order-5m.csv") else { return };
    let (strategy, data) = (component("ema-atr"), format!("X:5m={}", file.display()));
    let run = |policy: &str| {
        let strategy = strategy.to_str().expect("text");
        calypte(["backtest", strategy, "--data", &data, "--on-bad-data", policy, "--json"]).ok().json()
    };
    let (skipped, mended) = (run("skip"), run("repair"));
    assert_eq!((&skipped["counts"]["candles"], &mended["counts"]["candles"]), (&54.into(), &60.into()));
    for report in [skipped, mended] {
        let warnings = report["data"][0]["warnings"].as_array().expect("a list").clone();
        assert!(warnings.iter().any(|it| it.as_str().is_some_and(|it| it.contains("out-of-order"))), "{warnings:?}");
    }
}
