//! The rows of a stream's newest file, and the file.

use super::CollectError;
use crate::bus::EntryId;
use crate::calendar::{DAY_MS, date_of};
use crate::data::{CandleFile, CandleWriter, ReadOptions};
use crate::file::WholeFile;
use calypte_kernel::{Candle, Timeframe, Timestamp};
use calypte_sim::SourceItem;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Most rows of one file of ticks; a fuller hour goes on in another one.
pub const ROWS_MAX: usize = 500_000;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;
/// Longest row of a file of ticks.
const ROW_BYTES_MAX: u64 = 256;

/// The rows of one file.
#[derive(Debug, Clone)]
pub(super) enum Rows {
    /// Candles of a day.
    Candles(Timeframe, Vec<Candle>),
    /// Trades or quotes of an hour, as lines under a header, the last two cells the entry's id and number.
    Ticks(&'static str, Vec<String>),
}

/// Which file of a stream: a day or an hour, and which of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    start: i64,
    number: u32,
}

/// Where a file ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) part: Part,
    /// The last entry that is in it.
    pub(super) id: EntryId,
    /// Its number, where the file says it.
    pub(super) number: Option<u64>,
    /// Up to when the stream is known by it.
    pub(super) until: Timestamp,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Candles(_, candles) => candles.len(),
            Self::Ticks(_, lines) => lines.len(),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Candles(_, candles) => candles.clear(),
            Self::Ticks(_, lines) => lines.clear(),
        }
    }

    /// The file that a row belongs into, behind those of another file.
    pub(super) fn part_of(&self, time: Timestamp, before: Option<Part>) -> Part {
        let length = match self {
            Self::Candles(..) => DAY_MS,
            Self::Ticks(..) => HOUR_MS,
        };
        let start = time.as_millis().div_euclid(length) * length;
        match before {
            Some(before) if before.start == start && self.len() < ROWS_MAX => before,
            Some(before) if before.start == start => Part { start, number: before.number + 1 },
            _ => Part { start, number: 0 },
        }
    }

    /// Reads the newest file of a folder; none: there is none.
    pub(super) fn open(&mut self, folder: &Path) -> Result<Option<End>, CollectError> {
        let Some(path) = newest(folder).map_err(|cause| unreadable(folder, cause))? else { return Ok(None) };
        let end = match self {
            Self::Candles(timeframe, candles) => {
                *candles = read_candles(&path, *timeframe)?;
                candles.last().and_then(|candle| {
                    let until = timeframe.close_of(candle.open_time);
                    let part = Part { start: candle.open_time.as_millis().div_euclid(DAY_MS) * DAY_MS, number: 0 };
                    let id = EntryId::new(u64::try_from(until.as_millis()).ok()?, 0);
                    Some(End { part, id, number: None, until })
                })
            }
            Self::Ticks(header, lines) => {
                let text = read_text(&path).map_err(|cause| unreadable(&path, cause))?;
                let mut rows = text.lines();
                let is_ours = rows.next() == Some(*header);
                *lines = rows.map(str::to_owned).collect();
                lines.last().filter(|_| is_ours).and_then(|line| end_of(&path, line))
            }
        };
        end.map(Some).ok_or(CollectError::Damaged { path })
    }

    /// Writes the file, whole.
    pub(super) fn write(&self, folder: &Path, part: Part) -> Result<(), CollectError> {
        let path = folder.join(self.name(part));
        std::fs::create_dir_all(folder).map_err(|cause| unwritable(folder, cause))?;
        match self {
            Self::Candles(_, candles) => {
                let mut writer = CandleWriter::create(&path)?;
                candles.iter().try_for_each(|candle| writer.write(candle))?;
                Ok(writer.finish()?)
            }
            Self::Ticks(header, lines) => write_text(&path, header, lines).map_err(|cause| unwritable(&path, cause)),
        }
    }

    fn name(&self, Part { start, number }: Part) -> String {
        let (year, month, day) = date_of(Timestamp::from_millis(start));
        match self {
            Self::Candles(..) => format!("{year:04}-{month:02}-{day:02}.parquet"),
            Self::Ticks(..) => {
                let hour = start.rem_euclid(DAY_MS) / HOUR_MS;
                format!("{year:04}-{month:02}-{day:02}T{hour:02}-{number:03}.csv.zst")
            }
        }
    }
}

/// The last file of a folder by its name; what begins with a dot is not whole.
fn newest(folder: &Path) -> io::Result<Option<PathBuf>> {
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut newest: Option<PathBuf> = None;
    for entry in entries {
        let entry = entry?;
        let is_whole = !entry.file_name().as_encoded_bytes().starts_with(b".");
        if is_whole && newest.as_ref().is_none_or(|newest| *newest < entry.path()) {
            newest = Some(entry.path());
        }
    }
    Ok(newest)
}

fn read_candles(path: &Path, timeframe: Timeframe) -> Result<Vec<Candle>, CollectError> {
    let mut file = CandleFile::open(path, &ReadOptions::new(timeframe))?;
    let (mut candles, mut batch) = (Vec::new(), Vec::new());
    while file.read(&mut batch)? {
        candles.extend(batch.drain(..).filter_map(|item| match item {
            SourceItem::Candle(candle) => Some(candle),
            SourceItem::Gap(_) => None,
        }));
    }
    Ok(candles)
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let packed = zstd::stream::read::Decoder::with_buffer(BufReader::new(File::open(path)?))?;
    packed.take(ROWS_MAX as u64 * ROW_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// What the last line of a file says of where it ends.
fn end_of(path: &Path, line: &str) -> Option<End> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".csv.zst")?;
    let number = stem.rsplit_once('-')?.1.parse().ok()?;
    let mut cells = line.rsplit(',');
    let (entry, id) = (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
    let until = Timestamp::from_millis(line.split(',').next()?.parse().ok()?);
    let part = Part { start: until.as_millis().div_euclid(HOUR_MS) * HOUR_MS, number };
    Some(End { part, id, number: Some(entry), until })
}

fn write_text(path: &Path, header: &str, lines: &[String]) -> io::Result<()> {
    let file = WholeFile::create(path)?;
    let mut writer = BufWriter::new(zstd::stream::write::Encoder::new(file.writer()?, 0)?);
    writeln!(writer, "{header}")?;
    for line in lines {
        writeln!(writer, "{line}")?;
    }
    writer.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    file.finish()
}

fn unreadable(path: &Path, cause: io::Error) -> CollectError {
    CollectError::Io { path: path.to_owned(), action: "read", cause }
}

fn unwritable(path: &Path, cause: io::Error) -> CollectError {
    CollectError::Io { path: path.to_owned(), action: "written", cause }
}
