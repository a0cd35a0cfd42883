//! What the operator does so that not too much is lost, and what the shell says of feeds.

use super::World;
use crate::seeded::exchange::{INSTRUMENTS, instrument};
use crate::seeded::invariants::{Violation, risk};
use crate::seeded::trader::STRATEGIES;
use calypte_kernel::*;

impl World {
    /// Kill switches, trading states, and what the tenant has at stake elsewhere.
    pub(super) fn guard(&mut self) -> Result<(), Violation> {
        let random = &mut self.random;
        let strategy = StrategyId::new(u32::try_from(random.below(u64::from(STRATEGIES))).expect("a few") + 1);
        let strategy = if random.chance(3) { StrategyId::new(99) } else { strategy };
        // Whoever was killed is armed again, mostly: what trades finds more than what does not.
        let strategy = self.core.strategies().find(|one| one.killed().is_some()).map_or(strategy, StrategyView::id);
        let scope = if random.chance(40) { KillScope::Account } else { KillScope::Strategy(strategy) };
        let command = match random.below(100) {
            0..10 => {
                let action = random.pick(&[KillAction::Pause, KillAction::ReduceOnly, KillAction::Cancel, KillAction::Flatten]);
                OperatorCommand::Kill { scope, action }
            }
            10..65 => OperatorCommand::Rearm { scope },
            65..70 => {
                let state = random.pick(&[TradingState::Active, TradingState::Reducing, TradingState::Halted]);
                OperatorCommand::SetTradingState { scope, state }
            }
            70..80 => {
                let account = self.core.trading_state() != TradingState::Active;
                let limited = self.core.strategies().find(|one| one.trading_state() != TradingState::Active);
                let limited = limited.map_or(scope, |one| KillScope::Strategy(one.id()));
                let scope = if account { KillScope::Account } else { limited };
                OperatorCommand::SetTradingState { scope, state: TradingState::Active }
            }
            80..90 => {
                let instrument = instrument(random.place(INSTRUMENTS + 1));
                OperatorCommand::SetTradable { instrument, tradable: random.chance(85) }
            }
            _ => {
                let elsewhere = random.chance(90).then(|| Decimal::from(random.below(5_000)));
                return self.handle(Input::TenantExposure { elsewhere });
            }
        };
        self.switches.said(&self.core, &command);
        self.handle(Input::Operator(command))
    }

    /// A feed falls silent, lacks a stretch, or flows again.
    pub(super) fn feed(&mut self) -> Result<(), Violation> {
        let random = &mut self.random;
        let id = instrument(random.place(INSTRUMENTS));
        let series = SeriesId::new(id.get());
        let feed = random.pick(&[
            Feed::Candles(series),
            Feed::Trades(id),
            Feed::Quotes(id),
            Feed::Book(id),
            Feed::Context(id),
            Feed::Candles(SeriesId::new(99)),
        ]);
        let gap = FeedChange::Gap { start: self.now, end: self.now.saturating_add(60_000), missing: 1 };
        let change = random.pick(&[FeedChange::Stale, gap, FeedChange::Recovered]);
        self.handle(Input::Market(MarketEvent::Feed { feed, change }))
    }

    /// What must hold of margin and kill switches after every step.
    pub(super) fn check_guards(&mut self) -> Result<(), Violation> {
        self.switches.stay(&self.core)?;
        let mut margin = self.core.margin();
        if let (Some(bug), Some(margin)) = (self.bug, &mut margin) {
            bug.spoil_margin(margin, self.counts.orders);
        }
        risk::margin_is_reserved_for_what_is_open(&self.core, margin, &self.amends)
    }

    /// And of each command that is sent.
    pub(super) fn check_sent(&self, command: &Command) -> Result<(), Violation> {
        self.switches.nothing_opens(&self.core, command)?;
        if self.profile.margin {
            risk::margin_covers(&self.core, self.margin_before, command)?;
        }
        Ok(())
    }
}
