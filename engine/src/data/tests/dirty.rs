//! Every bad or awkward file of the collection, by name, with the exact outcome under each policy.

use super::*;

/// What becomes of one file, without its name.
struct Case {
    file: &'static str,
    timeframe: &'static str,
    stop: &'static str,
    skip: &'static str,
    repair: &'static str,
}

/// The same as under the policy to stop.
const AS_STOP: &str = "";

const CASES: &[Case] = &[
    Case {
        file: "made-bad-funding.csv",
        timeframe: "1m",
        stop: r#"the columns are those of funding rates, not of candles: "time_ms,funding_rate"; give a file with open, high, low, close and volume"#,
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "made-bad-trades.csv",
        timeframe: "1m",
        stop: r#"the columns are those of trades, not of candles: "time_ms,price,size,side"; give a file with open, high, low, close and volume"#,
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "made-bom-crlf-5m.csv",
        timeframe: "5m",
        stop: "60 candles, 0 gaps, 0 dropped, 0 repaired",
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "made-cut-last-line-5m.csv",
        timeframe: "5m",
        stop: r#"line 61: the file is cut in the middle of this line: "1741964100000,83278.0,83500.0,83206"; fetch it again or drop the line"#,
        skip: "59 candles, 0 gaps, 1 dropped, 0 repaired, cut-line 1",
        repair: "59 candles, 0 gaps, 1 dropped, 0 repaired, cut-line 1",
    },
    Case {
        file: "made-duplicate-conflict-5m.csv",
        timeframe: "5m",
        stop: "line 23: time 1741952400000 repeats line 22 with other values: close 80000.0 instead of 83263.0; find out which is right and drop the other",
        skip: "60 candles, 0 gaps, 1 dropped, 0 repaired, duplicate-conflict 1, low-too-high 1",
        repair: "60 candles, 0 gaps, 1 dropped, 0 repaired, low-too-high 1",
    },
    Case {
        file: "made-duplicate-exact-5m.csv",
        timeframe: "5m",
        stop: "line 13: time 1741949400000 repeats line 12 with the same values; drop one of the two",
        skip: "60 candles, 0 gaps, 2 dropped, 0 repaired, duplicate 2",
        repair: "60 candles, 0 gaps, 2 dropped, 0 repaired, duplicate 2",
    },
    Case {
        file: "made-empty-5m.csv",
        timeframe: "5m",
        stop: "the file is empty; fetch it again",
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "made-gap-one-day-5m.csv",
        timeframe: "5m",
        stop: "612 candles, 1 gaps, 0 dropped, 0 repaired",
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "made-header-only-5m.csv",
        timeframe: "5m",
        stop: "there is a header but no row; fetch the file again",
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "made-huge-numbers-5m.csv",
        timeframe: "5m",
        stop: r#"line 7: volume is too large: "100000000000000000000000000000000000000000000000…"; numbers have at most 18 digits"#,
        skip: "56 candles, 4 gaps, 4 dropped, 0 repaired, not-a-time 1, too-large 2, too-many-decimals 1",
        repair: "56 candles, 4 gaps, 4 dropped, 0 repaired, not-a-time 1, too-large 2, too-many-decimals 1",
    },
    Case {
        file: "made-missing-column-5m.csv",
        timeframe: "5m",
        stop: r#"no column for volume in the header "open_time_ms,open,high,low,close"; if it has another name, say so with --columns volume=NAME"#,
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "made-nan-empty-5m.csv",
        timeframe: "5m",
        stop: r#"line 7: close is not a number: "NaN"; mend the value or drop the line"#,
        skip: "53 candles, 7 gaps, 7 dropped, 0 repaired, not-a-number 7",
        repair: "53 candles, 7 gaps, 7 dropped, 0 repaired, not-a-number 7",
    },
    Case {
        file: "made-not-utf8-5m.csv",
        timeframe: "5m",
        stop: r#"line 26: not UTF-8: "1741953600000,83229<ff>0,83242.0,83035.0,83076.0,59…"; mend the bytes or drop the line"#,
        skip: "59 candles, 1 gaps, 1 dropped, 0 repaired, not-utf8 1",
        repair: "59 candles, 1 gaps, 1 dropped, 0 repaired, not-utf8 1",
    },
    Case {
        file: "made-off-grid-5m.csv",
        timeframe: "5m",
        stop: "line 22: time 1741952400001 is off the 5m grid by 1 ms; check the timeframe, or correct the time to 1741952400000",
        skip: "58 candles, 2 gaps, 2 dropped, 0 repaired, off-grid 2",
        repair: "59 candles, 1 gaps, 1 dropped, 1 repaired, off-grid 2",
    },
    Case {
        file: "made-ohlc-violations-5m.csv",
        timeframe: "5m",
        stop: "line 7: high 82933.0 is below low 83000.0; check the order of the columns, else mend or drop the line",
        skip: "54 candles, 6 gaps, 6 dropped, 0 repaired, high-too-low 2, negative-volume 1, price-not-positive 3",
        repair: "55 candles, 5 gaps, 5 dropped, 1 repaired, high-too-low 2, negative-volume 1, price-not-positive 3",
    },
    Case {
        file: "made-out-of-order-5m.csv",
        timeframe: "5m",
        stop: "line 17: time 1741950600000 comes after 1741950900000 of line 16; sort the file by time",
        skip: "54 candles, 2 gaps, 6 dropped, 0 repaired, out-of-order 6",
        repair: "60 candles, 0 gaps, 0 dropped, 6 repaired, out-of-order 6",
    },
    Case {
        file: "made-ragged-rows-5m.csv",
        timeframe: "5m",
        stop: r#"line 32: 5 fields instead of 6: "1741955400000,83376.0,83413.0,83274.0,83400.0"; mend or drop the line"#,
        skip: "58 candles, 2 gaps, 2 dropped, 0 repaired, column-count 2",
        repair: "58 candles, 2 gaps, 2 dropped, 0 repaired, column-count 2",
    },
    Case {
        file: "made-repeated-header-5m.csv",
        timeframe: "5m",
        stop: r#"line 32: the header stands here again: "open_time_ms,open,high,low,close,volume"; two files were joined: check their order and drop this line"#,
        skip: "60 candles, 0 gaps, 1 dropped, 0 repaired, repeated-header 1",
        repair: "60 candles, 0 gaps, 1 dropped, 0 repaired, repeated-header 1",
    },
    Case {
        file: "made-scientific-5m.csv",
        timeframe: "5m",
        stop: "60 candles, 0 gaps, 0 dropped, 0 repaired",
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "made-seconds-5m.csv",
        timeframe: "5m",
        stop: r#"line 2: time "1741946400" is in seconds, not in milliseconds; if the whole file is so, say --time s"#,
        skip: AS_STOP,
        repair: "60 candles, 0 gaps, 0 dropped, 60 repaired, unit-change 60",
    },
    Case {
        file: "made-semicolon-5m.csv",
        timeframe: "5m",
        stop: r#"line 1: the fields are separated by semicolons, not by commas: "open_time_ms;open;high;low;close;volume"; write the file again with commas between fields and points in numbers"#,
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "made-truncated-5m.csv.gz",
        timeframe: "5m",
        stop: "line 41: the gzip data is cut off here, after 2226 bytes of content; fetch the file again",
        skip: "39 candles, 0 gaps, 1 dropped, 0 repaired, truncated 1",
        repair: "39 candles, 0 gaps, 1 dropped, 0 repaired, truncated 1",
    },
    Case {
        file: "real-binance-ADABTC-1m-noheader.csv",
        timeframe: "1m",
        stop: r#"line 1 is data, there is no header (12 columns, the first is "1637971200000"); name the columns in their order, such as --columns time,open,high,low,close,volume (a dash for one to ignore, a final * for all the rest)"#,
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "real-binance-ms-to-us-1h.csv",
        timeframe: "1h",
        stop: r#"line 1 is data, there is no header (12 columns, the first is "1735516800000"); name the columns in their order, such as --columns time,open,high,low,close,volume (a dash for one to ignore, a final * for all the rest)"#,
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "real-bitfinex-ochl-noheader-1m.csv",
        timeframe: "1m",
        stop: r#"line 1 is data, there is no header (6 columns, the first is "1457539440000"); name the columns in their order, such as --columns time,open,high,low,close,volume (a dash for one to ignore, a final * for all the rest)"#,
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "real-bybit-testnet-BTCUSDT-1m-batch-gaps.csv",
        timeframe: "1m",
        stop: r#"line 2: time "2024-09-08 06:51:00+00:00" is ISO text, not in milliseconds; if the whole file is so, say --time iso"#,
        skip: AS_STOP,
        repair: "800 candles, 3 gaps, 0 dropped, 800 repaired, unit-change 800",
    },
    Case {
        file: "real-ftx-close-labelled-1m.csv",
        timeframe: "1m",
        stop: r#"line 2: time "2021-12-31 23:01:00.000000" is ISO text, not in milliseconds; if the whole file is so, say --time iso"#,
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "real-git-lfs-pointer-5m.csv",
        timeframe: "5m",
        stop: "this is a Git LFS pointer, not the data itself; run `git lfs pull` where it came from",
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "real-hyperliquid-illiquid-kLUNC-1m.csv",
        timeframe: "1m",
        stop: "1000 candles, 0 gaps, 0 dropped, 0 repaired",
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "real-hyperliquid-no-volume-ANIME-15m.csv",
        timeframe: "15m",
        stop: "300 candles, 0 gaps, 0 dropped, 0 repaired",
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "real-hyperliquid-no-volume-ANIME-1h.csv",
        timeframe: "1h",
        stop: "75 candles, 0 gaps, 0 dropped, 0 repaired",
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "real-hyperliquid-prelaunch-BTC-1d.csv",
        timeframe: "1d",
        stop: "80 candles, 0 gaps, 0 dropped, 0 repaired",
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "real-hyperliquid-trades-duplicates-WLFI.csv",
        timeframe: "1m",
        stop: r#"the columns are those of trades, not of candles: "timestamp,price,size,side,trade_id,exchange_time…"; give a file with open, high, low, close and volume"#,
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "real-iso-timestamps-DOGEUSDT-1m.csv",
        timeframe: "1m",
        stop: r#"line 2: time "2025-05-30 16:42:00+00:00" is ISO text, not in milliseconds; if the whole file is so, say --time iso"#,
        skip: AS_STOP,
        repair: "299 candles, 0 gaps, 0 dropped, 299 repaired, unit-change 299",
    },
    Case {
        file: "real-okx-funding-scientific.csv",
        timeframe: "1m",
        stop: r#"the columns are those of funding rates, not of candles: "symbol,timestamp_ms,timestamp_utc,funding_rate,r…"; give a file with open, high, low, close and volume"#,
        skip: AS_STOP,
        repair: AS_STOP,
    },
    Case {
        file: "real-okx-swap-three-volumes-1m.csv",
        timeframe: "1m",
        stop: "3 columns could be the volume: volume_contracts, volume_base, volume_quote; say which one is meant with --columns volume=NAME",
        skip: AS_STOP,
        repair: AS_STOP,
    },
];

/// An outcome without the name of the file before it.
fn unnamed(file: &str, outcome: &str) -> String {
    outcome.strip_prefix(&format!("{file}: ")).unwrap_or(outcome).to_owned()
}

#[test]
fn each_file_gets_its_exact_outcome_under_each_policy() {
    let Some(data) = shared() else { return };
    for case in CASES {
        let path = data.join("dirty").join(case.file);
        for (on_fault, expected) in [(OnFault::Stop, case.stop), (OnFault::Skip, case.skip), (OnFault::Repair, case.repair)] {
            let expected = if expected == AS_STOP { case.stop } else { expected };
            let found = outcome(&path, &ReadOptions { on_fault, ..options(case.timeframe) });
            assert_eq!(unnamed(case.file, &found), expected, "{}, {on_fault}", case.file);
        }
    }
}

#[test]
fn no_file_is_forgotten() {
    let Some(data) = shared() else { return };
    let mut there = Vec::new();
    for entry in data.join("dirty").read_dir().expect("a directory") {
        there.push(entry.expect("an entry").file_name().to_string_lossy().into_owned());
    }
    there.sort();
    assert_eq!(there, CASES.iter().map(|case| case.file).collect::<Vec<_>>());
}

/// Checks what a file comes to once the caller says what it is.
fn check_said(file: &str, options: &ReadOptions, expected: &str) {
    let Some(data) = shared() else { return };
    let found = outcome(&data.join("dirty").join(file), options);
    assert_eq!(unnamed(file, &found), expected, "{file}");
}

fn with_columns(timeframe: &str, columns: &str) -> ReadOptions {
    ReadOptions { columns: columns.parse().expect(columns), ..options(timeframe) }
}

#[test]
fn a_file_without_header_is_read_once_its_columns_are_named() {
    let binance = with_columns("1m", "time,open,high,low,close,volume,*");
    check_said("real-binance-ADABTC-1m-noheader.csv", &binance, "10 candles, 0 gaps, 0 dropped, 0 repaired");
    let six = with_columns("1m", "time,open,high,low,close,volume");
    let refusal = "line 1 has 12 columns, but 6 were named; name them all, with a dash for each to ignore or a final *";
    check_said("real-binance-ADABTC-1m-noheader.csv", &six, refusal);
}

#[test]
fn prices_keep_all_their_decimals() {
    let Some(data) = shared() else { return };
    let path = data.join("dirty/real-binance-ADABTC-1m-noheader.csv");
    let (items, _) = read(&path, &with_columns("1m", "time,open,high,low,close,volume,*")).expect("sound");
    assert_eq!(candles_of(&items)[0].open.to_string(), "0.00002853");
}

#[test]
fn a_change_of_unit_within_a_file_is_a_fault_that_repair_mends() {
    let file = "real-binance-ms-to-us-1h.csv";
    let binance = with_columns("1h", "time,open,high,low,close,volume,*");
    let refusal = "line 49: time \"1735689600000000\" is in microseconds, where times are in milliseconds: the source changed its \
                   unit here; split the file at this line, or let repair convert it";
    check_said(file, &binance, refusal);
    let skip = ReadOptions { on_fault: OnFault::Skip, ..binance.clone() };
    check_said(file, &skip, "48 candles, 0 gaps, 48 dropped, 0 repaired, unit-change 48");
    let repair = ReadOptions { on_fault: OnFault::Repair, ..binance };
    check_said(file, &repair, "96 candles, 0 gaps, 0 dropped, 48 repaired, unit-change 48");
}

#[test]
fn columns_named_in_the_wrong_order_are_found_out_under_every_policy() {
    let file = "real-bitfinex-ochl-noheader-1m.csv";
    let wrong = with_columns("1m", "time,open,high,low,close,volume");
    let refusal = "line 1: high 10.097 is below low 10.297; check the order of the columns, else mend or drop the line";
    check_said(file, &wrong, refusal);
    for on_fault in [OnFault::Skip, OnFault::Repair] {
        check_said(
            file,
            &ReadOptions { on_fault, ..wrong.clone() },
            "line 151: 31 of 151 rows have a high or low that does not take in the other prices, this one too; the columns are in another order than open, high, low, close: say which is which with --columns …",
        );
    }
    let right = with_columns("1m", "time,open,close,high,low,volume");
    check_said(file, &right, "400 candles, 190 gaps, 0 dropped, 0 repaired");
}

#[test]
fn iso_times_are_read_once_the_caller_says_so() {
    let iso = ReadOptions { time: TimeUnit::Iso, ..options("1m") };
    check_said("real-iso-timestamps-DOGEUSDT-1m.csv", &iso, "299 candles, 0 gaps, 0 dropped, 0 repaired");
    check_said("real-bybit-testnet-BTCUSDT-1m-batch-gaps.csv", &iso, "800 candles, 3 gaps, 0 dropped, 0 repaired");
}

#[test]
fn times_in_seconds_are_read_once_the_caller_says_so() {
    let seconds = ReadOptions { time: TimeUnit::Seconds, ..options("5m") };
    check_said("made-seconds-5m.csv", &seconds, "60 candles, 0 gaps, 0 dropped, 0 repaired");
}

#[test]
fn candles_labelled_by_their_close_open_one_candle_earlier() {
    let Some(data) = shared() else { return };
    let path = data.join("dirty/real-ftx-close-labelled-1m.csv");
    let options = ReadOptions { time: TimeUnit::Iso, label: Label::Close, ..options("1m") };
    let (items, notes) = read(&path, &options).expect("sound");
    assert!(notes.is_clean());
    assert_eq!(iso_text(candles_of(&items)[0].open_time.as_millis()), "2021-12-31T23:00:00.000Z");
}

#[test]
fn of_several_volumes_and_times_the_caller_says_which() {
    let file = "real-okx-swap-three-volumes-1m.csv";
    let refusal = "2 columns could be the time: timestamp_ms, timestamp_utc; say which one is meant with --columns time=NAME";
    check_said(file, &with_columns("1m", "volume=volume_base"), refusal);
    let said = with_columns("1m", "time=timestamp_ms,volume=volume_base");
    check_said(file, &said, "299 candles, 0 gaps, 0 dropped, 0 repaired");
    let twice = with_columns("1m", "time=timestamp_ms,volume=close");
    check_said(file, &twice, "column \"close\" cannot be both close and volume; say which column is which");
}

#[test]
fn a_gap_is_told_or_refused_or_filled() {
    let Some(data) = shared() else { return };
    let path = data.join("dirty/made-gap-one-day-5m.csv");
    let (items, notes) = read(&path, &options("5m")).expect("sound");
    let gaps = items.iter().enumerate().filter(|(_, item)| matches!(item, SourceItem::Gap(_))).collect::<Vec<_>>();
    let [(300, SourceItem::Gap(gap))] = gaps[..] else { panic!("not one gap behind 300 candles: {gaps:?}") };
    assert_eq!((gap.missing, notes.gaps.missing), (288, 288));

    let stop = ReadOptions { on_gap: OnGap::Stop, ..options("5m") };
    let refusal = "made-gap-one-day-5m.csv: line 302: 288 candles are missing before this one, from 1742036400000 on; fetch them, \
                   or let gaps be told or filled";
    assert_eq!(outcome(&path, &stop), refusal);

    let fill = ReadOptions { on_gap: OnGap::Fill, ..options("5m") };
    let (items, notes) = read(&path, &fill).expect("sound");
    let candles = candles_of(&items);
    assert_eq!((candles.len(), notes.filled), (900, 288));
    let (before, filled) = (candles[299], candles[300]);
    assert_eq!((filled.open, filled.high, filled.low, filled.close), (before.close, before.close, before.close, before.close));
    assert!(filled.volume.is_zero());
    assert!(candles.windows(2).all(|pair| pair[1].open_time.millis_since(pair[0].open_time) == 300_000));
}

#[test]
fn a_repaired_file_is_the_sound_one() {
    let Some(data) = shared() else { return };
    let sound = read(&data.join("BTC-5m-hyperliquid.csv.gz"), &options("5m")).expect("sound").0;
    for file in [
        "made-bom-crlf-5m.csv",
        "made-duplicate-conflict-5m.csv",
        "made-duplicate-exact-5m.csv",
        "made-out-of-order-5m.csv",
        "made-repeated-header-5m.csv",
        "made-scientific-5m.csv",
        "made-seconds-5m.csv",
    ] {
        let repair = ReadOptions { on_fault: OnFault::Repair, ..options("5m") };
        let (items, _) = read(&data.join("dirty").join(file), &repair).expect(file);
        assert_eq!(items[..], sound[..60], "{file}");
    }
}

#[test]
fn a_survey_counts_every_fault_of_a_file_and_what_is_odd_about_it() {
    let Some(data) = shared() else { return };
    let of = |file: &str, timeframe: &str| {
        survey(&data.join("dirty").join(file), &options(timeframe), &std::sync::Arc::default()).expect(file)
    };
    let conflict = of("made-duplicate-conflict-5m.csv", "5m");
    assert!(!conflict.usable);
    assert_eq!(conflict.faults.keys().copied().collect::<Vec<_>>(), ["duplicate-conflict", "low-too-high"]);
    assert_eq!(conflict.faults["low-too-high"].examples[0].split(':').next(), Some("line 23"));
    let prelaunch = of("real-hyperliquid-prelaunch-BTC-1d.csv", "1d");
    assert!(prelaunch.usable);
    assert_eq!((prelaunch.zero_volume, prelaunch.range_without_volume), (41, 41));
    let illiquid = of("real-hyperliquid-illiquid-kLUNC-1m.csv", "1m");
    assert_eq!((illiquid.zero_volume, illiquid.range_without_volume), (463, 0));
    let cut = of("made-truncated-5m.csv.gz", "5m");
    assert_eq!((cut.usable, cut.candles, cut.faults["truncated"].count), (false, 39, 1));
}
