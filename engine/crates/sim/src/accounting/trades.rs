//! Round trips and what they add up to.

use crate::accounting::moments::count_of;
use crate::outcome::{Trade, TradeStatistics};
use calypte_kernel::{Decimal, InstrumentId, Price, Side, Size, StrategyId, Timestamp, VenueFill, derived, statistic};
use std::cmp::Ordering;

/// An `f64` tells prices apart but for its last digits; what is this near is compared exactly.
const NEARLY: f64 = 4.0 * f64::EPSILON;

/// A round trip under way.
#[derive(Debug)]
pub(super) struct OpenTrade {
    strategy: StrategyId,
    instrument: InstrumentId,
    side: Side,
    entry_time: Timestamp,
    entered: Decimal,
    entered_notional: Decimal,
    exited: Decimal,
    exited_notional: Decimal,
    fees: Decimal,
    /// Worst and best open result up to the latest fill, before fees. Exact.
    worst: Decimal,
    best: Decimal,
    /// Prices since then.
    prices: Prices,
}

/// The highest and the lowest price since a fill. Until the next one an open result is a straight line over prices, so that it
/// is worst at one of them and best at the other, and need not be worked out on the way.
#[derive(Debug)]
struct Prices {
    high: Price,
    low: Price,
    /// A price below the one and above the other is between the two.
    high_floor: f64,
    low_ceiling: f64,
}

impl Prices {
    fn from(price: Price) -> Self {
        let near = statistic(price.get());
        Self { high: price, low: price, high_floor: near * (1.0 - NEARLY), low_ceiling: near * (1.0 + NEARLY) }
    }

    #[inline]
    fn saw(&mut self, price: Price) {
        let near = statistic(price.get());
        if near >= self.high_floor && price > self.high {
            (self.high, self.high_floor) = (price, near * (1.0 - NEARLY));
        }
        if near <= self.low_ceiling && price < self.low {
            (self.low, self.low_ceiling) = (price, near * (1.0 + NEARLY));
        }
    }
}

impl OpenTrade {
    pub(super) fn new(strategy: StrategyId, fill: &VenueFill) -> Self {
        Self {
            strategy,
            instrument: fill.instrument,
            side: fill.side,
            entry_time: fill.time,
            entered: Decimal::ZERO,
            entered_notional: Decimal::ZERO,
            exited: Decimal::ZERO,
            exited_notional: Decimal::ZERO,
            fees: Decimal::ZERO,
            worst: Decimal::ZERO,
            best: Decimal::ZERO,
            prices: Prices::from(fill.price),
        }
    }

    pub(super) fn enter(&mut self, fill: &VenueFill, size: Size, fee: Decimal) {
        self.entered = self.entered.saturating_add(size.get());
        self.entered_notional = self.entered_notional.saturating_add(size.get().saturating_mul(fill.price.get()));
        self.fees = self.fees.saturating_add(fee);
    }

    pub(super) fn exit(&mut self, fill: &VenueFill, size: Size, fee: Decimal) {
        self.exited = self.exited.saturating_add(size.get());
        self.exited_notional = self.exited_notional.saturating_add(size.get().saturating_mul(fill.price.get()));
        self.fees = self.fees.saturating_add(fee);
    }

    /// Notes a price.
    #[inline]
    pub(super) fn saw(&mut self, price: Price) {
        self.prices.saw(price);
    }

    /// Works out what the prices so far made of a position that is about to change.
    pub(super) fn reckon(&mut self, size: Decimal, flow: Decimal) {
        for price in [self.prices.high, self.prices.low] {
            self.reached(flow.saturating_add(size.saturating_mul(price.get())));
        }
    }

    /// Counts prices anew, from that of a fill.
    pub(super) fn filled_at(&mut self, price: Price) {
        self.prices = Prices::from(price);
    }

    fn reached(&mut self, result: Decimal) {
        self.worst = self.worst.min(result);
        self.best = self.best.max(result);
    }

    /// Whether it was entered by then.
    #[inline]
    pub(super) fn entered_by(&self, time: Timestamp) -> bool {
        self.entry_time <= time
    }

    /// Ends it. `flow` is what it made before fees. None where it never entered, which does not happen.
    pub(super) fn close(mut self, exit_time: Timestamp, flow: Decimal) -> Option<Trade> {
        self.reached(flow);
        Some(Trade {
            strategy: self.strategy,
            instrument: self.instrument,
            side: self.side,
            size: Size::new(self.entered).ok()?,
            entry_time: self.entry_time,
            exit_time,
            entry_price: derived(self.entered_notional.checked_div(self.entered)?),
            exit_price: derived(self.exited_notional.checked_div(self.exited)?),
            pnl: flow.saturating_sub(self.fees),
            fees: self.fees,
            mae: self.worst.abs(),
            mfe: self.best,
        })
    }
}

/// Round trips that ended.
#[derive(Debug)]
pub(super) struct TradeBook {
    statistics: TradeStatistics,
    trades: Vec<Trade>,
    trades_max: usize,
    left_out: u64,
    pnl: Decimal,
    duration_ms: u64,
    /// Present run of profits, and of losses.
    winning: u64,
    losing: u64,
}

impl TradeBook {
    pub(super) fn new(trades_max: usize) -> Self {
        Self {
            statistics: TradeStatistics::default(),
            trades: Vec::new(),
            trades_max,
            left_out: 0,
            pnl: Decimal::ZERO,
            duration_ms: 0,
            winning: 0,
            losing: 0,
        }
    }

    pub(super) fn add(&mut self, trade: Trade) {
        self.pnl = self.pnl.saturating_add(trade.pnl);
        self.duration_ms = self.duration_ms.saturating_add(trade.exit_time.millis_since(trade.entry_time));
        let all = &mut self.statistics;
        all.count += 1;
        match trade.pnl.cmp(&Decimal::ZERO) {
            Ordering::Greater => {
                all.wins += 1;
                all.gross_profit = all.gross_profit.saturating_add(trade.pnl);
                all.largest_win = all.largest_win.max(Some(trade.pnl));
                (self.winning, self.losing) = (self.winning + 1, 0);
            }
            Ordering::Less => {
                let loss = -trade.pnl;
                all.losses += 1;
                all.gross_loss = all.gross_loss.saturating_add(loss);
                all.largest_loss = all.largest_loss.max(Some(loss));
                (self.winning, self.losing) = (0, self.losing + 1);
            }
            Ordering::Equal => (self.winning, self.losing) = (0, 0),
        }
        all.consecutive_wins_max = all.consecutive_wins_max.max(self.winning);
        all.consecutive_losses_max = all.consecutive_losses_max.max(self.losing);
        if self.trades.len() < self.trades_max {
            self.trades.push(trade);
        } else {
            self.left_out += 1;
        }
    }

    /// Statistics, the list, and how many are not in it.
    pub(super) fn close(self) -> (TradeStatistics, Vec<Trade>, u64) {
        let mut all = self.statistics;
        let ratio = |of: f64, count: u64| (count > 0).then(|| of / count_of(count));
        let (profit, loss) = (statistic(all.gross_profit), statistic(all.gross_loss));
        all.profit_factor = (all.losses > 0).then(|| profit / loss);
        all.expectancy = ratio(statistic(self.pnl), all.count);
        all.win_rate = ratio(count_of(all.wins), all.count);
        all.average_win = ratio(profit, all.wins);
        all.average_loss = ratio(loss, all.losses);
        all.average_duration_ms = ratio(count_of(self.duration_ms), all.count);
        (all, self.trades, self.left_out)
    }
}
