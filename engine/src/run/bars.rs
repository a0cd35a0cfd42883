//! The candles of a run, thinned for a picture while they pass: however long the data, the picture is bounded.

use calypte_kernel::{Candle, Price, SeriesInfo, Timestamp};
use calypte_sim::{CandleSource, SourceError, SourceItem};
use std::sync::{Arc, Mutex, PoisonError};

/// Most bars kept of one series.
pub const BARS_MAX: usize = 2_000;

/// Several candles drawn as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Open time of the first.
    pub open_time: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
}

/// The candles of a series over the whole run, thinned to at most [`BARS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesBars {
    /// Which series.
    pub series: SeriesInfo,
    /// Its bars, in order.
    pub bars: Vec<Bar>,
}

impl Bar {
    const fn of(candle: &Candle) -> Self {
        Self { open_time: candle.open_time, open: candle.open, high: candle.high, low: candle.low, close: candle.close }
    }

    fn absorb(&mut self, later: &Self) {
        if later.high.is_above(self.high) {
            self.high = later.high;
        }
        if self.low.is_above(later.low) {
            self.low = later.low;
        }
        self.close = later.close;
    }
}

/// Bars of equal numbers of candles. When there are too many, neighbours are joined and each holds twice as many.
#[derive(Debug)]
pub(super) struct Bars {
    bars: Vec<Bar>,
    candles_per_bar: u64,
    in_last: u64,
    from: Option<Timestamp>,
}

impl Bars {
    /// Bars of candles that open at `from` or later.
    pub(super) fn new(from: Option<Timestamp>) -> Self {
        Self { bars: Vec::new(), candles_per_bar: 1, in_last: 0, from }
    }

    pub(super) fn take(&mut self) -> Vec<Bar> {
        std::mem::take(&mut self.bars)
    }

    fn add(&mut self, candle: &Candle) {
        if self.from.is_some_and(|from| candle.open_time < from) {
            return;
        }
        let bar = Bar::of(candle);
        if self.in_last < self.candles_per_bar
            && let Some(last) = self.bars.last_mut()
        {
            last.absorb(&bar);
            self.in_last += 1;
            return;
        }
        if self.bars.len() == BARS_MAX {
            self.halve();
        }
        self.bars.push(bar);
        self.in_last = 1;
    }

    fn halve(&mut self) {
        let joined = self.bars.chunks(2).map(|pair| {
            let mut bar = pair[0];
            pair[1..].iter().for_each(|later| bar.absorb(later));
            bar
        });
        self.bars = joined.collect();
        self.candles_per_bar *= 2;
    }
}

/// Passes a source on, and shows each candle to the picture.
pub(super) struct Watched {
    source: Box<dyn CandleSource>,
    bars: Arc<Mutex<Bars>>,
}

impl Watched {
    pub(super) fn new(source: Box<dyn CandleSource>, bars: Arc<Mutex<Bars>>) -> Self {
        Self { source, bars }
    }
}

impl CandleSource for Watched {
    fn next_batch(&mut self, batch: &mut Vec<SourceItem>) -> Result<bool, SourceError> {
        let before = batch.len();
        let more = self.source.next_batch(batch)?;
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        for item in &batch[before..] {
            if let SourceItem::Candle(candle) = item {
                bars.add(candle);
            }
        }
        Ok(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_kernel::Decimal;

    fn candle(minute: i64) -> Candle {
        let price = |add: i64| Price::new(Decimal::from(100 + minute % 7 + add)).expect("positive");
        Candle {
            open_time: Timestamp::from_millis(minute * 60_000),
            open: price(0),
            high: price(2),
            low: price(-2),
            close: price(1),
            volume: Decimal::ONE,
        }
    }

    #[test]
    fn bars_stay_bounded_and_cover_everything() {
        let mut bars = Bars::new(None);
        for minute in 0..100_000 {
            bars.add(&candle(minute));
        }
        let step = i64::try_from(bars.candles_per_bar).expect("small") * 60_000;
        let bars = bars.take();
        assert!(bars.len() <= BARS_MAX && bars.len() >= BARS_MAX / 2, "{} bars", bars.len());
        let times = bars.iter().map(|bar| bar.open_time.as_millis()).collect::<Vec<_>>();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == step), "bars of equal length");
        assert_eq!(bars.last().map(|bar| bar.close), Some(candle(99_999).close));
        assert_eq!(bars[0].high, candle(6).high);
        assert_eq!(bars[0].low, candle(0).low);
    }

    #[test]
    fn candles_before_the_period_are_not_drawn() {
        let mut bars = Bars::new(Some(candle(10).open_time));
        for minute in 0..30 {
            bars.add(&candle(minute));
        }
        let times = bars.take().iter().map(|bar| bar.open_time).collect::<Vec<_>>();
        assert_eq!((times.len(), times[0], times[19]), (20, candle(10).open_time, candle(29).open_time));
    }
}
