//! Uses what the standard library offers that a sandbox has to answer for: printing, hash maps, clocks, the environment.
//!
//! On `wasm32-wasip2` all of it works and is harmless: what is printed goes to the strategy's log, clocks show the event's
//! time, a hash map's order follows from the run's seed. On `wasm32-unknown-unknown` printing does nothing.

use calypte_strategy::prelude::*;
use std::collections::HashMap;

/// Counts closes by their price.
struct StandardLibrary {
    closes: HashMap<String, u32>,
}

impl Strategy for StandardLibrary {
    fn describe() -> Manifest {
        let texts = HashMap::from([("version", "1.0.0"), ("description", "Prints, hashes and asks for the time.")]);
        Manifest::new("standard-library", texts["version"]).description(texts["description"]).candles()
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let series = context.primary()?;
        context.subscribe(series, 0);
        println!("{} variables, {} arguments", std::env::vars().count(), std::env::args().count());
        Ok(Self { closes: HashMap::new() })
    }

    fn on_candle(&mut self, event: &CandleEvent, _intents: &mut Intents) {
        let close = event.candle.close.to_f64();
        *self.closes.entry(close.to_string()).or_default() += 1;
        println!("close {close}, {} different", self.closes.len());
        eprintln!("{} times", self.closes[&close.to_string()]);
        // There is no clock to ask on a target without WASI.
        #[cfg(target_os = "wasi")]
        if let Ok(time) = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            println!("{} ms, keys in the order {:?}", time.as_millis(), self.closes.keys().collect::<Vec<_>>());
        }
        assert!(close < 1_000.0, "a close of {close} is absurd");
    }
}

calypte_strategy::export!(StandardLibrary);
