//! Momentum: RSI and MACD.

use super::averages::Ema;
use super::volatility::Wilder;

/// Relative strength index after Wilder, 0 to 100: gains and losses averaged by Wilder's method over `n` changes.
#[derive(Debug, Clone, Copy)]
pub struct Rsi {
    before: Option<f64>,
    gains: Wilder,
    losses: Wilder,
}

impl Rsi {
    /// Over `period` changes; a period of 0 counts as 1.
    #[must_use]
    pub fn new(period: usize) -> Self {
        Self { before: None, gains: Wilder::new(period), losses: Wilder::new(period) }
    }

    /// Takes a value and returns the index; none before there are `period` changes, that is `period + 1` values.
    ///
    /// 100 where nothing was lost, 50 where nothing moved.
    #[inline]
    pub fn update(&mut self, value: f64) -> Option<f64> {
        let change = value - self.before.replace(value)?;
        // Both first, then the answers: each must see every change.
        let (gain, loss) = (self.gains.update(change.max(0.0)), self.losses.update((-change).max(0.0)));
        let (gain, loss) = (gain?, loss?);
        if gain + loss == 0.0 {
            return Some(50.0);
        }
        Some(100.0 * gain / (gain + loss))
    }
}

/// What [`Macd`] says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MacdValue {
    /// Fast average less slow average.
    pub macd: f64,
    /// The average of that.
    pub signal: f64,
    /// The difference of the two.
    pub histogram: f64,
}

/// Moving average convergence/divergence, from averages that start with the first value ([`Ema`]).
#[derive(Debug, Clone, Copy)]
pub struct Macd {
    fast: Ema,
    slow: Ema,
    signal: Ema,
}

impl Macd {
    /// Usually `Macd::new(12, 26, 9)`.
    #[must_use]
    pub fn new(fast: usize, slow: usize, signal: usize) -> Self {
        Self { fast: Ema::new(fast), slow: Ema::new(slow), signal: Ema::new(signal) }
    }

    /// Takes a value. The first `slow + signal` answers still lean on the start.
    #[inline]
    pub fn update(&mut self, value: f64) -> MacdValue {
        let macd = self.fast.update(value) - self.slow.update(value);
        let signal = self.signal.update(macd);
        MacdValue { macd, signal, histogram: macd - signal }
    }
}
