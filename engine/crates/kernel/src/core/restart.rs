//! A new process took over, or a strategy failed: what its restart policy makes of it.

use super::TradingCore;
use crate::slot::{Ended, Slot};
use crate::{KillCause, KillScope, OrderId, StopReason, StrategyId, StrategyState};

impl TradingCore {
    /// A new process took over: whatever was sent and not answered may never have been sent, or may have been.
    pub(super) fn opened(&mut self, epoch: u16) {
        if epoch <= self.epoch {
            // Names stay unique by their event numbers, as long as the journal lost none.
            self.strays += 1;
        }
        self.epoch = self.epoch.max(epoch);
        self.disconnected();
        self.reconnected();
        self.forget_dead_man();
        for place in 0..self.slots.len() {
            let open = self.slots[place].orders.open().iter();
            let unanswered: Vec<OrderId> = open.filter(|open| open.is_unanswered()).map(|open| open.order.id).collect();
            for id in unanswered {
                self.learn(place, id, crate::orders::News::Unanswered, self.now);
            }
        }
        self.shutdown = None;
        for strategy in self.slots.iter().map(Slot::id).collect::<Vec<_>>() {
            self.come_back(strategy);
        }
    }

    /// Does as the restart policy of a strategy says that was at work when the process before ended.
    fn come_back(&mut self, strategy: StrategyId) {
        let Some(place) = self.place_of(strategy) else { return };
        let slot = &mut self.slots[place];
        let resumes = slot.ended == Ended::Shutdown;
        if resumes && slot.state == StrategyState::Stopping {
            // The shutdown did not come to its end, and its instance is gone.
            (slot.out, slot.stop) = (None, None);
            self.release(place);
            self.set_state(place, StrategyState::Stopped);
        }
        let slot = &self.slots[place];
        let works = resumes || slot.start_waits || matches!(slot.state, StrategyState::WarmingUp | StrategyState::Running);
        if let Some(action) = slot.deployment.restart.action().filter(|_| works) {
            self.kill(KillScope::Strategy(strategy), KillCause::Restart, action);
        }
        if resumes {
            self.start(strategy);
        }
    }

    /// Does as the restart policy of a strategy says that was at work when it failed.
    pub(super) fn left_behind(&mut self, place: usize) {
        let slot = &self.slots[place];
        let strategy = slot.id();
        if let Some(action) = slot.deployment.restart.action() {
            self.kill(KillScope::Strategy(strategy), KillCause::Fault, action);
        }
    }

    /// A strategy that failed is stopped: what its restart policy kept is let go.
    pub(super) fn let_go(&mut self, place: usize, reason: StopReason) {
        let slot = &mut self.slots[place];
        if reason == StopReason::Shutdown || slot.ended != Ended::Fault {
            return;
        }
        slot.ended = Ended::Orderly;
        if slot.orders.open().is_empty() {
            return;
        }
        self.set_state(place, StrategyState::Stopping);
        self.release_orders(place);
        self.check_ended(place);
    }
}
