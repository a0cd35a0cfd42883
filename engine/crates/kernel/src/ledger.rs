//! The money and the positions of one strategy.

use crate::position::{OutOfRange, Position};
use crate::{AccountView, Decimal, InstrumentId, MarginMode, Price, VenueFill};

/// Leverage and margin mode of each instrument, where they were set, by the instrument's place.
pub(crate) type LeverageSettings = [Option<(u32, MarginMode)>];

/// What trading made, besides open positions. Exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Money {
    /// Profit of what is flat again, less fees, plus funding.
    pub(crate) settled: Decimal,
    /// Fees paid; rebates count against them.
    pub(crate) fees: Decimal,
    /// Funding received less funding paid.
    pub(crate) funding: Decimal,
}

impl Money {
    /// With a profit that became settled and a fee that was paid.
    pub(crate) fn with_fill(self, profit: Decimal, fee: Decimal) -> Result<Self, OutOfRange> {
        let settled = self.settled.checked_add(profit).and_then(|sum| sum.checked_sub(fee)).ok_or(OutOfRange)?;
        let fees = self.fees.checked_add(fee).ok_or(OutOfRange)?;
        Ok(Self { settled, fees, ..self })
    }

    /// With a funding payment received.
    pub(crate) fn with_funding(self, payment: Decimal) -> Result<Self, OutOfRange> {
        let settled = self.settled.checked_add(payment).ok_or(OutOfRange)?;
        let funding = self.funding.checked_add(payment).ok_or(OutOfRange)?;
        Ok(Self { settled, funding, ..self })
    }
}

/// The books of one strategy.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) money: Money,
    /// Every instrument it ever held, by number; what is flat stays for its realized profit.
    positions: Vec<Position>,
}

impl Ledger {
    /// Its position in an instrument, signed.
    pub(crate) fn size_in(&self, instrument: InstrumentId) -> Decimal {
        self.position(instrument).map_or(Decimal::ZERO, Position::size)
    }

    /// Its position in an instrument, if it ever had one.
    pub(crate) fn position(&self, instrument: InstrumentId) -> Option<&Position> {
        let place = self.positions.binary_search_by_key(&instrument, Position::instrument).ok()?;
        Some(&self.positions[place])
    }

    /// Its positions that are not zero, by instrument.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Position> {
        self.positions.iter().filter(|position| !position.size().is_zero())
    }

    /// Applies a fill to the strategy's books and to those of the account, or to neither.
    pub(crate) fn fill(&mut self, fill: &VenueFill, account: &mut Money) -> Result<(), OutOfRange> {
        self.change(fill.instrument, fill.fee, account, |position| position.fill(fill.side, fill.price, fill.size))
    }

    /// Applies a fill that the exchange's word on the account contained already: its money, and of its size what was nobody's
    /// until now.
    pub(crate) fn explain(&mut self, fill: &VenueFill, nobodys: &mut Decimal, account: &mut Money) -> Result<(), OutOfRange> {
        let terms = (fill.side, fill.price, fill.size);
        self.change(fill.instrument, fill.fee, account, |position| position.explain(terms, nobodys))
    }

    /// Brings a position to what the exchange says it is; what it lost is taken to have gone at a price.
    pub(crate) fn replace(
        &mut self,
        (instrument, size, entry): (InstrumentId, Decimal, Option<Price>),
        price: Decimal,
        account: &mut Money,
    ) -> Result<(), OutOfRange> {
        self.change(instrument, Decimal::ZERO, account, |position| position.replace(size, entry, price))
    }

    /// Changes a position and the money of the strategy and the account by what became settled and a fee, or nothing.
    fn change(
        &mut self,
        instrument: InstrumentId,
        fee: Decimal,
        account: &mut Money,
        change: impl FnOnce(&mut Position) -> Result<Decimal, OutOfRange>,
    ) -> Result<(), OutOfRange> {
        let place = match self.positions.binary_search_by_key(&instrument, Position::instrument) {
            Ok(place) => place,
            Err(place) => {
                self.positions.insert(place, Position::new(instrument));
                place
            }
        };
        let mut position = self.positions[place].clone();
        let profit = change(&mut position)?;
        let (own, all) = (self.money.with_fill(profit, fee)?, account.with_fill(profit, fee)?);
        (self.positions[place], self.money, *account) = (position, own, all);
        Ok(())
    }

    /// Brings a view up to date, all but its orders and fee rates.
    pub(crate) fn show(&self, view: &mut AccountView, paid_in: Decimal, leverage: &LeverageSettings) {
        view.settled = paid_in.saturating_add(self.money.settled);
        view.margin_used = Decimal::ZERO;
        view.positions.clear();
        for position in self.held() {
            let position = position.view(leverage[position.instrument().get() as usize]);
            let leverage = position.leverage.map(Decimal::from);
            // Without a leverage the venue named, how much margin is held is not known, and none is shown.
            let margin =
                leverage.and_then(|leverage| position.size.abs().checked_mul(position.entry_price)?.checked_div(leverage));
            view.margin_used = view.margin_used.saturating_add(margin.unwrap_or_default());
            view.positions.push(position);
        }
    }
}
