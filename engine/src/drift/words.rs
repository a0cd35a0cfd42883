//! Decisions in words, short enough for a column.

use super::course::Said;
use calypte_kernel::{
    Instrument, InstrumentId, Intent, MarginMode, OrderRef, PlaceOrder, Side, TimeInForce, TriggerKind, Wanted, WantedKind,
};

/// Longest description of one decision, in characters.
const WORDS_MAX: usize = 500;

/// What was said, in words.
pub(super) fn words(said: &Said, instruments: &[Instrument]) -> String {
    let text = match said {
        Said::Intents(intents) if intents.is_empty() => "nothing".to_owned(),
        Said::Intents(intents) => intents.iter().map(|one| intent(one, instruments)).collect::<Vec<_>>().join("; "),
        Said::Failed(kind) => format!("failed: {kind}"),
    };
    match text.char_indices().nth(WORDS_MAX) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// The name of an instrument; its number where there is none of it.
pub(super) fn symbol(id: InstrumentId, instruments: &[Instrument]) -> String {
    let known = instruments.get(id.get() as usize);
    known.map_or_else(|| format!("instrument {id}"), |instrument| instrument.symbol.as_str().to_owned())
}

fn intent(intent: &Intent, instruments: &[Instrument]) -> String {
    let name = |id: &InstrumentId| symbol(*id, instruments);
    match intent {
        Intent::Place(order) => place(order, &name(&order.instrument)),
        Intent::Amend { order, price, size, trigger_price } => {
            let part = |what: &str, value: &Option<Wanted>| value.map(|value| format!(", {what} {}", number(value)));
            let parts = [part("price", price), part("size", size), part("trigger", trigger_price)];
            format!("amend {}{}", which(order), parts.into_iter().flatten().collect::<String>())
        }
        Intent::Cancel(order) => format!("cancel {}", which(order)),
        Intent::CancelAll(None) => "cancel all".to_owned(),
        Intent::CancelAll(Some(id)) => format!("cancel all of {}", name(id)),
        Intent::ClosePosition(id) => format!("close {}", name(id)),
        Intent::SetTarget { instrument, size, .. } => format!("target {} {}", name(instrument), number(*size)),
        Intent::SetLeverage { instrument, leverage, mode } => {
            let mode = match mode {
                MarginMode::Cross => "cross",
                MarginMode::Isolated => "isolated",
            };
            format!("leverage {} {leverage} {mode}", name(instrument))
        }
        Intent::SetTimer { timer, every_ms, .. } => {
            format!("timer {timer}{}", every_ms.map(|ms| format!(" every {ms} ms")).unwrap_or_default())
        }
        Intent::ClearTimer(timer) => format!("clear timer {timer}"),
        Intent::Notify { text, .. } => format!("says {text:?}"),
    }
}

fn place(order: &PlaceOrder, symbol: &str) -> String {
    let side = match order.side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    };
    let kind = match order.kind {
        WantedKind::Market => "at market".to_owned(),
        WantedKind::Limit { price, time_in_force } => {
            let terms = match time_in_force {
                TimeInForce::Gtc => "",
                TimeInForce::Ioc => " ioc",
                TimeInForce::Alo => " post-only",
            };
            format!("at {}{terms}", number(price))
        }
        WantedKind::Trigger { kind, trigger_price, limit_price } => {
            let name = match kind {
                TriggerKind::Stop => "stop",
                TriggerKind::TakeProfit => "take-profit",
            };
            let limit = limit_price.map(|price| format!(" limit {}", number(price))).unwrap_or_default();
            format!("{name} {}{limit}", number(trigger_price))
        }
        WantedKind::TrailingStop { distance } => format!("trailing by {}", number(distance)),
    };
    let reduce_only = if order.reduce_only { " reduce-only" } else { "" };
    let exit = |what: &str, price: Option<Wanted>| price.map(|price| format!(", {what} {}", number(price))).unwrap_or_default();
    let (profit, loss) = (exit("take-profit", order.take_profit), exit("stop-loss", order.stop_loss));
    format!("{side} {symbol} {} {kind}{reduce_only}{profit}{loss}", number(order.size))
}

fn which(order: &OrderRef) -> String {
    match order {
        OrderRef::Id(id) => format!("order {id}"),
        OrderRef::Tag(tag) => format!("order tagged {tag}"),
    }
}

fn number(wanted: Wanted) -> String {
    wanted.get().map_or_else(|| format!("{}e-{}", wanted.mantissa, wanted.scale), |value| value.to_string())
}
