//! The key-value store of one strategy.

use std::collections::BTreeMap;

/// Keys and values that survive restarts.
#[derive(Debug, Default)]
pub(crate) struct Store {
    values: BTreeMap<String, Vec<u8>>,
    /// Of keys and values.
    bytes: usize,
}

/// The writes of an event would make the store too large; none was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its writes would make its store {bytes} bytes large; at most {bytes_max} are allowed")]
pub(crate) struct StoreFull {
    bytes: usize,
    bytes_max: usize,
}

impl Store {
    /// A value.
    pub(crate) fn get(&self, key: &str) -> Option<&[u8]> {
        self.values.get(key).map(Vec::as_slice)
    }

    /// All values, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// Applies the writes of one event, in their order: all of them or none.
    pub(crate) fn apply(&mut self, writes: Vec<(String, Option<Vec<u8>>)>, bytes_max: usize) -> Result<(), StoreFull> {
        // Of several writes to a key only the last one counts.
        let writes: BTreeMap<String, Option<Vec<u8>>> = writes.into_iter().collect();
        let mut bytes = self.bytes;
        for (key, value) in &writes {
            bytes -= self.values.get(key).map_or(0, |old| key.len() + old.len());
            bytes = bytes.saturating_add(value.as_ref().map_or(0, |new| key.len() + new.len()));
        }
        if bytes > bytes_max {
            return Err(StoreFull { bytes, bytes_max });
        }
        for (key, value) in writes {
            match value {
                Some(value) => self.values.insert(key, value),
                None => self.values.remove(&key),
            };
        }
        self.bytes = bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(key: &str, value: Option<&str>) -> (String, Option<Vec<u8>>) {
        (key.to_owned(), value.map(|value| value.as_bytes().to_vec()))
    }

    #[test]
    fn writes_are_all_applied_or_none() {
        let mut store = Store::default();
        store.apply(vec![write("a", Some("12345")), write("b", Some("1"))], 8).expect("eight bytes");
        let error = store.apply(vec![write("b", None), write("a", Some("12345678"))], 8).expect_err("nine bytes");
        assert_eq!(error, StoreFull { bytes: 9, bytes_max: 8 });
        assert_eq!((store.get("a"), store.get("b")), (Some(&b"12345"[..]), Some(&b"1"[..])));
        store
            .apply(vec![write("b", None), write("c", Some("x")), write("c", None), write("a", Some("1234567"))], 8)
            .expect("fits");
        assert_eq!(store.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["a"]);
        assert_eq!(store.bytes, 8);
    }
}
