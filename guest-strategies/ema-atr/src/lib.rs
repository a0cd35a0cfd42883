//! Follows crossings of a fast and a slow average, when the market moves enough to pay for it.
//!
//! - **Up**: the fast average crosses above the slow one; hold `size` units long.
//! - **Down**: it crosses below; hold `size` units short.
//! - **Filter**: neither counts while the average true range is a smaller part of the price than `filter`.
//!
//! It shows the shape of a strategy that decides on closed candles: parameters and warm-up in `init`, indicators brought
//! up to date on every candle, and a *target position* instead of orders. The engine works out which order leads there.

use calypte_strategy::indicators::{Atr, Ema};
use calypte_strategy::prelude::*;

/// The strategy between two candles.
pub struct EmaAtr {
    instrument: InstrumentId,
    size: Decimal,
    filter: f64,
    fast: Ema,
    slow: Ema,
    atr: Atr,
    /// Fast average less slow average at the candle before; none at the first one.
    spread_before: Option<f64>,
    /// What the report shows, where the trader asked for it.
    chart: Option<Chart>,
}

/// The lines drawn over the candles.
struct Chart {
    fast: chart::Series,
    slow: chart::Series,
}

impl Strategy for EmaAtr {
    // It decides on candles alone; what becomes of its targets is the engine's business.
    const HEARS: Hears = Hears::MARKET;

    fn describe() -> Manifest {
        Manifest::new("ema-atr", env!("CARGO_PKG_VERSION"))
            .description("Follows crossings of two exponential averages while the average true range is large enough.")
            .parameter(Parameter::integer("fast", 12).range(1, 10_000).step(2).doc("Candles of the fast average."))
            .parameter(Parameter::integer("slow", 26).range(2, 10_000).step(10).doc("Candles of the slow average."))
            .parameter(Parameter::integer("atr", 14).range(1, 10_000).step(1).doc("Candles of the average true range."))
            .parameter(
                Parameter::number("filter", dec!(0.0005))
                    .range(0, 1)
                    .doc("Smallest average true range, as a part of the price."),
            )
            .parameter(Parameter::number("size", 1).min(0).doc("Units held, long or short."))
            .parameter(Parameter::boolean("chart", false).doc("Draws both averages into the report."))
            .candles()
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let (fast, slow): (usize, u32) = (context.param("fast")?, context.param("slow")?);
        let series = context.primary()?;
        // The first signal may come once `slow` candles have closed: one less is the warm-up, on which nothing is asked.
        context.subscribe(series, slow.saturating_sub(1));
        let charted: bool = context.param("chart")?;
        Ok(Self {
            instrument: series.instrument,
            size: context.param("size")?,
            filter: context.param("filter")?,
            fast: Ema::new(fast),
            slow: Ema::new(slow as usize),
            atr: Atr::new(context.param("atr")?),
            spread_before: None,
            chart: charted.then(|| Chart { fast: chart::Series::on_price("fast"), slow: chart::Series::on_price("slow") }),
        })
    }

    fn on_candle(&mut self, event: &CandleEvent, intents: &mut Intents) {
        let candle = &event.candle;
        let close = candle.close.to_f64();
        let fast = self.fast.update(close);
        let slow = self.slow.update(close);
        let atr = self.atr.update(candle.high.to_f64(), candle.low.to_f64(), close);
        if let Some(chart) = &self.chart {
            chart.fast.point(fast);
            chart.slow.point(slow);
        }

        let spread = fast - slow;
        let Some(before) = self.spread_before.replace(spread) else { return };
        if event.warm_up || !atr.is_some_and(|atr| atr / close > self.filter) {
            return;
        }
        if before <= 0.0 && spread > 0.0 {
            intents.set_target(self.instrument, self.size);
        } else if before >= 0.0 && spread < 0.0 {
            intents.set_target(self.instrument, -self.size);
        }
    }
}

calypte_strategy::export!(EmaAtr);

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_strategy::testing::{Bench, closes};

    /// Falls, then rises: fast over 1 and slow over 2 candles cross at the fifth.
    const VALLEY: [f64; 6] = [100.0, 98.0, 96.0, 94.0, 99.0, 104.0];

    fn bench() -> Bench<EmaAtr> {
        Bench::new().param("fast", 1).param("slow", 2).param("atr", 2)
    }

    #[test]
    fn a_crossing_upwards_goes_long() {
        let bench = bench().param("size", 2).candles(closes(VALLEY)).run();
        let mut expected = Intents::new();
        expected.set_target(0, -2); // falling from the first candle on, which is a crossing downwards from equal
        expected.set_target(0, 2);
        assert_eq!(bench.intents(), expected.as_slice());
        assert_eq!(bench.fills()[1].price, dec!(99), "the open of the candle after the crossing");
        assert_eq!(bench.position().size, dec!(2));
    }

    #[test]
    fn a_quiet_market_is_left_alone() {
        let bench = bench().param("filter", dec!(0.5)).candles(closes(VALLEY)).run();
        assert_eq!(bench.intents(), []);
    }

    #[test]
    fn the_warm_up_ends_one_candle_before_the_first_signal() {
        let bench = bench().param("slow", 26).candles(closes([100.0, 101.0])).run();
        let warm_up = calypte_strategy::CandleSubscription { series: 0, warm_up: 25 };
        assert_eq!(bench.subscriptions(), [calypte_strategy::Subscription::Candles(warm_up)]);
        assert_eq!(bench.intents(), []);
    }

    #[test]
    fn draws_only_when_asked() {
        assert_eq!(bench().candles(closes(VALLEY)).run().chart("fast"), []);
        let bench = bench().param("chart", true).candles(closes(VALLEY)).run();
        assert_eq!(bench.chart("fast").iter().map(|&(_, value)| value).collect::<Vec<_>>(), VALLEY);
        assert_eq!(bench.chart("slow").len(), VALLEY.len());
    }
}
