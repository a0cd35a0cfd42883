//! Why a run cannot go on.

use super::recorded::RecorderError;
use crate::outcome::DataFault;
use crate::source::SourceError;
use crate::ticks::{BrokenTicks, TickKind};
use crate::timeline::Broken;
use calypte_kernel::{EventNumber, InstrumentId, SeriesId, Timestamp};

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// A source failed. What happened before stands.
    #[error("candles of series {series}")]
    Source {
        /// Which series.
        series: SeriesId,
        /// What it says.
        #[source]
        cause: SourceError,
    },
    /// A source went back in time: mend the data.
    #[error("a candle or gap at {open_time} comes after what ended at {known_until}, or ends before it begins")]
    OutOfOrder {
        /// Which series.
        series: SeriesId,
        /// Where the candle or gap begins.
        open_time: Timestamp,
        /// When the one before it ended.
        known_until: Timestamp,
    },
    /// A source of ticks failed. What happened before stands.
    #[error("{kind} of instrument {instrument}")]
    TickSource {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Of which kind.
        kind: TickKind,
        /// What it says.
        #[source]
        cause: SourceError,
    },
    /// A source of ticks went back in time: mend the data.
    #[error("what is of {time} comes after what is of {known_until}")]
    TicksOutOfOrder {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Of which kind.
        kind: TickKind,
        /// The time of what comes too late.
        time: Timestamp,
        /// The time of what came before it.
        known_until: Timestamp,
    },
    /// What happens can no longer be written down. What happened before is.
    #[error("recording what happens at {at}")]
    Recorder {
        /// The time of the run.
        at: Timestamp,
        /// What the recorder says.
        #[source]
        cause: RecorderError,
    },
}

impl BacktestError {
    /// What is kept of it with the outcome; none where it is not the data that failed.
    pub(super) fn data_fault(&self, event: EventNumber) -> Option<DataFault> {
        let (place, words) = match self {
            Self::Source { cause, .. } | Self::TickSource { cause, .. } => match cause {
                SourceError::Data { name, cause } => (name.clone(), chained(&**cause)),
                SourceError::Unreadable { name, cause } => (name.clone(), chained(cause)),
            },
            Self::OutOfOrder { series, .. } => (format!("series {series}"), self.to_string()),
            Self::TicksOutOfOrder { instrument, kind, .. } => (format!("{kind} of instrument {instrument}"), self.to_string()),
            Self::Recorder { .. } => return None,
        };
        Some(DataFault { event, place, words })
    }
}

/// An error with its causes on one line.
fn chained(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl From<Broken> for BacktestError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Source(series, cause) => Self::Source { series, cause },
            Broken::OutOfOrder { series, open_time, known_until } => Self::OutOfOrder { series, open_time, known_until },
        }
    }
}

impl From<BrokenTicks> for BacktestError {
    fn from(broken: BrokenTicks) -> Self {
        match broken {
            BrokenTicks::Source { instrument, kind, cause } => Self::TickSource { instrument, kind, cause },
            BrokenTicks::OutOfOrder { instrument, kind, time, known_until } => {
                Self::TicksOutOfOrder { instrument, kind, time, known_until }
            }
        }
    }
}
