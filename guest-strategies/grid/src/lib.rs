//! Rests a limit order in every cell of a price grid, and turns it round whenever it fills.
//!
//! ```text
//! line 4 ─────────────────────  cell 3: sells at line 4, then buys back at line 3
//! line 3 ─────────────────────  cell 2: sells at line 3, then buys back at line 2
//! line 2 ═══════ centre ══════
//! line 1 ─────────────────────  cell 1: buys at line 1, then sells at line 2
//! line 0 ─────────────────────  cell 0: buys at line 0, then sells at line 1
//! ```
//!
//! Each cell has one order at any time, so that the position is never larger than `levels × size`, whatever happens.
//!
//! It shows orders named by tags, reacting to fills, exact arithmetic for prices, and state that survives a restart: the
//! centre is kept in the engine's store, and orders that still rest are found again and left alone.

use calypte_strategy::prelude::*;
use calypte_strategy::{error, info};

/// Where the centre is kept.
const CENTRE: &str = "centre";

/// The strategy between two events.
pub struct Grid {
    instrument: InstrumentInfo,
    levels: u32,
    step: Decimal,
    size: Decimal,
    /// The middle line; none before the first candle.
    centre: Option<Decimal>,
}

impl Strategy for Grid {
    fn describe() -> Manifest {
        Manifest::new("grid", env!("CARGO_PKG_VERSION"))
            .description("Buys low and sells high within a fixed range, one resting order in each cell of a grid.")
            .parameter(Parameter::integer("levels", 5).range(1, 50).step(1).doc("Cells below the centre, and as many above."))
            .parameter(Parameter::number("step", 100).min(0).step(50).doc("Distance of two lines, in the quote asset."))
            .parameter(Parameter::number("size", dec!(0.01)).min(0).doc("Units bought or sold in each cell."))
            .candles()
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let series = context.primary()?;
        context.subscribe(series, 0);
        let instrument = context.instrument(series.instrument)?.clone();
        let size = instrument.round_size(context.param("size")?);
        let step: Decimal = context.param("step")?;
        if !size.is_positive() || !step.is_positive() {
            return Err(format!("size and step must be positive on the grids of {}", instrument.symbol).into());
        }
        Ok(Self { instrument, levels: context.param("levels")?, step, size, centre: None })
    }

    fn on_candle(&mut self, event: &CandleEvent, intents: &mut Intents) {
        // Everything after the first candle is a matter of fills.
        if self.centre.is_some() {
            return;
        }
        let price = event.candle.close;
        let centre = state::get_decimal(CENTRE).unwrap_or(price);
        if state::set_decimal(CENTRE, centre).is_err() {
            error!("the centre of {centre} could not be kept: a restart would choose another");
        }
        info!("grid around {centre}: {} lines of {}", 2 * self.levels + 1, self.step);
        self.centre = Some(centre);
        let resting = account::open_orders_on(self.instrument.id);
        for cell in 0..2 * self.levels {
            if !resting.iter().any(|order| order.tag == Some(tag(cell))) {
                let side = if self.line(centre, cell) < price { Side::Buy } else { Side::Sell };
                self.rest(cell, side, intents);
            }
        }
    }

    fn on_order(&mut self, event: &OrderEvent, intents: &mut Intents) {
        if let Some(refusal) = event.refusal() {
            intents.notify(Urgency::Warning, format!("a cell of the grid is empty: {}", refusal.message));
        }
        if let (OrderChange::Filled(_), Some(order)) = (&event.change, &event.order)
            && let Some(cell) = order.tag.and_then(|tag| u32::try_from(tag.checked_sub(1)?).ok())
        {
            self.rest(cell, order.side.opposite(), intents);
        }
    }

    fn on_stop(&mut self, _reason: StopReason, intents: &mut Intents) {
        intents.cancel_all();
    }
}

impl Grid {
    /// Price of a line: line 0 is the lowest.
    fn line(&self, centre: Decimal, line: u32) -> Decimal {
        let steps = Decimal::from(i64::from(line) - i64::from(self.levels));
        centre + self.step * steps
    }

    /// Rests the order of a cell: a buy at its lower line or a sell at its upper one.
    fn rest(&self, cell: u32, side: Side, intents: &mut Intents) {
        let Some(centre) = self.centre else { return };
        let (line, rounding) = match side {
            Side::Buy => (cell, Rounding::Down),
            Side::Sell => (cell + 1, Rounding::Up),
        };
        // Where a line lies below zero there is no price and the cell stays empty.
        let Some(price) = market::round_price(self.instrument.id, self.line(centre, line), rounding) else { return };
        match side {
            Side::Buy => intents.buy_limit(self.instrument.id, self.size, price),
            Side::Sell => intents.sell_limit(self.instrument.id, self.size, price),
        }
        .tag(tag(cell));
    }
}

/// Name of the order of a cell: tags begin at 1.
fn tag(cell: u32) -> OrderTag {
    u64::from(cell) + 1
}

calypte_strategy::export!(Grid);

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_strategy::testing::{Bench, Session, bars, closes};

    fn grid() -> Bench<Grid> {
        Bench::new().param("levels", 2).param("step", 10).param("size", 1)
    }

    /// Side and price of every open order, by tag.
    fn orders(bench: &Session<Grid>) -> Vec<(OrderTag, Side, Decimal)> {
        let terms = bench.open_orders().into_iter().filter_map(|order| match order.kind {
            calypte_strategy::OrderKind::Limit(terms) => Some((order.tag?, order.side, terms.price)),
            _ => None,
        });
        let mut terms: Vec<_> = terms.collect();
        terms.sort_by_key(|&(tag, ..)| tag);
        terms
    }

    #[test]
    fn one_order_rests_in_each_cell() {
        let bench = grid().candles(closes([100.0])).run();
        let expected =
            [(1, Side::Buy, dec!(80)), (2, Side::Buy, dec!(90)), (3, Side::Sell, dec!(110)), (4, Side::Sell, dec!(120))];
        assert_eq!(orders(&bench), expected);
    }

    #[test]
    fn a_fill_turns_its_cell_round() {
        let mut bench = grid().candles(closes([100.0])).run();
        bench.candles(bars([(100.0, 100.0, 89.0, 95.0)]));
        assert_eq!(bench.position().size, dec!(1));
        assert!(orders(&bench).contains(&(2, Side::Sell, dec!(100))));
        bench.candles(bars([(95.0, 101.0, 95.0, 99.0)]));
        assert!(bench.position().is_flat());
        assert!(orders(&bench).contains(&(2, Side::Buy, dec!(90))));
        assert_eq!(bench.cash(), dec!(1_000_010), "bought at 90, sold at 100");
    }

    #[test]
    fn the_position_is_bounded_in_a_crash() {
        let bench = grid().candles(closes([100.0, 50.0, 10.0, 5.0, 1.0])).run();
        assert_eq!(bench.position().size, dec!(2));
    }

    #[test]
    fn after_a_restart_the_centre_is_the_same() {
        let bench = grid().state(CENTRE, b"100").candles(closes([93.0])).run();
        assert_eq!(orders(&bench)[1], (2, Side::Buy, dec!(90)));
        assert_eq!(orders(&bench)[2], (3, Side::Sell, dec!(110)));
    }

    #[test]
    fn a_stop_cancels_what_rests() {
        let mut bench = grid().candles(closes([100.0])).run();
        let mut expected = Intents::new();
        expected.cancel_all();
        assert_eq!(bench.stop(StopReason::Operator), expected.as_slice());
    }

    #[test]
    fn a_size_below_the_lot_is_refused() {
        let refusal = grid().param("size", dec!(0.0000000000001)).start().err().expect("a refusal");
        assert_eq!(refusal.0, "size and step must be positive on the grids of BTC");
    }
}
