//! What `report.html` draws, collected while a run goes on, in memory that does not grow with the run.

use super::condense::{Condensed, Merge};
use calypte_kernel::{Candle, Effects, InstrumentId, SeriesInfo, Side, StrategyId, Timestamp, VenueFill, statistic};
use calypte_sim::{CandleSource, EquityPoint, SourceError, SourceItem};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most chart series of strategies that are drawn; later ones are left out.
pub(super) const STRATEGY_SERIES_MAX: usize = 64;
/// Most marks of strategies that are drawn; later ones are left out.
pub(super) const MARKS_MAX: usize = 200;
/// Narrowest bar of what has no timeframe of its own.
const MINUTE_MS: u64 = 60_000;

/// What the page of a run draws.
#[derive(Debug, Default)]
pub struct Drawn {
    pub(super) candles: Vec<CandleChart>,
    pub(super) fills: BTreeMap<InstrumentId, Condensed<FillBar>>,
    pub(super) equity: Option<Condensed<EquityBar>>,
    pub(super) strategy_series: BTreeMap<(StrategyId, u32), StrategyChart>,
    pub(super) strategy_series_left_out: u64,
    pub(super) marks: Vec<Mark>,
    pub(super) marks_left_out: u64,
    peak: f64,
}

/// Candles of one series.
#[derive(Debug)]
pub(super) struct CandleChart {
    pub(super) series: SeriesInfo,
    pub(super) symbol: String,
    pub(super) bars: Arc<Mutex<Condensed<CandleBar>>>,
}

/// A chart series that a strategy drew.
#[derive(Debug)]
pub(super) struct StrategyChart {
    pub(super) name: String,
    pub(super) on_price_axis: bool,
    pub(super) points: Condensed<Last>,
}

/// A mark that a strategy set.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) time: Timestamp,
    pub(super) text: String,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct CandleBar {
    pub(super) open: f64,
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) close: f64,
}

impl Merge for CandleBar {
    fn merge(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
    }
}

/// The last value of a bar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last(pub(super) f64);

impl Merge for Last {
    fn merge(&mut self, later: &Self) {
        self.0 = later.0;
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct EquityBar {
    pub(super) close: f64,
    /// Deepest fall below the highest equity so far, as a fraction: zero or negative.
    pub(super) drawdown: f64,
}

impl Merge for EquityBar {
    fn merge(&mut self, later: &Self) {
        self.close = later.close;
        self.drawdown = self.drawdown.min(later.drawdown);
    }
}

/// Fills of one bar, by side: a year holds more of them than a page can draw one by one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FillBar {
    pub(super) buys: FillSum,
    pub(super) sells: FillSum,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FillSum {
    pub(super) count: u64,
    pub(super) size: f64,
    pub(super) notional: f64,
}

impl Merge for FillBar {
    fn merge(&mut self, later: &Self) {
        for (sum, later) in [(&mut self.buys, &later.buys), (&mut self.sells, &later.sells)] {
            sum.count += later.count;
            sum.size += later.size;
            sum.notional += later.notional;
        }
    }
}

impl Drawn {
    /// Draws the candles of a source as they are read, from a time on.
    pub(super) fn tap(
        &mut self,
        series: SeriesInfo,
        symbol: &str,
        from: Option<Timestamp>,
        source: Box<dyn CandleSource>,
    ) -> CandleTap {
        let bars = Arc::new(Mutex::new(Condensed::new(series.timeframe.as_millis())));
        self.candles.push(CandleChart { series, symbol: symbol.to_owned(), bars: Arc::clone(&bars) });
        CandleTap { source, bars, from }
    }

    pub(super) fn fill(&mut self, fill: &VenueFill) {
        let (price, size) = (statistic(fill.price.get()), statistic(fill.size.get()));
        let sum = FillSum { count: 1, size, notional: price * size };
        let bar = match fill.side {
            Side::Buy => FillBar { buys: sum, ..FillBar::default() },
            Side::Sell => FillBar { sells: sum, ..FillBar::default() },
        };
        self.fills.entry(fill.instrument).or_insert_with(|| Condensed::new(MINUTE_MS)).push(fill.time, bar);
    }

    pub(super) fn equity(&mut self, point: EquityPoint) {
        let close = statistic(point.equity);
        self.peak = if self.equity.is_some() { self.peak.max(close) } else { close };
        let drawdown = if self.peak > 0.0 { close / self.peak - 1.0 } else { 0.0 };
        self.equity.get_or_insert_with(|| Condensed::new(MINUTE_MS)).push(point.time, EquityBar { close, drawdown });
    }

    pub(super) fn effects(&mut self, strategy: StrategyId, time: Timestamp, effects: &Effects) {
        for (series, name, on_price_axis) in &effects.chart_series {
            let key = (strategy, *series);
            if self.strategy_series.len() == STRATEGY_SERIES_MAX && !self.strategy_series.contains_key(&key) {
                self.strategy_series_left_out += 1;
                continue;
            }
            self.strategy_series.entry(key).or_insert_with(|| StrategyChart {
                name: name.clone(),
                on_price_axis: *on_price_axis,
                points: Condensed::new(MINUTE_MS),
            });
        }
        for (series, value) in &effects.chart_points {
            if let Some(chart) = self.strategy_series.get_mut(&(strategy, *series)) {
                chart.points.push(time, Last(*value));
            }
        }
        for text in &effects.chart_marks {
            if self.marks.len() == MARKS_MAX {
                self.marks_left_out += 1;
            } else {
                self.marks.push(Mark { time, text: text.clone() });
            }
        }
    }
}

/// A source whose candles are drawn as they pass.
pub struct CandleTap {
    source: Box<dyn CandleSource>,
    bars: Arc<Mutex<Condensed<CandleBar>>>,
    from: Option<Timestamp>,
}

impl CandleTap {
    fn draw(&self, items: &[SourceItem]) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        for item in items {
            if let SourceItem::Candle(candle) = item
                && self.from.is_none_or(|from| candle.open_time >= from)
            {
                bars.push(candle.open_time, CandleBar::new(candle));
            }
        }
    }
}

impl CandleBar {
    fn new(candle: &Candle) -> Self {
        Self {
            open: statistic(candle.open.get()),
            high: statistic(candle.high.get()),
            low: statistic(candle.low.get()),
            close: statistic(candle.close.get()),
        }
    }
}

impl CandleSource for CandleTap {
    fn next_batch(&mut self, batch: &mut Vec<SourceItem>) -> Result<bool, SourceError> {
        let before = batch.len();
        let more = self.source.next_batch(batch)?;
        self.draw(&batch[before..]);
        Ok(more)
    }
}
