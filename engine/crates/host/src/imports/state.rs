//! `state`: a small key-value store that survives restarts.
//!
//! A write is made at once and noted in the event's effects. It needs no undoing: an event that faults takes its instance with
//! it, and the next instance begins with what the core kept.

use crate::bindings::calypte::strategy::state::{self, StateError};
use crate::guest::Guest;
use crate::meter::{CALL_WORK, ITEM_WORK};
use std::collections::BTreeMap;
use wasmtime::component::{HasSelf, Linker};

/// Bytes that an entry counts beside its key and value, so that many tiny ones are not free.
const ENTRY_BYTES: usize = 64;
/// Writes of one event; further ones are refused as `full`.
const WRITES_PER_EVENT_MAX: usize = 1_000;
/// Bytes of all writes of one event, in multiples of the store's size.
const WRITTEN_BYTES_FACTOR: usize = 2;

/// The store, ordered, so that listing it is the same everywhere.
#[derive(Debug, Default)]
pub(crate) struct StateStore {
    entries: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

impl StateStore {
    /// With what was kept from before.
    pub(crate) fn new(entries: BTreeMap<String, Vec<u8>>) -> Self {
        let bytes = entries.iter().map(|(key, value)| size(key, value)).sum();
        Self { entries, bytes }
    }

    fn put(&mut self, key: String, value: Vec<u8>, bytes_max: usize) -> Result<(), StateError> {
        let before = self.entries.get(&key).map_or(0, |value| size(&key, value));
        let bytes = self.bytes - before + size(&key, &value);
        if bytes > bytes_max {
            return Err(StateError::Full);
        }
        self.bytes = bytes;
        self.entries.insert(key, value);
        Ok(())
    }

    fn remove(&mut self, key: &str) -> bool {
        let Some(value) = self.entries.remove(key) else { return false };
        self.bytes -= size(key, &value);
        true
    }
}

const fn size(key: &str, value: &[u8]) -> usize {
    ENTRY_BYTES + key.len() + value.len()
}

impl Guest {
    /// Whether the event may write so many bytes more: what one event writes waits in memory until it ends.
    fn may_write(&self, bytes: usize) -> bool {
        let Some(effects) = &self.effects else { return true };
        let written = effects.state.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum::<usize>();
        effects.state.len() < WRITES_PER_EVENT_MAX
            && written.saturating_add(bytes) <= self.limits.state_bytes_max.saturating_mul(WRITTEN_BYTES_FACTOR)
    }
}

impl state::Host for Guest {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        let value = self.state.entries.get(&key).cloned();
        self.read(CALL_WORK + value.as_ref().map_or(0, Vec::len) as u64)?;
        Ok(value)
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), StateError>> {
        self.write(CALL_WORK + 2 * (key.len() + value.len()) as u64)?;
        if key.is_empty() || key.len() > self.limits.state_key_bytes_max {
            return Ok(Err(StateError::BadKey));
        }
        if value.len() > self.limits.state_value_bytes_max {
            return Ok(Err(StateError::ValueTooLong));
        }
        if !self.may_write(key.len() + value.len()) {
            return Ok(Err(StateError::Full));
        }
        if let Err(error) = self.state.put(key.clone(), value.clone(), self.limits.state_bytes_max) {
            return Ok(Err(error));
        }
        self.effects().state.push((key, Some(value)));
        Ok(Ok(()))
    }

    fn delete(&mut self, key: String) -> wasmtime::Result<bool> {
        self.write(CALL_WORK)?;
        if !self.state.entries.contains_key(&key) {
            return Ok(false);
        }
        // Not refused: a deletion that is not written would be a lie, and the fuel of the event bounds the number of them.
        let deleted = self.state.remove(&key);
        self.effects().state.push((key, None));
        Ok(deleted)
    }

    fn keys(&mut self, prefix: String) -> wasmtime::Result<Vec<String>> {
        let keys = self.state.entries.range(prefix.clone()..).map(|(key, _)| key).take_while(|key| key.starts_with(&prefix));
        let keys = keys.cloned().collect::<Vec<_>>();
        self.read(CALL_WORK + ITEM_WORK * keys.len() as u64)?;
        Ok(keys)
    }
}

pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    state::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_counts_what_it_holds() {
        let mut store = StateStore::new(BTreeMap::from([("a".to_owned(), vec![0; 10])]));
        assert_eq!(store.bytes, ENTRY_BYTES + 11);
        store.put("a".to_owned(), vec![0; 20], 200).expect("it fits");
        assert_eq!(store.bytes, ENTRY_BYTES + 21, "replaced, not added");
        assert!(matches!(store.put("b".to_owned(), vec![0; 200], 200), Err(StateError::Full)));
        assert!(store.remove("a") && !store.remove("a"));
        assert_eq!(store.bytes, 0);
    }
}
