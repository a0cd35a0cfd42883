//! A candle passing over the orders. Within a candle orders are looked at by their number, each once; exits that a fill
//! attaches wait for the next candle.

use super::{Exchange, Holding, Resting, Wide, crosses, exact, signed, wide};
use crate::{
    Candle, Decimal, Fill, InstrumentId, LimitTerms, Order, OrderChange, OrderId, OrderKind, Side, TimeInForce, Timestamp,
    TriggerKind, TriggerTerms,
};

/// What a candle does to an order.
enum Met {
    Nothing,
    /// It fills at this price, resting or not.
    Fills {
        price: Decimal,
        maker: bool,
    },
    /// Its trigger is reached and it goes on as a limit order.
    BecomesLimit(Decimal),
    /// It could not fill at once and may not stay.
    Lapses,
}

pub(super) fn pass(exchange: &mut Exchange, instrument: InstrumentId, candle: &Candle, close_time: Timestamp) {
    let orders = exchange.orders.iter().filter(|(_, resting)| resting.order.instrument == instrument);
    let ids: Vec<OrderId> = orders.map(|(&id, _)| id).collect();
    for id in ids {
        // An order may be gone by now: the sibling of one that filled in this very candle.
        let Some(resting) = exchange.orders.get_mut(&id) else { continue };
        let met = meet(resting, candle);
        resting.rested = true;
        let time = if matches!(resting.order.kind, OrderKind::Market) { candle.open_time } else { close_time };
        match met {
            Met::Nothing => {}
            Met::Fills { price, maker } => fill(exchange, time, id, price, maker),
            Met::BecomesLimit(price) => {
                resting.order.kind = OrderKind::Limit(LimitTerms { price, time_in_force: TimeInForce::Gtc });
                let order = resting.order;
                exchange.tell(time, Some(order), OrderChange::Triggered, None);
            }
            Met::Lapses => exchange.cancel(time, id, None),
        }
    }
}

fn meet(resting: &mut Resting, candle: &Candle) -> Met {
    let side = resting.order.side;
    match resting.order.kind {
        OrderKind::Market => Met::Fills { price: candle.open, maker: false },
        OrderKind::Limit(terms) => {
            let reached = if side == Side::Buy { candle.low } else { candle.high };
            if crosses(side, terms.price, candle.open) {
                Met::Fills { price: candle.open, maker: resting.rested }
            } else if terms.time_in_force == TimeInForce::Ioc {
                Met::Lapses
            } else if crosses(side, terms.price, reached) {
                Met::Fills { price: terms.price, maker: true }
            } else {
                Met::Nothing
            }
        }
        OrderKind::Trigger(terms) => match (trigger_price(side, terms.kind, terms.trigger_price, candle), terms.limit_price) {
            (None, _) => Met::Nothing,
            (Some(_), Some(limit)) => Met::BecomesLimit(limit),
            (Some(price), None) => Met::Fills { price, maker: false },
        },
        OrderKind::TrailingStop(terms) => {
            let trigger = exact(resting.best - signed(side.opposite(), wide(terms.distance)));
            resting.best = match side {
                Side::Sell => resting.best.max(wide(candle.high)),
                Side::Buy => resting.best.min(wide(candle.low)),
            };
            match trigger_price(side, TriggerKind::Stop, trigger, candle) {
                Some(price) => Met::Fills { price, maker: false },
                None => Met::Nothing,
            }
        }
    }
}

/// The price at which a trigger order goes out in a candle: the trigger, or the open that lies beyond it.
fn trigger_price(side: Side, kind: TriggerKind, trigger: Decimal, candle: &Candle) -> Option<Decimal> {
    let upwards = (side == Side::Buy) == (kind == TriggerKind::Stop);
    if upwards {
        (candle.high >= trigger).then(|| trigger.max(candle.open))
    } else {
        (candle.low <= trigger).then(|| trigger.min(candle.open))
    }
}

fn fill(exchange: &mut Exchange, time: Timestamp, id: OrderId, price: Decimal, maker: bool) {
    let Some(Resting { mut order, exits, sibling, .. }) = exchange.orders.remove(&id) else { return };
    let mut size = wide(order.size);
    if order.reduce_only {
        size = size.min(exchange.reducible(order.instrument, order.side));
        if size.is_zero() {
            exchange.tell(time, Some(order), OrderChange::Cancelled("nothing is left to reduce".into()), None);
            return;
        }
    }
    order.filled = exact(size);
    let fee = size * wide(price) * if maker { exchange.maker_fee } else { exchange.taker_fee };
    let before = book(exchange, &order, size, wide(price), fee);
    let trade_id = exchange.fills.len() as u64 + 1;
    let fill = Fill {
        trade_id,
        price,
        size: exact(size),
        fee: super::derived(fee),
        maker,
        liquidation: false,
        remaining: Decimal::ZERO,
    };
    exchange.fills.push(fill);
    exchange.tell(time, Some(order), OrderChange::Filled(fill), None);
    exchange.tell_position(time, order.instrument, before);
    if let Some(sibling) = sibling {
        exchange.cancel(time, sibling, None);
    }
    if let Some(exits) = exits {
        let stop = exits.stop_loss.map(|trigger| attach(exchange, time, &order, TriggerKind::Stop, trigger));
        let target = exits.take_profit.map(|trigger| attach(exchange, time, &order, TriggerKind::TakeProfit, trigger));
        for (exit, sibling) in [(stop, target), (target, stop)] {
            if let Some(resting) = exit.and_then(|id| exchange.orders.get_mut(&id)) {
                resting.sibling = sibling;
            }
        }
    }
}

/// One exit for what an order filled.
fn attach(exchange: &mut Exchange, time: Timestamp, entry: &Order, kind: TriggerKind, trigger_price: Decimal) -> OrderId {
    exchange.order_count += 1;
    let order = Order {
        id: exchange.order_count,
        tag: None,
        instrument: entry.instrument,
        side: entry.side.opposite(),
        size: entry.filled,
        filled: Decimal::ZERO,
        kind: OrderKind::Trigger(TriggerTerms { kind, trigger_price, limit_price: None }),
        reduce_only: true,
    };
    exchange.tell(time, Some(order), OrderChange::Accepted, None);
    let id = order.id;
    exchange.orders.insert(id, Resting { order, exits: None, sibling: None, best: Wide::ZERO, rested: false });
    id
}

/// Moves position and cash; returns the size before.
fn book(exchange: &mut Exchange, order: &Order, size: Wide, price: Wide, fee: Wide) -> Wide {
    let holding = exchange.holdings.entry(order.instrument).or_default();
    let Holding { size: before, entry, .. } = *holding;
    let change = signed(order.side, size);
    let after = before + change;
    let opens = before.is_zero() || before.is_sign_positive() == change.is_sign_positive();
    if opens {
        holding.entry = (entry * before + price * change) / after;
    } else {
        let closed = change.abs().min(before.abs());
        let profit = (price - entry) * if before.is_sign_positive() { closed } else { -closed };
        holding.realized += profit;
        exchange.cash += profit;
        if after.is_zero() {
            holding.entry = Wide::ZERO;
        } else if after.is_sign_positive() != before.is_sign_positive() {
            holding.entry = price;
        }
    }
    holding.size = after;
    exchange.cash -= fee;
    before
}
