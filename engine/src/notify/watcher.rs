//! Watches the session of an account for what somebody should know at once.

use super::{Notification, Notifier, Severity};
use crate::live::{Listener, Notice};
use calypte_kernel::{
    DifferenceOf, Instrument, InstrumentId, KillAction, KillScope, RiskEvent, StrategyId, StrategyState, Timestamp,
    TradingCore, Urgency,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tells of strategies that failed, of kill switches, of differences with the exchange, and what strategies have to say.
#[derive(Debug)]
pub struct Watcher {
    notifier: Notifier,
    account: String,
    instruments: Arc<[Instrument]>,
    strategies: BTreeMap<StrategyId, String>,
}

/// What is told of something.
struct Told {
    severity: Severity,
    kind: &'static str,
    strategy: Option<StrategyId>,
    words: String,
}

impl Watcher {
    /// Of an account with these instruments and strategies.
    pub fn new(
        notifier: Notifier,
        account: &str,
        instruments: Arc<[Instrument]>,
        strategies: BTreeMap<StrategyId, String>,
    ) -> Self {
        Self { notifier, account: account.to_owned(), instruments, strategies }
    }

    fn name(&self, strategy: StrategyId) -> String {
        self.strategies.get(&strategy).cloned().unwrap_or_else(|| strategy.to_string())
    }

    fn symbol(&self, instrument: InstrumentId) -> String {
        let known = self.instruments.get(instrument.get() as usize);
        known.map_or_else(|| instrument.to_string(), |instrument| instrument.symbol.to_string())
    }

    fn risk(&self, event: &RiskEvent) -> Option<Told> {
        let told = |severity, kind, strategy, words| Some(Told { severity, kind, strategy, words });
        let of = |scope: &KillScope| if let KillScope::Strategy(strategy) = scope { Some(*strategy) } else { None };
        match event {
            RiskEvent::Killed { scope, cause, action, armed } => {
                let waits = if *armed { ", as soon as the connection is back" } else { "" };
                let words = format!("the kill switch fired ({cause}): {}{waits}", action_words(*action));
                told(Severity::Critical, "kill-switch", of(scope), words)
            }
            RiskEvent::Rearmed { scope } => {
                told(Severity::Info, "kill-switch-armed", of(scope), "the kill switch is armed again".to_owned())
            }
            RiskEvent::NotFlat { strategy, instrument, size } => {
                let words = format!("{size} of {} could not be closed: close it by hand", self.symbol(*instrument));
                told(Severity::Critical, "not-flat", Some(*strategy), words)
            }
            RiskEvent::OutsideNotFlat { instrument, size } => {
                let words = format!(
                    "{size} of {} that is no strategy's could not be closed: close it by hand",
                    self.symbol(*instrument)
                );
                told(Severity::Critical, "not-flat", None, words)
            }
            RiskEvent::Paused { strategy, .. } => {
                told(Severity::Warning, "paused", Some(*strategy), "a protection makes the strategy rest".to_owned())
            }
            RiskEvent::DeadManLost => {
                let words = "the exchange does not keep the dead man's switch: should the connection break, open orders stay";
                told(Severity::Critical, "dead-man-lost", None, words.to_owned())
            }
            RiskEvent::DeadManBack => {
                told(Severity::Info, "dead-man-back", None, "the exchange keeps the dead man's switch again".to_owned())
            }
            RiskEvent::TradingState { .. } | RiskEvent::Flat { .. } | RiskEvent::OutsideFlat => None,
        }
    }

    fn told(&self, notice: &Notice<'_>) -> Option<Told> {
        let told = |severity, kind, strategy, words| Some(Told { severity, kind, strategy, words });
        match notice {
            Notice::Lifecycle(strategy, StrategyState::Faulted(fault)) => {
                told(Severity::Critical, "strategy-faulted", Some(*strategy), format!("the strategy failed: {fault}"))
            }
            Notice::Lifecycle(strategy, StrategyState::Refused(words)) => {
                told(Severity::Warning, "strategy-refused", Some(*strategy), format!("the strategy refused to begin: {words}"))
            }
            Notice::Notification(strategy, urgency, words) => {
                let severity = match urgency {
                    Urgency::Info => Severity::Info,
                    Urgency::Warning => Severity::Warning,
                    Urgency::Alert => Severity::Critical,
                };
                told(severity, "strategy-says", Some(*strategy), (*words).to_owned())
            }
            Notice::Risk(event) => self.risk(event),
            Notice::Difference(difference) if difference.is_first_word() => None,
            Notice::Difference(difference) => {
                let of = match difference.of {
                    DifferenceOf::Filled(order) => format!("what filled of order {order}"),
                    DifferenceOf::Position(instrument) => format!("the position in {}", self.symbol(instrument)),
                    DifferenceOf::Cash => "the cash".to_owned(),
                };
                let words = format!("{of} differs: ours {}, the exchange's {}", difference.ours, difference.theirs);
                told(Severity::Warning, "difference", None, words)
            }
            Notice::Lifecycle(..)
            | Notice::Sent(_)
            | Notice::Venue(_)
            | Notice::Delivered(_)
            | Notice::HookEnded(_)
            | Notice::Denied(..) => None,
        }
    }
}

const fn action_words(action: KillAction) -> &'static str {
    match action {
        KillAction::Pause => "nothing new is ordered",
        KillAction::ReduceOnly => "only what reduces is ordered",
        KillAction::Cancel => "every order is cancelled",
        KillAction::Flatten => "every order is cancelled and every position closed",
    }
}

impl Listener for Watcher {
    fn notice(&mut self, now: Timestamp, _core: &TradingCore, notice: Notice<'_>) {
        let Some(told) = self.told(&notice) else { return };
        self.notifier.tell(Notification {
            time: now,
            severity: told.severity,
            kind: told.kind,
            account: Some(self.account.clone()),
            strategy: told.strategy.map(|strategy| self.name(strategy)),
            words: told.words,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_kernel::{Decimal, Difference, KillCause};

    fn watcher() -> Watcher {
        let notifier = Notifier::silent(crate::health::Metrics::new("engine"));
        Watcher::new(notifier, "alice", Arc::new([]), [(StrategyId::new(0), "trend".to_owned())].into())
    }

    #[test]
    fn what_matters_is_told_and_what_is_usual_is_not() {
        let watcher = watcher();
        let of = |notice: &Notice<'_>| watcher.told(notice).map(|told| (told.severity, told.kind, told.words));
        let killed = RiskEvent::Killed {
            scope: KillScope::Account,
            cause: KillCause::Operator,
            action: KillAction::Flatten,
            armed: true,
        };
        let (severity, kind, words) = of(&Notice::Risk(&killed)).expect("it matters");
        assert_eq!((severity, kind), (Severity::Critical, "kill-switch"));
        assert!(words.contains("every position closed, as soon as the connection is back"), "{words}");
        let difference = Difference {
            time: Timestamp::from_millis(0),
            of: DifferenceOf::Position(InstrumentId::new(0)),
            ours: Decimal::ONE,
            theirs: Decimal::TWO,
        };
        let (_, kind, words) = of(&Notice::Difference(&difference)).expect("it matters");
        assert!(kind == "difference" && words.contains("ours 1, the exchange's 2"), "{words}");
        let cash = |ours| Difference { of: DifferenceOf::Cash, ours, ..difference };
        assert!(of(&Notice::Difference(&cash(Decimal::ZERO))).is_none(), "the exchange's first word on cash is no alarm");
        assert!(of(&Notice::Difference(&cash(Decimal::ONE))).is_some());
        let refused = StrategyState::Refused("no data".to_owned());
        assert_eq!(of(&Notice::Lifecycle(StrategyId::new(0), &refused)).map(|(_, kind, _)| kind), Some("strategy-refused"));
        assert!(of(&Notice::Lifecycle(StrategyId::new(0), &StrategyState::Running)).is_none());
        let says = Notice::Notification(StrategyId::new(0), Urgency::Alert, "look");
        assert_eq!(of(&says), Some((Severity::Critical, "strategy-says", "look".to_owned())));
    }
}
