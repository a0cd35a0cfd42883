//! What the core says, carried to whom it concerns.

use super::Backtest;
use calypte_kernel::{Deliver, Output};

impl Backtest {
    /// Takes everything the core says. Gives the first delivery that waits; the others follow.
    #[inline]
    pub(super) fn take_delivery(&mut self) -> Option<Deliver> {
        if self.ready.is_empty() {
            loop {
                match self.core.poll()? {
                    Output::Deliver(deliver) => {
                        self.drain();
                        return self.cut_short.is_none().then_some(deliver);
                    }
                    other => self.carry_out(other),
                }
            }
        }
        self.drain();
        self.ready.pop_front()
    }

    fn drain(&mut self) {
        while let Some(output) = self.core.poll() {
            match output {
                Output::Deliver(deliver) => self.ready.push_back(deliver),
                other => self.carry_out(other),
            }
        }
        if self.cut_short.is_some() {
            self.ready.clear();
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Deliver(deliver) => self.ready.push_back(deliver),
            Output::Send(batch) => batch.commands.into_iter().for_each(|command| self.send(command)),
            Output::Resolve(resolve) => self.exchange.resolve(self.now, resolve),
            Output::Notify { strategy, urgency, text } => self.observer.notified(self.now, strategy, urgency, &text),
            Output::Lifecycle { strategy, state } => self.changed(strategy, state),
            Output::Denied { strategy, refusal } => {
                self.counts.denied += 1;
                *self.refusals.denied.entry(refusal.code.clone()).or_default() += 1;
                self.observer.denied(self.now, strategy, &refusal);
            }
            // What concerns the trader comes as a notification too.
            Output::Risk(event) => self.observer.risk(self.now, &event),
            // An account that is not live is not reconciled, and a run neither checkpoints nor changes what it runs. Nothing is lost
            // on the way to this exchange: what became of a change of leverage is being said.
            Output::Reconcile(_)
            | Output::ResolveLeverage(_)
            | Output::Difference(_)
            | Output::Parameters { .. }
            | Output::Saved { .. }
            | Output::RolledBack { .. }
            | Output::ShutDown { .. } => {}
        }
    }
}
