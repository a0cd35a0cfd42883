//! Whatever reads bytes from outside, with files that were sound once and were changed in a few places: it neither panics nor
//! takes more memory than the file's own size accounts for. `just fuzz` does the same for longer.

#[path = "../../engine/crates/host/fixtures/allocated.rs"]
mod allocated;
#[path = "../../engine/crates/host/fixtures/mutated.rs"]
mod mutated;

use allocated::most_allocated;
use calypte::data::{CandleFile, DataError, OnFault, OnGap, ReadOptions, TimeUnit};
use calypte::report::{Earlier, JournalError, SweepJournal};
use calypte::request::instrument::{InstrumentSpecs, NotRules};
use calypte::request::{Axis, DataSpec, ParameterSpec};
use calypte_sim::{BATCH_MAX, SourceItem};
use mutated::{cases, mutated};
use proptest::prelude::*;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::LazyLock;
use tests::{synth_candles, temp_dir};

/// Most memory that reading a text takes: its buffers, a batch of rows, what repair holds back.
const TEXT_BYTES_MAX: usize = 8 << 20;
/// The same of a compressed file: with what it takes to unpack it.
const PACKED_BYTES_MAX: usize = 160 << 20;
/// The same of a Parquet file.
const TABLE_BYTES_MAX: usize = 160 << 20;
/// The same of anything else that is as small as the seeds here.
const SMALL_BYTES_MAX: usize = 4 << 20;

/// A few made-up candles as a file of that kind.
fn candles(name: &str) -> Vec<u8> {
    let folder = temp_dir();
    fs::read(synth_candles(150, 3, folder.path(), name)).expect("it was just made")
}

/// Sound files, and what is awkward about others in a few lines.
fn texts() -> Vec<Vec<u8>> {
    let made = candles("candles.csv");
    let iso = b"time,open,high,low,close,volume\n2024-01-01T00:00:00Z,1,2,0.5,1.5,3\n2024-01-01 00:01:00+00:00,1.5,2,1,1,0\n";
    let named = b"\xef\xbb\xbfUnix Timestamp;Open;High;Low;Close;Volume\r\n1704067200;1;2;0.5;1.5;3\r\n";
    let odd = b"open_time_ms,open,high,low,close,volume\n1704067200000,1e-3,\"2\",5E-4,.5,+3\n1704067260001,1,1,1,1,-0\n";
    vec![made, iso.to_vec(), named.to_vec(), odd.to_vec()]
}

fn policies() -> impl Strategy<Value = ReadOptions> {
    let fault = prop_oneof![Just(OnFault::Stop), Just(OnFault::Skip), Just(OnFault::Repair)];
    let gap = prop_oneof![Just(OnGap::Tell), Just(OnGap::Stop), Just(OnGap::Fill)];
    let time = prop_oneof![Just(TimeUnit::Millis), Just(TimeUnit::Seconds), Just(TimeUnit::Iso)];
    (fault, gap, time).prop_map(|(on_fault, on_gap, time)| ReadOptions {
        time,
        on_fault,
        on_gap,
        ..ReadOptions::new("1m".parse().expect("a timeframe"))
    })
}

/// Reads to the end or to a fault. What comes through is in order, and its prices are those of a candle.
fn drain(file: Result<CandleFile, DataError>) -> Result<usize, DataError> {
    let mut file = file?;
    let (mut batch, mut last, mut count) = (Vec::new(), None, 0);
    while file.read(&mut batch)? {
        assert!(batch.len() <= BATCH_MAX);
        for item in batch.drain(..) {
            let SourceItem::Candle(candle) = item else { continue };
            assert!(candle.low <= candle.open.min(candle.close) && candle.high >= candle.open.max(candle.close));
            assert!(last.is_none_or(|last| last < candle.open_time));
            last = Some(candle.open_time);
            count += 1;
        }
    }
    Ok(count)
}

/// Reads bytes as a file, as a user would have it.
fn drain_file(bytes: &[u8], options: &ReadOptions) -> (Result<usize, DataError>, usize) {
    let folder = temp_dir();
    let path = folder.path().join("candles");
    fs::write(&path, bytes).expect("the temporary folder takes a file");
    most_allocated(|| drain(CandleFile::open(&path, options)))
}

#[test]
fn the_seeds_are_sound() {
    let options = ReadOptions::new("1m".parse().expect("a timeframe"));
    for name in ["candles.csv", "candles.csv.gz", "candles.csv.zst", "candles.parquet"] {
        let (count, most) = drain_file(&candles(name), &options);
        assert_eq!(count.unwrap_or_else(|error| panic!("{name}: {error}")), 150, "{name}");
        assert!(most > 1_000, "{name}: {most} bytes are not what it takes");
    }
    rules(RULES.as_bytes()).expect("rules");
    let folder = temp_dir();
    fs::write(folder.path().join("sweep.journal"), &*JOURNAL).expect("the temporary folder takes a file");
    assert_eq!(resumed(folder.path()).expect("a journal").1, 3);
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_text_of_candles(bytes in mutated(texts()), options in policies()) {
        let (_, most) = most_allocated(|| drain(CandleFile::from_text("changed", Cursor::new(bytes), &options)));
        prop_assert!(most < TEXT_BYTES_MAX, "{} bytes", most);
    }

    #[test]
    fn a_compressed_text_of_candles(
        bytes in mutated(vec![candles("candles.csv.gz"), candles("candles.csv.zst")]),
        options in policies(),
    ) {
        let (_, most) = drain_file(&bytes, &options);
        prop_assert!(most < PACKED_BYTES_MAX, "{} bytes", most);
    }

    #[test]
    fn a_table_of_candles(bytes in mutated(vec![candles("candles.parquet")]), options in policies()) {
        let (_, most) = drain_file(&bytes, &options);
        prop_assert!(most < TABLE_BYTES_MAX, "{} bytes", most);
    }
}

/// Rules of instruments, as a file.
const RULES: &str = "min_notional = 5\nprice_significant_figures = 5\n[BTC]\nsize_decimals = 5\ntick_size = \"0.1\"\n\
                     max_leverage = 40\n[kPEPE]\nprice_decimals = 6\nmin_notional = 1.5\n";

fn rules(bytes: &[u8]) -> Result<InstrumentSpecs, NotRules> {
    let folder = temp_dir();
    let path = folder.path().join("rules.toml");
    fs::write(&path, bytes).expect("the temporary folder takes a file");
    path.to_str().expect("the path of a temporary folder is text").parse()
}

/// Values as they stand behind flags.
const FLAGS: [&str; 8] = [
    "size_decimals=3,tick_size=0.5",
    "BTC:size_decimals=5,price_decimals=1,max_leverage=50",
    "hyperliquid",
    "fast=5..23:2",
    "slow=0.1,0.25,-7",
    "name=some text",
    "BTC:1m=candles.csv",
    "kPEPE:15m=/data/kPEPE-15m.parquet",
];

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_file_of_rules(bytes in mutated(vec![RULES.into()])) {
        let (parsed, most) = most_allocated(|| rules(&bytes));
        prop_assert!(most < SMALL_BYTES_MAX, "{} bytes", most);
        if let Err(error) = parsed {
            prop_assert!(error.to_string().len() < 4_096, "words without end: {}", error);
        }
    }

    #[test]
    fn a_value_behind_a_flag(bytes in mutated(FLAGS.map(|flag| flag.as_bytes().to_vec()).to_vec())) {
        let text = String::from_utf8_lossy(&bytes);
        let ((), most) = most_allocated(|| {
            // A name of a file among them leads nowhere.
            drop(text.parse::<InstrumentSpecs>());
            drop(text.parse::<Axis>());
            drop(text.parse::<ParameterSpec>());
            drop(text.parse::<DataSpec>());
        });
        prop_assert!(most < 64 << 20, "{} bytes", most);
    }
}

const DIGEST: &str = "d";

fn axes() -> Vec<Axis> {
    vec!["fast=0..9".parse().expect("an axis")]
}

/// A journal of three combinations, as a sweep leaves it.
static JOURNAL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = temp_dir();
    let (mut journal, _) = SweepJournal::open(folder.path(), Earlier::Keep, DIGEST, &axes()).expect("a new journal");
    for number in 0..3 {
        let row = serde_json::json!({
            "number": number, "values": ["5"], "status": "completed", "events": 9, "fills": 2, "fees": "0.5",
            "final_equity": "1000.25", "fuel": 3, "return": 0.1, "cagr": null, "sharpe": 0.3, "sortino": null,
            "calmar": null, "max_drawdown": null, "profit_factor": null, "win_rate": null, "expectancy": null, "trades": 1,
        });
        journal.append(&serde_json::from_value(row).expect("a row")).expect("it is written");
    }
    fs::read(folder.path().join("sweep.journal")).expect("it was just written")
});

/// Goes on with the journal of a folder; how many rows it had.
fn resumed(folder: &Path) -> Result<(SweepJournal, usize), JournalError> {
    SweepJournal::open(folder, Earlier::Resume, DIGEST, &axes()).map(|(journal, rows)| (journal, rows.len()))
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_journal_of_a_sweep(bytes in mutated(vec![JOURNAL.clone()])) {
        let folder = temp_dir();
        fs::write(folder.path().join("sweep.journal"), &bytes).expect("the temporary folder takes a file");
        let (opened, most) = most_allocated(|| resumed(folder.path()));
        prop_assert!(most < SMALL_BYTES_MAX, "{} bytes", most);
        match opened {
            Err(JournalError::Other { .. }) => {}
            // An empty file is no sweep.
            Err(JournalError::Missing { .. }) => prop_assert!(bytes.is_empty()),
            Err(error) => prop_assert!(false, "{}", error),
            Ok((mut journal, rows)) => {
                // Whatever was wrong with its end, it goes on behind what is whole.
                let row = serde_json::from_slice(JOURNAL.split(|byte| *byte == b'\n').nth(1).expect("a row")).expect("a row");
                journal.append(&row).expect("it is written");
                drop(journal);
                prop_assert_eq!(resumed(folder.path()).expect("the same journal").1, rows + 1);
            }
        }
    }
}
