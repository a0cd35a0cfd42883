//! An exchange and a clock made of arithmetic: matching, fees, backtests, statistics. No I/O, no wasm.

#![forbid(unsafe_code)]

mod accounting;
mod backtest;
mod book;
mod exchange;
mod outcome;
mod resample;
mod source;
#[cfg(test)]
mod testing;
mod ticks;
mod timeline;

pub use backtest::{
    Backtest, BacktestError, BacktestSettings, BacktestSettingsError, InputRecorder, LATENCY_MS_MAX, Latency,
    MESSAGES_UNDER_WAY_MAX, ModelSettings, RecorderError, SeriesSource, TRADES_MAX,
};
pub use book::{BOOK_ORDERS_MAX, BookError, BookLevel, BookTrade, Incoming, OrderBook, Placed, Rest, Resting, Step};
pub use exchange::{
    Exchange, ExchangeSettings, ExchangeSettingsError, Leverage, LimitFill, MarginSettings, STANDING_ORDERS_MAX, ZeroVolume,
    path as candle_path,
};
pub use outcome::*;
pub use resample::{NotDerivable, Resampler};
pub use source::{BATCH_MAX, CandleSource, Gap, ItemSource, MemorySource, SourceError, SourceItem};
pub use ticks::{FundingRate, MemoryTicks, TICK_SOURCES_MAX, Tick, TickFeed, TickKind, TickSource};
pub use timeline::{SERIES_MAX, SeriesData};

/// Most points of equity that an outcome keeps.
pub const EQUITY_POINTS_MAX: usize = 4096;
