//! The loop between a simulated exchange and the instances: hands out deliveries, takes their ends, and lets a guest pull the
//! next one inside its hook.

use super::journal::{Journal, Notification};
use crate::control::Control;
use calypte_host::{Feed, Instance};
use calypte_kernel::{Decimal, Deliver, Hook, HookEnded, Refusal, StrategyId, StrategyState, Timestamp, Urgency, VenueFill};
use calypte_sim::{Backtest, BacktestError, EquityPoint, Observer, Outcome};
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// Events between two looks at whether the run is cancelled.
const EVENTS_PER_LOOK: u32 = 4_096;

/// How events reach an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// The guest pulls the next event inside its hook.
    #[default]
    Next,
    /// Each event is a hook call of its own: slower, and otherwise the same.
    Call,
}

impl Way {
    /// Its name in reports: part of what a run depends on, since fuel differs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Call => "call",
        }
    }
}

/// A backtest that instances pull their events from.
pub(super) struct Pull {
    backtest: Backtest,
    journal: Arc<Mutex<Journal>>,
    control: Arc<Control>,
    way: Way,
    /// What the backtest gave that was not for whoever asked.
    waiting: Option<Result<Option<Deliver>, BacktestError>>,
    /// Whose hook is out, and the time of its event.
    current: (StrategyId, Timestamp),
    until_look: u32,
    /// Fuel that all strategies together have left; none: not limited.
    fuel_left: Option<u64>,
}

impl Pull {
    pub(super) fn new(backtest: Backtest, journal: Arc<Mutex<Journal>>, control: Arc<Control>, way: Way) -> Self {
        let current = (StrategyId::new(0), Timestamp::default());
        Self { backtest, journal, control, way, waiting: None, current, until_look: EVENTS_PER_LOOK, fuel_left: None }
    }

    /// With a budget that all strategies together spend from.
    pub(super) fn with_fuel(self, fuel: Option<u64>) -> Self {
        Self { fuel_left: fuel, ..self }
    }

    /// Runs to the end: instances stand at the places their strategies' numbers say.
    pub(super) async fn run(self, instances: &mut [Instance]) -> (Outcome, Option<BacktestError>) {
        let mut pull = Box::new(self);
        loop {
            let deliver = match pull.take() {
                Ok(Some(deliver)) => deliver,
                Ok(None) => return (pull.backtest.finish(), None),
                Err(error) => return (pull.backtest.finish(), Some(error)),
            };
            let instance = &mut instances[deliver.strategy.get() as usize];
            pull.hand_out(&deliver);
            if let Some(left) = pull.fuel_left {
                instance.set_run_fuel(left);
            }
            let (feed, ended) = instance.call(deliver, pull).await;
            let feed: Box<dyn Any> = feed;
            pull = feed.downcast().expect("an instance gives back the feed it was lent");
            if let Some(ended) = ended {
                pull.end(ended);
            }
            // Other tasks of this thread, such as a progress bar, get their turn however short the calls are.
            tokio::task::consume_budget().await;
        }
    }

    fn take(&mut self) -> Result<Option<Deliver>, BacktestError> {
        self.look();
        self.waiting.take().unwrap_or_else(|| self.backtest.next())
    }

    fn hand_out(&mut self, deliver: &Deliver) {
        self.current = (deliver.strategy, deliver.views.now);
    }

    fn end(&mut self, ended: HookEnded) {
        self.fuel_left = self.fuel_left.map(|left| left.saturating_sub(ended.fuel));
        if ended.effects.is_some() {
            self.journal.lock().unwrap_or_else(PoisonError::into_inner).note(self.current.1, &ended);
        }
        self.backtest.answer(ended);
    }

    /// Every so often: ends the run where that is wished.
    #[inline]
    fn look(&mut self) {
        self.until_look -= 1;
        if self.until_look == 0 {
            self.until_look = EVENTS_PER_LOOK;
            if self.control.is_cancelled() {
                self.backtest.cancel();
            }
        }
    }
}

impl Feed for Pull {
    fn next(&mut self, ended: HookEnded) -> Option<Deliver> {
        self.end(ended);
        if self.way == Way::Call {
            return None;
        }
        self.look();
        // Most events are candles for whoever asks: they go the short way, and are not moved around.
        let quiet = self.backtest.next_quiet();
        if let Some(deliver) = &quiet
            && deliver.strategy == self.current.0
        {
            self.current.1 = deliver.views.now;
            return quiet;
        }
        match quiet.map_or_else(|| self.backtest.next(), |deliver| Ok(Some(deliver))) {
            Ok(Some(deliver)) if deliver.strategy == self.current.0 && matches!(deliver.hook, Hook::Event(_)) => {
                self.hand_out(&deliver);
                Some(deliver)
            }
            other => {
                self.waiting = Some(other);
                None
            }
        }
    }
}

/// Passes on what a run streams, and keeps what strategies say to the trader.
pub(super) struct Listener {
    inner: Box<dyn Observer>,
    journal: Arc<Mutex<Journal>>,
}

impl Listener {
    pub(super) fn new(inner: Box<dyn Observer>, journal: Arc<Mutex<Journal>>) -> Self {
        Self { inner, journal }
    }
}

impl Observer for Listener {
    fn fill(&mut self, strategy: StrategyId, fill: &VenueFill, position: Decimal) {
        self.inner.fill(strategy, fill, position);
    }

    fn equity(&mut self, point: EquityPoint) {
        self.inner.equity(point);
    }

    fn answered(&mut self, time: Timestamp, ended: &HookEnded) {
        self.inner.answered(time, ended);
    }

    fn denied(&mut self, time: Timestamp, strategy: StrategyId, refusal: &Refusal) {
        self.inner.denied(time, strategy, refusal);
    }

    fn notified(&mut self, time: Timestamp, strategy: StrategyId, urgency: Urgency, text: &str) {
        let notification = Notification { strategy, time, urgency, text: text.to_owned() };
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).notify(notification);
        self.inner.notified(time, strategy, urgency, text);
    }

    fn lifecycle(&mut self, time: Timestamp, strategy: StrategyId, state: &StrategyState) {
        self.inner.lifecycle(time, strategy, state);
    }
}
