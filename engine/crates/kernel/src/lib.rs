//! TradingCore: one account's state machine. It decides; the shell around it acts.
//!
//! No I/O, no clock, no randomness, no wasm, no tokio: what happened and what time it is go in, what to do comes out, and equal
//! inputs give equal outputs. Live, paper, backtest, replay and simulation tests are small loops around it.

#![forbid(unsafe_code)]

mod account;
mod core;
mod denial;
mod event;
mod hook;
mod ids;
mod instrument;
mod intent;
pub mod journal;
mod ledger;
mod margin;
mod market;
mod number;
mod order;
mod orders;
mod position;
mod queue;
mod risk;
mod slot;
mod store;
mod surface;
#[cfg(test)]
mod tests;
mod time;
mod timers;
mod venue;
mod views;

pub use core::{STRATEGIES_MAX, TradingCore};
pub use denial::{Denial, DenialCode};
pub use event::*;
pub use hook::*;
pub use ids::*;
pub use instrument::{Instrument, NotASymbol, Rounding, Rules, SYMBOL_BYTES_MAX, Symbol};
pub use intent::*;
pub use margin::*;
pub use market::*;
pub use number::{DERIVED_DECIMALS, NotPositive, Price, Size, derived, statistic};
pub use order::*;
pub use position::{OutOfRange, Position};
pub use risk::{Approved, Lane, ORDER_TAG_MAX, Request, RiskGate, Standing};
pub use rust_decimal::Decimal;
pub use slot::StrategyView;
pub use surface::*;
pub use time::{NotATimeframe, Timeframe, Timestamp};
pub use timers::TICK_INTERVAL_MS_MIN;
pub use venue::*;
pub use views::*;
