//! Lines of a text in one buffer of a fixed size, however long the text and its lines are.

use std::io::Read;

/// Longest line: a few candles' worth of the widest known format.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// Size of the buffer.
const BUFFER_BYTES: usize = 256 * 1024;

/// What the next stretch of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its end.
    Whole {
        /// Start in the buffer.
        start: usize,
        /// End in the buffer.
        end: usize,
        /// Whether a line end followed it.
        ended: bool,
    },
    /// A line longer than [`LINE_BYTES_MAX`]; its text is gone.
    TooLong,
}

/// Reads lines.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// The reader has no more, or failed.
    ended: bool,
    /// Bytes taken from the reader.
    bytes: u64,
    /// Why the reader failed; told once the lines before are used up.
    failure: Option<std::io::Error>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self { reader, buffer, start: 0, end: 0, ended: false, bytes: 0, failure: None }
    }

    pub(super) const fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    pub(super) const fn reader(&self) -> &R {
        &self.reader
    }

    /// Bytes of text read so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What is buffered and not yet used.
    pub(super) fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Text of a line.
    pub(super) fn text(&self, start: usize, end: usize) -> &[u8] {
        &self.buffer[start..end]
    }

    /// Marks buffered bytes as used.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Drops the first bytes of the text if they are these.
    pub(super) fn strip_prefix(&mut self, prefix: &[u8]) {
        if self.buffered().is_empty() {
            self.fill();
        }
        if self.buffered().starts_with(prefix) {
            self.consume(prefix.len());
        }
    }

    /// Reads more behind what is buffered. False: there is no more, or no room.
    pub(super) fn fill(&mut self) -> bool {
        if self.ended {
            return false;
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let before = self.end;
        while self.end < self.buffer.len() && !self.ended {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.end += count;
                    self.bytes += count as u64;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    self.failure = Some(error);
                }
            }
        }
        self.end > before
    }

    /// The next line; none at the end of the text. A failure of the reader comes after the last whole line before it, and what
    /// there is of the line it cut is not given out.
    pub(super) fn next(&mut self) -> Result<Option<Line>, std::io::Error> {
        let mut searched = 0;
        loop {
            let line = self.buffered();
            if let Some(length) = line[searched..].iter().position(|byte| *byte == b'\n').map(|at| at + searched) {
                let (start, end) = (self.start, self.start + length);
                self.consume(length + 1);
                if length > LINE_BYTES_MAX {
                    return Ok(Some(Line::TooLong));
                }
                return Ok(Some(Line::Whole { start, end, ended: true }));
            }
            searched = line.len();
            if searched > LINE_BYTES_MAX {
                return self.skip_line().map(Some);
            }
            if !self.fill() {
                return self.last(searched);
            }
        }
    }

    /// What is left without a line end.
    fn last(&mut self, length: usize) -> Result<Option<Line>, std::io::Error> {
        if let Some(failure) = self.failure.take() {
            self.start = self.end;
            return Err(failure);
        }
        let start = self.start;
        self.consume(length);
        Ok((length > 0).then_some(Line::Whole { start, end: start + length, ended: false }))
    }

    /// Drops text up to and with the next line end.
    fn skip_line(&mut self) -> Result<Line, std::io::Error> {
        loop {
            if let Some(length) = self.buffered().iter().position(|byte| *byte == b'\n') {
                self.consume(length + 1);
                return Ok(Line::TooLong);
            }
            self.start = self.end;
            if !self.fill() {
                return self.failure.take().map_or(Ok(Line::TooLong), Err);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(text: &[u8]) -> Vec<Option<(usize, bool)>> {
        let mut lines = Lines::new(text);
        let mut all = Vec::new();
        while let Some(line) = lines.next().expect("memory does not fail") {
            all.push(match line {
                Line::Whole { start, end, ended } => Some((end - start, ended)),
                Line::TooLong => None,
            });
        }
        all
    }

    #[test]
    fn lines_come_one_by_one_and_the_last_may_lack_its_end() {
        assert_eq!(lengths(b"ab\n\ncde"), [Some((2, true)), Some((0, true)), Some((3, false))]);
        assert_eq!(lengths(b""), []);
        assert_eq!(lengths(b"\n"), [Some((0, true))]);
    }

    #[test]
    fn endless_lines_are_dropped_in_a_fixed_buffer() {
        let mut text = vec![b'x'; BUFFER_BYTES * 3];
        text.extend_from_slice(b"\nab\n");
        text.extend(std::iter::repeat_n(b'y', LINE_BYTES_MAX + 1));
        assert_eq!(lengths(&text), [None, Some((2, true)), None]);
        assert_eq!(lengths(&vec![b'x'; LINE_BYTES_MAX]), [Some((LINE_BYTES_MAX, false))]);
    }

    #[test]
    fn lines_across_the_end_of_the_buffer_are_whole() {
        let text = "0123456789\n".repeat(BUFFER_BYTES / 5);
        let all = lengths(text.as_bytes());
        assert_eq!(all.len(), BUFFER_BYTES / 5);
        assert!(all.iter().all(|line| *line == Some((10, true))));
    }
}
