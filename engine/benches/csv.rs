//! Decoding candles from CSV beside the `csv` crate reading the same bytes into records and doing nothing with them.
//!
//! The candles are decoded, checked and hashed; `records` is the yardstick: decoding may take twice as long at most.

use calypte::data::{CandleFile, ReadOptions, Synth, SynthSettings};
use calypte_kernel::Timeframe;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

/// Rows of the text.
const ROWS: u64 = 200_000;

fn text(separator_after_number: &str) -> Arc<[u8]> {
    let mut text = "open_time_ms,open,high,low,close,volume\n".to_owned();
    for candle in
        Synth::new(&SynthSettings { candles: ROWS, ..SynthSettings::default() }).expect("the default market can be made")
    {
        let calypte_kernel::Candle { open_time, open, high, low, close, volume } = candle;
        writeln!(text, "{open_time},{open},{high},{low},{close},{volume}{separator_after_number}").expect("a string takes all");
    }
    text.into_bytes().into()
}

fn candles(text: &Arc<[u8]>) -> u64 {
    let reader = Cursor::new(Arc::clone(text));
    let mut file = CandleFile::from_text("bench", reader, &ReadOptions::new(Timeframe::MINUTE)).expect("candles");
    let (mut batch, mut count) = (Vec::new(), 0);
    while file.read(&mut batch).expect("sound candles") {
        count += black_box(&batch).len() as u64;
        batch.clear();
    }
    assert_eq!(count, ROWS);
    count
}

fn records(text: &Arc<[u8]>) -> u64 {
    let mut reader = csv::ReaderBuilder::new().from_reader(Cursor::new(Arc::clone(text)));
    let (mut record, mut count) = (csv::ByteRecord::new(), 0);
    while reader.read_byte_record(&mut record).expect("records") {
        count += black_box(&record).len() as u64;
    }
    count
}

fn decode(criterion: &mut Criterion) {
    let plain = text("");
    // A blank at the end of each line is enough for the fast reader to leave it to the careful one.
    let odd = text(" ");
    let mut group = criterion.benchmark_group("csv");
    group.throughput(Throughput::Elements(ROWS)).sample_size(20);
    group.bench_function("candles", |bencher| bencher.iter(|| candles(&plain)));
    group.bench_function("candles-careful", |bencher| bencher.iter(|| candles(&odd)));
    group.bench_function("records", |bencher| bencher.iter(|| records(&plain)));
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
