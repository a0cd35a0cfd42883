//! Handing events to strategies: at once where no hook is out, through the queue where one is.

use super::TradingCore;
use crate::queue::{Full, Rank, Waiting};
use crate::slot::{EVENTS_PER_INSTANT_MAX, Out, OutHook};
use crate::{Deliver, Event, EventNumber, Fault, FaultKind, Hook, Marks, Output, StrategyState, TimerEvent, Timestamp, Views};
use std::sync::Arc;

impl TradingCore {
    /// Offers an event to a strategy; one that it has no hook for, or that comes when it does not listen, passes by.
    #[inline]
    pub(super) fn offer(&mut self, place: usize, rank: Rank, event: Event) {
        let slot = &self.slots[place];
        if !slot.hears(&event) {
            return;
        }
        if slot.out.is_none() && slot.queue.is_empty() {
            self.deliver(place, Hook::Event(event), OutHook::Event, self.now);
        } else {
            self.enqueue(place, rank, event);
        }
    }

    /// Offers a candle of history.
    pub(super) fn offer_warm_up(&mut self, place: usize, rank: Rank, event: Event) {
        if !self.slots[place].hears(&event) {
            return self.check_warm(place);
        }
        self.slots[place].warm_up_waiting += 1;
        if self.slots[place].out.is_none() && self.slots[place].queue.is_empty() {
            self.deliver(place, Hook::Event(event), OutHook::WarmUp, self.now);
        } else {
            self.enqueue(place, rank, event);
        }
    }

    fn enqueue(&mut self, place: usize, rank: Rank, event: Event) {
        let slot = &mut self.slots[place];
        if slot.queue.has_timer(&event) {
            return;
        }
        let kind = event.kind().name();
        let queue_max = self.settings.limits.queue_max;
        if slot.queue.push(Waiting { time: self.now, rank, event }, queue_max) == Err(Full) {
            let detail = format!("{queue_max} events waited for its hook to end when another came, a {kind}");
            self.fault_of(place, FaultKind::QueueOverflow, "queue", detail);
        }
    }

    /// Hands over what waits next, unless a hook is out.
    pub(super) fn deliver_next(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        if slot.out.is_some() {
            return;
        }
        if let Some(reason) = slot.stop.take() {
            return self.deliver(place, Hook::Stop(reason), OutHook::Stop, self.now);
        }
        if slot.requests.any() && self.deliver_request(place) {
            return;
        }
        let slot = &mut self.slots[place];
        if slot.queue.is_empty() {
            return;
        }
        let Some(Waiting { time, mut event, .. }) = slot.queue.pop() else { return };
        let mut hook = OutHook::Event;
        match &mut event {
            Event::Candle(candle) if candle.warm_up => hook = OutHook::WarmUp,
            Event::Timer(timer) => *timer = TimerEvent { time: self.now, ..*timer },
            _ => {}
        }
        self.deliver(place, Hook::Event(event), hook, time);
    }

    /// Hands over what the trader or the operator wants of a strategy that is at work. Whether there was something.
    fn deliver_request(&mut self, place: usize) -> bool {
        let slot = &mut self.slots[place];
        let (hook, out) = if let Some(parameters) = slot.requests.parameters.take() {
            slot.requests.asked = Some(Arc::clone(&parameters));
            (Hook::Params(parameters), OutHook::Params)
        } else if std::mem::take(&mut slot.requests.save) && slot.state == StrategyState::Running {
            (Hook::Save, OutHook::Save)
        } else {
            return false;
        };
        self.deliver(place, hook, out, self.now);
        true
    }

    /// Hands over a hook call.
    #[inline]
    pub(super) fn deliver(&mut self, place: usize, hook: Hook, out: OutHook, since: Timestamp) {
        match self.make_delivery(place, hook, out, since) {
            Some(deliver) => self.outputs.push_back(Output::Deliver(deliver)),
            None => self.fault_looping(place),
        }
    }

    /// Makes a delivery. None: the strategy has had as many events at one time as it may.
    #[inline]
    pub(super) fn make_delivery(&mut self, place: usize, hook: Hook, out: OutHook, since: Timestamp) -> Option<Deliver> {
        let now = self.now;
        let slot = &mut self.slots[place];
        if slot.instant.0 != now {
            slot.instant = (now, 1);
        } else if out != OutHook::WarmUp {
            // History comes all at one time and is bounded by what was asked for.
            slot.instant.1 += 1;
            if slot.instant.1 > EVENTS_PER_INSTANT_MAX {
                return None;
            }
        }
        self.events += 1;
        let number = EventNumber::new(self.events);
        let account = Arc::clone(self.view_of(place));
        let slot = &mut self.slots[place];
        let out = if out == OutHook::Event && slot.previous.is_some() { OutHook::Trial } else { out };
        let mut marks = Marks::new();
        for position in &account.positions {
            marks.push(self.feeds.mark_price(position.instrument));
        }
        slot.out = Some(Out { number, hook: out, since });
        Some(Deliver { strategy: slot.id(), number, hook, views: Views { now, account, marks } })
    }

    #[cold]
    fn fault_looping(&mut self, place: usize) {
        let detail = format!(
            "it was handed {EVENTS_PER_INSTANT_MAX} events at one time, {}: it answers its own events without end",
            self.now
        );
        self.fault_of(place, FaultKind::Contract, "events", detail);
    }

    /// Faults a strategy for what the core saw.
    pub(super) fn fault_of(&mut self, place: usize, kind: FaultKind, function: &str, detail: String) {
        let number = self.slots[place].out.map_or(self.events, |out| out.number.get());
        let fault = Fault { kind, function: function.to_owned(), event: EventNumber::new(number), fuel: 0, detail };
        self.fault(place, Box::new(fault));
    }

    /// Fires every timer due at a time or before. Those of strategies that do not listen pass by.
    pub(super) fn fire_timers(&mut self, until: Timestamp) {
        while let Some(fired) = self.schedule.fire(until, self.now) {
            let Some(place) = self.place_of(fired.strategy) else { continue };
            let rank = if fired.source == crate::TimerSource::Tick { Rank::Tick } else { Rank::Timer };
            let event = TimerEvent { source: fired.source, due: fired.due, time: self.now };
            self.offer(place, rank, Event::Timer(event));
        }
    }
}
