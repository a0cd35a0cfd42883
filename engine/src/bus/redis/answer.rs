//! What a server's answers mean. They come from outside: each shape is checked, and an odd one is an error.

use crate::bus::entry::content;
use crate::bus::limits::{FIELDS_MAX, SAID_BYTES_MAX};
use crate::bus::{BadEntry, Claimed, Content, Entry, EntryId, GroupName, GroupState, Published, StreamName};
use calypte_kernel::Timestamp;
use redis::Value;

/// An answer of another shape than asked for.
#[derive(Debug)]
pub(super) struct Odd(pub(super) String);

impl Odd {
    fn new(expected: &str, found: &Value) -> Self {
        let mut text = format!("expected {expected}, got {}", kind(found));
        text.truncate(SAID_BYTES_MAX);
        Self(text)
    }
}

/// A whole number, as a number or as text.
pub(super) fn whole(value: &Value) -> Result<u64, Odd> {
    let number = match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        other => text(other).ok().and_then(|text| text.parse().ok()),
    };
    number.ok_or_else(|| Odd::new("a whole number", value))
}

/// A text.
pub(super) fn text(value: &Value) -> Result<&str, Odd> {
    let text = match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text.as_str()),
        Value::Okay => Some("OK"),
        _ => None,
    };
    text.ok_or_else(|| Odd::new("a text", value))
}

/// A list; nothing is an empty one.
pub(super) fn list(value: &Value) -> Result<&[Value], Odd> {
    match value {
        Value::Nil => Ok(&[]),
        Value::Array(values) => Ok(values),
        other => Err(Odd::new("a list", other)),
    }
}

/// A time: seconds since 1970, and microseconds on top.
pub(super) fn time(value: &Value) -> Result<Timestamp, Odd> {
    let odd = || Odd::new("a time", value);
    let [seconds, microseconds] = list(value)? else { return Err(odd()) };
    let ms = whole(seconds)?.checked_mul(1_000).and_then(|ms| ms.checked_add(whole(microseconds).ok()? / 1_000));
    ms.and_then(|ms| i64::try_from(ms).ok()).map(Timestamp::from_millis).ok_or_else(odd)
}

/// What a script says of entries that it was to write: a digit for each.
pub(super) fn published(value: &Value, entries: usize) -> Result<Vec<Published>, Odd> {
    let outcome = |digit| match digit {
        b'0' => Some(Published::New),
        b'1' => Some(Published::Already),
        b'2' => Some(Published::Passed),
        _ => None,
    };
    let outcomes: Option<Vec<_>> = text(value)?.bytes().map(outcome).collect();
    outcomes.filter(|outcomes| outcomes.len() == entries).ok_or_else(|| Odd::new("an outcome for each entry", value))
}

/// What several streams gave.
pub(super) fn read(value: &Value, streams: &[StreamName]) -> Result<Vec<Entry>, Odd> {
    let mut read = Vec::new();
    // They come in the order in which they were asked for, those without anything left out.
    let mut asked = streams.iter();
    for of_stream in list(value)? {
        let [name, given] = list(of_stream)? else { return Err(Odd::new("a stream and its entries", of_stream)) };
        let name = text(name)?;
        let stream = asked.find(|stream| stream.as_str() == name).ok_or_else(|| Odd::new("a stream asked for", of_stream))?;
        read.append(&mut entries(given, stream)?);
    }
    Ok(read)
}

/// Entries of one stream.
pub(super) fn entries(value: &Value, stream: &StreamName) -> Result<Vec<Entry>, Odd> {
    let read = |value| {
        let (id, content) = entry(value)?;
        let content = content.ok_or_else(|| Odd::new("the fields of an entry", value))?;
        Ok(Entry { stream: stream.clone(), id, content })
    };
    list(value)?.iter().map(read).collect()
}

/// Entries of one stream that somebody was handed, and those of them that are not there any more.
pub(super) fn pending_entries(value: &Value, stream: &StreamName) -> Result<(Vec<Entry>, Vec<EntryId>), Odd> {
    let (mut there, mut lost) = (Vec::new(), Vec::new());
    for of_stream in list(value)? {
        let [_, given] = list(of_stream)? else { return Err(Odd::new("a stream and its entries", of_stream)) };
        for value in list(given)? {
            match entry(value)? {
                (id, Some(content)) => there.push(Entry { stream: stream.clone(), id, content }),
                (id, None) => lost.push(id),
            }
        }
    }
    Ok((there, lost))
}

/// What was claimed.
pub(super) fn claimed(value: &Value, stream: &StreamName) -> Result<Claimed, Odd> {
    let [next, given, lost] = list(value)? else { return Err(Odd::new("a place, entries and ids", value)) };
    let lost = list(lost)?.iter().map(id).collect::<Result<_, _>>()?;
    let next = Some(id(next)?).filter(|next| *next != EntryId::ZERO);
    Ok(Claimed { entries: entries(given, stream)?, lost, next })
}

/// Where a group is.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupPlace {
    pub(super) handed_out: EntryId,
    pub(super) pending: u64,
}

/// Where a group is, among all groups of a stream; none: it is not among them.
pub(super) fn group_place(value: &Value, group: &GroupName) -> Result<Option<GroupPlace>, Odd> {
    for described in list(value)? {
        let pairs = list(described)?;
        let get =
            |wanted| pairs.chunks_exact(2).find(|pair| text(&pair[0]).is_ok_and(|name| name == wanted)).map(|pair| &pair[1]);
        let need = |wanted| get(wanted).ok_or_else(|| Odd::new(wanted, described));
        if text(need("name")?)? == group.as_str() {
            let place = GroupPlace { handed_out: id(need("last-delivered-id")?)?, pending: whole(need("pending")?)? };
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// How far a group is, from the length of the stream, its first entry, the next one of the group, and the newest.
pub(super) fn group_state(values: &[&Value], stream: &StreamName, place: GroupPlace) -> Result<GroupState, Odd> {
    let [length, first, next, last] = values else { return Err(Odd("four answers were due".to_owned())) };
    let one = |value| Ok(entries(value, stream)?.into_iter().next());
    let (first, next, last) = (one(first)?, one(next)?, one(last)?);
    let number = |entry: Option<&Entry>| entry.and_then(|entry| entry.content.as_ref().ok()).map(|content| content.number);
    Ok(GroupState {
        entries: whole(length)?,
        first: first.map(|entry| entry.id),
        last: last.as_ref().map(|entry| entry.id),
        handed_out: place.handed_out,
        pending: place.pending,
        next_number: number(next.as_ref()),
        lag: GroupState::lag_between(number(next.as_ref()), number(last.as_ref())),
    })
}

/// Whether a command was refused because there is no such stream.
pub(super) fn is_no_such_key(value: &Value) -> bool {
    let missing = |details: &str| details.contains("no such key") || details.contains("requires the key to exist");
    matches!(value, Value::ServerError(error) if error.code() == "ERR" && error.details().is_some_and(missing))
}

/// An id, and what the entry says; nothing where it is not there any more.
fn entry(value: &Value) -> Result<(EntryId, Option<Result<Content, BadEntry>>), Odd> {
    let [given_id, fields] = list(value)? else { return Err(Odd::new("an id and fields", value)) };
    let given_id = id(given_id)?;
    if matches!(fields, Value::Nil) {
        return Ok((given_id, None));
    }
    let fields = list(fields)?;
    // Twice a limit of fields is as good as any number beyond it.
    let pairs = fields.chunks_exact(2).take(FIELDS_MAX + 1);
    Ok((given_id, Some(content(pairs.map(|pair| (bytes(&pair[0]), bytes(&pair[1])))))))
}

/// The bytes of a name or a value.
fn bytes(value: &Value) -> &[u8] {
    match value {
        Value::BulkString(bytes) => bytes,
        Value::SimpleString(text) => text.as_bytes(),
        _ => &[0xff], // no text, and read as none
    }
}

fn id(value: &Value) -> Result<EntryId, Odd> {
    text(value)?.parse().map_err(|_| Odd::new("the id of an entry", value))
}

/// What a value is, without what it holds.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) | Value::SimpleString(_) | Value::VerbatimString { .. } => "a text",
        Value::Okay => "an OK",
        Value::Array(_) | Value::Set(_) => "a list",
        Value::Map(_) => "a map",
        Value::ServerError(_) => "an error",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn stream() -> StreamName {
        "md.BTC.1m".parse().expect("a stream")
    }

    #[test]
    fn one_bad_entry_does_not_spoil_the_others() {
        let fields = |fields: &[&str]| Value::Array(fields.iter().map(|text| bulk(text)).collect());
        let answer = Value::Array(vec![
            Value::Array(vec![bulk("1-0"), fields(&["n", "1", "k", "candle"])]),
            Value::Array(vec![bulk("2-0"), fields(&["k", "candle"])]),
            Value::Array(vec![bulk("3-0"), Value::Array(vec![bulk("n"), Value::Int(3)])]),
            Value::Array(vec![bulk("4-0"), fields(&["n", "4"])]),
        ]);
        let read = entries(&answer, &stream()).expect("its shape is right");
        let numbers: Vec<_> = read.into_iter().map(|entry| entry.content.map(|content| content.number)).collect();
        assert_eq!(numbers, [Ok(1), Err(BadEntry::Missing("n")), Err(BadEntry::NotText), Ok(4)]);
    }

    #[test]
    fn odd_answers_are_errors() {
        let id_alone = Value::Array(vec![Value::Array(vec![bulk("1-0")])]);
        let no_id = Value::Array(vec![Value::Array(vec![bulk("x"), Value::Nil])]);
        for odd in [Value::Int(1), id_alone, no_id, Value::Array(vec![Value::Nil])] {
            assert!(entries(&odd, &stream()).is_err(), "{odd:?}");
            assert!(claimed(&odd, &stream()).is_err(), "{odd:?}");
        }
        assert!(published(&bulk("01"), 3).is_err());
        assert!(published(&bulk("09"), 2).is_err());
        assert!(whole(&Value::Int(-1)).is_err());
    }

    /// Values of any shape, a few levels deep.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Nil),
            Just(Value::Okay),
            any::<i64>().prop_map(Value::Int),
            "[0-9a-z-]{0,12}".prop_map(Value::SimpleString),
            proptest::collection::vec(any::<u8>(), 0..12).prop_map(Value::BulkString),
            Just(bulk("1-0")),
            Just(bulk("md.BTC.1m")),
            Just(bulk("n")),
        ];
        leaf.prop_recursive(4, 48, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::Array))
    }

    proptest! {
        #[test]
        fn no_answer_panics(value in values()) {
            let stream = stream();
            let group = "g".parse().expect("a name");
            let _ = entries(&value, &stream);
            let _ = pending_entries(&value, &stream);
            let _ = claimed(&value, &stream);
            let _ = read(&value, std::slice::from_ref(&stream));
            let _ = group_place(&value, &group);
            let _ = published(&value, 1);
            let place = GroupPlace { handed_out: EntryId::ZERO, pending: 0 };
            let _ = group_state(&[&value, &value, &value, &value], &stream, place);
        }
    }
}
