//! The bus within a process: the default on one machine. Bounded memory, and nothing outlives the process.
//!
//! It trims exactly where a server trims about, and refuses what no server has a limit for ([`super::limits`]). All else is the
//! same, held to the same tests.

mod office;
mod stream;

use super::limits::{GROUPS_MAX, READ_MAX, STREAMS_MAX, WAIT_MAX};
use super::{
    BusError, Claimed, ConsumerName, Entry, EntryId, GroupName, GroupState, Lease, NewEntry, Position, Published, ReadLimit,
    Recovered, Retention, StreamName, Streams, check,
};
use async_trait::async_trait;
use office::Office;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use stream::MemoryStream;
use tokio::sync::watch;
use tokio::time::Instant;

/// A bus within the process.
#[derive(Debug)]
pub struct MemoryBus {
    retention: Retention,
    state: Mutex<State>,
    /// Changes with each publication: readers wait for it.
    published: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    streams: BTreeMap<StreamName, MemoryStream>,
    office: Office,
}

impl State {
    /// A stream, made where it is not there.
    fn stream(&mut self, name: &StreamName) -> Result<&mut MemoryStream, BusError> {
        if !self.streams.contains_key(name) {
            check::at_most("streams in memory", self.streams.len() + 1, STREAMS_MAX)?;
        }
        Ok(self.streams.entry(name.clone()).or_default())
    }

    fn joined(&mut self, name: &StreamName, group: &GroupName) -> Result<&mut MemoryStream, BusError> {
        let stream = self.streams.get_mut(name).filter(|stream| stream.has_group(group));
        stream.ok_or_else(|| BusError::NoGroup { group: group.clone() })
    }
}

impl MemoryBus {
    /// An empty one.
    pub fn new(retention: Retention) -> Self {
        Self { retention, state: Mutex::default(), published: watch::Sender::new(()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics under the lock that would leave half a change behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_now(
        &self,
        group: &GroupName,
        consumer: &ConsumerName,
        streams: &[StreamName],
        entries_max: usize,
    ) -> Result<Vec<Entry>, BusError> {
        let mut state = self.state();
        // All or none: what is handed out must reach the caller.
        for name in streams {
            state.joined(name, group)?;
        }
        let now = Instant::now();
        let of_each = entries_max.clamp(1, READ_MAX).div_euclid(streams.len().max(1)).max(1);
        let mut read = Vec::new();
        for name in streams {
            let stream = state.joined(name, group)?;
            stream.read(group, consumer, of_each, now, |id, content| {
                read.push(Entry { stream: name.clone(), id, content: Ok(content.clone()) });
            });
        }
        Ok(read)
    }
}

#[async_trait]
impl Streams for MemoryBus {
    async fn publish(&self, entries: &[NewEntry], lease: Option<&Lease>) -> Result<Vec<Published>, BusError> {
        check::publish(entries)?;
        let published = {
            let mut state = self.state();
            if let Some(lease) = lease {
                state.office.check(lease, Instant::now())?;
            }
            entries
                .iter()
                .map(|entry| Ok(state.stream(&entry.stream)?.append(entry, self.retention.of(&entry.stream))))
                .collect::<Result<Vec<_>, BusError>>()?
        };
        self.published.send_replace(());
        Ok(published)
    }

    async fn join(&self, stream: &StreamName, group: &GroupName, from: Position) -> Result<bool, BusError> {
        let mut state = self.state();
        let stream = state.stream(stream)?;
        if !stream.has_group(group) {
            check::at_most("groups of a stream in memory", stream.groups() + 1, GROUPS_MAX)?;
        }
        Ok(stream.join(group, from))
    }

    async fn read(
        &self,
        group: &GroupName,
        consumer: &ConsumerName,
        streams: &[StreamName],
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, BusError> {
        check::read(streams)?;
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        // Subscribed before the first look, so that nothing slips in between.
        let mut published = self.published.subscribe();
        let deadline = Instant::now() + limit.wait.min(WAIT_MAX);
        loop {
            let read = self.read_now(group, consumer, streams, limit.entries)?;
            if !read.is_empty() || limit.wait.is_zero() {
                return Ok(read);
            }
            tokio::select! {
                // The sender lives in `self`.
                _ = published.changed() => {}
                () = tokio::time::sleep_until(deadline) => return Ok(Vec::new()),
            }
        }
    }

    async fn handed_out(
        &self,
        group: &GroupName,
        consumer: &ConsumerName,
        stream: &StreamName,
        after: EntryId,
        entries_max: usize,
    ) -> Result<Recovered, BusError> {
        let mut state = self.state();
        Ok(state.joined(stream, group)?.handed_out(stream, group, consumer, after, entries_max.clamp(1, READ_MAX)))
    }

    async fn acknowledge(&self, group: &GroupName, entries: &[(StreamName, Vec<EntryId>)]) -> Result<u64, BusError> {
        check::acknowledge(entries)?;
        let mut state = self.state();
        let mut known = 0;
        for (name, ids) in entries {
            if let Some(stream) = state.streams.get_mut(name) {
                known += stream.acknowledge(group, ids);
            }
        }
        Ok(known)
    }

    async fn claim(
        &self,
        group: &GroupName,
        consumer: &ConsumerName,
        stream: &StreamName,
        idle: Duration,
        from: EntryId,
        entries_max: usize,
    ) -> Result<Claimed, BusError> {
        let mut state = self.state();
        let (now, entries_max) = (Instant::now(), entries_max.clamp(1, READ_MAX));
        Ok(state.joined(stream, group)?.claim(stream, (group, consumer), (idle, now), from, entries_max))
    }

    async fn range(&self, stream: &StreamName, from: EntryId, to: EntryId, entries_max: usize) -> Result<Vec<Entry>, BusError> {
        let state = self.state();
        let found = state.streams.get(stream);
        Ok(found.map_or_else(Vec::new, |found| found.range(stream, from, to).take(entries_max.clamp(1, READ_MAX)).collect()))
    }

    async fn newest(&self, stream: &StreamName, entries_max: usize) -> Result<Vec<Entry>, BusError> {
        let state = self.state();
        let found = state.streams.get(stream);
        let all = |found: &MemoryStream| {
            found.range(stream, EntryId::ZERO, EntryId::MAX).rev().take(entries_max.clamp(1, READ_MAX)).collect()
        };
        Ok(found.map_or_else(Vec::new, all))
    }

    async fn group_state(&self, stream: &StreamName, group: &GroupName) -> Result<GroupState, BusError> {
        Ok(self.state().joined(stream, group)?.group_state(group))
    }

    async fn delete_group(&self, stream: &StreamName, group: &GroupName) -> Result<bool, BusError> {
        Ok(self.state().streams.get_mut(stream).is_some_and(|stream| stream.delete_group(group)))
    }
}
