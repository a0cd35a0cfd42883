//! Hands the thread back for ever, and never returns.

use hostile::raw::Attack;

struct EndlessYield;

impl Attack for EndlessYield {
    const NAME: &'static str = "endless-yield";

    async fn on_candle() {
        loop {
            wit_bindgen::yield_async().await;
        }
    }
}

hostile::export_attack!(EndlessYield);
