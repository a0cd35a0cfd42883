//! What it costs to write an input down before it is acted on: encoded and handed to the system, in each way of keeping it safe.

use calypte::journal::{Durability, JournalSettings, Writer};
use calypte_kernel::{AccountId, Candle, CoreSettings, Decimal, Input, MarketEvent, Price, SeriesId, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

/// Records after which a new epoch begins: about a segment of them.
const RECORDS_PER_EPOCH: u32 = 1_000_000;

fn candle() -> Input {
    let at = Price::new(Decimal::new(600_001, 1)).expect("positive");
    let open_time = Timestamp::from_millis(1_700_000_000_000);
    let candle = Candle { open_time, open: at, high: at, low: at, close: at, volume: Decimal::new(12_345, 3) };
    Input::Market(MarketEvent::Candle { series: SeriesId::new(0), candle })
}

fn writing(criterion: &mut Criterion) {
    let input = candle();
    let core = CoreSettings::new(AccountId::new(1), [].into(), [].into());
    for durability in [Durability::Gathered, Durability::Written, Durability::Synced] {
        let folder = tempfile::tempdir().expect("a folder");
        // An epoch that begins anew lets those before it go, so that the benchmark needs no more room than a few segments.
        let settings = JournalSettings { durability, segments_max: Some(2), ..JournalSettings::default() };
        let open = || Writer::open(folder.path(), settings, &core, Vec::new()).expect("it opens");
        let mut writer = Some(open());
        let mut left = RECORDS_PER_EPOCH;
        criterion.bench_function(&format!("a candle, {durability:?}"), |bencher| {
            bencher.iter(|| {
                left -= 1;
                if left == 0 {
                    (writer, left) = (None, RECORDS_PER_EPOCH);
                }
                let writer = writer.get_or_insert_with(open);
                writer.input(Timestamp::from_millis(1_700_000_060_000), black_box(&input)).expect("there is room");
            });
        });
    }
}

criterion_group!(benches, writing);
criterion_main!(benches);
