//! Shorter ways for what nearly every candle of a backtest comes to: one strategy hears of it, and does nothing.
//!
//! Both give what [`TradingCore::handle`] and [`TradingCore::poll`] give, and refuse where these have more to do.

use super::TradingCore;
use crate::slot::OutHook;
use crate::{Candle, CandleEvent, Deliver, Event, EventKind, EventNumber, Hook, SeriesId, StrategyId, Timestamp};

impl TradingCore {
    /// A candle closed: as [`Input::Market`](crate::Input::Market), where a delivery to one strategy is all that follows, which
    /// is then given at once. None: nothing was done, and the candle is to be handed in as an input.
    #[inline]
    pub fn candle_closed(&mut self, now: Timestamp, series: SeriesId, candle: &Candle) -> Option<Deliver> {
        let feed = self.feeds.sole_subscriber(series)?;
        let slot = &self.slots[feed.place];
        let listens = slot.listening && slot.deployment.knows.contains(EventKind::Candle) && slot.warm_up_left == 0;
        let ready = listens && slot.out.is_none() && slot.queue.is_empty() && self.outputs.is_empty();
        // A time at which it was handed something already counts how often.
        let guarded = self.account_guard.watching || self.guards_exits;
        let plain = now > self.now && !guarded && self.next_wake().is_none_or(|due| due >= now);
        if !(ready && plain) {
            return None;
        }
        (self.now, self.batch) = (now, None);
        self.feeds.closed(feed, now, candle);
        let event = Event::Candle(CandleEvent { series, warm_up: false, candle: *candle });
        self.make_delivery(feed.place, Hook::Event(event), OutHook::Event, now)
    }

    /// A hook ended with neither intents nor effects: as [`Input::HookEnded`](crate::Input::HookEnded), where nothing follows
    /// from it. False: nothing was done, and its end is to be handed in as an input.
    #[inline]
    pub fn ended_idly(&mut self, strategy: StrategyId, number: EventNumber) -> bool {
        let Some(place) = self.place_of(strategy) else { return false };
        let slot = &mut self.slots[place];
        let plain = slot.out.is_some_and(|out| out.number == number && out.hook == OutHook::Event)
            && slot.queue.is_empty()
            && slot.stop.is_none()
            && !slot.requests.any()
            && !self.account_guard.watching;
        if plain {
            (slot.out, self.batch) = (None, None);
        }
        plain
    }
}
