//! What a strategy sees of margin: what the kernel knows of it or can reckon, and nothing where it does not.
//!
//! Reckoned when the account changes, at the marks of that moment: the liquidation price of the only position of an account in
//! cross margin does not move with them, that of several does.

use super::TradingCore;
use crate::margin::{Collateral, Exposure, MarginSummary, MarginTable};
use crate::{AccountView, Books, Decimal, InstrumentId, MarginMode, Price, derived};
use smallvec::SmallVec;
use std::sync::Arc;

/// Liquidation prices of a strategy's positions, and the margin that its open orders reserve.
#[derive(Debug, Default)]
pub(crate) struct Estimates {
    pub(crate) liquidation: SmallVec<[(InstrumentId, Option<Decimal>); 4]>,
    pub(crate) reserved: Decimal,
}

impl TradingCore {
    /// What a strategy sees of its account, brought up to date.
    #[inline]
    pub(super) fn view_of(&mut self, place: usize) -> &Arc<AccountView> {
        let estimates = if self.slots[place].changed { Some(self.estimates(place)) } else { None };
        self.slots[place].view(&self.settings, &self.leverage, estimates)
    }

    fn estimates(&self, place: usize) -> Estimates {
        let slot = &self.slots[place];
        let held = slot.ledger.held().map(crate::Position::instrument);
        let liquidation = held.map(|instrument| (instrument, self.liquidation_price(place, instrument))).collect();
        let reserved = if slot.orders.open().is_empty() { Some(Decimal::ZERO) } else { self.reserved(place) };
        Estimates { liquidation, reserved: reserved.unwrap_or_default() }
    }

    /// Initial margin that a strategy's open orders could add to what it holds, as far as leverages and prices are known.
    fn reserved(&self, place: usize) -> Option<Decimal> {
        let mut sum = Decimal::ZERO;
        if self.leverage.iter().all(Option::is_none) {
            return Some(sum); // nothing is reserved that anybody could name
        }
        for (instrument, stake) in self.tally(&self.slots[place], None)? {
            let at = instrument.get() as usize;
            let Some((leverage, _)) = self.leverage[at] else { continue };
            let table = &self.settings.instruments[at].margin;
            let margin = |notional| table.initial_margin(notional, leverage).ok();
            sum = sum.checked_add(margin(stake.worst()?)?.checked_sub(margin(stake.held.abs())?)?)?;
        }
        Some(sum)
    }

    /// At which mark price the exchange takes a position: its own word while the size it was said of still stands, else an
    /// estimate. None where the margin mode, the tiers, a mark or what is nobody's leave it open.
    pub(super) fn liquidation_price(&self, place: usize, instrument: InstrumentId) -> Option<Decimal> {
        let at = instrument.get() as usize;
        if let Some(said) = self.holdings[at].liquidation_price {
            return Some(derived(said.get()));
        }
        let is_cross = |at: usize| self.leverage[at].is_some_and(|(_, mode)| mode == MarginMode::Cross);
        if !is_cross(at) || self.settings.instruments[at].margin == MarginTable::NONE {
            return None;
        }
        if self.holdings.iter().any(|holding| !holding.unattributed.is_zero()) {
            return None; // what it was bought for is not known, and so not the cash
        }
        let mut sizes: SmallVec<[(InstrumentId, Decimal); 4]> = SmallVec::new();
        let mut cash = self.settled();
        let mut own = Decimal::ZERO;
        for (slot, position) in
            self.slots.iter().enumerate().flat_map(|(at, slot)| slot.ledger.held().map(move |held| (at, held)))
        {
            cash = cash.checked_add(position.flow())?;
            let known = sizes.iter_mut().find(|(of, _)| self.settings.books == Books::Netted && *of == position.instrument());
            match known {
                Some((_, size)) => *size = size.checked_add(position.size())?,
                None => sizes.push((position.instrument(), position.size())),
            }
            if (slot, position.instrument()) == (place, instrument) {
                own = position.size();
            }
        }
        if self.settings.books == Books::Netted {
            own = sizes.iter().find(|(of, _)| *of == instrument)?.1;
        }
        let exposure = |instrument: InstrumentId, size| {
            let at = instrument.get() as usize;
            let (mark, table) = (self.feeds.mark_price(instrument)?, &self.settings.instruments[at].margin);
            let leverage = self.leverage[at].filter(|_| is_cross(at))?.0;
            Some(Exposure { size, mark, leverage, collateral: Collateral::Cross, table })
        };
        let exposures: Option<SmallVec<[Exposure<'_>; 4]>> = sizes.iter().map(|(of, size)| exposure(*of, *size)).collect();
        let summary = MarginSummary::of(cash, exposures?).ok()?;
        let price = summary.liquidation_price(&exposure(instrument, own)?).ok()?;
        price.map(|price: Price| derived(price.get()))
    }
}
