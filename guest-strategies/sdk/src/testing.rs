//! A test kit that drives a strategy in plain `cargo test`: no engine, no wasm.
//!
//! ```
//! use calypte_strategy::prelude::*;
//! use calypte_strategy::testing::{Bench, closes};
//! # struct Hold(SeriesInfo);
//! # impl Strategy for Hold {
//! #     fn describe() -> Manifest { Manifest::new("hold", "1.0.0").parameter(Parameter::number("size", 1)).candles() }
//! #     fn init(context: &mut Context) -> Result<Self, Refusal> {
//! #         let series = context.primary()?;
//! #         context.subscribe(series, 0);
//! #         Ok(Self(series))
//! #     }
//! #     fn on_candle(&mut self, _: &CandleEvent, intents: &mut Intents) {
//! #         if account::position(self.0.instrument).is_flat() { intents.set_target(self.0.instrument, 2); }
//! #     }
//! # }
//!
//! let bench = Bench::<Hold>::new().param("size", 2).candles(closes([100.0, 101.0, 102.0])).run();
//! assert_eq!(bench.position().size, dec!(2));
//! assert_eq!(bench.fills()[0].price, dec!(100)); // at the open of the second candle
//! ```
//!
//! The kit has an exchange of its own, simple on purpose: market orders fill at the next candle's open, limits and triggers
//! when a candle touches their price, always completely; no margin, no funding, no latency. It tells a strategy's logic
//! apart from its mistakes. What a strategy *earns* is for `calypte backtest` to say.

mod bars;
mod bench;
mod exchange;
pub(crate) mod imports;
mod rules;
mod world;

pub use bars::{Bar, bars, closes};
pub use bench::{Bench, Session};

#[cfg(test)]
mod tests;
