//! What a strategy may see of its account as of an event. Snapshots are shared: a new one is made only when something changed,
//! so that an event without a change costs a reference count.

use crate::{FeeRates, InstrumentId, Order, PositionView, Price, Timestamp};
use rust_decimal::Decimal;
use smallvec::SmallVec;
use std::sync::Arc;

/// What is true of the account as of an event.
#[derive(Debug, Clone)]
pub struct Views {
    /// The time of the event.
    pub now: Timestamp,
    /// The account.
    pub account: Arc<AccountView>,
    /// Mark price of each position of `account.positions`, in its order; none while unknown.
    pub marks: Marks,
}

/// Mark prices beside positions; one position is the common case and costs no allocation.
pub type Marks = SmallVec<[Option<Price>; 1]>;

/// A strategy's share of its account.
///
/// Money is kept as what flowed, not as averages, so that it adds up to the last digit: a position remembers the quote asset
/// that flowed since it was last flat, and what it is worth is that flow plus its size at the mark price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// What was paid in, plus the profit of everything that is flat again, less fees, plus funding. Exact.
    pub settled: Decimal,
    /// Positions that are not zero, by instrument.
    pub positions: Vec<PositionView>,
    /// Open orders of the strategy, by number.
    pub orders: Vec<Order>,
    /// Fee rates.
    pub fees: FeeRates,
    /// Margin held by positions and open orders.
    pub margin_used: Decimal,
}

impl AccountView {
    /// Cash: the settled money and what partly closed positions have realized. None where it overflows.
    pub fn cash(&self) -> Option<Decimal> {
        self.positions.iter().try_fold(self.settled, |sum, position| sum.checked_add(position.realized_open()?))
    }
}

impl PositionView {
    /// What the open position has realized by partial closes: its flow plus what is left at the entry price.
    pub fn realized_open(&self) -> Option<Decimal> {
        self.size.checked_mul(self.entry_price)?.checked_add(self.flow)
    }
}

impl Views {
    /// Profit of a position at its mark price against its entry price; none while the mark price is unknown or the product
    /// overflows.
    pub fn unrealized_pnl(&self, index: usize) -> Option<Decimal> {
        let position = self.account.positions.get(index)?;
        let mark = (*self.marks.get(index)?)?;
        mark.get().checked_sub(position.entry_price)?.checked_mul(position.size)
    }

    /// What the account is worth at mark prices, exactly; none while a mark price is unknown.
    pub fn equity(&self) -> Option<Decimal> {
        let positions = self.account.positions.iter().zip(&self.marks);
        positions.map(|(position, mark)| Some((position, (*mark)?))).try_fold(self.account.settled, |sum, pair| {
            let (position, mark) = pair?;
            sum.checked_add(position.flow)?.checked_add(mark.get().checked_mul(position.size)?)
        })
    }

    /// The position in an instrument, with its place.
    pub fn position(&self, instrument: InstrumentId) -> Option<(usize, &PositionView)> {
        let index = self.account.positions.binary_search_by_key(&instrument, |position| position.instrument).ok()?;
        Some((index, &self.account.positions[index]))
    }
}
