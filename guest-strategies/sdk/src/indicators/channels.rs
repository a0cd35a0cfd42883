//! Bands and channels: Bollinger and Donchian.

use super::averages::Sma;
use super::window::Window;
use std::collections::VecDeque;

/// What [`Bollinger`] says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bands {
    /// The mean plus `width` standard deviations.
    pub upper: f64,
    /// The mean.
    pub middle: f64,
    /// The mean less `width` standard deviations.
    pub lower: f64,
}

/// Bollinger bands: the mean of the last `n` values and so many population standard deviations around it.
#[derive(Debug, Clone)]
pub struct Bollinger {
    mean: Sma,
    window: Window,
    width: f64,
    /// Sum of squared distances from `origin`, which keeps the squares small: prices are large and move little.
    squares: f64,
    sum: f64,
    origin: f64,
}

impl Bollinger {
    /// Usually `Bollinger::new(20, 2.0)`.
    #[must_use]
    pub fn new(period: usize, width: f64) -> Self {
        Self { mean: Sma::new(period), window: Window::new(period), width, squares: 0.0, sum: 0.0, origin: 0.0 }
    }

    /// Takes a value; none before there are `period` values.
    pub fn update(&mut self, value: f64) -> Option<Bands> {
        let (distance, fallen) = (value - self.origin, self.window.push(value).map(|fallen| fallen - self.origin));
        self.sum += distance - fallen.unwrap_or(0.0);
        self.squares += distance * distance - fallen.map_or(0.0, |fallen| fallen * fallen);
        if self.window.wrapped() {
            self.start_anew(value);
        }
        let middle = self.mean.update(value)?;
        let offset = self.sum / self.window.period();
        let deviation = (self.squares / self.window.period() - offset * offset).max(0.0).sqrt();
        Some(Bands { upper: middle + self.width * deviation, middle, lower: middle - self.width * deviation })
    }

    /// Once per round: sums made anew around a value near by, so that rounding errors do not pile up.
    fn start_anew(&mut self, origin: f64) {
        self.origin = origin;
        self.sum = self.window.values().iter().map(|value| value - origin).sum();
        self.squares = self.window.values().iter().map(|value| (value - origin) * (value - origin)).sum();
    }
}

/// What [`Donchian`] says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channel {
    /// Highest high.
    pub upper: f64,
    /// Lowest low.
    pub lower: f64,
}

impl Channel {
    /// Half-way between.
    #[must_use]
    pub fn middle(&self) -> f64 {
        f64::midpoint(self.upper, self.lower)
    }
}

/// Donchian channel: highest high and lowest low of the last `n` candles.
#[derive(Debug, Clone)]
pub struct Donchian {
    highs: Extreme,
    /// Lows with their sign turned, so that their highest is the lowest low.
    lows: Extreme,
}

impl Donchian {
    /// Over `period` candles; a period of 0 counts as 1.
    #[must_use]
    pub fn new(period: usize) -> Self {
        Self { highs: Extreme::new(period), lows: Extreme::new(period) }
    }

    /// Takes a candle; none before there are `period` candles. A breakout compares a candle with the channel *before* it.
    pub fn update(&mut self, high: f64, low: f64) -> Option<Channel> {
        let (upper, lower) = (self.highs.update(high), self.lows.update(-low));
        Some(Channel { upper: upper?, lower: -lower? })
    }
}

/// Highest of the last `n` values: only those that can still become the highest are kept, falling from front to back, so
/// that a value is added once and dropped once.
#[derive(Debug, Clone)]
struct Extreme {
    candidates: VecDeque<(usize, f64)>,
    period: usize,
    seen: usize,
}

impl Extreme {
    fn new(period: usize) -> Self {
        let period = period.max(1);
        Self { candidates: VecDeque::with_capacity(period + 1), period, seen: 0 }
    }

    fn update(&mut self, value: f64) -> Option<f64> {
        while self.candidates.back().is_some_and(|&(_, candidate)| candidate <= value) {
            self.candidates.pop_back();
        }
        self.candidates.push_back((self.seen, value));
        self.seen += 1;
        while self.candidates.front().is_some_and(|&(index, _)| index + self.period < self.seen) {
            self.candidates.pop_front();
        }
        let (_, highest) = *self.candidates.front()?;
        (self.seen >= self.period).then_some(highest)
    }
}
