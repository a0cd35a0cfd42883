//! What strategies ask for: each request is reviewed by the risk gate, and sent or denied.

use super::TradingCore;
use super::standing::Asks;
use crate::denial::{Denial, DenialCode};
use crate::leverage_asked::{LEVERAGE_ASKED_MAX, LeverageRequest};
use crate::orders::{OpenOrder, OrderRequest, REQUESTS_PER_ORDER_MAX};
use crate::risk::{Lane, Request, Standing, terms};
use crate::slot::Out;
use crate::{
    Answers, Approved, ClientOrderId, Command, Decimal, Event, EventKind, EventNumber, InstrumentId, Intent, MarginMode, Order,
    OrderChange, OrderEvent, OrderId, OrderOrigin, OrderRef, OrderTag, Output, Refusal, RequestKind, Rounding, StrategyState,
    TimerId, Timestamp, Wanted,
};

/// When and by what an intent was decided.
#[derive(Debug, Clone, Copy)]
struct Decided {
    answers: Answers,
    lane: Lane,
    age_ms: u64,
}

/// A denial, with the order that it is about where one is known.
#[derive(Debug)]
struct Denied {
    denial: Denial,
    order: Option<Box<Order>>,
}

impl From<Denial> for Denied {
    fn from(denial: Denial) -> Self {
        Self { denial, order: None }
    }
}

impl TradingCore {
    /// Takes the intents of one answer, in their order.
    pub(super) fn intents(&mut self, place: usize, out: Out, intents: Vec<Intent>) {
        let (asked, max) = (intents.len(), self.settings.limits.intents_per_event_max);
        let lane = match self.slots[place].state {
            StrategyState::Running => Lane::Running,
            StrategyState::WarmingUp => Lane::WarmingUp,
            _ => Lane::Stopping,
        };
        let age_ms = self.now.millis_since(out.since);
        let answers = |index: usize| Answers { decided_on: out.number, intent_index: u32::try_from(index).unwrap_or(u32::MAX) };
        for (index, intent) in intents.into_iter().take(max).enumerate() {
            let answers = answers(index);
            if let Err(denied) = self.intent(place, Decided { answers, lane, age_ms }, intent) {
                self.deny(place, answers, denied);
            }
            if self.slots[place].out.is_none() {
                return; // it faulted on the way
            }
        }
        if asked > max {
            let message = format!("the answer held {asked} intents; {max} are taken, the rest was not looked at");
            self.deny(place, answers(max), Denial::new(DenialCode::TooManyIntents, message).into());
        }
    }

    fn intent(&mut self, place: usize, decided: Decided, intent: Intent) -> Result<(), Denied> {
        match intent {
            Intent::Place(order) => {
                let client_id = self.client_id(place, decided.answers)?;
                self.order(place, decided, order.instrument, order.tag, &Request::Place { order: &order, client_id })
            }
            Intent::Amend { order, price, size, trigger_price } => {
                self.amend(place, decided, order, (price, size, trigger_price))
            }
            Intent::Cancel(order) => self.cancel(place, decided, order),
            Intent::CancelAll(instrument) => self.cancel_all(place, decided, instrument),
            Intent::ClosePosition(instrument) => self.close_position(place, decided, instrument),
            Intent::SetTarget { instrument, size, tag } => self.set_target(place, decided, instrument, size, tag),
            Intent::SetLeverage { instrument, leverage, mode } => self.set_leverage(place, decided, instrument, leverage, mode),
            Intent::SetTimer { timer, at, every_ms } => self.set_timer(place, decided, timer, at, every_ms),
            Intent::ClearTimer(timer) => {
                self.schedule.clear(self.slots[place].id(), timer);
                Ok(())
            }
            Intent::Notify { urgency, text } => {
                self.outputs.push_back(Output::Notify { strategy: self.slots[place].id(), urgency, text });
                Ok(())
            }
        }
    }

    fn standing(
        &self,
        place: usize,
        decided: Decided,
        instrument: InstrumentId,
        tag: Option<OrderTag>,
        asks: Asks,
    ) -> Standing {
        self.standing_of(place, (decided.lane, decided.age_ms), instrument, tag, asks)
    }

    fn client_id(&self, place: usize, answers: Answers) -> Result<ClientOrderId, Denial> {
        let origin = u16::try_from(answers.intent_index).ok().map(|intent| OrderOrigin {
            account: self.settings.account,
            strategy: self.slots[place].id(),
            epoch: self.epoch,
            event: answers.decided_on,
            intent,
            leg: 0,
        });
        origin.and_then(ClientOrderId::derive).ok_or_else(|| {
            let (event, index) = (answers.decided_on, answers.intent_index);
            let message = format!("no order id is left for intent {index} of event {event}");
            Denial::new(DenialCode::NumberOutOfRange, message)
        })
    }

    /// Reviews a request for a new order, takes it into the books and sends it.
    fn order(
        &mut self,
        place: usize,
        decided: Decided,
        instrument: InstrumentId,
        tag: Option<OrderTag>,
        request: &Request<'_>,
    ) -> Result<(), Denied> {
        self.check_alone(place, instrument)?;
        let standing = self.standing(place, decided, instrument, tag, Asks::Order);
        let approved = self.gate_of(place).review(request, &standing)?;
        self.check_share(place, &approved)?;
        self.make_way(place, &approved, &standing);
        self.count_request(place, Asks::Order);
        self.take_or_guard(place, tag, decided.answers, approved);
        Ok(())
    }

    /// Takes an approved order into the books and sends it.
    pub(super) fn take(&mut self, place: usize, tag: Option<OrderTag>, answers: Answers, approved: Approved<Command>) {
        self.take_as(place, None, tag, answers, approved);
    }

    /// The same, under a number that was given already, and whether its strategy was told of that as open. Gives its number.
    pub(super) fn take_as(
        &mut self,
        place: usize,
        known_as: Option<(OrderId, bool)>,
        tag: Option<OrderTag>,
        answers: Answers,
        approved: Approved<Command>,
    ) -> OrderId {
        let (id, is_announced) = known_as.unwrap_or((OrderId::new(self.orders + 1), false));
        self.orders = self.orders.max(id.get());
        if let Command::Place(new) = approved.get() {
            let order = Order {
                id,
                tag,
                instrument: new.instrument,
                side: new.side,
                size: new.size,
                filled: Decimal::ZERO,
                kind: new.kind,
                reduce_only: new.reduce_only,
            };
            let slot = &mut self.slots[place];
            let open = OpenOrder::new(order, new.client_id, answers, new.expires_after);
            slot.orders.insert(if is_announced { open.announced() } else { open });
            slot.changed = true;
            self.look_after(place, id);
        }
        let sent = self.as_the_exchange_sees_it(place, approved);
        self.send(sent);
        id
    }

    fn open_order(&self, place: usize, name: OrderRef) -> Result<&OpenOrder, Denial> {
        let orders = &self.slots[place].orders;
        orders.named(name).map(|at| &orders.open()[at]).ok_or_else(|| {
            let name = match name {
                OrderRef::Id(id) => format!("order {id}"),
                OrderRef::Tag(tag) => format!("order with the tag {tag}"),
            };
            Denial::new(DenialCode::UnknownOrder, format!("no {name} of this strategy is open"))
        })
    }

    fn amend(
        &mut self,
        place: usize,
        decided: Decided,
        name: OrderRef,
        (price, size, trigger_price): (Option<Wanted>, Option<Wanted>, Option<Wanted>),
    ) -> Result<(), Denied> {
        if let Some(exit) = self.slots[place].guarded.named(name) {
            let (order, id, client_id) = (&exit.order, exit.order.id, self.client_id(place, decided.answers)?);
            let asks = Asks::Amend(client_id);
            let standing = self.standing(place, decided, order.instrument, None, asks);
            let request = Request::Amend { order, client_id, price, size, trigger_price };
            let with_order = |denial| Denied { denial, order: Some(Box::new(order.clone())) };
            let approved = self.gate_of(place).review(&request, &standing).map_err(with_order)?;
            self.count_request(place, asks);
            self.amend_exit(place, id, decided.answers, &approved);
            return Ok(());
        }
        let open = self.open_order(place, name)?;
        let (order, client_id) = (&open.order, open.client_id);
        let with_order = |denial| Denied { denial, order: Some(Box::new(order.clone())) };
        if open.is_cancelling() {
            return Err(with_order(is_cancelling(order.id)));
        }
        if open.state().is_in_doubt() {
            let message = format!("what became of order {} is unknown, so that there may be nothing to amend", order.id);
            return Err(with_order(Denial::new(DenialCode::OrderInDoubt, message)));
        }
        if open.requests() >= REQUESTS_PER_ORDER_MAX {
            let message = format!(
                "{} requests about order {} are unanswered; at most {REQUESTS_PER_ORDER_MAX} may be",
                open.requests(),
                order.id
            );
            return Err(with_order(Denial::new(DenialCode::TooManyRequests, message)));
        }
        let asks = Asks::Amend(client_id);
        let standing = self.standing(place, decided, order.instrument, None, asks);
        let request = Request::Amend { order, client_id, price, size, trigger_price };
        let approved = self.gate_of(place).review(&request, &standing).map_err(with_order)?;
        self.check_share(place, &approved).map_err(with_order)?;
        let id = order.id;
        self.count_request(place, asks);
        self.send_request(place, id, Some(decided.answers), approved);
        Ok(())
    }

    fn cancel(&mut self, place: usize, decided: Decided, name: OrderRef) -> Result<(), Denied> {
        if self.cancel_exit(place, name, decided.answers) {
            return Ok(());
        }
        let id = self.open_order(place, name)?.order.id;
        if self.slots[place].orders.get_mut(id).is_some_and(|open| open.adopt_cancel(decided.answers)) {
            return Ok(()); // on its way already
        }
        let open = self.open_order(place, name)?;
        if open.is_cancelling() {
            return Err(Denied { denial: is_cancelling(open.order.id), order: Some(Box::new(open.order.clone())) });
        }
        let (instrument, client_id, id) = (open.order.instrument, open.client_id, open.order.id);
        let standing = self.standing(place, decided, instrument, None, Asks::Cancel);
        let approved = self
            .gate_of(place)
            .review(&Request::Cancel { instrument, client_id }, &standing)
            .map_err(|denial| Denied { denial, order: Some(Box::new(open.order.clone())) })?;
        self.count_request(place, Asks::Cancel);
        self.send_request(place, id, Some(decided.answers), approved);
        Ok(())
    }

    fn cancel_all(&mut self, place: usize, decided: Decided, instrument: Option<InstrumentId>) -> Result<(), Denied> {
        if let Some(instrument) = instrument {
            self.gate_of(place).instrument(instrument)?;
        }
        let open = self.slots[place].orders.open().iter();
        let meant = |open: &&OpenOrder| instrument.is_none_or(|instrument| open.order.instrument == instrument);
        // What is being cancelled already is left to that.
        let open = open.filter(meant).filter(|open| !open.is_cancelling());
        let mut ids: Vec<OrderId> = open.map(|open| open.order.id).collect();
        let exits = self.slots[place].guarded.waiting().iter().map(|exit| &exit.order);
        ids.extend(exits.filter(|order| instrument.is_none_or(|meant| order.instrument == meant)).map(|order| order.id));
        ids.into_iter().try_for_each(|id| self.cancel(place, decided, OrderRef::Id(id)))
    }

    /// Sends an amend or a cancel of an open order; without an intent, the core's own.
    pub(super) fn send_request(&mut self, place: usize, id: OrderId, answers: Option<Answers>, approved: Approved<Command>) {
        let (kind, wanted, expires_after) = match *approved.get() {
            Command::Amend { size, kind, expires_after, .. } => (RequestKind::Amend, Some((size, kind)), expires_after),
            Command::Cancel { expires_after, .. } => (RequestKind::Cancel, None, expires_after),
            Command::Place(_)
            | Command::CancelOutside { .. }
            | Command::SetLeverage { .. }
            | Command::ScheduleCancel { .. } => return,
        };
        let request = OrderRequest { kind, answers, expires_after, wanted, doubted: false };
        let sent = self.slots[place].orders.get_mut(id).is_some_and(|open| open.requested(request));
        assert!(sent, "the order was looked up and may be asked this");
        self.send(approved);
        self.look_after(place, id);
    }

    fn set_leverage(
        &mut self,
        place: usize,
        decided: Decided,
        instrument: InstrumentId,
        leverage: u32,
        mode: MarginMode,
    ) -> Result<(), Denied> {
        self.check_alone(place, instrument)?;
        let standing = self.standing(place, decided, instrument, None, Asks::Leverage);
        let approved = self.gate_of(place).review(&Request::SetLeverage { instrument, leverage, mode }, &standing)?;
        if self.settings_asked.is_full() {
            let message = format!("{LEVERAGE_ASKED_MAX} leverage settings are unanswered; no more may be");
            return Err(Denial::new(DenialCode::TooManyRequests, message).into());
        }
        let Command::SetLeverage { expires_after, .. } = *approved.get() else { return Ok(()) };
        let (strategy, answers) = (self.slots[place].id(), decided.answers);
        // At its expiry itself it may still be admitted.
        let due = expires_after.saturating_add(1);
        self.count_request(place, Asks::Leverage);
        self.settings_asked.ask(LeverageRequest { strategy, answers, instrument, leverage, mode, expires_after, due });
        self.send(approved);
        Ok(())
    }

    /// What the position will be once the market orders in flight have filled.
    fn heading_for(&self, place: usize, instrument: InstrumentId) -> Result<(Decimal, Decimal), Denial> {
        let slot = &self.slots[place];
        let position = slot.ledger.size_in(instrument);
        let heading = slot.orders.at_market(instrument).and_then(|in_flight| position.checked_add(in_flight));
        heading.map(|heading| (position, heading)).ok_or_else(|| {
            let message = format!("position {position} and the market orders in flight cannot be summed up");
            Denial::new(DenialCode::NumberOutOfRange, message)
        })
    }

    fn close_position(&mut self, place: usize, decided: Decided, instrument: InstrumentId) -> Result<(), Denied> {
        let rules = self.gate_of(place).instrument(instrument)?.rules;
        let (position, heading) = self.heading_for(place, instrument)?;
        // Dust below the lot cannot be traded away.
        let size = rules.round_size(heading.abs(), Rounding::Down);
        if position.is_zero() || size.is_zero() || position.is_sign_negative() != heading.is_sign_negative() {
            let message =
                format!("the position is {position}, and {heading} with the market orders in flight: nothing to close");
            return Err(Denial::new(DenialCode::NoPosition, message).into());
        }
        let by = if position.is_sign_negative() { size } else { -size };
        let client_id = self.client_id(place, decided.answers)?;
        let request = Request::Move { instrument, by, reduce_only: true, tag: None, client_id };
        self.order(place, decided, instrument, None, &request)
    }

    /// One market order for the difference between the target and where the position is heading. Where it can only make the
    /// position smaller it says so, which lets it pass the least notional and a stop.
    fn set_target(
        &mut self,
        place: usize,
        decided: Decided,
        instrument: InstrumentId,
        target: Wanted,
        tag: Option<OrderTag>,
    ) -> Result<(), Denied> {
        let rules = self.gate_of(place).instrument(instrument)?;
        let target = terms::target(target, rules, self.slots[place].deployment.risk.off_grid)?;
        let (position, heading) = self.heading_for(place, instrument)?;
        let by = target.checked_sub(heading).ok_or_else(|| {
            let message = format!("the difference between target {target} and position {heading} cannot be represented");
            Denial::new(DenialCode::NumberOutOfRange, message)
        })?;
        if by.is_zero() {
            return Ok(());
        }
        let same_side = target.is_zero() || target.is_sign_negative() == position.is_sign_negative();
        let reduce_only = heading == position && same_side && target.abs() < position.abs();
        let client_id = self.client_id(place, decided.answers)?;
        self.order(place, decided, instrument, tag, &Request::Move { instrument, by, reduce_only, tag, client_id })
    }

    fn set_timer(
        &mut self,
        place: usize,
        decided: Decided,
        timer: TimerId,
        at: Timestamp,
        every_ms: Option<u64>,
    ) -> Result<(), Denied> {
        let deny = |code, message: String| Err(Denial::new(code, message).into());
        match decided.lane {
            Lane::WarmingUp => {
                return deny(DenialCode::WarmingUp, format!("timer {timer} may be set once the strategy is warm"));
            }
            Lane::Stopping => return deny(DenialCode::Stopping, format!("timer {timer} would fire after the stop")),
            Lane::Running | Lane::Closing => {}
        }
        if every_ms == Some(0) {
            return deny(DenialCode::BadTimer, format!("timer {timer} repeats every 0 ms; at least 1 ms is needed"));
        }
        let (strategy, max) = (self.slots[place].id(), self.settings.limits.timers_max);
        if !self.schedule.has(strategy, timer) && self.schedule.count(strategy) >= max {
            return deny(DenialCode::TooManyTimers, format!("{max} timers are set, as many as may be: clear one first"));
        }
        self.schedule.set(strategy, timer, at.max(self.now), every_ms);
        Ok(())
    }

    /// Denies a request: for the record, and to the strategy if it has ears for it.
    fn deny(&mut self, place: usize, answers: Answers, Denied { denial, order }: Denied) {
        let refusal = Refusal::from(denial);
        let slot = &self.slots[place];
        self.outputs.push_back(Output::Denied { strategy: slot.id(), refusal: refusal.clone() });
        if slot.listening && slot.deployment.knows.contains(EventKind::Order) {
            let change = OrderChange::Denied(refusal);
            let order = order.map(|order| *order);
            let event = OrderEvent { time: self.now, order, change, answers: Some(answers) };
            self.offer(place, crate::queue::Rank::Account, Event::Order(Box::new(event)));
        }
    }
}

fn is_cancelling(id: OrderId) -> Denial {
    Denial::new(DenialCode::AlreadyCancelling, format!("the end of order {id} was asked for already"))
}

/// The intent that a client order id was made for.
pub(super) fn answers_of(origin: OrderOrigin) -> Answers {
    Answers { decided_on: EventNumber::new(origin.event.get()), intent_index: u32::from(origin.intent) }
}
