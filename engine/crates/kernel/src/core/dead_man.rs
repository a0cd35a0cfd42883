//! The exchange's dead man's switch: moved on while orders are open, so that it cancels them all should nobody move it on.
//!
//! That it was asked for is no guard: one that is refused, or whose answer has not come by the time when it is to be moved on,
//! is lost, which the operator is told once. It is asked for again as before, and its return is told too.

use super::TradingCore;
use crate::guard::DeadMan;
use crate::risk::{DEAD_MAN_MS_MIN, Lane, Request, RiskGate, Standing};
use crate::{Output, Refusal, RiskEvent, Timestamp, Urgency};

impl TradingCore {
    /// Moves the switch on while orders are open, and clears it when none is.
    pub(super) fn keep_alive(&mut self) {
        let Some(ahead_ms) = self.settings.risk.dead_man_ms.filter(|_| self.account_guard.connected) else { return };
        let open = self.slots.iter().any(|slot| !slot.orders.open().is_empty());
        let due = self.renew_at().is_none_or(|renew_at| renew_at <= self.now);
        match (open, self.account_guard.dead_man.strikes_at) {
            (true, _) if due => {
                if self.account_guard.dead_man.unanswered {
                    self.dead_man_lost("its answer did not come");
                }
                self.schedule_cancel(Some(self.now.saturating_add(ahead_ms)));
            }
            (false, Some(_)) if due => self.schedule_cancel(None),
            _ => {}
        }
    }

    /// When it has to be moved on: after a third of its time.
    pub(super) fn renew_at(&self) -> Option<Timestamp> {
        let ahead_ms = self.settings.risk.dead_man_ms.filter(|_| self.account_guard.connected)?;
        let strikes_at = self.account_guard.dead_man.strikes_at?;
        let left = i64::try_from(ahead_ms - ahead_ms / 3).unwrap_or(i64::MAX);
        Some(Timestamp::from_millis(strikes_at.as_millis().saturating_sub(left)))
    }

    /// Has the exchange cancel everything as soon as it can: the kill switch fired while the connection is lost, and this
    /// may get through where a cancel of each order would not.
    pub(super) fn strike_soon(&mut self) {
        if self.settings.risk.dead_man_ms.is_some() {
            self.schedule_cancel(Some(self.now.saturating_add(DEAD_MAN_MS_MIN)));
        }
    }

    fn schedule_cancel(&mut self, at: Option<Timestamp>) {
        let gate = RiskGate::new(&self.settings.instruments, &self.settings.limits, self.now);
        let request = Request::ScheduleCancel { at, now: self.now };
        if let Ok(approved) = gate.review(&request, &Standing::new(Lane::Closing)) {
            let dead_man = &mut self.account_guard.dead_man;
            (dead_man.strikes_at, dead_man.unanswered) = (at, at.is_some());
            self.send(approved);
        }
    }

    /// The exchange took it. An answer to what was asked before that says nothing of what is asked now.
    pub(super) fn cancel_scheduled(&mut self, at: Option<Timestamp>) {
        let dead_man = &mut self.account_guard.dead_man;
        if dead_man.strikes_at != at {
            return;
        }
        dead_man.unanswered = false;
        if at.is_some() && std::mem::take(&mut dead_man.lost) {
            self.outputs.push_back(Output::Risk(RiskEvent::DeadManBack));
        }
    }

    /// The exchange did not take it.
    pub(super) fn cancel_not_scheduled(&mut self, refusal: &Refusal) {
        if std::mem::take(&mut self.account_guard.dead_man.unanswered) {
            self.dead_man_lost(&format!("the exchange refused it, {}: {}", refusal.code, refusal.message));
        }
    }

    fn dead_man_lost(&mut self, why: &str) {
        if std::mem::replace(&mut self.account_guard.dead_man.lost, true) {
            return;
        }
        self.outputs.push_back(Output::Risk(RiskEvent::DeadManLost));
        for slot in self.slots.iter().filter(|slot| !slot.is_at_rest() || !slot.orders.open().is_empty()) {
            let text =
                format!("the exchange's dead man's switch is not set, since {why}: should the connection break, orders stay");
            self.outputs.push_back(Output::Notify { strategy: slot.id(), urgency: Urgency::Alert, text });
        }
    }

    /// The connection is back: whatever was asked before may have been lost with it, and is asked anew.
    pub(super) fn forget_dead_man(&mut self) {
        let dead_man = &mut self.account_guard.dead_man;
        *dead_man = DeadMan { lost: dead_man.lost, ..DeadMan::default() };
    }
}
