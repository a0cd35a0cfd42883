//! Whether a service does what it is there for, and what is missing where it does not.

use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// Most conditions.
const CONDITIONS_MAX: usize = 2_048;

/// Conditions under which a service is ready. Clones share them.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<watch::Sender<BTreeMap<String, String>>>);

/// A condition that is not met.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Missing {
    /// Of what: `bus`, `account alice`.
    pub what: String,
    /// Why it is not met.
    pub why: String,
}

impl Readiness {
    /// With conditions none of which is met, and why not.
    pub fn new<'a>(conditions: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let readiness = Self(Arc::new(watch::Sender::new(BTreeMap::new())));
        conditions.into_iter().for_each(|(what, why)| readiness.missing(what, why));
        readiness
    }

    /// A condition is not met, or not any more.
    pub fn missing(&self, what: &str, why: &str) {
        self.0.send_if_modified(|missing| {
            let is_new = missing.get(what).is_none_or(|before| before != why);
            let has_room = missing.contains_key(what) || missing.len() < CONDITIONS_MAX;
            if is_new && has_room {
                missing.insert(what.to_owned(), why.to_owned());
            }
            is_new && has_room
        });
    }

    /// A condition is met.
    pub fn met(&self, what: &str) {
        self.0.send_if_modified(|missing| missing.remove(what).is_some());
    }

    /// What is missing; nothing where the service is ready.
    pub fn check(&self) -> Vec<Missing> {
        self.0.borrow().iter().map(|(what, why)| Missing { what: what.clone(), why: why.clone() }).collect()
    }

    /// Told of every change.
    pub(super) fn changes(&self) -> watch::Receiver<BTreeMap<String, String>> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_ready_when_nothing_is_missing() {
        let readiness = Readiness::new([("bus", "not reached yet"), ("account alice", "not reconciled yet")]);
        assert_eq!(readiness.check().len(), 2);
        readiness.met("bus");
        readiness.met("bus");
        let missing = readiness.check();
        assert_eq!((missing[0].what.as_str(), missing[0].why.as_str()), ("account alice", "not reconciled yet"));
        readiness.met("account alice");
        assert_eq!(readiness.check(), []);
        readiness.missing("bus", "the connection was lost");
        assert_eq!(readiness.check().len(), 1);
    }

    #[test]
    fn only_what_changes_is_told() {
        let readiness = Readiness::new([("bus", "not reached yet")]);
        let mut changes = readiness.changes();
        readiness.missing("bus", "not reached yet");
        assert!(!changes.has_changed().expect("it is there"));
        readiness.missing("bus", "refused");
        assert!(changes.has_changed().expect("it is there"));
        changes.mark_unchanged();
        (0..CONDITIONS_MAX + 5).for_each(|number| readiness.missing(&number.to_string(), "x"));
        assert_eq!(readiness.check().len(), CONDITIONS_MAX);
    }
}
