//! Answers each candle with as many orders as the parameter `intents` says.

use calypte_strategy::prelude::*;

struct IntentFlood {
    intents: u64,
}

impl Strategy for IntentFlood {
    fn describe() -> Manifest {
        let intents = Parameter::integer("intents", 100_000).doc("Orders on each candle.");
        hostile::manifest("intent-flood").parameter(intents)
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        hostile::subscribe(context)?;
        Ok(Self { intents: context.param("intents")? })
    }

    fn on_candle(&mut self, _event: &CandleEvent, intents: &mut Intents) {
        for tag in 1..=self.intents {
            intents.buy_limit(0, 1, 1).tag(tag);
        }
    }
}

calypte_strategy::export!(IntentFlood);
