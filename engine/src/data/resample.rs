//! A stream of longer candles over a stream of shorter ones. The rule itself, with what counts as empty, is `calypte_sim`'s.

use calypte_kernel::{Candle, Timeframe, Timestamp};
use calypte_sim::{BATCH_MAX, CandleSource, Gap, NotDerivable, Resampler, SourceError, SourceItem};

/// Longer candles, with a gap note wherever a whole one is missing.
pub struct Resampled<S> {
    source: S,
    from: Timeframe,
    to: Timeframe,
    resampler: Resampler,
    /// The longer candle given out last.
    last: Option<Timestamp>,
    shorter: Vec<SourceItem>,
    longer: Vec<SourceItem>,
    /// How many of the longer ones are given out.
    used: usize,
}

impl<S: CandleSource> Resampled<S> {
    /// Over a source of candles of one length, to candles of a longer one.
    ///
    /// # Errors
    /// Where the longer is not a whole multiple of the shorter.
    pub fn new(source: S, from: Timeframe, to: Timeframe) -> Result<Self, NotDerivable> {
        let resampler = Resampler::new(from, to)?;
        Ok(Self { source, from, to, resampler, last: None, shorter: Vec::new(), longer: Vec::new(), used: 0 })
    }

    /// The source below, for what it has noted.
    pub const fn source_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// Reads shorter candles until a longer one is ready. False: there are no more.
    fn refill(&mut self) -> Result<bool, SourceError> {
        self.longer.clear();
        self.used = 0;
        while self.longer.is_empty() {
            let mut shorter = std::mem::take(&mut self.shorter);
            shorter.clear();
            let more = self.source.next_batch(&mut shorter)?;
            for item in &shorter {
                // A gap between the shorter ones is one between the longer only where a whole one is missing.
                if let SourceItem::Candle(candle) = item {
                    let flushed = self.resampler.flush(candle.open_time);
                    self.put(flushed);
                    let made = self.resampler.push(candle, self.from.close_of(candle.open_time));
                    self.put(made);
                }
            }
            self.shorter = shorter;
            if !more {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn put(&mut self, made: Option<Candle>) {
        let Some(candle) = made else { return };
        if let Some(last) = self.last.replace(candle.open_time) {
            let start = self.to.close_of(last);
            let missing = candle.open_time.millis_since(start) / self.to.as_millis();
            if missing > 0 {
                let missing = u32::try_from(missing).unwrap_or(u32::MAX);
                self.longer.push(SourceItem::Gap(Gap { start, end: candle.open_time, missing }));
            }
        }
        self.longer.push(SourceItem::Candle(candle));
    }
}

impl<S: CandleSource> CandleSource for Resampled<S> {
    fn next_batch(&mut self, batch: &mut Vec<SourceItem>) -> Result<bool, SourceError> {
        if self.used == self.longer.len() && !self.refill()? {
            return Ok(false);
        }
        // One batch of shorter candles may give up to as many longer ones, and a note before each.
        let end = self.longer.len().min(self.used + BATCH_MAX);
        batch.extend_from_slice(&self.longer[self.used..end]);
        self.used = end;
        Ok(true)
    }
}
