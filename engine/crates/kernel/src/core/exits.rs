//! Exits that the core guards: those that cannot rest at the exchange, because the exchange holds no such orders, or because
//! the strategy shares its instruments and the exchange knows only what all of them hold together.
//!
//! They are open orders to their strategy, which may amend and cancel them. When their price comes, they go out as reduce-only
//! orders of what is then left of the strategy's position, past every check but those of the terms; and again, as its
//! [`ClosePolicy`](crate::ClosePolicy) says, until nothing is left.

use super::TradingCore;
use crate::guard::LEG_GUARDED;
use crate::guarded::{GuardedExit, PromisedExits, ReachedExit};
use crate::orders::OpenOrder;
use crate::queue::Rank;
use crate::risk::{Lane, Request, Standing};
use crate::{
    Answers, Approved, Books, Command, Decimal, Event, EventNumber, InstrumentId, NewOrder, Order, OrderChange, OrderEvent,
    OrderId, OrderKind, OrderOrigin, OrderRef, OrderTag, Output, PlaceOrder, Price, RiskEvent, Rounding, Side, Size,
    TimeInForce, TriggerKind, Urgency, VenueFill, Wanted, WantedKind,
};

/// Why an exit is gone whose position is.
const NOTHING_TO_REDUCE: &str = "reduce-only: the position is gone";
/// Why an exit is gone when the other one of its order went out.
const OTHER_REACHED: &str = "the other exit of its order was reached";
/// Why an exit is gone that could not be sent.
const GIVEN_UP: &str = "it could not be sent";

impl TradingCore {
    /// Whether a strategy's positions are parts of what the account holds.
    pub(super) fn is_sharing(&self, place: usize) -> bool {
        self.settings.books == Books::Netted && self.slots[place].deployment.shares
    }

    /// Whether the core, not the exchange, waits for the price of an approved order.
    fn waits_here(&self, place: usize, new: &NewOrder) -> bool {
        let holds = self.settings.holds;
        let is_held = match new.kind {
            OrderKind::Trigger { .. } => holds.triggers && !self.is_sharing(place),
            OrderKind::TrailingStop { .. } => holds.trailing && !self.is_sharing(place),
            OrderKind::Market | OrderKind::Limit { .. } => true,
        };
        new.reduce_only && !is_held
    }

    /// Whether an order at the market would reduce more of a shared position than what rests leaves: that has to make way first.
    fn has_to_wait(&self, place: usize, new: &NewOrder) -> bool {
        let is_close = new.reduce_only && new.kind == OrderKind::Market;
        is_close && self.is_sharing(place) && new.size.get() > self.left_to_reduce(place, new.instrument, new.side)
    }

    /// Sends an order of a strategy, but for what of it has to wait here.
    pub(super) fn take_or_guard(&mut self, place: usize, tag: Option<OrderTag>, answers: Answers, order: Approved<Command>) {
        let (order, exits) = match order.get() {
            Command::Place(new) if self.waits_here(place, new) => {
                let (instrument, side, size, kind) = (new.instrument, new.side, new.size, new.kind);
                return self.guard_exit(place, (tag, answers, None), instrument, side, size, kind);
            }
            Command::Place(new) if self.has_to_wait(place, new) => {
                let NewOrder { instrument, side, size, kind, reduce_only, .. } = *new;
                self.orders += 1;
                let (id, filled) = (OrderId::new(self.orders), Decimal::ZERO);
                let order = Order { id, tag, instrument, side, size, filled, kind, reduce_only };
                return self.exit_by_itself(place, order, answers, None);
            }
            Command::Place(_) if self.is_sharing(place) || !self.settings.holds.triggers => order.without_exits(),
            _ => (order, None),
        };
        let terms = match order.get() {
            Command::Place(new) => Some((new.instrument, new.side.opposite())),
            _ => None,
        };
        self.take(place, tag, answers, order);
        if let (Some(exits), Some((instrument, side))) = (exits, terms) {
            let slot = &mut self.slots[place];
            let orders = &slot.orders;
            slot.guarded.keep_promises(|parent| orders.state(parent).is_some());
            slot.guarded.promise(PromisedExits { parent: OrderId::new(self.orders), instrument, side, exits, answers });
        }
    }

    /// Begins to guard an exit, and tells its strategy that it is open.
    fn guard_exit(
        &mut self,
        place: usize,
        (tag, answers, parent): (Option<OrderTag>, Answers, Option<OrderId>),
        instrument: InstrumentId,
        side: Side,
        size: Size,
        kind: OrderKind,
    ) {
        self.orders += 1;
        let (id, filled) = (OrderId::new(self.orders), Decimal::ZERO);
        let order = Order { id, tag, instrument, side, size, filled, kind, reduce_only: true };
        let market = self.feeds.mark_price(instrument);
        let slot = &mut self.slots[place];
        slot.guarded.insert(GuardedExit::new(order.clone(), answers, parent, market));
        if !std::mem::replace(&mut slot.guarded.is_told, true) {
            let text = "its exits wait in the engine, not at the exchange: they do nothing while the engine is down".to_owned();
            self.outputs.push_back(Output::Notify { strategy: slot.id(), urgency: Urgency::Warning, text });
        }
        self.guards_exits = true;
        self.tell_exit(place, order, OrderChange::Accepted, answers);
    }

    fn tell_exit(&mut self, place: usize, order: Order, change: OrderChange, answers: Answers) {
        self.slots[place].changed = true;
        let event = OrderEvent { time: self.now, order: Some(order), change, answers: Some(answers) };
        self.offer(place, Rank::Account, Event::Order(Box::new(event)));
    }

    fn tell_gone(&mut self, place: usize, exits: Vec<GuardedExit>, why: &'static str) {
        for GuardedExit { order, answers, .. } in exits {
            self.tell_exit(place, order, OrderChange::Cancelled(why.into()), answers);
        }
    }

    /// A strategy cancels an exit that waits here; false where none has that name.
    pub(super) fn cancel_exit(&mut self, place: usize, name: OrderRef, answers: Answers) -> bool {
        let Some(id) = self.slots[place].guarded.named(name).map(|exit| exit.order.id) else { return false };
        for exit in self.slots[place].guarded.take_out(|exit| exit.order.id == id) {
            self.tell_exit(place, exit.order, OrderChange::Cancelled("as asked".into()), answers);
        }
        true
    }

    /// New terms, approved, for an exit that waits here.
    pub(super) fn amend_exit(&mut self, place: usize, id: OrderId, answers: Answers, approved: &Approved<Command>) {
        let Command::Amend { size, kind, .. } = *approved.get() else { return };
        let Some(exit) = self.slots[place].guarded.get_mut(id) else { return };
        (exit.order.size, exit.order.kind) = (size, kind);
        let order = exit.order.clone();
        self.tell_exit(place, order, OrderChange::Amended, answers);
    }

    /// Lets go of every exit that waits here and of what is reached and not out.
    pub(super) fn drop_exits(&mut self, place: usize, why: &'static str) {
        let slot = &mut self.slots[place];
        let (reached, gone) = (std::mem::take(&mut slot.guarded.reached), slot.guarded.clear());
        self.tell_gone(place, gone, why);
        for exit in reached {
            self.tell_unsent(place, exit, why);
        }
    }

    /// An order that was promised exits filled: they come to life, or grow, as far as there is a position to protect.
    pub(super) fn exits_follow(&mut self, place: usize, order: OrderId, fill: &VenueFill) {
        let Some(promised) = self.slots[place].guarded.promised(order) else { return };
        let reducible = reducible(self.slots[place].ledger.size_in(promised.instrument), promised.side);
        let Ok(size) = Size::new(fill.size.get().min(reducible)) else { return };
        let mut has_grown = false;
        for exit in self.slots[place].guarded.of_parent(order) {
            let grown = exit.order.size.get().checked_add(size.get()).and_then(|grown| Size::new(grown).ok());
            exit.order.size = grown.unwrap_or(exit.order.size);
            has_grown = true;
        }
        self.slots[place].changed = true;
        if has_grown {
            return;
        }
        let legs = [(TriggerKind::TakeProfit, promised.exits.take_profit), (TriggerKind::Stop, promised.exits.stop_loss)];
        for (kind, trigger_price) in legs {
            let Some(trigger_price) = trigger_price else { continue };
            let kind = OrderKind::Trigger { kind, trigger_price, limit_price: None };
            let origin = (None, promised.answers, Some(order));
            self.guard_exit(place, origin, promised.instrument, promised.side, size, kind);
        }
    }

    /// A position moved: exits that reduce nothing go; where it is shared, so does what rests beyond it.
    pub(super) fn exits_fit(&mut self, place: usize, instrument: InstrumentId) {
        let slot = &mut self.slots[place];
        let held = slot.ledger.size_in(instrument);
        if slot.guarded.watches() {
            let reduces_nothing =
                |exit: &GuardedExit| exit.order.instrument == instrument && reducible(held, exit.order.side).is_zero();
            let gone = slot.guarded.take_out(reduces_nothing);
            self.tell_gone(place, gone, NOTHING_TO_REDUCE);
        }
        if !self.is_sharing(place) {
            return; // the exchange sees to it
        }
        let mut left = [Side::Buy, Side::Sell].map(|side| (side, reducible(held, side)));
        let mut beyond: Vec<OrderId> = Vec::new();
        for open in self.slots[place].orders.open() {
            if open.order.instrument != instrument || !open.order.reduce_only {
                continue;
            }
            let (_, left) = left.iter_mut().find(|(side, _)| *side == open.order.side).expect("both sides are there");
            match left.checked_sub(open.most_remaining()).filter(|left| !left.is_sign_negative()) {
                Some(rest) => *left = rest,
                None => beyond.extend(Some(open.order.id).filter(|_| !open.is_passing())),
            }
        }
        for id in beyond {
            self.cancel_by_itself(place, id);
        }
    }

    /// What is left of a position for one more reduce-only order. Of one that is shared, those that are out are taken off; of
    /// others the exchange takes care.
    pub(super) fn left_to_reduce(&self, place: usize, instrument: InstrumentId, side: Side) -> Decimal {
        self.left_beside(place, instrument, side, |_| true)
    }

    /// The same, if what rests makes way.
    pub(super) fn left_to_close(&self, place: usize, instrument: InstrumentId, side: Side) -> Decimal {
        self.left_beside(place, instrument, side, OpenOrder::is_passing)
    }

    /// The same, if only these orders take their part; each in the largest form that it may have.
    pub(super) fn left_beside(
        &self,
        place: usize,
        instrument: InstrumentId,
        side: Side,
        counts: impl Fn(&OpenOrder) -> bool,
    ) -> Decimal {
        let slot = &self.slots[place];
        let reducible = reducible(slot.ledger.size_in(instrument), side);
        if !self.is_sharing(place) {
            return reducible;
        }
        let out = slot.orders.open().iter().filter(|open| {
            open.order.instrument == instrument && open.order.reduce_only && open.order.side == side && counts(open)
        });
        out.fold(reducible, |left, open| left.saturating_sub(open.most_remaining())).max(Decimal::ZERO)
    }

    /// What exits that were reached, and are not out, will take of a position.
    pub(super) fn waiting_to_go(&self, place: usize, instrument: InstrumentId, side: Side) -> Decimal {
        let of = |order: &Order| order.instrument == instrument && order.side == side;
        let waiting = self.slots[place].guarded.unsent().filter(|exit| of(&exit.order));
        waiting.fold(Decimal::ZERO, |sum, exit| sum.saturating_add(exit.left))
    }

    /// Looks whether the price of an exit has come.
    pub(super) fn watch_exits(&mut self, instrument: InstrumentId) {
        if !self.guards_exits {
            return;
        }
        let Some(price) = self.feeds.mark_price(instrument) else { return };
        for place in 0..self.slots.len() {
            while let Some((exit, others)) = self.slots[place].guarded.reach(instrument, price) {
                self.reached(place, exit);
                self.tell_gone(place, others, OTHER_REACHED);
            }
        }
        self.guards_exits = self.slots.iter().any(|slot| slot.guarded.watches());
    }

    fn reached(&mut self, place: usize, exit: GuardedExit) {
        let GuardedExit { mut order, answers, .. } = exit;
        let (limit, is_stop) = match order.kind {
            OrderKind::Trigger { kind, limit_price, .. } => (limit_price, kind == TriggerKind::Stop),
            _ => (None, true),
        };
        let limit_kind = |price| OrderKind::Limit { price, time_in_force: TimeInForce::Gtc };
        order.kind = limit.map_or(OrderKind::Market, limit_kind);
        self.tell_exit(place, order.clone(), OrderChange::Triggered, answers);
        self.exit_by_itself(place, order, answers, Some(is_stop));
    }

    /// Sends a reduce-only order as soon as what else would reduce a shared position has made way. `is_stop` of one that waited for
    /// its price, as its strategy was told.
    fn exit_by_itself(&mut self, place: usize, order: Order, answers: Answers, is_stop: Option<bool>) {
        let (instrument, left) = (order.instrument, order.size.get());
        let next = self.now.saturating_add(self.slots[place].deployment.risk.closing.retry_ms);
        let (is_announced, is_stop) = (is_stop.is_some(), is_stop.unwrap_or_default());
        let (went_out, sent, attempts) = (false, None, 0);
        let exit = ReachedExit { order, left, is_stop, is_announced, went_out, answers, sent, attempts, next };
        self.slots[place].guarded.reached.push(exit);
        self.account_guard.watching = true;
        if self.is_sharing(place) {
            let open = self.slots[place].orders.open().iter();
            let resting =
                open.filter(|open| open.order.instrument == instrument && open.order.reduce_only && !open.is_passing());
            for id in resting.map(|open| open.order.id).collect::<Vec<_>>() {
                self.cancel_by_itself(place, id);
            }
        }
        self.go_on_exiting(place);
    }

    /// Goes on with exits that were reached.
    pub(super) fn go_on_exiting(&mut self, place: usize) {
        let mut at = 0;
        while at < self.slots[place].guarded.reached.len() {
            let exit = self.slots[place].guarded.reached.remove(at);
            if let Some(exit) = self.exit_on(place, exit) {
                self.slots[place].guarded.reached.insert(at, exit);
                at += 1;
            }
        }
    }

    /// One exit that was reached: sends what is left of it; none where nothing is.
    fn exit_on(&mut self, place: usize, mut exit: ReachedExit) -> Option<ReachedExit> {
        let (instrument, side) = (exit.order.instrument, exit.order.side);
        if let Some(sent) = exit.sent {
            let order = self.slots[place].orders.any_mut(sent)?;
            if !order.state().is_over() {
                return Some(exit);
            }
            exit.left = exit.left.saturating_sub(order.order.filled);
            exit.sent = None;
            if exit.order.kind != OrderKind::Market {
                return None; // one that has a limit price rests, and goes out once
            }
        }
        let rules = self.settings.instruments.get(instrument.get() as usize)?.rules;
        let held = reducible(self.slots[place].ledger.size_in(instrument), side);
        let lots = |size: Decimal| rules.round_size(size, Rounding::Down);
        if lots(exit.left.min(held)).is_zero() {
            self.tell_unsent(place, exit, NOTHING_TO_REDUCE);
            return None;
        }
        let [size, whole] = [self.left_to_reduce(place, instrument, side), self.left_to_close(place, instrument, side)]
            .map(|left| lots(exit.left.min(left)));
        // The first attempt waits for what rests to make way, for as long as one attempt waits for the next.
        let is_time = self.now >= exit.next || exit.attempts == 0 && size == whole;
        if size.is_zero() || !is_time || !self.reconciled || !self.account_guard.connected {
            return Some(exit);
        }
        let policy = self.slots[place].deployment.risk.closing;
        if exit.attempts >= policy.attempts_max {
            self.give_up_exit(place, &exit);
            self.tell_unsent(place, exit, GIVEN_UP);
            return None;
        }
        (exit.attempts, exit.next) = (exit.attempts + 1, self.now.saturating_add(policy.retry_ms));
        exit.sent = self.send_exit(place, &exit, size);
        exit.went_out |= exit.sent.is_some();
        Some(exit)
    }

    /// Tells the end of an exit that never went out: what did has told its own.
    fn tell_unsent(&mut self, place: usize, exit: ReachedExit, why: &'static str) {
        if !exit.went_out {
            self.tell_exit(place, exit.order, OrderChange::Cancelled(why.into()), exit.answers);
        }
    }

    fn send_exit(&mut self, place: usize, exit: &ReachedExit, size: Decimal) -> Option<OrderId> {
        self.events += 1; // a number of its own, so that no name comes twice
        let origin = OrderOrigin {
            account: self.settings.account,
            strategy: self.slots[place].id(),
            epoch: self.epoch,
            event: EventNumber::new(self.events),
            intent: 0,
            leg: LEG_GUARDED,
        };
        let client_id = crate::ClientOrderId::derive(origin)?;
        let Order { id, instrument, side, tag, kind, .. } = exit.order;
        let standing = Standing { position: self.slots[place].ledger.size_in(instrument), ..Standing::new(Lane::Closing) };
        let by = if side == Side::Sell { -size } else { size };
        let close = Request::Close { instrument, by, worst: None, client_id };
        let reviewed = match kind {
            OrderKind::Limit { price, .. } => {
                let order = resting_exit(&exit.order, size, price)?;
                self.gate_of(place).review(&Request::Place { order: &order, client_id }, &standing)
            }
            _ => self.gate_of(place).review(&close, &standing),
        };
        match reviewed {
            Ok(approved) => {
                if exit.is_stop {
                    self.slots[place].guard.stop_triggered(client_id);
                }
                let known = (!exit.went_out).then_some((id, exit.is_announced));
                Some(self.take_as(place, known, tag, exit.answers, approved))
            }
            Err(denial) => {
                let strategy = self.slots[place].id();
                self.denied(strategy, denial);
                None
            }
        }
    }

    fn give_up_exit(&mut self, place: usize, exit: &ReachedExit) {
        let instrument = exit.order.instrument;
        let (strategy, size) = (self.slots[place].id(), self.slots[place].ledger.size_in(instrument));
        self.outputs.push_back(Output::Risk(RiskEvent::NotFlat { strategy, instrument, size }));
        let text = format!(
            "after {} attempts exit {} still has {} to close of instrument {instrument}: do it by hand, or fire the kill switch",
            exit.attempts, exit.order.id, exit.left
        );
        self.outputs.push_back(Output::Notify { strategy, urgency: Urgency::Alert, text });
    }

    /// Exits of a strategy that is no longer at work, as far as its restart policy does not keep them.
    pub(super) fn release_exits(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        let stay = slot.guarded.waiting().first().is_some_and(|exit| slot.keeps(&exit.order));
        if !stay {
            let gone = slot.guarded.clear();
            self.tell_gone(place, gone, "it was let go");
        }
    }
}

/// An exit with a limit price as the order that rests from now on.
fn resting_exit(exit: &Order, size: Decimal, limit: Price) -> Option<PlaceOrder> {
    let price = Wanted::try_from(limit.get()).ok()?;
    Some(PlaceOrder {
        instrument: exit.instrument,
        side: exit.side,
        size: Wanted::try_from(size).ok()?,
        kind: WantedKind::Limit { price, time_in_force: TimeInForce::Gtc },
        reduce_only: true,
        tag: exit.tag,
        take_profit: None,
        stop_loss: None,
    })
}

/// How much of a position an order of that side may take away.
pub(super) fn reducible(held: Decimal, side: Side) -> Decimal {
    match side {
        Side::Sell => held.max(Decimal::ZERO),
        Side::Buy => (-held).max(Decimal::ZERO),
    }
}

/// Whether an order of ours that only reduces is on its way through the market.
pub(super) fn is_passing_exit(open: &OpenOrder, instrument: InstrumentId) -> bool {
    open.order.instrument == instrument && open.order.reduce_only && open.is_passing()
}
