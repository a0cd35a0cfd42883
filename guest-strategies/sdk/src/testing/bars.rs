//! Candles written down shortly.

use crate::{Candle, Decimal, Timestamp};

/// Decimals kept of an `f64` that a test writes down.
const DECIMALS: u8 = 8;

/// A candle without a time: the bench numbers them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Traded size.
    pub volume: f64,
}

impl Bar {
    /// As a candle that opens at a time.
    pub(super) fn at(self, open_time: Timestamp) -> Candle {
        let exact = |value| Decimal::from_f64(value, DECIMALS).expect("a test's prices are finite").normalize();
        let (open, high, low, close) = (exact(self.open), exact(self.high), exact(self.low), exact(self.close));
        Candle { open_time, open, high, low, close, volume: exact(self.volume) }
    }
}

/// Candles from closes: each opens at the close before it and reaches no further than its open and its close.
pub fn closes(closes: impl IntoIterator<Item = f64>) -> Vec<Bar> {
    let mut before = None;
    let bar = |close: f64| {
        let open = before.replace(close).unwrap_or(close);
        Bar { open, high: open.max(close), low: open.min(close), close, volume: 1000.0 }
    };
    closes.into_iter().map(bar).collect()
}

/// Candles from open, high, low and close.
pub fn bars(bars: impl IntoIterator<Item = (f64, f64, f64, f64)>) -> Vec<Bar> {
    bars.into_iter().map(|(open, high, low, close)| Bar { open, high, low, close, volume: 1000.0 }).collect()
}
