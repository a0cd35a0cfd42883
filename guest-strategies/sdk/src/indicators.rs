//! Indicators that take one value at a time, in constant time and without memory taken per value.
//!
//! Each says how it starts, because that is where libraries differ and backtests disagree. All of them work on `f64`:
//! an indicator is an opinion about the market, not an amount of money.
//!
//! The kept libraries of the field were looked at and not taken: `ta` averages the true range exponentially with
//! `2 / (n + 1)` where Wilder has the mean and then `1 / n`, and its RSI likewise; `yata` starts every average with the first
//! value, Wilder's too. Both give other numbers than the tables that these are tested against.

mod averages;
mod channels;
mod momentum;
mod volatility;
mod window;

pub use averages::{Ema, Sma};
pub use channels::{Bands, Bollinger, Channel, Donchian};
pub use momentum::{Macd, MacdValue, Rsi};
pub use volatility::{Atr, TrueRange};

#[cfg(test)]
mod tests;
