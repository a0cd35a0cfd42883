//! A file of candles as a stream: decoded, checked and hashed on the way, in memory that does not grow with its length.

use super::checks::{Checks, Stopped};
use super::csv::CsvRows;
use super::fault::{At, DataError, ShapeFault};
use super::input::{Input, Kind, sha256_of};
use super::notes::Notes;
use super::options::{OnFault, OnGap, ReadOptions};
use super::parts::parts;
use super::row::{Decoded, Fatal, Row};
use super::table::TableRows;
use crate::control::Control;
use calypte_kernel::{Candle, Timestamp};
use calypte_sim::{BATCH_MAX, CandleSource, SourceError, SourceItem};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most candles that [`load`] keeps, unless told otherwise: 38 years of minutes, 2 GB.
pub const LOAD_CANDLES_MAX: usize = 20_000_000;

/// Bytes of a text, from wherever they come.
type Bytes = Box<dyn Read + Send>;

/// One file of candles, or a folder of files that follow one another.
pub struct CandleFile {
    /// The file that is read now.
    path: PathBuf,
    /// Bytes of all files; 0 where that is not known.
    length: u64,
    /// Bytes of the files before this one, and of this one.
    passed: (u64, u64),
    /// Files that follow.
    parts: VecDeque<PathBuf>,
    /// All files of a folder; none where it is a single one.
    all: Vec<PathBuf>,
    options: ReadOptions,
    /// Who is told how far reading has come, and how far he was told it has.
    watched: Option<(Arc<Control>, u64)>,
    rows: Rows,
    checks: Checks,
    /// Candles given out.
    candles: u64,
    /// The rows are used up, or reading ended with a fault.
    ended: bool,
    /// The fault that comes after what was given out before it.
    failed: Option<DataError>,
}

enum Rows {
    Text(Box<CsvRows<Bytes>>),
    Table(Box<TableRows>),
}

impl Rows {
    /// Opens a file; with how many bytes it has.
    fn open(path: &Path, options: &ReadOptions) -> Result<(Self, u64), DataError> {
        let unreadable = |source| opening(path, source);
        let mut file = File::open(path).map_err(unreadable)?;
        let kind = Kind::of(&mut file).map_err(unreadable)?.map_err(|fault| Fatal::Shape(fault).in_file(path))?;
        let length = file.metadata().map_err(unreadable)?.len();
        let rows = if kind == Kind::Parquet {
            let rows = TableRows::new(file, options).map_err(|fatal| fatal.in_file(path))?;
            Self::Table(Box::new(rows))
        } else {
            Self::text(path, Box::new(file), kind, options)?
        };
        Ok((rows, length))
    }

    fn text(path: &Path, bytes: Bytes, kind: Kind, options: &ReadOptions) -> Result<Self, DataError> {
        let rows = Input::new(bytes, kind).map_err(Fatal::Io).and_then(|input| CsvRows::new(input, options));
        Ok(Self::Text(Box::new(rows.map_err(|fatal| fatal.in_file(path))?)))
    }

    #[inline]
    fn next(&mut self, row: &mut Row) -> Result<Decoded, Fatal> {
        match self {
            Self::Text(rows) => rows.next(row),
            Self::Table(rows) => rows.next(row),
        }
    }
}

impl CandleFile {
    /// Opens a file: CSV, plain or compressed with gzip or zstd, or Parquet. What it is, its first bytes say. Of a folder the files are
    /// read in the order of their names, as if they were one.
    ///
    /// # Errors
    /// Where it cannot be read, or is no table of candles.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, DataError> {
        let mut parts = parts(path).map_err(|source| opening(path, source))?;
        let all = if parts.len() > 1 { parts.iter().cloned().collect() } else { Vec::new() };
        let length = parts.iter().filter_map(|part| part.metadata().ok()).map(|part| part.len()).sum();
        let first = parts.pop_front().expect("a path stands for at least one file");
        let (rows, bytes) = Rows::open(&first, options)?;
        let at = if matches!(rows, Rows::Table(_)) { At::Row } else { At::Line };
        let file = Self::new(&first, rows, Checks::new(options, at), options);
        Ok(Self { length, passed: (0, bytes), parts, all, ..file })
    }

    /// Goes on with the next file of a folder.
    #[cold]
    fn go_on(&mut self, next: PathBuf) -> Result<(), DataError> {
        let (rows, bytes) = Rows::open(&next, &self.options)?;
        let (before, this) = self.passed;
        (self.rows, self.path, self.passed) = (rows, next, (before + this, bytes));
        Ok(())
    }

    /// Tells how far reading has come, in bytes of the file.
    #[must_use]
    pub fn watched(self, control: Arc<Control>) -> Self {
        Self { watched: Some((control, 0)), ..self }
    }

    /// Bytes of the file, or of all files of the folder; 0 where that is not known.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that were read so far; of a table the part of its rows.
    pub fn position(&self) -> u64 {
        let (before, this) = self.passed;
        before
            + match &self.rows {
                Rows::Text(rows) => rows.bytes(),
                Rows::Table(rows) => {
                    let (row, rows) = rows.position();
                    let part = u128::from(this) * u128::from(row) / u128::from(rows.max(1));
                    u64::try_from(part).unwrap_or(this)
                }
            }
    }

    fn tell_position(&mut self) {
        let position = self.position();
        if let Some((control, told)) = &mut self.watched {
            control.advance(position.saturating_sub(*told));
            *told = position;
        }
    }

    /// Reads plain CSV from anywhere, under a name for messages.
    ///
    /// # Errors
    /// Where it is no table of candles.
    pub fn from_text(name: &str, reader: impl Read + Send + 'static, options: &ReadOptions) -> Result<Self, DataError> {
        let path = Path::new(name);
        let rows = Rows::text(path, Box::new(reader), Kind::Text, options)?;
        Ok(Self::new(path, rows, Checks::new(options, At::Line), options))
    }

    fn new(path: &Path, rows: Rows, checks: Checks, options: &ReadOptions) -> Self {
        Self {
            path: path.to_owned(),
            length: 0,
            passed: (0, 0),
            parts: VecDeque::new(),
            all: Vec::new(),
            options: options.clone(),
            watched: None,
            rows,
            checks,
            candles: 0,
            ended: false,
            failed: None,
        }
    }

    /// What was found so far and did not end the reading.
    pub fn notes(&self) -> &Notes {
        &self.checks.notes
    }

    /// SHA-256 of the file's bytes, in hexadecimal. Text is hashed while it is read, and what is left of it now; a table is read
    /// once more, and so are the files of a folder, one after the other.
    ///
    /// # Errors
    /// Where the file cannot be read to its end.
    pub fn sha256(&mut self) -> Result<String, DataError> {
        let hash = match &mut self.rows {
            _ if !self.all.is_empty() => sha256_of(&self.all),
            Rows::Text(rows) => {
                self.ended = true; // the rest of the text goes into the hash
                rows.sha256()
            }
            Rows::Table(_) => sha256_of(std::slice::from_ref(&self.path)),
        };
        hash.map_err(|source| DataError::Unreadable { file: self.path.clone(), action: "hashing", source })
    }

    /// Times of the first rows that can be decoded, unchecked; the file is used up by that.
    pub(super) fn times(mut self, rows_max: usize) -> Result<Vec<i64>, DataError> {
        let mut times = Vec::new();
        let mut row = Row::EMPTY;
        for _ in 0..rows_max {
            match self.rows.next(&mut row).map_err(|fatal| fatal.in_file(&self.path))? {
                Decoded::Row => times.push(row.time),
                Decoded::Fault { .. } => {}
                Decoded::End => break,
            }
        }
        Ok(times)
    }

    /// Appends the next candles and gap notes, at most [`BATCH_MAX`]. False: there are no more, and nothing was added.
    ///
    /// # Errors
    /// Where the file cannot be read, or something is wrong with it that the options do not pass over. The stream is then over;
    /// everything before the fault has been given out.
    pub fn read(&mut self, batch: &mut Vec<SourceItem>) -> Result<bool, DataError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let start = batch.len();
        let mut row = Row::EMPTY;
        while batch.len() - start < BATCH_MAX {
            if self.checks.is_pending() {
                batch.extend(self.checks.pull());
                continue;
            }
            match self.step(&mut row, batch) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.ended = true;
                    if batch.len() == start {
                        return Err(error);
                    }
                    self.failed = Some(error);
                    break;
                }
            }
        }
        self.candles += (batch.len() - start) as u64;
        self.tell_position();
        if batch.len() == start {
            self.check_emptiness()?;
        }
        Ok(batch.len() > start)
    }

    /// Takes one row. False: there are no more.
    #[inline]
    fn step(&mut self, row: &mut Row, batch: &mut Vec<SourceItem>) -> Result<bool, DataError> {
        if self.ended {
            return self.drain(batch);
        }
        let pushed = match self.rows.next(row).map_err(|fatal| fatal.in_file(&self.path))? {
            Decoded::Row => self.checks.push(row, batch),
            Decoded::Fault { number, fault } => self.checks.undecodable(number, fault),
            Decoded::End => {
                if let Rows::Text(rows) = &self.rows {
                    self.checks.notes.last_line_unended |= rows.unended();
                }
                match self.parts.pop_front() {
                    Some(next) => return self.go_on(next).map(|()| true),
                    None => self.ended = true,
                }
                Ok(())
            }
        };
        if self.checks.past_end() {
            self.ended = true;
        }
        pushed.map(|()| true).map_err(|stopped| self.stopped(stopped))
    }

    /// After the last row: what repair held back.
    #[cold]
    fn drain(&mut self, batch: &mut Vec<SourceItem>) -> Result<bool, DataError> {
        if self.checks.past_end() || self.checks.is_drained() {
            return Ok(false);
        }
        self.checks.drain(batch).map(|()| true).map_err(|stopped| self.stopped(stopped))
    }

    #[cold]
    fn stopped(&self, (number, fault): Stopped) -> DataError {
        let at = match self.rows {
            Rows::Text(_) => At::Line(number),
            Rows::Table(_) => At::Row(number),
        };
        DataError::Row { file: self.path.clone(), at, fault }
    }

    /// A file that gave no row is a fault, whatever the policy; one whose rows lie outside the wanted span is not.
    fn check_emptiness(&self) -> Result<(), DataError> {
        let notes = self.notes();
        if self.candles > 0 || notes.rows > notes.dropped {
            return Ok(());
        }
        let fault = match notes.faults.values().find_map(|fault| fault.examples.first()) {
            Some(first) => ShapeFault::NoRowsLeft { dropped: notes.dropped, first: first.clone() },
            None => ShapeFault::NoRows,
        };
        Err(Fatal::Shape(fault).in_file(&self.path))
    }
}

fn opening(path: &Path, source: std::io::Error) -> DataError {
    DataError::Unreadable { file: path.to_owned(), action: "opening", source }
}

impl CandleSource for CandleFile {
    fn next_batch(&mut self, batch: &mut Vec<SourceItem>) -> Result<bool, SourceError> {
        self.read(batch).map_err(|error| error.into_source(&self.path))
    }
}

impl DataError {
    /// As the simulation takes it.
    pub(super) fn into_source(self, path: &Path) -> SourceError {
        match self {
            Self::Unreadable { file, source, .. } => {
                SourceError::Unreadable { name: file.display().to_string(), cause: source }
            }
            Self::Row { file, at, fault } => SourceError::Data { name: format!("{}: {at}", file.display()), cause: fault },
            Self::Shape { file, fault } => SourceError::Data { name: file.display().to_string(), cause: fault },
            error @ (Self::TooMany { .. } | Self::Cancelled { .. }) => {
                SourceError::Data { name: path.display().to_string(), cause: Box::new(error) }
            }
        }
    }
}

/// Open times of the first and the last sound candle of a file, faulty rows left out; none where there is none.
///
/// # Errors
/// Where the file cannot be read.
pub fn span(path: &Path, options: &ReadOptions) -> Result<Option<(Timestamp, Timestamp)>, DataError> {
    let options = ReadOptions { on_fault: OnFault::Skip, on_gap: OnGap::Tell, ..options.clone() };
    let mut file = CandleFile::open(path, &options)?;
    let (mut span, mut batch) = (None, Vec::new());
    while file.read(&mut batch)? {
        for item in batch.drain(..) {
            if let SourceItem::Candle(candle) = item {
                let first = span.map_or(candle.open_time, |(first, _)| first);
                span = Some((first, candle.open_time));
            }
        }
    }
    Ok(span)
}

/// A whole file in memory, to be shared between runs.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Candles, with gap notes between them where gaps are told.
    pub items: Arc<[SourceItem]>,
    /// SHA-256 of the file's bytes.
    pub sha256: String,
    /// What was found and did not end the reading.
    pub notes: Notes,
}

impl Loaded {
    /// The candles alone.
    pub fn candles(&self) -> Arc<[Candle]> {
        let candles = self.items.iter().filter_map(|item| match item {
            SourceItem::Candle(candle) => Some(*candle),
            SourceItem::Gap(_) => None,
        });
        candles.collect()
    }
}

/// Reads a whole file, of at most so many candles.
///
/// # Errors
/// As reading it would, and where it has more candles.
pub fn load(path: &Path, options: &ReadOptions, candles_max: usize) -> Result<Loaded, DataError> {
    let mut file = CandleFile::open(path, options)?;
    let mut items = Vec::new();
    while file.read(&mut items)? {
        if items.len() > candles_max.saturating_add(usize::try_from(file.notes().gaps.count).unwrap_or(usize::MAX)) {
            return Err(DataError::TooMany { file: path.to_owned(), limit: candles_max });
        }
    }
    let sha256 = file.sha256()?;
    Ok(Loaded { items: items.into(), sha256, notes: file.checks.notes })
}
