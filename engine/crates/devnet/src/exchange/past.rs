//! The time before the start: candles and funding rates that nobody traded, so that there is something to warm up with.

use super::account::keep;
use super::candles::Bar;
use super::market::FUNDING_KEPT_MAX;
use super::{Exchange, HOUR_MS, millis};
use calypte_kernel::{Decimal, Rounding};
use calypte_venues::hyperliquid::protocol::FundingRate;

const MINUTE_MS: u64 = 60_000;
/// Hourly rate without a premium: an eighth of 0.01 %.
const INTEREST: Decimal = Decimal::from_parts(125, 0, 0, false, 7);

impl Exchange {
    /// Makes the past of each coin: of its recorded prices where there are any, and otherwise a walk that ends at its present price.
    pub(super) fn make_past(&mut self) {
        let start = self.now / MINUTE_MS * MINUTE_MS;
        let minutes = u64::from(self.settings.history_minutes).min(start / MINUTE_MS);
        for coin in 0..self.markets.len() {
            let bars = if self.markets[coin].walks() {
                self.walked_past(coin, start, minutes)
            } else {
                self.recorded_past(coin, start)
            };
            let market = &mut self.markets[coin];
            for bar in &bars {
                market.candles.take(bar);
            }
            let Some(first) = bars.first() else { continue };
            let mut hour = (first.open_time / HOUR_MS + 1) * HOUR_MS;
            while hour < start {
                let rate = FundingRate {
                    coin: market.coin.name.clone(),
                    funding_rate: INTEREST.into(),
                    premium: Some(Decimal::ZERO.into()),
                    time: millis(hour),
                };
                keep(&mut market.funding, rate, FUNDING_KEPT_MAX);
                hour += HOUR_MS;
            }
        }
    }

    /// Minutes that end at the present price, drawn from the last to the first.
    fn walked_past(&mut self, coin: usize, start: u64, minutes: u64) -> Vec<Bar> {
        let market = &self.markets[coin];
        let (volatility, rules) = (i64::from(market.coin.volatility_ppm), market.rules);
        let notional = self.settings.liquidity.trade_notional.max(Decimal::ONE_HUNDRED);
        let (low_end, high_end) = (market.oracle / Decimal::from(4), market.oracle.saturating_mul(Decimal::from(4)));
        let (mut close, mut bars) = (market.oracle, Vec::new());
        let random = &mut self.random;
        let moved = |price: Decimal, ppm: i64| {
            let next = price.saturating_mul(Decimal::new(1_000_000 + ppm, 6)).clamp(low_end, high_end);
            rules.round_price(next, Rounding::Nearest).unwrap_or(price)
        };
        for minute in 1..=minutes {
            let open = moved(close, random.bell() / 1_000 * volatility / 1_000);
            let wick = |random: &mut super::random::Random| (random.bell() / 1_000 * volatility / 2_000).abs();
            let high = moved(open.max(close), wick(random)).max(open).max(close);
            let low = moved(open.min(close), -wick(random)).min(open).min(close);
            let trades = 1 + random.below(40);
            let size = notional.saturating_mul(trades.into()).checked_div(close).unwrap_or_default();
            let volume = rules.round_size(size, Rounding::Up);
            bars.push(Bar { open_time: start - minute * MINUTE_MS, open, high, low, close, volume, trades });
            close = open;
        }
        bars.reverse();
        bars
    }

    /// Recorded prices, each taken for a trade of the smallest size.
    fn recorded_past(&self, coin: usize, start: u64) -> Vec<Bar> {
        let market = &self.markets[coin];
        let lot = Decimal::new(1, market.rules.size_decimals.into());
        let points = market.recorded_before().iter().filter(|point| point.time.get() < start);
        let price = |price| market.rules.round_price(price, Rounding::Nearest);
        points.filter_map(|point| Some(Bar::of(point.time.get(), price(point.price)?, lot))).collect()
    }
}
