//! Decides on candles of five minutes and acts on those of one: no attack, but the strategy whose runs must be the same whether
//! the longer candles are given as a file or made from the shorter ones.

use calypte_strategy::info;
use calypte_strategy::prelude::*;

const MINUTE_MS: u64 = 60_000;
/// Longer candles whose mean the last of them is compared with.
const LONGER: u32 = 3;

struct TwoTimeframes {
    shorter: SeriesInfo,
    longer: SeriesInfo,
    rising: Option<bool>,
}

impl Strategy for TwoTimeframes {
    fn describe() -> Manifest {
        Manifest::new("two-timeframes", "1.0.0").description("Follows candles of five minutes on those of one.").candles()
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let (shorter, longer) = (context.series_of("BTC", MINUTE_MS)?, context.series_of("BTC", 5 * MINUTE_MS)?);
        context.subscribe(shorter, 2);
        context.subscribe(longer, LONGER);
        Ok(Self { shorter, longer, rising: None })
    }

    fn on_candle(&mut self, event: &CandleEvent, intents: &mut Intents) {
        let (candle, close) = (&event.candle, event.candle.close.to_f64());
        if event.series == self.longer.id {
            let kept = market::candles(self.longer.id, LONGER);
            let mean = kept.iter().map(|candle| candle.close.to_f64()).sum::<f64>() / f64::from(LONGER);
            self.rising = (kept.len() == LONGER as usize).then_some(close > mean);
            info!("longer, warm-up {}: {candle:?}, {} kept, mean {mean}", event.warm_up, kept.len());
        } else if event.series == self.shorter.id && !event.warm_up {
            match (self.rising.take(), candle.close > candle.open) {
                (Some(true), _) => _ = intents.set_target(self.shorter.instrument, 1),
                (Some(false), true) => _ = intents.set_target(self.shorter.instrument, -1),
                (Some(false), false) => intents.close(self.shorter.instrument),
                (None, _) => {}
            }
        }
    }
}

calypte_strategy::export!(TwoTimeframes);
