//! The life of a strategy: deployed, started, warm, running, stopped; refused or faulted on the way.
//!
//! Starting what runs and stopping what is stopped does nothing. A strategy that ends lets go of its timers, its
//! subscriptions and its orders, in that order.

use super::TradingCore;
use crate::denial::{Denial, DenialCode};
use crate::risk::{Lane, Request, RiskGate, Standing};
use crate::slot::{Ended, OutHook, Slot};
use crate::{
    AccountFacts, BOOK_LEVELS_MAX, Decimal, Deployment, Fault, Hook, InitContext, OrderId, OrderRef, Output, StopReason,
    StrategyId, StrategyState, Subscription, Views, derived,
};
use std::sync::Arc;

impl TradingCore {
    /// Puts a strategy into the account, or a new version of one that is at rest: its books, orders and store stay.
    pub(super) fn deploy(&mut self, deployment: Deployment) {
        let strategy = deployment.strategy;
        if let Err(error) = deployment.risk.check() {
            return self.bad_risk(strategy, &error);
        }
        match self.slots.binary_search_by_key(&strategy, Slot::id) {
            Ok(place) if self.slots[place].is_at_rest() => self.slots[place].deployment = deployment,
            Ok(_) => {
                let message = format!("strategy {strategy} is at work: stop it before a new version takes over");
                return self.denied(strategy, Denial::new(DenialCode::AlreadyDeployed, message));
            }
            Err(_) if self.slots.len() >= super::STRATEGIES_MAX || strategy >= super::outside::OWN_HAND => {
                let message = format!(
                    "strategy {strategy}: an account holds at most {} strategies, numbered below 2^16 - 1",
                    super::STRATEGIES_MAX
                );
                return self.denied(strategy, Denial::new(DenialCode::TooManyStrategies, message));
            }
            Err(place) => {
                self.slots.insert(place, Slot::new(deployment, &self.settings));
                self.subscriptions_changed();
            }
        }
        let place = self.place_of(strategy).expect("it was put there");
        self.choose_watch();
        self.set_state(place, StrategyState::Created);
    }

    pub(super) fn start(&mut self, strategy: StrategyId) {
        let Some(place) = self.place_of(strategy) else { return self.unknown_strategy(strategy) };
        let slot = &mut self.slots[place];
        if slot.state == StrategyState::Stopping {
            let message = format!("strategy {strategy} is being stopped: start it again when it has");
            return self.denied(strategy, Denial::new(DenialCode::Stopping, message));
        }
        if !slot.is_at_rest() {
            return;
        }
        if self.shutdown.is_some() {
            let message = format!("strategy {strategy} cannot begin: the account shuts down");
            return self.denied(strategy, Denial::new(DenialCode::Stopping, message));
        }
        if !self.reconciled {
            slot.start_waits = true;
            return;
        }
        self.initialize(place);
    }

    /// What a new instance of a strategy is told in `init` if it takes over now, in the middle of the strategy's life and with these
    /// views: what was saved last is in it. None where there is no such strategy.
    pub fn init_context(&self, strategy: StrategyId, views: &Views) -> Option<InitContext> {
        self.place_of(strategy).map(|place| self.context_of(place, views.account.cash()))
    }

    fn context_of(&self, place: usize, cash: Option<Decimal>) -> InitContext {
        let deployment = &self.slots[place].deployment;
        let cash = cash.map_or(Decimal::MAX, derived);
        InitContext {
            now: self.now,
            parameters: Arc::clone(&deployment.parameters),
            instruments: Arc::clone(&self.settings.instruments),
            series: Arc::clone(&self.settings.series),
            account: AccountFacts { cash, fees: self.settings.fees, live: self.settings.live },
            restored: deployment.restored.clone(),
        }
    }

    /// Hands over `init`, to an instance of the version that is deployed.
    pub(super) fn initialize(&mut self, place: usize) {
        self.slots[place].ended = Ended::Orderly;
        let cash = self.view_of(place).cash();
        let context = self.context_of(place, cash);
        self.set_state(place, StrategyState::WarmingUp);
        self.deliver(place, Hook::Init(Box::new(context)), OutHook::Init, self.now);
    }

    pub(super) fn stop(&mut self, strategy: StrategyId, reason: StopReason) {
        let Some(place) = self.place_of(strategy) else { return self.unknown_strategy(strategy) };
        let slot = &mut self.slots[place];
        let works = matches!(slot.state, StrategyState::WarmingUp | StrategyState::Running);
        slot.ended = match (reason, slot.ended) {
            (StopReason::Shutdown, _) if works || slot.start_waits || slot.upgrade.is_some() => Ended::Shutdown,
            (StopReason::Shutdown, ended) => ended,
            (_, Ended::Fault) => Ended::Fault,
            (_, Ended::Orderly | Ended::Shutdown) => Ended::Orderly,
        };
        slot.start_waits = false;
        if slot.upgrade.is_some() {
            // It is on its way to a new version: it ends instead.
            slot.forget_events();
            slot.forget_requests();
        }
        if !works {
            return self.let_go(place, reason);
        }
        slot.forget_events();
        slot.forget_requests();
        slot.stop = Some(reason);
        self.set_state(place, StrategyState::Stopping);
        self.deliver_next(place);
    }

    /// `init` ended with what it wants to hear.
    pub(super) fn begin(&mut self, place: usize, wanted: Vec<Subscription>) {
        if self.slots[place].state == StrategyState::Stopping {
            return;
        }
        let subscriptions = match self.checked_subscriptions(wanted) {
            Ok(subscriptions) => subscriptions,
            Err(words) => return self.refuse(place, words),
        };
        let slot = &mut self.slots[place];
        slot.warm_up = subscriptions.iter().filter_map(history).collect();
        slot.warm_up_left = slot.warm_up.iter().map(|(_, left)| u64::from(*left)).sum();
        slot.subscriptions = subscriptions;
        slot.listening = true;
        self.subscriptions_changed();
        self.check_warm(place);
    }

    /// `init` ended with a refusal, or wanted what there is not.
    pub(super) fn refuse(&mut self, place: usize, words: String) {
        if self.roll_back(place, &words) {
            return;
        }
        let slot = &mut self.slots[place];
        slot.forget_events();
        slot.forget_requests();
        slot.stop = None;
        self.set_state(place, StrategyState::Refused(words));
    }

    /// Lets a strategy trade once it has answered all its history.
    pub(super) fn check_warm(&mut self, place: usize) {
        if !self.slots[place].is_warm() {
            return;
        }
        self.set_state(place, StrategyState::Running);
        let deployment = &self.slots[place].deployment;
        if let Some(interval_ms) = deployment.tick_interval_ms {
            self.schedule.start_clock(deployment.strategy, self.now, interval_ms);
        }
    }

    /// `on-stop` ended and its last intents are under way.
    pub(super) fn end(&mut self, place: usize) {
        self.release(place);
        self.check_ended(place);
    }

    /// A strategy failed. Its instance is gone; of what it holds its restart policy says what becomes.
    pub(super) fn fault(&mut self, place: usize, fault: Box<Fault>) {
        if self.slots[place].state != StrategyState::Stopping && self.roll_back(place, &fault.to_string()) {
            return;
        }
        let slot = &mut self.slots[place];
        let at_work = matches!(slot.state, StrategyState::WarmingUp | StrategyState::Running);
        if at_work {
            slot.ended = Ended::Fault;
        }
        slot.forget_events();
        slot.forget_requests();
        (slot.out, slot.stop) = (None, None);
        self.release(place);
        self.set_state(place, StrategyState::Faulted(fault));
        if at_work {
            self.left_behind(place);
        }
    }

    /// A strategy that is being stopped has stopped when nothing of it is open.
    pub(super) fn check_ended(&mut self, place: usize) {
        let slot = &self.slots[place];
        let ended = slot.out.is_none() && slot.stop.is_none() && slot.orders.open().is_empty();
        if ended && slot.state == StrategyState::Stopping {
            self.set_state(place, StrategyState::Stopped);
        }
    }

    /// Timers, then subscriptions, then orders. Orders that end by themselves at the market are left to do so.
    pub(super) fn release(&mut self, place: usize) {
        self.schedule.release(self.slots[place].id());
        self.slots[place].subscriptions.clear();
        self.subscriptions_changed();
        self.release_orders(place);
    }

    pub(super) fn release_orders(&mut self, place: usize) {
        let slot = &self.slots[place];
        let open = slot.orders.open().iter().filter(|open| slot.lets_go_of(open));
        let ids: Vec<OrderId> = open.map(|open| open.order.id).collect();
        for id in ids {
            self.cancel_by_itself(place, id);
        }
        self.release_exits(place);
    }

    /// Asks for the end of an order unasked, unless it was asked for.
    pub(super) fn cancel_by_itself(&mut self, place: usize, id: OrderId) {
        let open = self.slots[place].orders.named(OrderRef::Id(id)).map(|at| &self.slots[place].orders.open()[at]);
        let Some(open) = open.filter(|open| !open.is_cancelling()) else { return };
        let approved = self.approved_cancel(open.client_id, open.order.instrument);
        self.send_request(place, id, None, approved);
    }

    /// Asks for the end of an order that is over in the books.
    pub(super) fn cancel_unlisted(&mut self, client_id: crate::ClientOrderId, instrument: crate::InstrumentId) {
        let approved = self.approved_cancel(client_id, instrument);
        self.send(approved);
    }

    fn approved_cancel(
        &self,
        client_id: crate::ClientOrderId,
        instrument: crate::InstrumentId,
    ) -> crate::Approved<crate::Command> {
        let gate = RiskGate::new(&self.settings.instruments, &self.settings.limits, self.now);
        let request = Request::Cancel { instrument, client_id };
        gate.review(&request, &Standing::new(Lane::Closing)).expect("a cancel always passes this lane")
    }

    pub(super) fn denied(&mut self, strategy: StrategyId, denial: Denial) {
        self.outputs.push_back(Output::Denied { strategy, refusal: denial.into() });
    }

    pub(super) fn set_state(&mut self, place: usize, state: StrategyState) {
        let slot = &mut self.slots[place];
        slot.state = state.clone();
        self.outputs.push_back(Output::Lifecycle { strategy: slot.id(), state });
        self.check_shut_down();
    }

    /// Subscriptions that there is something for; the longest history of those to one series.
    fn checked_subscriptions(&self, wanted: Vec<Subscription>) -> Result<Vec<Subscription>, String> {
        let limits = &self.settings.limits;
        if wanted.len() > limits.subscriptions_max {
            return Err(format!("it wants {} subscriptions; at most {} are given", wanted.len(), limits.subscriptions_max));
        }
        let mut checked: Vec<Subscription> = Vec::new();
        for subscription in wanted {
            self.check_subscription(subscription)?;
            match checked.iter_mut().find(|other| is_same_feed(other, &subscription)) {
                Some(other) => merge(other, subscription),
                None => checked.push(subscription),
            }
        }
        Ok(checked)
    }

    fn check_subscription(&self, subscription: Subscription) -> Result<(), String> {
        let (instruments, series) = (self.settings.instruments.len(), self.settings.series.len());
        match subscription {
            Subscription::Candles { series: wanted, .. } if wanted.get() as usize >= series => {
                Err(format!("it wants candles of series {wanted}; there are {series}, numbered from 0"))
            }
            Subscription::Candles { series, warm_up } if warm_up > self.settings.limits.warm_up_max => {
                let max = self.settings.limits.warm_up_max;
                Err(format!("it wants {warm_up} candles of history of series {series}; at most {max} are given"))
            }
            Subscription::Book { instrument, levels } if levels == 0 || levels as usize > BOOK_LEVELS_MAX => Err(format!(
                "it wants {levels} levels of the book of instrument {instrument}; 1 to {BOOK_LEVELS_MAX} are given"
            )),
            Subscription::Trades(wanted)
            | Subscription::Quotes(wanted)
            | Subscription::Book { instrument: wanted, .. }
            | Subscription::Context(wanted)
                if wanted.get() as usize >= instruments =>
            {
                Err(format!("it wants a feed of instrument {wanted}; there are {instruments}, numbered from 0"))
            }
            _ => Ok(()),
        }
    }
}

fn history(subscription: &Subscription) -> Option<(crate::SeriesId, u32)> {
    match *subscription {
        Subscription::Candles { series, warm_up } => Some((series, warm_up)),
        _ => None,
    }
}

fn is_same_feed(one: &Subscription, other: &Subscription) -> bool {
    match (one, other) {
        (Subscription::Candles { series: one, .. }, Subscription::Candles { series: other, .. }) => one == other,
        (Subscription::Book { instrument: one, .. }, Subscription::Book { instrument: other, .. }) => one == other,
        _ => one == other,
    }
}

fn merge(one: &mut Subscription, other: Subscription) {
    match (one, other) {
        (Subscription::Candles { warm_up: one, .. }, Subscription::Candles { warm_up: other, .. })
        | (Subscription::Book { levels: one, .. }, Subscription::Book { levels: other, .. }) => *one = other.max(*one),
        _ => {}
    }
}
