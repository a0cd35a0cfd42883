//! Streams: what is published, who has read it, what is still there.

use super::{BusError, ConsumerName, Entry, EntryId, GroupName, Lease, NewEntry, Published, StreamName};
use async_trait::async_trait;
use std::time::Duration;

/// Where a group begins to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// With the oldest entry that is there.
    First,
    /// With the first entry that is published from now on.
    New,
    /// With the first entry after this one.
    After(EntryId),
}

/// How much a read brings, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// About how many entries at most; of each stream at least one.
    pub entries: usize,
    /// For how long it waits where there is nothing; zero: not at all. Cut to [`super::limits::WAIT_MAX`].
    pub wait: Duration,
}

/// What was handed to a consumer and is not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Those that are still there.
    pub entries: Vec<Entry>,
    /// Those that were trimmed meanwhile. They stay handed out until they are acknowledged.
    pub lost: Vec<EntryId>,
    /// The last id looked at, for the next call; none: there are no more.
    pub next: Option<EntryId>,
}

/// What was taken over from other consumers of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claimed {
    /// Those that are still there: they now belong to who claimed them.
    pub entries: Vec<Entry>,
    /// Those that were trimmed meanwhile: they belong to nobody any more.
    pub lost: Vec<EntryId>,
    /// Where to go on; none: there are no more.
    pub next: Option<EntryId>,
}

/// How far a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupState {
    /// Entries in the stream.
    pub entries: u64,
    /// The oldest entry that is there.
    pub first: Option<EntryId>,
    /// The newest.
    pub last: Option<EntryId>,
    /// The last that was handed to the group; [`EntryId::ZERO`]: none.
    pub handed_out: EntryId,
    /// Entries that were handed out and are not acknowledged.
    pub pending: u64,
    /// Number of the next entry that the group will read; none: it has read all, or that entry cannot be read.
    pub next_number: Option<u64>,
    /// Entries that are there and were not handed out yet, by their numbers.
    pub lag: u64,
}

impl GroupState {
    /// Entries from the next one to be read to the newest, by their numbers.
    pub(super) fn lag_between(next: Option<u64>, newest: Option<u64>) -> u64 {
        let between = |(next, newest): (u64, u64)| newest.saturating_sub(next).saturating_add(1);
        next.zip(newest).map_or(0, between)
    }

    /// How many entries were trimmed before the group read them, where the last number that it read is known.
    pub fn trimmed_after(&self, last_number: u64) -> u64 {
        self.next_number.map_or(0, |next| next.saturating_sub(last_number.saturating_add(1)))
    }
}

/// Streams of entries, read by groups.
///
/// **Cancellation.** A read that is dropped may have been handed entries that nobody saw; so may one that failed. Ask
/// [`Self::handed_out`] before reading on.
#[async_trait]
pub trait Streams: Send + Sync {
    /// Writes entries, those of a stream in their order, and trims each stream to about what its topic keeps. The answers stand
    /// in the order of the entries. With a lease: only if it is still held, as the bus knows at that moment.
    ///
    /// # Errors
    /// See [`BusError`]. Where some are written and some not, publish all again: those written answer that they are.
    async fn publish(&self, entries: &[NewEntry], lease: Option<&Lease>) -> Result<Vec<Published>, BusError>;

    /// Makes a group of a stream, which need not be there yet. Whether it was made: one that is there keeps its place.
    ///
    /// # Errors
    /// See [`BusError`].
    async fn join(&self, stream: &StreamName, group: &GroupName, from: Position) -> Result<bool, BusError>;

    /// Reads what nobody in the group was handed yet: of each stream in its order.
    ///
    /// # Errors
    /// See [`BusError`]; [`BusError::NoGroup`] where one of the streams was not joined.
    async fn read(
        &self,
        group: &GroupName,
        consumer: &ConsumerName,
        streams: &[StreamName],
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, BusError>;

    /// What this consumer was handed and has not acknowledged, after an id: after a restart or an error, before it reads on.
    ///
    /// # Errors
    /// See [`BusError`].
    async fn handed_out(
        &self,
        group: &GroupName,
        consumer: &ConsumerName,
        stream: &StreamName,
        after: EntryId,
        entries_max: usize,
    ) -> Result<Recovered, BusError>;

    /// Notes that entries are done with: nobody is handed them again. Returns how many were handed out until now.
    ///
    /// # Errors
    /// See [`BusError`].
    async fn acknowledge(&self, group: &GroupName, entries: &[(StreamName, Vec<EntryId>)]) -> Result<u64, BusError>;

    /// Takes over what consumers of the group were handed at least so long ago and have not acknowledged.
    ///
    /// # Errors
    /// See [`BusError`].
    async fn claim(
        &self,
        group: &GroupName,
        consumer: &ConsumerName,
        stream: &StreamName,
        idle: Duration,
        from: EntryId,
        entries_max: usize,
    ) -> Result<Claimed, BusError>;

    /// Entries between two ids, both included, oldest first.
    ///
    /// # Errors
    /// See [`BusError`].
    async fn range(&self, stream: &StreamName, from: EntryId, to: EntryId, entries_max: usize) -> Result<Vec<Entry>, BusError>;

    /// The newest entries, newest first.
    ///
    /// # Errors
    /// See [`BusError`].
    async fn newest(&self, stream: &StreamName, entries_max: usize) -> Result<Vec<Entry>, BusError>;

    /// How far a group is.
    ///
    /// # Errors
    /// See [`BusError`]; [`BusError::NoGroup`] where it was not joined.
    async fn group_state(&self, stream: &StreamName, group: &GroupName) -> Result<GroupState, BusError>;

    /// Deletes a group with its place and what it was handed. Whether it was there.
    ///
    /// # Errors
    /// See [`BusError`].
    async fn delete_group(&self, stream: &StreamName, group: &GroupName) -> Result<bool, BusError>;
}
