//! True range and its Wilder average.

/// True range: the largest of high - low, |high - previous close| and |low - previous close|; of the first candle, high - low.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrueRange {
    close: Option<f64>,
}

impl TrueRange {
    /// Before the first candle.
    #[must_use]
    pub const fn new() -> Self {
        Self { close: None }
    }

    /// Takes a candle and returns its true range.
    #[inline]
    pub fn update(&mut self, high: f64, low: f64, close: f64) -> f64 {
        let range = match self.close {
            Some(before) => (high - low).max((high - before).abs()).max((low - before).abs()),
            None => high - low,
        };
        self.close = Some(close);
        range
    }
}

/// Average true range after Wilder: the mean of the first `n` true ranges, then `((n - 1) × before + range) / n`.
#[derive(Debug, Clone, Copy)]
pub struct Atr {
    range: TrueRange,
    average: Wilder,
}

impl Atr {
    /// Over `period` candles; a period of 0 counts as 1.
    #[must_use]
    pub fn new(period: usize) -> Self {
        Self { range: TrueRange::new(), average: Wilder::new(period) }
    }

    /// Takes a candle and returns the average; none before there are `period` candles.
    #[inline]
    pub fn update(&mut self, high: f64, low: f64, close: f64) -> Option<f64> {
        let range = self.range.update(high, low, close);
        self.average.update(range)
    }

    /// The average so far.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.average.value()
    }
}

/// Wilder's average: the mean of the first `n` values, then each new one with weight `1 / n`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wilder {
    period: f64,
    seen: f64,
    /// The sum while fewer than `n` values were seen, then the average.
    value: f64,
}

impl Wilder {
    #[expect(clippy::cast_precision_loss, reason = "periods are small")]
    pub(super) fn new(period: usize) -> Self {
        Self { period: period.max(1) as f64, seen: 0.0, value: 0.0 }
    }

    #[inline]
    pub(super) fn update(&mut self, value: f64) -> Option<f64> {
        if self.seen < self.period {
            self.seen += 1.0;
            self.value += value;
            if self.seen < self.period {
                return None;
            }
            self.value /= self.period;
        } else {
            self.value = ((self.period - 1.0) * self.value + value) / self.period;
        }
        Some(self.value)
    }

    pub(super) fn value(&self) -> Option<f64> {
        (self.seen >= self.period).then_some(self.value)
    }
}
