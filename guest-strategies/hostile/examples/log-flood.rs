//! Logs as many lines on one candle as the parameter `lines` says, the first of them a quarter of a megabyte long.

use calypte_strategy::prelude::*;
use calypte_strategy::{Level, log};

/// Far above any limit on a line.
const BYTES: usize = 1 << 18;

struct LogFlood {
    lines: u64,
}

impl Strategy for LogFlood {
    fn describe() -> Manifest {
        hostile::manifest("log-flood").parameter(Parameter::integer("lines", 1_000_000).doc("Lines on each candle."))
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        hostile::subscribe(context)?;
        Ok(Self { lines: context.param("lines")? })
    }

    fn on_candle(&mut self, _event: &CandleEvent, _intents: &mut Intents) {
        log::write(Level::Info, &"x".repeat(BYTES));
        for _ in 1..self.lines {
            log::write(Level::Error, "flood");
        }
    }
}

calypte_strategy::export!(LogFlood);
