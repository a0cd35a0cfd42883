//! Protections: what fills make of round trips, and the rests that follow.

use super::TradingCore;
use crate::protections::RoundTrip;
use crate::{ClientOrderId, Decimal, OrderKind, Output, RiskEvent, TriggerKind, Urgency, VenueFill};

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

    /// Notes what a fill settled. A position that is flat or turned over ends a round trip.
    pub(super) fn note_fill(&mut self, place: usize, fill: &VenueFill, size_before: Decimal, settled_before: Decimal) {
        let slot = &mut self.slots[place];
        if slot.deployment.risk.protections.is_empty() {
            return;
        }
        let size = slot.ledger.size_in(fill.instrument);
        let ended = !size_before.is_zero() && (size.is_zero() || size.is_sign_negative() != size_before.is_sign_negative());
        let by = slot.ledger.money.settled.saturating_sub(settled_before);
        let Some(profit) = slot.guard.settled(fill.instrument, by, ended) else { return };
        let stopped = fill.order.is_some_and(|order| slot.guard.is_stop(order));
        let trip = RoundTrip { instrument: fill.instrument, time: self.now, profit, stopped };
        let strategy = slot.id();
        for pause in slot.guard.rests.ended(trip, &slot.deployment.risk.protections, self.settings.cash) {
            self.outputs.push_back(Output::Risk(RiskEvent::Paused { strategy, pause }));
            let what = pause.instrument.map_or("it".to_owned(), |instrument| format!("instrument {instrument}"));
            let text = format!("{} pauses {what} until {}: nothing is opened before", pause.kind, pause.until);
            self.outputs.push_back(Output::Notify { strategy, urgency: Urgency::Warning, text });
        }
    }
}
