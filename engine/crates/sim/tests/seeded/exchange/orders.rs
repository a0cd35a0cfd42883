//! What the exchange does with orders: those of the account's strategies and those by hand.

use super::{Action, Exchange, Line, NOTIONAL_MAX, Order, Random, place_of};
use calypte_kernel::{
    ClientOrderId, Command, Decimal, InstrumentId, NewOrder, OrderKind, OrderOrigin, Price, Refusal, RequestKind, Side, Size,
    TimeInForce, Timestamp, TriggerKind, VenueEvent,
};

fn refusal(code: &'static str) -> Refusal {
    Refusal { code: code.into(), message: code.to_owned() }
}

impl Exchange {
    /// Takes a signed action, once. Says whether it made an order of it.
    pub(crate) fn take(&mut self, action: &Action, random: &mut Random) -> bool {
        self.tick();
        if !self.taken.insert(action.nonce) {
            return false;
        }
        match &action.command {
            Command::Place(new) => return self.place(new, random),
            Command::Amend { order, size, kind, expires_after, .. } => {
                self.amend(*order, (*size, *kind), *expires_after, random);
            }
            Command::Cancel { order, expires_after, .. } => self.cancel(*order, *expires_after, random),
            Command::SetLeverage { instrument, leverage, mode, expires_after } => {
                if self.clock <= *expires_after && random.chance(70) {
                    self.leverage[place_of(*instrument)] = (*leverage, *mode);
                    self.say_leverage(*instrument);
                } else {
                    let (instrument, refusal) = (*instrument, refusal("leverage"));
                    self.say(Line::Answers, VenueEvent::LeverageRejected { instrument, refusal });
                }
            }
            // No profile declares that what is not ours is cancelled.
            Command::CancelOutside { .. } => {}
            Command::ScheduleCancel { at, .. } => self.schedule_cancel(*at, random),
        }
        false
    }

    fn place(&mut self, new: &NewOrder, random: &mut Random) -> bool {
        let order = new.client_id;
        if self.clock > new.expires_after {
            if random.chance(50) {
                self.say(Line::Answers, VenueEvent::Rejected { order, refusal: refusal("admission-expired") });
            }
            return false;
        }
        let place = place_of(new.instrument);
        let is_too_large = self.is_too_large(place, new.size, new.kind);
        let crosses = matches!(new.kind, OrderKind::Limit { time_in_force: TimeInForce::Alo, .. }) && random.chance(20);
        let exits = new.exits.unwrap_or_default();
        let terms = (place, new.side, new.size.get(), new.kind, new.reduce_only);
        let at = self.open(Some(order), terms);
        self.orders[at].exits = [exits.take_profit, exits.stop_loss];
        if is_too_large || crosses || random.chance(4) {
            self.refuse(at);
            return true;
        }
        self.admitted(at, random);
        if matches!(new.kind, OrderKind::Market | OrderKind::Limit { time_in_force: TimeInForce::Ioc, .. }) {
            self.pass(at, random);
        }
        true
    }

    fn is_too_large(&self, place: usize, size: Size, kind: OrderKind) -> bool {
        let price = match kind {
            OrderKind::Limit { price, .. } | OrderKind::Trigger { limit_price: Some(price), .. } => price.get(),
            _ => self.prices[place],
        };
        let notional = size.get().checked_mul(price.max(self.prices[place]));
        notional.is_none_or(|notional| notional > Decimal::from(NOTIONAL_MAX))
    }

    /// Opens an order on an instrument, a side, for a size, of a kind, reduce-only or not.
    fn open(&mut self, name: Option<ClientOrderId>, terms: (usize, Side, Decimal, OrderKind, bool)) -> usize {
        let at = self.orders.len();
        if let Some(name) = name {
            self.names.insert(name, at);
        }
        let (instrument, side, size, kind, reduce_only) = terms;
        let number = self.number();
        self.orders.push(Order {
            name,
            number,
            instrument,
            side,
            size,
            filled: Decimal::ZERO,
            kind,
            reduce_only,
            exits: [None; 2],
            sibling: None,
            number_told: None,
            end: None,
            fills: Vec::new(),
        });
        self.live.push(at);
        at
    }

    fn admitted(&mut self, at: usize, random: &mut Random) {
        let Order { name: Some(order), number: venue_order, .. } = self.orders[at] else { return };
        let event = VenueEvent::Accepted { order, venue_order };
        if random.chance(60) {
            self.say(Line::Orders, event.clone());
        }
        self.say(Line::Answers, event);
    }

    /// An order that does not rest: some of it fills, the rest goes.
    fn pass(&mut self, at: usize, random: &mut Random) {
        let size = self.orders[at].size;
        if random.chance(90) {
            let part = if random.chance(70) { size } else { part_of(size, random) };
            self.fill(at, part, None, random);
        }
        if self.orders[at].end.is_none() {
            self.end(at, "nobody is on the other side");
        }
    }

    fn refuse(&mut self, at: usize) {
        self.live.retain(|live| *live != at);
        let Some(order) = self.orders[at].name else { return };
        let event = VenueEvent::Rejected { order, refusal: refusal("refused") };
        self.orders[at].end = Some(event.clone());
        self.say(Line::Answers, event);
    }

    /// An order is over without filling further.
    pub(super) fn end(&mut self, at: usize, reason: &'static str) {
        if self.orders[at].end.is_some() {
            return;
        }
        self.live.retain(|live| *live != at);
        let number = self.orders[at].number;
        let event = match self.orders[at].name {
            Some(order) => VenueEvent::Cancelled { order, venue_order: Some(number), reason: reason.into() },
            None => VenueEvent::ExternalGone { venue_order: number },
        };
        self.orders[at].end = Some(event.clone());
        self.say(Line::Orders, event);
        self.end_sibling(at);
    }

    /// An order filled wholly: its exits come to life.
    pub(super) fn filled(&mut self, at: usize) {
        self.live.retain(|live| *live != at);
        let Order { name, number, instrument, side, size, exits, .. } = self.orders[at].clone();
        self.orders[at].end = Some(VenueEvent::ExternalGone { venue_order: number });
        self.end_sibling(at);
        let mut legs = Vec::new();
        for (leg, trigger_price) in (1_u8..).zip(exits) {
            let (Some(trigger_price), Some(origin)) = (trigger_price, name.and_then(ClientOrderId::origin)) else { continue };
            let kind = if leg == 1 { TriggerKind::TakeProfit } else { TriggerKind::Stop };
            let kind = OrderKind::Trigger { kind, trigger_price, limit_price: None };
            let name = ClientOrderId::derive(OrderOrigin { leg, ..origin });
            let leg = self.open(name, (instrument, side.opposite(), size, kind, true));
            legs.push(leg);
            self.say_exit(leg);
        }
        if let [first, second] = legs[..] {
            (self.orders[first].sibling, self.orders[second].sibling) = (Some(second), Some(first));
        }
    }

    fn say_exit(&mut self, at: usize) {
        let shown = self.show(at);
        let Some(order) = shown.order else { return };
        let (venue_order, instrument, side) = (shown.venue_order, shown.instrument, shown.side);
        let (size, kind) = (shown.size, shown.kind);
        self.say(Line::Orders, VenueEvent::ExitLive { order, venue_order, instrument, side, size, kind });
    }

    fn end_sibling(&mut self, at: usize) {
        if let Some(sibling) = self.orders[at].sibling.take() {
            self.orders[sibling].sibling = None;
            self.end(sibling, "its sibling is over");
        }
    }

    fn alive(&self, name: ClientOrderId) -> Option<usize> {
        self.names.get(&name).copied().filter(|at| self.orders[*at].end.is_none())
    }

    fn amend(&mut self, order: ClientOrderId, wanted: (Size, OrderKind), expires_after: Timestamp, random: &mut Random) {
        let request = RequestKind::Amend;
        let Some(at) = self.alive(order) else { return self.unknown(order, request, expires_after, random) };
        let is_too_late = self.clock > expires_after;
        let is_too_large = self.is_too_large(self.orders[at].instrument, wanted.0, wanted.1);
        if is_too_late || is_too_large || wanted.0.get() <= self.orders[at].filled || random.chance(5) {
            let refusal = refusal("amend-refused");
            return self.say(Line::Answers, VenueEvent::RequestRejected { order, request, refusal });
        }
        let old = self.orders[at].number;
        let venue_order = self.number();
        let changed = &mut self.orders[at];
        (changed.number, changed.size, changed.kind) = (venue_order, wanted.0.get(), wanted.1);
        if random.chance(50) {
            self.say(Line::Orders, VenueEvent::Cancelled { order, venue_order: Some(old), reason: "amended".into() });
        }
        let event = VenueEvent::Amended { order, venue_order, size: wanted.0, kind: wanted.1 };
        if random.chance(50) {
            self.say(Line::Orders, event.clone());
        }
        self.say(Line::Answers, event);
    }

    fn cancel(&mut self, order: ClientOrderId, expires_after: Timestamp, random: &mut Random) {
        let request = RequestKind::Cancel;
        let Some(at) = self.alive(order) else { return self.unknown(order, request, expires_after, random) };
        if self.clock > expires_after || random.chance(5) {
            let refusal = refusal("cancel-refused");
            return self.say(Line::Answers, VenueEvent::RequestRejected { order, request, refusal });
        }
        self.end(at, "cancelled");
        let end = self.orders[at].end.clone().expect("it has just ended");
        self.say(Line::Answers, end);
    }

    /// A request about an order that is not open: the words leave open whether it ever was.
    fn unknown(&mut self, order: ClientOrderId, request: RequestKind, expires_after: Timestamp, random: &mut Random) {
        if self.clock > expires_after && random.chance(50) {
            return;
        }
        let refusal = refusal("never-placed-or-already-over");
        self.say(Line::Answers, VenueEvent::RequestRejected { order, request, refusal });
        self.say(Line::Answers, VenueEvent::Unanswered { order });
    }

    /// Something happens to one of the open orders.
    pub(crate) fn happen(&mut self, random: &mut Random) {
        if self.live.is_empty() {
            return;
        }
        let at = self.live[random.place(self.live.len())];
        if random.chance(4) {
            return self.end(at, "margin");
        }
        match self.orders[at].kind {
            OrderKind::Trigger { .. } | OrderKind::TrailingStop { .. } => self.trigger(at, random),
            OrderKind::Market | OrderKind::Limit { .. } => {
                let left = self.orders[at].remaining();
                let size = if random.chance(50) { left } else { part_of(left, random) };
                self.fill(at, size, None, random);
            }
        }
    }

    /// The dead man's switch is set or cleared.
    fn schedule_cancel(&mut self, at: Option<Timestamp>, random: &mut Random) {
        let event = if random.chance(5) {
            VenueEvent::CancelScheduleRejected { refusal: refusal("dead-man") }
        } else {
            self.cancel_at = at;
            VenueEvent::CancelScheduled { at }
        };
        self.say(Line::Answers, event);
    }

    /// Reduce-only orders are cut to the position that is left of them.
    pub(super) fn shrink(&mut self, place: usize, random: &mut Random) {
        let held = self.truth.positions[place];
        for at in self.live.clone() {
            let order = &mut self.orders[at];
            let room = if order.side == Side::Buy { -held } else { held };
            let cuts = order.instrument == place && order.reduce_only && room > Decimal::ZERO && room < order.remaining();
            if !cuts || !random.chance(50) {
                continue;
            }
            order.size = order.filled + room;
            let (name, size) = (order.name, Size::new(order.size).expect("there is room"));
            if let Some(order) = name {
                self.say(Line::Orders, VenueEvent::Resized { order, size });
            }
        }
    }

    /// One of the open orders ends by itself: its time runs out, or it would meet another of the account.
    pub(crate) fn end_any(&mut self, random: &mut Random) {
        if self.live.is_empty() {
            return;
        }
        let at = self.live[random.place(self.live.len())];
        match self.orders[at].name {
            Some(order) if random.chance(50) => self.end_with(at, Line::Orders, VenueEvent::Expired { order }),
            _ => self.end(at, "self-trade"),
        }
    }

    /// An order is over, as said on a stream.
    fn end_with(&mut self, at: usize, line: Line, event: VenueEvent) {
        self.live.retain(|live| *live != at);
        self.orders[at].end = Some(event.clone());
        self.say(line, event);
        self.end_sibling(at);
    }

    fn trigger(&mut self, at: usize, random: &mut Random) {
        if let (Some(order), true) = (self.orders[at].name, random.chance(5)) {
            // Of one that triggers it may turn out that it cannot be carried.
            return self.end_with(at, Line::Orders, VenueEvent::Rejected { order, refusal: refusal("margin") });
        }
        self.orders[at].kind = match self.orders[at].kind {
            OrderKind::Trigger { limit_price: Some(price), .. } => OrderKind::Limit { price, time_in_force: TimeInForce::Gtc },
            _ => OrderKind::Market,
        };
        if let Some(order) = self.orders[at].name {
            self.say(Line::Orders, VenueEvent::Triggered { order });
        }
        if self.orders[at].kind == OrderKind::Market {
            self.pass(at, random);
        }
    }

    /// What leverage holds for an instrument.
    pub(crate) fn say_leverage(&mut self, instrument: InstrumentId) {
        let as_of = self.tick();
        let (leverage, mode) = self.leverage[place_of(instrument)];
        self.say(Line::Answers, VenueEvent::LeverageSet { instrument, leverage, mode, as_of });
    }

    /// What became of an order, to whom it may concern.
    pub(crate) fn resolve(&mut self, order: ClientOrderId) {
        let as_of = self.tick();
        let Some(at) = self.names.get(&order).copied() else {
            return self.say(Line::Answers, VenueEvent::Absent { order, as_of });
        };
        for trade in self.orders[at].fills.clone() {
            let fill = self.fills[trade].clone();
            self.say(Line::Answers, VenueEvent::Fill(Box::new(fill)));
        }
        let Some(end) = self.orders[at].end.clone() else {
            let shown = self.show(at);
            return self.say(Line::Answers, VenueEvent::Open(Box::new(shown)));
        };
        // Of one that filled its fills say so.
        if !matches!(end, VenueEvent::ExternalGone { .. }) {
            self.say(Line::Answers, end);
        }
        // Whatever it was: there is no more of it. An amend that might still have revived it did not, as of now.
        self.say(Line::Answers, VenueEvent::Absent { order, as_of });
    }

    /// Somebody places an order by hand.
    pub(crate) fn place_by_hand(&mut self, random: &mut Random) {
        let place = random.place(self.prices.len());
        let price = Price::new(self.prices[place]).expect("positive");
        let side = random.pick(&[Side::Buy, Side::Sell]);
        let size = Decimal::new(i64::try_from(random.below(300)).expect("small") + 1, 2);
        let kind = OrderKind::Limit { price, time_in_force: TimeInForce::Gtc };
        let at = self.open(None, (place, side, size, kind, false));
        let shown = self.show(at);
        self.say(Line::Orders, VenueEvent::Open(Box::new(shown)));
    }

    /// The exchange closes a position, or a part of it.
    pub(crate) fn force(&mut self, random: &mut Random) {
        let place = random.place(self.prices.len());
        let held = self.truth.positions[place];
        let Some((side, size)) = Side::of(-held) else { return };
        let force = random.pick(&[
            calypte_kernel::Force::Liquidation,
            calypte_kernel::Force::AutoDeleveraging,
            calypte_kernel::Force::Settlement,
        ]);
        let size = if random.chance(60) { size.get() } else { part_of(size.get(), random) };
        if random.chance(40) {
            // First everything that is open goes.
            for at in self.live.clone() {
                self.end(at, "liquidation");
            }
        }
        let at = self.open(None, (place, side, size, OrderKind::Market, true));
        self.fill(at, size, Some(force), random);
    }
}

/// Some of a size, in hundredths, and not nothing.
fn part_of(size: Decimal, random: &mut Random) -> Decimal {
    let lot = Decimal::new(1, 2);
    let part = size * Decimal::new(i64::try_from(random.below(100)).expect("small"), 2);
    part.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::ToZero).max(lot).min(size)
}
