//! What the journal's codec costs: a candle and the answer to it, written, read, and the outputs digested.

use calypte_kernel::journal::{Frames, OutputsDigest, Read, write_input};
use calypte_kernel::{
    Answer, Candle, Decimal, EventNumber, HookEnded, Input, MarketEvent, Output, Price, SeriesId, StrategyId, StrategyState,
    Timestamp,
};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn candle() -> Input {
    let at = Price::new(Decimal::new(600_001, 1)).expect("positive");
    let open_time = Timestamp::from_millis(1_700_000_000_000);
    let candle = Candle { open_time, open: at, high: at, low: at, close: at, volume: Decimal::new(12_345, 3) };
    Input::Market(MarketEvent::Candle { series: SeriesId::new(0), candle })
}

fn nothing() -> Input {
    let (strategy, number) = (StrategyId::new(0), EventNumber::new(500_000));
    Input::HookEnded(HookEnded { strategy, number, answer: Answer::Intents(Vec::new()), effects: None, fuel: 4_321 })
}

fn written(input: &Input) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_input(&mut bytes, 1_000_000, Timestamp::from_millis(1_700_000_060_000), input).expect("small");
    bytes
}

fn codec(criterion: &mut Criterion) {
    for (name, input) in [("a candle", candle()), ("an answer of nothing", nothing())] {
        let record = written(&input);
        let mut bytes = Vec::with_capacity(record.len());
        criterion.bench_function(&format!("{name}: {} bytes written", record.len()), |bencher| {
            bencher.iter(|| {
                bytes.clear();
                write_input(&mut bytes, 1_000_000, Timestamp::from_millis(1_700_000_060_000), black_box(&input))
            });
        });
        criterion.bench_function(&format!("{name}: {} bytes read", record.len()), |bencher| {
            bencher.iter(|| match Frames::new(black_box(&record), 0, 1_000_000).next() {
                Ok(Read::Record(frame)) => frame.record(),
                other => panic!("{other:?}"),
            });
        });
    }
    let output = Output::Lifecycle { strategy: StrategyId::new(0), state: StrategyState::Running };
    let (mut digest, mut scratch) = (OutputsDigest::default(), Vec::new());
    criterion.bench_function("a small output, digested", |bencher| {
        bencher.iter(|| digest.add(black_box(&output), &mut scratch));
    });
}

criterion_group!(benches, codec);
criterion_main!(benches);
