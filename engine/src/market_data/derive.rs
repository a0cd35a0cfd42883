//! Longer candles from minutes, as they close.

use crate::bus::{StreamName, Topic};
use calypte_kernel::{Candle, Timeframe, Timestamp};
use calypte_sim::{NotDerivable, Resampler};

/// One longer series over minutes.
#[derive(Debug)]
pub(super) struct Derived {
    pub(super) stream: StreamName,
    resampler: Resampler,
    /// Open time of the last minute taken: none counts twice.
    last: Option<Timestamp>,
}

impl Derived {
    /// Over the minutes of the same instrument.
    pub(super) fn new(minutes: &StreamName, to: Timeframe) -> Result<Self, NotDerivable> {
        let resampler = Resampler::new(Timeframe::MINUTE, to)?;
        Ok(Self { stream: StreamName::new(minutes.symbol(), Topic::Candles(to)), resampler, last: None })
    }

    /// Takes a minute; gives the longer candles that it ends: one that waited for it, and one that it completes.
    pub(super) fn take(&mut self, minute: &Candle) -> impl Iterator<Item = Candle> + use<> {
        let is_new = self.last.is_none_or(|last| minute.open_time > last);
        let made = is_new.then(|| {
            self.last = Some(minute.open_time);
            let flushed = self.resampler.flush(minute.open_time);
            [flushed, self.resampler.push(minute, Timeframe::MINUTE.close_of(minute.open_time))]
        });
        made.into_iter().flatten().flatten()
    }
}
