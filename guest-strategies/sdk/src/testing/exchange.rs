//! The kit's exchange: orders, positions and cash, filled by candles.

mod fills;

use super::rules::{round_price, round_size};
use crate::{
    AttachedExits, Candle, Decimal, Event, Fill, InstrumentId, InstrumentInfo, Intent, Order, OrderChange, OrderEvent, OrderId,
    OrderKind, OrderRef, OrderRefusal, OrderTag, PlaceOrder, Position, PositionCause, PositionEvent, Rounding, SCALE_MAX, Side,
    TimeInForce, Timestamp,
};
use std::collections::{BTreeMap, VecDeque};

/// Largest name of an order.
const TAG_MAX: OrderTag = (1 << 53) - 1;
/// Decimals of the engine's derived values.
const DERIVED_DECIMALS: u32 = 8;

/// Money inside the exchange: more digits than cross to a strategy.
pub(super) type Wide = rust_decimal::Decimal;

/// From what crosses.
pub(super) fn wide(value: Decimal) -> Wide {
    value.try_into().expect("a scale of at most 28")
}

/// To what crosses, for values that are exact.
pub(super) fn exact(value: Wide) -> Decimal {
    value.normalize().try_into().expect("at most 18 digits")
}

/// To what crosses, for derived values.
pub(super) fn derived(value: Wide) -> Decimal {
    exact(value.round_dp(DERIVED_DECIMALS))
}

/// Where an intent stood: its place in the answer, and the number of the event answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) index: u32,
    pub(super) event: u64,
}

/// A position.
#[derive(Debug, Clone, Copy, Default)]
struct Holding {
    size: Wide,
    entry: Wide,
    realized: Wide,
}

/// An order that rests, or waits for the next open.
#[derive(Debug, Clone)]
struct Resting {
    order: Order,
    exits: Option<AttachedExits>,
    /// The order that is cancelled when this one fills.
    sibling: Option<OrderId>,
    /// Best price seen since it was accepted, of a trailing stop.
    best: Wide,
    /// Whether a candle has already passed: a limit order that finds its price at the first open is a taker.
    rested: bool,
}

/// The exchange of one account.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) instruments: Vec<InstrumentInfo>,
    pub(super) cash: Wide,
    pub(super) taker_fee: Wide,
    pub(super) maker_fee: Wide,
    pub(super) fills: Vec<Fill>,
    /// What has happened and was not delivered yet.
    pub(super) events: VecDeque<Event>,
    last: BTreeMap<InstrumentId, Decimal>,
    holdings: BTreeMap<InstrumentId, Holding>,
    orders: BTreeMap<OrderId, Resting>,
    order_count: OrderId,
}

impl Exchange {
    pub(super) fn new(instruments: Vec<InstrumentInfo>, cash: Wide, taker_fee: Wide, maker_fee: Wide) -> Self {
        Self {
            instruments,
            cash,
            taker_fee,
            maker_fee,
            fills: Vec::new(),
            events: VecDeque::new(),
            last: BTreeMap::new(),
            holdings: BTreeMap::new(),
            orders: BTreeMap::new(),
            order_count: 0,
        }
    }

    /// Rules of an instrument.
    pub(super) fn rules(&self, instrument: InstrumentId) -> Option<&InstrumentInfo> {
        self.instruments.iter().find(|rules| rules.id == instrument)
    }

    /// The last price.
    pub(super) fn last_price(&self, instrument: InstrumentId) -> Option<Decimal> {
        self.last.get(&instrument).copied()
    }

    /// The position in an instrument.
    pub(super) fn position(&self, instrument: InstrumentId) -> Position {
        let holding = self.holdings.get(&instrument).copied().unwrap_or_default();
        let mark = self.last_price(instrument).map(wide);
        Position {
            instrument,
            size: exact(holding.size),
            entry_price: derived(holding.entry),
            unrealized_pnl: mark.map(|mark| derived((mark - holding.entry) * holding.size)),
            realized_pnl: derived(holding.realized),
            leverage: None,
            margin_mode: None,
            liquidation_price: None,
        }
    }

    /// Positions that are not zero.
    pub(super) fn positions(&self) -> Vec<Position> {
        self.holdings.keys().map(|&instrument| self.position(instrument)).filter(|position| !position.is_flat()).collect()
    }

    /// Cash and positions at last prices.
    pub(super) fn equity(&self) -> Wide {
        let profit = self.positions().into_iter().filter_map(|position| position.unrealized_pnl).map(wide);
        self.cash + profit.sum::<Wide>()
    }

    /// Open orders, by number.
    pub(super) fn open_orders(&self, instrument: Option<InstrumentId>) -> Vec<Order> {
        let orders = self.orders.values().map(|resting| &resting.order);
        orders.filter(|order| instrument.is_none_or(|instrument| instrument == order.instrument)).copied().collect()
    }

    /// Does what an intent about orders asks for.
    pub(super) fn take(&mut self, now: Timestamp, intent: &Intent, origin: Origin) {
        let outcome = match *intent {
            Intent::Place(order) => self.place(now, order, origin),
            Intent::Amend(amend) => self.amend(now, amend, origin),
            Intent::Cancel(order) => self.find(order).map(|id| self.cancel(now, id, Some(origin))),
            Intent::CancelAll(instrument) => {
                for order in self.open_orders(instrument) {
                    self.cancel(now, order.id, Some(origin));
                }
                Ok(())
            }
            Intent::ClosePosition(instrument) => self.bring(now, instrument, Wide::ZERO, true, None, origin),
            Intent::SetTarget(target) if target.size.scale > SCALE_MAX => Err(out_of_range()),
            Intent::SetTarget(target) => self.bring(now, target.instrument, wide(target.size), false, target.tag, origin),
            Intent::SetLeverage(_) | Intent::SetTimer(_) | Intent::ClearTimer(_) | Intent::Notify(_) => Ok(()),
        };
        if let Err(refusal) = outcome {
            self.deny(now, refusal, origin);
        }
    }

    /// Says that a request was denied.
    pub(super) fn deny(&mut self, now: Timestamp, refusal: OrderRefusal, origin: Origin) {
        self.tell(now, None, OrderChange::Denied(refusal), Some(origin));
    }

    fn place(&mut self, now: Timestamp, order: PlaceOrder, origin: Origin) -> Result<(), OrderRefusal> {
        self.check(&order)?;
        let PlaceOrder { instrument, side, size, kind, reduce_only, tag, exits } = order;
        self.order_count += 1;
        let order = Order { id: self.order_count, tag, instrument, side, size, filled: Decimal::ZERO, kind, reduce_only };
        self.tell(now, Some(order), OrderChange::Accepted, Some(origin));
        if let (OrderKind::Limit(terms), Some(last)) = (&kind, self.last_price(instrument))
            && terms.time_in_force == TimeInForce::Alo
            && crosses(side, terms.price, last)
        {
            let refusal =
                refusal("post-only-would-cross", &format!("a limit of {} against a last price of {last}", terms.price));
            self.tell(now, Some(order), OrderChange::Rejected(refusal), None);
            return Ok(());
        }
        let best = self.last_price(instrument).map(wide).unwrap_or_default();
        self.orders.insert(order.id, Resting { order, exits, sibling: None, best, rested: false });
        Ok(())
    }

    /// The few checks without which a test would prove nothing, with the engine's codes; the engine has many more.
    fn check(&self, order: &PlaceOrder) -> Result<(), OrderRefusal> {
        let Some(rules) = self.rules(order.instrument) else {
            return Err(refusal("unknown-instrument", &format!("instrument {} was not given", order.instrument)));
        };
        check_size(rules, order.size)?;
        let mut prices: Vec<Decimal> =
            order.exits.iter().flat_map(|exits| [exits.take_profit, exits.stop_loss]).flatten().collect();
        match &order.kind {
            OrderKind::Market => {}
            OrderKind::Limit(terms) => prices.push(terms.price),
            OrderKind::Trigger(terms) => prices.extend([Some(terms.trigger_price), terms.limit_price].into_iter().flatten()),
            OrderKind::TrailingStop(terms) => prices.push(terms.distance),
        }
        for price in prices {
            check_price(rules, price)?;
        }
        if order.tag.is_some_and(|tag| tag == 0 || tag > TAG_MAX) {
            return Err(refusal("bad-tag", "a tag is 1 to 2^53 - 1"));
        }
        if order.tag.is_some_and(|tag| self.orders.values().any(|resting| resting.order.tag == Some(tag))) {
            return Err(refusal("duplicate-tag", "an open order has the same tag"));
        }
        if order.reduce_only && self.reducible(order.instrument, order.side).is_zero() {
            return Err(refusal("reduce-only-increases", "there is no position that it would reduce"));
        }
        self.check_notional(rules, order)
    }

    /// An order is worth at least the instrument's minimum, at its own price or the last.
    fn check_notional(&self, rules: &InstrumentInfo, order: &PlaceOrder) -> Result<(), OrderRefusal> {
        let price = match order.kind {
            OrderKind::Limit(terms) => Some(terms.price),
            OrderKind::Trigger(terms) => Some(terms.trigger_price),
            OrderKind::Market | OrderKind::TrailingStop(_) => self.last_price(order.instrument),
        };
        let notional = price.map(|price| wide(price) * wide(order.size));
        match notional.filter(|&notional| !order.reduce_only && notional < wide(rules.min_notional)) {
            Some(notional) => {
                let words = format!("a notional of {notional} is below the smallest of {}", rules.min_notional);
                Err(refusal("below-min-notional", &words))
            }
            None => Ok(()),
        }
    }

    fn amend(&mut self, now: Timestamp, amend: crate::AmendOrder, origin: Origin) -> Result<(), OrderRefusal> {
        let id = self.find(amend.order)?;
        let Some(resting) = self.orders.get_mut(&id) else { return Err(refusal("unknown-order", "it is gone")) };
        let order = &mut resting.order;
        order.size = amend.size.unwrap_or(order.size);
        match &mut order.kind {
            OrderKind::Limit(terms) => terms.price = amend.price.unwrap_or(terms.price),
            OrderKind::Trigger(terms) => {
                terms.trigger_price = amend.trigger_price.unwrap_or(terms.trigger_price);
                terms.limit_price = amend.price.or(terms.limit_price);
            }
            OrderKind::Market | OrderKind::TrailingStop(_) => {}
        }
        let order = *order;
        self.tell(now, Some(order), OrderChange::Amended, Some(origin));
        Ok(())
    }

    fn cancel(&mut self, now: Timestamp, id: OrderId, origin: Option<Origin>) {
        if let Some(resting) = self.orders.remove(&id) {
            let words = if origin.is_some() { "by the strategy" } else { "by the exchange" };
            self.tell(now, Some(resting.order), OrderChange::Cancelled(words.into()), origin);
        }
    }

    /// Sends the market order that leads to a position.
    fn bring(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        target: Wide,
        reduce_only: bool,
        tag: Option<OrderTag>,
        origin: Origin,
    ) -> Result<(), OrderRefusal> {
        let in_flight = self.orders.values().filter(|resting| resting.order.instrument == instrument);
        let in_flight = in_flight.filter(|resting| resting.order.kind == OrderKind::Market);
        let in_flight: Wide = in_flight.map(|resting| signed(resting.order.side, wide(resting.order.size))).sum();
        let held = self.holdings.get(&instrument).copied().unwrap_or_default().size;
        let missing = target - held - in_flight;
        if missing.is_zero() {
            return Ok(());
        }
        let side = if missing.is_sign_positive() { Side::Buy } else { Side::Sell };
        let kind = OrderKind::Market;
        self.place(
            now,
            PlaceOrder { instrument, side, size: exact(missing.abs()), kind, reduce_only, tag, exits: None },
            origin,
        )
    }

    fn find(&self, order: OrderRef) -> Result<OrderId, OrderRefusal> {
        let found = match order {
            OrderRef::Id(id) => self.orders.contains_key(&id).then_some(id),
            OrderRef::Tag(tag) => self.orders.iter().find(|(_, resting)| resting.order.tag == Some(tag)).map(|(&id, _)| id),
        };
        found.ok_or_else(|| refusal("unknown-order", &format!("no open order is {order:?}")))
    }

    /// How much of the position an order of this side could close.
    fn reducible(&self, instrument: InstrumentId, side: Side) -> Wide {
        let held = self.holdings.get(&instrument).copied().unwrap_or_default().size;
        (-signed(side, held)).max(Wide::ZERO)
    }

    fn tell(&mut self, time: Timestamp, order: Option<Order>, change: OrderChange, origin: Option<Origin>) {
        let (intent_index, decided_on) = (origin.map(|origin| origin.index), origin.map(|origin| origin.event));
        self.events.push_back(Event::Order(OrderEvent { time, order, change, intent_index, decided_on }));
    }

    fn tell_position(&mut self, time: Timestamp, instrument: InstrumentId, before: Wide) {
        let now = self.position(instrument);
        let event = PositionEvent { time, now, size_before: exact(before), cause: PositionCause::Fill };
        self.events.push_back(Event::Position(event));
    }

    /// Lets a candle pass over the orders, then knows its close.
    pub(super) fn pass(&mut self, instrument: InstrumentId, candle: &Candle, close_time: Timestamp) {
        fills::pass(self, instrument, candle, close_time);
        self.last.insert(instrument, candle.close);
    }
}

fn check_size(rules: &InstrumentInfo, size: Decimal) -> Result<(), OrderRefusal> {
    if size.scale > SCALE_MAX {
        return Err(out_of_range());
    }
    if !size.is_positive() {
        return Err(refusal("size-not-positive", &format!("a size of {size} is not positive")));
    }
    if round_size(rules, size, Rounding::Down) != size {
        return Err(refusal("size-off-grid", &format!("a size of {size} is not on the lot grid of {}", rules.symbol)));
    }
    Ok(())
}

fn check_price(rules: &InstrumentInfo, price: Decimal) -> Result<(), OrderRefusal> {
    if price.scale > SCALE_MAX {
        return Err(out_of_range());
    }
    if !price.is_positive() {
        return Err(refusal("price-not-positive", &format!("a price of {price} is not positive")));
    }
    if round_price(rules, price, Rounding::Nearest) != Some(price) {
        return Err(refusal("price-off-grid", &format!("a price of {price} is not on the price grid of {}", rules.symbol)));
    }
    Ok(())
}

fn out_of_range() -> OrderRefusal {
    refusal("number-out-of-range", &format!("a scale is at most {SCALE_MAX}"))
}

/// The words of a refusal.
pub(super) fn refusal(code: &str, message: &str) -> OrderRefusal {
    OrderRefusal { code: code.into(), message: message.into() }
}

/// Positive for a buy, negative for a sell.
fn signed(side: Side, size: Wide) -> Wide {
    match side {
        Side::Buy => size,
        Side::Sell => -size,
    }
}

/// Whether a limit would fill at once at a price.
fn crosses(side: Side, limit: Decimal, price: Decimal) -> bool {
    match side {
        Side::Buy => limit >= price,
        Side::Sell => limit <= price,
    }
}
