//! A strategy and a market in memory, for many runs: each with its own instance, parameters and fuel.

use super::digest::Identity;
use super::journal::Journal;
use super::prepare::{Loaded, PrepareError, load, read_options};
use super::pull::{Listener, Pull, Way};
use super::setup::{Setup, deployment, instance_settings};
use super::ticks::DecodedTicks;
use super::warnings::warnings_of;
use super::{Content, DataUsed, Drawing, RunReport, drawn, ran, resolve};
use crate::control::Control;
use crate::data::{self, LOAD_CANDLES_MAX};
use crate::request::{MarketRequest, RunSettings, SeriesRequest, StrategyRequest};
use crate::upload::uploads;
use anyhow::Context as _;
use calypte_host::{Manifest, SandboxSettings};
use calypte_kernel::{ParamValue, StrategyId};
use calypte_sim::{Backtest, CandleSource, ItemSource, Observer, Outcome, SourceItem};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The number of the only strategy of each run.
const STRATEGY: StrategyId = StrategyId::new(0);

/// A loaded strategy with decoded data.
pub struct Decoded {
    request: StrategyRequest,
    loaded: Loaded,
    setup: Setup,
    series: Vec<SeriesRequest>,
    settings: RunSettings,
    data: Vec<DataUsed>,
    /// Candles and gap notes of each series with a file.
    items: Vec<Arc<[SourceItem]>>,
    ticks: Vec<DecodedTicks>,
}

impl Decoded {
    /// Loads the strategy and reads the files, for so many runs at once.
    ///
    /// # Errors
    /// Where the strategy is refused, its fixed parameters are not allowed, or the data are not fit for use.
    pub async fn new(
        strategy: &StrategyRequest,
        market: &MarketRequest,
        settings: &RunSettings,
        runs_at_once: usize,
        remark: fn(&str),
    ) -> anyhow::Result<Self> {
        let instances_max = u32::try_from(runs_at_once).context("counting runs")?.saturating_add(1);
        let sandbox = SandboxSettings { instances_max, portable: settings.portable, ..SandboxSettings::default() };
        let loaded = load(&uploads(sandbox, remark)?, STRATEGY, strategy, market).await?;
        let (series, read_settings) = (market.series.clone(), settings.clone());
        let read = move || series.iter().map(|series| read(series, &read_settings, remark)).collect::<Result<Vec<_>, _>>();
        let read = tokio::task::spawn_blocking(read).await.context("reading the data")??;
        let (items, mut data): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        let (wanted, read_settings) = (market.ticks.clone(), settings.clone());
        let read =
            move || wanted.iter().map(|wanted| DecodedTicks::read(wanted, &read_settings)).collect::<Result<Vec<_>, _>>();
        let read = tokio::task::spawn_blocking(read).await.context("reading the data")?.map_err(PrepareError::Data)?;
        let (ticks, used): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        for used in used {
            for warning in &used.warnings {
                remark(&format!("warning: {}: {warning}", used.file.display()));
            }
            data.push(used);
        }
        let setup = Setup::new(market, settings);
        Ok(Self {
            request: strategy.clone(),
            loaded,
            setup,
            series: market.series.clone(),
            settings: settings.clone(),
            data,
            items,
            ticks,
        })
    }

    /// What the strategy says of itself.
    pub fn manifest(&self) -> &Manifest {
        self.loaded.strategy.manifest()
    }

    /// Candles of all files.
    pub fn candles(&self) -> usize {
        let is_candle = |item: &&SourceItem| matches!(item, SourceItem::Candle(_));
        self.items.iter().map(|items| items.iter().filter(is_candle).count()).sum()
    }

    /// Fails where no candle lies within the period: every run would be one over nothing.
    ///
    /// # Errors
    /// [`PrepareError::NoCandles`], with what the files span.
    pub fn check_period(&self, market: &MarketRequest) -> Result<(), PrepareError> {
        let (from, to) = (self.settings.from, self.settings.to);
        let within = |item: &SourceItem, series: &DataUsed| match item {
            SourceItem::Candle(candle) => {
                let Content::Candles(timeframe) = series.content else { return false };
                let close_time = timeframe.close_of(candle.open_time);
                from.is_none_or(|from| candle.open_time >= from) && to.is_none_or(|to| close_time <= to)
            }
            SourceItem::Gap(_) => false,
        };
        let mut series = self.items.iter().zip(&self.data);
        if series.any(|(items, series)| items.iter().any(|item| within(item, series))) {
            return Ok(());
        }
        Err(PrepareError::no_candles(market, &self.settings))
    }

    /// Names everything a run depends on but the parameters given to [`Self::run`].
    pub fn digest(&self, way: Way) -> String {
        let strategies = std::slice::from_ref(&self.loaded);
        Identity { strategies, data: &self.data, setup: &self.setup, settings: &self.settings, way }.digest()
    }

    /// Checks parameters beyond the fixed ones.
    ///
    /// # Errors
    /// [`PrepareError::Parameter`] where the manifest does not allow one.
    pub fn check(&self, written: &[(String, String)]) -> Result<(), PrepareError> {
        self.resolve(written).map(drop)
    }

    /// Runs once, with parameters beyond the fixed ones. Takes its thread until it is done; `control` ends it early.
    ///
    /// # Errors
    /// Where a parameter is not allowed or the instance does not start.
    pub fn run(&self, written: &[(String, String)], way: Way, control: &Arc<Control>) -> anyhow::Result<Outcome> {
        let loaded = Loaded { parameters: self.resolve(written)?, ..self.loaded.clone() };
        let backtest = self.backtest(&loaded, self.sources().collect())?;
        self.pull(backtest, &loaded, Arc::default(), way, control)
    }

    /// As [`Self::run`], with everything that a report of the run shows. The observer gets fills and equity as they happen.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn report(
        &self,
        written: &[(String, String)],
        way: Way,
        control: &Arc<Control>,
        observer: Box<dyn Observer>,
    ) -> anyhow::Result<RunReport> {
        let began = Instant::now();
        let loaded = Loaded { parameters: self.resolve(written)?, ..self.loaded.clone() };
        let (sources, bars) = drawn(&self.series, self.sources(), self.settings.from);
        let journal = Arc::new(Mutex::new(Journal::default()));
        let listener = Listener::new(observer, Arc::clone(&journal));
        let backtest = self.backtest(&loaded, sources)?.with_observer(Box::new(listener));
        let outcome = self.pull(backtest, &loaded, Arc::clone(&journal), way, control)?;
        let journal = std::mem::take(&mut *journal.lock().unwrap_or_else(PoisonError::into_inner));
        let strategies = vec![loaded];
        let identity =
            Identity { strategies: &strategies, data: &self.data, setup: &self.setup, settings: &self.settings, way };
        Ok(RunReport {
            outcome,
            digest: identity.digest(),
            strategies: ran(strategies, std::slice::from_ref(&self.request), &journal),
            instruments: Arc::clone(&self.setup.instruments),
            series: Arc::clone(&self.setup.series),
            data: self.data.clone(),
            settings: self.settings.clone(),
            bars: bars.iter().map(Drawing::take).collect(),
            journal,
            wall_time_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn sources(&self) -> impl Iterator<Item = Box<dyn CandleSource>> {
        self.items.iter().map(|items| Box::new(ItemSource::new(Arc::clone(items))) as Box<dyn CandleSource>)
    }

    fn backtest(&self, loaded: &Loaded, sources: Vec<Box<dyn CandleSource>>) -> anyhow::Result<Backtest> {
        let deployments = vec![deployment(loaded, &self.settings)];
        let backtest = Backtest::new(self.setup.backtest(), deployments, self.setup.sources(sources));
        Ok(backtest.context("setting up a run")?.with_ticks(self.ticks.iter().map(DecodedTicks::feed).collect()))
    }

    fn pull(
        &self,
        backtest: Backtest,
        loaded: &Loaded,
        journal: Arc<Mutex<Journal>>,
        way: Way,
        control: &Arc<Control>,
    ) -> anyhow::Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().context("making a runtime")?;
        runtime.block_on(async {
            let instance = loaded.strategy.instantiate(instance_settings(STRATEGY, &self.settings)).await;
            let instance = instance.with_context(|| format!("starting {}", loaded.name))?;
            let pull = Pull::new(backtest, journal, Arc::clone(control), way);
            let (outcome, failed) = pull.run(&mut [instance]).await;
            failed.map_or(Ok(outcome), |error| Err(self.setup.named(error)))
        })
    }

    fn resolve(&self, written: &[(String, String)]) -> Result<Arc<[(String, ParamValue)]>, PrepareError> {
        let mut all = self.request.parameters.clone();
        all.extend_from_slice(written);
        Ok(resolve(&self.request.name, self.manifest(), &all)?)
    }
}

fn read(
    series: &SeriesRequest,
    settings: &RunSettings,
    remark: fn(&str),
) -> Result<(Arc<[SourceItem]>, DataUsed), PrepareError> {
    let read = data::load(&series.file, &read_options(series, settings), LOAD_CANDLES_MAX)?;
    let (warnings, warnings_left_out) = warnings_of(&read.notes);
    for warning in &warnings {
        remark(&format!("warning: {}: {warning}", series.file.display()));
    }
    let (instrument, content) = (series.info.instrument, Content::Candles(series.info.timeframe));
    let (file, sha256) = (series.file.clone(), Some(read.sha256));
    let used = DataUsed { file, instrument, content, sha256, warnings, warnings_left_out };
    Ok((read.items, used))
}
