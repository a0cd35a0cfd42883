//! Candles of the past, read off the streams that the market data service keeps.

use crate::bus::{Bus, StreamName};
use crate::live::{HISTORY_MAX, History, HistoryError};
use crate::market_data::candle_of;
use async_trait::async_trait;
use calypte_kernel::{Candle, SeriesId, SeriesInfo, Timestamp};
use calypte_venues::ambient::Ambient;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Entries that are read for each candle: heartbeats and gaps lie between them.
const ENTRIES_PER_CANDLE: usize = 2;
/// Entries that are read beyond that.
const ENTRIES_MORE: usize = 64;
/// How often it is looked whether the candles of the past are there.
const LOOK: Duration = Duration::from_millis(100);

/// Reads candles off streams.
pub struct BusHistory {
    bus: Arc<dyn Bus>,
    streams: BTreeMap<SeriesId, StreamName>,
    ambient: Arc<dyn Ambient>,
    wait: Duration,
}

impl BusHistory {
    /// Of these series. A stream that was just begun fills up: so long is waited for the candle that closed last.
    pub fn new(
        bus: Arc<dyn Bus>,
        streams: impl IntoIterator<Item = (SeriesId, StreamName)>,
        ambient: Arc<dyn Ambient>,
        wait: Duration,
    ) -> Self {
        Self { bus, streams: streams.into_iter().collect(), ambient, wait }
    }

    /// Closed candles of a stream, newest first, at most so many entries of it.
    async fn newest(&self, stream: &StreamName, entries: usize) -> Result<Vec<Candle>, HistoryError> {
        let read = self.bus.newest(stream, entries.min(crate::bus::limits::READ_MAX)).await;
        let read = read.map_err(|error| HistoryError { of: stream.to_string(), words: error.to_string() })?;
        Ok(read.iter().filter_map(candle_of).collect())
    }

    /// Waits until the candle that closed last is there, or for as long as is waited.
    async fn up_to_date(&self, stream: &StreamName, series: SeriesInfo) {
        let complete = async {
            loop {
                let running = series.timeframe.open_of(self.ambient.now());
                match self.newest(stream, ENTRIES_MORE).await.as_deref() {
                    Ok([latest, ..]) if series.timeframe.close_of(latest.open_time) >= running => return,
                    _ => tokio::time::sleep(LOOK).await,
                }
            }
        };
        if tokio::time::timeout(self.wait, complete).await.is_err() {
            tracing::warn!(%stream, "not all candles of the past came in time; strategies begin with what there is");
        }
    }
}

#[async_trait]
impl History for BusHistory {
    async fn candles(&self, series: SeriesInfo, count: u32, _until: Timestamp) -> Result<Vec<Candle>, HistoryError> {
        let no_stream =
            || HistoryError { of: format!("series {}", series.id), words: "the account has no such series".to_owned() };
        let stream = self.streams.get(&series.id).ok_or_else(no_stream)?;
        self.up_to_date(stream, series).await;
        let count = count.min(HISTORY_MAX) as usize;
        // What is on a stream of candles has closed.
        let mut candles = self.newest(stream, count * ENTRIES_PER_CANDLE + ENTRIES_MORE).await?;
        candles.truncate(count);
        candles.reverse();
        Ok(candles)
    }
}
