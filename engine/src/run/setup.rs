//! What the simulated exchange and the core are made with: instruments, series, limits, fees.

use super::prepare::Loaded;
use crate::request::{LimitFill, LimitSettings, MarketRequest, RunSettings};
use calypte_host::{InstanceLimits, InstanceSettings};
use calypte_kernel::{
    AccountId, AccountRisk, Deployment, Instrument, InstrumentId, Limits, RestartPolicy, SeriesId, SeriesInfo, StrategyId,
    StrategyRisk, StrategyView, Timeframe, TradingCore,
};
use calypte_sim::{
    BacktestError, BacktestSettings, CandleSource, ExchangeSettings, ModelSettings, RunStatus, SeriesData, SeriesSource,
    TRADES_MAX, ZeroVolume,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Timeframes that are offered beside those of the files, where a file has candles they can be made from.
const DERIVED: [&str; 13] = ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "3d", "1w"];
/// Wall-clock milliseconds of an event or an `init`. Fuel ends them, the same on every machine; the clock is for a machine that
/// has come to a standstill.
const WALL_MS_MAX: u64 = 120_000;
/// Interval of the equity that is written while a run goes on.
const EQUITY_INTERVAL_MS: u64 = 3_600_000;

/// A market as the simulation takes it.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) instruments: Arc<[Instrument]>,
    /// Series with a file first, in the order of the request, then those made from them.
    pub(super) series: Arc<[SeriesInfo]>,
    /// For each series made from another: from which.
    derived: Vec<(SeriesId, SeriesId)>,
    settings: RunSettings,
}

impl Setup {
    pub(super) fn new(market: &MarketRequest, settings: &RunSettings) -> Self {
        let mut series = market.series.iter().map(|series| series.info).collect::<Vec<_>>();
        let mut derived = Vec::new();
        for instrument in &market.instruments {
            let own = market.series.iter().map(|series| series.info).filter(|info| info.instrument == instrument.id);
            let Some(finest) = own.min_by_key(|info| info.timeframe) else { continue };
            for timeframe in DERIVED {
                let timeframe: Timeframe = timeframe.parse().expect("the list holds timeframes");
                let known = |info: &SeriesInfo| info.instrument == instrument.id && info.timeframe == timeframe;
                let longer = timeframe > finest.timeframe && timeframe.is_multiple_of(finest.timeframe);
                if longer && !series.iter().any(known) && series.len() < calypte_sim::SERIES_MAX {
                    let id = SeriesId::new(u32::try_from(series.len()).expect("SERIES_MAX fits"));
                    derived.push((id, finest.id));
                    series.push(SeriesInfo { id, instrument: instrument.id, timeframe });
                }
            }
        }
        Self { instruments: market.instruments.as_slice().into(), series: series.into(), derived, settings: settings.clone() }
    }

    pub(super) fn backtest(&self) -> BacktestSettings {
        let settings = &self.settings;
        BacktestSettings {
            account: AccountId::new(0),
            cash: settings.cash,
            instruments: Arc::clone(&self.instruments),
            series: Arc::clone(&self.series),
            exchange: ExchangeSettings {
                fees: settings.fees,
                slippage_bps: settings.slippage_bps,
                limit_fill: match settings.fill {
                    LimitFill::Touch => calypte_sim::LimitFill::Touch,
                    LimitFill::Through => calypte_sim::LimitFill::Through,
                },
                zero_volume: ZeroVolume::Auto,
                participation: settings.models.participation,
            },
            limits: Limits::default(),
            risk: settings.risk.as_ref().map_or(AccountRisk::NONE, |risk| risk.account(&self.instruments)),
            from: settings.from,
            to: settings.to,
            trades_max: TRADES_MAX,
            equity_interval_ms: Some(EQUITY_INTERVAL_MS),
            models: ModelSettings {
                latency: settings.models.latency.0,
                margin: settings.models.margin(&self.instruments, settings.fees),
            },
        }
    }

    /// Data that failed, told with the names that the trader gave: the simulation knows numbers only.
    pub(super) fn named(&self, error: BacktestError) -> anyhow::Error {
        let whose = self.whose(&error).map_or_else(|| "writing the journal".to_owned(), |whose| format!("reading the {whose}"));
        match error {
            BacktestError::Source { cause, .. } | BacktestError::TickSource { cause, .. } => {
                anyhow::Error::new(cause).context(whose)
            }
            error => anyhow::Error::new(error).context(whose),
        }
    }

    /// Which data failed: `candles of BTC:1m`, `trades of BTC`. None: it is not the data.
    pub(super) fn whose(&self, error: &BacktestError) -> Option<String> {
        let symbol = |instrument: InstrumentId| &self.instruments[instrument.get() as usize].symbol;
        match *error {
            BacktestError::Source { series, .. } | BacktestError::OutOfOrder { series, .. } => {
                let SeriesInfo { instrument, timeframe, .. } = self.series[series.get() as usize];
                Some(format!("candles of {}:{timeframe}", symbol(instrument)))
            }
            BacktestError::TickSource { instrument, kind, .. } | BacktestError::TicksOutOfOrder { instrument, kind, .. } => {
                Some(format!("{kind} of {}", symbol(instrument)))
            }
            BacktestError::Recorder { .. } => None,
        }
    }

    /// Puts these names in the place of a fault that the simulation found itself; one that a file found has its file and line.
    pub(super) fn name_fault(&self, status: &mut RunStatus, error: &BacktestError) {
        if let (RunStatus::BadData(fault), BacktestError::OutOfOrder { .. } | BacktestError::TicksOutOfOrder { .. }) =
            (status, error)
            && let Some(whose) = self.whose(error)
        {
            fault.place = whose;
        }
    }

    /// Every series with where its candles come from; `sources` are those of the files.
    pub(super) fn sources(&self, sources: Vec<Box<dyn CandleSource>>) -> Vec<SeriesSource> {
        let with_file = self.series.iter().zip(sources);
        let with_file = with_file.map(|(info, source)| SeriesSource { series: info.id, data: SeriesData::Source(source) });
        let made = self.derived.iter();
        let made = made.map(|(series, from)| SeriesSource { series: *series, data: SeriesData::DerivedFrom(*from) });
        with_file.chain(made).collect()
    }
}

/// A strategy as the core takes it.
pub(super) fn deployment(loaded: &Loaded, settings: &RunSettings) -> Deployment {
    Deployment {
        risk: settings.risk.as_ref().map_or(StrategyRisk::NONE, |risk| risk.strategy(&loaded.name)),
        restart: settings.risk.as_ref().map_or(RestartPolicy::Resume, |risk| risk.restart(&loaded.name)),
        shares: settings.risk.as_ref().is_some_and(|risk| risk.shares(&loaded.name)),
        tick_interval_ms: loaded.strategy.manifest().tick_interval_ms,
        ..Deployment::new(loaded.id, Arc::clone(&loaded.parameters), loaded.strategy.knows())
    }
}

/// A strategy as the sandbox takes it.
pub(super) fn instance_settings(strategy: StrategyId, settings: &RunSettings) -> InstanceSettings {
    sandbox_settings(strategy, settings.fuel, (settings.fuel_per_event, &settings.limits), settings.seed)
}

/// How the sandbox runs a strategy, by what a run and a journal of it say.
pub(crate) fn sandbox_settings(
    strategy: StrategyId,
    fuel_per_run: Option<u64>,
    (fuel_per_event, changed): (Option<u64>, &LimitSettings),
    seed: u64,
) -> InstanceSettings {
    let defaults = InstanceLimits::default();
    let mut limits = InstanceLimits {
        fuel_per_event: fuel_per_event.unwrap_or(defaults.fuel_per_event),
        fuel_per_run,
        wall_ms_per_event: WALL_MS_MAX,
        wall_ms_init: WALL_MS_MAX,
        ..defaults
    };
    changed.apply(&mut limits);
    InstanceSettings { limits, seed, ..InstanceSettings::new(strategy) }
}

/// What the key-value store of a strategy holds where its next instance begins: what the one before left there.
pub(crate) fn state_of(core: &TradingCore, strategy: StrategyId) -> BTreeMap<String, Vec<u8>> {
    let held = core.strategy(strategy).into_iter().flat_map(StrategyView::state_values);
    held.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
