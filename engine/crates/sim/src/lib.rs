//! An exchange and a clock made of arithmetic: matching, fees, backtests, statistics. No I/O, no wasm.

#![forbid(unsafe_code)]

mod accounting;
mod backtest;
mod exchange;
mod outcome;
mod resample;
mod source;
#[cfg(test)]
mod testing;
mod timeline;

pub use backtest::{
    Backtest, BacktestError, BacktestSettings, BacktestSettingsError, InputRecorder, RecorderError, SeriesSource, TRADES_MAX,
};
pub use exchange::{
    Exchange, ExchangeSettings, ExchangeSettingsError, LimitFill, STANDING_ORDERS_MAX, ZeroVolume, path as candle_path,
};
pub use outcome::*;
pub use resample::{NotDerivable, Resampler};
pub use source::{BATCH_MAX, CandleSource, Gap, ItemSource, MemorySource, SourceError, SourceItem};
pub use timeline::{SERIES_MAX, SeriesData};

/// Most points of equity that an outcome keeps.
pub const EQUITY_POINTS_MAX: usize = 4096;
