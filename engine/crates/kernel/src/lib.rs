//! TradingCore: one account's state machine. It decides; the shell around it acts.
//!
//! No I/O, no clock, no randomness, no wasm, no tokio: what happened and what time it is go in, what to do comes out, and equal
//! inputs give equal outputs. Live, paper, backtest, replay and simulation tests are small loops around it.

#![forbid(unsafe_code)]

mod account;
mod core;
mod denial;
mod event;
mod external;
mod guard;
mod guarded;
mod hook;
mod ids;
mod instrument;
mod intent;
pub mod journal;
mod kill;
mod ledger;
mod leverage_asked;
mod listed;
mod margin;
mod market;
mod number;
mod order;
mod order_life;
mod orders;
mod position;
mod protections;
mod queue;
mod rates;
mod restart;
mod risk;
mod sharing;
mod slot;
mod store;
mod surface;
#[cfg(test)]
mod tests;
mod time;
mod timers;
mod venue;
mod views;

pub use core::{MarginView, Oddities, STRATEGIES_MAX, TradingCore};
pub use denial::{Denial, DenialCode};
pub use event::*;
pub use hook::*;
pub use ids::*;
pub use instrument::{Instrument, NotASymbol, Rounding, Rules, SYMBOL_BYTES_MAX, Symbol};
pub use intent::*;
pub use kill::*;
pub use margin::*;
pub use market::*;
pub use number::{DERIVED_DECIMALS, NotPositive, Price, Size, derived, statistic};
pub use order::*;
pub use order_life::OrderState;
pub use position::{OutOfRange, Position};
pub use protections::{PROTECTIONS_MAX, Pause, Protection, ProtectionKind, ROUND_TRIPS_MAX};
pub use rates::{RATE_PERIOD_MS_MAX, Rate};
pub use restart::RestartPolicy;
pub use risk::*;
pub use rust_decimal::Decimal;
pub use sharing::{Holds, Netting};
pub use slot::StrategyView;
pub use surface::*;
pub use time::{NotATimeframe, Timeframe, Timestamp};
pub use timers::TICK_INTERVAL_MS_MIN;
pub use venue::*;
pub use views::*;
