//! Funding rates, trades, quotes and books from CSV, checked as strictly as candles: what is wrong is named with file, line and
//! value, and the policy for faults says whether to stop or to drop the row.
//!
//! ```text
//! funding  time_ms,funding_rate                          due at the hour that the time lies in
//! trades   time_ms,price,size,side                       the side is the taker's: buy or sell
//! quotes   time_ms,bid_price,bid_size,ask_price,ask_size
//! book     time_ms,bid_price_0,bid_size_0,ask_price_0,ask_size_0,bid_price_1,…
//! ```
//!
//! Times rise or stand still from row to row; funding is due once an hour. Two rows of one trade cannot be told from two equal
//! trades, so both count.

mod fault;
mod layout;
mod row;

pub use fault::TickFault;

use super::csv::LineFault;
use super::csv_lines::CsvLines;
use super::fault::{At, DataError, RowFault, ShapeFault};
use super::input::{Input, Kind, sha256_of};
use super::notes::{Fate, Notes};
use super::options::{OnFault, ReadOptions};
use super::parts::parts;
use super::row::Fatal;
use calypte_kernel::{InstrumentId, Timestamp};
use calypte_sim::{BATCH_MAX, SourceError, Tick, TickKind, TickSource};
use layout::Layout;
use row::Rows;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most ticks that [`load_ticks`] keeps.
pub const LOAD_TICKS_MAX: usize = 20_000_000;

/// Bytes of a text, from wherever they come.
type Bytes = Box<dyn Read + Send>;

/// One file of ticks, or a folder of files that follow one another.
pub struct TickFile {
    /// The file that is read now.
    path: PathBuf,
    /// Files that follow.
    parts: VecDeque<PathBuf>,
    /// All files of a folder; none where it is a single one.
    all: Vec<PathBuf>,
    of: (InstrumentId, TickKind),
    options: ReadOptions,
    lines: CsvLines<Bytes>,
    rows: Rows,
    notes: Notes,
    /// Time of the latest tick, as it is due, and where it stands.
    previous: Option<(i64, At)>,
    ended: bool,
}

impl TickFile {
    /// Opens a file of one kind of tick of one instrument: CSV, plain or compressed with gzip or zstd. Of a folder the files are read in
    /// the order of their names, as if they were one.
    ///
    /// # Errors
    /// Where it cannot be read, or is no table of that kind.
    pub fn open(path: &Path, instrument: InstrumentId, kind: TickKind, options: &ReadOptions) -> Result<Self, DataError> {
        let mut parts = parts(path).map_err(|source| opening(path, source))?;
        let all = if parts.len() > 1 { parts.iter().cloned().collect() } else { Vec::new() };
        let first = parts.pop_front().expect("a path stands for at least one file");
        let opened = Self::file(&first, (instrument, kind), options)?;
        Ok(Self { parts, all, ..opened })
    }

    fn file(path: &Path, of: (InstrumentId, TickKind), options: &ReadOptions) -> Result<Self, DataError> {
        let mut file = File::open(path).map_err(|source| opening(path, source))?;
        let shape = |fault| Fatal::Shape(fault).in_file(path);
        match Kind::of(&mut file).map_err(|source| opening(path, source))?.map_err(shape)? {
            Kind::Parquet => {
                let advice = "write trades, quotes, books and funding rates as CSV";
                Err(shape(ShapeFault::NotATable { what: "a Parquet file", advice }))
            }
            text => Self::text(path, Box::new(file), text, of, options),
        }
    }

    /// Goes on with the next file of a folder.
    #[cold]
    fn go_on(&mut self, next: &Path) -> Result<(), DataError> {
        let Self { path, lines, rows, .. } = Self::file(next, self.of, &self.options)?;
        (self.path, self.lines, self.rows) = (path, lines, rows);
        Ok(())
    }

    /// Reads plain CSV from anywhere, under a name for messages.
    ///
    /// # Errors
    /// Where it is no table of that kind.
    pub fn from_text(
        name: &str,
        reader: impl Read + Send + 'static,
        of: (InstrumentId, TickKind),
        options: &ReadOptions,
    ) -> Result<Self, DataError> {
        Self::text(Path::new(name), Box::new(reader), Kind::Text, of, options)
    }

    fn text(
        path: &Path,
        bytes: Bytes,
        form: Kind,
        of @ (instrument, kind): (InstrumentId, TickKind),
        options: &ReadOptions,
    ) -> Result<Self, DataError> {
        let opened = Input::new(bytes, form).map_err(Fatal::Io).and_then(|input| {
            let lines = CsvLines::new(input, options)?;
            let layout = Layout::of(kind, lines.header())?;
            Ok((lines, Rows::new(instrument, layout)))
        });
        let (lines, rows) = opened.map_err(|fatal| fatal.in_file(path))?;
        Ok(Self {
            path: path.to_owned(),
            parts: VecDeque::new(),
            all: Vec::new(),
            of,
            options: options.clone(),
            lines,
            rows,
            notes: Notes::default(),
            previous: None,
            ended: false,
        })
    }

    /// What was found so far and did not end the reading.
    pub const fn notes(&self) -> &Notes {
        &self.notes
    }

    /// SHA-256 of the file's bytes, in hexadecimal; reads what is left of them.
    ///
    /// # Errors
    /// Where the file cannot be read to its end.
    pub fn sha256(&mut self) -> Result<String, DataError> {
        self.ended = true;
        let unreadable = |source| DataError::Unreadable { file: self.path.clone(), action: "hashing", source };
        let hash = if self.all.is_empty() { self.lines.sha256() } else { sha256_of(&self.all) };
        hash.map_err(unreadable)
    }

    /// Appends the next ticks, at most [`BATCH_MAX`]. False: there are no more, and nothing was added.
    ///
    /// # Errors
    /// Where the file cannot be read, or something is wrong with it that the options do not pass over. The stream is then over.
    pub fn read(&mut self, batch: &mut Vec<Tick>) -> Result<bool, DataError> {
        let start = batch.len();
        while batch.len() - start < BATCH_MAX && !self.ended {
            match self.next() {
                Ok(tick) => batch.extend(tick),
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
        }
        Ok(batch.len() > start)
    }

    /// Takes one row. None: it was dropped, or there are no more.
    fn next(&mut self) -> Result<Option<Tick>, DataError> {
        let Self { lines, rows, previous, .. } = self;
        let read = lines.next(|line| {
            let tick = rows.decode(line)?;
            in_order(previous, &tick, line.at())?;
            Ok(tick)
        });
        let (at, fault) = match read.map_err(|fatal| fatal.in_file(&self.path))? {
            None => {
                self.notes.last_line_unended |= self.lines.unended();
                if let Some(next) = self.parts.pop_front() {
                    return self.go_on(&next).map(|()| None);
                }
                self.ended = true;
                return self.check_emptiness().map(|()| None);
            }
            Some(Ok(tick)) => {
                self.notes.rows += 1;
                return Ok(Some(tick));
            }
            Some(Err((_, LineFault::Shape(fault)))) => return Err(Fatal::Shape(*fault).in_file(&self.path)),
            Some(Err((at, LineFault::Row(fault)))) => (at, fault),
        };
        if self.options.on_fault == OnFault::Stop {
            return Err(DataError::Row { file: self.path.clone(), at, fault });
        }
        self.notes.rows += 1;
        self.notes.dropped += 1;
        self.notes.fault(at, &fault, Fate::Dropped);
        Ok(None)
    }

    fn check_emptiness(&self) -> Result<(), DataError> {
        let Notes { rows, dropped, faults, .. } = &self.notes;
        if rows > dropped {
            return Ok(());
        }
        let fault = match faults.values().find_map(|fault| fault.examples.first()) {
            Some(first) => ShapeFault::NoRowsLeft { dropped: *dropped, first: first.clone() },
            None => ShapeFault::NoRows,
        };
        Err(Fatal::Shape(fault).in_file(&self.path))
    }
}

fn opening(path: &Path, source: std::io::Error) -> DataError {
    DataError::Unreadable { file: path.to_owned(), action: "opening", source }
}

/// Whether a tick comes after the one before it; then it is the one before the next.
fn in_order(previous: &mut Option<(i64, At)>, tick: &Tick, at: At) -> Result<(), LineFault> {
    let time = tick.time().as_millis();
    if let Some((before, previous_at)) = *previous {
        if time < before {
            return Err(RowFault::OutOfOrder { time, previous: before, previous_at }.into());
        }
        if time == before && matches!(tick, Tick::Funding(_)) {
            return Err(TickFault::HourTwice { due: super::iso_text(time), previous_at }.into());
        }
    }
    *previous = Some((time, at));
    Ok(())
}

impl From<TickFault> for LineFault {
    fn from(fault: TickFault) -> Self {
        RowFault::Tick(fault).into()
    }
}

impl TickSource for TickFile {
    fn next_batch(&mut self, batch: &mut Vec<Tick>) -> Result<bool, SourceError> {
        self.read(batch).map_err(|error| error.into_source(&self.path))
    }
}

/// A whole file of ticks in memory, to be shared between runs.
#[derive(Debug, Clone)]
pub struct LoadedTicks {
    /// Ticks in time order.
    pub ticks: Arc<[Tick]>,
    /// SHA-256 of the file's bytes.
    pub sha256: String,
    /// What was found and did not end the reading.
    pub notes: Notes,
}

/// Reads a whole file, of at most so many ticks.
///
/// # Errors
/// As reading it would, and where it has more ticks.
pub fn load_ticks(mut file: TickFile, ticks_max: usize) -> Result<LoadedTicks, DataError> {
    let mut ticks = Vec::new();
    while file.read(&mut ticks)? {
        if ticks.len() > ticks_max {
            return Err(DataError::TooMany { file: file.path, limit: ticks_max });
        }
    }
    let sha256 = file.sha256()?;
    Ok(LoadedTicks { ticks: ticks.into(), sha256, notes: file.notes })
}

/// The hour a time lies in: when funding that was recorded a little late was due.
fn hour_of(time: i64) -> Timestamp {
    const HOUR_MS: i64 = 3_600_000;
    Timestamp::from_millis(time.div_euclid(HOUR_MS).saturating_mul(HOUR_MS))
}

#[cfg(test)]
mod tests;
