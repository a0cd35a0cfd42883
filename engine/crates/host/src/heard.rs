//! What an instance heard of the market, for one that takes over from it in the middle of their strategy's life: imports answer from
//! events alone.

use crate::imports::market::Market;
use crate::instance::Instance;
use calypte_kernel::Event;

/// The market as an instance was told of it since its `init`.
#[derive(Debug)]
pub struct Heard {
    market: Market,
    events: u64,
}

impl Instance {
    /// Takes note of an event that is not handed to the guest: another instance handled it.
    pub fn hear(&mut self, event: &Event) {
        if let Some(guest) = self.guest_mut() {
            guest.hear(event);
        }
    }

    /// Ends an instance, for what it heard. None where it is gone already.
    pub fn into_heard(mut self) -> Option<Heard> {
        let guest = self.guest_mut()?;
        Some(Heard { market: std::mem::take(&mut guest.market), events: guest.events })
    }

    /// Goes on where another instance of the strategy was: to be said once, after `init`.
    pub fn take_over(&mut self, heard: Heard) {
        if let Some(guest) = self.guest_mut() {
            guest.market.take_over(heard.market, &guest.limits);
            guest.events = heard.events;
        }
    }
}
