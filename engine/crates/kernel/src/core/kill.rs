//! Kill switches: what fires them, and what the operator says.
//!
//! Nothing here runs unless something is declared or under way: then after every input, and when time has come.

use super::TradingCore;
use crate::denial::{Denial, DenialCode};
use crate::guard::Closing;
use crate::slot::Slot;
use crate::{
    ClientOrderId, Decimal, FeedChange, KillAction, KillCause, KillRule, KillScope, KillTrigger, OperatorCommand, Output,
    RiskEvent, Timestamp, TradingState, Urgency,
};
use smallvec::SmallVec;

impl TradingCore {
    /// Whether anything has to be watched from now on.
    pub(super) fn choose_watch(&mut self) {
        let risk = &self.settings.risk;
        let account = !risk.kill.is_empty() || risk.dead_man_ms.is_some();
        let is_under_way = |slot: &Slot| slot.guard.closing.is_some() || !slot.guarded.reached.is_empty();
        let strategy = |(place, slot): (usize, &Slot)| {
            slot.deployment.risk.is_watched() || is_under_way(slot) || self.demanded(place).is_some()
        };
        let account = account || self.demanded_outside().is_some();
        self.account_guard.watching = account || self.slots.iter().enumerate().any(strategy);
        if !self.account_guard.watching {
            self.account_guard.wake = None;
        }
    }

    /// Looks at what fell due before now, while nothing happened.
    pub(super) fn watch_missed(&mut self, now: Timestamp) {
        if self.account_guard.wake.is_some_and(|due| due < now) {
            self.watch();
        }
    }

    /// Looks at everything that is declared and goes on with what is under way.
    pub(super) fn watch(&mut self) {
        for place in 0..self.slots.len() {
            self.await_data(place);
            self.tell_unpriced(place);
            if !self.slots[place].deployment.risk.kill.is_empty() {
                self.watch_strategy(place);
            }
        }
        if !self.settings.risk.kill.is_empty() {
            self.watch_account();
        }
        for place in 0..self.slots.len() {
            self.go_on_closing(place);
            self.go_on_exiting(place);
        }
        self.go_on_outside();
        self.keep_alive();
        self.choose_watch();
        self.account_guard.wake = if self.account_guard.watching { self.next_look() } else { None };
    }

    /// What a strategy holds or has orders in is waited for, where its silence fires a switch.
    fn await_data(&mut self, place: usize) {
        if watches_age(&self.slots[place].deployment.risk.kill) || watches_age(&self.settings.risk.kill) {
            let concerned: SmallVec<[crate::InstrumentId; 8]> = self.concerned(place).collect();
            concerned.into_iter().for_each(|instrument| self.feeds.await_from(instrument, self.now));
        }
    }

    fn watch_strategy(&mut self, place: usize) {
        let rules = &self.slots[place].deployment.risk.kill;
        let equity = if watches_money(rules) { self.strategy_equity(place) } else { None };
        let age = if watches_age(rules) { self.oldest_ms(place) } else { None };
        let now = self.now;
        let slot = &mut self.slots[place];
        if let Some(equity) = equity {
            slot.guard.switch.note(now, equity);
        }
        if let Some(rule) = slot.guard.switch.fires(now, &slot.deployment.risk.kill, age) {
            self.kill(KillScope::Strategy(self.slots[place].id()), KillCause::Rule(rule.trigger), rule.action);
        }
    }

    fn watch_account(&mut self) {
        if watches_money(&self.settings.risk.kill) {
            self.look_outside();
        }
        let rules = &self.settings.risk.kill;
        let equity = if watches_money(rules) { self.watched_equity() } else { None };
        let ages = (0..self.slots.len()).filter_map(|place| self.oldest_ms(place));
        let age = if watches_age(rules) { ages.max() } else { None };
        let switch = &mut self.account_guard.switch;
        if let Some(equity) = equity {
            switch.note(self.now, equity);
        }
        if let Some(rule) = switch.fires(self.now, rules, age) {
            self.kill(KillScope::Account, KillCause::Rule(rule.trigger), rule.action);
        }
    }

    /// Cash at the start, and what the strategy made of it at mark prices.
    fn strategy_equity(&self, place: usize) -> Option<Decimal> {
        let slot = &self.slots[place];
        let settled = self.settings.cash.checked_add(slot.ledger.money.settled)?;
        settled.checked_add(self.watched_worth(slot)?)
    }

    fn watched_equity(&self) -> Option<Decimal> {
        let settled = self.settled().checked_add(self.account_guard.outside_made.sum)?;
        self.slots.iter().try_fold(settled, |sum, slot| sum.checked_add(self.watched_worth(slot)?))
    }

    /// What a strategy's open positions are worth to a kill switch. One without a price is reckoned at its entry, so that it
    /// does not hide what the others lose.
    fn watched_worth(&self, slot: &Slot) -> Option<Decimal> {
        slot.ledger.held().try_fold(Decimal::ZERO, |sum, position| {
            let mark = self.feeds.mark_price(position.instrument());
            let price = mark.map_or_else(|| position.entry_price(), crate::Price::get);
            sum.checked_add(position.flow())?.checked_add(price.checked_mul(position.size())?)
        })
    }

    /// Tells the trader of a position that a kill switch of money has no price for, once until there is one.
    fn tell_unpriced(&mut self, place: usize) {
        if !watches_money(&self.slots[place].deployment.risk.kill) && !watches_money(&self.settings.risk.kill) {
            return;
        }
        let slot = &self.slots[place];
        let unpriced =
            slot.ledger.held().map(crate::Position::instrument).find(|instrument| self.feeds.mark_price(*instrument).is_none());
        let strategy = slot.id();
        let is_told = std::mem::replace(&mut self.slots[place].guard.is_unpriced_told, unpriced.is_some());
        if let Some(instrument) = unpriced.filter(|_| !is_told) {
            let text =
                format!("no price of instrument {instrument} is known: kill switches reckon it at its entry until there is");
            self.outputs.push_back(Output::Notify { strategy, urgency: Urgency::Warning, text });
        }
    }

    /// Instruments that a strategy holds or has orders in, with repeats.
    fn concerned(&self, place: usize) -> impl Iterator<Item = crate::InstrumentId> {
        let slot = &self.slots[place];
        let held = slot.ledger.held().map(crate::Position::instrument);
        held.chain(slot.orders.open().iter().map(|open| open.order.instrument))
    }

    /// How old the oldest of the latest market data is of what a strategy holds or has orders in.
    fn oldest_ms(&self, place: usize) -> Option<u64> {
        let silent = self.concerned(place).filter_map(|instrument| self.feeds.silent_since(instrument)).min();
        silent.map(|since| self.now.millis_since(since))
    }

    /// When to look again if nothing happens: market data grows too old, a close is to be tried again, the dead man's switch
    /// is to be moved on.
    fn next_look(&self) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        let mut sooner = |at: Timestamp| next = Some(next.map_or(at, |next| next.min(at)));
        for (place, slot) in self.slots.iter().enumerate() {
            let own = shortest_age(&slot.deployment.risk.kill, |rule| slot.guard.switch.is_open_to(rule));
            let all = shortest_age(&self.settings.risk.kill, |rule| self.account_guard.switch.is_open_to(rule));
            if let Some(age_ms) = own.into_iter().chain(all).min() {
                let heard = self.concerned(place).filter_map(|instrument| self.feeds.silent_since(instrument)).min();
                // What is due already fired, or waits for more than time.
                heard.map(|heard| heard.saturating_add(age_ms)).filter(|due| *due > self.now).map(&mut sooner);
            }
            if let Some(closing) = slot.guard.closing.filter(|closing| !closing.gave_up && self.account_guard.connected) {
                sooner(closing.next);
            }
            let reached = slot.guarded.reached.iter().filter(|exit| exit.sent.is_none() && exit.next > self.now);
            reached.map(|exit| exit.next).for_each(&mut sooner);
        }
        if let Some(renew_at) = self.renew_at() {
            sooner(renew_at);
        }
        if let Some(closing) = self.account_guard.outside.filter(|closing| !closing.gave_up && self.account_guard.connected) {
            sooner(closing.next);
        }
        next
    }

    /// Fires a kill switch. One that fired already can only become stronger, and what a stronger one began goes on.
    pub(super) fn kill(&mut self, scope: KillScope, cause: KillCause, action: KillAction) {
        let now = self.now;
        let places = match scope {
            KillScope::Account => 0..self.slots.len(),
            KillScope::Strategy(strategy) => match self.place_of(strategy) {
                Some(place) => place..place + 1,
                None => return self.unknown_strategy(strategy),
            },
        };
        let switch = match scope {
            KillScope::Account => &mut self.account_guard.switch,
            KillScope::Strategy(_) => &mut self.slots[places.start].guard.switch,
        };
        let stronger = switch.kill(now, cause, action);
        if !stronger && cause != KillCause::Operator {
            return;
        }
        let armed = !self.account_guard.connected;
        self.outputs.push_back(Output::Risk(RiskEvent::Killed { scope, cause, action, armed }));
        for place in places {
            let slot = &mut self.slots[place];
            let running = slot.guard.closing.filter(|closing| !closing.gave_up && closing.action >= action);
            if action != KillAction::Pause && running.is_none() {
                slot.guard.closing = Some(Closing::new(action, now));
            }
            let waits = if armed { ", and will be done when the connection is back" } else { "" };
            let text = format!("{scope} was killed by {cause}: {}{waits}; only re-arming ends it", in_words(action));
            let strategy = self.slots[place].id();
            self.outputs.push_back(Output::Notify { strategy, urgency: Urgency::Alert, text });
        }
        if armed && scope == KillScope::Account && action >= KillAction::Cancel {
            self.strike_soon();
        }
        self.account_guard.watching = true;
    }

    /// Does what the operator says.
    pub(super) fn operator(&mut self, command: OperatorCommand) {
        match command {
            OperatorCommand::Kill { scope, action } => self.kill(scope, KillCause::Operator, action),
            OperatorCommand::Rearm { scope } => self.rearm(scope),
            OperatorCommand::SetTradingState { scope, state } => self.set_trading_state(scope, state),
            OperatorCommand::SetTradable { instrument, tradable } => {
                if instrument.get() as usize >= self.settings.instruments.len() {
                    self.strays += 1;
                    return;
                }
                self.settings.risk.of_mut(instrument).tradable = tradable;
            }
        }
    }

    fn rearm(&mut self, scope: KillScope) {
        match scope {
            KillScope::Account => {
                self.account_guard.switch.rearm();
                (0..self.slots.len()).for_each(|place| self.close_less(place));
            }
            KillScope::Strategy(strategy) => {
                let Some(place) = self.place_of(strategy) else { return self.unknown_strategy(strategy) };
                let guard = &mut self.slots[place].guard;
                guard.switch.rearm();
                guard.rests.clear();
                self.close_less(place);
            }
        }
        self.outputs.push_back(Output::Risk(RiskEvent::Rearmed { scope }));
        self.choose_watch();
    }

    /// A switch was armed again: what only it wanted done is not done any more.
    fn close_less(&mut self, place: usize) {
        let demanded = self.demanded(place);
        let closing = &mut self.slots[place].guard.closing;
        *closing = closing.filter(|closing| demanded.is_some_and(|demanded| demanded >= closing.action));
    }

    fn set_trading_state(&mut self, scope: KillScope, state: TradingState) {
        match scope {
            KillScope::Account => self.account_guard.switch.set = state,
            KillScope::Strategy(strategy) => match self.place_of(strategy) {
                Some(place) => self.slots[place].guard.switch.set = state,
                None => return self.unknown_strategy(strategy),
            },
        }
        self.outputs.push_back(Output::Risk(RiskEvent::TradingState { scope, state }));
    }

    /// The connection to the exchange is lost or back. What a kill switch was to do meanwhile is done when it is back.
    pub(super) fn connection(&mut self, change: FeedChange) {
        match change {
            FeedChange::Lost => self.account_guard.connected = false,
            FeedChange::Restored | FeedChange::Recovered => {
                if !std::mem::replace(&mut self.account_guard.connected, true) {
                    self.forget_dead_man();
                }
                let now = self.now;
                for slot in &mut self.slots {
                    if let Some(closing) = &mut slot.guard.closing {
                        *closing = Closing::new(closing.action, now);
                    }
                }
            }
            FeedChange::Stale | FeedChange::Gap { .. } => {}
        }
    }

    /// Counts an order that the exchange refused.
    pub(super) fn note_reject(&mut self, order: ClientOrderId) {
        if !self.account_guard.watching {
            return;
        }
        let now = self.now;
        if let Some(place) = self.owner(order) {
            self.slots[place].guard.switch.rejected(now);
            self.account_guard.switch.rejected(now);
        }
    }

    /// What a deployment declares about its risk makes no sense: it is not put in.
    pub(super) fn bad_risk(&mut self, strategy: crate::StrategyId, error: &crate::RiskSettingsError) {
        let message = format!("strategy {strategy}: {error}");
        self.denied(strategy, Denial::new(DenialCode::BadRiskSettings, message));
    }

    /// Denies what is for the operator to mend.
    pub(super) fn unknown_strategy(&mut self, strategy: crate::StrategyId) {
        let message = format!("no strategy {strategy} is deployed in account {}", self.settings.account);
        self.denied(strategy, Denial::new(DenialCode::UnknownStrategy, message));
    }
}

fn watches_money(rules: &[KillRule]) -> bool {
    rules.iter().any(|rule| !matches!(rule.trigger, KillTrigger::StaleData { .. } | KillTrigger::RejectRate { .. }))
}

fn watches_age(rules: &[KillRule]) -> bool {
    shortest_age(rules, |_| true).is_some()
}

fn shortest_age(rules: &[KillRule], counts: impl Fn(&KillRule) -> bool) -> Option<u64> {
    let ages = rules.iter().filter(|rule| counts(rule)).filter_map(|rule| match rule.trigger {
        KillTrigger::StaleData { age_ms } => Some(age_ms),
        _ => None,
    });
    ages.min()
}

const fn in_words(action: KillAction) -> &'static str {
    match action {
        KillAction::Pause => "it may only cancel",
        KillAction::ReduceOnly => "its orders that could open are cancelled, and it may only reduce",
        KillAction::Cancel => "its orders are cancelled, and its positions stay",
        KillAction::Flatten => "its orders are cancelled and its positions closed",
    }
}
