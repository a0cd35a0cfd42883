//! The process dies, alone or with the power, and another takes over from the journal.

use super::World;
use crate::seeded::bugs::Bug;
use crate::seeded::invariants::{self, Violation};
use crate::seeded::log::{Fault, Replayed};
use crate::seeded::trader::STRATEGIES;
use calypte_kernel::*;

/// How many records the power takes with it, at most.
const LOST_MAX: usize = 150;

/// Records that are never lost: the settings, and what deployed and started the strategies.
const KEPT: usize = 1 + 2 * STRATEGIES as usize;

impl World {
    /// The process dies, and another takes over.
    pub(super) fn crash(&mut self) -> Result<(), Violation> {
        self.counts.crashes += 1;
        let weather = self.weather();
        self.wires.cut(weather, &mut self.random);
        if self.profile.power && self.random.chance(60) {
            self.lose()?;
        } else {
            self.take_over()?;
        }
        self.connected = true;
        if self.bug != Some(Bug::EpochForgotten) {
            self.epoch += 1;
        }
        self.handle(Input::Opened { epoch: self.epoch })
    }

    /// From the whole journal, but for what was being written: all is as it was.
    fn take_over(&mut self) -> Result<(), Violation> {
        self.log.note(self.now);
        let whole = self.log.tear(self.random.place(40));
        let fault = match self.bug {
            Some(Bug::InputLost) => Some(Fault::LastInput),
            Some(Bug::InputChanged) => Some(Fault::OtherWords),
            _ => None,
        };
        let Replayed { core, hooks, .. } = self.log.replay(fault)?;
        self.log.mend(whole);
        invariants::the_state_is_the_same(&self.core, &core)?;
        invariants::the_same_hooks_are_out(&self.hooks, &hooks)?;
        (self.core, self.hooks) = (core, hooks);
        Ok(())
    }

    /// From a journal whose end the power took: what was sent since is nobody's, and what the exchange said since it is asked
    /// for again.
    fn lose(&mut self) -> Result<(), Violation> {
        let first = self.log.lose(self.random.place(LOST_MAX), KEPT);
        let Replayed { core, hooks, latest } = self.log.replay(None)?;
        (self.core, self.hooks) = (core, hooks);
        self.seen.lost_from(latest);
        self.switches.forget(&self.core);
        self.orphans.extend(self.sent_at.iter().filter(|(_, at)| **at >= first).map(|(name, _)| *name));
        let lost = self.told.partition_point(|(at, _)| *at < first);
        for (_, event) in self.told.split_off(lost) {
            if self.exchange.forgotten(&event) {
                self.wires.tell_again(event);
            }
        }
        Ok(())
    }

    /// Notes what the exchange told and the power may take.
    pub(super) fn note_told(&mut self, event: &VenueEvent) {
        use VenueEvent::{Balance, Fill, Funding, Snapshot};
        if self.profile.power && matches!(event, Fill(_) | Snapshot(_) | Funding { .. } | Balance { .. }) {
            self.told.push((self.log.next(), event.clone()));
        }
    }
}
