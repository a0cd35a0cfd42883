//! The trait that a strategy implements.

use crate::{
    BalanceEvent, BookEvent, CandleEvent, Context, ContextEvent, FeedEvent, FundingEvent, Hears, Intents, Manifest, OrderEvent,
    Parameters, PositionEvent, QuoteEvent, Refusal, StopReason, TimerEvent, TradeEvent,
};

/// A trading strategy.
///
/// The engine hands it one event at a time; what the hook puts into [`Intents`] is what the strategy asks for. Every hook
/// but `describe` and `init` does nothing unless it is written.
pub trait Strategy: Sized + 'static {
    /// Which events it hears: all, unless it says otherwise. A hook of an event that is not among them is never called, by the
    /// engine as by the test kit.
    const HEARS: Hears = Hears::ALL;

    /// What the strategy is and what can be set. Pure: it may not ask the engine anything.
    fn describe() -> Manifest;

    /// Begins: reads parameters, makes subscriptions, picks up restored state.
    ///
    /// # Errors
    /// A refusal in words that the trader reads; the strategy then does not run.
    fn init(context: &mut Context) -> Result<Self, Refusal>;

    /// A candle closed, or one of the warm-up ([`CandleEvent::warm_up`]), on which intents are denied.
    fn on_candle(&mut self, _event: &CandleEvent, _intents: &mut Intents) {}

    /// Somebody traded.
    fn on_trade(&mut self, _event: &TradeEvent, _intents: &mut Intents) {}

    /// The best bid or offer changed.
    fn on_quote(&mut self, _event: &QuoteEvent, _intents: &mut Intents) {}

    /// A book snapshot.
    fn on_book(&mut self, _event: &BookEvent, _intents: &mut Intents) {}

    /// Mark price, oracle, funding rate or open interest changed.
    fn on_context(&mut self, _event: &ContextEvent, _intents: &mut Intents) {}

    /// A position changed.
    fn on_position(&mut self, _event: &PositionEvent, _intents: &mut Intents) {}

    /// Something happened to an order or a request.
    fn on_order(&mut self, _event: &OrderEvent, _intents: &mut Intents) {}

    /// Funding was paid or received.
    fn on_funding(&mut self, _event: &FundingEvent, _intents: &mut Intents) {}

    /// The collateral changed other than by trading.
    fn on_balance(&mut self, _event: &BalanceEvent, _intents: &mut Intents) {}

    /// A timer or the clock fired.
    fn on_timer(&mut self, _event: &TimerEvent, _intents: &mut Intents) {}

    /// A feed became stale, had a gap, recovered; the connection was lost or is back.
    fn on_feed(&mut self, _event: &FeedEvent, _intents: &mut Intents) {}

    /// New parameters while it runs.
    ///
    /// # Errors
    /// A refusal in words; the old parameters stay. Without this hook every change is refused.
    fn on_params(&mut self, _parameters: &Parameters) -> Result<(), Refusal> {
        Err(Refusal("this strategy takes new parameters only when it is started anew".into()))
    }

    /// Ends. Of the last intents only cancels and reduce-only orders pass.
    fn on_stop(&mut self, _reason: StopReason, _intents: &mut Intents) {}

    /// State that comes back as [`Context::restored`] after a restart or an upgrade; after a restart then come the events since it
    /// was saved, and no history. So whoever saves anything saves all that its decisions need: a strategy that decides otherwise than
    /// it did is ended. One that saves nothing is given every event since it began.
    fn save(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// Whether the following event may be pulled inside the hook. Both ways give the same results; only tests that compare
    /// them turn it off.
    #[doc(hidden)]
    fn fast_path(&self) -> bool {
        true
    }
}
