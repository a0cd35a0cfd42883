//! Changes of a strategy that is at work: new parameters, saved state, a new version that takes over, the end of the process.
//!
//! ```text
//! upgrade:   save ──► on-stop (upgrade) ──► init of the new version with what was saved ──► history ──► its first event
//!                                             └─ refuses, or fails before that event has ended ──► init of the old one again
//! shutdown:  on-stop (shutdown) of all ──► save ──► let go ──► shut down; at the deadline, without those that did not answer
//! ```
//!
//! Over an upgrade orders, positions, timers and the key-value store stay, and what happens to the account meanwhile waits for
//! the new version.

use super::TradingCore;
use crate::denial::{Denial, DenialCode};
use crate::slot::OutHook;
use crate::{Deployment, FaultKind, Hook, Output, ParamValue, StopReason, StrategyId, StrategyState, Timestamp};
use std::sync::Arc;

impl TradingCore {
    /// New parameters, checked against the manifest. A strategy at work is asked; one at rest begins with them.
    pub(super) fn change_parameters(&mut self, strategy: StrategyId, parameters: Arc<[(String, ParamValue)]>) {
        let Some(place) = self.place_of(strategy) else { return self.unknown_strategy(strategy) };
        let slot = &mut self.slots[place];
        if slot.is_at_rest() {
            slot.deployment.parameters = parameters;
            return self.outputs.push_back(Output::Parameters { strategy, refused: None });
        }
        if slot.state == StrategyState::Stopping {
            let message = format!("strategy {strategy} is being stopped: give it parameters when it has");
            return self.denied(strategy, Denial::new(DenialCode::Stopping, message));
        }
        slot.requests.parameters = Some(parameters);
        self.deliver_next(place);
    }

    /// The strategy answered to its new parameters.
    pub(super) fn parameters_answered(&mut self, place: usize, refused: Option<String>) {
        let slot = &mut self.slots[place];
        let asked = slot.requests.asked.take();
        if let (None, Some(parameters)) = (&refused, asked) {
            slot.deployment.parameters = parameters;
        }
        self.outputs.push_back(Output::Parameters { strategy: slot.id(), refused });
    }

    /// Every strategy at work is asked for its state.
    pub(super) fn checkpoint(&mut self) {
        for place in 0..self.slots.len() {
            if self.slots[place].state == StrategyState::Running {
                self.slots[place].requests.save = true;
                self.deliver_next(place);
            }
        }
    }

    /// What `save` returned. A strategy that is on its way out goes on from here.
    pub(super) fn saved(&mut self, place: usize, state: Vec<u8>) {
        let (max, len) = (self.settings.limits.state_bytes_max, state.len());
        if len > max {
            let detail = format!("save returned {len} bytes; the limit is {max}");
            return self.fault_of(place, FaultKind::Contract, "save", detail);
        }
        let slot = &mut self.slots[place];
        slot.deployment.restored = Some(state);
        self.outputs.push_back(Output::Saved { strategy: slot.id(), bytes: len });
        // One of a checkpoint that was out when the stop came is not the last: `on-stop` is still to be handed over.
        if slot.state == StrategyState::Stopping && slot.stop.is_none() {
            self.saved_last(place);
        }
    }

    /// `on-stop` ended. A strategy that is to begin again some day is asked for its state once more.
    pub(super) fn stop_ended(&mut self, place: usize) {
        if self.settings.saves || self.slots[place].upgrade.is_some() {
            self.deliver(place, Hook::Save, OutHook::Save, self.now);
        } else {
            self.end(place);
        }
    }

    fn saved_last(&mut self, place: usize) {
        match self.slots[place].upgrade.take() {
            Some(deployment) => self.hand_over(place, *deployment),
            None => self.end(place),
        }
    }

    /// A new version of a strategy. One that is at rest is replaced; one at work hands over its state.
    pub(super) fn upgrade(&mut self, deployment: Deployment) {
        let strategy = deployment.strategy;
        let Some(place) = self.place_of(strategy) else { return self.deploy(deployment) };
        let slot = &mut self.slots[place];
        if slot.is_at_rest() {
            return self.deploy(deployment);
        }
        if slot.state == StrategyState::Stopping || slot.previous.is_some() {
            let message = format!("strategy {strategy} is being stopped or upgraded: upgrade it when that is over");
            return self.denied(strategy, Denial::new(DenialCode::Stopping, message));
        }
        if let Err(error) = deployment.risk.check() {
            return self.bad_risk(strategy, &error);
        }
        let slot = &mut self.slots[place];
        slot.upgrade = Some(Box::new(deployment));
        slot.forget_market();
        slot.stop = Some(StopReason::Upgrade);
        self.subscriptions_changed();
        self.set_state(place, StrategyState::Stopping);
        self.deliver_next(place);
    }

    fn hand_over(&mut self, place: usize, mut deployment: Deployment) {
        let slot = &mut self.slots[place];
        deployment.restored.clone_from(&slot.deployment.restored);
        slot.previous = Some(Box::new(std::mem::replace(&mut slot.deployment, deployment)));
        self.choose_watch();
        self.initialize(place);
    }

    /// A new version refused or failed before its first event had ended: the old one goes on. Whether there was one.
    pub(super) fn roll_back(&mut self, place: usize, why: &str) -> bool {
        let slot = &mut self.slots[place];
        let Some(previous) = slot.previous.take() else { return false };
        slot.deployment = *previous;
        self.choose_watch();
        let slot = &mut self.slots[place];
        slot.forget_market();
        (slot.out, slot.stop) = (None, None);
        self.outputs.push_back(Output::RolledBack { strategy: slot.id(), why: why.to_owned() });
        self.subscriptions_changed();
        self.initialize(place);
        true
    }

    /// Every strategy is stopped; those that did not end by the deadline are ended by it.
    pub(super) fn shut_down(&mut self, deadline: Timestamp) {
        let deadline = self.shutdown.map_or(deadline, |earlier| deadline.min(earlier));
        self.shutdown = Some(deadline);
        for place in 0..self.slots.len() {
            let strategy = self.slots[place].id();
            self.stop(strategy, StopReason::Shutdown);
        }
        self.check_shut_down();
    }

    /// Ends what did not end by itself, once the deadline has come.
    pub(super) fn check_deadline(&mut self) {
        if self.shutdown.is_none_or(|deadline| self.now < deadline) {
            return;
        }
        let late: Vec<usize> = (0..self.slots.len()).filter(|place| !self.slots[*place].is_at_rest()).collect();
        self.shutdown = None;
        for place in &late {
            let slot = &mut self.slots[*place];
            slot.forget_events();
            (slot.out, slot.stop, slot.previous) = (None, None, None);
            self.release(*place);
            self.set_state(*place, StrategyState::Stopped);
        }
        let late = late.into_iter().map(|place| self.slots[place].id()).collect();
        self.outputs.push_back(Output::ShutDown { late });
    }

    /// Says so once everything has ended.
    pub(super) fn check_shut_down(&mut self) {
        if self.shutdown.is_some() && self.slots.iter().all(crate::slot::Slot::is_at_rest) {
            self.shutdown = None;
            self.outputs.push_back(Output::ShutDown { late: Vec::new() });
        }
    }
}
