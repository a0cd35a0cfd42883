//! What the exchange says: it moves orders, positions and money, and the strategies concerned hear of it.
//!
//! An order's client id says whose it is. What names an account or a strategy that is not ours is counted and passes by.

use super::TradingCore;
use super::intents::answers_of;
use crate::orders::{Filled, Happened, OpenOrder, Orders};
use crate::queue::Rank;
use crate::{
    ClientOrderId, Decimal, Event, FaultKind, FundingEvent, InstrumentId, Order, OrderEvent, OrderId, OrderKind, PositionCause,
    PositionEvent, Side, Size, StrategyState, Timestamp, VenueEvent, VenueFill, derived,
};

impl TradingCore {
    pub(super) fn venue(&mut self, event: VenueEvent) {
        let known = match event {
            VenueEvent::Accepted { order, .. } => self.with_order(order, |orders| orders.accepted(order)),
            VenueEvent::Rejected { order, refusal } => {
                self.note_reject(order);
                self.with_order(order, |orders| orders.rejected(order, refusal))
            }
            VenueEvent::Cancelled { order, reason } => self.with_order(order, |orders| orders.cancelled(order, reason)),
            VenueEvent::Triggered { order } => {
                self.note_trigger(order);
                self.with_order(order, |orders| orders.triggered(order))
            }
            VenueEvent::Amended { order, size, kind, .. } => self.with_order(order, |orders| orders.amended(order, size, kind)),
            VenueEvent::RequestRejected { order, refusal } => {
                self.with_order(order, |orders| orders.request_rejected(order, refusal))
            }
            VenueEvent::Fill(fill) => self.fill(&fill),
            VenueEvent::ExitLive { order, instrument, side, size, kind, .. } => {
                self.exit_live(order, instrument, side, size, kind)
            }
            VenueEvent::LeverageSet { instrument, leverage, mode } => {
                let setting = self.leverage.get_mut(instrument.get() as usize);
                setting.map(|setting| *setting = Some((leverage, mode))).map(|()| self.leverage_set(instrument))
            }
            VenueEvent::Funding { instrument, time, rate, payment } => self.funding(instrument, time, rate, payment),
            VenueEvent::Position(report) => self.position_report(&report),
            VenueEvent::Balance { time, change, cause } => self.balance(time, change, cause),
            VenueEvent::Snapshot(snapshot) => self.snapshot(*snapshot),
        };
        if known.is_none() {
            self.strays += 1;
        }
    }

    pub(super) fn owner(&self, order: ClientOrderId) -> Option<usize> {
        let origin = order.origin().filter(|origin| origin.account == self.settings.account)?;
        self.place_of(origin.strategy)
    }

    /// Applies something to the orders of whom it concerns.
    fn with_order(&mut self, order: ClientOrderId, apply: impl FnOnce(&mut Orders) -> Option<Happened>) -> Option<()> {
        let place = self.owner(order)?;
        let slot = &mut self.slots[place];
        let known = slot.orders.remembers(order);
        if let Some(happened) = apply(&mut slot.orders) {
            slot.changed = true;
            self.tell(place, happened, self.now);
            self.check_ended(place);
        }
        known.then_some(())
    }

    fn tell(&mut self, place: usize, happened: Happened, time: Timestamp) {
        let Happened { order, change, answers } = happened;
        let event = OrderEvent { time, order: Some(order), change, answers: Some(answers) };
        self.offer(place, Rank::Account, Event::Order(Box::new(event)));
    }

    /// A fill moves the position at once. One of an order that nobody remembers is money all the same.
    fn fill(&mut self, fill: &VenueFill) -> Option<()> {
        let place = self.owner(fill.order)?;
        self.leverage.get(fill.instrument.get() as usize)?;
        let slot = &mut self.slots[place];
        if slot.orders.is_repeated(fill) {
            return Some(());
        }
        let (size_before, settled_before) = (slot.ledger.size_in(fill.instrument), slot.ledger.money.settled);
        let holding = &mut self.holdings[fill.instrument.get() as usize];
        let contained = holding.contains(fill.time);
        holding.filled(fill.time);
        let applied = if contained {
            slot.ledger.explain(fill, &mut holding.unattributed, &mut self.money)
        } else {
            slot.ledger.fill(fill, &mut self.money)
        };
        let filled = slot.orders.fill(fill);
        self.changed(place);
        if let Err(error) = applied {
            let detail = format!("fill {} of {} at {}: {error}", fill.trade_id, fill.size, fill.price);
            self.fault_of(place, FaultKind::Overflow, "account", detail);
            return Some(());
        }
        self.note_fill(place, fill, size_before, settled_before);
        let known = match filled {
            Filled::Known(known) => {
                let (implied, happened) = *known;
                let events = implied.into_iter().chain([happened]);
                events.for_each(|happened| self.tell(place, happened, fill.time));
                Some(())
            }
            Filled::Repeated => Some(()),
            Filled::Unknown => None,
        };
        let cause = if fill.liquidation { PositionCause::Liquidation } else { PositionCause::Fill };
        self.tell_position(place, fill.instrument, size_before, cause, fill.time);
        self.check_ended(place);
        known
    }

    pub(super) fn tell_position(
        &mut self,
        place: usize,
        instrument: InstrumentId,
        size_before: Decimal,
        cause: PositionCause,
        time: Timestamp,
    ) {
        let slot = &self.slots[place];
        let Some(position) = slot.ledger.position(instrument) else { return };
        let now = position.view(self.leverage[instrument.get() as usize]);
        let event = PositionEvent { time, now, mark: self.feeds.mark_price(instrument), size_before, cause };
        self.offer(place, Rank::Account, Event::Position(Box::new(event)));
    }

    /// An attached exit became an order. One of a strategy that is no longer at work goes at once.
    fn exit_live(
        &mut self,
        client_id: ClientOrderId,
        instrument: InstrumentId,
        side: Side,
        size: Size,
        kind: OrderKind,
    ) -> Option<()> {
        let place = self.owner(client_id)?;
        self.leverage.get(instrument.get() as usize)?;
        let placed = answers_of(client_id.origin()?);
        if self.slots[place].orders.knows(client_id) {
            return self.with_order(client_id, |orders| orders.amended(client_id, size, kind));
        }
        self.orders += 1;
        let order = Order {
            id: OrderId::new(self.orders),
            tag: None,
            instrument,
            side,
            size,
            filled: Decimal::ZERO,
            kind,
            reduce_only: true,
        };
        self.slots[place].orders.insert(OpenOrder::new(order, client_id, placed));
        self.with_order(client_id, |orders| orders.accepted(client_id));
        let slot = &self.slots[place];
        let has_ended = slot.out.is_none() && slot.stop.is_none();
        if has_ended && !matches!(slot.state, StrategyState::WarmingUp | StrategyState::Running) {
            self.release_orders(place);
        }
        Some(())
    }

    pub(super) fn leverage_set(&mut self, instrument: InstrumentId) {
        for place in 0..self.slots.len() {
            let size = self.slots[place].ledger.size_in(instrument);
            if !size.is_zero() {
                self.changed(place);
                self.tell_position(place, instrument, size, PositionCause::Settings, self.now);
            }
        }
    }

    /// Funding is paid once for each instrument and time, and shared by those who hold it as they hold it: the last one takes
    /// what rounding leaves, so that the shares add up to the payment.
    fn funding(&mut self, instrument: InstrumentId, time: Timestamp, rate: Decimal, payment: Decimal) -> Option<()> {
        let paid = self.funding_paid.get_mut(instrument.get() as usize)?;
        if paid.is_some_and(|paid| time <= paid) {
            return Some(());
        }
        *paid = Some(time);
        let sizes = self.slots.iter().map(|slot| slot.ledger.size_in(instrument)).enumerate();
        let holders: Vec<(usize, Decimal)> = sizes.filter(|(_, size)| !size.is_zero()).collect();
        let net = holders.iter().try_fold(Decimal::ZERO, |sum, (_, size)| sum.checked_add(*size));
        let mut left = payment;
        for (index, (place, size)) in holders.iter().enumerate() {
            let share = if index + 1 == holders.len() {
                left
            } else {
                let share = net.and_then(|net| payment.checked_mul(*size)?.checked_div(net));
                derived(share.unwrap_or_default())
            };
            left = left.saturating_sub(share);
            self.pay_funding(*place, &FundingEvent { instrument, time, rate, payment: share });
        }
        (!holders.is_empty()).then_some(())
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
