//! The peers' benchmark strategy in plain Rust, written from its rules and from nothing of the engine: what a backtest of
//! `ema-atr` must agree with to the last digit.
//!
//! Own CSV reading, own indicators, own ledger; only `Decimal` is shared.

use anyhow::{Context as _, Result, ensure};
use rust_decimal::Decimal;
use std::io::BufRead;

/// One candle as the file has it.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Open time, Unix milliseconds.
    pub open_time: i64,
    /// First price.
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
    /// Traded size.
    pub volume: Decimal,
}

/// The strategy's parameters.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Period of the fast average.
    pub fast: u32,
    /// Period of the slow average.
    pub slow: u32,
    /// Period of the average true range.
    pub atr: u32,
    /// Least ratio of average true range to close.
    pub filter: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { fast: 12, slow: 26, atr: 14, filter: 0.0005 }
    }
}

/// A fill of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// Time of the open it filled at.
    pub time: i64,
    /// Signed size.
    pub size: Decimal,
    /// Price.
    pub price: Decimal,
    /// Fee.
    pub fee: Decimal,
}

/// What the reference ends with.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Every fill.
    pub fills: Vec<Fill>,
    /// Sum of absolute sizes.
    pub units: Decimal,
    /// Cash plus the position at the last close.
    pub final_equity: Decimal,
    /// Sum of fees.
    pub fees: Decimal,
}

/// Reads `open_time_ms,open,high,low,close,volume` with a header.
///
/// # Errors
/// Where a line is not that.
pub fn read(reader: impl BufRead) -> Result<Vec<Bar>> {
    let mut bars = Vec::new();
    for line in reader.lines().skip(1) {
        let line = line?;
        let fields: Vec<&str> = line.split(',').collect();
        ensure!(fields.len() == 6, "six fields expected in {line:?}");
        let number = |index: usize| fields[index].parse::<Decimal>().with_context(|| line.clone());
        bars.push(Bar {
            open_time: fields[0].parse()?,
            open: number(1)?,
            high: number(2)?,
            low: number(3)?,
            close: number(4)?,
            volume: number(5)?,
        });
    }
    Ok(bars)
}

/// Runs the rules over the bars: signals at closes, fills at the next open, one unit long or short.
pub fn run(bars: &[Bar], rules: Rules, cash: Decimal, fee_rate: Decimal) -> Ledger {
    let mut ledger = Ledger { fills: Vec::new(), units: Decimal::ZERO, final_equity: cash, fees: Decimal::ZERO };
    let (mut cash, mut position) = (cash, Decimal::ZERO);
    let mut signals = Signals::new(rules);
    let mut wanted: Option<Decimal> = None;
    for bar in bars {
        if let Some(target) = wanted.take() {
            let size = target - position;
            if !size.is_zero() {
                let fee = fee_rate * size.abs() * bar.open;
                cash -= size * bar.open + fee;
                position += size;
                ledger.fees += fee;
                ledger.units += size.abs();
                ledger.fills.push(Fill { time: bar.open_time, size, price: bar.open, fee });
            }
        }
        wanted = signals.close(bar).map(Decimal::from);
    }
    if let Some(last) = bars.last() {
        ledger.final_equity = cash + position * last.close;
    }
    ledger
}

/// The indicators and the crossing rule, in `f64` as the rules say.
struct Signals {
    rules: Rules,
    closed: u32,
    fast: f64,
    slow: f64,
    previous_close: f64,
    true_range_sum: f64,
    atr: f64,
}

impl Signals {
    fn new(rules: Rules) -> Self {
        Self { rules, closed: 0, fast: 0.0, slow: 0.0, previous_close: 0.0, true_range_sum: 0.0, atr: 0.0 }
    }

    /// The target position that the close of a bar asks for.
    fn close(&mut self, bar: &Bar) -> Option<i32> {
        let number = |value: Decimal| value.to_string().parse::<f64>().expect("a decimal reads as a float");
        let (high, low, close) = (number(bar.high), number(bar.low), number(bar.close));
        let (fast_before, slow_before) = (self.fast, self.slow);
        let period = f64::from(self.rules.atr);
        if self.closed == 0 {
            (self.fast, self.slow) = (close, close);
            self.true_range_sum = high - low;
        } else {
            let (a, b) = (2.0 / (f64::from(self.rules.fast) + 1.0), 2.0 / (f64::from(self.rules.slow) + 1.0));
            self.fast = a * close + (1.0 - a) * self.fast;
            self.slow = b * close + (1.0 - b) * self.slow;
            let range = (high - low).max((high - self.previous_close).abs()).max((low - self.previous_close).abs());
            if self.closed < self.rules.atr {
                self.true_range_sum += range;
            } else {
                self.atr = ((period - 1.0) * self.atr + range) / period;
            }
        }
        if self.closed + 1 == self.rules.atr {
            self.atr = self.true_range_sum / period;
        }
        self.previous_close = close;
        self.closed += 1;
        let enough = self.closed >= self.rules.slow && self.closed >= self.rules.atr;
        if !enough || self.atr / close <= self.rules.filter {
            return None;
        }
        if fast_before <= slow_before && self.fast > self.slow {
            return Some(1);
        }
        (fast_before >= slow_before && self.fast < self.slow).then_some(-1)
    }
}
