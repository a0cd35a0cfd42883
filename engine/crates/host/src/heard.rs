//! What a strategy heard without its instance: the market is known from events alone, so an instance that takes over in the middle of
//! its strategy's life is told what was heard before.

use crate::imports::market::Market;
use crate::instance::Instance;
use crate::limits::InstanceLimits;
use calypte_kernel::{Event, InitContext};

/// The market as a strategy was told of it since its `init`.
#[derive(Debug)]
pub struct Heard {
    market: Market,
    limits: InstanceLimits,
    events: u64,
}

impl Heard {
    /// Nothing yet, of an instance with this context and these limits.
    pub fn new(context: &InitContext, limits: &InstanceLimits) -> Self {
        let mut market = Market::default();
        market.begin(context);
        // As many as there may be: what is asked for is known only once the new instance has begun.
        Self { market, limits: InstanceLimits { candles_kept_min: limits.candles_kept_max, ..limits.clone() }, events: 0 }
    }

    /// Takes note of an event that was delivered.
    pub fn event(&mut self, event: &Event) {
        self.market.observe(event, &self.limits);
        self.events += 1;
    }
}

impl Instance {
    /// Goes on where another instance of the strategy was: to be said once, after `init`.
    pub fn take_over(&mut self, heard: Heard) {
        let Some(guest) = self.guest_mut() else { return };
        guest.market.take_over(heard.market, &guest.limits);
        guest.events = heard.events;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_kernel::{
        AccountFacts, Candle, CandleEvent, Decimal, FeeRates, Instrument, InstrumentId, Price, Rules, SeriesId, SeriesInfo,
        Subscription, Timeframe, Timestamp,
    };
    use std::sync::Arc;

    fn context() -> InitContext {
        let instrument = Instrument::new(InstrumentId::new(0), "BTC".parse().expect("a symbol"), Rules::ANY);
        let series = SeriesInfo { id: SeriesId::new(0), instrument: instrument.id, timeframe: Timeframe::MINUTE };
        InitContext {
            now: Timestamp::from_millis(0),
            parameters: Arc::from([]),
            instruments: Arc::from([instrument]),
            series: Arc::from([series]),
            account: AccountFacts {
                cash: Decimal::ONE,
                fees: FeeRates { taker: Decimal::ZERO, maker: Decimal::ZERO },
                live: true,
            },
            restored: None,
        }
    }

    fn candle(minute: i64) -> Event {
        let price = Price::new(Decimal::from(100 + minute)).expect("positive");
        let open_time = Timestamp::from_millis(minute * 60_000);
        let candle = Candle { open_time, open: price, high: price, low: price, close: price, volume: Decimal::ONE };
        Event::Candle(CandleEvent { series: SeriesId::new(0), candle, warm_up: false })
    }

    #[test]
    fn what_was_heard_is_cut_to_what_the_instance_keeps() {
        let limits = InstanceLimits { candles_kept_min: 4, candles_kept_max: 50, ..InstanceLimits::default() };
        let mut heard = Heard::new(&context(), &limits);
        (0..60).for_each(|minute| heard.event(&candle(minute)));
        assert_eq!(heard.events, 60);
        for (asked, kept) in [(0, 4), (20, 20), (1_000, 50)] {
            let mut market = Market::default();
            market.begin(&context());
            market.subscribed(&[Subscription::Candles { series: SeriesId::new(0), warm_up: asked }], &limits);
            let mut heard = Heard::new(&context(), &limits);
            (0..60).for_each(|minute| heard.event(&candle(minute)));
            market.take_over(heard.market, &limits);
            let candles = market.candles(SeriesId::new(0)).expect("it is known");
            assert_eq!(candles.len(), kept);
            assert_eq!(candles.back().map(|candle| candle.open_time.as_millis()), Some(59 * 60_000), "the newest");
            assert_eq!(market.last_price(InstrumentId::new(0)).map(Price::get), Some(Decimal::from(159)));
        }
    }
}
