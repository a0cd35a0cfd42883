//! Protections: what fills make of round trips, and the rests that follow.

use super::TradingCore;
use crate::protections::RoundTrip;
use crate::{ClientOrderId, Decimal, InstrumentId, OrderKind, Output, RiskEvent, TriggerKind, Urgency, VenueFill};

impl TradingCore {
    /// Notes that a stop triggered, before it turns into an ordinary order.
    pub(super) fn note_trigger(&mut self, order: ClientOrderId) {
        let Some(place) = self.owner(order).filter(|_| self.account_guard.watching) else { return };
        let slot = &mut self.slots[place];
        let open = slot.orders.open().iter().find(|open| open.client_id == order);
        let is_stop = open.is_some_and(|open| {
            matches!(open.order.kind, OrderKind::Trigger { kind: TriggerKind::Stop, .. } | OrderKind::TrailingStop { .. })
        });
        if is_stop && !slot.deployment.risk.protections.is_empty() {
            slot.guard.stop_triggered(order);
        }
    }

    /// Notes what a fill settled. A position that is flat or turned over ends a round trip, and so does the last fill to be told
    /// of one that the exchange's word on the position ended.
    pub(super) fn note_fill(&mut self, place: usize, fill: &VenueFill, size_before: Decimal, settled_before: Decimal) {
        let slot = &mut self.slots[place];
        if slot.deployment.risk.protections.is_empty() {
            return;
        }
        let foretold = !slot.orders.is_foretold(fill.instrument) && slot.guard.was_foretold(fill.instrument);
        let ended = foretold || is_over(size_before, slot.ledger.size_in(fill.instrument));
        let stopped = fill.order.is_some_and(|order| slot.guard.is_stop(order));
        self.note_settled(place, fill.instrument, settled_before, ended, stopped);
    }

    /// Notes what the exchange's word on a position settled. Where fills of it are still to be told, they end the round trip.
    pub(super) fn note_report(
        &mut self,
        place: usize,
        instrument: InstrumentId,
        size_before: Decimal,
        settled_before: Decimal,
    ) {
        let slot = &mut self.slots[place];
        if slot.deployment.risk.protections.is_empty() {
            return;
        }
        let ended = is_over(size_before, slot.ledger.size_in(instrument));
        let awaits = slot.orders.is_foretold(instrument);
        if ended && awaits {
            slot.guard.foretell_end(instrument);
        }
        self.note_settled(place, instrument, settled_before, ended && !awaits, false);
    }

    fn note_settled(&mut self, place: usize, instrument: InstrumentId, settled_before: Decimal, ended: bool, stopped: bool) {
        let slot = &mut self.slots[place];
        let by = slot.ledger.money.settled.saturating_sub(settled_before);
        let Some(profit) = slot.guard.settled(instrument, by, ended) else { return };
        let trip = RoundTrip { instrument, time: self.now, profit, stopped };
        let strategy = slot.id();
        for pause in slot.guard.rests.ended(trip, &slot.deployment.risk.protections, self.settings.cash) {
            self.outputs.push_back(Output::Risk(RiskEvent::Paused { strategy, pause }));
            let what = pause.instrument.map_or("it".to_owned(), |instrument| format!("instrument {instrument}"));
            let text = format!("{} pauses {what} until {}: nothing is opened before", pause.kind, pause.until);
            self.outputs.push_back(Output::Notify { strategy, urgency: Urgency::Warning, text });
        }
    }
}

/// Whether what was held is held no longer.
fn is_over(before: Decimal, now: Decimal) -> bool {
    !before.is_zero() && (now.is_zero() || now.is_sign_negative() != before.is_sign_negative())
}
