//! Buys when the price closes above the highest high of the last candles, sells when it closes below the lowest low.
//!
//! Each entry carries its own exits: a stop-loss and a take-profit at a distance measured in average true ranges. The engine
//! keeps them, cancels one when the other fills, and does so even while the strategy is paused.
//!
//! It shows orders with attached exits, prices computed as `f64` and brought onto the instrument's grid, and how to wait
//! for the fate of an order before the next one.

use calypte_strategy::indicators::{Atr, Channel, Donchian};
use calypte_strategy::prelude::*;
use calypte_strategy::warn;

/// The strategy's name for its entries.
const ENTRY: OrderTag = 1;

/// The strategy between two events.
pub struct Breakout {
    instrument: InstrumentId,
    size: Decimal,
    stop: f64,
    profit: f64,
    donchian: Donchian,
    atr: Atr,
    /// The channel of the candles before this one: a candle is compared with what was known before it.
    channel: Option<Channel>,
    /// An entry was asked for and its fate is not known yet.
    entering: bool,
}

impl Strategy for Breakout {
    fn describe() -> Manifest {
        Manifest::new("donchian", env!("CARGO_PKG_VERSION"))
            .description(
                "Enters on a close outside of the channel of the last candles; leaves by an attached stop or take-profit.",
            )
            .parameter(Parameter::integer("channel", 20).range(1, 10_000).step(5).doc("Candles of the channel."))
            .parameter(Parameter::integer("atr", 14).range(1, 10_000).step(1).doc("Candles of the average true range."))
            .parameter(
                Parameter::number("stop", 2)
                    .range(dec!(0.1), 100)
                    .step(dec!(0.5))
                    .doc("Distance of the stop, in average true ranges."),
            )
            .parameter(
                Parameter::number("profit", 4)
                    .range(dec!(0.1), 100)
                    .step(dec!(0.5))
                    .doc("Distance of the take-profit, in average true ranges."),
            )
            .parameter(Parameter::number("size", dec!(0.1)).min(0).doc("Units bought or sold."))
            .candles()
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let (channel, atr): (u32, u32) = (context.param("channel")?, context.param("atr")?);
        let series = context.primary()?;
        context.subscribe(series, channel.max(atr));
        Ok(Self {
            instrument: series.instrument,
            size: context.param("size")?,
            stop: context.param("stop")?,
            profit: context.param("profit")?,
            donchian: Donchian::new(channel as usize),
            atr: Atr::new(atr as usize),
            channel: None,
            entering: false,
        })
    }

    fn on_candle(&mut self, event: &CandleEvent, intents: &mut Intents) {
        let (high, low, close) = (event.candle.high.to_f64(), event.candle.low.to_f64(), event.candle.close.to_f64());
        let atr = self.atr.update(high, low, close);
        let before = std::mem::replace(&mut self.channel, self.donchian.update(high, low));
        let (Some(channel), Some(atr)) = (before, atr) else { return };
        if event.warm_up || self.entering || !account::position(self.instrument).is_flat() {
            return;
        }
        if close > channel.upper {
            self.enter(Side::Buy, close - self.stop * atr, close + self.profit * atr, intents);
        } else if close < channel.lower {
            self.enter(Side::Sell, close + self.stop * atr, close - self.profit * atr, intents);
        }
    }

    fn on_order(&mut self, event: &OrderEvent, _intents: &mut Intents) {
        if let Some(refusal) = event.refusal() {
            warn!("entry refused ({}): {}", refusal.code, refusal.message);
            self.entering = false;
        } else if event.tag() == Some(ENTRY) && event.is_final() {
            self.entering = false;
        }
    }
}

impl Breakout {
    fn enter(&mut self, side: Side, stop: f64, profit: f64, intents: &mut Intents) {
        // A price off the instrument's grid is denied, never silently moved: so it is moved here, for all to see.
        let on_grid = |price: f64| market::round_price(self.instrument, Decimal::from_f64(price, 8)?, Rounding::Nearest);
        let (Some(stop), Some(profit)) = (on_grid(stop), on_grid(profit)) else {
            warn!("no entry: an exit would lie at {stop} or {profit}, where no price is");
            return;
        };
        let order = match side {
            Side::Buy => intents.buy_market(self.instrument, self.size),
            Side::Sell => intents.sell_market(self.instrument, self.size),
        };
        order.tag(ENTRY).bracket(stop, profit);
        self.entering = true;
    }
}

calypte_strategy::export!(Breakout);

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_strategy::testing::{Bar, Bench, Session, bars};

    /// Candles that swing by one around 100, and one that closes at a price.
    fn quiet_then(close: f64) -> Vec<Bar> {
        let last = (100.0, close.max(100.0), close.min(100.0), close);
        bars([(100.0, 101.0, 99.0, 100.0); 3].into_iter().chain([last]))
    }

    fn bench(candles: Vec<Bar>) -> Session<Breakout> {
        Bench::new().param("channel", 3).param("atr", 3).param("stop", 1).param("profit", 2).candles(candles).run()
    }

    #[test]
    fn a_close_above_the_channel_buys_with_both_exits() {
        let bench = bench(quiet_then(104.0));
        let mut expected = Intents::new();
        // True ranges 2, 2, 2 and 4: the average is (2 × 2 + 4) / 3.
        expected.buy_market(0, dec!(0.1)).tag(ENTRY).bracket(dec!(101.33333333), dec!(109.33333333));
        assert_eq!(bench.intents(), expected.as_slice());
    }

    #[test]
    fn a_close_below_the_channel_sells() {
        let mut bench = bench(quiet_then(96.0));
        bench.candles(bars([(96.0, 96.0, 96.0, 96.0)]));
        assert_eq!(bench.position().size, dec!(-0.1));
    }

    #[test]
    fn a_close_inside_the_channel_does_nothing() {
        assert_eq!(bench(quiet_then(101.0)).intents(), []);
    }

    #[test]
    fn the_stop_closes_the_position_and_takes_the_take_profit_with_it() {
        let mut bench = bench(quiet_then(104.0));
        bench.candles(bars([(104.0, 104.0, 104.0, 104.0), (104.0, 104.0, 100.0, 101.0)]));
        assert!(bench.position().is_flat());
        assert_eq!(bench.fills()[1].price, dec!(101.33333333));
        assert_eq!(bench.open_orders(), []);
    }

    #[test]
    fn only_one_entry_at_a_time() {
        let mut bench = bench(quiet_then(104.0));
        let intents = bench.candles(bars([(104.0, 105.0, 104.0, 105.0), (105.0, 106.0, 105.0, 106.0)]));
        assert_eq!(intents, [], "the position is open");
    }
}
