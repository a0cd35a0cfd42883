//! `events`: the fast path. `next` ends the open event and hands out the following one inside the same hook call.

use crate::convert::Handed;
use crate::guest::{Broken, EventId, Guest, Phase};
use crate::limits::{EVENTS_PER_CALL, YIELD_FUEL};
use calypte_kernel::{Answer, Deliver, FaultKind, Hook};
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

/// What is left to do when `next` was called.
enum Following {
    /// Hand out nothing.
    None,
    /// Hand out nothing; the event has just ended, and what the hook still does gets this fuel.
    Ended(u64),
    /// Hand out an event with its fuel.
    Event(Handed, u64),
}

impl Guest {
    /// Ends the open event and takes the following one from the feed.
    #[inline]
    fn following(&mut self, left: u64) -> Result<Following> {
        if self.phase != Phase::Event {
            // Outside a hook it is a breach; in `init` and its like, and after none, there is nothing to hand out.
            return self.read(0).map(|()| Following::None);
        }
        if self.cancel.is_cancelled() {
            return Err(wasmtime::Error::new(Broken {
                kind: FaultKind::Cancelled,
                detail: "cancelled from outside".to_owned(),
            }));
        }
        self.meter.check(left)?;
        if self.events_in_call >= EVENTS_PER_CALL || self.meter.call_fuel() >= YIELD_FUEL {
            // The hook returns, the thread is handed back, and the next event gets a call of its own.
            self.phase = Phase::Closing;
            return Ok(Following::None);
        }
        let fuel = self.meter.close(left);
        let ended = self.end(Answer::Intents(Vec::new()), fuel);
        let Some(feed) = &mut self.feed else {
            return Err(Broken::contract("events.next was called outside a call"));
        };
        match feed.next(ended) {
            Some(Deliver { strategy, number, hook: Hook::Event(event), views }) if self.knows.contains(event.kind()) => {
                self.events_in_call += 1;
                let budget = self.open_event(EventId { strategy, number }, views, &event);
                Ok(Following::Event(Handed::event(&event)?, budget))
            }
            other => {
                self.leftover = other;
                self.phase = Phase::Ended;
                // What the hook still does belongs to no event. It is bounded like one, and the run pays for it.
                Ok(Following::Ended(self.meter.open(self.limits.fuel_per_event)))
            }
        }
    }
}

fn next(mut store: StoreContextMut<'_, Guest>, (): ()) -> Result<(Handed,)> {
    let left = store.get_fuel()?;
    match store.data_mut().following(left)? {
        Following::None => Ok((Handed::none(),)),
        Following::Ended(fuel) => {
            store.set_fuel(fuel)?;
            Ok((Handed::none(),))
        }
        Following::Event(handed, fuel) => {
            store.set_fuel(fuel)?;
            Ok((handed,))
        }
    }
}

pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    linker.instance("calypte:strategy/events@0.1.0")?.func_wrap("next", next)
}
