//! Intents and subscriptions, as scripts write them.

use super::number;
use crate::*;

/// `0`, `0:5` (with warm-up), `quotes`, `trades9` (of an instrument).
pub(super) fn subscription(text: &str) -> Subscription {
    if let Some(instrument) = text.strip_prefix("trades") {
        return Subscription::Trades(InstrumentId::new(instrument.parse().expect("an instrument")));
    }
    if text == "quotes" {
        return Subscription::Quotes(InstrumentId::new(0));
    }
    let (series, warm_up) = text.split_once(':').unwrap_or((text, "0"));
    Subscription::Candles {
        series: SeriesId::new(series.parse().expect("a series")),
        warm_up: warm_up.parse().expect("a number"),
    }
}

fn wanted(text: &str) -> Wanted {
    // `1e255` is a mantissa of 1 and a scale of 255: what no decimal can be.
    if let Some((mantissa, scale)) = text.split_once('e') {
        return Wanted { mantissa: mantissa.parse().expect("digits"), scale: scale.parse().expect("a scale") };
    }
    Wanted::try_from(number(text)).expect("64 bits")
}

pub(super) fn intent(text: &str) -> Intent {
    let words: Vec<&str> = text.split_whitespace().collect();
    let after = |name: &str| words.iter().position(|word| *word == name).map(|place| words[place + 1]);
    let instrument = InstrumentId::new(after("of").map_or(0, |id| id.parse().expect("an instrument")));
    let tag = after("tag").map(|tag| OrderTag::new(tag.parse().expect("a tag")));
    match words[0] {
        "buy" | "sell" => Intent::Place(Box::new(PlaceOrder {
            instrument,
            side: if words[0] == "buy" { Side::Buy } else { Side::Sell },
            size: wanted(words[1]),
            kind: wanted_kind(&words, after),
            reduce_only: words.contains(&"reduce"),
            tag,
            take_profit: after("tp").map(wanted),
            stop_loss: after("sl").map(wanted),
        })),
        "amend" => Intent::Amend {
            order: order_ref(words[1]),
            price: after("price").map(wanted),
            size: after("size").map(wanted),
            trigger_price: after("trigger").map(wanted),
        },
        "cancel" => Intent::Cancel(order_ref(words[1])),
        "cancel-all" => Intent::CancelAll(after("of").map(|_| instrument)),
        "close" => Intent::ClosePosition(instrument),
        "target" => Intent::SetTarget { instrument, size: wanted(words[1]), tag },
        "leverage" => {
            Intent::SetLeverage { instrument, leverage: words[1].parse().expect("a number"), mode: MarginMode::Cross }
        }
        "timer" => Intent::SetTimer {
            timer: TimerId::new(words[1].parse().expect("a timer")),
            at: Timestamp::from_millis(after("at").expect("at").parse().expect("a time")),
            every_ms: after("every").map(|every| every.parse().expect("milliseconds")),
        },
        "clear" => Intent::ClearTimer(TimerId::new(words[1].parse().expect("a timer"))),
        "notify" => Intent::Notify { urgency: Urgency::Info, text: words[1..].join(" ") },
        other => panic!("no intent begins with {other:?}"),
    }
}

fn wanted_kind<'a>(words: &[&'a str], after: impl Fn(&str) -> Option<&'a str>) -> WantedKind {
    let limit_price = after("limit").map(wanted);
    let trigger = |kind, price| WantedKind::Trigger { kind, trigger_price: wanted(price), limit_price };
    if let Some(price) = after("stop") {
        return trigger(TriggerKind::Stop, price);
    }
    if let Some(price) = after("take") {
        return trigger(TriggerKind::TakeProfit, price);
    }
    if let Some(distance) = after("trail") {
        return WantedKind::TrailingStop { distance: wanted(distance) };
    }
    let time_in_force = match (words.contains(&"ioc"), words.contains(&"alo")) {
        (true, _) => TimeInForce::Ioc,
        (_, true) => TimeInForce::Alo,
        _ => TimeInForce::Gtc,
    };
    limit_price.map_or(WantedKind::Market, |price| WantedKind::Limit { price, time_in_force })
}

fn order_ref(text: &str) -> OrderRef {
    match text.strip_prefix('t') {
        Some(tag) => OrderRef::Tag(OrderTag::new(tag.parse().expect("a tag"))),
        None => OrderRef::Id(OrderId::new(text.parse().expect("an order"))),
    }
}
