//! An exchange and a clock made of arithmetic: matching, fees, backtests, statistics. No I/O, no wasm.

#![forbid(unsafe_code)]

mod exchange;
mod outcome;
mod source;
#[cfg(test)]
mod testing;

pub use exchange::{
    Exchange, ExchangeSettings, ExchangeSettingsError, LimitFill, STANDING_ORDERS_MAX, ZeroVolume, path as candle_path,
};
pub use outcome::*;
pub use source::{BATCH_MAX, CandleSource, Gap, ItemSource, MemorySource, SourceError, SourceItem};

/// Most points of equity that an outcome keeps.
pub const EQUITY_POINTS_MAX: usize = 4096;
