//! Buys for a fixed amount of money at fixed intervals, until a budget is spent.
//!
//! It shows a *clocked* strategy: its manifest asks for a tick, and it decides by the engine's time instead of by candles
//! (it subscribes to them only so that there is a price). When to buy next and what was spent are kept in the engine's
//! store, so that a restart neither buys twice nor forgets.

use calypte_strategy::prelude::*;
use calypte_strategy::{HOUR_MS, info, warn};

/// Where the time of the next purchase is kept.
const NEXT: &str = "next-purchase";
/// Where the sum spent so far is kept.
const SPENT: &str = "spent";

/// The strategy between two ticks.
pub struct Dca {
    instrument: InstrumentInfo,
    amount: Decimal,
    budget: Decimal,
    interval_ms: i64,
}

impl Strategy for Dca {
    fn describe() -> Manifest {
        Manifest::new("dca", env!("CARGO_PKG_VERSION"))
            .description("Buys for the same amount of money again and again, whatever the price.")
            .parameter(Parameter::number("amount", 100).min(0).step(50).doc("Spent at each purchase, in the quote asset."))
            .parameter(Parameter::number("budget", 10_000).min(0).doc("Spent in all, in the quote asset."))
            .parameter(Parameter::integer("hours", 24).range(1, 8_760).step(24).doc("Hours between two purchases."))
            .candles()
            .tick_every_ms(HOUR_MS)
    }

    fn init(context: &mut Context) -> Result<Self, Refusal> {
        let series = context.primary()?;
        context.subscribe(series, 0);
        let instrument = context.instrument(series.instrument)?.clone();
        let (amount, hours): (Decimal, i64) = (context.param("amount")?, context.param("hours")?);
        if amount < instrument.min_notional || !amount.is_positive() {
            return Err(format!("an amount of {amount} is below the smallest order of {}", instrument.min_notional).into());
        }
        Ok(Self { instrument, amount, budget: context.param("budget")?, interval_ms: hours * HOUR_MS.cast_signed() })
    }

    fn on_timer(&mut self, event: &TimerEvent, intents: &mut Intents) {
        let due = state::get_integer(NEXT).is_none_or(|next| event.time >= next);
        let Some(price) = market::last_price(self.instrument.id).filter(|_| due) else { return };
        if spent() + self.amount > self.budget {
            return;
        }
        // Down to the lot: rather a little less than the amount than more.
        let Some(size) = self.amount.checked_div(price, self.instrument.size_decimals, Rounding::Down) else { return };
        if size.is_zero() {
            warn!("{} buys less than one lot of {} at {price}", self.amount, self.instrument.symbol);
            return;
        }
        // The write counts only together with the event: if this tick fails, so does the note that it was done.
        if state::set_integer(NEXT, event.time + self.interval_ms).is_ok() {
            intents.buy_market(self.instrument.id, size);
        }
    }

    fn on_order(&mut self, event: &OrderEvent, _intents: &mut Intents) {
        if let Some(refusal) = event.refusal() {
            warn!("purchase refused ({}): {}", refusal.code, refusal.message);
        }
        let Some(fill) = event.fill() else { return };
        // A price times a size may have more digits than a decimal holds; a cent is exact enough for a budget.
        let paid = fill.price.checked_mul(fill.size).unwrap_or(self.amount).round(2, Rounding::Up);
        let total = spent() + paid;
        if state::set_decimal(SPENT, total).is_err() {
            warn!("the sum spent so far, {total}, could not be kept");
        }
        info!("bought {} at {}", fill.size, fill.price);
        status::text(&format!("{total} of {} spent", self.budget));
    }
}

/// The sum spent so far.
fn spent() -> Decimal {
    state::get_decimal(SPENT).unwrap_or_default()
}

calypte_strategy::export!(Dca);

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_strategy::InstrumentInfo;
    use calypte_strategy::testing::{Bench, Session, closes};

    fn dca() -> Bench<Dca> {
        Bench::new().param("amount", 100).param("hours", 2).instrument(InstrumentInfo::hyperliquid(0, "BTC", 5))
    }

    /// Hours of minute candles at one price.
    fn hours(hours: usize, price: f64) -> Session<Dca> {
        dca().candles(closes(vec![price; hours * 60 + 1])).run()
    }

    #[test]
    fn buys_for_the_amount_at_each_interval() {
        let bench = hours(5, 64_000.0);
        // There is no price at the first tick; then at hours 1, 3 and 5.
        assert_eq!(bench.fills().len(), 3);
        assert_eq!(bench.fills()[0].size, dec!(0.00156), "100 / 64000, rounded down to the lot");
    }

    #[test]
    fn stops_at_the_budget() {
        let bench = dca().param("hours", 1).param("budget", 250).candles(closes(vec![100.0; 600])).run();
        assert_eq!(bench.fills().len(), 2);
        assert_eq!(bench.status(), "200 of 250 spent");
    }

    #[test]
    fn a_restart_does_not_buy_twice() {
        let next = bench_start_plus_hours(4);
        let bench = dca().state(NEXT, &next.to_le_bytes()).candles(closes(vec![100.0; 200])).run();
        assert_eq!(bench.intents(), []);
    }

    /// Benches begin at 2024-01-01T00:00:00Z.
    fn bench_start_plus_hours(hours: i64) -> i64 {
        1_704_067_200_000 + hours * HOUR_MS.cast_signed()
    }

    #[test]
    fn an_amount_below_the_smallest_order_is_refused() {
        let refusal = dca().param("amount", 5).start().err().expect("a refusal");
        assert_eq!(refusal.0, "an amount of 5 is below the smallest order of 10");
    }
}
