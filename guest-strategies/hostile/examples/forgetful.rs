//! Counts candles, decides by the count and by what the engine keeps of them, and saves the count. It asks for more history than there
//! may be. With `forgets` it takes no notice of what it saved when it begins anew.

use calypte_strategy::SeriesId;
use calypte_strategy::prelude::*;

struct Forgetful {
    series: SeriesId,
    instrument: InstrumentId,
    candles: u32,
}

impl Strategy for Forgetful {
    fn describe() -> Manifest {
        hostile::manifest("forgetful").parameter(Parameter::boolean("forgets", false).doc("Whether it forgets what it saved."))
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let series = context.primary()?;
        context.subscribe(series, 500);
        let forgets: bool = context.param("forgets")?;
        let saved = context.restored.as_deref().filter(|_| !forgets);
        let candles = saved.and_then(|saved| saved.try_into().ok()).map_or(0, u32::from_le_bytes);
        Ok(Self { series: series.id, instrument: series.instrument, candles })
    }

    fn on_candle(&mut self, _event: &CandleEvent, intents: &mut Intents) {
        self.candles += 1;
        let kept = u32::try_from(market::candles(self.series, 25).len()).unwrap_or_default();
        intents.set_target(self.instrument, Decimal::from((self.candles + kept) % 5));
    }

    fn save(&mut self) -> Vec<u8> {
        self.candles.to_le_bytes().to_vec()
    }
}

calypte_strategy::export!(Forgetful);
