//! Listens to a run: streams `fills.csv` and `equity.csv`, and collects what the page draws of them. Both files get their names
//! with the other files of the run, so that a run that is given up leaves those of an earlier one as they are.
//!
//! A handle: the run holds one as its observer, whoever writes the reports another. An error of a file is kept and given back
//! by [`Recorder::finish`], since a run cannot be stopped from here.

use super::drawn::Drawn;
use super::record::money;
use crate::file::WholeFile;
use crate::request::{MarketRequest, StrategyRequest};
use calypte_kernel::{Decimal, Side, StrategyId, Symbol, VenueFill};
use calypte_sim::{EquityPoint, Observer};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file of the report that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The folder.
    #[error("--out {path:?} cannot be made: choose a folder that can be written")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// A file in it.
    #[error("{path:?} cannot be written: see that there is room, or choose another --out")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: csv::Error,
    },
}

/// What was recorded: what the page draws, and the files that wait for their names.
#[derive(Debug)]
pub struct Recorded {
    pub(super) drawn: Drawn,
    pub(super) files: [WholeFile; 2],
}

/// Records a run. Clones share one record.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<Inner>>);

struct Inner {
    fills: Table,
    equity: Table,
    drawn: Drawn,
    /// Names of the strategies, by their numbers.
    strategies: Vec<String>,
    /// Symbols of the instruments, by their numbers.
    symbols: Vec<Symbol>,
    /// The first error of a file; nothing more is written after it.
    error: Option<RecorderError>,
}

/// A CSV file being written.
struct Table {
    file: WholeFile,
    rows: csv::Writer<File>,
}

impl Recorder {
    /// Makes the folder and begins the files.
    ///
    /// # Errors
    /// Where they cannot be made.
    pub fn create(folder: &Path, strategies: &[StrategyRequest], market: &MarketRequest) -> Result<Self, RecorderError> {
        std::fs::create_dir_all(folder).map_err(|cause| RecorderError::Folder { path: folder.to_owned(), cause })?;
        let fill_columns =
            ["time_ms", "strategy", "symbol", "side", "price", "size", "fee", "role", "position", "trade_id", "order"];
        Ok(Self(Arc::new(Mutex::new(Inner {
            fills: Table::create(&folder.join("fills.csv"), &fill_columns)?,
            equity: Table::create(&folder.join("equity.csv"), &["time_ms", "equity"])?,
            drawn: Drawn::default(),
            strategies: strategies.iter().map(|strategy| strategy.name.clone()).collect(),
            symbols: market.instruments.iter().map(|instrument| instrument.symbol.clone()).collect(),
            error: None,
        }))))
    }

    /// Ends the files, once the run has let go of its clone.
    ///
    /// # Errors
    /// Where a file could not be written, at whatever time that was.
    ///
    /// # Panics
    /// Where a run still holds a clone.
    pub fn finish(self) -> Result<Recorded, RecorderError> {
        let inner = Arc::into_inner(self.0).expect("a run that is over holds no observer");
        let Inner { fills, equity, drawn, error, .. } = inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) => Err(error),
            None => Ok(Recorded { drawn, files: [fills.finish()?, equity.finish()?] }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves at worst a row unwritten.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn create(path: &Path, columns: &[&str]) -> Result<Self, RecorderError> {
        let failed = |cause| RecorderError::File { path: path.to_owned(), cause };
        let file = WholeFile::create(path).map_err(|cause| failed(cause.into()))?;
        let writer = file.writer().map_err(|cause| failed(cause.into()))?;
        let mut rows = csv::WriterBuilder::new().buffer_capacity(1 << 16).from_writer(writer);
        rows.write_record(columns).map_err(failed)?;
        Ok(Self { file, rows })
    }

    fn finish(mut self) -> Result<WholeFile, RecorderError> {
        match self.rows.flush() {
            Ok(()) => Ok(self.file),
            Err(cause) => Err(self.failed(cause.into())),
        }
    }

    fn failed(&self, cause: csv::Error) -> RecorderError {
        RecorderError::File { path: self.file.path().to_owned(), cause }
    }

    fn write(&mut self, error: &mut Option<RecorderError>, row: &[&str]) {
        if error.is_none()
            && let Err(cause) = self.rows.write_record(row)
        {
            *error = Some(self.failed(cause));
        }
    }
}

impl Observer for Recorder {
    fn fill(&mut self, strategy: StrategyId, fill: &VenueFill, position: Decimal) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.drawn.fill(strategy, fill);
        let side = match fill.side {
            Side::Buy => "buy",
            Side::Sell => "sell",
        };
        let role = match (fill.force.is_some(), fill.maker) {
            (true, _) => "liquidation",
            (false, true) => "maker",
            (false, false) => "taker",
        };
        let row = [
            &fill.time.to_string(),
            &inner.strategies[strategy.get() as usize],
            inner.symbols[fill.instrument.get() as usize].as_str(),
            side,
            &money(fill.price.get()),
            &money(fill.size.get()),
            &money(fill.fee),
            role,
            &money(position),
            &fill.trade_id.to_string(),
            &fill.order.map(|order| order.to_string()).unwrap_or_default(),
        ];
        inner.fills.write(&mut inner.error, &row);
    }

    fn equity(&mut self, point: EquityPoint) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.drawn.equity(point);
        inner.equity.write(&mut inner.error, &[&point.time.to_string(), &money(point.equity)]);
    }
}
