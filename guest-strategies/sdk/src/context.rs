//! What `init` is told, and the subscriptions it makes.

use crate::bindings::exports::calypte::strategy::lifecycle;
use crate::{
    AccountFacts, BookSubscription, CandleSubscription, FromParam, InstrumentId, InstrumentInfo, ParamError, Parameters,
    Refusal, SeriesInfo, Subscription, Timestamp,
};

/// What a strategy is told when it begins, and where it says what it wants to hear.
#[derive(Debug, Clone)]
pub struct Context {
    /// The engine's time now.
    pub now: Timestamp,
    /// Every parameter of the manifest.
    pub parameters: Parameters,
    /// Instruments it may trade. The trader's first choice stands first.
    pub instruments: Vec<InstrumentInfo>,
    /// Candle series it may subscribe to. The trader's first choice stands first.
    pub series: Vec<SeriesInfo>,
    /// The account.
    pub account: AccountFacts,
    /// What [`Strategy::save`](crate::Strategy::save) returned before a restart or an upgrade.
    pub restored: Option<Vec<u8>>,
    subscriptions: Vec<Subscription>,
}

impl Context {
    /// A parameter as the type that is asked for.
    ///
    /// # Errors
    /// Where there is no such parameter, or its value is not of that type.
    pub fn param<T: FromParam>(&self, name: &str) -> Result<T, ParamError> {
        self.parameters.get(name)
    }

    /// The series that the trader named first.
    ///
    /// # Errors
    /// Where the trader gave no candles at all.
    pub fn primary(&self) -> Result<SeriesInfo, Refusal> {
        self.series.first().copied().ok_or_else(|| Refusal("no candle series was given to trade on".into()))
    }

    /// The series of an instrument with a timeframe.
    ///
    /// # Errors
    /// Where the trader gave no such series.
    pub fn series_of(&self, symbol: &str, timeframe_ms: u64) -> Result<SeriesInfo, Refusal> {
        let instrument = self.instrument_named(symbol)?.id;
        let found = self.series.iter().find(|series| series.instrument == instrument && series.timeframe_ms == timeframe_ms);
        found
            .copied()
            .ok_or_else(|| Refusal(format!("no candles of {symbol} with a timeframe of {timeframe_ms} ms were given")))
    }

    /// An instrument by its symbol.
    ///
    /// # Errors
    /// Where the trader gave no such instrument.
    pub fn instrument_named(&self, symbol: &str) -> Result<&InstrumentInfo, Refusal> {
        let found = self.instruments.iter().find(|instrument| instrument.symbol == symbol);
        found.ok_or_else(|| Refusal(format!("{symbol} is not among the instruments given")))
    }

    /// An instrument by its number.
    ///
    /// # Errors
    /// Where there is none of that number.
    pub fn instrument(&self, id: InstrumentId) -> Result<&InstrumentInfo, Refusal> {
        let found = self.instruments.iter().find(|instrument| instrument.id == id);
        found.ok_or_else(|| Refusal(format!("instrument {id} is not among the instruments given")))
    }

    /// Wants the candles of a series, with this many closed ones first to warm up on.
    pub fn subscribe(&mut self, series: SeriesInfo, warm_up: u32) {
        self.subscriptions.push(Subscription::Candles(CandleSubscription { series: series.id, warm_up }));
    }

    /// Wants the public trades of an instrument.
    pub fn subscribe_trades(&mut self, instrument: InstrumentId) {
        self.subscriptions.push(Subscription::Trades(instrument));
    }

    /// Wants the best bid and offer of an instrument.
    pub fn subscribe_quotes(&mut self, instrument: InstrumentId) {
        self.subscriptions.push(Subscription::Quotes(instrument));
    }

    /// Wants book snapshots of an instrument, this many levels of each side.
    pub fn subscribe_book(&mut self, instrument: InstrumentId, levels: u32) {
        self.subscriptions.push(Subscription::Book(BookSubscription { instrument, levels }));
    }

    /// Wants mark price, oracle, funding rate and open interest of an instrument.
    pub fn subscribe_context(&mut self, instrument: InstrumentId) {
        self.subscriptions.push(Subscription::Context(instrument));
    }

    /// The subscriptions made so far.
    #[must_use]
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// From what the engine hands over.
    pub(crate) fn new(wire: lifecycle::Context) -> Self {
        let lifecycle::Context { now, parameters, instruments, series, account, restored } = wire;
        let parameters = Parameters::new(parameters);
        Self { now, parameters, instruments, series, account, restored, subscriptions: Vec::new() }
    }

    /// The answer to the engine.
    pub(crate) fn into_subscriptions(self) -> Vec<Subscription> {
        self.subscriptions
    }
}
