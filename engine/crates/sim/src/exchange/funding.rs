//! Funding: who is long pays who is short, or the other way round, by the hour.

use crate::exchange::Exchange;
use calypte_kernel::{Decimal, InstrumentId, Timestamp, VenueEvent, derived};

impl Exchange {
    /// Funding of an instrument is due: each position pays `size × price × rate`, rounded to 8 decimals, where a positive rate
    /// is paid by who is long. The price is the last one known, since data of candles has no oracle's. Nothing happens where
    /// nobody holds the instrument or no price is known.
    ///
    /// <https://hyperliquid.gitbook.io/hyperliquid-docs/trading/funding>
    pub fn fund(&mut self, instrument: InstrumentId, time: Timestamp, rate: Decimal) {
        let Some(market) = self.markets.get(instrument.get() as usize) else { return };
        let Some(price) = market.last_price() else { return };
        let mut total = None;
        for (strategy, size) in market.positions.iter().filter(|(_, size)| !size.is_zero()) {
            // A rate is small: multiplied first, it keeps the product in range.
            let payment = derived(-size.saturating_mul(rate).saturating_mul(price));
            if let Some(clearing) = &mut self.desk.clearing {
                clearing.fund(*strategy, instrument, payment);
            }
            total = Some(total.unwrap_or(Decimal::ZERO).saturating_add(payment));
        }
        if let Some(payment) = total {
            self.desk.events.push_back(VenueEvent::Funding { instrument, time, rate, payment });
        }
    }
}
