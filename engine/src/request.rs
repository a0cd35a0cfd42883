//! What a run or a sweep is asked to do, with everything checked that can be checked before a file is opened.
//!
//! The command line writes flags; each flag is read by a type of this module ([`DataSpec`], [`Axis`], …), and the whole by
//! [`BacktestRequest::new`] and [`SweepRequest::new`]. After that nothing is missing, doubled or out of range. What a
//! parameter's value means is only known with the strategy's manifest: [`parameters`] checks it there.

pub mod axis;
pub mod data_spec;
mod error;
pub mod instrument;
pub mod limits;
pub mod models;
pub mod parameters;
pub mod risk;
pub mod settings;
mod sweep;

pub use crate::data::{OnFault as OnBadData, OnGap};
pub use axis::{Axis, AxisValues};
pub use data_spec::{DataArgument, DataSpec};
pub use error::RequestError;
pub use instrument::InstrumentSpec;
pub use limits::{LimitSettings, LimitSpec};
pub use models::{FundingSpec, LatencySpec, LeverageSpec, RunModels, TickRequest, TickSpec};
pub use parameters::ParameterSpec;
pub use risk::{RiskFile, Stranger};
pub use settings::{LimitFill, RunSettings, parse_decimal};
pub use sweep::{Metric, SWEEP_COMBINATIONS_MAX, SWEEP_JOBS_MAX, SweepFlags, SweepRequest};

use crate::report::turns_direction;
use calypte_kernel::{Instrument, InstrumentId, SeriesId, SeriesInfo, Symbol};
use calypte_sim::TickKind;
use std::path::{Path, PathBuf};

/// Most strategies in one run.
pub const STRATEGIES_MAX: usize = 64;
/// Most candle series in one run.
pub const SERIES_MAX: usize = 256;

/// One backtest, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BacktestRequest {
    /// Strategies, at least one; the place of each is its deployment's number.
    pub strategies: Vec<StrategyRequest>,
    /// The market they trade on.
    pub market: MarketRequest,
    /// Money, fees, fuel and the rest.
    pub settings: RunSettings,
    /// Where reports go; none: nowhere.
    pub out: Option<PathBuf>,
}

/// A strategy with what the trader set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyRequest {
    /// Its name in this run: the file's, numbered where a file is given twice.
    pub name: String,
    /// The component file.
    pub component: PathBuf,
    /// Parameters as written, each once; their types are the manifest's.
    pub parameters: Vec<(String, String)>,
}

/// Instruments and their candle files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketRequest {
    /// Instruments, each at the place its id says, in the order in which the data named them.
    pub instruments: Vec<Instrument>,
    /// Series, each at the place its id says.
    pub series: Vec<SeriesRequest>,
    /// Files of trades, quotes, books and funding rates. There is a series, or one of these that is no funding.
    pub ticks: Vec<TickRequest>,
}

/// A candle series and the file that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRequest {
    /// Its number, instrument and timeframe.
    pub info: SeriesInfo,
    /// Where its candles are.
    pub file: PathBuf,
}

impl BacktestRequest {
    /// From what the flags say.
    ///
    /// # Errors
    /// Where flags contradict each other, repeat, or name what is not there.
    pub fn new(
        components: &[PathBuf],
        parameters: &[ParameterSpec],
        data: &[DataSpec],
        instruments: &[InstrumentSpec],
        settings: RunSettings,
        out: Option<PathBuf>,
    ) -> Result<Self, RequestError> {
        let strategies = strategy_requests(components, parameters)?;
        let traded = settings.models.ticks.iter().filter(|spec| spec.kind != TickKind::Funding).map(|spec| &spec.symbol);
        let mut market = MarketRequest::with_symbols(data, traded, instruments)?;
        settings.models.check(&mut market)?;
        if let Some(risk) = &settings.risk {
            risk.check(&strategies, &market.instruments)?;
        }
        Ok(Self { strategies, market, settings: settings.check()?, out })
    }
}

/// Strategies with what the trader set: components in their order, each named after its file.
///
/// # Errors
/// Where there are none or too many, or a parameter is set twice or for nobody.
pub fn strategy_requests(components: &[PathBuf], parameters: &[ParameterSpec]) -> Result<Vec<StrategyRequest>, RequestError> {
    let mut strategies = name_strategies(components)?;
    for parameter in parameters {
        parameters::assign(&mut strategies, parameter)?;
    }
    Ok(strategies)
}

/// Names strategies after their files, numbering a name that comes again.
fn name_strategies(components: &[PathBuf]) -> Result<Vec<StrategyRequest>, RequestError> {
    if components.len() > STRATEGIES_MAX {
        return Err(RequestError::TooMany { what: "strategies", count: components.len(), max: STRATEGIES_MAX });
    }
    let mut strategies: Vec<StrategyRequest> = Vec::with_capacity(components.len());
    for component in components {
        let stem = strategy_name(component)?;
        let mut name = stem.clone();
        let mut number = 1;
        while strategies.iter().any(|strategy| strategy.name == name) {
            number += 1;
            name = format!("{stem}-{number}");
        }
        strategies.push(StrategyRequest { name, component: component.clone(), parameters: Vec::new() });
    }
    Ok(strategies)
}

/// The name of a strategy, after its file.
pub(crate) fn strategy_name(path: &Path) -> Result<String, RequestError> {
    let stem = path.file_stem().ok_or_else(|| RequestError::NotAFile { path: path.to_owned() })?;
    let refuse = |fault| RequestError::NotAName { path: path.to_owned(), fault };
    let name = stem.to_str().ok_or_else(|| refuse("it is not UTF-8"))?;
    check_strategy_name(name).map_err(refuse)?;
    Ok(name.to_owned())
}

/// Whether a strategy can have a name, or why not. It goes into terminals, tables and pages, and before the dot of a `--param`: what
/// could do anything there but be read is refused here, so that nobody has to look again.
pub(crate) fn check_strategy_name(name: &str) -> Result<(), &'static str> {
    if name.chars().any(|character| character.is_control() || turns_direction(character)) {
        return Err("it has a character that does not show, such as a line end");
    }
    if name.contains('=') {
        return Err("it has an equals sign, which ends the name of a parameter");
    }
    if name.starts_with(['+', '-', '@']) {
        return Err("it begins with a sign that a table takes for the beginning of a formula");
    }
    Ok(())
}

impl MarketRequest {
    /// From data files and rules.
    ///
    /// # Errors
    /// Where a series comes twice, or rules are given for an instrument without data or are missing for one.
    pub fn new(data: &[DataSpec], rules: &[InstrumentSpec]) -> Result<Self, RequestError> {
        Self::with_symbols(data, [], rules)
    }

    /// As [`Self::new`], with instruments that have other data than candles.
    fn with_symbols<'a>(
        data: &[DataSpec],
        symbols: impl IntoIterator<Item = &'a Symbol>,
        rules: &[InstrumentSpec],
    ) -> Result<Self, RequestError> {
        if data.len() > SERIES_MAX {
            return Err(RequestError::TooMany { what: "candle series", count: data.len(), max: SERIES_MAX });
        }
        let mut market = Self { instruments: Vec::new(), series: Vec::new(), ticks: Vec::new() };
        for spec in data {
            market.add(spec, rules)?;
        }
        for symbol in symbols {
            market.instrument(symbol, rules)?;
        }
        for symbol in rules.iter().filter_map(|rule| rule.symbol.as_ref()) {
            if !market.instruments.iter().any(|instrument| &instrument.symbol == symbol) {
                return Err(RequestError::RulesWithoutData { symbol: symbol.clone() });
            }
        }
        Ok(market)
    }

    /// The number of an instrument, which is new where it was not named before.
    fn instrument(&mut self, symbol: &Symbol, rules: &[InstrumentSpec]) -> Result<InstrumentId, RequestError> {
        let known = self.instruments.iter().position(|instrument| &instrument.symbol == symbol);
        let place = known.unwrap_or(self.instruments.len());
        let id = InstrumentId::new(u32::try_from(place).expect("SERIES_MAX fits"));
        if known.is_none() {
            let instrument = Instrument::new(id, symbol.clone(), instrument::rules_for(symbol, rules)?);
            self.instruments.push(match instrument::margin_for(symbol, rules) {
                Some(margin) => instrument.with_margin(margin),
                None => instrument,
            });
        }
        Ok(id)
    }

    fn add(&mut self, spec: &DataSpec, rules: &[InstrumentSpec]) -> Result<(), RequestError> {
        let instrument = self.instrument(&spec.symbol, rules)?;
        let repeats = |series: &SeriesRequest| series.info.instrument == instrument && series.info.timeframe == spec.timeframe;
        if self.series.iter().any(repeats) {
            return Err(RequestError::SeriesTwice { symbol: spec.symbol.clone(), timeframe: spec.timeframe });
        }
        let id = SeriesId::new(u32::try_from(self.series.len()).expect("SERIES_MAX fits"));
        let info = SeriesInfo { id, instrument, timeframe: spec.timeframe };
        self.series.push(SeriesRequest { info, file: spec.file.clone() });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
