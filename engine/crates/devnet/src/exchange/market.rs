//! One coin's market: its book, its prices, what was traded.

use super::account::keep;
use super::candles::{Bar, Candles};
use super::settings::{Coin, Prices, Settings, SettingsError};
use super::{Interval, PricePoint};
use calypte_kernel::{Decimal, MarginTable, Rounding, Rules, Side};
use calypte_sim::OrderBook;
use calypte_venues::hyperliquid::protocol::{Address, FundingRate, Level, Trade};
use rust_decimal::RoundingStrategy;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Most trades that are kept of a coin.
pub const TRADES_KEPT_MAX: usize = 100;
/// Most hourly funding rates that are kept of a coin.
pub const FUNDING_KEPT_MAX: usize = 10_000;
/// Digits that averages keep behind those of a price.
const AVERAGE_DECIMALS: u32 = 8;
const HOUR_MS: u64 = 3_600_000;

/// One coin's market.
#[derive(Debug)]
pub(super) struct Market {
    pub(super) coin: Coin,
    pub(super) rules: Rules,
    pub(super) table: MarginTable,
    pub(super) book: OrderBook<Address>,
    /// Price of the outside world.
    pub(super) oracle: Decimal,
    /// The price that margin, triggers and liquidations go by.
    pub(super) mark: Decimal,
    /// Average distance of the mid price from the oracle, of 150 seconds.
    basis: Average,
    /// Average of the market's own price, of 30 seconds.
    own: Average,
    /// Price of the last trade.
    pub(super) last: Option<Decimal>,
    /// How far the market maker's price is from the oracle, in millionths: it walks too.
    pub(super) lean_ppm: i64,
    /// The market maker's orders.
    pub(super) quotes: Vec<u64>,
    /// Orders that wait for the mark price.
    pub(super) triggers: BTreeSet<u64>,
    /// Newest last.
    pub(super) tape: VecDeque<Trade>,
    pub(super) candles: Candles,
    /// Lengths of candles that somebody watches, and how many do.
    pub(super) watched: BTreeMap<Interval, u32>,
    /// The best prices that were told last.
    pub(super) told: Option<(Option<Level>, Option<Level>)>,
    /// By hour since 1970: notional and size traded.
    hours: VecDeque<(u64, Decimal, Decimal)>,
    /// Sum of all long positions.
    pub(super) open_interest: Decimal,
    /// Sum and number of the hour's premiums over the oracle.
    pub(super) premiums: (Decimal, u32),
    /// Oldest first.
    pub(super) funding: VecDeque<FundingRate>,
    /// Recorded prices of the oracle, and how many of them have passed; none: it walks.
    recorded: Vec<PricePoint>,
    passed: usize,
}

/// A moving average that forgets by time.
#[derive(Debug, Clone, Copy, Default)]
struct Average(Option<Decimal>);

impl Average {
    /// Takes up a value that held for a time, of an average of another time.
    fn take(&mut self, value: Decimal, held_ms: u64, of_ms: u64) -> Decimal {
        let before = self.0.unwrap_or(value);
        let weight = Decimal::from(held_ms) / Decimal::from(held_ms.saturating_add(of_ms).max(1));
        let moved = value.checked_sub(before).and_then(|way| way.checked_mul(weight)).and_then(|step| before.checked_add(step));
        let next = moved.unwrap_or(value).round_dp(AVERAGE_DECIMALS);
        self.0 = Some(next);
        next
    }
}

impl Market {
    pub(super) fn new(settings: &Settings, place: usize) -> Result<Self, SettingsError> {
        let coin = settings.universe[place].clone();
        let (rules, table) = (Rules::hyperliquid(coin.sz_decimals, coin.max_leverage()), coin.table()?);
        let recorded = match &settings.prices {
            Prices::Walk => Vec::new(),
            Prices::Recorded(series) => series.get(place).cloned().unwrap_or_default(),
        };
        let passed = recorded.partition_point(|point| point.time <= settings.start);
        let known = recorded.get(passed.saturating_sub(1)).map_or(coin.start_price, |point| point.price);
        let wrong =
            SettingsError::Coin { coin: coin.name.clone(), what: "its price at the start is smaller than any it can have" };
        let oracle = rules.round_price(known, Rounding::Nearest).ok_or(wrong)?;
        Ok(Self {
            coin,
            rules,
            table,
            book: OrderBook::new(),
            oracle,
            mark: oracle,
            basis: Average::default(),
            own: Average::default(),
            last: None,
            lean_ppm: 0,
            quotes: Vec::new(),
            triggers: BTreeSet::new(),
            tape: VecDeque::new(),
            candles: Candles::new(),
            watched: BTreeMap::new(),
            told: None,
            hours: VecDeque::new(),
            open_interest: Decimal::ZERO,
            premiums: (Decimal::ZERO, 0),
            funding: VecDeque::new(),
            recorded,
            passed,
        })
    }

    /// The recorded price that has come to hold by a time; none where nothing did, or nothing is recorded.
    pub(super) fn next_recorded(&mut self, now: u64) -> Option<Decimal> {
        let before = self.passed;
        while self.recorded.get(self.passed).is_some_and(|point| point.time.get() <= now) {
            self.passed += 1;
        }
        if self.passed == before {
            return None;
        }
        self.rules.round_price(self.recorded[self.passed - 1].price, Rounding::Nearest)
    }

    /// Whether its oracle walks by chance.
    pub(super) fn walks(&self) -> bool {
        self.recorded.is_empty()
    }

    /// The recorded prices before the start.
    pub(super) fn recorded_before(&self) -> &[PricePoint] {
        &self.recorded[..self.passed]
    }

    /// The middle of the best prices; none where a side is empty. It can have a digit more than a price.
    pub(super) fn mid(&self) -> Option<Decimal> {
        let (bid, ask) = (self.book.best(Side::Buy)?, self.book.best(Side::Sell)?);
        bid.get().checked_add(ask.get()).map(|sum| sum / Decimal::TWO)
    }

    /// Takes up a trade.
    pub(super) fn traded(&mut self, time: u64, trade: Trade) {
        let (price, size) = (trade.px.get(), trade.sz.get());
        self.last = Some(price);
        self.candles.take(&Bar::of(time, price, size));
        let hour = time / HOUR_MS;
        if self.hours.back().is_none_or(|last| last.0 != hour) {
            keep(&mut self.hours, (hour, Decimal::ZERO, Decimal::ZERO), 24);
        }
        if let Some((_, notional, base)) = self.hours.back_mut() {
            *notional = notional.saturating_add(price.saturating_mul(size));
            *base = base.saturating_add(size);
        }
        keep(&mut self.tape, trade, TRADES_KEPT_MAX);
    }

    /// Notional and size traded in the last 24 hours, by whole hours.
    pub(super) fn day(&self, now: u64) -> (Decimal, Decimal) {
        let recent = self.hours.iter().filter(|(hour, ..)| hour + 24 > now / HOUR_MS);
        recent.fold((Decimal::ZERO, Decimal::ZERO), |(notional, base), (_, more, size)| {
            (notional.saturating_add(*more), base.saturating_add(*size))
        })
    }

    /// The price a day ago; the oldest known where there was none.
    pub(super) fn day_before(&self, now: u64) -> Decimal {
        let hours = self.candles.of(Interval::Fixed(HOUR_MS));
        let mut newer = hours.skip_while(|bar| bar.open_time.saturating_add(24 * HOUR_MS) < now);
        newer.next().map_or(self.oracle, |bar| bar.open)
    }

    /// Sets the mark: the median of the oracle with the average basis, of the market's own price, and of that price's average, which
    /// stands in for outside perpetuals.
    /// <https://hyperliquid.gitbook.io/hyperliquid-docs/hypercore/robust-price-indices>
    pub(super) fn set_mark(&mut self, held_ms: u64) {
        let basis = match self.mid() {
            Some(mid) => self.basis.take(mid - self.oracle, held_ms, 150_000),
            None => self.basis.0.unwrap_or_default(),
        };
        let outside = self.oracle.saturating_add(basis);
        let mark = match (self.book.best(Side::Buy), self.book.best(Side::Sell)) {
            (Some(bid), Some(ask)) => {
                let own = median(bid.get(), ask.get(), self.last.unwrap_or(outside));
                median(outside, own, self.own.take(own, held_ms, 30_000))
            }
            _ => outside,
        };
        let decimals = u32::from(self.rules.price_decimals);
        let rounded = mark.round_dp_with_strategy(decimals, RoundingStrategy::MidpointNearestEven);
        self.mark = rounded.max(Decimal::new(1, decimals)).normalize();
    }

    /// Average premium of the hour so far.
    pub(super) fn average_premium(&self) -> Decimal {
        match self.premiums {
            (_, 0) => self.premium(),
            (sum, count) => sum / Decimal::from(count),
        }
    }

    /// The mark over the oracle, as a part of it.
    pub(super) fn premium(&self) -> Decimal {
        (self.mark - self.oracle).checked_div(self.oracle).unwrap_or_default().round_dp(10)
    }

    /// The hourly funding rate that would be paid now: an eighth of the average premium and of the interest, which pulls it to 0.01 %
    /// where the premium is small; at most 4 %.
    /// <https://hyperliquid.gitbook.io/hyperliquid-docs/trading/funding>
    pub(super) fn funding_rate(&self) -> Decimal {
        let (interest, most_pull, cap) = (Decimal::new(1, 4), Decimal::new(5, 4), Decimal::new(4, 2));
        let premium = self.average_premium();
        let pull = interest.saturating_sub(premium).clamp(-most_pull, most_pull);
        let hourly = premium.saturating_add(pull) / Decimal::from(8);
        hourly.clamp(-cap, cap).round_dp(10)
    }
}

fn median(one: Decimal, two: Decimal, three: Decimal) -> Decimal {
    one.max(two).min(one.min(two).max(three))
}

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_venues::hyperliquid::protocol::Millis;

    fn market() -> Market {
        let settings = Settings::new(1, Millis::new(1_700_000_000_000).expect("a time"));
        Market::new(&settings, 0).expect("a market")
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let number = |value: i64| Decimal::from(value);
        for (one, two, three) in [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1), (2, 2, 9), (2, 2, 1)] {
            assert_eq!(median(number(one), number(two), number(three)), number(2));
        }
    }

    #[test]
    fn without_a_book_the_mark_is_the_oracle() {
        let mut market = market();
        market.oracle = Decimal::from(98_000);
        market.set_mark(1_000);
        assert_eq!((market.mark, market.premium()), (Decimal::from(98_000), Decimal::ZERO));
        // One hundredth of a percent in eight hours.
        assert_eq!(market.funding_rate(), Decimal::new(125, 7));
    }

    #[test]
    fn funding_follows_the_premium_and_is_capped() {
        let mut market = market();
        let rate_of = |market: &mut Market, premium: Decimal| {
            market.premiums = (premium, 1);
            market.funding_rate()
        };
        assert_eq!(rate_of(&mut market, Decimal::new(3, 3)), Decimal::new(3_125, 7), "0.3 % less 0.05 %, an eighth of it");
        assert_eq!(rate_of(&mut market, Decimal::new(-3, 3)), Decimal::new(-3_125, 7));
        assert_eq!(rate_of(&mut market, Decimal::ONE), Decimal::new(4, 2));
        assert_eq!(rate_of(&mut market, Decimal::new(2, 4)), Decimal::new(125, 7), "pulled to the interest");
    }
}
