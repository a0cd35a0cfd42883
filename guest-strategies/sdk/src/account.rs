//! What is known about the account as of this event: the strategy's own share of it.

use crate::{Collateral, FeeRates, InstrumentId, Order, Position, backend};

/// The position in an instrument; size zero where there is none.
#[must_use]
pub fn position(instrument: InstrumentId) -> Position {
    backend::account::position_in(instrument)
}

/// All positions that are not zero, by instrument.
#[must_use]
pub fn positions() -> Vec<Position> {
    backend::account::positions()
}

/// The collateral.
#[must_use]
pub fn balance() -> Collateral {
    backend::account::balance()
}

/// Every open order of this strategy, by number.
#[must_use]
pub fn open_orders() -> Vec<Order> {
    backend::account::open_orders(None)
}

/// Open orders of this strategy on one instrument, by number.
#[must_use]
pub fn open_orders_on(instrument: InstrumentId) -> Vec<Order> {
    backend::account::open_orders(Some(instrument))
}

/// The fee rates.
#[must_use]
pub fn fees() -> FeeRates {
    backend::account::fees()
}
