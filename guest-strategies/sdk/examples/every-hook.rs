//! Has every hook there is, and logs what it is handed in each.

use calypte_strategy::prelude::*;
use calypte_strategy::{
    BalanceEvent, BookEvent, ContextEvent, FeedEvent, FundingEvent, OrderEvent, Parameters, PositionEvent, QuoteEvent,
    StopReason, TimerEvent, TradeEvent, info,
};

/// Remembers how many events it was handed.
struct EveryHook {
    events: u64,
}

impl EveryHook {
    fn handed(&mut self, event: &impl std::fmt::Debug) {
        self.events += 1;
        info!("{event:?}");
    }
}

impl Strategy for EveryHook {
    fn describe() -> Manifest {
        Manifest::new("every-hook", "1.0.0").parameter(Parameter::integer("size", 1).range(0, 10)).candles()
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let series = context.primary()?;
        context.subscribe(series, 0);
        Ok(Self { events: 0 })
    }

    fn on_candle(&mut self, event: &CandleEvent, _intents: &mut Intents) {
        self.handed(event);
    }

    fn on_trade(&mut self, event: &TradeEvent, _intents: &mut Intents) {
        self.handed(event);
    }

    fn on_quote(&mut self, event: &QuoteEvent, _intents: &mut Intents) {
        self.handed(event);
    }

    fn on_book(&mut self, event: &BookEvent, _intents: &mut Intents) {
        self.handed(event);
    }

    fn on_context(&mut self, event: &ContextEvent, _intents: &mut Intents) {
        self.handed(event);
    }

    fn on_position(&mut self, event: &PositionEvent, _intents: &mut Intents) {
        self.handed(event);
    }

    fn on_order(&mut self, event: &OrderEvent, _intents: &mut Intents) {
        self.handed(event);
    }

    fn on_funding(&mut self, event: &FundingEvent, _intents: &mut Intents) {
        self.handed(event);
    }

    fn on_balance(&mut self, event: &BalanceEvent, _intents: &mut Intents) {
        self.handed(event);
    }

    fn on_timer(&mut self, event: &TimerEvent, _intents: &mut Intents) {
        self.handed(event);
    }

    fn on_feed(&mut self, event: &FeedEvent, _intents: &mut Intents) {
        self.handed(event);
    }

    fn on_params(&mut self, parameters: &Parameters) -> Result<(), Refusal> {
        let size: u32 = parameters.get("size").map_err(|error| Refusal(error.to_string()))?;
        info!("size is {size} now");
        if size == 0 { Err(Refusal("a size of zero trades nothing".into())) } else { Ok(()) }
    }

    fn on_stop(&mut self, reason: StopReason, intents: &mut Intents) {
        self.handed(&reason);
        intents.cancel_all();
    }

    fn save(&mut self) -> Vec<u8> {
        self.events.to_le_bytes().to_vec()
    }
}

calypte_strategy::export!(EveryHook);
