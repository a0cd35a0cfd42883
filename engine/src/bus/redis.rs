//! The bus on a server: Redis from 7.0, or Valkey.
//!
//! Every command can be repeated. What is published carries its ids, and what is read stays with its reader until it is
//! acknowledged, so that a cut connection costs a question and never an entry. A connection that fails is dropped, and the next
//! call makes another; who calls decides how soon.

mod answer;
mod facts;
mod failure;
mod link;
mod office;
mod scripts;

use super::limits::{READ_MAX, WAIT_MAX};
use super::{
    BusError, Claimed, ConsumerName, Entry, EntryId, GroupName, GroupState, Lease, NewEntry, Position, Published, ReadLimit,
    Recovered, RedisSettings, StreamName, Streams, check,
};
use answer::{Odd, entries, pending_entries};
use async_trait::async_trait;
use calypte_kernel::Timestamp;
pub use facts::ServerFacts;
use link::Link;
use redis::{Pipeline, Value, cmd};
use scripts::Script;
use std::collections::BTreeMap;
use std::time::Duration;

/// Entries that one script writes: others may come in between scripts, never within one.
const PUBLISHED_BY_ONE_SCRIPT: usize = 256;
/// Ids that one command acknowledges.
const ACKNOWLEDGED_AT_ONCE: usize = 1_000;

/// A bus on a server.
#[derive(Debug)]
pub struct RedisBus {
    link: Link,
}

impl RedisBus {
    /// One on a server, which is asked what it is.
    ///
    /// # Errors
    /// See [`BusError`]; [`BusError::Misconfigured`] where it is too old, a cluster, or wants another password.
    pub async fn connect(settings: RedisSettings) -> Result<Self, BusError> {
        let link = Link::new(settings)?;
        link.ready().await?;
        Ok(Self { link })
    }

    /// What kind of server it is and how it is set.
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn facts(&self) -> Result<ServerFacts, BusError> {
        self.link.facts().await
    }

    /// What the server's clock says.
    ///
    /// # Errors
    /// See [`BusError`].
    pub async fn time(&self) -> Result<Timestamp, BusError> {
        let answer = self.link.ask("TIME", &cmd("TIME")).await?;
        self.read_as("TIME", answer::time(self.link.accepted("TIME", &answer, None)?))
    }

    /// What an answer means, or that it means nothing.
    fn read_as<T>(&self, command: &'static str, read: Result<T, Odd>) -> Result<T, BusError> {
        read.map_err(|odd| self.link.odd(command, &odd))
    }

    /// The scripts that write entries, each with the places of its entries.
    fn publishing<'a>(&self, entries: &'a [NewEntry], lease: Option<&Lease>) -> (Pipeline, Vec<Vec<usize>>) {
        let mut by_stream: BTreeMap<&'a StreamName, Vec<usize>> = BTreeMap::new();
        for (place, entry) in entries.iter().enumerate() {
            by_stream.entry(&entry.stream).or_default().push(place);
        }
        let (mut pipeline, mut places) = (Pipeline::new(), Vec::new());
        for (stream, of_stream) in by_stream {
            let retained = self.link.settings().retention.of(stream);
            for chunk in of_stream.chunks(PUBLISHED_BY_ONE_SCRIPT) {
                pipeline.add_command(scripts::publish(stream, retained, lease, chunk.iter().map(|place| &entries[*place])));
                places.push(chunk.to_vec());
            }
        }
        (pipeline, places)
    }
}

#[async_trait]
impl Streams for RedisBus {
    async fn publish(&self, entries: &[NewEntry], lease: Option<&Lease>) -> Result<Vec<Published>, BusError> {
        check::publish(entries)?;
        let (pipeline, places) = self.publishing(entries, lease);
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.link.run_all(Script::Publish, &pipeline, places.len()).await?;
        let mut published = vec![Published::Passed; entries.len()];
        for (answer, places) in answers.iter().zip(&places) {
            if let (Value::ServerError(error), Some(lease)) = (answer, lease)
                && error.code() == scripts::LEASE_LOST
            {
                return Err(BusError::LeaseLost { lease: lease.name().clone() });
            }
            let answer = self.link.accepted("publish", answer, None)?;
            let outcomes = self.read_as("publish", answer::published(answer, places.len()))?;
            places.iter().zip(outcomes).for_each(|(place, outcome)| published[*place] = outcome);
        }
        Ok(published)
    }

    async fn join(&self, stream: &StreamName, group: &GroupName, from: Position) -> Result<bool, BusError> {
        let from = match from {
            Position::First => EntryId::ZERO.to_string(),
            Position::New => "$".to_owned(),
            Position::After(id) => id.to_string(),
        };
        let mut command = cmd("XGROUP");
        command.arg("CREATE").arg(stream.as_str()).arg(group.as_str()).arg(from).arg("MKSTREAM");
        let answer = self.link.ask("XGROUP CREATE", &command).await?;
        if matches!(&answer, Value::ServerError(error) if error.code() == "BUSYGROUP") {
            return Ok(false);
        }
        self.link.accepted("XGROUP CREATE", &answer, Some(group)).map(|_| true)
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
        let of_each = limit.entries.clamp(1, READ_MAX).div_euclid(streams.len()).max(1);
        let wait = limit.wait.min(WAIT_MAX);
        let mut command = cmd("XREADGROUP");
        command.arg("GROUP").arg(group.as_str()).arg(consumer.as_str()).arg("COUNT").arg(of_each);
        if !wait.is_zero() {
            // Zero would be for ever.
            command.arg("BLOCK").arg(wait.as_millis().max(1).to_string());
        }
        command.arg("STREAMS");
        for stream in streams {
            command.arg(stream.as_str());
        }
        for _ in streams {
            command.arg(">");
        }
        let answer = self.link.ask_and_wait("XREADGROUP", &command, wait).await?;
        let answer = self.link.accepted("XREADGROUP", &answer, Some(group))?;
        self.read_as("XREADGROUP", answer::read(answer, streams))
    }

    async fn handed_out(
        &self,
        group: &GroupName,
        consumer: &ConsumerName,
        stream: &StreamName,
        after: EntryId,
        entries_max: usize,
    ) -> Result<Recovered, BusError> {
        let entries_max = entries_max.clamp(1, READ_MAX);
        let mut command = cmd("XREADGROUP");
        command.arg("GROUP").arg(group.as_str()).arg(consumer.as_str()).arg("COUNT").arg(entries_max);
        command.arg("STREAMS").arg(stream.as_str()).arg(after.to_string());
        let answer = self.link.ask("XREADGROUP", &command).await?;
        let answer = self.link.accepted("XREADGROUP", &answer, Some(group))?;
        let (entries, lost) = self.read_as("XREADGROUP", pending_entries(answer, stream))?;
        let last = entries.last().map(|entry| entry.id).max(lost.last().copied());
        let next = last.filter(|_| entries.len() + lost.len() >= entries_max);
        Ok(Recovered { entries, lost, next })
    }

    async fn acknowledge(&self, group: &GroupName, entries: &[(StreamName, Vec<EntryId>)]) -> Result<u64, BusError> {
        check::acknowledge(entries)?;
        let (mut pipeline, mut commands) = (Pipeline::new(), 0);
        for (stream, ids) in entries {
            for ids in ids.chunks(ACKNOWLEDGED_AT_ONCE) {
                let command = pipeline.cmd("XACK").arg(stream.as_str()).arg(group.as_str());
                for id in ids {
                    command.arg(id.to_string());
                }
                commands += 1;
            }
        }
        let mut known = 0;
        for answer in self.link.ask_all("XACK", &pipeline, commands).await? {
            let answer = self.link.accepted("XACK", &answer, Some(group))?;
            known += self.read_as("XACK", answer::whole(answer))?;
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
        let mut command = cmd("XAUTOCLAIM");
        command.arg(stream.as_str()).arg(group.as_str()).arg(consumer.as_str()).arg(idle.as_millis().to_string());
        command.arg(from.to_string()).arg("COUNT").arg(entries_max.clamp(1, READ_MAX));
        let answer = self.link.ask("XAUTOCLAIM", &command).await?;
        let answer = self.link.accepted("XAUTOCLAIM", &answer, Some(group))?;
        self.read_as("XAUTOCLAIM", answer::claimed(answer, stream))
    }

    async fn range(&self, stream: &StreamName, from: EntryId, to: EntryId, entries_max: usize) -> Result<Vec<Entry>, BusError> {
        let mut command = cmd("XRANGE");
        command.arg(stream.as_str()).arg(from.to_string()).arg(to.to_string());
        command.arg("COUNT").arg(entries_max.clamp(1, READ_MAX));
        let answer = self.link.ask("XRANGE", &command).await?;
        self.read_as("XRANGE", entries(self.link.accepted("XRANGE", &answer, None)?, stream))
    }

    async fn newest(&self, stream: &StreamName, entries_max: usize) -> Result<Vec<Entry>, BusError> {
        let mut command = cmd("XREVRANGE");
        command.arg(stream.as_str()).arg("+").arg("-").arg("COUNT").arg(entries_max.clamp(1, READ_MAX));
        let answer = self.link.ask("XREVRANGE", &command).await?;
        self.read_as("XREVRANGE", entries(self.link.accepted("XREVRANGE", &answer, None)?, stream))
    }

    async fn group_state(&self, stream: &StreamName, group: &GroupName) -> Result<GroupState, BusError> {
        let mut pipeline = Pipeline::new();
        pipeline.cmd("XINFO").arg("GROUPS").arg(stream.as_str());
        let groups = self.link.ask_all("XINFO GROUPS", &pipeline, 1).await?;
        let no_group = || BusError::NoGroup { group: group.clone() };
        let groups = groups.first().filter(|answer| !answer::is_no_such_key(answer)).ok_or_else(no_group)?;
        let groups = self.link.accepted("XINFO GROUPS", groups, Some(group))?;
        let place = self.read_as("XINFO GROUPS", answer::group_place(groups, group))?.ok_or_else(no_group)?;
        let after = place.handed_out.next().unwrap_or(EntryId::MAX);
        pipeline.clear();
        pipeline.cmd("XLEN").arg(stream.as_str());
        pipeline.cmd("XRANGE").arg(stream.as_str()).arg("-").arg("+").arg("COUNT").arg(1);
        pipeline.cmd("XRANGE").arg(stream.as_str()).arg(after.to_string()).arg("+").arg("COUNT").arg(1);
        pipeline.cmd("XREVRANGE").arg(stream.as_str()).arg("+").arg("-").arg("COUNT").arg(1);
        let answers = self.link.ask_all("XRANGE", &pipeline, 4).await?;
        let mut accepted = Vec::with_capacity(answers.len());
        for answer in &answers {
            accepted.push(self.link.accepted("XRANGE", answer, None)?);
        }
        self.read_as("XRANGE", answer::group_state(&accepted, stream, place))
    }

    async fn delete_group(&self, stream: &StreamName, group: &GroupName) -> Result<bool, BusError> {
        let mut command = cmd("XGROUP");
        command.arg("DESTROY").arg(stream.as_str()).arg(group.as_str());
        let answer = self.link.ask("XGROUP DESTROY", &command).await?;
        if answer::is_no_such_key(&answer) {
            return Ok(false);
        }
        let answer = self.link.accepted("XGROUP DESTROY", &answer, Some(group))?;
        Ok(self.read_as("XGROUP DESTROY", answer::whole(answer))? > 0)
    }
}
