//! The state machine of one account: what happened goes in, what to do comes out.

use crate::{CoreSettings, Decimal, Input, Order, Output, Position, SettingsError, StrategyId, StrategyState, Timestamp};
use std::collections::VecDeque;

/// One account and its strategies. Knows no clock, socket or task; equal inputs give equal outputs.
#[derive(Debug)]
pub struct TradingCore {
    settings: CoreSettings,
    outputs: VecDeque<Output>,
    revision: u64,
}

impl TradingCore {
    /// An account without strategies.
    ///
    /// # Errors
    /// Where the settings contradict themselves.
    pub fn new(settings: CoreSettings) -> Result<Self, SettingsError> {
        Ok(Self { settings, outputs: VecDeque::new(), revision: 0 })
    }

    /// Applies one input. What follows from it waits in [`TradingCore::poll`]. Time does not run backwards: an earlier `now`
    /// counts as the latest one seen.
    ///
    /// Timers due before `now` fire before the input is applied; those due at `now` fire on [`Input::Wake`], which the shell
    /// sends once everything else of that time has been handed in.
    pub fn handle(&mut self, _now: Timestamp, _input: Input) {
        self.revision += 1;
    }

    /// Takes the next thing to do. Drain it fully before the next `handle`.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When it wants [`Input::Wake`], if nothing else happens first.
    pub fn next_wake(&self) -> Option<Timestamp> {
        None
    }

    /// Changes whenever the account's money or a position may have changed: what was read before is still true while it is
    /// the same.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// What was paid in, plus the profit of everything that is flat again, less fees, plus funding, over all strategies.
    pub fn settled(&self) -> Decimal {
        self.settings.cash
    }

    /// Fees paid, over all strategies; rebates count against them.
    pub fn fees_paid(&self) -> Decimal {
        Decimal::ZERO
    }

    /// Funding received less funding paid, over all strategies.
    pub fn funding_received(&self) -> Decimal {
        Decimal::ZERO
    }

    /// Positions that are not zero, by strategy, then by instrument. Each strategy has its own.
    pub fn positions(&self) -> impl Iterator<Item = (StrategyId, &Position)> {
        std::iter::empty()
    }

    /// A strategy, for reading.
    pub fn strategy(&self, _strategy: StrategyId) -> Option<StrategyView<'_>> {
        None
    }
}

/// A strategy as the core holds it, for reading.
#[derive(Debug, Clone, Copy)]
pub struct StrategyView<'a> {
    state: &'a StrategyState,
}

impl<'a> StrategyView<'a> {
    /// Where it is in its life.
    pub const fn state(self) -> &'a StrategyState {
        self.state
    }

    /// What its trading made: profit of what is flat again, less fees, plus funding.
    pub fn settled(self) -> Decimal {
        Decimal::ZERO
    }

    /// Fees it paid.
    pub fn fees_paid(self) -> Decimal {
        Decimal::ZERO
    }

    /// Its positions that are not zero, by instrument.
    pub fn positions(self) -> impl Iterator<Item = &'a Position> {
        std::iter::empty()
    }

    /// Its open orders, by number.
    pub fn orders(self) -> impl Iterator<Item = &'a Order> {
        std::iter::empty()
    }

    /// A value of its key-value store.
    pub fn state_value(self, _key: &str) -> Option<&'a [u8]> {
        None
    }
}
