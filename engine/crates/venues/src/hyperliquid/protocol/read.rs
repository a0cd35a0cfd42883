//! Bytes to typed messages, within limits.
//!
//! JSON is read by `serde_json`, which refuses to nest deeper than 128; everything else that a hostile message could grow has its
//! limit here.

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// Most bytes of a message, REST or WebSocket: three times the largest answer that is known (all assets of all builders).
pub const MESSAGE_BYTES_MAX: usize = 8 << 20;
/// Most entries of a list, where nothing smaller is said: candles come 5000 at a time, fills and orders 2000.
pub const LIST_MAX: usize = 5_000;
/// Most characters of what is said about bytes that cannot be read.
const WORDS_MAX: usize = 200;

/// Bytes that are no message we know how to read. None of it is fatal: it is counted, and what the message was about is asked for
/// again where that matters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// More bytes than a message may have.
    #[error("a message of {0} bytes: at most {MESSAGE_BYTES_MAX} are read")]
    TooLarge(usize),
    /// Not JSON: plain text, a page of HTML, a piece of something.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON of another shape: a key is missing that must be there, or a value is of another kind.
    #[error("JSON of another shape: {0}")]
    Shape(String),
}

/// Reads one message.
///
/// # Errors
/// Where the bytes are too many, no JSON, or JSON of another shape.
pub fn parse<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, ParseError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(ParseError::TooLarge(bytes.len()));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let words = error.to_string().chars().take(WORDS_MAX).collect();
        if error.is_data() { ParseError::Shape(words) } else { ParseError::NotJson(words) }
    })
}

/// A list whose entries belong together: one that cannot be read makes the whole unreadable. Null is an empty list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T, const MAX: usize = LIST_MAX>(pub Vec<T>);

/// A list whose entries stand for themselves: one that cannot be read is counted and left out. Null is an empty list.
///
/// Whoever takes the absence of an entry for a fact must look at [`Self::unreadable`] first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<T, const MAX: usize = LIST_MAX> {
    /// What could be read, in its order.
    pub rows: Vec<T>,
    /// How many could not.
    pub unreadable: usize,
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> Default for Rows<T, MAX> {
    fn default() -> Self {
        Self { rows: Vec::new(), unreadable: 0 }
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> Deref for Rows<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.rows
    }
}

impl<T, const MAX: usize> From<Vec<T>> for List<T, MAX> {
    fn from(entries: Vec<T>) -> Self {
        Self(entries)
    }
}

impl<T, const MAX: usize> From<Vec<T>> for Rows<T, MAX> {
    fn from(rows: Vec<T>) -> Self {
        Self { rows, unreadable: 0 }
    }
}

impl<T: Serialize, const MAX: usize> Serialize for List<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T: Serialize, const MAX: usize> Serialize for Rows<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rows.serialize(serializer)
    }
}

/// An entry, whatever it is.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Entry<T> {
    Read(T),
    Unreadable(IgnoredAny),
}

/// Reads a list, handing on each entry; more than `MAX` are refused.
struct Entries<E, F, const MAX: usize>(F, PhantomData<E>);

impl<'de, E: Deserialize<'de>, F: FnMut(E), const MAX: usize> Visitor<'de> for Entries<E, F, MAX> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a list of at most {MAX} entries")
    }

    fn visit_unit<R: de::Error>(self) -> Result<(), R> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut count = 0;
        while let Some(entry) = list.next_element()? {
            count += 1;
            if count > MAX {
                return Err(de::Error::invalid_length(count, &self));
            }
            self.0(entry);
        }
        Ok(())
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut entries = Vec::new();
        deserializer.deserialize_any(Entries::<T, _, MAX>(|entry| entries.push(entry), PhantomData))?;
        Ok(Self(entries))
    }
}

impl<'de, T: DeserializeOwned, const MAX: usize> Deserialize<'de> for Rows<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = Self::default();
        let take = |entry: Entry<T>| match entry {
            Entry::Read(row) => found.rows.push(row),
            Entry::Unreadable(_) => found.unreadable += 1,
        };
        deserializer.deserialize_any(Entries::<Entry<T>, _, MAX>(take, PhantomData))?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_message_are_told_apart() {
        assert!(matches!(parse::<Vec<u8>>(b"<html>502</html>"), Err(ParseError::NotJson(_))));
        assert!(matches!(parse::<Vec<u8>>(b"[1,"), Err(ParseError::NotJson(_))));
        assert!(matches!(parse::<Vec<u8>>(b"\"\xff\xfe\""), Err(ParseError::NotJson(_) | ParseError::Shape(_))));
        assert!(matches!(parse::<Vec<u8>>(b"{}"), Err(ParseError::Shape(_))));
        let large = vec![b' '; MESSAGE_BYTES_MAX + 1];
        assert_eq!(parse::<Vec<u8>>(&large), Err(ParseError::TooLarge(MESSAGE_BYTES_MAX + 1)));
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        assert!(matches!(parse::<IgnoredAny>(&deep), Err(ParseError::NotJson(_)) | Ok(IgnoredAny)));
        assert!(matches!(parse::<Rows<Vec<u8>, 3>>(&deep), Err(ParseError::NotJson(_))));
    }

    #[test]
    fn lists_have_a_longest_length() {
        assert_eq!(parse::<List<u8, 2>>(b"[1,2]"), Ok(List(vec![1, 2])));
        assert!(matches!(parse::<List<u8, 2>>(b"[1,2,3]"), Err(ParseError::Shape(words)) if words.contains("at most 2")));
        assert_eq!(parse::<List<u8, 2>>(b"null"), Ok(List(vec![])));
        assert!(parse::<List<u8, 2>>(b"[1,{}]").is_err(), "entries that belong together");
    }

    #[test]
    fn a_row_that_cannot_be_read_is_counted() {
        let rows: Rows<u8, 4> = parse(b"[1, {\"a\": [2]}, \"x\", 300]").expect("a list");
        assert_eq!((rows.rows, rows.unreadable), (vec![1], 3));
        assert!(parse::<Rows<u8, 3>>(b"[1, {}, {}, {}]").is_err(), "unreadable ones count");
    }

    #[test]
    fn words_about_bytes_are_short() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        let text = format!("{{\"{}\": 1}}", "x".repeat(100_000));
        let error = parse::<Nothing>(text.as_bytes()).expect_err("a key that nobody knows");
        assert!(error.to_string().len() < 2 * WORDS_MAX);
    }
}
