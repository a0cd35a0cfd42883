//! Moving averages.

use super::window::Window;

/// Exponential moving average with `a = 2 / (n + 1)`, started with the first value (not with a mean of the first `n`).
#[derive(Debug, Clone, Copy)]
pub struct Ema {
    alpha: f64,
    value: Option<f64>,
}

impl Ema {
    /// Over `period` values; a period of 0 counts as 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "periods are small")]
    pub fn new(period: usize) -> Self {
        Self { alpha: 2.0 / (period.max(1) as f64 + 1.0), value: None }
    }

    /// Takes a value and returns the average.
    #[inline]
    pub fn update(&mut self, value: f64) -> f64 {
        let average = match self.value {
            Some(before) => self.alpha * value + (1.0 - self.alpha) * before,
            None => value,
        };
        self.value = Some(average);
        average
    }

    /// The average so far; none before the first value.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.value
    }
}

/// Simple moving average: the mean of the last `n` values.
#[derive(Debug, Clone)]
pub struct Sma {
    window: Window,
    sum: f64,
}

impl Sma {
    /// Over `period` values; a period of 0 counts as 1.
    #[must_use]
    pub fn new(period: usize) -> Self {
        Self { window: Window::new(period), sum: 0.0 }
    }

    /// Takes a value and returns the average; none before there are `period` values.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.sum += value - self.window.push(value).unwrap_or(0.0);
        if self.window.wrapped() {
            // Adding and taking away leaves a rounding error behind each time; once per round the sum is made anew.
            self.sum = self.window.values().iter().sum();
        }
        self.value()
    }

    /// The average so far; none before there are `period` values.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.window.is_full().then(|| self.sum / self.window.period())
    }
}
