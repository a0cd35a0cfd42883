//! What a candle costs apart from a guest: driver, core, exchange and books, with native strategies.

#[path = "../tests/support/mod.rs"]
mod support;

use calypte_kernel::Candle;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::sync::Arc;
use support::{ema_atr, idle, run_one, walk};

const CANDLES: usize = 100_000;

fn driver(criterion: &mut Criterion) {
    let candles: Arc<[Candle]> = walk(CANDLES);
    let mut group = criterion.benchmark_group("driver");
    group.throughput(Throughput::Elements(CANDLES as u64));
    group.sample_size(20);
    group.bench_function("idle", |bencher| bencher.iter(|| run_one(&candles, idle())));
    group.bench_function("ema_atr", |bencher| bencher.iter(|| run_one(&candles, ema_atr())));
    group.finish();
}

criterion_group!(benches, driver);
criterion_main!(benches);
