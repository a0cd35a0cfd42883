//! What can be wrong with market data, in words that say where it is and what to do about it.
//!
//! Three layers: a [`ShapeFault`] concerns a file as a whole (no policy helps; another file or another option does), a
//! [`RowFault`] concerns one row (the policy decides), a [`DataError`] is what reading ends with.

use super::columns::Field;
use super::ticks::TickFault;
use super::time::TimeUnit;
use calypte_kernel::{Decimal, Timeframe};
use calypte_sim::TickKind;
use std::path::PathBuf;

/// Most characters of a faulty value that a message repeats.
pub const VALUE_CHARS_MAX: usize = 48;

/// Why reading a file of candles ended early.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file cannot be opened, read or written: look at the path, the rights, the disk.
    #[error("{}: {action} failed", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file as a whole is not what it should be: take another, convert it, or state what it is with an option.
    #[error("{}: {fault}", file.display())]
    Shape {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        fault: Box<ShapeFault>,
    },
    /// A row is wrong and the policy is to stop: mend the file, or choose another policy.
    #[error("{}: {at}: {fault}", file.display())]
    Row {
        /// Which file.
        file: PathBuf,
        /// Where in it.
        at: At,
        /// What is wrong.
        fault: Box<RowFault>,
    },
    /// Whoever asked for it ended the reading.
    #[error("{}: ended before all of it was read", file.display())]
    Cancelled {
        /// Which file.
        file: PathBuf,
    },
    /// More candles than the caller wants to hold in memory: read fewer, or raise the limit.
    #[error("{}: more than {limit} candles; take a shorter span or raise the limit", file.display())]
    TooMany {
        /// Which file.
        file: PathBuf,
        /// How many it may be.
        limit: usize,
    },
}

/// Where in a file a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Line of a text, from 1, the header counted.
    Line(u64),
    /// Row of a table, from 1.
    Row(u64),
}

impl std::fmt::Display for At {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(number) => write!(formatter, "line {number}"),
            Self::Row(number) => write!(formatter, "row {number}"),
        }
    }
}

/// What is wrong with a file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeFault {
    /// Zero bytes.
    #[error("the file is empty; fetch it again")]
    Empty,
    /// A header and nothing else.
    #[error("there is a header but no row; fetch the file again")]
    NoRows,
    /// Every row was dropped.
    #[error("no row is left: all {dropped} were dropped, the first because: {first}")]
    NoRowsLeft {
        /// How many were dropped.
        dropped: u64,
        /// Place and fault of the first.
        first: String,
    },
    /// A Git LFS pointer.
    #[error("this is a Git LFS pointer, not the data itself; run `git lfs pull` where it came from")]
    LfsPointer,
    /// Some other kind of file.
    #[error("this is {what}; {advice}")]
    NotATable {
        /// What it looks like.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// Not candles.
    #[error("the columns are those of {what}, not of candles: {header:?}; give a file with open, high, low, close and volume")]
    NotCandles {
        /// What it looks like.
        what: &'static str,
        /// The header.
        header: String,
    },
    /// Not the ticks that were asked for.
    #[error(
        "no column, or more than one, is the {missing} of {kind}: {header:?}; the header must be {}",
        tick_header(*kind)
    )]
    NotTicks {
        /// What was asked for.
        kind: TickKind,
        /// The column.
        missing: String,
        /// The header.
        header: String,
    },
    /// Another separator than the comma.
    #[error(
        "line 1: the fields are separated by {separator}, not by commas: {header:?}; write the file again with commas between fields and points in numbers"
    )]
    Separator {
        /// The separator, in words.
        separator: &'static str,
        /// The first line.
        header: String,
    },
    /// The first line is data.
    #[error(
        "line 1 is data, there is no header ({columns} columns, the first is {first:?}); name the columns in their order, such as --columns time,open,high,low,close,volume (a dash for one to ignore, a final * for all the rest)"
    )]
    NoHeader {
        /// How many columns there are.
        columns: usize,
        /// The first field.
        first: String,
    },
    /// There is a header, and the caller gave positions.
    #[error(
        "line 1 is a header: {header:?}; name its columns instead of their order, such as --columns time=ts,volume=volume_base"
    )]
    HeaderPresent {
        /// The header.
        header: String,
    },
    /// A column is missing.
    #[error("no column for {missing} in the header {header:?}; if it has another name, say so with --columns {missing}=NAME")]
    MissingColumn {
        /// Which field.
        missing: Field,
        /// The header.
        header: String,
    },
    /// More than one column could be meant.
    #[error("{count} columns could be the {field}: {candidates}; say which one is meant with --columns {field}=NAME")]
    AmbiguousColumn {
        /// Which field.
        field: Field,
        /// How many.
        count: usize,
        /// Their names.
        candidates: String,
    },
    /// One column was said to be two fields.
    #[error("column {column:?} cannot be both {field} and {other}; say which column is which")]
    SameColumn {
        /// Its name.
        column: String,
        /// A field.
        field: Field,
        /// Another one.
        other: Field,
    },
    /// The number of columns differs from what the caller said.
    #[error(
        "line 1 has {found} columns, but {expected} were named; name them all, with a dash for each to ignore or a final *"
    )]
    ColumnCount {
        /// How many there are.
        found: usize,
        /// How many were named.
        expected: usize,
    },
    /// The header is not text.
    #[error("line 1 is not UTF-8: {value:?}; write the file again as UTF-8")]
    HeaderNotUtf8 {
        /// The header with the odd bytes escaped.
        value: String,
    },
    /// The times are not in the unit that was said.
    #[error("{at}: {}", time_unit_words(*found, *expected, value))]
    TimeUnit {
        /// First row.
        at: At,
        /// The time found there.
        value: String,
        /// What it looks like.
        found: TimeUnit,
        /// What it should be.
        expected: TimeUnit,
    },
    /// A damaged archive or table.
    #[error("{at}: the {what} data is damaged: {detail}; fetch the file again")]
    Corrupt {
        /// The last place that was still good.
        at: At,
        /// What it should have been.
        what: &'static str,
        /// What the decoder said.
        detail: String,
    },
    /// A name that says no format.
    #[error("the name must end in .csv, .csv.gz, .csv.zst or .parquet, which says what is written")]
    Extension,
    /// A number that a table cannot hold exactly.
    #[error(
        "candle {time}: {field} {value} cannot be written exactly with 20 digits before and 18 behind the point; write CSV"
    )]
    NotWritable {
        /// Open time of the candle.
        time: i64,
        /// Which field.
        field: Field,
        /// Its value.
        value: Decimal,
    },
    /// A table column of a type that cannot be read.
    #[error(
        "column {column:?} has the type {found}, which cannot be read as {field}; write it as integer, double, decimal or text"
    )]
    ColumnType {
        /// Which column.
        column: String,
        /// For which field.
        field: Field,
        /// Its type.
        found: String,
    },
}

/// What is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// The line is longer than any row of candles.
    #[error("the line is longer than {limit} bytes; this is not a row of candles")]
    LineTooLong {
        /// How long it may be.
        limit: usize,
    },
    /// Not text.
    #[error("not UTF-8: {value:?}; mend the bytes or drop the line")]
    NotUtf8 {
        /// The line with the odd bytes escaped.
        value: String,
    },
    /// Too few or too many fields.
    #[error("{found} fields instead of {expected}: {value:?}; mend or drop the line")]
    ColumnCount {
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
        /// The line.
        value: String,
    },
    /// The last line ends too early.
    #[error("the file is cut in the middle of this line: {value:?}; fetch it again or drop the line")]
    CutLine {
        /// What is there of it.
        value: String,
    },
    /// The compressed data ends too early.
    #[error("the {what} data is cut off here, after {bytes} bytes of content; fetch the file again")]
    Truncated {
        /// Kind of compression.
        what: &'static str,
        /// How many bytes came out of it.
        bytes: u64,
    },
    /// The header once more.
    #[error("the header stands here again: {value:?}; two files were joined: check their order and drop this line")]
    RepeatedHeader {
        /// The line.
        value: String,
    },
    /// No number.
    #[error("{field} is not a number: {value:?}; mend the value or drop the line")]
    NotANumber {
        /// Which field.
        field: Field,
        /// What stands there.
        value: String,
    },
    /// A number too large to be exact.
    #[error("{field} is too large: {value:?}; numbers have at most 18 digits")]
    TooLarge {
        /// Which field.
        field: Field,
        /// What stands there.
        value: String,
    },
    /// More digits than fit.
    #[error(
        "{field} has more decimals than fit: {value:?}; numbers have at most 18 digits, at most 28 of them decimals: round it where it is made"
    )]
    TooManyDecimals {
        /// Which field.
        field: Field,
        /// What stands there.
        value: String,
    },
    /// No point in time.
    #[error("{value:?} is not a time; write UTC milliseconds since 1970, such as 1704067200000")]
    NotATime {
        /// What stands there.
        value: String,
    },
    /// Another unit than before.
    #[error("{}", unit_change_words(*found, *expected, value))]
    UnitChange {
        /// What stands there.
        value: String,
        /// What it looks like.
        found: TimeUnit,
        /// What the rows before had.
        expected: TimeUnit,
    },
    /// Not a whole number of candles since 1970.
    #[error("time {time} is off the {timeframe} grid by {off_ms} ms; check the timeframe, or correct the time to {nearest}")]
    OffGrid {
        /// The time.
        time: i64,
        /// Expected timeframe.
        timeframe: Timeframe,
        /// Distance to the nearest grid point.
        off_ms: i64,
        /// That grid point.
        nearest: i64,
    },
    /// Earlier than the row before.
    #[error("time {time} comes after {previous} of {previous_at}; sort the file by time")]
    OutOfOrder {
        /// The time.
        time: i64,
        /// The latest time before.
        previous: i64,
        /// Where that is.
        previous_at: At,
    },
    /// The same row again.
    #[error("time {time} repeats {previous_at} with the same values; drop one of the two")]
    Duplicate {
        /// The time.
        time: i64,
        /// Where it was first.
        previous_at: At,
    },
    /// The same time with other values.
    #[error("time {time} repeats {previous_at} with other values: {difference}; find out which is right and drop the other")]
    DuplicateConflict {
        /// The time.
        time: i64,
        /// Where it was first.
        previous_at: At,
        /// What differs.
        difference: String,
    },
    /// A price of zero or less.
    #[error("{field} is {value}, but a price is above zero; mend the value or drop the line")]
    PriceNotPositive {
        /// Which field.
        field: Field,
        /// The value.
        value: Decimal,
    },
    /// Volume below zero.
    #[error("volume is {value}, but it cannot be below zero; mend the value or drop the line")]
    NegativeVolume {
        /// The value.
        value: Decimal,
    },
    /// The high is below another price.
    #[error("high {high} is below {field} {value}; check the order of the columns, else mend or drop the line")]
    HighTooLow {
        /// The high.
        high: Decimal,
        /// What is above it.
        field: Field,
        /// Its value.
        value: Decimal,
    },
    /// The low is above another price.
    #[error("low {low} is above {field} {value}; check the order of the columns, else mend or drop the line")]
    LowTooHigh {
        /// The low.
        low: Decimal,
        /// What is below it.
        field: Field,
        /// Its value.
        value: Decimal,
    },
    /// So many candles make no sense that the columns must be in another order, whatever the policy.
    #[error(
        "{faulty} of {rows} rows have a high or low that does not take in the other prices, this one too; the columns are in another order than open, high, low, close: say which is which with --columns …"
    )]
    ColumnOrder {
        /// How many rows are so.
        faulty: u64,
        /// Of how many.
        rows: u64,
    },
    /// So many rows follow each other at another distance that the candles are of another length, whatever the policy.
    #[error(
        "{count} of {steps} steps between rows are {own}, not {timeframe}: {}",
        timeframe_words(*timeframe, Some(*own))
    )]
    WrongTimeframe {
        /// Expected timeframe.
        timeframe: Timeframe,
        /// What the file's own seems to be.
        own: Timeframe,
        /// How many steps are so.
        count: u64,
        /// Of how many.
        steps: u64,
    },
    /// So many rows lie beside the grid that it is not theirs, whatever the policy.
    #[error("{off_grid} of {rows} rows are off the {timeframe} grid: {}", timeframe_words(*timeframe, *own))]
    MostlyOffGrid {
        /// Expected timeframe.
        timeframe: Timeframe,
        /// How many rows are so.
        off_grid: u64,
        /// Of how many.
        rows: u64,
        /// What the file's own timeframe seems to be; none where it may be the expected one.
        own: Option<Timeframe>,
    },
    /// A trade, quote, book or funding rate that cannot be right.
    #[error(transparent)]
    Tick(#[from] TickFault),
    /// Candles are missing, and the policy for gaps is to stop.
    #[error("{missing} candles are missing before this one, from {start} on; fetch them, or let gaps be told or filled")]
    Gap {
        /// Open time of the first missing candle.
        start: i64,
        /// How many.
        missing: u64,
    },
    /// More candles are missing than are ever filled in.
    #[error(
        "{missing} candles are missing before this one, from {start} on, more than the {limit} that are filled in; fetch them, or let gaps be told"
    )]
    GapTooLong {
        /// Open time of the first missing candle.
        start: i64,
        /// How many.
        missing: u64,
        /// How many would be filled in.
        limit: u64,
    },
}

/// The header that files of ticks have.
const fn tick_header(kind: TickKind) -> &'static str {
    match kind {
        TickKind::Funding => "time_ms,funding_rate",
        TickKind::Trades => "time_ms,price,size,side",
        TickKind::Quotes => "time_ms,bid_price,bid_size,ask_price,ask_size",
        TickKind::Book => "time_ms,bid_price_0,bid_size_0,ask_price_0,ask_size_0,bid_price_1,…",
    }
}

impl RowFault {
    /// A stable name of the kind of fault, for counting.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tick(fault) => fault.kind(),
            Self::LineTooLong { .. } => "line-too-long",
            Self::NotUtf8 { .. } => "not-utf8",
            Self::ColumnCount { .. } => "column-count",
            Self::CutLine { .. } => "cut-line",
            Self::Truncated { .. } => "truncated",
            Self::RepeatedHeader { .. } => "repeated-header",
            Self::NotANumber { .. } => "not-a-number",
            Self::TooLarge { .. } => "too-large",
            Self::TooManyDecimals { .. } => "too-many-decimals",
            Self::NotATime { .. } => "not-a-time",
            Self::UnitChange { .. } => "unit-change",
            Self::OffGrid { .. } => "off-grid",
            Self::OutOfOrder { .. } => "out-of-order",
            Self::Duplicate { .. } => "duplicate",
            Self::DuplicateConflict { .. } => "duplicate-conflict",
            Self::PriceNotPositive { .. } => "price-not-positive",
            Self::NegativeVolume { .. } => "negative-volume",
            Self::HighTooLow { .. } => "high-too-low",
            Self::LowTooHigh { .. } => "low-too-high",
            Self::ColumnOrder { .. } => "column-order",
            Self::WrongTimeframe { .. } | Self::MostlyOffGrid { .. } => "wrong-timeframe",
            Self::Gap { .. } => "gap",
            Self::GapTooLong { .. } => "gap-too-long",
        }
    }
}

/// A text of a file as a message may show it: cut, and with everything but printable text escaped.
pub(super) fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    let pieces = bytes
        .utf8_chunks()
        .flat_map(|chunk| chunk.valid().chars().map(Piece::Char).chain(chunk.invalid().iter().copied().map(Piece::Byte)));
    for (count, chunk) in pieces.enumerate() {
        if count >= VALUE_CHARS_MAX {
            text.push('…');
            break;
        }
        match chunk {
            Piece::Char(char) if char.is_control() => text.extend(char.escape_default()),
            Piece::Char(char) => text.push(char),
            Piece::Byte(byte) => text.extend(['<', hex_digit(byte >> 4), hex_digit(byte & 15), '>']),
        }
    }
    text
}

/// A character, or a byte that belongs to none.
enum Piece {
    Char(char),
    Byte(u8),
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('?')
}

fn time_unit_words(found: TimeUnit, expected: TimeUnit, value: &str) -> String {
    match found.option() {
        Some(option) => format!("time {value:?} is {found}, not {expected}; if the whole file is so, say --time {option}"),
        None => format!("time {value:?} is {found}, not {expected}; write the times in milliseconds"),
    }
}

fn unit_change_words(found: TimeUnit, expected: TimeUnit, value: &str) -> String {
    format!(
        "time {value:?} is {found}, where times are {expected}: the source changed its unit here; \
         split the file at this line, or let repair convert it"
    )
}

fn timeframe_words(timeframe: Timeframe, own: Option<Timeframe>) -> String {
    match own {
        Some(own) => format!(
            "the candles seem to be of {own}; say {own} instead of {timeframe}, or give a file with candles of {timeframe}"
        ),
        None => "check the timeframe, and which end of a candle the times are (--label), or correct them".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_value_is_short_and_printable() {
        assert_eq!(shown(b"12\xff3\x1b[0m"), "12<ff>3\\u{1b}[0m");
        assert_eq!(shown(&[b'9'; 400]).chars().count(), VALUE_CHARS_MAX + 1);
        assert_eq!(shown("é".as_bytes()), "é");
    }
}
