//! What the exchange says: it moves orders, positions and money, and the strategies concerned hear of it.
//!
//! Here is who is told what; what becomes of an order is in [`super::orders`].

use super::TradingCore;
use crate::orders::News;
use crate::queue::Rank;
use crate::{Decimal, Event, EventKind, InstrumentId, OrderState, PositionCause, PositionEvent, Timestamp, VenueEvent};

impl TradingCore {
    pub(super) fn venue(&mut self, event: VenueEvent) {
        let known = match event {
            VenueEvent::Accepted { order, venue_order } => self.learn_of(order, News::Accepted(venue_order)),
            VenueEvent::Rejected { order, refusal } => {
                let before = self.state_of(order);
                let known = self.learn_of(order, News::Rejected(refusal));
                // One that is told again, or that cannot be, is no other rejection.
                if before != Some(OrderState::Rejected) && self.state_of(order) == Some(OrderState::Rejected) {
                    self.note_reject(order);
                }
                known
            }
            VenueEvent::Cancelled { order, venue_order, reason } => self.learn_of(order, News::Cancelled(venue_order, reason)),
            VenueEvent::Expired { order } => self.learn_of(order, News::Expired),
            VenueEvent::Triggered { order } => {
                self.note_trigger(order);
                self.learn_of(order, News::Triggered)
            }
            VenueEvent::Amended { order, venue_order, size, kind } => {
                self.learn_of(order, News::Amended { venue_order: Some(venue_order), size, kind })
            }
            VenueEvent::Resized { order, size } => self.learn_of(order, News::Resized(size)),
            VenueEvent::RequestRejected { order, request, refusal } => self.learn_of(order, News::Refused(request, refusal)),
            VenueEvent::Unanswered { order } => self.learn_of(order, News::Unanswered),
            VenueEvent::Open(order) => self.found_open(*order),
            VenueEvent::Absent { order, as_of } => self.learn_of(order, News::Absent(as_of)),
            VenueEvent::ExternalGone { venue_order } => self.external.gone(venue_order).then_some(()),
            VenueEvent::Fill(fill) => self.fill(&fill),
            VenueEvent::ExitLive { order, venue_order, instrument, side, size, kind } => {
                self.exit_live((order, venue_order), instrument, side, size, kind)
            }
            VenueEvent::LeverageSet { instrument, leverage, mode, as_of } => {
                self.leverage_holds(instrument, (leverage, mode), as_of)
            }
            VenueEvent::LeverageRejected { instrument, refusal } => self.leverage_rejected(instrument, refusal),
            VenueEvent::CancelScheduled { at } => {
                self.cancel_scheduled(at);
                Some(())
            }
            VenueEvent::CancelScheduleRejected { refusal } => {
                self.cancel_not_scheduled(&refusal);
                Some(())
            }
            VenueEvent::Funding { instrument, time, rate, payment } => self.funding(instrument, time, rate, payment),
            VenueEvent::Position(report) => self.position_report(&report),
            VenueEvent::Balance { time, change, cause } => self.deposit(time, change, cause),
            VenueEvent::Snapshot(snapshot) => self.snapshot(*snapshot),
        };
        if known.is_none() {
            self.strays += 1;
        }
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
        if !slot.hears_kind(EventKind::Position) || slot.ledger.position(instrument).is_none() {
            return;
        }
        // The event carries the view too, so that what is reckoned for one stands in both.
        self.view_of(place);
        let slot = &self.slots[place];
        let Some(position) = slot.ledger.position(instrument) else { return };
        let now = slot.shown(instrument).unwrap_or_else(|| position.view(self.leverage[instrument.get() as usize]));
        let event = PositionEvent { time, now, mark: self.feeds.mark_price(instrument), size_before, cause };
        self.offer(place, Rank::Account, Event::Position(Box::new(event)));
    }
}
