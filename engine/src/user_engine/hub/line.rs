//! Whether the bus answers: shown at once, and told where it goes on.

use crate::health::{BUS, Metrics, Peer};
use crate::notify::{Notification, Notifier, Severity};
use calypte_kernel::Timestamp;

/// For how long the bus may be silent before somebody is told, in milliseconds: a server that is started again takes less.
const SILENCE_MS: u64 = 10_000;

/// The connection to the bus.
#[derive(Debug)]
pub(super) struct Line {
    peer: Peer,
    notifier: Notifier,
    /// Since when it does not answer.
    silent: Option<Timestamp>,
    /// Whether somebody was told.
    told: bool,
}

impl Line {
    pub(super) fn new(metrics: &Metrics, notifier: Notifier) -> Self {
        Self { peer: metrics.peer(BUS), notifier, silent: None, told: false }
    }

    /// The bus answered.
    pub(super) fn answers(&mut self, now: Timestamp) {
        self.peer.stands(true);
        self.silent = None;
        if std::mem::take(&mut self.told) {
            self.tell(now, (Severity::Info, "bus-back"), "the bus answers again".to_owned());
        }
    }

    /// It did not.
    pub(super) fn fails(&mut self, now: Timestamp, why: &dyn std::error::Error) {
        self.peer.lost();
        let since = *self.silent.get_or_insert(now);
        if now.millis_since(since) >= SILENCE_MS && !self.told {
            self.told = true;
            let words = format!("strategies get no market data, since the bus does not answer: {why}");
            self.tell(now, (Severity::Critical, "bus-lost"), words);
        }
    }

    fn tell(&self, time: Timestamp, (severity, kind): (Severity, &'static str), words: String) {
        self.notifier.tell(Notification { time, severity, kind, account: None, strategy: None, words });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::Waiting;

    #[test]
    fn a_bus_that_is_silent_for_long_is_told_once() {
        let metrics = Metrics::new("engine");
        let (notifier, mut waiting) = Notifier::pair(metrics.clone());
        let mut line = Line::new(&metrics, notifier);
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let error = std::io::Error::other("gone");
        let told = |of: &mut Waiting| of.queue.try_recv().ok().map(|told| (told.kind, told.words));
        let connected = |yes: u8| metrics.page().contains(&format!("calypte_connected{{peer=\"bus\"}} {yes}\n"));
        line.answers(at(0));
        assert!(connected(1));
        line.fails(at(1), &error);
        assert!(connected(0), "it is shown at once");
        line.answers(at(9));
        line.fails(at(10), &error);
        line.fails(at(19), &error);
        assert_eq!(told(&mut waiting), None, "it was away for moments");
        for seconds in 20..30 {
            line.fails(at(seconds), &error);
        }
        let (kind, words) = told(&mut waiting).expect("it is away for long");
        assert!(kind == "bus-lost" && words.ends_with("gone"), "{kind}: {words}");
        assert_eq!(told(&mut waiting), None, "once");
        line.answers(at(31));
        assert_eq!(told(&mut waiting).map(|(kind, _)| kind), Some("bus-back"));
    }
}
