//! Bindings without the SDK, for attacks on the asynchronous side of a hook.

#[allow(missing_docs, unsafe_code, unreachable_pub, unused_qualifications, clippy::pedantic, reason = "generated code")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package calypte:hostile;

            world raw {
                export calypte:strategy/lifecycle@0.1.0;
                export calypte:strategy/market-events@0.1.0;
            }
        ",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_raw",
        default_bindings_module: "hostile::raw::bindings",
        type_section_suffix: "raw",
    });
}

use bindings::exports::calypte::strategy::{lifecycle, market_events};

/// An attack in the asynchronous body of `on-candle`.
pub trait Attack: 'static {
    /// Its name.
    const NAME: &'static str;

    /// The attack.
    fn on_candle() -> impl Future<Output = ()>;
}

impl<T: Attack> lifecycle::Guest for T {
    fn describe() -> lifecycle::Manifest {
        lifecycle::Manifest {
            name: T::NAME.into(),
            version: "1.0.0".into(),
            description: "Attacks the engine. For tests only.".into(),
            parameters: Vec::new(),
            feeds: vec![lifecycle::FeedKind::Candles],
            tick_interval_ms: None,
        }
    }

    async fn init(context: lifecycle::Context) -> Result<Vec<lifecycle::Subscription>, String> {
        let series = context.series.first().ok_or("no candles were given")?.id;
        Ok(vec![lifecycle::Subscription::Candles(lifecycle::CandleSubscription { series, warm_up: 0 })])
    }

    async fn on_stop(_reason: lifecycle::StopReason) -> Vec<lifecycle::Intent> {
        Vec::new()
    }
}

impl<T: Attack> market_events::Guest for T {
    async fn on_candle(_event: market_events::CandleEvent) -> Vec<market_events::Intent> {
        T::on_candle().await;
        Vec::new()
    }

    async fn on_trade(_event: market_events::TradeEvent) -> Vec<market_events::Intent> {
        Vec::new()
    }

    async fn on_quote(_event: market_events::QuoteEvent) -> Vec<market_events::Intent> {
        Vec::new()
    }

    async fn on_book(_event: market_events::BookEvent) -> Vec<market_events::Intent> {
        Vec::new()
    }

    async fn on_context(_event: market_events::ContextEvent) -> Vec<market_events::Intent> {
        Vec::new()
    }
}

/// Name of an attack: natively, what keeps it from being unused.
#[must_use]
pub fn name<T: Attack>() -> &'static str {
    T::NAME
}

/// Makes a component of an [`Attack`].
#[rustfmt::skip] // it would move the line with `with_types_in`
#[macro_export]
macro_rules! export_attack {
    ($attack:ident) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            $crate::raw::bindings::export_raw!($attack with_types_in $crate::raw::bindings);
        };

        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> &'static str = $crate::raw::name::<$attack>;
    };
}
