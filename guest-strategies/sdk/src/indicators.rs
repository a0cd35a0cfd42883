//! Indicators that take one value at a time, in constant time and without memory taken per value.
//!
//! Each says how it starts, because that is where libraries differ and backtests disagree. All of them work on `f64`:
//! an indicator is an opinion about the market, not an amount of money.
//!
//! The kept libraries of the field (`ta`, `yata`) were looked at and not taken: `ta` seeds the true range's average
//! exponentially instead of with Wilder's mean, `yata` hands out signals rather than values and rounds through its own
//! `ValueType`, and either would be the larger half of a small component.

mod averages;
mod channels;
mod momentum;
mod volatility;
mod window;

pub use averages::{Ema, Sma};
pub use channels::{Bands, Bollinger, Channel, Donchian};
pub use momentum::{Macd, MacdValue, Rsi};
pub use volatility::{Atr, TrueRange};
