//! A sweep: one strategy, many combinations of parameters, one market.

use super::{Axis, BacktestRequest, DataSpec, InstrumentSpec, MarketRequest, RequestError, RunSettings, StrategyRequest};
use crate::report::Earlier;
use std::path::PathBuf;

/// Most combinations of one sweep.
pub const SWEEP_COMBINATIONS_MAX: usize = 1_000_000;
/// Most runs at once.
pub const SWEEP_JOBS_MAX: usize = 1_024;

/// One sweep, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepRequest {
    /// The strategy, with the parameters that are the same in every run.
    pub strategy: StrategyRequest,
    /// Parameters that vary, in the order given: at least one, each with at least two values.
    pub axes: Vec<Axis>,
    /// The market.
    pub market: MarketRequest,
    /// Money, fees, fuel (of each run) and the rest.
    pub settings: RunSettings,
    /// What «best» means.
    pub metric: Metric,
    /// Runs at once.
    pub jobs: usize,
    /// Where results go; none: nowhere.
    pub out: Option<PathBuf>,
    /// What to do with the journal of an earlier sweep in `out`.
    pub earlier: Earlier,
}

/// What a sweep's flags say, beyond a backtest's.
#[derive(Debug, Clone)]
pub struct SweepFlags {
    /// Parameters, swept or fixed.
    pub axes: Vec<Axis>,
    /// What «best» means.
    pub metric: Metric,
    /// Runs at once; none: as many as there are cores.
    pub jobs: Option<usize>,
    /// Where results go.
    pub out: Option<PathBuf>,
    /// What to do with an earlier sweep's journal there.
    pub earlier: Earlier,
}

/// What the combinations of a sweep are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, clap::ValueEnum)]
pub enum Metric {
    /// Equity at the end.
    #[default]
    FinalEquity,
    /// Return over the whole period.
    TotalReturn,
    /// Return per year, compounded.
    Cagr,
    /// Return by its deviation.
    Sharpe,
    /// Return by its downside deviation.
    Sortino,
    /// Return per year by the largest drawdown.
    Calmar,
    /// The smallest largest drawdown.
    MaxDrawdown,
    /// Profit of winning trades by the loss of losing ones.
    ProfitFactor,
    /// Share of winning trades.
    WinRate,
    /// Mean profit of a trade.
    Expectancy,
}

impl Metric {
    /// Its name in flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FinalEquity => "final-equity",
            Self::TotalReturn => "total-return",
            Self::Cagr => "cagr",
            Self::Sharpe => "sharpe",
            Self::Sortino => "sortino",
            Self::Calmar => "calmar",
            Self::MaxDrawdown => "max-drawdown",
            Self::ProfitFactor => "profit-factor",
            Self::WinRate => "win-rate",
            Self::Expectancy => "expectancy",
        }
    }

    /// Whether less of it is better.
    pub const fn smaller_is_better(self) -> bool {
        matches!(self, Self::MaxDrawdown)
    }
}

impl SweepRequest {
    /// From what the flags say.
    ///
    /// # Errors
    /// Where flags contradict each other, repeat, name what is not there, or ask for more than can be done.
    pub fn new(
        component: PathBuf,
        flags: SweepFlags,
        data: &[DataSpec],
        instruments: &[InstrumentSpec],
        settings: RunSettings,
    ) -> Result<Self, RequestError> {
        // The checks of a single run hold for each run of a sweep.
        let run = BacktestRequest::new(&[component], &[], data, instruments, settings, None)?;
        let mut strategy = run.strategies.into_iter().next().expect("one component makes one strategy");
        let mut axes: Vec<Axis> = Vec::new();
        for axis in flags.axes {
            let fixed = strategy.parameters.iter().any(|(name, _)| *name == axis.name);
            if fixed || axes.iter().any(|known| known.name == axis.name) {
                return Err(RequestError::ParameterTwice { strategy: strategy.name, name: axis.name });
            }
            match <[String; 1]>::try_from(axis.values) {
                Ok([value]) => strategy.parameters.push((axis.name, value)),
                Err(values) => axes.push(Axis { name: axis.name, values }),
            }
        }
        check_count(&axes)?;
        if flags.earlier == Earlier::Resume && flags.out.is_none() {
            return Err(RequestError::ResumeWithoutOut);
        }
        let jobs = flags.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
        if jobs == 0 || jobs > SWEEP_JOBS_MAX {
            let range = "from 1 to 1024";
            return Err(RequestError::OutOfRange { flag: "--jobs", value: jobs.to_string(), range });
        }
        let (market, settings) = (run.market, run.settings);
        Ok(Self { strategy, axes, market, settings, metric: flags.metric, jobs, out: flags.out, earlier: flags.earlier })
    }

    /// How many combinations there are.
    pub fn combinations(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// One combination's values, one per axis, by its number from 0; the last axis turns fastest.
    ///
    /// # Panics
    /// Where there is no such combination.
    pub fn combination(&self, number: usize) -> Vec<&str> {
        assert!(number < self.combinations(), "combination {number} of {}", self.combinations());
        let mut rest = number;
        let mut values = vec![""; self.axes.len()];
        for (value, axis) in values.iter_mut().zip(&self.axes).rev() {
            *value = &axis.values[rest % axis.values.len()];
            rest /= axis.values.len();
        }
        values
    }
}

fn check_count(axes: &[Axis]) -> Result<(), RequestError> {
    if axes.is_empty() {
        return Err(RequestError::NothingToSweep);
    }
    let count = axes.iter().fold(1_u128, |count, axis| count.saturating_mul(axis.values.len() as u128));
    if count > SWEEP_COMBINATIONS_MAX as u128 {
        return Err(RequestError::TooManyCombinations { count, max: SWEEP_COMBINATIONS_MAX });
    }
    Ok(())
}
