//! Candles of a coin, built from its trades.

use super::Interval;
use calypte_kernel::Decimal;
use calypte_venues::hyperliquid::protocol::{Candle, Millis};
use std::collections::VecDeque;

/// Most candles that are kept of each length.
pub const CANDLES_MAX: usize = 5_000;

/// A candle, running or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) open_time: u64,
    pub(super) open: Decimal,
    pub(super) high: Decimal,
    pub(super) low: Decimal,
    pub(super) close: Decimal,
    pub(super) volume: Decimal,
    pub(super) trades: u64,
}

impl Bar {
    /// Of one trade.
    pub(super) fn of(time: u64, price: Decimal, size: Decimal) -> Self {
        Self { open_time: time, open: price, high: price, low: price, close: price, volume: size, trades: 1 }
    }

    fn flat(open_time: u64, price: Decimal) -> Self {
        Self { volume: Decimal::ZERO, trades: 0, ..Self::of(open_time, price, Decimal::ZERO) }
    }

    fn take(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume = self.volume.saturating_add(later.volume);
        self.trades = self.trades.saturating_add(later.trades);
    }

    /// As it is told.
    pub(super) fn shown(&self, coin: &str, interval: Interval) -> Candle {
        Candle {
            open_time: Millis::new(self.open_time).unwrap_or_default(),
            end_time: Millis::new(interval.end_of(self.open_time).saturating_sub(1)).unwrap_or_default(),
            coin: coin.to_owned(),
            interval: interval.to_string(),
            open: self.open.into(),
            close: self.close.into(),
            high: self.high.into(),
            low: self.low.into(),
            volume: self.volume.into(),
            trades: self.trades,
        }
    }
}

/// The candles of a coin in all lengths. A stretch without trades is not there until the next trade: then it is filled with flat
/// ones of no volume, as the exchange does it.
#[derive(Debug, Clone)]
pub(super) struct Candles {
    series: Vec<(Interval, VecDeque<Bar>)>,
}

impl Candles {
    pub(super) fn new() -> Self {
        Self { series: Interval::all().map(|interval| (interval, VecDeque::new())).collect() }
    }

    /// Takes up a trade, or a whole candle that is not longer than the shortest. Times do not fall. Longer candles are made of the
    /// shortest, quiet ones among them.
    pub(super) fn take(&mut self, bar: &Bar) {
        let mut quiet = Vec::new();
        for (interval, bars) in &mut self.series {
            if *interval == Interval::MINUTE {
                quiet = take(*interval, bars, bar);
                continue;
            }
            for bar in quiet.iter().chain([bar]) {
                take(*interval, bars, bar);
            }
        }
    }

    /// The newest of a length.
    pub(super) fn last(&self, interval: Interval) -> Option<&Bar> {
        self.of(interval).last()
    }

    /// All that are kept of a length, oldest first.
    pub(super) fn of(&self, interval: Interval) -> impl DoubleEndedIterator<Item = &Bar> {
        self.series.iter().filter(move |(length, _)| *length == interval).flat_map(|(_, bars)| bars)
    }
}

/// Takes up a candle. Gives the flat ones that were made before it.
fn take(interval: Interval, bars: &mut VecDeque<Bar>, bar: &Bar) -> Vec<Bar> {
    let open_time = interval.open_of(bar.open_time);
    if let Some(last) = bars.back_mut().filter(|last| last.open_time >= open_time) {
        last.take(bar);
        return Vec::new();
    }
    let mut flat = Vec::new();
    if let Some(last) = bars.back() {
        let (close, mut quiet) = (last.close, interval.end_of(last.open_time));
        // What would fall out again need not be made: only as many are kept.
        if let Interval::Fixed(length) = interval {
            let kept = length.saturating_mul(CANDLES_MAX as u64);
            quiet = quiet.max(interval.open_of(open_time.saturating_sub(kept)));
        }
        while quiet < open_time {
            flat.push(Bar::flat(quiet, close));
            quiet = interval.end_of(quiet);
        }
    }
    for bar in &flat {
        push(bars, *bar);
    }
    push(bars, Bar { open_time, ..*bar });
    flat
}

fn push(bars: &mut VecDeque<Bar>, bar: Bar) {
    if bars.len() == CANDLES_MAX {
        bars.pop_front();
    }
    bars.push_back(bar);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(candles: &mut Candles, time: u64, price: i64) {
        candles.take(&Bar::of(time, price.into(), Decimal::ONE));
    }

    #[test]
    fn a_candle_takes_up_the_trades_of_its_time() {
        let mut candles = Candles::new();
        for (time, price) in [(60_000, 10), (60_001, 14), (119_999, 9), (120_000, 11)] {
            trade(&mut candles, time, price);
        }
        let minutes: Vec<_> = candles.of(Interval::MINUTE).map(|bar| bar.shown("KO", Interval::MINUTE)).collect();
        assert_eq!(minutes.len(), 2);
        let first = serde_json::to_string(&minutes[0]).expect("text");
        assert_eq!(first, r#"{"t":60000,"T":119999,"s":"KO","i":"1m","o":"10","c":"9","h":"14","l":"9","v":"3","n":3}"#);
        let hour = candles.last("1h".parse().expect("an hour")).expect("one");
        assert_eq!((hour.open_time, hour.trades, hour.close), (0, 4, Decimal::from(11)));
    }

    #[test]
    fn quiet_minutes_come_late_and_flat() {
        let mut candles = Candles::new();
        trade(&mut candles, 0, 10);
        assert_eq!(candles.of(Interval::MINUTE).count(), 1, "nothing is made up while it is quiet");
        trade(&mut candles, 180_000, 12);
        let closes: Vec<_> = candles.of(Interval::MINUTE).map(|bar| (bar.open_time, bar.close, bar.trades)).collect();
        let number = Decimal::from;
        assert_eq!(closes, [(0, number(10), 1), (60_000, number(10), 0), (120_000, number(10), 0), (180_000, number(12), 1)]);
    }

    #[test]
    fn years_of_quiet_are_bounded() {
        let mut candles = Candles::new();
        trade(&mut candles, 0, 10);
        trade(&mut candles, 4_000_000_000_000, 12);
        assert!(Interval::all().all(|interval| candles.of(interval).count() <= CANDLES_MAX));
        assert_eq!(candles.of(Interval::MINUTE).count(), CANDLES_MAX);
    }

    #[test]
    fn longer_candles_are_made_of_the_shorter_ones() {
        let mut candles = Candles::new();
        let mut random = super::super::random::Random::new(3);
        let mut time = 1_700_000_000_000;
        for _ in 0..2_000 {
            time += random.below(90_000);
            trade(&mut candles, time, 100 + random.below(50).cast_signed());
        }
        let minutes: Vec<_> = candles.of(Interval::MINUTE).collect();
        for name in ["5m", "1h", "4h", "1d"] {
            let interval: Interval = name.parse().expect(name);
            for bar in candles.of(interval).skip(1) {
                let end = interval.end_of(bar.open_time);
                let within = minutes.iter().filter(|minute| (bar.open_time..end).contains(&minute.open_time));
                let mut whole: Option<Bar> = None;
                for minute in within {
                    match &mut whole {
                        Some(whole) => whole.take(minute),
                        None => whole = Some(**minute),
                    }
                }
                let whole = whole.expect("minutes");
                assert_eq!((bar.open, bar.high, bar.low, bar.close), (whole.open, whole.high, whole.low, whole.close));
                assert_eq!((bar.volume, bar.trades), (whole.volume, whole.trades));
            }
        }
    }
}
