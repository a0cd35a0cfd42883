//! Funding: paid once for each instrument and time, and shared by those who hold it.

use super::TradingCore;
use crate::orders::Seen;
use crate::queue::Rank;
use crate::{BalanceCause, Decimal, Event, FaultKind, FundingEvent, InstrumentId, Timestamp, derived};
use std::collections::BTreeSet;

/// How many times of funding are remembered of an instrument: over 40 days where it is paid every hour.
pub(crate) const FUNDING_TIMES_MAX: usize = 1_024;

/// The latest times at which an instrument paid funding, so that none is paid twice, in whatever order they are told.
#[derive(Debug, Clone, Default)]
pub(super) struct FundingTimes {
    paid: BTreeSet<Timestamp>,
    /// The latest that was forgotten: what is not later cannot be told apart.
    forgotten: Option<Timestamp>,
}

impl FundingTimes {
    /// Whether funding of that time was seen before; from now on it was.
    fn see(&mut self, time: Timestamp) -> Seen {
        if self.paid.contains(&time) {
            return Seen::Before;
        }
        if self.forgotten.is_some_and(|forgotten| time <= forgotten) {
            return Seen::TooOld;
        }
        self.paid.insert(time);
        if self.paid.len() > FUNDING_TIMES_MAX {
            self.forgotten = self.paid.pop_first();
        }
        Seen::New
    }
}

impl TradingCore {
    /// Whether the funding of an instrument due at a time was counted, as far as is remembered.
    pub fn has_paid_funding(&self, instrument: InstrumentId, due: Timestamp) -> bool {
        self.funding_paid.get(instrument.get() as usize).is_some_and(|times| times.paid.contains(&due))
    }

    /// The account received a payment, or made one. It is that of the one strategy concerned with the instrument, whatever that
    /// holds now: its fills may be told later than the payment, and those that closed it earlier. Of several, those who hold it
    /// share it as they hold it. What is left is nobody's, and a change of the collateral: the sum is always the payment.
    pub(super) fn funding(&mut self, instrument: InstrumentId, time: Timestamp, rate: Decimal, payment: Decimal) -> Option<()> {
        let paid = self.funding_paid.get_mut(instrument.get() as usize)?;
        match paid.see(time) {
            Seen::New => {}
            Seen::Before => return Some(()),
            Seen::TooOld => return None,
        }
        let event = |payment| FundingEvent { instrument, time, rate, payment };
        if let Some(place) = self.only_one_concerned(instrument) {
            self.keep_cash(time, |core| core.pay_funding(place, &event(payment)));
            return Some(());
        }
        let mut left = payment;
        let shares = self.shares_of_funding(instrument, rate, payment);
        self.keep_cash(time, |core| {
            for (place, share) in shares {
                left = left.saturating_sub(share);
                core.pay_funding(place, &event(share));
            }
            if !left.is_zero() && core.balance(time, left, BalanceCause::Other).is_none() {
                core.strays += 1;
            }
        });
        Some(())
    }

    /// What each holder gets of a payment: what it holds at what one unit got. Where the account holds nothing on balance, that
    /// is the rate at the mark, and the shares cancel out. Where all of it is held by strategies, the last one takes what rounding
    /// leaves.
    fn shares_of_funding(&self, instrument: InstrumentId, rate: Decimal, payment: Decimal) -> Vec<(usize, Decimal)> {
        let nobodys = self.unattributed(instrument);
        let sizes = self.slots.iter().map(|slot| slot.ledger.size_in(instrument)).enumerate();
        let holders: Vec<(usize, Decimal)> = sizes.filter(|(_, size)| !size.is_zero()).collect();
        let net = holders.iter().try_fold(nobodys, |sum, (_, size)| sum.checked_add(*size));
        let mark = self.feeds.mark_price(instrument).map_or(Decimal::ZERO, crate::Price::get);
        let share = |size: Decimal| match net {
            Some(net) if net.is_zero() => (-size).checked_mul(mark)?.checked_mul(rate),
            net => payment.checked_mul(size)?.checked_div(net?),
        };
        let mut left = payment;
        let count = holders.len();
        let mut shares = Vec::with_capacity(count);
        for (index, (place, size)) in holders.into_iter().enumerate() {
            let takes_the_rest = nobodys.is_zero() && index + 1 == count;
            let share = if takes_the_rest { left } else { derived(share(size).unwrap_or_default()) };
            left = left.saturating_sub(share);
            shares.push((place, share));
        }
        shares
    }

    /// The one strategy that ever held an instrument or had orders in it, as far as they are remembered.
    fn only_one_concerned(&self, instrument: InstrumentId) -> Option<usize> {
        let is_concerned = |place: &usize| {
            let slot = &self.slots[*place];
            slot.ledger.position(instrument).is_some() || slot.orders.ever_in(instrument)
        };
        let mut concerned = (0..self.slots.len()).filter(is_concerned);
        concerned.next().filter(|_| concerned.next().is_none())
    }

    fn pay_funding(&mut self, place: usize, event: &FundingEvent) {
        let slot = &mut self.slots[place];
        let paid = slot.ledger.money.with_funding(event.payment);
        let (Ok(own), Ok(all)) = (paid, self.money.with_funding(event.payment)) else {
            let detail = format!("funding {} of instrument {} leaves the range of money", event.payment, event.instrument);
            return self.fault_of(place, FaultKind::Overflow, "account", detail);
        };
        (slot.ledger.money, self.money) = (own, all);
        self.changed(place);
        let event = FundingEvent { payment: derived(event.payment), ..event.clone() };
        self.offer(place, Rank::Funding, Event::Funding(Box::new(event)));
    }
}
