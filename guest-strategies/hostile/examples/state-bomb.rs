//! Writes keys of a kibibyte to the store on each candle, as many as the parameter `keys` says, and goes on when it is refused.

use calypte_strategy::info;
use calypte_strategy::prelude::*;

struct StateBomb {
    keys: u64,
}

impl Strategy for StateBomb {
    fn describe() -> Manifest {
        hostile::manifest("state-bomb").parameter(Parameter::integer("keys", 1_000_000).doc("Keys on each candle."))
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        hostile::subscribe(context)?;
        Ok(Self { keys: context.param("keys")? })
    }

    fn on_candle(&mut self, _event: &CandleEvent, _intents: &mut Intents) {
        let value = [b'x'; 1024];
        let mut first = None;
        for key in 0..self.keys {
            if let Err(refusal) = state::set(&key.to_string(), &value) {
                first.get_or_insert((key, refusal));
            }
        }
        if let Some((key, refusal)) = first {
            info!("refused from key {key} on: {refusal:?}");
        }
    }
}

calypte_strategy::export!(StateBomb);
