//! The world comes to rest: everything arrives, everybody answers, and both sides are compared.

use super::World;
use crate::seeded::bugs::Bug;
use crate::seeded::invariants::{self, Invariant, Violation, money};
use calypte_kernel::{ClientOrderId, StrategyState};
use std::collections::BTreeSet;

/// How many seconds it may take until nothing is in doubt: what was signed expires in ten, and each thing that was asked for
/// anew since may take as long again.
const SECONDS_MAX: usize = 120;

/// How many seconds a kill switch gets to close what it is to close, and an exit that the core guards to find its way past what
/// rests before it. Either may have given up then.
const CLOSING_SECONDS_MAX: usize = 20;

/// How many messages and answers one second of them may hold.
const MOVES_MAX: usize = 5_000;

impl World {
    /// Lets everything arrive and compares.
    pub(super) fn settle(&mut self) -> Result<(), Violation> {
        self.calm = true;
        let settled = self.come_to_rest();
        self.calm = false;
        settled
    }

    fn come_to_rest(&mut self) -> Result<(), Violation> {
        self.restore()?;
        self.drain()?;
        // A fresh picture of everything, as after every connection.
        self.cut()?;
        self.restore()?;
        for second in 0..SECONDS_MAX {
            self.drain()?;
            let closes = self.core.strategies().any(calypte_kernel::StrategyView::is_closing);
            let waits = self.profile.shares && self.profile.netted;
            if self.is_at_rest() && (second > CLOSING_SECONDS_MAX || !closes && !waits) {
                break;
            }
            self.now = self.now.saturating_add(1_000);
            self.exchange.at(self.now);
            self.wake()?;
            self.ask();
        }
        self.counts.settled += 1;
        self.compare()
    }

    /// Whether nothing is expected any more, so far as the core knows.
    fn is_at_rest(&self) -> bool {
        let mut orders = self.core.strategies().flat_map(calypte_kernel::StrategyView::order_states);
        let is_settled = |state: calypte_kernel::OrderState| {
            use calypte_kernel::OrderState::{Open, PartlyFilled};
            matches!(state, Open | PartlyFilled)
        };
        let stopping = self.core.strategies().any(|strategy| strategy.state() == &StrategyState::Stopping);
        let unanswered = self.reconciling || self.core.leverage_unanswered() > 0;
        !stopping && !unanswered && orders.all(|(_, state)| is_settled(state))
    }

    /// Moves until nothing is on its way and no hook is out.
    fn drain(&mut self) -> Result<(), Violation> {
        for _ in 0..MOVES_MAX {
            if self.wires.is_empty() && self.hooks.is_empty() && self.bug != Some(Bug::NeverQuiet) {
                return Ok(());
            }
            self.arrive()?;
            self.deliver()?;
            self.answer()?;
        }
        let seen = format!("{MOVES_MAX} moves, and still something is on its way: {:?}", self.wires);
        Err(Violation::new(Invariant::BecomesQuiet, seen))
    }

    /// Orders that the power made nobody's.
    fn adrift(&self) -> BTreeSet<ClientOrderId> {
        self.core.external_orders().filter_map(|order| order.order).filter(|name| self.orphans.contains(name)).collect()
    }

    fn compare(&mut self) -> Result<(), Violation> {
        assert!(self.bug != Some(Bug::Panic), "a deliberate panic");
        invariants::positions_agree(&self.core, self.exchange.truth())?;
        invariants::doubt_ends(&self.core)?;
        invariants::orders_agree(&self.core, &self.exchange.open_orders(&self.adrift()))?;
        invariants::risk::what_was_killed_is_closed(&self.core)?;
        self.check_guards()?;
        self.seen.every_intent_is_answered()?;
        if self.profile.is_exact() {
            money::money_agrees(&self.core, self.exchange.truth())?;
        }
        Ok(())
    }
}
