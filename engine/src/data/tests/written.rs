//! What is written is read back, in every format.

use super::*;
use crate::control::Control;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;

const FORMATS: [&str; 4] = [".csv", ".csv.gz", ".csv.zst", ".parquet"];

fn synthesised(candles: u64) -> Vec<Candle> {
    Synth::new(&SynthSettings { candles, ..SynthSettings::default() }).expect("it can be made").collect()
}

fn write(path: &Path, candles: &[Candle]) {
    let mut writer = CandleWriter::create(path).expect("a format");
    for candle in candles {
        writer.write(candle).expect("written");
    }
    writer.finish().expect("finished");
}

#[test]
fn candles_survive_every_format() {
    let directory = tempfile::tempdir().expect("a directory");
    // More than one row group, and not a whole number of batches.
    let candles = synthesised(70_001);
    for format in FORMATS {
        let path = directory.path().join(format!("candles{format}"));
        write(&path, &candles);
        let (items, notes) = read(&path, &options("1m")).expect(format);
        assert_eq!(candles_of(&items), candles, "{format}");
        assert!(notes.is_clean() && notes.rows == 70_001, "{format}");
    }
}

#[test]
fn the_same_candles_make_the_same_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let candles = synthesised(500);
    for format in FORMATS {
        let bytes = ["one", "two"].map(|name| {
            let path = directory.path().join(format!("{name}{format}"));
            write(&path, &candles);
            std::fs::read(&path).expect("it is there")
        });
        assert!(bytes[0] == bytes[1], "{format}");
    }
}

#[test]
fn a_real_file_keeps_its_digits() {
    let Some(data) = shared() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let (items, _) = read(&data.join("HYPE-1h-hyperliquid.csv.gz"), &options("1h")).expect("sound");
    let (csv, table) = (directory.path().join("hype.csv"), directory.path().join("hype.parquet"));
    write(&csv, &candles_of(&items));
    write(&table, &candles_of(&items));
    let (copy, _) = read(&csv, &options("1h")).expect("sound");
    let digits = |items: &[SourceItem]| {
        candles_of(items).iter().map(|candle| format!("{} {}", candle.close, candle.volume)).collect::<Vec<_>>()
    };
    assert_eq!(digits(&copy), digits(&items));
    assert_eq!(read(&table, &options("1h")).expect("sound").0, items);
}

#[test]
fn a_file_appears_only_when_it_is_whole() {
    let directory = tempfile::tempdir().expect("a directory");
    for format in FORMATS {
        let path = directory.path().join(format!("candles{format}"));
        let mut writer = CandleWriter::create(&path).expect("a format");
        writer.write(&synthesised(1)[0]).expect("written");
        drop(writer);
    }
    assert_eq!(directory.path().read_dir().expect("a directory").count(), 0);
}

#[test]
fn a_name_must_say_the_format() {
    let error = CandleWriter::create(Path::new("candles.txt")).err().expect("no format");
    let words = "candles.txt: the name must end in .csv, .csv.gz, .csv.zst or .parquet, which says what is written";
    assert_eq!(error.to_string(), words);
}

/// A table as other programs write it: times in microseconds, floats that may be missing, text.
fn foreign_table(path: &Path, closes: &[Option<f64>]) {
    let schema = "message candles {
        required int64 timestamp (TIMESTAMP(MICROS, true));
        required double open;
        required double high;
        required double low;
        optional double close;
        required binary volume (UTF8);
    }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let file = std::fs::File::create(path).expect("created");
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::builder().build())).expect("a writer");
    let count = closes.len();
    let mut group = writer.next_row_group().expect("a group");

    let mut column = group.next_column().expect("a column").expect("time");
    let times = (0..).take(count).map(|minute| 1_704_067_200_000_000 + minute * 60_000_000).collect::<Vec<_>>();
    column.typed::<Int64Type>().write_batch(&times, None, None).expect("written");
    column.close().expect("closed");
    for price in [0.3, 0.5, 0.1] {
        let mut column = group.next_column().expect("a column").expect("a price");
        column.typed::<DoubleType>().write_batch(&vec![price; count], None, None).expect("written");
        column.close().expect("closed");
    }
    let mut column = group.next_column().expect("a column").expect("close");
    let levels = closes.iter().map(|close| i16::from(close.is_some())).collect::<Vec<_>>();
    let values = closes.iter().flatten().copied().collect::<Vec<_>>();
    column.typed::<DoubleType>().write_batch(&values, Some(&levels), None).expect("written");
    column.close().expect("closed");
    let mut column = group.next_column().expect("a column").expect("volume");
    let volumes = vec![ByteArray::from("1.50"); count];
    column.typed::<ByteArrayType>().write_batch(&volumes, None, None).expect("written");
    column.close().expect("closed");
    group.close().expect("closed");
    writer.close().expect("closed");
}

#[test]
fn tables_of_other_programs_are_read_exactly() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("foreign.parquet");
    foreign_table(&path, &vec![Some(0.2); 3000]);
    let (items, _) = read(&path, &options("1m")).expect("sound");
    let candles = candles_of(&items);
    assert_eq!(candles.len(), 3000);
    let last = candles[2999];
    assert_eq!((last.open.to_string().as_str(), last.close.to_string().as_str()), ("0.3", "0.2"));
    assert_eq!(last.volume.to_string(), "1.50");
    assert_eq!(last.open_time.as_millis(), 1_704_067_200_000 + 2999 * 60_000);
}

#[test]
fn faults_of_a_table_name_its_row() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("foreign.parquet");
    foreign_table(&path, &[Some(0.2), None, Some(f64::NAN), Some(0.7)]);
    let words = "foreign.parquet: row 2: close is not a number: \"null\"; mend the value or drop the line";
    assert_eq!(outcome(&path, &options("1m")), words);
    let skip = ReadOptions { on_fault: OnFault::Skip, ..options("1m") };
    assert_eq!(outcome(&path, &skip), "1 candles, 0 gaps, 3 dropped, 0 repaired, high-too-low 1, not-a-number 2");
    let hash = CandleFile::open(&path, &skip).expect("a table").sha256().expect("readable");
    assert_eq!(hash.len(), 64);
}

#[test]
fn reading_says_how_far_it_has_come_in_bytes_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["x.csv", "x.csv.gz", "x.csv.zst", "x.parquet"] {
        let path = folder.path().join(name);
        let mut writer = CandleWriter::create(&path).expect(name);
        for candle in &synthesised(20_000) {
            writer.write(candle).expect(name);
        }
        writer.finish().expect(name);
        let control = Arc::new(Control::default());
        let file = CandleFile::open(&path, &options("1m")).expect(name);
        let (length, mut file) = (file.length(), file.watched(Arc::clone(&control)));
        assert_eq!(length, std::fs::metadata(&path).expect(name).len());
        let (mut batch, mut positions) = (Vec::new(), Vec::new());
        while file.read(&mut batch).expect(name) {
            positions.push(control.position().0);
        }
        assert!(positions.is_sorted() && positions[0] < length, "{name}: {positions:?}");
        assert_eq!(control.position().0, length, "{name}");
    }
}
