//! Checks of calls that both implementations make before they do anything.

use super::limits::{ACKNOWLEDGE_MAX, FIELDS_MAX, LIFE_MAX, PUBLISH_MAX, READ_STREAMS_MAX, WANT_MAX};
use super::{BadEntry, BusError, EntryId, NewEntry, StreamName};
use std::time::Duration;

/// Whether entries can be written at all.
pub(super) fn publish(entries: &[NewEntry]) -> Result<(), BusError> {
    at_most("entries to publish", entries.len(), PUBLISH_MAX)?;
    for entry in entries {
        let cause = if entry.fields.iter().len() >= FIELDS_MAX {
            BadEntry::Fields
        } else if entry.id == EntryId::ZERO {
            BadEntry::Contradiction("its id is zero")
        } else {
            continue;
        };
        return Err(BusError::BadEntry { stream: entry.stream.clone(), number: entry.number, cause });
    }
    Ok(())
}

/// Whether so many streams can be read at once.
pub(super) fn read(streams: &[StreamName]) -> Result<(), BusError> {
    at_most("streams to read", streams.len(), READ_STREAMS_MAX)
}

/// Whether so many entries can be acknowledged at once.
pub(super) fn acknowledge(entries: &[(StreamName, Vec<EntryId>)]) -> Result<(), BusError> {
    at_most("entries to acknowledge", entries.iter().map(|(_, ids)| ids.len()).sum(), ACKNOWLEDGE_MAX)?;
    at_most("streams to acknowledge", entries.len(), READ_STREAMS_MAX)
}

/// Whether so many streams can be wanted by one call.
pub(super) fn want(streams: &[StreamName]) -> Result<(), BusError> {
    at_most("streams to want", streams.len(), WANT_MAX)
}

/// A length of life that the bus counts: whole milliseconds, at least one.
pub(super) fn life(asked: Duration) -> Duration {
    asked.clamp(Duration::from_millis(1), LIFE_MAX)
}

pub(super) fn at_most(what: &'static str, asked: usize, limit: usize) -> Result<(), BusError> {
    if asked > limit { Err(BusError::OverLimit { what, asked, limit }) } else { Ok(()) }
}
