//! Listens to a run: streams `fills.csv` and `equity.csv`, and collects what the page draws of them.
//!
//! A handle: the run holds one as its observer, whoever writes the reports another. An error of a file is kept and given back
//! by [`Recorder::finish`], since a run cannot be stopped from here.

use super::drawn::Drawn;
use super::record::money;
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
    #[error("{path:?} cannot be written")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: csv::Error,
    },
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
    path: PathBuf,
    rows: csv::Writer<File>,
}

impl Recorder {
    /// Makes the folder and the files.
    ///
    /// # Errors
    /// Where they cannot be made.
    pub fn create(folder: &Path, strategies: &[StrategyRequest], market: &MarketRequest) -> Result<Self, RecorderError> {
        std::fs::create_dir_all(folder).map_err(|cause| RecorderError::Folder { path: folder.to_owned(), cause })?;
        let fill_columns =
            ["time_ms", "strategy", "symbol", "side", "price", "size", "fee", "role", "position", "trade_id", "order"];
        Ok(Self(Arc::new(Mutex::new(Inner {
            fills: Table::create(folder.join("fills.csv"), &fill_columns)?,
            equity: Table::create(folder.join("equity.csv"), &["time_ms", "equity"])?,
            drawn: Drawn::default(),
            strategies: strategies.iter().map(|strategy| strategy.name.clone()).collect(),
            symbols: market.instruments.iter().map(|instrument| instrument.symbol.clone()).collect(),
            error: None,
        }))))
    }

    /// Ends the files and gives what the page draws.
    ///
    /// # Errors
    /// Where a file could not be written, at whatever time that was.
    pub fn finish(self) -> Result<Drawn, RecorderError> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        for table in [&mut inner.fills, &mut inner.equity] {
            let flushed = table.rows.flush();
            inner.error = inner.error.take().or(flushed.err().map(|error| table.failed(error.into())));
        }
        match inner.error.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut inner.drawn)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves at worst a row unwritten.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn create(path: PathBuf, columns: &[&str]) -> Result<Self, RecorderError> {
        let failed = |cause| RecorderError::File { path: path.clone(), cause };
        let mut rows = csv::WriterBuilder::new().buffer_capacity(1 << 16).from_path(&path).map_err(failed)?;
        rows.write_record(columns).map_err(failed)?;
        Ok(Self { path, rows })
    }

    fn failed(&self, cause: csv::Error) -> RecorderError {
        RecorderError::File { path: self.path.clone(), cause }
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
        inner.drawn.fill(fill);
        let side = match fill.side {
            Side::Buy => "buy",
            Side::Sell => "sell",
        };
        let role = match (fill.liquidation, fill.maker) {
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
            &fill.order.to_string(),
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
