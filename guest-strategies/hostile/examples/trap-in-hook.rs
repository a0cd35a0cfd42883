//! Fails in the hook that the parameter `hook` names. To be called at all hooks it trades, sets a timer and is clocked.

use calypte_strategy::FeedKind;
use calypte_strategy::prelude::*;

struct TrapInHook {
    hook: String,
    instrument: InstrumentId,
}

impl TrapInHook {
    fn reached(&self, hook: &str) {
        assert_ne!(self.hook, hook, "the attack");
    }
}

impl Strategy for TrapInHook {
    fn describe() -> Manifest {
        let hooks = [
            "none", "init", "candle", "trade", "quote", "book", "context", "position", "order", "funding", "balance", "timer",
            "feed", "params", "stop", "save",
        ];
        let manifest = hostile::manifest("trap-in-hook").parameter(Parameter::choice("hook", &hooks));
        let feeds = [FeedKind::Trades, FeedKind::Quotes, FeedKind::Book, FeedKind::Context];
        feeds.into_iter().fold(manifest, Manifest::feed).tick_every_ms(60_000)
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let strategy = Self { hook: context.param("hook")?, instrument: hostile::subscribe(context)?.instrument };
        strategy.reached("init");
        match strategy.hook.as_str() {
            "trade" => context.subscribe_trades(strategy.instrument),
            "quote" => context.subscribe_quotes(strategy.instrument),
            "book" => context.subscribe_book(strategy.instrument, 5),
            "context" => context.subscribe_context(strategy.instrument),
            _ => {}
        }
        Ok(strategy)
    }

    fn on_candle(&mut self, event: &CandleEvent, intents: &mut Intents) {
        self.reached("candle");
        if account::position(self.instrument).is_flat() {
            intents.set_target(self.instrument, 1);
            intents.set_timer(1, event.candle.open_time);
        }
    }

    fn on_trade(&mut self, _event: &TradeEvent, _intents: &mut Intents) {
        self.reached("trade");
    }

    fn on_quote(&mut self, _event: &QuoteEvent, _intents: &mut Intents) {
        self.reached("quote");
    }

    fn on_book(&mut self, _event: &BookEvent, _intents: &mut Intents) {
        self.reached("book");
    }

    fn on_context(&mut self, _event: &ContextEvent, _intents: &mut Intents) {
        self.reached("context");
    }

    fn on_position(&mut self, _event: &PositionEvent, _intents: &mut Intents) {
        self.reached("position");
    }

    fn on_order(&mut self, _event: &OrderEvent, _intents: &mut Intents) {
        self.reached("order");
    }

    fn on_funding(&mut self, _event: &FundingEvent, _intents: &mut Intents) {
        self.reached("funding");
    }

    fn on_balance(&mut self, _event: &BalanceEvent, _intents: &mut Intents) {
        self.reached("balance");
    }

    fn on_timer(&mut self, _event: &TimerEvent, _intents: &mut Intents) {
        self.reached("timer");
    }

    fn on_feed(&mut self, _event: &FeedEvent, _intents: &mut Intents) {
        self.reached("feed");
    }

    fn on_params(&mut self, _parameters: &Parameters) -> Result<(), Refusal> {
        self.reached("params");
        Ok(())
    }

    fn on_stop(&mut self, _reason: StopReason, _intents: &mut Intents) {
        self.reached("stop");
    }

    fn save(&mut self) -> Vec<u8> {
        self.reached("save");
        Vec::new()
    }
}

calypte_strategy::export!(TrapInHook);
