//! What the hostile guests share: a manifest, a subscription, and bindings for those that need more than the SDK gives.
//!
//! Each attack is a file in `examples/`, built into a component of its own. The README lists what the host must answer.

pub mod raw;

use calypte_strategy::prelude::*;

/// A manifest that says nothing but the attack's name.
#[must_use]
pub fn manifest(name: &str) -> Manifest {
    Manifest::new(name, "1.0.0").description("Attacks the engine. For tests only.").candles()
}

/// Subscribes to the first series, without warm-up.
///
/// # Errors
/// Where there is no series.
pub fn subscribe(context: &mut Context) -> Result<SeriesInfo, Refusal> {
    let series = context.primary()?;
    context.subscribe(series, 0);
    Ok(series)
}

/// A strategy whose whole attack is one hook on a candle, an expression over `event` and `intents`.
#[macro_export]
macro_rules! on_candle {
    ($name:literal, |$event:ident, $intents:ident| $attack:expr) => {
        /// The attack.
        #[derive(Debug)]
        pub struct Attack(calypte_strategy::SeriesInfo);

        impl calypte_strategy::Strategy for Attack {
            fn describe() -> calypte_strategy::Manifest {
                $crate::manifest($name)
            }

            fn init(context: &mut calypte_strategy::Context) -> Result<Self, calypte_strategy::Refusal> {
                $crate::subscribe(context).map(Self)
            }

            fn on_candle(&mut self, $event: &calypte_strategy::CandleEvent, $intents: &mut calypte_strategy::Intents) {
                $attack
            }
        }

        calypte_strategy::export!(Attack);
    };
}
