//! Where candles of the past come from when a strategy begins.

use async_trait::async_trait;
use calypte_kernel::{Candle, SeriesInfo, Timestamp};

/// Most candles asked for at once; an exchange keeps no more of one series.
pub const HISTORY_MAX: u32 = 5_000;

/// Why history cannot be had now. Nothing of it is fatal: a strategy begins with what there is.
#[derive(Debug, thiserror::Error)]
#[error("candles of the past could not be had of {of}: {words}")]
pub struct HistoryError {
    /// Of what.
    pub of: String,
    /// What went wrong.
    pub words: String,
}

/// Knows closed candles of the past.
#[async_trait]
pub trait History: Send + Sync {
    /// The latest candles of a series that had closed by `until`, oldest first, at most `count`: fewer where there are no more.
    ///
    /// # Errors
    /// Where it cannot be asked.
    async fn candles(&self, series: SeriesInfo, count: u32, until: Timestamp) -> Result<Vec<Candle>, HistoryError>;
}
