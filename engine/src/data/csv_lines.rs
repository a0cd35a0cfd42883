//! The lines of a CSV text with a header, one by one, for tables that are no candles.

use super::csv::{Damage, ExpectedTime, LineFault, damage, fields_of, first_line, trim_end};
use super::fault::{At, RowFault, ShapeFault, shown};
use super::input::Input;
use super::lines::{LINE_BYTES_MAX, Line, Lines};
use super::options::ReadOptions;
use super::row::Fatal;
use std::io::Read;

/// Reads lines behind a header.
pub(super) struct CsvLines<R: Read> {
    lines: Lines<Input<R>>,
    /// First line, to know it again.
    header: Vec<u8>,
    names: Vec<String>,
    /// Lines begun so far.
    line: u64,
    time: ExpectedTime,
    unended: bool,
}

/// What a line gave, or what is wrong with it and where.
pub(super) type Decoded<T> = Result<T, (At, LineFault)>;

/// One line that is not blank.
pub(super) struct CsvLine<'a> {
    text: &'a [u8],
    number: u64,
    ended: bool,
    header: &'a [u8],
    time: &'a ExpectedTime,
}

impl<R: Read> CsvLines<R> {
    /// Reads the header.
    pub(super) fn new(input: Input<R>, options: &ReadOptions) -> Result<Self, Fatal> {
        let mut lines = Lines::new(input);
        lines.strip_prefix(b"\xef\xbb\xbf");
        let (first, line) = first_line(&mut lines)?;
        let Line::Whole { start, end, .. } = first else {
            return Err(Fatal::Shape(ShapeFault::NotATable { what: "text without lines", advice: "give CSV" }));
        };
        let header = trim_end(lines.text(start, end)).to_vec();
        if std::str::from_utf8(&header).is_err() {
            return Err(Fatal::Shape(ShapeFault::HeaderNotUtf8 { value: shown(&header) }));
        }
        let names = fields_of(&header).map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        Ok(Self { lines, header, names, line, time: ExpectedTime::new(options), unended: false })
    }

    /// Names of the columns.
    pub(super) fn header(&self) -> &[String] {
        &self.names
    }

    /// Whether the file ended without a line end, which may mean that it is cut.
    pub(super) const fn unended(&self) -> bool {
        self.unended
    }

    /// SHA-256 of the file.
    pub(super) fn sha256(&mut self) -> std::io::Result<String> {
        self.lines.reader_mut().sha256()
    }

    /// Decodes the next line that is not blank. None: there are no more. An error of the decoder comes with its place.
    pub(super) fn next<T>(
        &mut self,
        decode: impl FnOnce(&CsvLine<'_>) -> Result<T, LineFault>,
    ) -> Result<Option<Decoded<T>>, Fatal> {
        loop {
            let read = match self.lines.next() {
                Ok(None) => return Ok(None),
                Ok(Some(read)) => read,
                Err(error) => return self.failed(&error).map_or(Err(Fatal::Io(error)), |fault| Ok(Some(Err(fault)))),
            };
            self.line += 1;
            let number = self.line;
            let Line::Whole { start, end, ended } = read else {
                let fault = RowFault::LineTooLong { limit: LINE_BYTES_MAX };
                return Ok(Some(Err((At::Line(number), fault.into()))));
            };
            self.unended = !ended;
            let text = trim_end(self.lines.text(start, end));
            if text.is_empty() {
                continue;
            }
            let line = CsvLine { text, number, ended, header: &self.header, time: &self.time };
            let decoded = line.check().and_then(|()| decode(&line)).map_err(|fault| (At::Line(number), fault));
            self.time.seen |= decoded.is_ok();
            return Ok(Some(decoded));
        }
    }

    /// The reader failed within the line after the last one given out; none where the device did.
    fn failed(&mut self, error: &std::io::Error) -> Option<(At, LineFault)> {
        let what = self.lines.reader().what();
        let at = At::Line(self.line + 1);
        match damage(error, what) {
            Damage::Cut => Some((at, RowFault::Truncated { what, bytes: self.lines.bytes() }.into())),
            Damage::Corrupt => {
                let fault = ShapeFault::Corrupt { at, what, detail: error.to_string() };
                Some((at, LineFault::Shape(Box::new(fault))))
            }
            Damage::Device => None,
        }
    }
}

impl CsvLine<'_> {
    /// Where it stands.
    pub(super) const fn at(&self) -> At {
        At::Line(self.number)
    }

    fn check(&self) -> Result<(), LineFault> {
        if std::str::from_utf8(self.text).is_err() {
            return Err(RowFault::NotUtf8 { value: shown(self.text) }.into());
        }
        if self.text == self.header {
            return Err(RowFault::RepeatedHeader { value: shown(self.text) }.into());
        }
        Ok(())
    }

    /// Its fields, as many as there should be.
    pub(super) fn fields(&self, expected: usize) -> Result<Vec<&[u8]>, LineFault> {
        let fields = fields_of(self.text).take(expected + 1).collect::<Vec<_>>();
        if fields.len() == expected {
            return Ok(fields);
        }
        let value = shown(self.text);
        if !self.ended && fields.len() < expected {
            return Err(RowFault::CutLine { value }.into());
        }
        let found = fields_of(self.text).count();
        Err(RowFault::ColumnCount { found, expected, value }.into())
    }

    /// A field as milliseconds since 1970.
    pub(super) fn time(&self, field: &[u8]) -> Result<i64, LineFault> {
        let read = self.time.unit.parse(field, self.time.convert);
        read.map(|time| time.millis).map_err(|fault| self.time.fault(fault, shown(field), self.at()))
    }
}
