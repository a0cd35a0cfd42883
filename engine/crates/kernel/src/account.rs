//! What the account holds, as far as it is more than what its strategies hold: the exchange's latest word on each position,
//! and what belongs to no strategy.

use crate::{Decimal, InstrumentId, MarginMode, PositionReport, Price, Timestamp};

/// One instrument of the account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holding {
    /// Signed size that belongs to no strategy: traded by hand, or not to be told apart.
    pub(crate) unattributed: Decimal,
    /// Exchange time of the latest fill that was applied.
    pub(crate) filled_at: Option<Timestamp>,
    /// Exchange time of its latest word on the position.
    reported_at: Option<Timestamp>,
    /// As the exchange said with the size that still stands.
    pub(crate) liquidation_price: Option<Price>,
}

impl Holding {
    /// Whether a message on the position is older than what is known already.
    pub(crate) fn is_past(&self, time: Timestamp) -> bool {
        self.filled_at.is_some_and(|filled| time < filled) || self.reported_at.is_some_and(|reported| time < reported)
    }

    /// Whether a message is newer than every fill that is known.
    pub(crate) fn is_news(&self, time: Timestamp) -> bool {
        self.filled_at.is_none_or(|filled| time > filled)
    }

    /// Whether the exchange's word on the position contained a fill of that time already.
    pub(crate) fn contains(&self, time: Timestamp) -> bool {
        self.reported_at.is_some_and(|reported| time <= reported)
    }

    /// Notes a fill.
    pub(crate) fn filled(&mut self, time: Timestamp) {
        self.filled_at = self.filled_at.max(Some(time));
        self.liquidation_price = None;
    }

    /// Notes the exchange's word.
    pub(crate) fn reported(&mut self, report: &PositionReport) {
        self.reported_at = Some(report.time);
        self.liquidation_price = report.liquidation_price.filter(|_| !report.size.is_zero());
    }
}

/// What a report says of leverage: both or nothing, and nothing without a position.
pub(crate) fn leverage_of(report: &PositionReport) -> Option<(u32, MarginMode)> {
    report.leverage.zip(report.margin_mode).filter(|_| !report.size.is_zero())
}

/// A report that an instrument is not held.
pub(crate) const fn flat(instrument: InstrumentId, time: Timestamp) -> PositionReport {
    PositionReport {
        instrument,
        size: Decimal::ZERO,
        entry_price: None,
        leverage: None,
        margin_mode: None,
        liquidation_price: None,
        time,
    }
}
