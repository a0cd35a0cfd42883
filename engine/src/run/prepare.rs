//! From a request to what a run needs: strategies loaded, parameters checked, files opened.

use super::parameters::{self, ParameterError};
use crate::data::{CandleFile, DataError, ReadOptions};
use crate::request::{BacktestRequest, MarketRequest, RunSettings, SeriesRequest, StrategyRequest};
use crate::upload::{self, ComponentError};
use calypte_host::{FeedKind, Strategy, Uploads};
use calypte_kernel::{ParamValue, StrategyId};
use calypte_sim::{CandleSource, SourceError, SourceItem};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A component file did not become a strategy.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// Nothing lies within the period.
    #[error("no candle of the data lies between --from and --to: `calypte data check` shows what a file spans")]
    NoCandles,
    /// It trades on something a backtest of candles does not have.
    #[error("{path:?} lives on {feeds}, and this run has nothing but candles")]
    NoFeed {
        /// Which.
        path: PathBuf,
        /// What it asks for.
        feeds: String,
    },
    /// A parameter was not written as the strategy takes it.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// A data file is not fit for use.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// A strategy, ready to be started.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) id: StrategyId,
    pub(super) name: String,
    pub(super) strategy: Strategy,
    pub(super) parameters: Arc<[(String, ParamValue)]>,
}

/// Loads the strategies of a request, in its order.
pub(super) async fn strategies(uploads: &Uploads, request: &BacktestRequest) -> Result<Vec<Loaded>, PrepareError> {
    let mut loaded = Vec::with_capacity(request.strategies.len());
    for (place, wanted) in request.strategies.iter().enumerate() {
        let id = StrategyId::new(u32::try_from(place).expect("a request holds few strategies"));
        loaded.push(load(uploads, id, wanted).await?);
    }
    Ok(loaded)
}

/// Loads one strategy and checks its parameters.
pub(super) async fn load(uploads: &Uploads, id: StrategyId, wanted: &StrategyRequest) -> Result<Loaded, PrepareError> {
    let path = &wanted.component;
    let strategy = upload::load(uploads, path).await?.strategy;
    let manifest = strategy.manifest();
    if !manifest.feeds.is_empty() && !manifest.feeds.contains(&FeedKind::Candles) && manifest.tick_interval_ms.is_none() {
        let feeds = manifest.feeds.iter().map(|feed| format!("{feed:?}").to_lowercase()).collect::<Vec<_>>().join(", ");
        return Err(PrepareError::NoFeed { path: path.clone(), feeds });
    }
    let parameters = parameters::resolve(&wanted.name, manifest, &wanted.parameters)?;
    Ok(Loaded { id, name: wanted.name.clone(), strategy, parameters })
}

/// A data file that is being read by a run and asked about afterwards.
#[derive(Clone)]
pub(super) struct SharedFile(Arc<Mutex<CandleFile>>);

impl SharedFile {
    fn open(series: &SeriesRequest, settings: &RunSettings) -> Result<Self, DataError> {
        let options = read_options(series, settings);
        Ok(Self(Arc::new(Mutex::new(CandleFile::open(&series.file, &options)?))))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, CandleFile> {
        // A panic elsewhere leaves at worst a batch half read, and ends the run.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CandleSource for SharedFile {
    fn next_batch(&mut self, batch: &mut Vec<SourceItem>) -> Result<bool, SourceError> {
        self.lock().next_batch(batch)
    }
}

/// Opens the files of a market, in its order.
pub(super) fn files(market: &MarketRequest, settings: &RunSettings) -> Result<Vec<SharedFile>, DataError> {
    market.series.iter().map(|series| SharedFile::open(series, settings)).collect()
}

/// How a series is read. Candles before the period are read as well: they warm strategies up.
pub(super) fn read_options(series: &SeriesRequest, settings: &RunSettings) -> ReadOptions {
    ReadOptions { from: None, ..settings.read_options(series.info.timeframe) }
}
