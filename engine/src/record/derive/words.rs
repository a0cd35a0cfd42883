//! What things are called in the database. The names are a promise: they are documented, and never change their meaning.

use super::super::schema::Value;
use calypte_kernel::{
    Decimal, Force, InstrumentId, KillAction, KillScope, OrderKind, OrderState, Price, RiskEvent, Side, StrategyId,
    StrategyState, TimeInForce, TriggerKind, Urgency,
};

/// Longest text that is recorded, in bytes; the rest of a longer one is cut off.
const TEXT_BYTES_MAX: usize = 4_096;

/// A text that a database takes: PostgreSQL knows no zero character, and nobody knows how long an exchange's words may be.
pub(super) fn text(words: impl Into<String>) -> Value {
    let mut words = words.into();
    if words.len() > TEXT_BYTES_MAX {
        words.truncate(words.floor_char_boundary(TEXT_BYTES_MAX));
    }
    Value::Text(if words.contains('\0') { words.replace('\0', "\u{fffd}") } else { words })
}

/// A count; above 63 bits there is none.
pub(super) fn number(count: u64) -> Value {
    Value::Number(i64::try_from(count).unwrap_or(i64::MAX))
}

pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

pub(super) const fn urgency(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Info => "info",
        Urgency::Warning => "warning",
        Urgency::Alert => "alert",
    }
}

pub(super) const fn force(force: Force) -> &'static str {
    match force {
        Force::Liquidation => "liquidation",
        Force::AutoDeleveraging => "auto-deleveraging",
        Force::Settlement => "settlement",
    }
}

pub(super) const fn order_state(state: OrderState) -> &'static str {
    match state {
        OrderState::Sent => "sent",
        OrderState::SentInDoubt => "sent-in-doubt",
        OrderState::Open => "open",
        OrderState::PartlyFilled => "partly-filled",
        OrderState::Amending => "amending",
        OrderState::Cancelling => "cancelling",
        OrderState::InDoubt => "in-doubt",
        OrderState::Replacing => "replacing",
        OrderState::Filled => "filled",
        OrderState::Cancelled => "cancelled",
        OrderState::Rejected => "rejected",
        OrderState::Expired => "expired",
        OrderState::NeverAdmitted => "never-admitted",
    }
}

/// The terms of an order, column by column.
pub(super) struct Terms {
    pub(super) kind: &'static str,
    pub(super) price: Option<Price>,
    pub(super) trigger_price: Option<Price>,
    pub(super) time_in_force: Option<&'static str>,
}

pub(super) const fn terms(kind: OrderKind) -> Terms {
    match kind {
        OrderKind::Market => Terms { kind: "market", price: None, trigger_price: None, time_in_force: None },
        OrderKind::Limit { price, time_in_force } => {
            let time_in_force = match time_in_force {
                TimeInForce::Gtc => "gtc",
                TimeInForce::Ioc => "ioc",
                TimeInForce::Alo => "alo",
            };
            Terms { kind: "limit", price: Some(price), trigger_price: None, time_in_force: Some(time_in_force) }
        }
        OrderKind::Trigger { kind, trigger_price, limit_price } => {
            let kind = match kind {
                TriggerKind::Stop => "stop",
                TriggerKind::TakeProfit => "take-profit",
            };
            Terms { kind, price: limit_price, trigger_price: Some(trigger_price), time_in_force: None }
        }
        OrderKind::TrailingStop { distance } => {
            Terms { kind: "trailing-stop", price: None, trigger_price: Some(distance), time_in_force: None }
        }
    }
}

/// A price where there is one.
pub(super) fn price(price: Option<Price>) -> Value {
    price.map_or(Value::None, |price| Value::Exact(price.get()))
}

/// A state of a strategy, with words where it has some.
pub(super) fn state(state: &StrategyState) -> (&'static str, Option<String>) {
    match state {
        StrategyState::Created => ("created", None),
        StrategyState::WarmingUp => ("warming-up", None),
        StrategyState::Running => ("running", None),
        StrategyState::Stopping => ("stopping", None),
        StrategyState::Stopped => ("stopped", None),
        StrategyState::Refused(words) => ("refused", Some(words.clone())),
        StrategyState::Faulted(fault) => ("faulted", Some(fault.to_string())),
    }
}

/// What happened to the safeguards, column by column.
#[derive(Default)]
pub(super) struct Risk {
    pub(super) kind: &'static str,
    pub(super) strategy: Option<StrategyId>,
    pub(super) action: Option<&'static str>,
    pub(super) instrument: Option<InstrumentId>,
    pub(super) size: Option<Decimal>,
    pub(super) words: String,
}

pub(super) fn risk(event: &RiskEvent) -> Risk {
    match event {
        RiskEvent::Killed { scope, cause, action, armed } => {
            let waits = if *armed { "; it waits for the connection" } else { "" };
            let words = format!("the kill switch of {scope} fired: {cause}{waits}");
            Risk { kind: "killed", strategy: one(*scope), action: Some(kill_action(*action)), words, ..Risk::default() }
        }
        RiskEvent::Rearmed { scope } => {
            let words = format!("the kill switch of {scope} is armed again");
            Risk { kind: "rearmed", strategy: one(*scope), words, ..Risk::default() }
        }
        RiskEvent::TradingState { scope, state } => {
            let words = format!("the operator set {scope} to {}", state.name());
            Risk { kind: "trading-state", strategy: one(*scope), action: Some(state.name()), words, ..Risk::default() }
        }
        RiskEvent::Paused { strategy, pause } => {
            let words = format!("it rests until {}: {}", crate::calendar::format_time(pause.until), pause.kind);
            let instrument = pause.instrument;
            Risk { kind: "paused", strategy: Some(*strategy), instrument, words, ..Risk::default() }
        }
        RiskEvent::Flat { strategy } => {
            let words = "everything that was to be closed is closed".to_owned();
            Risk { kind: "flat", strategy: Some(*strategy), words, ..Risk::default() }
        }
        RiskEvent::OutsideFlat => {
            let words = "everything that belongs to no strategy and was to be closed is closed".to_owned();
            Risk { kind: "outside-flat", words, ..Risk::default() }
        }
        RiskEvent::OutsideNotFlat { instrument, size } => {
            let words = "what belongs to no strategy could not be closed: the trader must".to_owned();
            Risk { kind: "outside-not-flat", instrument: Some(*instrument), size: Some(*size), words, ..Risk::default() }
        }
        RiskEvent::NotFlat { strategy, instrument, size } => {
            let (instrument, size) = (Some(*instrument), Some(*size));
            let words = "it could not be closed: the trader must".to_owned();
            Risk { kind: "not-flat", strategy: Some(*strategy), instrument, size, words, ..Risk::default() }
        }
        RiskEvent::DeadManLost => {
            let words =
                "the exchange's dead man's switch could not be set: should the connection break, orders stay".to_owned();
            Risk { kind: "dead-man-lost", words, ..Risk::default() }
        }
        RiskEvent::DeadManBack => {
            let words = "the exchange's dead man's switch is set again".to_owned();
            Risk { kind: "dead-man-back", words, ..Risk::default() }
        }
    }
}

const fn one(scope: KillScope) -> Option<StrategyId> {
    match scope {
        KillScope::Strategy(strategy) => Some(strategy),
        KillScope::Account => None,
    }
}

const fn kill_action(action: KillAction) -> &'static str {
    match action {
        KillAction::Pause => "pause",
        KillAction::ReduceOnly => "reduce-only",
        KillAction::Cancel => "cancel",
        KillAction::Flatten => "flatten",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_made_fit() {
        assert_eq!(text("a\0b"), Value::Text("a\u{fffd}b".to_owned()));
        let Value::Text(cut) = text("ä".repeat(TEXT_BYTES_MAX)) else { panic!("it is text") };
        assert_eq!(cut.len(), TEXT_BYTES_MAX);
        let Value::Text(cut) = text(format!("x{}", "ä".repeat(TEXT_BYTES_MAX))) else { panic!("it is text") };
        assert_eq!(cut.len(), TEXT_BYTES_MAX - 1, "no character is cut in half");
    }
}
