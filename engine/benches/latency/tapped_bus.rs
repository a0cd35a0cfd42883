//! A bus that notes when closed candles are on their streams, and when they were read off them.

use crate::marks::{Closed, Mark, Marks};
use async_trait::async_trait;
use calypte::bus::{
    Acquired, Bus, BusError, Claimed, ConsumerName, Entry, EntryId, GroupName, GroupState, Heartbeat, HolderName, Lease,
    LeaseName, Leases, NewEntry, Position, Published, ReadLimit, Recovered, Registry, ServiceName, StreamName, Streams, Topic,
    Wanted,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The bus within.
#[derive(Debug)]
pub(crate) struct TappedBus {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) marks: Marks,
}

/// The candle that an entry holds: its id is when it closed, and nothing else of its stream begins a millisecond.
fn closed(stream: &StreamName, id: EntryId) -> Option<Closed> {
    let is_candle = matches!(stream.topic(), Topic::Candles(_)) && id.sequence == 0;
    is_candle.then(|| Closed { symbol: stream.symbol().clone(), time: i64::try_from(id.millis).unwrap_or(i64::MAX) })
}

#[async_trait]
impl Streams for TappedBus {
    async fn publish(&self, entries: &[NewEntry], lease: Option<&Lease>) -> Result<Vec<Published>, BusError> {
        let published = self.bus.publish(entries, lease).await?;
        let at = Instant::now();
        for candle in entries.iter().filter_map(|entry| closed(&entry.stream, entry.id)) {
            self.marks.note(Mark::Published(candle, at));
        }
        Ok(published)
    }

    async fn join(&self, stream: &StreamName, group: &GroupName, from: Position) -> Result<bool, BusError> {
        self.bus.join(stream, group, from).await
    }

    async fn read(
        &self,
        group: &GroupName,
        consumer: &ConsumerName,
        streams: &[StreamName],
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, BusError> {
        let entries = self.bus.read(group, consumer, streams, limit).await?;
        let at = Instant::now();
        for candle in entries.iter().filter_map(|entry| closed(&entry.stream, entry.id)) {
            self.marks.note(Mark::Read(candle, at));
        }
        Ok(entries)
    }

    async fn handed_out(
        &self,
        group: &GroupName,
        consumer: &ConsumerName,
        stream: &StreamName,
        after: EntryId,
        entries_max: usize,
    ) -> Result<Recovered, BusError> {
        self.bus.handed_out(group, consumer, stream, after, entries_max).await
    }

    async fn acknowledge(&self, group: &GroupName, entries: &[(StreamName, Vec<EntryId>)]) -> Result<u64, BusError> {
        self.bus.acknowledge(group, entries).await
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
        self.bus.claim(group, consumer, stream, idle, from, entries_max).await
    }

    async fn range(&self, stream: &StreamName, from: EntryId, to: EntryId, entries_max: usize) -> Result<Vec<Entry>, BusError> {
        self.bus.range(stream, from, to, entries_max).await
    }

    async fn newest(&self, stream: &StreamName, entries_max: usize) -> Result<Vec<Entry>, BusError> {
        self.bus.newest(stream, entries_max).await
    }

    async fn group_state(&self, stream: &StreamName, group: &GroupName) -> Result<GroupState, BusError> {
        self.bus.group_state(stream, group).await
    }

    async fn delete_group(&self, stream: &StreamName, group: &GroupName) -> Result<bool, BusError> {
        self.bus.delete_group(stream, group).await
    }
}

#[async_trait]
impl Leases for TappedBus {
    async fn acquire(&self, name: &LeaseName, holder: &HolderName, life: Duration) -> Result<Acquired, BusError> {
        self.bus.acquire(name, holder, life).await
    }

    async fn renew(&self, lease: &mut Lease, life: Duration) -> Result<(), BusError> {
        self.bus.renew(lease, life).await
    }

    async fn release(&self, lease: &Lease) -> Result<bool, BusError> {
        self.bus.release(lease).await
    }
}

#[async_trait]
impl Registry for TappedBus {
    async fn want(&self, holder: &HolderName, streams: &[StreamName], life: Duration) -> Result<(), BusError> {
        self.bus.want(holder, streams, life).await
    }

    async fn unwant(&self, holder: &HolderName, streams: &[StreamName]) -> Result<(), BusError> {
        self.bus.unwant(holder, streams).await
    }

    async fn wanted(&self) -> Result<Vec<Wanted>, BusError> {
        self.bus.wanted().await
    }

    async fn beat(&self, service: &ServiceName) -> Result<(), BusError> {
        self.bus.beat(service).await
    }

    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, BusError> {
        self.bus.heartbeats().await
    }
}
