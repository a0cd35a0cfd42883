//! The record of a sweep: one row per combination, the best first to find.

use super::record::{SettingsRecord, money};
use crate::request::{Metric, SweepRequest};
use calypte_kernel::statistic;
use calypte_sim::Outcome;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the record.
pub const SWEEP_VERSION: u32 = 1;

/// The record of a sweep.
#[derive(Debug, Clone, Serialize)]
pub struct SweepReport {
    version: u32,
    /// `completed`; `failed` where not one run completed; `cancelled` where combinations are missing.
    pub status: &'static str,
    /// SHA-256 of what every run depends on.
    pub digest: String,
    /// What «best» means.
    pub metric: &'static str,
    #[serde(skip)]
    pub(super) ranked_by: Metric,
    /// Swept parameters and their values.
    pub axes: Vec<AxisRecord>,
    /// Combinations there are.
    pub combinations: usize,
    /// Of these, done.
    pub done: usize,
    /// Of these, taken over from an earlier sweep.
    pub resumed: usize,
    /// How many runs ended in which way.
    pub ended: BTreeMap<String, usize>,
    /// The best row; none where no run completed or the metric is not defined for any.
    pub best: Option<SweepRow>,
    /// Fills of all runs.
    pub fills: u64,
    /// Fuel of all runs.
    pub fuel: u64,
    /// Rows, by the number of their combination.
    pub rows: Vec<SweepRow>,
    /// Settings of every run.
    pub settings: SettingsRecord,
    /// Wall-clock milliseconds.
    pub wall_time_ms: u64,
    /// Combinations that ran now, per second of wall clock.
    pub combinations_per_second: f64,
}

/// A swept parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AxisRecord {
    /// Its name.
    pub name: String,
    /// Its values in order.
    pub values: Vec<String>,
}

/// How one combination fared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepRow {
    /// Number of the combination, from 0; the last axis turns fastest.
    pub number: usize,
    /// Values of the swept parameters, in the order of the axes.
    pub values: Vec<String>,
    /// How the run ended, as in `report.json`.
    pub status: String,
    /// Events.
    pub events: u64,
    /// Fills.
    pub fills: u64,
    /// Fees. Exact.
    pub fees: String,
    /// Equity at the end. Exact.
    pub final_equity: String,
    /// Fuel.
    pub fuel: u64,
    /// Return.
    #[serde(rename = "return")]
    pub total_return: Option<f64>,
    /// Return per year.
    pub cagr: Option<f64>,
    /// Sharpe ratio.
    pub sharpe: Option<f64>,
    /// Sortino ratio.
    pub sortino: Option<f64>,
    /// Calmar ratio.
    pub calmar: Option<f64>,
    /// Largest drawdown, as a fraction.
    pub max_drawdown: Option<f64>,
    /// Gross profit over gross loss.
    pub profit_factor: Option<f64>,
    /// Share of round trips with a profit.
    pub win_rate: Option<f64>,
    /// Mean result of a round trip.
    pub expectancy: Option<f64>,
    /// Round trips.
    pub trades: u64,
}

/// Rows of a sweep as they come in, in any order, and what to make of them in the end.
#[derive(Debug)]
pub struct SweepTable {
    rows: Vec<Option<SweepRow>>,
    resumed: usize,
}

impl SweepRow {
    /// Of a finished run.
    pub fn new(number: usize, values: &[&str], outcome: &Outcome) -> Self {
        let (performance, trades) = (&outcome.performance, &outcome.trade_statistics);
        Self {
            number,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            status: outcome.status.name().to_owned(),
            events: outcome.counts.events,
            fills: outcome.counts.fills,
            fees: money(outcome.money.fees),
            final_equity: money(outcome.money.final_equity),
            fuel: outcome.fuel.total,
            total_return: performance.total_return,
            cagr: performance.cagr,
            sharpe: performance.sharpe,
            sortino: performance.sortino,
            calmar: performance.calmar,
            max_drawdown: performance.max_drawdown.map(|drawdown| drawdown.fraction),
            profit_factor: trades.profit_factor,
            win_rate: trades.win_rate,
            expectancy: trades.expectancy,
            trades: trades.count,
        }
    }

    /// Its value of a metric; none where that is not defined for it.
    pub fn metric(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::FinalEquity => self.final_equity.parse().ok().map(statistic),
            Metric::TotalReturn => self.total_return,
            Metric::Cagr => self.cagr,
            Metric::Sharpe => self.sharpe,
            Metric::Sortino => self.sortino,
            Metric::Calmar => self.calmar,
            // Equity that never fell has no deepest drawdown, and there is nothing better.
            Metric::MaxDrawdown => self.max_drawdown.or(Some(0.0)),
            Metric::ProfitFactor => self.profit_factor,
            Metric::WinRate => self.win_rate,
            Metric::Expectancy => self.expectancy,
        }
    }
}

impl SweepTable {
    /// For so many combinations, with what the journal of an earlier sweep had.
    pub fn new(combinations: usize, resumed: Vec<SweepRow>) -> Self {
        let mut table = Self { rows: vec![None; combinations], resumed: 0 };
        for row in resumed {
            table.add(row);
        }
        table.resumed = table.done();
        table
    }

    /// Whether a combination is done.
    pub fn has(&self, number: usize) -> bool {
        self.rows.get(number).is_some_and(Option::is_some)
    }

    /// A combination is done. A number that is none of this sweep's is left out.
    pub fn add(&mut self, row: SweepRow) {
        if let Some(place) = self.rows.get_mut(row.number) {
            *place = Some(row);
        }
    }

    /// How many are done.
    pub fn done(&self) -> usize {
        self.rows.iter().flatten().count()
    }

    /// The record. The digest is of what every run depends on, the swept parameters left out.
    pub fn report(self, request: &SweepRequest, digest: String, wall_time_ms: u64) -> SweepReport {
        let (combinations, done, resumed) = (self.rows.len(), self.done(), self.resumed);
        let rows = self.rows.into_iter().flatten().collect::<Vec<_>>();
        #[expect(clippy::cast_precision_loss, reason = "a speed")]
        let combinations_per_second = (done - resumed) as f64 * 1000.0 / wall_time_ms.max(1) as f64;
        let mut ended = BTreeMap::new();
        for row in &rows {
            *ended.entry(row.status.clone()).or_default() += 1;
        }
        let status = match (done == combinations, ended.contains_key("completed")) {
            (false, _) => "cancelled",
            (true, false) => "failed",
            (true, true) => "completed",
        };
        let mut report = SweepReport {
            version: SWEEP_VERSION,
            status,
            digest,
            metric: request.metric.name(),
            ranked_by: request.metric,
            axes: request.axes.iter().map(|axis| AxisRecord { name: axis.name.clone(), values: axis.values.clone() }).collect(),
            combinations,
            done,
            resumed,
            ended,
            best: None,
            fills: rows.iter().map(|row| row.fills).sum(),
            fuel: rows.iter().fold(0, |sum, row| sum.saturating_add(row.fuel)),
            rows,
            settings: SettingsRecord::new(&request.settings),
            wall_time_ms,
            combinations_per_second,
        };
        let is_ranked = |row: &&SweepRow| row.status == "completed" && row.metric(request.metric).is_some();
        let best = report.ranked().next().filter(is_ranked).cloned();
        report.best = best;
        report
    }
}

impl SweepReport {
    /// Rows, the best first; those without a value of the metric come last.
    pub fn ranked(&self) -> impl Iterator<Item = &SweepRow> {
        let metric = self.ranked_by;
        let value = move |row: &SweepRow| {
            let value = row.metric(metric).filter(|_| row.status == "completed").unwrap_or(f64::NAN);
            if metric.smaller_is_better() { -value } else { value }
        };
        let mut rows = self.rows.iter().collect::<Vec<_>>();
        rows.sort_by(|a, b| match (value(a), value(b)) {
            (a, b) if a.is_nan() || b.is_nan() => a.is_nan().cmp(&b.is_nan()),
            (a, b) => b.total_cmp(&a),
        });
        rows.into_iter()
    }

    /// The rows as CSV: swept parameters first.
    pub fn to_csv(&self) -> String {
        const RESULTS: [&str; 15] = [
            "status",
            "events",
            "fills",
            "fees",
            "final_equity",
            "fuel",
            "return",
            "cagr",
            "sharpe",
            "sortino",
            "calmar",
            "max_drawdown",
            "profit_factor",
            "win_rate",
            "expectancy",
        ];
        let mut rows = csv::Writer::from_writer(Vec::new());
        let header = self.axes.iter().map(|axis| axis.name.as_str()).chain(RESULTS);
        rows.write_record(header).expect("memory takes every row");
        for row in &self.rows {
            let statistic = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
            let results = [
                row.status.clone(),
                row.events.to_string(),
                row.fills.to_string(),
                row.fees.clone(),
                row.final_equity.clone(),
                row.fuel.to_string(),
                statistic(row.total_return),
                statistic(row.cagr),
                statistic(row.sharpe),
                statistic(row.sortino),
                statistic(row.calmar),
                statistic(row.max_drawdown),
                statistic(row.profit_factor),
                statistic(row.win_rate),
                statistic(row.expectancy),
            ];
            rows.write_record(row.values.iter().chain(&results)).expect("memory takes every row");
        }
        String::from_utf8(rows.into_inner().expect("memory flushes")).expect("rows are text")
    }
}
