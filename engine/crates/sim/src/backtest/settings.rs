//! What a run is made of, and what of it makes no sense.

use super::models::{LATENCY_MS_MAX, Latency};
use crate::exchange::{ExchangeSettings, ExchangeSettingsError, MarginSettings};
use crate::resample::{NotDerivable, Resampler};
use crate::timeline::{Derivation, SERIES_MAX, SeriesData, Timeline};
use calypte_kernel::{
    AccountId, AccountRisk, CoreSettings, Decimal, Instrument, Limits, SeriesId, SeriesInfo, SettingsError, Timestamp,
};
use std::sync::Arc;

/// Settings of a run.
#[derive(Debug, Clone)]
pub struct BacktestSettings {
    /// The account's number; part of every client order id.
    pub account: AccountId,
    /// Cash at the start.
    pub cash: Decimal,
    /// Instruments, each at the place its id says.
    pub instruments: Arc<[Instrument]>,
    /// Series, each at the place its id says. All of them need candles.
    pub series: Arc<[SeriesInfo]>,
    /// How the exchange fills and what it charges.
    pub exchange: ExchangeSettings,
    /// Limits of the account and its strategies.
    pub limits: Limits,
    /// What is declared about the account's risk.
    pub risk: AccountRisk,
    /// Where the clock begins; candles that close by then are history. None: with the first candle.
    pub from: Option<Timestamp>,
    /// Where it stops: candles that close later are left out. None: with the last candle.
    pub to: Option<Timestamp>,
    /// Most round trips that the outcome lists; the statistics count all.
    pub trades_max: usize,
    /// Interval of the points of equity that the observer gets, beside the last one; none: it gets only that.
    pub equity_interval_ms: Option<u64>,
    /// What is simulated beyond fills and fees.
    pub models: ModelSettings,
}

/// What is simulated beyond fills and fees; by default nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelSettings {
    /// How long messages are under way.
    pub latency: Latency,
    /// Leverage, initial margin, liquidation; none: any position is carried.
    pub margin: Option<MarginSettings>,
}

/// Most round trips listed where nothing else is said.
pub const TRADES_MAX: usize = 20_000;

/// The candles of one series.
#[derive(Debug)]
pub struct SeriesSource {
    /// Which series.
    pub series: SeriesId,
    /// Where they come from.
    pub data: SeriesData,
}

/// Settings that no run can be made of.
#[derive(Debug, thiserror::Error)]
pub enum BacktestSettingsError {
    /// The account's settings contradict themselves.
    #[error("settings of the account")]
    Core(#[from] SettingsError),
    /// The exchange's settings make no sense.
    #[error("settings of the exchange")]
    Exchange(#[from] ExchangeSettingsError),
    /// A latency that is none.
    #[error("a latency of {0} ms is more than {LATENCY_MS_MAX}")]
    Latency(u64),
    /// It ends before it begins.
    #[error("the run begins at {from} and ends at {to}: choose a later end")]
    Span {
        /// The beginning.
        from: Timestamp,
        /// The end.
        to: Timestamp,
    },
    /// Too many series.
    #[error("{0} series are more than {SERIES_MAX}: split the run")]
    TooManySeries(usize),
    /// A series has no candles, or twice.
    #[error("series {series} has {count} sources: give it one")]
    Sources {
        /// Which series.
        series: SeriesId,
        /// How many it has.
        count: usize,
    },
    /// A series cannot be made from the one named.
    #[error("series {series} cannot be made from series {from}: that is not a series of the same instrument with a source")]
    NotASource {
        /// Which series.
        series: SeriesId,
        /// From which.
        from: SeriesId,
    },
    /// A series cannot be made from the one named, because of their timeframes.
    #[error("series {series}")]
    NotDerivable {
        /// Which series.
        series: SeriesId,
        /// Why.
        #[source]
        cause: NotDerivable,
    },
}

impl ModelSettings {
    pub(super) fn checked_latency(&self) -> Result<Latency, BacktestSettingsError> {
        let Latency { feed_ms, order_ms, report_ms } = self.latency;
        let longest = feed_ms.max(order_ms).max(report_ms);
        if longest > LATENCY_MS_MAX { Err(BacktestSettingsError::Latency(longest)) } else { Ok(self.latency) }
    }
}

impl BacktestSettings {
    pub(super) fn into_core(self) -> CoreSettings {
        CoreSettings {
            cash: self.cash,
            fees: self.exchange.fees,
            limits: self.limits,
            risk: self.risk,
            ..CoreSettings::new(self.account, self.instruments, self.series)
        }
    }

    /// The merge of all sources.
    pub(super) fn timeline(&self, sources: Vec<SeriesSource>) -> Result<Timeline, BacktestSettingsError> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && to <= from
        {
            return Err(BacktestSettingsError::Span { from, to });
        }
        if self.series.len() > SERIES_MAX {
            return Err(BacktestSettingsError::TooManySeries(self.series.len()));
        }
        let with_source = sources.iter().filter(|source| matches!(source.data, SeriesData::Source(_)));
        let with_source = with_source.map(|source| source.series).collect::<Vec<_>>();
        for info in &*self.series {
            let count = sources.iter().filter(|source| source.series == info.id).count();
            if count != 1 {
                return Err(BacktestSettingsError::Sources { series: info.id, count });
            }
        }
        let mut lanes = Vec::new();
        for SeriesSource { series, data } in sources {
            let Some(info) = self.info(series) else {
                return Err(BacktestSettingsError::Sources { series, count: 0 });
            };
            let derivation = match data {
                SeriesData::Source(source) => Derivation::Source(source),
                SeriesData::DerivedFrom(from) => Derivation::From(from, self.resampler(info, from, &with_source)?),
            };
            lanes.push((info, derivation));
        }
        Ok(Timeline::new(lanes, self.to.unwrap_or(Timestamp::MAX)))
    }

    fn info(&self, series: SeriesId) -> Option<SeriesInfo> {
        self.series.iter().find(|info| info.id == series).copied()
    }

    fn resampler(
        &self,
        info: SeriesInfo,
        from: SeriesId,
        with_source: &[SeriesId],
    ) -> Result<Resampler, BacktestSettingsError> {
        let origin = self.info(from).filter(|origin| origin.instrument == info.instrument && with_source.contains(&from));
        let Some(origin) = origin else {
            return Err(BacktestSettingsError::NotASource { series: info.id, from });
        };
        Resampler::new(origin.timeframe, info.timeframe)
            .map_err(|cause| BacktestSettingsError::NotDerivable { series: info.id, cause })
    }
}
