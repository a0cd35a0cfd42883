//! Intents on their way from the guest. Numbers stay as the guest wrote them: what they are worth is for the risk gate to say.

use crate::bindings::calypte::strategy::types as wit;
use crate::guest::Broken;
use crate::imports::printable;
use crate::limits::InstanceLimits;
use calypte_kernel::{
    InstrumentId, Intent, MarginMode, OrderId, OrderRef, OrderTag, PlaceOrder, Side, TimeInForce, TimerId, Timestamp,
    TriggerKind, Urgency, Wanted, WantedKind,
};

/// The answer of a hook.
pub(crate) fn intents(answer: Vec<wit::Intent>, limits: &InstanceLimits) -> wasmtime::Result<Vec<Intent>> {
    let max = limits.intents_per_event_max;
    if answer.len() > max {
        return Err(Broken::contract(format!("{} intents in one answer; the limit is {max}", answer.len())));
    }
    Ok(answer.into_iter().map(|one| intent(one, limits)).collect())
}

fn intent(intent: wit::Intent, limits: &InstanceLimits) -> Intent {
    match intent {
        wit::Intent::Place(order) => Intent::Place(Box::new(place(&order))),
        wit::Intent::Amend(amend) => Intent::Amend {
            order: order_ref(amend.order),
            price: amend.price.map(wanted),
            size: amend.size.map(wanted),
            trigger_price: amend.trigger_price.map(wanted),
        },
        wit::Intent::Cancel(order) => Intent::Cancel(order_ref(order)),
        wit::Intent::CancelAll(instrument) => Intent::CancelAll(instrument.map(InstrumentId::new)),
        wit::Intent::ClosePosition(instrument) => Intent::ClosePosition(InstrumentId::new(instrument)),
        wit::Intent::SetTarget(target) => Intent::SetTarget {
            instrument: InstrumentId::new(target.instrument),
            size: wanted(target.size),
            tag: target.tag.map(OrderTag::new),
        },
        wit::Intent::SetLeverage(setting) => Intent::SetLeverage {
            instrument: InstrumentId::new(setting.instrument),
            leverage: setting.leverage,
            mode: match setting.mode {
                wit::MarginMode::Cross => MarginMode::Cross,
                wit::MarginMode::Isolated => MarginMode::Isolated,
            },
        },
        wit::Intent::SetTimer(setting) => Intent::SetTimer {
            timer: TimerId::new(setting.timer),
            at: Timestamp::from_millis(setting.at),
            every_ms: setting.every_ms,
        },
        wit::Intent::ClearTimer(timer) => Intent::ClearTimer(TimerId::new(timer)),
        wit::Intent::Notify(notification) => Intent::Notify {
            urgency: match notification.urgency {
                wit::Urgency::Info => Urgency::Info,
                wit::Urgency::Warning => Urgency::Warning,
                wit::Urgency::Alert => Urgency::Alert,
            },
            text: printable(&notification.text, limits.text_bytes_max),
        },
    }
}

fn place(order: &wit::PlaceOrder) -> PlaceOrder {
    PlaceOrder {
        instrument: InstrumentId::new(order.instrument),
        side: side(order.side),
        size: wanted(order.size),
        kind: match order.kind {
            wit::OrderKind::Market => WantedKind::Market,
            wit::OrderKind::Limit(terms) => WantedKind::Limit {
                price: wanted(terms.price),
                time_in_force: match terms.time_in_force {
                    wit::TimeInForce::Gtc => TimeInForce::Gtc,
                    wit::TimeInForce::Ioc => TimeInForce::Ioc,
                    wit::TimeInForce::Alo => TimeInForce::Alo,
                },
            },
            wit::OrderKind::Trigger(terms) => WantedKind::Trigger {
                kind: match terms.kind {
                    wit::TriggerKind::Stop => TriggerKind::Stop,
                    wit::TriggerKind::TakeProfit => TriggerKind::TakeProfit,
                },
                trigger_price: wanted(terms.trigger_price),
                limit_price: terms.limit_price.map(wanted),
            },
            wit::OrderKind::TrailingStop(terms) => WantedKind::TrailingStop { distance: wanted(terms.distance) },
        },
        reduce_only: order.reduce_only,
        tag: order.tag.map(OrderTag::new),
        take_profit: order.exits.and_then(|exits| exits.take_profit).map(wanted),
        stop_loss: order.exits.and_then(|exits| exits.stop_loss).map(wanted),
    }
}

const fn side(side: wit::Side) -> Side {
    match side {
        wit::Side::Buy => Side::Buy,
        wit::Side::Sell => Side::Sell,
    }
}

const fn order_ref(order: wit::OrderRef) -> OrderRef {
    match order {
        wit::OrderRef::Id(id) => OrderRef::Id(OrderId::new(id)),
        wit::OrderRef::Tag(tag) => OrderRef::Tag(OrderTag::new(tag)),
    }
}

/// A number as the guest wrote it.
pub(crate) const fn wanted(value: wit::Decimal) -> Wanted {
    Wanted { mantissa: value.mantissa, scale: value.scale }
}
