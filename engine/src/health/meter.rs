//! Watches the session of an account and counts what happens in it.

use super::handles::{AccountMetrics, StrategyStates};
use crate::live::{Lap, Laps, Listener, Notice};
use calypte_kernel::{
    Answer, Command, EventNumber, HookEnded, RiskEvent, StrategyId, StrategyState, Timestamp, TradingCore, VenueEvent,
};
use prometheus_client::metrics::counter::Counter;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Counts what happens in the session of one account, and times it by the machine's steady clock.
#[derive(Debug)]
pub struct Meter {
    metrics: AccountMetrics,
    /// Fuel, by strategy.
    fuel: BTreeMap<StrategyId, Counter>,
    states: BTreeMap<StrategyId, StateName>,
    laps: Laps,
    /// The event that was answered last with intents, and when.
    answered: Option<(EventNumber, Instant)>,
}

/// A state without what it says.
#[derive(Debug, Clone, Copy)]
enum StateName {
    Created,
    WarmingUp,
    Running,
    Stopping,
    Stopped,
    Refused,
    Faulted,
}

impl Meter {
    /// Of an account with these strategies, by the names they have in it.
    pub fn new<'a>(metrics: AccountMetrics, strategies: impl IntoIterator<Item = (StrategyId, &'a str)>) -> Self {
        let fuel: BTreeMap<_, _> = strategies.into_iter().map(|(id, name)| (id, metrics.strategy_fuel(name))).collect();
        let states = fuel.keys().map(|id| (*id, StateName::Created)).collect();
        let meter = Self { metrics, fuel, states, laps: Laps::default(), answered: None };
        meter.show_states();
        meter
    }

    fn hook_ended(&mut self, ended: &HookEnded, duration: Duration, now: Instant) {
        if let Some(fuel) = self.fuel.get(&ended.strategy) {
            self.metrics.hook_ended(fuel, ended.fuel, duration);
        }
        match &ended.answer {
            Answer::Intents(intents) if !intents.is_empty() => {
                self.metrics.intents_after(duration);
                self.answered = Some((ended.number, now));
            }
            Answer::Fault(fault) => self.metrics.faulted(fault.kind.name()),
            _ => {}
        }
    }

    fn sent(&mut self, event: EventNumber, command: &Command, now: Instant) {
        if let Some((answered, at)) = self.answered
            && answered == event
        {
            self.metrics.sent_after(now.saturating_duration_since(at));
            self.answered = None;
        }
        if let Command::Place(_) = command {
            self.metrics.order_sent();
        }
    }

    fn venue(&self, event: &VenueEvent) {
        match event {
            VenueEvent::Rejected { refusal, .. } => self.metrics.rejected(&refusal.code),
            VenueEvent::Fill(_) => self.metrics.filled(),
            _ => {}
        }
    }

    fn show_states(&self) {
        let mut states = StrategyStates::default();
        for state in self.states.values() {
            *match state {
                StateName::Created => &mut states.created,
                StateName::WarmingUp => &mut states.warming_up,
                StateName::Running => &mut states.running,
                StateName::Stopping => &mut states.stopping,
                StateName::Stopped => &mut states.stopped,
                StateName::Refused => &mut states.refused,
                StateName::Faulted => &mut states.faulted,
            } += 1;
        }
        self.metrics.strategies(states);
    }
}

impl From<&StrategyState> for StateName {
    fn from(state: &StrategyState) -> Self {
        match state {
            StrategyState::Created => Self::Created,
            StrategyState::WarmingUp => Self::WarmingUp,
            StrategyState::Running => Self::Running,
            StrategyState::Stopping => Self::Stopping,
            StrategyState::Stopped => Self::Stopped,
            StrategyState::Refused(_) => Self::Refused,
            StrategyState::Faulted(_) => Self::Faulted,
        }
    }
}

impl Listener for Meter {
    fn notice(&mut self, _now: Timestamp, _core: &TradingCore, notice: Notice<'_>) {
        let now = Instant::now();
        match (self.laps.take(notice, now), notice) {
            (Some(Lap::Hook(duration)), Notice::HookEnded(ended)) => self.hook_ended(ended, duration, now),
            (Some(Lap::Acknowledged(duration)), _) => self.metrics.acknowledged_after(duration),
            _ => {}
        }
        match notice {
            Notice::Sent(batch) => {
                batch.commands.iter().for_each(|command| self.sent(batch.event, command.get(), now));
            }
            Notice::Venue(event) => self.venue(event),
            Notice::Denied(_, refusal) => self.metrics.denied(&refusal.code),
            Notice::Lifecycle(strategy, state) => {
                self.states.insert(strategy, state.into());
                self.show_states();
            }
            Notice::Difference(difference) if !difference.is_first_word() => self.metrics.differed(),
            Notice::Risk(RiskEvent::Killed { .. }) => self.metrics.killed(),
            Notice::Difference(_)
            | Notice::Risk(_)
            | Notice::Notification(..)
            | Notice::Delivered(_)
            | Notice::HookEnded(_) => {}
        }
    }
}
