//! Entries of a stream: their ids and their fields.

use super::StreamName;
use super::limits::{FIELD_BYTES_MAX, FIELD_NAME_BYTES_MAX, FIELDS_MAX};
use std::fmt;
use std::str::FromStr;

/// The field that holds an entry's number.
pub(super) const NUMBER: &str = "n";

/// The id of an entry: milliseconds and a sequence within them, written `1700000000000-0`. Ids rise within a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// Unix milliseconds, as the publisher derives them.
    pub millis: u64,
    /// Order within the millisecond.
    pub sequence: u64,
}

/// A text that is not the id of an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the id of an entry: write <milliseconds>-<sequence>")]
pub struct NotAnEntryId(String);

impl EntryId {
    /// Before every entry. No entry has it.
    pub const ZERO: Self = Self { millis: 0, sequence: 0 };
    /// The last that there can be.
    pub const MAX: Self = Self { millis: u64::MAX, sequence: u64::MAX };

    /// An id.
    pub const fn new(millis: u64, sequence: u64) -> Self {
        Self { millis, sequence }
    }

    /// The id that follows; none after the last.
    pub const fn next(self) -> Option<Self> {
        match (self.sequence.checked_add(1), self.millis.checked_add(1)) {
            (Some(sequence), _) => Some(Self { sequence, ..self }),
            (None, Some(millis)) => Some(Self { millis, sequence: 0 }),
            (None, None) => None,
        }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.millis, self.sequence)
    }
}

impl FromStr for EntryId {
    type Err = NotAnEntryId;

    fn from_str(text: &str) -> Result<Self, NotAnEntryId> {
        let numbers = text.split_once('-').and_then(|(millis, sequence)| Some((digits(millis)?, digits(sequence)?)));
        let (millis, sequence) = numbers.ok_or_else(|| NotAnEntryId(text.chars().take(FIELD_NAME_BYTES_MAX).collect()))?;
        Ok(Self { millis, sequence })
    }
}

/// A whole number of digits alone: no sign, no space.
fn digits(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The fields of an entry in their order: plain text, within the limits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields(Vec<(String, String)>);

/// Why an entry cannot be read or written. Skip it: the same one fails again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// More fields than any of ours has.
    #[error("an entry has more than {FIELDS_MAX} fields")]
    Fields,
    /// A name or a value is too long.
    #[error(
        "the field {name:?} has {bytes} bytes in its name or value; allowed are {FIELD_NAME_BYTES_MAX} and {FIELD_BYTES_MAX}"
    )]
    Long {
        /// Which, cut.
        name: String,
        /// Length of the longer.
        bytes: usize,
    },
    /// It is no text.
    #[error("a field is not UTF-8")]
    NotText,
    /// A field is not there.
    #[error("the field {0:?} is missing")]
    Missing(&'static str),
    /// A field holds what it must not.
    #[error("the field {name:?} holds {value:?}, which is not {expected}")]
    Malformed {
        /// Which.
        name: &'static str,
        /// What it holds, cut.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// What the fields say cannot be.
    #[error("the entry contradicts itself: {0}")]
    Contradiction(&'static str),
}

impl BadEntry {
    /// A field that holds something else.
    pub fn malformed(name: &'static str, value: &str, expected: &'static str) -> Self {
        Self::Malformed { name, value: value.chars().take(FIELD_NAME_BYTES_MAX).collect(), expected }
    }
}

impl Fields {
    /// None yet, with room for so many.
    pub fn with_capacity(fields: usize) -> Self {
        Self(Vec::with_capacity(fields.min(FIELDS_MAX)))
    }

    /// Adds a field.
    ///
    /// # Errors
    /// Where there are too many or one is too long.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) -> Result<(), BadEntry> {
        let (name, value) = (name.into(), value.into());
        if self.0.len() == FIELDS_MAX {
            return Err(BadEntry::Fields);
        }
        if name.len() > FIELD_NAME_BYTES_MAX || value.len() > FIELD_BYTES_MAX {
            let bytes = name.len().max(value.len());
            return Err(BadEntry::Long { name: name.chars().take(FIELD_NAME_BYTES_MAX).collect(), bytes });
        }
        self.0.push((name, value));
        Ok(())
    }

    /// The value of a field, the first of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The value of a field that has to be there.
    ///
    /// # Errors
    /// Where it is not.
    pub fn need(&self, name: &'static str) -> Result<&str, BadEntry> {
        self.get(name).ok_or(BadEntry::Missing(name))
    }

    /// All, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// An entry to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// To which stream.
    pub stream: StreamName,
    /// Its id, derived from what it says; above all ids in the stream, and not [`EntryId::ZERO`].
    pub id: EntryId,
    /// Its number: that of the entry before it, and one.
    pub number: u64,
    /// What it says. At most one less than [`FIELDS_MAX`]: the number is a field too.
    pub fields: Fields,
}

/// What became of an entry that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is written.
    New,
    /// An entry of that id is there already: this one, written earlier.
    Already,
    /// The stream has passed its id and does not hold it: trimmed since, or never written.
    Passed,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its number in its stream.
    pub number: u64,
    /// Its other fields.
    pub fields: Fields,
}

/// An entry that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From which stream.
    pub stream: StreamName,
    /// Its id.
    pub id: EntryId,
    /// What it says, or why that cannot be read: others can write to a server too. It is acknowledged like any other.
    pub content: Result<Content, BadEntry>,
}

impl From<NewEntry> for Entry {
    /// As it will be read.
    fn from(NewEntry { stream, id, number, fields }: NewEntry) -> Self {
        Self { stream, id, content: Ok(Content { number, fields }) }
    }
}

/// Reads an entry's fields, whoever wrote them.
pub(super) fn content<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Result<Content, BadEntry> {
    let (mut number, mut fields) = (None, Fields::with_capacity(pairs.size_hint().0));
    for (count, (name, value)) in pairs.enumerate() {
        if count == FIELDS_MAX {
            return Err(BadEntry::Fields);
        }
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| BadEntry::NotText);
        let (name, value) = (text(name)?, text(value)?);
        if name == NUMBER && number.is_none() {
            number = Some(digits(value).ok_or_else(|| BadEntry::malformed(NUMBER, value, "a whole number"))?);
        } else {
            fields.push(name, value)?;
        }
    }
    Ok(Content { number: number.ok_or(BadEntry::Missing(NUMBER))?, fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_as_they_are_written_and_order_by_time() {
        for text in ["0-0", "1700000000000-7", "18446744073709551615-18446744073709551615"] {
            assert_eq!(text.parse::<EntryId>().expect(text).to_string(), text);
        }
        for text in ["", "1", "-", "1-", "-1", "+1-0", "1-+0", "1-0-0", " 1-0", "18446744073709551616-0", "1-x"] {
            assert!(text.parse::<EntryId>().is_err(), "{text}");
        }
        assert!(EntryId::new(2, 0) > EntryId::new(1, 9));
        assert_eq!(EntryId::new(1, u64::MAX).next(), Some(EntryId::new(2, 0)));
        assert_eq!(EntryId::MAX.next(), None);
    }

    #[test]
    fn hostile_fields_are_named_errors() {
        let read = |pairs: &[(&[u8], &[u8])]| content(pairs.iter().copied());
        let sound = read(&[(b"n", b"7"), (b"k", b"candle")]).expect("it is sound");
        assert_eq!((sound.number, sound.fields.get("k")), (7, Some("candle")));
        assert_eq!(read(&[(b"k", b"candle")]), Err(BadEntry::Missing("n")));
        assert_eq!(read(&[(b"n", b"-1")]), Err(BadEntry::malformed("n", "-1", "a whole number")));
        assert_eq!(read(&[(b"n", b"1"), (b"\xff", b"")]), Err(BadEntry::NotText));
        assert_eq!(read(&[(b"n".as_slice(), b"1".as_slice()); FIELDS_MAX + 1]), Err(BadEntry::Fields));
        let long = vec![b'9'; FIELD_BYTES_MAX + 1];
        assert!(matches!(read(&[(b"n", b"1"), (b"k", &long)]), Err(BadEntry::Long { .. })));
        assert!(matches!(read(&[(b"n", b"1"), (&long, b"")]), Err(BadEntry::Long { .. })));
        assert!(matches!(read(&[(b"n", &long)]), Err(BadEntry::Malformed { .. })));
    }
}
