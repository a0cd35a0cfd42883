//! Hands over a text of sixteen mebibytes, where the parameter `place` says.

use calypte_strategy::prelude::*;
use calypte_strategy::{Level, log};

/// Far above any limit on a text.
const BYTES: usize = 16 << 20;

struct HugeString {
    place: String,
}

impl Strategy for HugeString {
    fn describe() -> Manifest {
        let places = ["refusal", "log", "status", "notify", "state-key", "state-value", "series", "mark", "save", "params"];
        hostile::manifest("huge-string").parameter(Parameter::choice("place", &places))
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        hostile::subscribe(context)?;
        let place: String = context.param("place")?;
        if place == "refusal" { Err(Refusal(huge())) } else { Ok(Self { place }) }
    }

    fn on_candle(&mut self, _event: &CandleEvent, intents: &mut Intents) {
        match self.place.as_str() {
            "log" => log::write(Level::Info, &huge()),
            "status" => status::text(&huge()),
            "notify" => intents.notify(Urgency::Alert, huge()),
            "state-key" => _ = state::set(&huge(), b""),
            "state-value" => _ = state::set("key", huge().as_bytes()),
            "series" => _ = chart::Series::separate(&huge()),
            "mark" => chart::mark(&huge()),
            _ => {}
        }
    }

    fn on_params(&mut self, _parameters: &Parameters) -> Result<(), Refusal> {
        if self.place == "params" { Err(Refusal(huge())) } else { Ok(()) }
    }

    fn save(&mut self) -> Vec<u8> {
        if self.place == "save" { huge().into_bytes() } else { Vec::new() }
    }
}

fn huge() -> String {
    "x".repeat(BYTES)
}

calypte_strategy::export!(HugeString);
