//! Write a Calypte strategy in Rust.
//!
//! A strategy is a type that implements [`Strategy`], and one line that makes a component of it:
//!
//! ```
//! use calypte_strategy::prelude::*;
//!
//! /// Buys one unit at the first candle and holds it.
//! struct Hold {
//!     series: SeriesInfo,
//! }
//!
//! impl Strategy for Hold {
//!     fn describe() -> Manifest {
//!         Manifest::new("hold", "1.0.0").description("Buys one unit and holds it.").candles()
//!     }
//!
//!     fn init(context: &mut Context) -> Result<Self, Refusal> {
//!         let series = context.primary()?;
//!         context.subscribe(series, 0);
//!         Ok(Self { series })
//!     }
//!
//!     fn on_candle(&mut self, _event: &CandleEvent, intents: &mut Intents) {
//!         intents.set_target(self.series.instrument, 1);
//!     }
//! }
//!
//! calypte_strategy::export!(Hold);
//! # fn main() {}
//! ```
//!
//! Around it: [`indicators`] that cost constant time per value, exact [`Decimal`]s for money, [`market`], [`account`] and
//! [`state`] to ask, [`log`], [`chart`] and [`status`] to tell, and [`testing`], which drives a strategy in plain
//! `cargo test` without an engine.

pub mod account;
mod backend;
#[doc(hidden)]
pub mod bindings;
pub mod chart;
#[doc(hidden)]
pub mod component;
mod context;
mod decimal;
#[doc(hidden)]
pub mod hears;
pub mod indicators;
mod intents;
pub mod log;
mod manifest;
pub mod market;
mod params;
#[cfg(any(target_family = "wasm", test))]
#[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "natively only its layout is looked at"))]
mod returned;
pub mod state;
pub mod status;
mod strategy;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod types;

pub use context::Context;
pub use decimal::{Decimal, DecimalError, SCALE_MAX};
pub use hears::Hears;
pub use intents::{AmendDraft, Intents, OrderDraft, TargetDraft};
pub use params::{FromParam, ParamError, Parameters, Refusal};
pub use rust_decimal;
pub use strategy::Strategy;
pub use types::*;

/// What a strategy's file needs: `use calypte_strategy::prelude::*;`.
pub mod prelude {
    pub use crate::{
        BalanceEvent, BookEvent, Candle, CandleEvent, Context, ContextEvent, Decimal, FeedEvent, Fill, FundingEvent, Hears,
        InstrumentId, InstrumentInfo, Intents, Manifest, OrderChange, OrderEvent, OrderRef, OrderTag, Parameter, Parameters,
        Position, PositionEvent, QuoteEvent, Refusal, Rounding, SeriesInfo, Side, StopReason, Strategy, TimerEvent,
        TimerSource, Timestamp, TradeEvent, Urgency, account, chart, dec, indicators, market, state, status,
    };
}
