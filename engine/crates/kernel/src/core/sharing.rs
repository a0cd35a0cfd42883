//! Several strategies in one instrument of a netted account: who may be there, on which side, and what the exchange is told.

use super::TradingCore;
use super::exits::reducible;
use crate::denial::{Denial, DenialCode};
use crate::orders::OpenOrder;
use crate::slot::Slot;
use crate::{
    Approved, Books, Command, Decimal, InstrumentId, Netting, NewOrder, OrderKind, Rounding, Side, Size, VenueFill, derived,
};

/// How far open orders that may open can take a position, if all buys or all sells of them fill.
#[derive(Debug, Clone, Copy)]
struct Reach {
    long: Decimal,
    short: Decimal,
}

impl TradingCore {
    /// Whether a strategy may trade an instrument beside whoever does already.
    pub(super) fn check_alone(&self, place: usize, instrument: InstrumentId) -> Result<(), Denial> {
        if self.settings.books == Books::Apart {
            return Ok(());
        }
        let trading = self.places_trading(instrument).unwrap_or_default();
        let shares = |place: usize| self.slots[place].deployment.shares;
        let other = trading.into_iter().find(|other| *other != place && !(shares(*other) && shares(place)));
        other.map_or(Ok(()), |other| {
            let (other, id) = (self.slots[other].id(), instrument);
            let message = format!("strategy {other} trades instrument {id}; both must be allowed to share, or one must end");
            Err(Denial::new(DenialCode::InstrumentTaken, message))
        })
    }

    /// Whether an approved order fits what others hold of a shared instrument, and what its strategy has left to reduce.
    pub(super) fn check_share(&self, place: usize, order: &Approved<Command>) -> Result<(), Denial> {
        if !self.is_sharing(place) {
            return Ok(());
        }
        match order.get() {
            Command::Place(new) if new.reduce_only => self.check_left(place, new),
            Command::Place(new) => self.check_sides(place, new.instrument, new.side, new.size.get()),
            Command::Amend { order, instrument, size, .. } => {
                let open = self.slots[place].orders.open().iter().find(|open| open.client_id == *order);
                let Some(open) = open else { return Ok(()) };
                if open.order.reduce_only {
                    return self.check_left_for(place, open, *size);
                }
                let open = &open.order;
                let more = size.get().saturating_sub(open.size.get()).max(Decimal::ZERO);
                self.check_sides(place, *instrument, open.side, more)
            }
            Command::Cancel { .. }
            | Command::CancelOutside { .. }
            | Command::SetLeverage { .. }
            | Command::ScheduleCancel { .. } => Ok(()),
        }
    }

    /// The exchange cannot cut a reduce-only order to a virtual position.
    fn check_left(&self, place: usize, new: &NewOrder) -> Result<(), Denial> {
        if matches!(new.kind, OrderKind::Trigger { .. } | OrderKind::TrailingStop { .. }) {
            return Ok(()); // it waits here, and is cut when its price comes
        }
        let left = match new.kind {
            // What waits for others to make way will take its part.
            OrderKind::Market => {
                let waits = self.waiting_to_go(place, new.instrument, new.side);
                self.left_to_close(place, new.instrument, new.side).saturating_sub(waits).max(Decimal::ZERO)
            }
            _ => self.left_to_reduce(place, new.instrument, new.side),
        };
        if new.size.get() > left { Err(beyond_own(new.size.get(), new.instrument, left)) } else { Ok(()) }
    }

    /// A larger size of a reduce-only order must fit what is left beside it. One that waits here is cut when its price comes.
    fn check_left_for(&self, place: usize, open: &OpenOrder, size: Size) -> Result<(), Denial> {
        let order = &open.order;
        let wanted = size.get().saturating_sub(order.filled);
        let left = self.left_beside(place, order.instrument, order.side, |other| other.client_id != open.client_id);
        let fits = wanted <= left || wanted <= order.remaining();
        if fits { Ok(()) } else { Err(beyond_own(wanted, order.instrument, left)) }
    }

    fn check_sides(&self, place: usize, instrument: InstrumentId, side: Side, size: Decimal) -> Result<(), Denial> {
        if self.settings.netting == Netting::Allow {
            return Ok(());
        }
        let overflow = || {
            let message = format!("what orders of instrument {instrument} could come to cannot be represented");
            Denial::new(DenialCode::NumberOutOfRange, message)
        };
        let own = self.reach_of(place, instrument).ok_or_else(overflow)?;
        let opens = match side {
            Side::Buy => own.long.checked_add(size).ok_or_else(overflow)? > Decimal::ZERO,
            Side::Sell => own.short.checked_sub(size).ok_or_else(overflow)? < Decimal::ZERO,
        };
        for other in (0..self.slots.len()).filter(|other| *other != place && opens) {
            let reach = self.reach_of(other, instrument).ok_or_else(overflow)?;
            let is_opposite = match side {
                Side::Buy => reach.short < Decimal::ZERO,
                Side::Sell => reach.long > Decimal::ZERO,
            };
            if is_opposite {
                let (to, other) = (if side == Side::Buy { "long" } else { "short" }, self.slots[other].id());
                let message = format!(
                    "it could make the strategy {to} in instrument {instrument}, and strategy {other} is on the other side or \
                     could come to be: the account does not allow opposite positions"
                );
                return Err(Denial::new(DenialCode::OppositePosition, message));
            }
        }
        Ok(())
    }

    fn reach_of(&self, place: usize, instrument: InstrumentId) -> Option<Reach> {
        let slot = &self.slots[place];
        let held = slot.ledger.size_in(instrument);
        let mut reach = Reach { long: held, short: held };
        let open = slot.orders.open().iter().map(|open| &open.order);
        for order in open.filter(|order| order.instrument == instrument && !order.reduce_only) {
            match order.side {
                Side::Buy => reach.long = reach.long.checked_add(order.remaining())?,
                Side::Sell => reach.short = reach.short.checked_sub(order.remaining())?,
            }
        }
        Some(reach)
    }

    /// Books what the exchange forced on a shared position to those whose positions it reduces, as they hold them; false where
    /// that is not clear.
    pub(super) fn book_shares(&mut self, fill: &VenueFill) -> bool {
        let instrument = self.settings.instruments.get(fill.instrument.get() as usize);
        let Some(rules) = instrument.map(|instrument| instrument.rules) else { return false };
        let of_slot = |(place, slot): (usize, &Slot)| (place, reducible(slot.ledger.size_in(fill.instrument), fill.side));
        let held: Vec<(usize, Decimal)> =
            self.slots.iter().enumerate().map(of_slot).filter(|(_, held)| !held.is_zero()).collect();
        let Some(shares) = shares(fill.size.get(), &held, |size| rules.round_size(size, Rounding::Down)) else { return false };
        let (mut size_left, mut fee_left) = (fill.size.get(), fill.fee);
        for (place, share) in shares {
            let Ok(size) = Size::new(share) else { continue };
            size_left = size_left.saturating_sub(share);
            let part = fill.fee.checked_mul(share).and_then(|part| part.checked_div(fill.size.get())).map(derived);
            // The last one takes what rounding leaves of the fee.
            let fee = if size_left.is_zero() { fee_left } else { part.unwrap_or_default() };
            fee_left = fee_left.saturating_sub(fee);
            self.book(place, &VenueFill { size, fee, ..fill.clone() }, None);
        }
        true
    }

    /// An order as the exchange is told of it: of a shared instrument it is told that an order only reduces where that is true
    /// of all that the account holds, since it would refuse it else.
    pub(super) fn as_the_exchange_sees_it(&self, place: usize, order: Approved<Command>) -> Approved<Command> {
        let Command::Place(new) = order.get() else { return order };
        let covers = || new.size.get() <= reducible(self.size_held(new.instrument), new.side);
        if !new.reduce_only || !self.is_sharing(place) || covers() {
            return order;
        }
        order.without_reduce_only()
    }
}

fn beyond_own(size: Decimal, instrument: InstrumentId, left: Decimal) -> Denial {
    let message = format!(
        "reduce-only {size} of instrument {instrument}, which is shared: {left} of the strategy's own position is left to reduce"
    );
    Denial::new(DenialCode::ReduceOnlyIncreases, message)
}

/// A size divided among holders as they hold, in lots, nobody's share above what he holds; none where it is more than all hold.
fn shares(size: Decimal, held: &[(usize, Decimal)], lots: impl Fn(Decimal) -> Decimal) -> Option<Vec<(usize, Decimal)>> {
    let sum = held.iter().try_fold(Decimal::ZERO, |sum, (_, held)| sum.checked_add(*held)).filter(|sum| size <= *sum)?;
    let mut left = size;
    let mut shares = Vec::with_capacity(held.len());
    for (place, held) in held {
        let share = lots(size.checked_mul(*held)?.checked_div(sum)?).min(*held).min(left);
        left = left.checked_sub(share)?;
        shares.push((*place, share));
    }
    for ((_, share), (_, held)) in shares.iter_mut().zip(held) {
        let more = left.min(held.checked_sub(*share)?);
        (*share, left) = (share.checked_add(more)?, left.checked_sub(more)?);
    }
    Some(shares)
}
