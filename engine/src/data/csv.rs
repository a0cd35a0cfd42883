//! Candles from CSV: a fast reader for the plain form and a careful one for the rest.
//!
//! The fast reader takes a line only if it is beyond doubt: `time,open,high,low,close,volume`, a time of thirteen digits,
//! plain decimals. Whatever it does not take, the careful one looks at from the start of the line, so that both give the
//! same rows and faults come from one place.

use super::columns::{Columns, Field, Layout};
use super::fault::{At, RowFault, ShapeFault, shown};
use super::input::Input;
use super::lines::{LINE_BYTES_MAX, Line, Lines};
use super::number::{self, NumberFault};
use super::options::{OnFault, ReadOptions};
use super::plain::plain_row;
use super::row::{Decoded, Fatal, Row};
use super::time::{TimeFault, TimeUnit};
use std::io::Read;

/// Decodes rows of a CSV text.
pub(super) struct CsvRows<R: Read> {
    lines: Lines<Input<R>>,
    layout: Layout,
    /// For each column, the place of its field in [`Field::ALL`].
    roles: Vec<Option<usize>>,
    /// First line, to know it again; empty where there is no header.
    header: Vec<u8>,
    /// First line of a file without header, still to be decoded.
    pending: Option<Line>,
    /// Lines begun so far.
    line: u64,
    time: ExpectedTime,
    /// Whether the fast reader may be used.
    plain: bool,
    /// Whether the last line lacked its end.
    unended: bool,
}

impl<R: Read> CsvRows<R> {
    /// Reads the header, or finds out that there is none.
    pub(super) fn new(input: Input<R>, options: &ReadOptions) -> Result<Self, Fatal> {
        let mut lines = Lines::new(input);
        lines.strip_prefix(b"\xef\xbb\xbf");
        let (first, line) = first_line(&mut lines)?;
        let Line::Whole { start, end, .. } = first else {
            return Err(Fatal::Shape(ShapeFault::NotATable { what: "text without lines", advice: "give CSV or Parquet" }));
        };
        let header = trim_end(lines.text(start, end)).to_vec();
        let (layout, has_header) = layout_of(&header, &options.columns)?;
        let mut roles = vec![None; layout.count];
        for (role, column) in layout.indices.into_iter().enumerate() {
            roles[column] = Some(role);
        }
        Ok(Self {
            plain: layout.is_plain() && options.time == TimeUnit::Millis,
            lines,
            layout,
            roles,
            header: if has_header { header } else { Vec::new() },
            pending: (!has_header).then_some(first),
            line,
            time: ExpectedTime::new(options),
            unended: false,
        })
    }

    /// Whether the file ended without a line end, which may mean that it is cut.
    pub(super) const fn unended(&self) -> bool {
        self.unended
    }

    /// Bytes of the file read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.lines.reader().bytes()
    }

    /// SHA-256 of the file.
    pub(super) fn sha256(&mut self) -> std::io::Result<String> {
        self.lines.reader_mut().sha256()
    }

    /// The next row.
    #[inline]
    pub(super) fn next(&mut self, row: &mut Row) -> Result<Decoded, Fatal> {
        if self.plain && self.pending.is_none() {
            loop {
                if let Some(length) = plain_row(self.lines.buffered(), row) {
                    self.lines.consume(length);
                    self.line += 1;
                    row.number = self.line;
                    self.time.seen = true;
                    return Ok(Decoded::Row);
                }
                // Most often the buffer ends within the line; else the careful reader says what is the matter.
                if self.lines.buffered().len() > LINE_BYTES_MAX || !self.lines.fill() {
                    break;
                }
            }
        }
        self.next_careful(row)
    }

    #[cold]
    fn next_careful(&mut self, row: &mut Row) -> Result<Decoded, Fatal> {
        loop {
            let line = match self.pending.take() {
                Some(line) => line,
                None => match self.lines.next() {
                    Ok(None) => return Ok(Decoded::End),
                    Ok(Some(line)) => {
                        self.line += 1;
                        line
                    }
                    Err(error) => return self.failed(error),
                },
            };
            match line {
                Line::TooLong => {
                    return Ok(Decoded::Fault { number: self.line, fault: RowFault::LineTooLong { limit: LINE_BYTES_MAX } });
                }
                Line::Whole { start, end, ended } => {
                    self.unended = !ended;
                    let text = trim_end(self.lines.text(start, end));
                    if !text.is_empty() {
                        *row = match self.decode(text, ended) {
                            Ok(row) => row,
                            Err(LineFault::Row(fault)) => return Ok(Decoded::Fault { number: self.line, fault: *fault }),
                            Err(LineFault::Shape(fault)) => return Err(Fatal::Shape(*fault)),
                        };
                        self.time.seen = true;
                        return Ok(Decoded::Row);
                    }
                }
            }
        }
    }

    /// Decodes one line that is not blank.
    fn decode(&self, text: &[u8], ended: bool) -> Result<Row, LineFault> {
        if std::str::from_utf8(text).is_err() {
            return Err(RowFault::NotUtf8 { value: shown(text) }.into());
        }
        if text == self.header {
            return Err(RowFault::RepeatedHeader { value: shown(text) }.into());
        }
        let mut fields = [&text[..0]; 6];
        let mut found = 0;
        for field in fields_of(text) {
            if let Some(Some(role)) = self.roles.get(found) {
                fields[*role] = field;
            }
            found += 1;
        }
        if found < self.layout.count || (found > self.layout.count && !self.layout.open_end) {
            return Err(self.wrong_count(text, found, ended).into());
        }
        let read = self.time.unit.parse(fields[0], self.time.convert);
        let time = read.map_err(|fault| self.time.fault(fault, shown(fields[0]), At::Line(self.line)))?;
        let number = |role: usize| {
            let (field, text) = (Field::ALL[role], fields[role]);
            number::parse(text).map_err(|fault| number_fault(fault, field, text))
        };
        Ok(Row {
            number: self.line,
            time: time.millis,
            converted: time.converted,
            open: number(1)?,
            high: number(2)?,
            low: number(3)?,
            close: number(4)?,
            volume: number(5)?,
            sound: false,
        })
    }

    fn wrong_count(&self, text: &[u8], found: usize, ended: bool) -> RowFault {
        if !ended && found < self.layout.count {
            return RowFault::CutLine { value: shown(text) };
        }
        RowFault::ColumnCount { found, expected: self.layout.count, value: shown(text) }
    }

    /// The reader failed within the line after the last one given out.
    fn failed(&mut self, error: std::io::Error) -> Result<Decoded, Fatal> {
        let what = self.lines.reader().what();
        let number = self.line + 1;
        match damage(&error, what) {
            Damage::Cut => Ok(Decoded::Fault { number, fault: RowFault::Truncated { what, bytes: self.lines.bytes() } }),
            Damage::Corrupt => Err(Fatal::Shape(ShapeFault::Corrupt { at: At::Line(number), what, detail: error.to_string() })),
            Damage::Device => Err(Fatal::Io(error)),
        }
    }
}

/// Why a line is not taken.
pub(super) enum LineFault {
    /// For this line only.
    Row(Box<RowFault>),
    /// For the whole file.
    Shape(Box<ShapeFault>),
}

impl From<RowFault> for LineFault {
    fn from(fault: RowFault) -> Self {
        Self::Row(Box::new(fault))
    }
}

/// What the times of a file are expected to be.
pub(super) struct ExpectedTime {
    pub(super) unit: TimeUnit,
    /// Whether times of another unit are converted.
    pub(super) convert: bool,
    /// Whether one was read already.
    pub(super) seen: bool,
}

impl ExpectedTime {
    pub(super) fn new(options: &ReadOptions) -> Self {
        Self { unit: options.time, convert: options.on_fault == OnFault::Repair, seen: false }
    }

    /// A time that is not taken: the first of a file decides about all of it, a later one only about its row.
    pub(super) fn fault(&self, fault: TimeFault, value: String, at: At) -> LineFault {
        let expected = self.unit;
        match fault {
            TimeFault::NotATime => RowFault::NotATime { value }.into(),
            TimeFault::Unit(found) if self.seen => RowFault::UnitChange { value, found, expected }.into(),
            TimeFault::Unit(found) => LineFault::Shape(Box::new(ShapeFault::TimeUnit { at, value, found, expected })),
        }
    }
}

/// A number that is not taken.
pub(super) fn number_fault(fault: NumberFault, field: Field, text: &[u8]) -> RowFault {
    let value = shown(text);
    match fault {
        NumberFault::NotANumber => RowFault::NotANumber { field, value },
        NumberFault::TooLarge => RowFault::TooLarge { field, value },
        NumberFault::TooManyDecimals => RowFault::TooManyDecimals { field, value },
    }
}

/// What a failure of a reader means.
pub(super) enum Damage {
    /// The data ends too early.
    Cut,
    /// The data is not what was compressed.
    Corrupt,
    /// The data could not be reached.
    Device,
}

pub(super) fn damage(error: &std::io::Error, what: &str) -> Damage {
    use std::io::ErrorKind as Kind;
    match error.kind() {
        _ if what == "text" => Damage::Device,
        Kind::UnexpectedEof => Damage::Cut,
        Kind::InvalidData | Kind::InvalidInput | Kind::Other => Damage::Corrupt,
        _ => Damage::Device,
    }
}

/// The first line that is not blank, and its number.
pub(super) fn first_line<R: Read>(lines: &mut Lines<Input<R>>) -> Result<(Line, u64), Fatal> {
    let mut number = 0;
    loop {
        number += 1;
        match lines.next() {
            Ok(None) => return Err(Fatal::Shape(ShapeFault::Empty)),
            Ok(Some(Line::Whole { start, end, .. })) if trim_end(lines.text(start, end)).is_empty() => {}
            Ok(Some(line)) => return Ok((line, number)),
            Err(error) => {
                let what = lines.reader().what();
                return Err(match damage(&error, what) {
                    Damage::Device => Fatal::Io(error),
                    Damage::Cut | Damage::Corrupt => {
                        Fatal::Shape(ShapeFault::Corrupt { at: At::Line(number), what, detail: error.to_string() })
                    }
                });
            }
        }
    }
}

/// Layout of a file by its first line, and whether that line is a header.
fn layout_of(line: &[u8], columns: &Columns) -> Result<(Layout, bool), ShapeFault> {
    let Ok(text) = std::str::from_utf8(line) else {
        return Err(ShapeFault::HeaderNotUtf8 { value: shown(line) });
    };
    for (byte, separator) in [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")] {
        if text.contains(byte) {
            return Err(ShapeFault::Separator { separator, header: shown(line) });
        }
    }
    let names = fields_of(line).map(|field| String::from_utf8_lossy(field).into_owned()).collect::<Vec<_>>();
    let is_header = names.iter().all(|name| number::parse(name.as_bytes()).is_err());
    match columns {
        Columns::Positions { .. } if is_header => Err(ShapeFault::HeaderPresent { header: shown(line) }),
        Columns::Positions { fields, open_end } => {
            Layout::of_positions(fields, *open_end, names.len()).map(|layout| (layout, false))
        }
        _ if !is_header => {
            Err(ShapeFault::NoHeader { columns: names.len(), first: shown(names.first().map_or(&[], String::as_bytes)) })
        }
        Columns::Header => Layout::of_names(&names, &[]).map(|layout| (layout, true)),
        Columns::Names(said) => Layout::of_names(&names, said).map(|layout| (layout, true)),
    }
}

/// Fields between commas, without quotes and blanks around them. A comma within quotes does not part fields.
pub(super) fn fields_of(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        let end = text.iter().position(|byte| {
            quoted ^= *byte == b'"';
            *byte == b',' && !quoted
        });
        let field = &text[..end.unwrap_or(text.len())];
        rest = end.map(|end| &text[end + 1..]);
        let field = field.trim_ascii();
        Some(field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field))
    })
}

pub(super) fn trim_end(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_lose_their_quotes_and_blanks() {
        let fields = |line: &'static str| fields_of(line.as_bytes()).collect::<Vec<_>>();
        assert_eq!(fields("a, b ,\"c\",\"1,5\","), [&b"a"[..], b"b", b"c", b"1,5", b""]);
        assert_eq!(fields(""), [b""]);
    }
}
