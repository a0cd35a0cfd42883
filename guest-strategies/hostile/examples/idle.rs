//! Hears every candle and does nothing: what an event costs before a strategy does anything with it. No attack, but the
//! baseline that benchmarks take off.

use calypte_strategy::prelude::*;

/// Nothing.
pub struct Idle;

impl Strategy for Idle {
    fn describe() -> Manifest {
        Manifest::new("idle", env!("CARGO_PKG_VERSION")).description("Hears every candle and does nothing.").candles()
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let series = context.primary()?;
        context.subscribe(series, 0);
        Ok(Self)
    }

    fn on_candle(&mut self, _event: &CandleEvent, _intents: &mut Intents) {}
}

calypte_strategy::export!(Idle);
