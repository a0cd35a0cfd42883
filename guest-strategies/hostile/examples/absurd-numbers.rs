//! Asks for the impossible in numbers. The parameter `case` picks one absurdity; `all` asks for each of them on every candle.

use calypte_strategy::prelude::*;
use calypte_strategy::{AmendOrder, Intent, MarginMode, TimerSetting};

/// Names of the absurdities, and the number behind each.
const NUMBERS: [(&str, Decimal); 10] = [
    ("largest", Decimal::new(i64::MAX, 0)),
    ("smallest", Decimal::new(i64::MIN, 0)),
    ("largest-fraction", Decimal::new(i64::MAX, 28)),
    ("smallest-fraction", Decimal::new(i64::MIN, 28)),
    ("scale-29", Decimal::new(1, 29)),
    ("scale-255", Decimal::new(1, 255)),
    ("largest-scale-255", Decimal::new(i64::MAX, 255)),
    ("zero", Decimal::ZERO),
    ("zero-scale-255", Decimal::new(0, 255)),
    ("negative", Decimal::new(-1, 0)),
];

struct AbsurdNumbers {
    case: String,
}

impl Strategy for AbsurdNumbers {
    fn describe() -> Manifest {
        let cases: Vec<&str> = ["all"].into_iter().chain(NUMBERS.iter().map(|&(name, _)| name)).collect();
        hostile::manifest("absurd-numbers").parameter(Parameter::choice("case", &cases))
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        hostile::subscribe(context)?;
        Ok(Self { case: context.param("case")? })
    }

    fn on_candle(&mut self, _event: &CandleEvent, intents: &mut Intents) {
        for (name, number) in NUMBERS {
            if self.case == "all" || self.case == name {
                ask(intents, number);
            }
        }
    }
}

/// One number in every place that takes a number, and identifiers that nobody gave out.
fn ask(intents: &mut Intents, number: Decimal) {
    intents.buy_market(0, number);
    intents.sell_market(0, number).reduce_only();
    intents.buy_limit(0, 1, number).tag(0);
    intents.sell_limit(0, number, number).post_only().tag(u64::MAX);
    intents.buy_stop(0, 1, number).then_limit(number);
    intents.sell_trailing_stop(0, 1, number);
    intents.buy_market(0, 1).bracket(number, number);
    intents.set_target(0, number);
    intents.buy_market(u32::MAX, number);
    intents.close(u32::MAX);
    intents.cancel(u64::MAX);
    intents.cancel_tag(0);
    intents.cancel_all_on(u32::MAX);
    intents.push(Intent::Amend(AmendOrder {
        order: OrderRef::Tag(1),
        price: Some(number),
        size: Some(number),
        trigger_price: Some(number),
    }));
    intents.set_leverage(0, 0, MarginMode::Cross);
    intents.set_leverage(0, u32::MAX, MarginMode::Isolated);
    intents.push(Intent::SetTimer(TimerSetting { timer: 0, at: i64::MIN, every_ms: Some(0) }));
    intents.push(Intent::SetTimer(TimerSetting { timer: u32::MAX, at: i64::MAX, every_ms: Some(u64::MAX) }));
    intents.clear_timer(7);
}

calypte_strategy::export!(AbsurdNumbers);
