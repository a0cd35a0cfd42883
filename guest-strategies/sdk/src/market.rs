//! What is known about the market as of this event.

use crate::{Candle, Decimal, InstrumentId, InstrumentInfo, Quote, Rounding, SeriesId, Side, Timestamp, backend};

/// The engine's time now: of the event being handled.
#[must_use]
pub fn now() -> Timestamp {
    backend::market::now()
}

/// The latest closed candles of a subscribed series, oldest first: at most `count`.
#[must_use]
pub fn candles(series: SeriesId, count: u32) -> Vec<Candle> {
    backend::market::candles(series, count)
}

/// Price of the last trade, or the last close; none before the first.
#[must_use]
pub fn last_price(instrument: InstrumentId) -> Option<Decimal> {
    backend::market::last_price(instrument)
}

/// Mark price; where none is published, the last price.
#[must_use]
pub fn mark_price(instrument: InstrumentId) -> Option<Decimal> {
    backend::market::mark_price(instrument)
}

/// Best bid and offer; none where quotes are not known.
#[must_use]
pub fn best(instrument: InstrumentId) -> Option<Quote> {
    backend::market::best(instrument)
}

/// Worst price reached by taking `size` from the known book.
#[must_use]
pub fn price_for_volume(instrument: InstrumentId, side: Side, size: impl Into<Decimal>) -> Option<Decimal> {
    backend::market::price_for_volume(instrument, side, size.into())
}

/// Volume-weighted average price of taking `size` from the known book.
#[must_use]
pub fn vwap_for_volume(instrument: InstrumentId, side: Side, size: impl Into<Decimal>) -> Option<Decimal> {
    backend::market::vwap_for_volume(instrument, side, size.into())
}

/// Rules of an instrument.
#[must_use]
pub fn instrument(instrument: InstrumentId) -> Option<InstrumentInfo> {
    backend::market::instrument(instrument)
}

/// A price brought onto the instrument's grid; none for an unknown instrument, or where no price of the grid is left.
#[must_use]
pub fn round_price(instrument: InstrumentId, price: impl Into<Decimal>, rounding: Rounding) -> Option<Decimal> {
    backend::market::round_price(instrument, price.into(), rounding)
}

/// A size brought onto the instrument's lot grid; none for an unknown instrument.
#[must_use]
pub fn round_size(instrument: InstrumentId, size: impl Into<Decimal>, rounding: Rounding) -> Option<Decimal> {
    backend::market::round_size(instrument, size.into(), rounding)
}
