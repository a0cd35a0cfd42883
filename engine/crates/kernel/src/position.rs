//! What a strategy holds of an instrument.

use crate::{Decimal, InstrumentId};

/// A position, kept as what flowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    instrument: InstrumentId,
    size: Decimal,
    flow: Decimal,
}

impl Position {
    /// The instrument held.
    pub const fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// Signed size; zero: none.
    pub const fn size(&self) -> Decimal {
        self.size
    }

    /// Quote asset that flowed in (positive) or out (negative) through fills since the position was last flat. Exact.
    pub const fn flow(&self) -> Decimal {
        self.flow
    }
}
