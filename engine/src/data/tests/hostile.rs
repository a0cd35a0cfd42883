//! Bytes that mean harm, or nothing: no panic, no growing memory, and what comes through is sound all the same.

use super::*;
use calypte_sim::BATCH_MAX;
use proptest::prelude::*;
use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const HEADER: &str = "open_time_ms,open,high,low,close,volume\n";

/// Reads a text to its end or its fault, and checks what comes out of it.
fn drain(bytes: Vec<u8>, options: &ReadOptions) -> Result<usize, DataError> {
    let mut file = CandleFile::from_text("hostile", Cursor::new(bytes), options)?;
    let (mut last, mut count, mut batch) = (None, 0, Vec::new());
    while file.read(&mut batch)? {
        assert!(batch.len() <= BATCH_MAX);
        for candle in candles_of(&batch) {
            assert!(candle.low <= candle.open && candle.low <= candle.close);
            assert!(candle.high >= candle.open && candle.high >= candle.close);
            assert!(!candle.volume.is_sign_negative() || candle.volume.is_zero());
            assert_eq!(options.timeframe.open_of(candle.open_time), candle.open_time);
            assert!(last.is_none_or(|last| last < candle.open_time));
            last = Some(candle.open_time);
            count += 1;
        }
        batch.clear();
    }
    Ok(count)
}

fn policies() -> impl Strategy<Value = ReadOptions> {
    let fault = prop_oneof![Just(OnFault::Stop), Just(OnFault::Skip), Just(OnFault::Repair)];
    let gap = prop_oneof![Just(OnGap::Tell), Just(OnGap::Stop), Just(OnGap::Fill)];
    let time = prop_oneof![Just(TimeUnit::Millis), Just(TimeUnit::Seconds), Just(TimeUnit::Iso)];
    (fault, gap, time).prop_map(|(on_fault, on_gap, time)| ReadOptions { time, on_fault, on_gap, ..options("1m") })
}

/// A field that may be right, nearly right or absurd.
fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (1_i64..10_000).prop_map(|value| format!("{}.{}", value / 10, value % 10)),
        1 => any::<f64>().prop_map(|value| format!("{value:e}")),
        1 => any::<i64>().prop_map(|value| value.to_string()),
        1 => "[-+0-9.eE\",; a-z]{0,12}",
    ]
}

fn line() -> impl Strategy<Value = String> {
    let time = prop_oneof![
        8 => (0_i64..200).prop_map(|minute| (1_704_067_200_000 + minute * 60_000).to_string()),
        1 => (0_i64..20_000_000).prop_map(|offset| (1_704_067_200_000 + offset).to_string()),
        1 => any::<i64>().prop_map(|time| time.to_string()),
        1 => (0_i64..200).prop_map(|minute| (1_704_067_200 + minute * 60).to_string()),
    ];
    (time, proptest::collection::vec(field(), 5..=6)).prop_map(|(time, fields)| format!("{time},{}\n", fields.join(",")))
}

proptest! {
    #[test]
    fn any_bytes_are_candles_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..600), options in policies()) {
        let _ = drain(bytes.clone(), &options);
        let _ = drain([HEADER.as_bytes(), &bytes].concat(), &options);
    }

    #[test]
    fn what_comes_through_is_sound(lines in proptest::collection::vec(line(), 0..60), options in policies()) {
        let _ = drain(format!("{HEADER}{}", lines.concat()).into_bytes(), &options);
    }

    #[test]
    fn repair_never_takes_offence_at_rows(lines in proptest::collection::vec(line(), 1..60)) {
        let options = ReadOptions { on_fault: OnFault::Repair, ..options("1m") };
        match drain(format!("{HEADER}{}", lines.concat()).into_bytes(), &options) {
            Err(DataError::Row { fault, .. }) => {
                prop_assert!(matches!(fault.kind(), "column-order" | "wrong-timeframe"), "{}", fault);
            }
            Err(DataError::Shape { fault, .. }) => {
                let whole = matches!(*fault, ShapeFault::NoRowsLeft { .. } | ShapeFault::TimeUnit { .. });
                prop_assert!(whole, "{}", fault);
            }
            Err(error) => prop_assert!(false, "{}", error),
            Ok(count) => prop_assert!(count > 0),
        }
    }
}

/// A file of a few candles of that format, as bytes.
fn written(extension: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(format!("candles{extension}"));
    let mut writer = CandleWriter::create(&path).expect("a format");
    for candle in Synth::new(&SynthSettings { candles: 300, ..SynthSettings::default() }).expect("it can be made") {
        writer.write(&candle).expect("written");
    }
    writer.finish().expect("finished");
    std::fs::read(&path).expect("it is there")
}

#[test]
fn damaged_files_of_every_format_are_faults() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("damaged");
    for extension in [".csv", ".csv.gz", ".csv.zst", ".parquet"] {
        let whole = written(extension);
        let mut faults = 0;
        // Every place of a small file, every so many places of a larger one.
        for place in (0..whole.len()).step_by(whole.len().div_ceil(400)) {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x55;
            std::fs::write(&path, &damaged).expect("written");
            faults += u32::from(read(&path, &options("1m")).is_err());
            std::fs::write(&path, &whole[..place]).expect("written");
            let cut = read(&path, &options("1m"));
            // Plain text cut between two lines is a shorter text, and nobody can tell.
            assert!(cut.is_err() || extension == ".csv", "{extension} cut at {place} was read");
        }
        assert!(faults > 50, "{extension}: only {faults} faults");
    }
}

#[test]
fn a_cut_archive_names_the_line_it_reached() {
    let directory = tempfile::tempdir().expect("a directory");
    for (extension, what) in [(".csv.gz", "gzip"), (".csv.zst", "zstd")] {
        let whole = written(extension);
        let path = directory.path().join(format!("cut{extension}"));
        std::fs::write(&path, &whole[..whole.len() * 3 / 4]).expect("written");
        let error = read(&path, &options("1m")).expect_err("cut");
        match error {
            DataError::Row { fault, .. } => assert_eq!(fault.kind(), "truncated"),
            // All of it in one block, of which nothing can be had.
            DataError::Shape { fault, .. } => {
                assert!(matches!(*fault, ShapeFault::Corrupt { what: found, .. } if found == what), "{fault}");
            }
            error => panic!("{error}"),
        }
    }
}

/// Candles without end, one line after the other, counting the bytes that are asked for.
struct Endless {
    line: Vec<u8>,
    at: usize,
    minute: i64,
    served: Arc<AtomicU64>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut count = 0;
        while count < buffer.len() {
            if self.at == self.line.len() {
                let time = 1_704_067_200_000 + self.minute * 60_000;
                self.line = format!("{time},100.0,101.0,99.0,100.5,12.345\n").into_bytes();
                self.at = 0;
                self.minute += 1;
            }
            let part = (self.line.len() - self.at).min(buffer.len() - count);
            buffer[count..count + part].copy_from_slice(&self.line[self.at..self.at + part]);
            self.at += part;
            count += part;
        }
        self.served.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[test]
fn memory_does_not_grow_with_the_length_of_the_data() {
    /// What the text buffer holds, and what repair holds back, with room to spare.
    const AHEAD_BYTES_MAX: u64 = 512 * 1024;
    for on_fault in [OnFault::Stop, OnFault::Repair] {
        let served = Arc::new(AtomicU64::new(0));
        let endless = Endless { line: HEADER.into(), at: 0, minute: 0, served: Arc::clone(&served) };
        let options = ReadOptions { on_fault, ..options("1m") };
        let mut file = CandleFile::from_text("endless", endless, &options).expect("candles");
        let (mut batch, mut candles, mut line) = (Vec::new(), 0_u64, 0);
        while candles < 1_000_000 {
            assert!(file.read(&mut batch).expect("sound"));
            assert!(batch.len() <= BATCH_MAX && batch.capacity() <= 2 * BATCH_MAX);
            candles += batch.len() as u64;
            batch.clear();
            line = "1704067200000,100.0,101.0,99.0,100.5,12.345\n".len() as u64;
        }
        let ahead = served.load(Ordering::Relaxed) - candles * line;
        assert!(ahead < AHEAD_BYTES_MAX, "{ahead} bytes were read and not given out");
    }
}

#[test]
fn a_line_without_end_is_dropped_in_a_fixed_buffer() {
    let text = [HEADER.as_bytes(), &vec![b'1'; 10_000_000], b"\n1704067200000,1,1,1,1,1\n"].concat();
    assert_eq!(drain(text.clone(), &ReadOptions { on_fault: OnFault::Skip, ..options("1m") }).expect("one row"), 1);
    let error = drain(text, &options("1m")).expect_err("too long");
    assert_eq!(error.to_string(), "hostile: line 2: the line is longer than 16384 bytes; this is not a row of candles");
}

#[test]
fn a_gap_of_years_is_told_but_not_filled() {
    let text = format!("{HEADER}1704067200000,1,1,1,1,1\n3704067200000,1,1,1,1,1\n");
    assert!(drain(text.clone().into_bytes(), &options("1m")).is_err(), "off the grid");
    let text = text.replace("3704067200000", "3704067180000");
    assert_eq!(drain(text.clone().into_bytes(), &options("1m")).expect("told"), 2);
    let fill = ReadOptions { on_gap: OnGap::Fill, ..options("1m") };
    let error = drain(text.into_bytes(), &fill).expect_err("too long");
    assert!(matches!(error, DataError::Row { fault, .. } if fault.kind() == "gap-too-long"));
}
