//! Goes on after `events.next` said that the event is over, with what the parameter `act` says.

use calypte_strategy::bindings::calypte::strategy::events;
use calypte_strategy::prelude::*;
use calypte_strategy::{Level, log};

struct AfterNone {
    act: String,
}

impl Strategy for AfterNone {
    fn describe() -> Manifest {
        let acts = ["intents", "state", "delete", "log", "status", "table", "point", "mark", "nothing"];
        hostile::manifest("intents-after-none").parameter(Parameter::choice("act", &acts))
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        hostile::subscribe(context)?;
        Ok(Self { act: context.param("act")? })
    }

    fn on_candle(&mut self, _event: &CandleEvent, intents: &mut Intents) {
        while events::next().is_some() {}
        match self.act.as_str() {
            "intents" => _ = intents.buy_market(0, 1),
            "state" => _ = state::set("key", b"value"),
            "delete" => _ = state::delete("key"),
            "log" => log::write(Level::Info, "after the end"),
            "status" => status::text("after the end"),
            "table" => status::Table::new("after", &["the end"]).show(),
            "point" => chart::Series::separate("after").point(1.0),
            "mark" => chart::mark("after the end"),
            _ => {}
        }
    }

    fn fast_path(&self) -> bool {
        false
    }
}

calypte_strategy::export!(AfterNone);
