//! What becomes of orders: what the exchange says of one is taken into its strategy's books, and told.
//!
//! An order's client id says whose it is; where the exchange leaves it out, its own number does. What is not ours is kept in a
//! book of its own. What cannot be is counted and changes nothing.

use super::TradingCore;
use super::intents::answers_of;
use crate::orders::{Happened, Learnt, News, OpenOrder, Seen};
use crate::queue::Rank;
use crate::{
    ClientOrderId, Decimal, DifferenceOf, Event, FaultKind, Force, InstrumentId, Order, OrderEvent, OrderId, OrderKind,
    OrderState, PositionCause, Side, Size, StrategyId, StrategyState, Timestamp, VenueFill, VenueOrder, VenueOrderId, derived,
};

/// What the exchange said that could not be, or should not have been. Each is a reason to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Oddities {
    /// News of orders that cannot be, given what is known of them; nothing followed.
    pub contradictions: u64,
    /// News that contradict what was said before, and were followed: a refused order that fills, a dead one that lives.
    pub reversals: u64,
    /// Fills beyond the size of their order. They count as they happened.
    pub over_fills: u64,
    /// Fills so old that whether they were counted is no longer known; they were not counted.
    pub fills_too_old: u64,
    /// Orders of somebody else that there was no room to note.
    pub external_orders_dropped: u64,
}

impl TradingCore {
    pub(super) fn owner(&self, order: ClientOrderId) -> Option<usize> {
        let origin = order.origin().filter(|origin| origin.account == self.settings.account)?;
        self.place_of(origin.strategy)
    }

    /// The order of ours that is meant: by its name, or by a number that the exchange gave it.
    fn own_order(&self, name: Option<ClientOrderId>, form: VenueOrderId) -> Option<(usize, OrderId)> {
        let named = name.and_then(|name| {
            let place = self.owner(name)?;
            Some((place, self.slots[place].orders.id_of(name)?))
        });
        if named.is_some() || name.is_some() {
            return named;
        }
        let of_slot = |(place, slot): (usize, &crate::slot::Slot)| Some((place, slot.orders.with_form(form)?));
        self.slots.iter().enumerate().find_map(of_slot)
    }

    /// Whether a fill was counted, as far as is remembered: an exchange tells some of them again.
    pub fn has_counted(&self, fill: &VenueFill) -> bool {
        self.fills.knows(fill)
    }

    /// The order of ours that a fill is of, open or gone not long ago: by the name it carries, or by the exchange's number.
    pub fn order_of(&self, fill: &VenueFill) -> Option<(StrategyId, ClientOrderId)> {
        let (place, id) = self.own_order(fill.order, fill.venue_order)?;
        let slot = &self.slots[place];
        slot.orders.name_of(id).map(|name| (slot.id(), name))
    }

    /// Where an order is in its life, be it over.
    pub(crate) fn state_of(&self, order: ClientOrderId) -> Option<OrderState> {
        let orders = &self.slots[self.owner(order)?].orders;
        orders.state(orders.id_of(order)?)
    }

    /// Takes in news of an order by its name.
    pub(super) fn learn_of(&mut self, order: ClientOrderId, news: News<'_>) -> Option<()> {
        if self.is_own_hand(order) {
            return Some(()); // what is left is looked at, not what became of each attempt
        }
        let place = self.owner(order)?;
        let id = self.slots[place].orders.id_of(order)?;
        self.learn(place, id, news, self.now)
    }

    /// Takes in news of an order.
    pub(super) fn learn(&mut self, place: usize, id: OrderId, news: News<'_>, time: Timestamp) -> Option<()> {
        let learnt = self.slots[place].orders.learn(id, news)?;
        self.follow(place, id, learnt, time);
        self.release_again(place);
        self.check_ended(place);
        Some(())
    }

    /// Counts and tells what followed from news of an order, and looks after it from now on as its state asks.
    fn follow(&mut self, place: usize, id: OrderId, learnt: Learnt, time: Timestamp) {
        self.oddities.contradictions += u64::from(learnt.contradicts);
        self.oddities.reversals += u64::from(learnt.odd);
        if let Some((order, size, filled)) = learnt.over_filled {
            self.oddities.over_fills += 1;
            self.differ(time, DifferenceOf::Filled(order), size.get(), filled);
        }
        if learnt.contradicts {
            return;
        }
        self.slots[place].changed = true;
        for happened in learnt.happened {
            self.tell(place, happened, time);
        }
        if learnt.own_cancel_failed {
            // What let it go still wants it gone: it is looked up, and asked to go again once it is found.
            self.doubt(place, id);
        }
        self.look_after(place, id);
        if learnt.revived {
            self.cancel_by_itself(place, id);
        }
    }

    fn tell(&mut self, place: usize, happened: Happened, time: Timestamp) {
        let Happened { order, change, answers } = happened;
        let event = OrderEvent { time, order: Some(order), change, answers: Some(answers) };
        self.offer(place, Rank::Account, Event::Order(Box::new(event)));
    }

    /// An order is open at the exchange. One that is over here, or that nobody remembers, is no order of a strategy any more.
    pub(super) fn found_open(&mut self, order: VenueOrder) -> Option<()> {
        self.leverage.get(order.instrument.get() as usize)?;
        if let Some((place, id)) = self.own_order(order.order, order.venue_order) {
            let contradictions = self.oddities.contradictions;
            self.learn(place, id, News::Open(&order), self.now)?;
            if self.oddities.contradictions == contradictions {
                return Some(());
            }
            let name =
                self.slots[place].orders.any_mut(id).filter(|known| known.is_back(order.as_of)).map(|known| known.client_id);
            if let Some(name) = name {
                // Its strategy was told that it is gone: it goes. Each picture that still shows it asks again.
                self.cancel_unlisted(name, order.instrument);
                return Some(());
            }
        }
        if let Some(name) = order.order.filter(|name| self.is_exit_of_ours(*name)) {
            // It came to life, and that was not told.
            return self.exit_live((name, order.venue_order), order.instrument, order.side, order.size, order.kind);
        }
        if self.external.note(order).is_err() {
            self.oddities.external_orders_dropped += 1;
        }
        Some(())
    }

    /// Whether a name is that of an attached exit which is not in the books.
    fn is_exit_of_ours(&self, name: ClientOrderId) -> bool {
        let is_exit = name.origin().is_some_and(|origin| origin.leg > 0);
        is_exit && self.owner(name).is_some_and(|place| self.slots[place].orders.id_of(name).is_none())
    }

    /// A fill moves the position at once. One of an order that nobody remembers is money all the same.
    pub(super) fn fill(&mut self, fill: &VenueFill) -> Option<()> {
        let mut known = None;
        self.keep_cash(fill.time, |core| known = core.count(fill));
        known
    }

    fn count(&mut self, fill: &VenueFill) -> Option<()> {
        self.leverage.get(fill.instrument.get() as usize)?;
        match self.fills.see(fill, self.now) {
            Seen::New => {}
            Seen::Before => {
                self.claim(fill);
                return Some(());
            }
            Seen::TooOld => {
                self.oddities.fills_too_old += 1;
                return Some(());
            }
        }
        self.external.filled(fill);
        if let Some((place, id)) = self.own_order(fill.order, fill.venue_order) {
            self.book(place, fill, Some(id));
            return Some(());
        }
        // An order of ours that is long gone still says whose the money is.
        if let Some(place) = fill.order.and_then(|order| self.owner(order)) {
            self.fills.unclaimed(fill, true);
            self.book(place, fill, None);
            return None;
        }
        if fill.order.is_some_and(|name| self.is_own_hand(name)) {
            self.fill_outside(fill);
        } else {
            self.external_fill(fill);
        }
        Some(())
    }

    /// A fill that was counted when its order was not known yet, and is told again now that it is: the order learns of it. What
    /// was nobody's becomes its strategy's; what was taken for another strategy's stays there.
    fn claim(&mut self, fill: &VenueFill) {
        let Some((place, id)) = self.own_order(fill.order, fill.venue_order) else { return };
        let Some(is_counted) = self.fills.claim(fill) else { return };
        if !is_counted {
            let (slot, holding) = (&mut self.slots[place], &mut self.holdings[fill.instrument.get() as usize]);
            let (size_before, settled_before) = (slot.ledger.size_in(fill.instrument), slot.ledger.money.settled);
            let applied = slot.ledger.explain(fill, &mut holding.unattributed, &mut self.money);
            self.changed(place);
            if let Err(error) = applied {
                let detail = format!("fill {} of {} at {}: {error}", fill.trade_id, fill.size, fill.price);
                return self.fault_of(place, FaultKind::Overflow, "account", detail);
            }
            self.note_fill(place, fill, size_before, settled_before);
            self.learn(place, id, News::Fill(fill), fill.time);
            self.tell_position(place, fill.instrument, size_before, PositionCause::Fill, fill.time);
            self.exits_follow(place, id, fill);
            return self.exits_fit(place, fill.instrument);
        }
        self.learn(place, id, News::Fill(fill), fill.time);
    }

    /// Books a fill to a strategy: the money, then the order, then whoever listens.
    pub(super) fn book(&mut self, place: usize, fill: &VenueFill, order: Option<OrderId>) {
        let slot = &mut self.slots[place];
        let (size_before, settled_before) = (slot.ledger.size_in(fill.instrument), slot.ledger.money.settled);
        let holding = &mut self.holdings[fill.instrument.get() as usize];
        let contained = holding.contains(fill.time);
        holding.filled(fill.time);
        let applied = if contained {
            slot.ledger.explain(fill, &mut holding.unattributed, &mut self.money)
        } else {
            slot.ledger.fill(fill, &mut self.money)
        };
        if contained && let Some(open) = order.and_then(|id| slot.orders.get_mut(id)) {
            open.told(fill.size);
        }
        self.changed(place);
        let cause = match fill.force {
            Some(Force::Liquidation | Force::AutoDeleveraging) => PositionCause::Liquidation,
            Some(Force::Settlement) => PositionCause::Exchange,
            None if order.is_none() && fill.order.is_none() => PositionCause::Exchange,
            None => PositionCause::Fill,
        };
        let learnt = order.and_then(|id| Some((id, self.slots[place].orders.learn(id, News::Fill(fill))?)));
        if let Err(error) = applied {
            let detail = format!("fill {} of {} at {}: {error}", fill.trade_id, fill.size, fill.price);
            if let Some((id, _)) = learnt {
                self.look_after(place, id);
            }
            return self.fault_of(place, FaultKind::Overflow, "account", detail);
        }
        self.note_fill(place, fill, size_before, settled_before);
        if let Some((id, learnt)) = learnt {
            self.follow(place, id, learnt, fill.time);
        }
        self.tell_position(place, fill.instrument, size_before, cause, fill.time);
        if let Some(id) = order {
            self.exits_follow(place, id, fill);
        }
        self.exits_fit(place, fill.instrument);
        self.check_ended(place);
    }

    /// A fill that no order of ours asked for: a liquidation, a trade by the trader's own hand. Where anything is nobody's, it
    /// changes that first; the rest is the position of the strategy that alone holds the instrument, and else nobody's; what the
    /// exchange forces is shared by those it is forced on.
    fn external_fill(&mut self, fill: &VenueFill) {
        let mut holders = (0..self.slots.len()).filter(|place| !self.slots[*place].ledger.size_in(fill.instrument).is_zero());
        if let (Some(place), None) = (holders.next(), holders.next()) {
            return self.external_fill_beside(place, fill);
        }
        if fill.force.is_some() && self.book_shares(fill) {
            return self.fills.unclaimed(fill, true);
        }
        self.fill_outside(fill);
    }

    fn external_fill_beside(&mut self, holder: usize, fill: &VenueFill) {
        let outside = changes_of_nobodys(fill, self.unattributed(fill.instrument));
        let (Ok(own), outside) = (Size::new(fill.size.get().saturating_sub(outside)), Size::new(outside)) else {
            return self.fill_outside(fill);
        };
        let mut fee = fill.fee;
        if let Ok(size) = outside {
            let part = fill.fee.checked_mul(own.get()).and_then(|part| part.checked_div(fill.size.get()));
            fee = part.map_or(fill.fee, derived);
            self.fill_outside(&VenueFill { size, ..fill.clone() });
        }
        self.fills.unclaimed(fill, true);
        self.book(holder, &VenueFill { size: own, fee, ..fill.clone() }, None);
    }

    /// A picture of all open orders. What is in it is noted; what is not, and was open here, is asked after, since where it is
    /// gone the picture does not say how.
    pub(super) fn open_orders(&mut self, as_of: Timestamp, orders: Vec<VenueOrder>) {
        let strangers = orders.len();
        let mut listed: Vec<(usize, OrderId)> = Vec::with_capacity(strangers.min(crate::external::EXTERNAL_ORDERS_MAX));
        for order in orders {
            let order = VenueOrder { as_of, ..order };
            listed.extend(self.own_order(order.order, order.venue_order));
            if self.found_open(order).is_none() {
                self.strays += 1;
            }
        }
        self.external.keep_since(as_of);
        listed.sort_unstable();
        for place in 0..self.slots.len() {
            let open = self.slots[place].orders.open().iter();
            let missing = open.filter(|open| listed.binary_search(&(place, open.order.id)).is_err());
            // One that was not heard of yet may have been on its way when the picture was taken.
            let missing = missing.filter(|open| open.state() != OrderState::Sent || open.admitted_until() < as_of);
            let missing: Vec<OrderId> = missing.map(|open| open.order.id).collect();
            for id in missing {
                self.learn(place, id, News::Unanswered, self.now);
            }
        }
    }

    /// An attached exit became an order. One of a strategy that is no longer at work goes at once.
    pub(super) fn exit_live(
        &mut self,
        (client_id, venue_order): (ClientOrderId, VenueOrderId),
        instrument: InstrumentId,
        side: Side,
        size: Size,
        kind: OrderKind,
    ) -> Option<()> {
        let place = self.owner(client_id)?;
        self.leverage.get(instrument.get() as usize)?;
        let placed = answers_of(client_id.origin()?);
        if self.slots[place].orders.id_of(client_id).is_some() {
            return self.learn_of(client_id, News::Amended { venue_order: Some(venue_order), size, kind });
        }
        self.orders += 1;
        let id = OrderId::new(self.orders);
        let filled = Decimal::ZERO;
        let order = Order { id, tag: None, instrument, side, size, filled, kind, reduce_only: true };
        self.slots[place].orders.insert(OpenOrder::new(order, client_id, placed, self.now));
        self.learn(place, id, News::Accepted(venue_order), self.now)
    }

    /// Lets go of orders of a strategy that is no longer at work: of what came to life after it ended, and of what would not go.
    pub(super) fn release_again(&mut self, place: usize) {
        let slot = &self.slots[place];
        let has_ended = slot.out.is_none() && slot.stop.is_none();
        if has_ended && !matches!(slot.state, StrategyState::WarmingUp | StrategyState::Running) {
            let open = slot.orders.open().iter();
            // One in doubt is asked after, and asked to go once it is found: it may never have been there.
            let open = open.filter(|open| slot.lets_go_of(open) && !open.state().is_in_doubt());
            let ids: Vec<OrderId> = open.map(|open| open.order.id).collect();
            for id in ids {
                self.cancel_by_itself(place, id);
            }
        }
    }
}

/// How much of a fill changes what is nobody's before it changes anything else: all of it on the same side.
fn changes_of_nobodys(fill: &VenueFill, nobodys: Decimal) -> Decimal {
    match (nobodys.is_zero(), nobodys.is_sign_negative() == (fill.side == Side::Sell)) {
        (true, _) => Decimal::ZERO,
        (false, true) => fill.size.get(),
        (false, false) => fill.size.get().min(nobodys.abs()),
    }
}
