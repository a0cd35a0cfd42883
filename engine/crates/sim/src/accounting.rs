//! What a run earns, kept while it goes on, in memory that does not grow with its length.
//!
//! Money is exact and changes only with fills and funding: `settled` is what was paid in, plus the profit of everything that is
//! flat again, less fees, plus funding; a holding remembers what flowed since it was last flat. So `equity = settled + Σ (flow + size × mark)` adds up to
//! the last digit. Per candle there is only `f64` and comparisons; exact equity is worked out where a sample is taken, and where it
//! reaches a new peak or a new depth.
//!
//! Nothing here overflows: the exchange refuses sizes and notionals that could, and the sums stay at the ends of their range.

mod calendar;
mod curve;
mod fuel;
mod moments;
mod trades;

pub(crate) use fuel::FuelMeter;

use crate::outcome::{EquityPoint, MonthReturn, OpenPosition, Performance, Trade, TradeStatistics};
use calypte_kernel::{Candle, Decimal, InstrumentId, Price, Side, Size, StrategyId, Timestamp, VenueFill, statistic};
use curve::Curve;
use trades::{OpenTrade, TradeBook};

/// The books of a run.
#[derive(Debug)]
pub(crate) struct Accounting {
    initial_cash: Decimal,
    settled: Decimal,
    fees: Decimal,
    /// Received less paid.
    funding: Decimal,
    traded_notional: Decimal,
    traded_size: Decimal,
    fills: u64,
    maker_fills: u64,
    /// By strategy, then instrument; what was never traded is not there.
    holdings: Vec<Holding>,
    /// Last closes, by instrument.
    marks: Vec<Option<Price>>,
    curve: Curve,
    trades: TradeBook,
    exposure: Exposure,
    /// Whether a close came in since equity was last looked at.
    stale: bool,
    settled_statistic: f64,
}

/// What a strategy holds of an instrument.
#[derive(Debug)]
struct Holding {
    strategy: StrategyId,
    instrument: InstrumentId,
    size: Decimal,
    /// Quote asset that flowed since it was last flat.
    flow: Decimal,
    /// The same two, and the value at the last close, for statistics.
    size_statistic: f64,
    flow_statistic: f64,
    value: f64,
    trade: Option<OpenTrade>,
}

/// How long anything was held.
#[derive(Debug, Default)]
struct Exposure {
    since: Option<Timestamp>,
    millis: u64,
}

/// What remains of a run.
pub(crate) struct Closed {
    pub(crate) final_equity: Decimal,
    pub(crate) fees: Decimal,
    pub(crate) funding: Decimal,
    pub(crate) traded_notional: Decimal,
    pub(crate) traded_size: Decimal,
    pub(crate) performance: Performance,
    pub(crate) trade_statistics: TradeStatistics,
    pub(crate) trades: Vec<Trade>,
    pub(crate) trades_left_out: u64,
    pub(crate) months: Vec<MonthReturn>,
    pub(crate) equity: Vec<EquityPoint>,
    pub(crate) open_positions: Vec<OpenPosition>,
}

/// What to keep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    pub(crate) trades_max: usize,
    /// Interval of the points that are streamed out; none: none but the last.
    pub(crate) equity_interval_ms: Option<u64>,
}

impl Accounting {
    pub(crate) fn new(initial_cash: Decimal, instruments: usize, keep: Keep) -> Self {
        Self {
            initial_cash,
            settled: initial_cash,
            fees: Decimal::ZERO,
            funding: Decimal::ZERO,
            traded_notional: Decimal::ZERO,
            traded_size: Decimal::ZERO,
            fills: 0,
            maker_fills: 0,
            holdings: Vec::new(),
            marks: vec![None; instruments],
            curve: Curve::new(initial_cash, keep.equity_interval_ms),
            trades: TradeBook::new(keep.trades_max),
            exposure: Exposure::default(),
            stale: false,
            settled_statistic: statistic(initial_cash),
        }
    }

    /// The clock begins.
    pub(crate) fn begin(&mut self, time: Timestamp) {
        self.curve.begin(EquityPoint { time, equity: self.initial_cash });
    }

    pub(crate) const fn fills(&self) -> u64 {
        self.fills
    }

    pub(crate) const fn maker_fills(&self) -> u64 {
        self.maker_fills
    }

    /// What was paid in, plus the profit of everything that is flat again, less fees, plus funding.
    #[cfg(test)]
    pub(crate) const fn settled(&self) -> Decimal {
        self.settled
    }

    /// Books a fill. Gives the strategy's signed size after it.
    pub(crate) fn fill(&mut self, strategy: StrategyId, fill: &VenueFill) -> Decimal {
        self.fills += 1;
        self.maker_fills += u64::from(fill.maker);
        self.fees = self.fees.saturating_add(fill.fee);
        self.traded_size = self.traded_size.saturating_add(fill.size.get());
        self.traded_notional = self.traded_notional.saturating_add(fill.size.get().saturating_mul(fill.price.get()));
        self.settled = self.settled.saturating_sub(fill.fee);
        let was_flat = self.is_flat();

        let place = self.holding(strategy, fill.instrument);
        let holding = &mut self.holdings[place];
        let before = holding.size;
        holding.reckon();
        let closing = closing_part(before, fill.side, fill.size);
        let opening = fill.size.get() - closing;
        let (closing_fee, opening_fee) = share_fee(fill, closing, opening);
        if let Ok(size) = Size::new(closing) {
            holding.move_by(fill, size);
            if let Some(trade) = &mut holding.trade {
                trade.exit(fill, size, closing_fee);
            }
            if holding.size.is_zero() {
                self.settled = self.settled.saturating_add(holding.flow);
                if let Some(trade) = holding.trade.take().and_then(|trade| trade.close(fill.time, holding.flow)) {
                    self.trades.add(trade);
                }
                holding.flow = Decimal::ZERO;
            }
        }
        if let Ok(size) = Size::new(opening) {
            holding.move_by(fill, size);
            let trade = holding.trade.get_or_insert_with(|| OpenTrade::new(strategy, fill));
            trade.enter(fill, size, opening_fee);
        }
        let after = holding.size;
        holding.filled_at(fill.price);
        self.marks[fill.instrument.get() as usize].get_or_insert(fill.price);
        self.settled_statistic = statistic(self.settled);
        self.exposure.changed(fill.time, was_flat, self.is_flat());
        self.stale = true;
        after
    }

    /// Books a funding payment; negative: paid.
    pub(crate) fn fund(&mut self, payment: Decimal) {
        self.funding = self.funding.saturating_add(payment);
        self.settled = self.settled.saturating_add(payment);
        self.settled_statistic = statistic(self.settled);
        self.stale = true;
    }

    /// The market of an instrument that is matched against ticks stands at a price.
    pub(crate) fn price(&mut self, instrument: InstrumentId, price: Price) {
        self.marks[instrument.get() as usize] = Some(price);
        self.stale = true;
        for holding in &mut self.holdings {
            if holding.instrument == instrument && holding.trade.is_some() {
                holding.see(price);
            }
        }
    }

    /// A candle of the series that an instrument is matched against closed.
    #[inline]
    pub(crate) fn candle(&mut self, instrument: InstrumentId, candle: &Candle) {
        self.marks[instrument.get() as usize] = Some(candle.close);
        self.stale = true;
        for holding in &mut self.holdings {
            if holding.instrument == instrument && holding.trade.is_some() {
                holding.mark(candle);
            }
        }
    }

    /// Everything of this time is in. Gives a point of equity where one is due for streaming.
    #[inline]
    pub(crate) fn settle(&mut self, time: Timestamp) -> Option<EquityPoint> {
        if !std::mem::take(&mut self.stale) {
            return None;
        }
        let mut equity = self.settled_statistic;
        for holding in &self.holdings {
            equity += holding.value;
        }
        let exact = || equity_of(self.settled, &self.holdings, &self.marks);
        if !self.curve.instant(time, equity, exact) {
            return None;
        }
        let point = EquityPoint { time, equity: self.equity() };
        self.curve.sample(point).then_some(point)
    }

    /// Cash and positions at their last prices. Exact.
    pub(crate) fn equity(&self) -> Decimal {
        equity_of(self.settled, &self.holdings, &self.marks)
    }

    /// Ends the books.
    pub(crate) fn close(mut self, end: Timestamp) -> Closed {
        self.settle(end);
        let final_equity = self.equity();
        self.exposure.changed(end, false, true);
        let (performance, months, equity) = self.curve.close(
            EquityPoint { time: end, equity: final_equity },
            self.exposure.millis,
            statistic(self.traded_notional),
        );
        let open_positions = self.holdings.iter().filter(|holding| !holding.size.is_zero()).map(|holding| OpenPosition {
            strategy: holding.strategy,
            instrument: holding.instrument,
            size: holding.size,
            flow: holding.flow,
            mark: self.marks[holding.instrument.get() as usize],
        });
        let open_positions = open_positions.collect();
        let (trade_statistics, trades, trades_left_out) = self.trades.close();
        Closed {
            final_equity,
            fees: self.fees,
            funding: self.funding,
            traded_notional: self.traded_notional,
            traded_size: self.traded_size,
            performance,
            trade_statistics,
            trades,
            trades_left_out,
            months,
            equity,
            open_positions,
        }
    }

    fn is_flat(&self) -> bool {
        self.holdings.iter().all(|holding| holding.size.is_zero())
    }

    fn holding(&mut self, strategy: StrategyId, instrument: InstrumentId) -> usize {
        let key = (strategy, instrument);
        self.holdings.binary_search_by_key(&key, |holding| (holding.strategy, holding.instrument)).unwrap_or_else(|place| {
            let holding = Holding {
                strategy,
                instrument,
                size: Decimal::ZERO,
                flow: Decimal::ZERO,
                size_statistic: 0.0,
                flow_statistic: 0.0,
                value: 0.0,
                trade: None,
            };
            self.holdings.insert(place, holding);
            place
        })
    }
}

impl Holding {
    fn move_by(&mut self, fill: &VenueFill, size: Size) {
        let signed = fill.side.signed(size);
        self.size = self.size.saturating_add(signed);
        self.flow = self.flow.saturating_sub(signed.saturating_mul(fill.price.get()));
    }

    /// Before a fill: what the prices since the last one made of it.
    fn reckon(&mut self) {
        if let Some(trade) = &mut self.trade {
            trade.reckon(self.size, self.flow);
        }
    }

    /// Brings the statistics up to date after a fill.
    fn filled_at(&mut self, price: Price) {
        self.size_statistic = statistic(self.size);
        self.flow_statistic = statistic(self.flow);
        self.value = self.worth(statistic(price.get()));
        if let Some(trade) = &mut self.trade {
            trade.filled_at(price);
        }
    }

    /// The market stands at a price.
    fn see(&mut self, price: Price) {
        self.value = self.worth(statistic(price.get()));
        if let Some(trade) = &mut self.trade {
            trade.saw(price);
        }
    }

    #[inline]
    fn worth(&self, price: f64) -> f64 {
        self.size_statistic.mul_add(price, self.flow_statistic)
    }

    #[inline]
    fn mark(&mut self, candle: &Candle) {
        self.value = self.worth(statistic(candle.close.get()));
        if let Some(trade) = &mut self.trade {
            // Of the candle inside which it was entered, what came before the entry was not its own.
            if trade.entered_by(candle.open_time) {
                trade.saw(candle.high);
                trade.saw(candle.low);
            } else {
                trade.saw(candle.close);
            }
        }
    }
}

impl Exposure {
    fn changed(&mut self, time: Timestamp, was_flat: bool, is_flat: bool) {
        if was_flat && !is_flat {
            self.since = Some(time);
        }
        if !was_flat
            && is_flat
            && let Some(since) = self.since.take()
        {
            self.millis = self.millis.saturating_add(time.millis_since(since));
        }
    }
}

/// What was settled, and positions at their last prices. Exact.
fn equity_of(settled: Decimal, holdings: &[Holding], marks: &[Option<Price>]) -> Decimal {
    holdings.iter().filter(|holding| !holding.size.is_zero()).fold(settled, |sum, holding| {
        let mark = marks[holding.instrument.get() as usize].map_or(Decimal::ZERO, Price::get);
        sum.saturating_add(holding.flow).saturating_add(holding.size.saturating_mul(mark))
    })
}

/// How much of a fill takes away from a position.
fn closing_part(position: Decimal, side: Side, size: Size) -> Decimal {
    let reducible = match side {
        Side::Buy => (-position).max(Decimal::ZERO),
        Side::Sell => position.max(Decimal::ZERO),
    };
    reducible.min(size.get())
}

/// The fee of a fill that closes one round trip and opens the next, shared by size. The shares add up to the fee.
fn share_fee(fill: &VenueFill, closing: Decimal, opening: Decimal) -> (Decimal, Decimal) {
    if opening.is_zero() {
        return (fill.fee, Decimal::ZERO);
    }
    let share = fill.fee.checked_mul(closing).and_then(|fee| fee.checked_div(fill.size.get())).unwrap_or_default();
    (share, fill.fee.saturating_sub(share))
}

#[cfg(test)]
mod tests;
