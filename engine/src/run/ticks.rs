//! The tick files of a run: opened, read by the simulation, and asked about afterwards.

use super::warnings::warnings_of;
use super::{Content, DataUsed};
use crate::data::{DataError, LOAD_TICKS_MAX, ReadOptions, TickFile, load_ticks};
use crate::request::{MarketRequest, RunSettings, TickRequest};
use calypte_kernel::Timeframe;
use calypte_sim::{MemoryTicks, SourceError, Tick, TickFeed, TickSource};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A tick file that a run reads.
#[derive(Clone)]
pub(super) struct SharedTicks {
    request: TickRequest,
    file: Arc<Mutex<TickFile>>,
}

impl SharedTicks {
    fn open(request: &TickRequest, settings: &RunSettings) -> Result<Self, DataError> {
        let file = open(request, settings)?;
        Ok(Self { request: request.clone(), file: Arc::new(Mutex::new(file)) })
    }

    fn lock(&self) -> MutexGuard<'_, TickFile> {
        // A panic elsewhere leaves at worst a batch half read, and ends the run.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As the simulation takes it.
    pub(super) fn feed(&self) -> TickFeed {
        feed(&self.request, self.clone())
    }

    /// What was read of it. One whose device failed has no hash, which is no reason to lose the report.
    pub(super) fn used(&self) -> DataUsed {
        let mut file = self.lock();
        let sha256 = file.sha256().ok();
        let (warnings, warnings_left_out) = warnings_of(file.notes());
        used(&self.request, sha256, warnings, warnings_left_out)
    }
}

impl TickSource for SharedTicks {
    fn next_batch(&mut self, batch: &mut Vec<Tick>) -> Result<bool, SourceError> {
        self.lock().next_batch(batch)
    }
}

/// Opens the tick files of a market, in its order.
pub(super) fn open_all(market: &MarketRequest, settings: &RunSettings) -> Result<Vec<SharedTicks>, DataError> {
    market.ticks.iter().map(|request| SharedTicks::open(request, settings)).collect()
}

/// A tick file in memory, for many runs.
pub(super) struct DecodedTicks {
    request: TickRequest,
    ticks: Arc<[Tick]>,
}

impl DecodedTicks {
    /// Reads a file, and says what was read.
    pub(super) fn read(request: &TickRequest, settings: &RunSettings) -> Result<(Self, DataUsed), DataError> {
        let read = load_ticks(open(request, settings)?, LOAD_TICKS_MAX)?;
        let (warnings, warnings_left_out) = warnings_of(&read.notes);
        let used = used(request, Some(read.sha256), warnings, warnings_left_out);
        Ok((Self { request: request.clone(), ticks: read.ticks }, used))
    }

    /// As the simulation takes it.
    pub(super) fn feed(&self) -> TickFeed {
        feed(&self.request, MemoryTicks::new(Arc::clone(&self.ticks)))
    }
}

fn open(request: &TickRequest, settings: &RunSettings) -> Result<TickFile, DataError> {
    // Ticks have no timeframe; what else the options say of times and faults holds.
    let options = ReadOptions { from: None, ..settings.read_options(Timeframe::MINUTE) };
    TickFile::open(&request.file, request.instrument, request.kind, &options)
}

fn feed(request: &TickRequest, source: impl TickSource + 'static) -> TickFeed {
    TickFeed { instrument: request.instrument, kind: request.kind, source: Box::new(source) }
}

fn used(request: &TickRequest, sha256: Option<String>, warnings: Vec<String>, warnings_left_out: u64) -> DataUsed {
    let TickRequest { instrument, kind, file } = request;
    let (file, content) = (file.clone(), Content::Ticks(*kind));
    DataUsed { file, instrument: *instrument, content, sha256, warnings, warnings_left_out }
}
