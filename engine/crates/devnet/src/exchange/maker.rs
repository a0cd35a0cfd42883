//! The exchange without us: prices that move, a market maker that quotes around them, others who trade.

use super::settings::is_price;
use super::{CROWD, Event, Exchange, MAKER, ORACLE_MS, PriceError, TICK_MS};
use calypte_kernel::{Decimal, Price, Rounding, Side, Size, TimeInForce};
use calypte_sim::Incoming;

/// How far the market maker's price may be from the oracle's, in millionths.
const LEAN_PPM_MAX: i64 = 400;
/// How much worse than the best price somebody else's trade may be, in millionths.
const CROWD_REACH_PPM: i64 = 1_000;
/// A price stays within this many times its start, and this part of it.
const WALK_MAX: i64 = 20;

impl Exchange {
    /// Moves the oracles. Gives the coins whose price is another now.
    pub(super) fn move_oracles(&mut self) {
        let is_due = self.now.is_multiple_of(ORACLE_MS);
        for coin in 0..self.markets.len() {
            let market = &mut self.markets[coin];
            let next = if market.walks() {
                // As many steps as the oracle makes in a minute vary as the root of their number.
                let steps = (60_000 / ORACLE_MS).isqrt().max(1);
                is_due.then(|| walked(self.random.bell(), market.oracle, &market.coin, steps.cast_signed()))
            } else {
                market.next_recorded(self.now)
            };
            let market = &mut self.markets[coin];
            let next = next.and_then(|price| market.rules.round_price(price, Rounding::Nearest));
            let moved = next.is_some_and(|price| price != market.oracle);
            if let Some(price) = next {
                market.oracle = price;
            }
            if moved || is_due {
                self.quote(coin);
            }
        }
    }

    /// Moves a coin's oracle to a price, from where it goes on. The market maker follows at once, the mark with the next tick.
    ///
    /// # Errors
    /// Where there is no such coin, or it cannot have that price.
    pub fn set_price(&mut self, coin: &str, price: Decimal) -> Result<(), PriceError> {
        let place = self.markets.iter().position(|market| market.coin.name == coin).ok_or(PriceError::Coin)?;
        let rounded = self.markets[place].rules.round_price(price, Rounding::Nearest);
        let rounded = rounded.filter(|rounded| is_price(*rounded) && is_price(price)).ok_or(PriceError::Price)?;
        self.blocks += 1;
        self.markets[place].oracle = rounded;
        self.quote(place);
        self.end_block();
        Ok(())
    }

    /// Quotes anew. What now stands in the way is traded with.
    fn quote(&mut self, coin: usize) {
        let liquidity = self.settings.liquidity;
        if liquidity.levels == 0 {
            return;
        }
        let lean = self.random.bell() / 100_000;
        let market = &mut self.markets[coin];
        market.lean_ppm = (market.lean_ppm * 99 / 100 + lean).clamp(-LEAN_PPM_MAX, LEAN_PPM_MAX);
        let fair = part(market.oracle, 1_000_000 + market.lean_ppm);
        for oid in std::mem::take(&mut market.quotes) {
            market.book.cancel(oid);
        }
        for level in 0..i64::from(liquidity.levels) {
            let away = i64::from(liquidity.half_spread_ppm) + level * i64::from(liquidity.step_ppm);
            for (side, sign, rounding) in [(Side::Buy, -1, Rounding::Down), (Side::Sell, 1, Rounding::Up)] {
                let notional =
                    part(liquidity.level_notional, 1_000_000 + level * 250_000 + self.random.below(200_000).cast_signed());
                let at = part(fair, 1_000_000 + sign * away);
                self.quote_level(coin, side, at, rounding, notional);
            }
        }
    }

    fn quote_level(&mut self, coin: usize, side: Side, at: Decimal, rounding: Rounding, notional: Decimal) {
        let rules = &self.markets[coin].rules;
        let Some(price) = rules.round_price(at, rounding).and_then(|price| Price::new(price).ok()) else { return };
        let size = notional.checked_div(price.get()).map(|size| rules.round_size(size, Rounding::Down));
        let Some(size) = size.and_then(|size| Size::new(size).ok()) else { return };
        let id = self.orders.next_oid();
        let order = Incoming { id, owner: MAKER, side, price, size, time_in_force: TimeInForce::Gtc };
        self.sweep(coin, order, None);
        self.markets[coin].quotes.push(id);
    }

    /// Lets others trade, now and then.
    pub(super) fn let_others_trade(&mut self) {
        let liquidity = self.settings.liquidity;
        for coin in 0..self.markets.len() {
            if !self.random.happens(liquidity.trades_permille) {
                continue;
            }
            let side = if self.random.happens(500) { Side::Buy } else { Side::Sell };
            let notional = part(liquidity.trade_notional, 200_000 + self.random.below(1_800_000).cast_signed());
            let market = &self.markets[coin];
            let Some(best) = market.book.best(side.opposite()) else { continue };
            let (reach, rounding) = match side {
                Side::Buy => (1_000_000 + CROWD_REACH_PPM, Rounding::Up),
                Side::Sell => (1_000_000 - CROWD_REACH_PPM, Rounding::Down),
            };
            let price = market.rules.round_price(part(best.get(), reach), rounding).and_then(|price| Price::new(price).ok());
            let size = market.rules.round_size(notional.checked_div(best.get()).unwrap_or_default(), Rounding::Up);
            let (Some(price), Ok(size)) = (price, Size::new(size)) else { continue };
            let id = self.orders.next_oid();
            let order = Incoming { id, owner: CROWD, side, price, size, time_in_force: TimeInForce::Ioc };
            self.sweep(coin, order, None);
        }
    }

    /// Sets the marks, and does what follows from them.
    pub(super) fn set_marks(&mut self) {
        for coin in 0..self.markets.len() {
            let before = self.markets[coin].mark;
            self.markets[coin].set_mark(TICK_MS);
            if self.markets[coin].mark != before || self.now.is_multiple_of(1_000) {
                self.fire_triggers(coin);
            }
            if self.now.is_multiple_of(1_000) {
                self.block.others.push(Event::Context { coin: self.markets[coin].coin.name.clone() });
            }
        }
    }
}

/// A part of an amount, in millionths.
fn part(amount: Decimal, ppm: i64) -> Decimal {
    amount.saturating_mul(Decimal::new(ppm, 6))
}

/// The next price of a walk: within bounds around the start, so that years of it stay a price.
fn walked(bell: i64, price: Decimal, coin: &super::Coin, steps: i64) -> Decimal {
    let ppm = bell.saturating_mul(i64::from(coin.volatility_ppm)) / 1_000_000 / steps;
    let next = part(price, 1_000_000 + ppm);
    let (low, high) = (coin.start_price / Decimal::from(WALK_MAX), coin.start_price.saturating_mul(WALK_MAX.into()));
    next.clamp(low, high.min(super::PRICE_MAX))
}
