//! What `report.html` draws of fills and equity, collected while a run goes on, in memory that does not grow with the run.
//! Candles and what strategies drew come with the run's own report.

use super::condense::{Condensed, Merge};
use calypte_kernel::{InstrumentId, Side, StrategyId, VenueFill, statistic};
use calypte_sim::EquityPoint;
use std::collections::BTreeMap;

/// Narrowest bar.
const MINUTE_MS: u64 = 60_000;

/// Fills and equity in bars.
#[derive(Debug, Default)]
pub struct Drawn {
    pub(super) fills: BTreeMap<InstrumentId, Condensed<FillBar>>,
    /// What each strategy traded first.
    pub(super) first_traded: BTreeMap<StrategyId, InstrumentId>,
    pub(super) equity: Option<Condensed<EquityBar>>,
    peak: f64,
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
    pub(super) fn fill(&mut self, strategy: StrategyId, fill: &VenueFill) {
        self.first_traded.entry(strategy).or_insert(fill.instrument);
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
}
