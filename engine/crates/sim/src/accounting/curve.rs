//! The curve of equity: drawdown, daily and monthly returns, and a bounded number of points of it.
//!
//! Formulas with their sources are in `engine/docs/statistics.md`. A year has 365 days throughout, because these markets do not
//! close.

use crate::EQUITY_POINTS_MAX;
use crate::accounting::calendar::{DAY_MS, day_end, month_of_day_ending};
use crate::accounting::moments::{Moments, count_of};
use crate::outcome::{Drawdown, EquityPoint, MonthReturn, Performance};
use calypte_kernel::{Decimal, Timestamp, statistic};

/// Days of a year.
const YEAR_DAYS: f64 = 365.0;
/// Interval of the points kept at first; it doubles whenever there would be too many.
const FIRST_INTERVAL_MS: i64 = 60_000;

/// Equity over time.
#[derive(Debug)]
pub(super) struct Curve {
    initial: f64,
    start: Timestamp,
    /// Equity at the latest moment.
    last: f64,
    drawdown: Falls,
    /// End of the present day, and the equity with which it began.
    day_end: Timestamp,
    day_start: f64,
    daily: Moments,
    /// Average equity at the ends of days.
    average: Moments,
    month: (i32, u8),
    month_start: f64,
    months: Vec<MonthReturn>,
    points: Vec<EquityPoint>,
    interval_ms: i64,
    next_point: Timestamp,
    stream_interval_ms: Option<i64>,
    next_streamed: Timestamp,
    /// The earliest moment at which more is to do than to look at the drawdown: one comparison in most candles.
    checkpoint: Timestamp,
}

/// The deepest fall from a peak.
#[derive(Debug)]
struct Falls {
    peak: f64,
    peak_exact: Decimal,
    peak_time: Timestamp,
    /// Equity below which a fall would be the deepest.
    floor: f64,
    deepest: Option<Drawdown>,
    /// Whether the peak of the deepest fall was not reached again yet.
    recovering: bool,
}

impl Curve {
    pub(super) fn new(initial_exact: Decimal, stream_interval_ms: Option<u64>) -> Self {
        let (start, initial) = (Timestamp::default(), statistic(initial_exact));
        Self {
            initial,
            start,
            last: initial,
            drawdown: Falls {
                peak: initial,
                peak_exact: initial_exact,
                peak_time: start,
                floor: initial,
                deepest: None,
                recovering: false,
            },
            day_end: start,
            day_start: initial,
            daily: Moments::default(),
            average: Moments::default(),
            month: (1970, 1),
            month_start: initial,
            months: Vec::new(),
            points: Vec::new(),
            interval_ms: FIRST_INTERVAL_MS,
            next_point: start,
            stream_interval_ms: stream_interval_ms.map(|millis| i64::try_from(millis.max(1)).unwrap_or(i64::MAX)),
            next_streamed: Timestamp::MAX,
            checkpoint: start,
        }
    }

    pub(super) fn begin(&mut self, point: EquityPoint) {
        let time = point.time;
        self.start = time;
        self.drawdown.peak_time = time;
        // A run that begins at midnight begins the day after it.
        self.day_end = day_end(time.saturating_add(1));
        self.month = month_of_day_ending(self.day_end);
        self.points.push(point);
        self.next_point = after(time, self.interval_ms);
        if let Some(interval_ms) = self.stream_interval_ms {
            self.next_streamed = after(time, interval_ms);
        }
        self.set_checkpoint();
    }

    /// Equity at a moment later than all before, and how to work it out exactly. Whether it is to be sampled.
    #[inline]
    pub(super) fn instant(&mut self, time: Timestamp, equity: f64, exact: impl FnOnce() -> Decimal) -> bool {
        let sample = time >= self.checkpoint && self.reached(time);
        self.last = equity;
        self.drawdown.see(time, equity, exact);
        sample
    }

    /// A day ended, or a point is due.
    #[cold]
    fn reached(&mut self, time: Timestamp) -> bool {
        if time > self.day_end {
            self.end_day();
            self.day_end = day_end(time);
            let month = month_of_day_ending(self.day_end);
            if month != self.month {
                self.end_month();
                self.month = month;
            }
        }
        let due = time >= self.next_point || time >= self.next_streamed;
        self.set_checkpoint();
        due
    }

    /// Takes an exact point that [`Self::instant`] asked for. Whether it is to be streamed out.
    pub(super) fn sample(&mut self, point: EquityPoint) -> bool {
        if point.time >= self.next_point {
            if self.points.len() >= EQUITY_POINTS_MAX {
                self.thin();
            }
            self.points.push(point);
            self.next_point = after(point.time, self.interval_ms);
        }
        let streamed = point.time >= self.next_streamed;
        if let (true, Some(interval_ms)) = (streamed, self.stream_interval_ms) {
            self.next_streamed = after(point.time, interval_ms);
        }
        self.set_checkpoint();
        streamed
    }

    /// Ends the curve: performance, months and points.
    pub(super) fn close(
        mut self,
        end: EquityPoint,
        held_ms: u64,
        traded_notional: f64,
    ) -> (Performance, Vec<MonthReturn>, Vec<EquityPoint>) {
        self.end_day();
        self.end_month();
        match self.points.last_mut() {
            Some(last) if last.time >= end.time => *last = end,
            _ => {
                if self.points.len() >= EQUITY_POINTS_MAX {
                    self.thin();
                }
                self.points.push(end);
            }
        }
        let elapsed_ms = count_of(end.time.millis_since(self.start));
        let final_equity = statistic(end.equity);
        let growth = (self.initial > 0.0).then(|| final_equity / self.initial);
        let years = elapsed_ms / (YEAR_DAYS * count_of(DAY_MS.unsigned_abs()));
        let cagr = growth.filter(|growth| *growth >= 0.0 && years > 0.0).map(|growth| growth.powf(years.recip()) - 1.0);
        let yearly = YEAR_DAYS.sqrt();
        let ratio = |deviation: Option<f64>| {
            deviation.filter(|deviation| *deviation > 0.0).map(|deviation| self.daily.mean() / deviation * yearly)
        };
        let max_drawdown = self.drawdown.deepest;
        let performance = Performance {
            total_return: growth.map(|growth| growth - 1.0),
            cagr: cagr.filter(|rate| rate.is_finite()),
            volatility: self.daily.deviation().map(|deviation| deviation * yearly),
            sharpe: ratio(self.daily.deviation()),
            sortino: ratio(self.daily.downside_deviation().filter(|_| self.daily.count() > 1)),
            calmar: cagr.zip(max_drawdown).map(|(cagr, fall)| cagr / fall.fraction).filter(|ratio| ratio.is_finite()),
            max_drawdown,
            exposure: if elapsed_ms > 0.0 { count_of(held_ms) / elapsed_ms } else { 0.0 },
            turnover: (self.average.mean() > 0.0).then(|| traded_notional / self.average.mean()),
            days: self.daily.count(),
        };
        (performance, self.months, self.points)
    }

    fn end_day(&mut self) {
        if self.day_start > 0.0 {
            self.daily.add(self.last / self.day_start - 1.0);
        }
        self.average.add(self.last);
        self.day_start = self.last;
    }

    fn end_month(&mut self) {
        let (year, month) = self.month;
        let value = (self.month_start > 0.0).then(|| self.last / self.month_start - 1.0);
        self.months.push(MonthReturn { year, month, value });
        self.month_start = self.last;
    }

    /// Drops every second point and doubles the interval.
    fn thin(&mut self) {
        let mut place = 0;
        self.points.retain(|_| {
            place += 1;
            place % 2 == 1
        });
        self.interval_ms = self.interval_ms.saturating_mul(2);
    }

    fn set_checkpoint(&mut self) {
        self.checkpoint = self.day_end.saturating_add(1).min(self.next_point).min(self.next_streamed);
    }
}

impl Falls {
    #[inline]
    fn see(&mut self, time: Timestamp, equity: f64, exact: impl FnOnce() -> Decimal) {
        if equity >= self.peak {
            if equity > self.peak {
                self.peak_exact = exact();
            }
            if self.recovering {
                self.recover(time);
            }
            self.peak = equity;
            self.peak_time = time;
            self.floor = self.deepest.map_or(equity, |deepest| equity * (1.0 - deepest.fraction));
        } else if equity < self.floor {
            self.deepen(time, equity, exact());
        }
    }

    #[cold]
    fn recover(&mut self, time: Timestamp) {
        self.recovering = false;
        if let Some(deepest) = &mut self.deepest {
            deepest.recovery = Some(time);
        }
    }

    fn deepen(&mut self, time: Timestamp, equity: f64, exact: Decimal) {
        // A peak that is not positive has no fraction to fall by.
        if self.peak <= 0.0 {
            return;
        }
        let fraction = (self.peak - equity) / self.peak;
        let amount = self.peak_exact.saturating_sub(exact);
        self.deepest = Some(Drawdown { fraction, amount, start: self.peak_time, end: time, recovery: None });
        self.recovering = true;
        self.floor = equity;
    }
}

/// The next multiple of an interval after a moment.
fn after(time: Timestamp, interval_ms: i64) -> Timestamp {
    let multiple = time.as_millis().div_euclid(interval_ms).saturating_add(1);
    Timestamp::from_millis(multiple.saturating_mul(interval_ms))
}
