//! From a request to what a run needs: strategies loaded, parameters checked, files opened.

use super::parameters::{self, ParameterError};
use crate::calendar::format_time;
use crate::control::Control;
use crate::data::{CandleFile, DataError, ReadOptions, span};
use crate::request::{BacktestRequest, MarketRequest, RunSettings, SeriesRequest, StrategyRequest};
use crate::upload::{self, ComponentError};
use calypte_host::{FeedKind, Strategy, Uploads};
use calypte_kernel::{ParamValue, StrategyId, Timestamp};
use calypte_sim::{CandleSource, SourceError, SourceItem, TickKind};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Files whose span is named where none has a candle for the run.
const SPANS_NAMED_MAX: usize = 4;

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A component file did not become a strategy.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// Nothing lies within the period.
    #[error("no candle lies within the period {period}: {data}; choose --from and --to within that, or give other data")]
    NoCandles {
        /// From when to when.
        period: String,
        /// What each file spans.
        data: String,
    },
    /// It trades on something that the run has no data of.
    #[error("{path:?} lives on {feeds}, and this run has no data of that: give it with --data, such as BTC:trades=FILE")]
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
        loaded.push(load(uploads, id, wanted, &request.market).await?);
    }
    Ok(loaded)
}

/// Whether there is data of what a strategy lives on.
fn has(market: &MarketRequest, feed: FeedKind) -> bool {
    let ticks = |kind| market.ticks.iter().any(|ticks| ticks.kind == kind);
    match feed {
        FeedKind::Candles => !market.series.is_empty(),
        FeedKind::Trades => ticks(TickKind::Trades),
        FeedKind::Quotes => ticks(TickKind::Quotes),
        FeedKind::Book => ticks(TickKind::Book),
        FeedKind::Context => false,
    }
}

/// Loads one strategy and checks its parameters.
pub(super) async fn load(
    uploads: &Uploads,
    id: StrategyId,
    wanted: &StrategyRequest,
    market: &MarketRequest,
) -> Result<Loaded, PrepareError> {
    let path = &wanted.component;
    let strategy = upload::load(uploads, path).await?.strategy;
    let manifest = strategy.manifest();
    let lives = manifest.feeds.is_empty() || manifest.feeds.iter().any(|feed| has(market, *feed));
    if !lives && manifest.tick_interval_ms.is_none() {
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
    fn open(series: &SeriesRequest, settings: &RunSettings, control: &Arc<Control>) -> Result<Self, DataError> {
        let options = read_options(series, settings);
        let file = CandleFile::open(&series.file, &options)?.watched(Arc::clone(control));
        Ok(Self(Arc::new(Mutex::new(file))))
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

/// Opens the files of a market, in its order. Progress is what was read of them.
pub(super) fn files(
    market: &MarketRequest,
    settings: &RunSettings,
    control: &Arc<Control>,
) -> Result<Vec<SharedFile>, DataError> {
    let open = |series: &SeriesRequest| SharedFile::open(series, settings, control);
    let files = market.series.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    control.expect(files.iter().map(|file| file.lock().length()).sum());
    Ok(files)
}

/// How a series is read. Candles before the period are read as well: they warm strategies up.
pub(super) fn read_options(series: &SeriesRequest, settings: &RunSettings) -> ReadOptions {
    ReadOptions { from: None, ..settings.read_options(series.info.timeframe) }
}

impl PrepareError {
    /// Of a period without candles: looks once more through the files, for what they do span.
    pub(super) fn no_candles(market: &MarketRequest, settings: &RunSettings) -> Self {
        let bound = |time: Option<Timestamp>, open: &str| time.map_or_else(|| open.to_owned(), format_time);
        let period = format!("{} to {}", bound(settings.from, "the beginning"), bound(settings.to, "the end"));
        let named = market.series.iter().take(SPANS_NAMED_MAX).map(|series| {
            let options = ReadOptions { from: None, to: None, ..settings.read_options(series.info.timeframe) };
            let span = match span(&series.file, &options) {
                Ok(Some((first, last))) => format!("{} to {}", format_time(first), format_time(last)),
                Ok(None) => "nothing".to_owned(),
                Err(error) => format!("what cannot be said ({error})"),
            };
            format!("{} spans {span}", series.file.display())
        });
        let mut data = named.collect::<Vec<_>>().join(", ");
        let more = market.series.len().saturating_sub(SPANS_NAMED_MAX);
        if more > 0 {
            write!(data, ", and {more} more files").expect("text grows");
        }
        Self::NoCandles { period, data }
    }
}
