//! What everybody may see of the market. Nothing here changes anything; a coin that does not exist is none.

mod account;

use super::candles::CANDLES_MAX;
use super::market::Market;
use super::place::MARKET_ORDER_MAX;
use super::{BookPrecision, Exchange, Interval};
use calypte_kernel::{Decimal, Side};
use calypte_sim::BookLevel;
use calypte_venues::hyperliquid::protocol::{
    AllMids, AssetContext, AssetMeta, Bbo, Book, Candle, FundingRate, Level, List, MarginTableMeta, MarginTierMeta, Meta,
    Millis, Number, Trade,
};
use rust_decimal::RoundingStrategy;

/// Most levels of each side of a book that is shown.
const LEVELS_SHOWN: usize = 20;
/// Most rows of an answer about a stretch of time.
const ROWS_MAX: usize = 500;
/// Margin tables are numbered from here; smaller numbers are tables of one tier with that leverage.
const TABLES_FROM: u32 = 50;
/// What is bought and sold to see what the market charges for it.
const IMPACT_NOTIONAL: Decimal = Decimal::from_parts(20_000, 0, 0, false, 0);

impl Exchange {
    /// The perpetuals, with their margin tables.
    pub fn meta(&self) -> Meta {
        let (mut universe, mut tables) = (Vec::new(), Vec::<(u32, MarginTableMeta)>::new());
        for coin in &self.settings.universe {
            let tiers: Vec<MarginTierMeta> = coin
                .tiers
                .iter()
                .map(|tier| MarginTierMeta { lower_bound: tier.notional_from.into(), max_leverage: tier.max_leverage })
                .collect();
            let most = coin.max_leverage();
            let table = if tiers.len() == 1 && most < TABLES_FROM {
                most
            } else if let Some((number, _)) = tables.iter().find(|(_, table)| *table.margin_tiers == *tiers) {
                *number
            } else {
                let number = TABLES_FROM.saturating_add(u32::try_from(tables.len()).unwrap_or(u32::MAX));
                let description = format!("{}{most}x", if tiers.len() > 1 { "tiered " } else { "" });
                tables.push((number, MarginTableMeta { description, margin_tiers: tiers.into() }));
                number
            };
            universe.push(AssetMeta {
                name: coin.name.clone(),
                sz_decimals: coin.sz_decimals,
                max_leverage: most,
                margin_table_id: Some(table),
                is_delisted: None,
                only_isolated: coin.only_isolated.then_some(true),
                margin_mode: coin.only_isolated.then(|| "noCross".to_owned()),
            });
        }
        Meta { universe: universe.into(), margin_tables: tables.into(), collateral_token: Some(0) }
    }

    /// What surrounds each perpetual, by place.
    pub fn contexts(&self) -> Vec<AssetContext> {
        self.markets.iter().map(|market| self.context_of(market)).collect()
    }

    /// What surrounds one.
    pub fn context(&self, coin: &str) -> Option<AssetContext> {
        self.market(coin).map(|market| self.context_of(market))
    }

    fn context_of(&self, market: &Market) -> AssetContext {
        let (notional, base) = market.day(self.now);
        let shown = |number: Decimal| Some(Number::new(number.normalize()));
        let impact = |side| impact_price(market, side);
        AssetContext {
            funding: shown(market.funding_rate()),
            open_interest: shown(market.open_interest),
            prev_day_px: shown(market.day_before(self.now)),
            day_ntl_vlm: shown(notional),
            day_base_vlm: shown(base),
            premium: shown(market.premium()),
            oracle_px: shown(market.oracle),
            mark_px: shown(market.mark),
            mid_px: market.mid().and_then(shown),
            impact_pxs: impact(Side::Buy).zip(impact(Side::Sell)),
        }
    }

    /// Mid prices; where a side is empty, the last trade's price, and the mark where there was none.
    pub fn mids(&self) -> AllMids {
        let mid = |market: &Market| market.mid().or(market.last).unwrap_or(market.mark).normalize();
        AllMids { mids: self.markets.iter().map(|market| (market.coin.name.clone(), mid(market).into())).collect() }
    }

    /// The book, 20 levels at most on each side. None also where the precision is not one that the exchange has.
    pub fn book(&self, coin: &str, precision: BookPrecision) -> Option<Book> {
        let market = self.market(coin)?;
        if !precision.is_one() {
            return None;
        }
        let levels = |side: Side| List::from(grouped(market, side, precision));
        Some(Book { coin: coin.to_owned(), time: self.now(), levels: (levels(Side::Buy), levels(Side::Sell)) })
    }

    /// The best prices.
    pub fn bbo(&self, coin: &str) -> Option<Bbo> {
        let market = self.market(coin)?;
        let best = |side| market.book.levels(side, 1).first().map(level);
        Some(Bbo { coin: coin.to_owned(), time: self.now(), bbo: (best(Side::Buy), best(Side::Sell)) })
    }

    /// Candles whose time reaches into a stretch, oldest first, the newest 5000 of them; the last may still be running.
    pub fn candles(&self, coin: &str, interval: Interval, from: Millis, to: Option<Millis>) -> Option<Vec<Candle>> {
        let market = self.market(coin)?;
        let to = to.map_or(u64::MAX, Millis::get);
        let first = interval.open_of(from.get());
        let within = market.candles.of(interval).filter(|bar| bar.open_time >= first && bar.open_time <= to);
        let bars: Vec<_> = within.collect();
        let newest = &bars[bars.len().saturating_sub(CANDLES_MAX)..];
        Some(newest.iter().map(|bar| bar.shown(coin, interval)).collect())
    }

    /// The running candle, or the last one.
    pub fn last_candle(&self, coin: &str, interval: Interval) -> Option<Candle> {
        self.market(coin)?.candles.last(interval).map(|bar| bar.shown(coin, interval))
    }

    /// The last trades, newest first.
    pub fn recent_trades(&self, coin: &str) -> Option<Vec<Trade>> {
        self.market(coin).map(|market| market.tape.iter().rev().cloned().collect())
    }

    /// Funding rates of a time, oldest first, 500 at most.
    pub fn funding_history(&self, coin: &str, from: Millis, to: Option<Millis>) -> Option<Vec<FundingRate>> {
        let rates = self.market(coin)?.funding.iter().filter(|rate| is_within(rate.time, from, to));
        Some(rates.take(ROWS_MAX).cloned().collect())
    }

    /// Largest notional of an order for the market, by the largest leverage of the coin from which it holds.
    pub fn max_market_order_ntls(&self) -> Vec<(u32, Number)> {
        MARKET_ORDER_MAX.map(|(leverage, most)| (leverage, Number::new(most.into()))).to_vec()
    }

    /// The number of a coin in actions.
    pub fn asset_of(&self, coin: &str) -> Option<u32> {
        let place = self.markets.iter().position(|market| market.coin.name == coin)?;
        u32::try_from(place).ok()
    }

    fn market(&self, coin: &str) -> Option<&Market> {
        self.markets.iter().find(|market| market.coin.name == coin)
    }
}

impl BookPrecision {
    /// Whether it is one that the exchange has: 2 to 5 figures, and steps of 1, 2 or 5 of the last of five.
    pub fn is_one(self) -> bool {
        match (self.n_sig_figs, self.mantissa) {
            (None | Some(2..=5), None) => true,
            (Some(5), Some(step)) => matches!(step, 1 | 2 | 5),
            _ => false,
        }
    }
}

fn is_within(time: Millis, from: Millis, to: Option<Millis>) -> bool {
    time >= from && to.is_none_or(|to| time <= to)
}

fn level(level: &BookLevel) -> Level {
    Level { px: level.price.get().normalize().into(), sz: level.size.normalize().into(), n: level.orders }
}

/// The levels of a side, their prices rounded away from the middle as it was asked for.
fn grouped(market: &Market, side: Side, precision: BookPrecision) -> Vec<Level> {
    let Some(figures) = precision.n_sig_figs else {
        return market.book.levels(side, LEVELS_SHOWN).iter().map(level).collect();
    };
    let mut shown = Vec::<Level>::new();
    for found in market.book.levels(side, usize::MAX) {
        let price = rounded(found.price.get(), figures, precision.mantissa.unwrap_or(1), side);
        if let Some(last) = shown.last_mut().filter(|last| last.px.get() == price) {
            *last = Level { px: last.px, sz: last.sz.get().saturating_add(found.size).into(), n: last.n + found.orders };
            continue;
        }
        if shown.len() == LEVELS_SHOWN {
            break;
        }
        shown.push(Level { px: price.into(), sz: found.size.normalize().into(), n: found.orders });
    }
    shown
}

/// A price to so many significant figures, in steps of the last; bids down, asks up.
fn rounded(price: Decimal, figures: u32, step: u32, side: Side) -> Decimal {
    let strategy = if side == Side::Buy { RoundingStrategy::ToNegativeInfinity } else { RoundingStrategy::ToPositiveInfinity };
    // The size of the last figure that is kept: 10 to the power of the digits before the point less the figures.
    let (mut unit, mut most) = (Decimal::ONE, Decimal::from(10_u64.pow(figures)));
    while price >= most && unit < super::PRICE_MAX {
        (unit, most) = (unit * Decimal::TEN, most * Decimal::TEN);
    }
    while price < most / Decimal::TEN && unit > Decimal::new(1, 12) {
        (unit, most) = (unit / Decimal::TEN, most / Decimal::TEN);
    }
    let unit = unit * Decimal::from(step);
    (price / unit).round_dp_with_strategy(0, strategy).saturating_mul(unit).normalize()
}

/// The average price of selling to a side, or buying from it, for a fixed notional. None where there is not so much.
fn impact_price(market: &Market, side: Side) -> Option<Number> {
    let (mut paid, mut size) = (Decimal::ZERO, Decimal::ZERO);
    for order in market.book.orders(side) {
        let worth = order.price.get().saturating_mul(order.size.get());
        let left = IMPACT_NOTIONAL - paid;
        if worth >= left {
            size = size.saturating_add(left.checked_div(order.price.get())?);
            let average = IMPACT_NOTIONAL.checked_div(size)?;
            return Some(average.round_dp(market.rules.price_decimals.into()).normalize().into());
        }
        paid = paid.saturating_add(worth);
        size = size.saturating_add(order.size.get());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_rounded_away_from_the_middle() {
        let number = |text: &str| text.parse::<Decimal>().expect(text);
        let cases = [
            ("97123.4", 5, 1, Side::Buy, "97123"),
            ("97123.4", 5, 1, Side::Sell, "97124"),
            ("97123.4", 5, 5, Side::Buy, "97120"),
            ("97123.4", 2, 1, Side::Sell, "98000"),
            ("0.0012345", 3, 1, Side::Buy, "0.00123"),
            ("9.99", 2, 1, Side::Sell, "10"),
            ("100", 2, 1, Side::Buy, "100"),
        ];
        for (price, figures, step, side, expected) in cases {
            assert_eq!(rounded(number(price), figures, step, side), number(expected), "{price} to {figures}");
        }
    }

    #[test]
    fn a_precision_is_one_that_the_exchange_has() {
        let precision = |n_sig_figs, mantissa| BookPrecision { n_sig_figs, mantissa };
        assert!(precision(None, None).is_one() && precision(Some(2), None).is_one() && precision(Some(5), Some(2)).is_one());
        for wrong in [
            precision(Some(1), None),
            precision(Some(6), None),
            precision(Some(4), Some(2)),
            precision(None, Some(2)),
            precision(Some(5), Some(3)),
        ] {
            assert!(!wrong.is_one(), "{wrong:?}");
        }
    }
}
