//! One stream in memory: its entries and its groups. Told the time, and asks nobody.

use crate::bus::limits::PENDING_MAX;
use crate::bus::{
    Claimed, ConsumerName, Content, Entry, EntryId, GroupName, GroupState, NewEntry, Position, Published, Recovered, StreamName,
};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::time::Duration;
use tokio::time::Instant;

/// Entries, oldest first, and who has read how far.
#[derive(Debug)]
pub(super) struct MemoryStream {
    entries: VecDeque<(EntryId, Content)>,
    /// The highest id ever written: ids rise also after everything was trimmed.
    last: EntryId,
    groups: BTreeMap<GroupName, Group>,
}

impl Default for MemoryStream {
    fn default() -> Self {
        Self { entries: VecDeque::new(), last: EntryId::ZERO, groups: BTreeMap::new() }
    }
}

/// A group's place in a stream.
#[derive(Debug)]
struct Group {
    /// The last that was handed out.
    handed_out: EntryId,
    /// What is not acknowledged.
    pending: BTreeMap<EntryId, Pending>,
}

/// An entry that was handed to somebody.
#[derive(Debug)]
struct Pending {
    consumer: ConsumerName,
    since: Instant,
}

impl MemoryStream {
    pub(super) fn has_group(&self, group: &GroupName) -> bool {
        self.groups.contains_key(group)
    }

    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn append(&mut self, entry: &NewEntry, entries_max: u64) -> Published {
        if entry.id <= self.last {
            return if self.find(entry.id).is_some() { Published::Already } else { Published::Passed };
        }
        self.last = entry.id;
        self.entries.push_back((entry.id, Content { number: entry.number, fields: entry.fields.clone() }));
        while self.entries.len() as u64 > entries_max {
            self.entries.pop_front();
        }
        Published::New
    }

    pub(super) fn join(&mut self, group: &GroupName, from: Position) -> bool {
        let handed_out = match from {
            Position::First => EntryId::ZERO,
            Position::New => self.last,
            Position::After(id) => id,
        };
        let before = self.groups.len();
        self.groups.entry(group.clone()).or_insert_with(|| Group { handed_out, pending: BTreeMap::new() });
        self.groups.len() > before
    }

    /// Hands out what is new to a group.
    pub(super) fn read(
        &mut self,
        group: &GroupName,
        consumer: &ConsumerName,
        entries_max: usize,
        now: Instant,
        mut take: impl FnMut(EntryId, &Content),
    ) {
        let Some(group) = self.groups.get_mut(group) else { return };
        let room = PENDING_MAX.saturating_sub(group.pending.len());
        let from = self.entries.partition_point(|(id, _)| *id <= group.handed_out);
        for (id, content) in self.entries.range(from..).take(entries_max.min(room)) {
            group.handed_out = *id;
            group.pending.insert(*id, Pending { consumer: consumer.clone(), since: now });
            take(*id, content);
        }
    }

    pub(super) fn handed_out(
        &self,
        name: &StreamName,
        group: &GroupName,
        consumer: &ConsumerName,
        after: EntryId,
        entries_max: usize,
    ) -> Recovered {
        let mut recovered = Recovered::default();
        let Some(group) = self.groups.get(group) else { return recovered };
        let pending = group.pending.range((Excluded(after), Unbounded));
        for (id, _) in pending.filter(|(_, pending)| pending.consumer == *consumer).take(entries_max) {
            match self.entry(name, *id) {
                Some(entry) => recovered.entries.push(entry),
                None => recovered.lost.push(*id),
            }
            recovered.next = Some(*id);
        }
        if recovered.entries.len() + recovered.lost.len() < entries_max {
            recovered.next = None;
        }
        recovered
    }

    pub(super) fn acknowledge(&mut self, group: &GroupName, ids: &[EntryId]) -> u64 {
        let Some(group) = self.groups.get_mut(group) else { return 0 };
        ids.iter().filter(|id| group.pending.remove(id).is_some()).count() as u64
    }

    pub(super) fn claim(
        &mut self,
        name: &StreamName,
        (group, consumer): (&GroupName, &ConsumerName),
        (idle, now): (Duration, Instant),
        from: EntryId,
        entries_max: usize,
    ) -> Claimed {
        let mut claimed = Claimed::default();
        let Some(group) = self.groups.get(group).map(|_| group) else { return claimed };
        let pending = self.groups[group].pending.range((Included(from), Unbounded));
        let idle_long = |pending: &Pending| now.saturating_duration_since(pending.since) >= idle;
        let mut found: Vec<_> =
            pending.filter(|(_, pending)| idle_long(pending)).map(|(id, _)| *id).take(entries_max + 1).collect();
        claimed.next = (found.len() > entries_max).then(|| found.pop()).flatten();
        for id in found {
            let entry = self.entry(name, id);
            let Some(group) = self.groups.get_mut(group) else { break };
            if let Some(entry) = entry {
                group.pending.insert(id, Pending { consumer: consumer.clone(), since: now });
                claimed.entries.push(entry);
            } else {
                group.pending.remove(&id);
                claimed.lost.push(id);
            }
        }
        claimed
    }

    pub(super) fn range(
        &self,
        name: &StreamName,
        from: EntryId,
        to: EntryId,
    ) -> impl DoubleEndedIterator<Item = Entry> + use<'_> {
        let start = self.entries.partition_point(|(id, _)| *id < from);
        let end = self.entries.partition_point(|(id, _)| *id <= to).max(start);
        let name = name.clone();
        let entry =
            move |(id, content): &(EntryId, Content)| Entry { stream: name.clone(), id: *id, content: Ok(content.clone()) };
        self.entries.range(start..end).map(entry)
    }

    pub(super) fn group_state(&self, group: &GroupName) -> GroupState {
        let group = &self.groups[group];
        let unread = self.entries.partition_point(|(id, _)| *id <= group.handed_out);
        let (next, last) = (self.entries.get(unread), self.entries.back());
        let number = |entry: Option<&(EntryId, Content)>| entry.map(|(_, content)| content.number);
        GroupState {
            entries: self.entries.len() as u64,
            first: self.entries.front().map(|(id, _)| *id),
            last: last.map(|(id, _)| *id),
            handed_out: group.handed_out,
            pending: group.pending.len() as u64,
            next_number: number(next),
            lag: GroupState::lag_between(number(next), number(last)),
        }
    }

    pub(super) fn delete_group(&mut self, group: &GroupName) -> bool {
        self.groups.remove(group).is_some()
    }

    fn find(&self, id: EntryId) -> Option<&Content> {
        let place = self.entries.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.entries.get(place).map(|(_, content)| content)
    }

    fn entry(&self, name: &StreamName, id: EntryId) -> Option<Entry> {
        let content = self.find(id)?;
        Some(Entry { stream: name.clone(), id, content: Ok(content.clone()) })
    }
}
