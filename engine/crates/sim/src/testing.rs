//! Short ways to write candles and numbers, for the tests of this crate.

use calypte_kernel::{Candle, Decimal, Price, Timestamp};

/// A number as it is written.
pub(crate) fn number(text: &str) -> Decimal {
    text.parse().expect(text)
}

/// A price as it is written.
pub(crate) fn price(text: &str) -> Price {
    Price::new(number(text)).expect(text)
}

/// A one-minute candle: open, high, low, close, with volume.
pub(crate) fn candle(minute: i64, prices: [&str; 4]) -> Candle {
    let [open, high, low, close] = prices.map(price);
    Candle { open_time: Timestamp::from_millis(minute * 60_000), open, high, low, close, volume: Decimal::ONE }
}

/// A one-minute candle that does not move.
pub(crate) fn flat(minute: i64, at: &str) -> Candle {
    candle(minute, [at; 4])
}
