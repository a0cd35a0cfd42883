//! Connections to somebody: whether they stand, and how often they were lost.

use super::metrics::Metrics;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where market data crosses between processes.
pub const BUS: &str = "bus";
/// Where the recorder writes.
pub const DATABASE: &str = "database";
/// What is traded, and where orders go.
pub const EXCHANGE: &str = "exchange";

/// A connection to somebody. Of several to the same one is shown, which stands where all of them do. Dropped, it is wanted no
/// longer; where nobody wants one, nothing is shown.
#[derive(Debug)]
pub struct Peer {
    metrics: Metrics,
    name: &'static str,
    stands: AtomicBool,
}

/// Connections to the same peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Connections {
    pub(super) wanted: usize,
    pub(super) standing: usize,
}

impl Peer {
    pub(super) fn new(metrics: Metrics, name: &'static str) -> Self {
        metrics.connections(name, |connections| connections.wanted += 1);
        // Shown from the beginning, as none.
        metrics.reconnects(name);
        Self { metrics, name, stands: AtomicBool::new(false) }
    }

    /// Whether it stands. That it does not stand yet is no loss.
    pub fn stands(&self, stands: bool) {
        if self.stands.swap(stands, Ordering::Relaxed) != stands {
            self.metrics.connections(self.name, |connections| {
                connections.standing = if stands { connections.standing + 1 } else { connections.standing - 1 };
            });
        }
    }

    /// It was lost. Where it did not stand, this is the same loss still.
    pub fn lost(&self) {
        if self.stands.load(Ordering::Relaxed) {
            self.metrics.reconnects(self.name).inc();
            self.stands(false);
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stands(false);
        self.metrics.connections(self.name, |connections| connections.wanted -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the page says of a connection, and how often it was lost.
    fn shown(metrics: &Metrics) -> (Option<String>, String) {
        let page = metrics.page();
        let of = |begins: &str| page.lines().find_map(|line| line.strip_prefix(begins)).map(str::to_owned);
        let lost = of("calypte_reconnects_total{peer=\"bus\"} ").expect("it is counted from the beginning");
        (of("calypte_connected{peer=\"bus\"} "), lost)
    }

    #[test]
    fn of_several_connections_to_one_peer_all_have_to_stand() {
        let metrics = Metrics::new("engine");
        let yes = |lost: &str| (Some("1".to_owned()), lost.to_owned());
        let no = |lost: &str| (Some("0".to_owned()), lost.to_owned());
        let one = metrics.peer("bus");
        one.lost();
        assert_eq!(shown(&metrics), no("0"), "what never stood cannot be lost");
        one.stands(true);
        assert_eq!(shown(&metrics), yes("0"));
        let other = metrics.peer("bus");
        assert_eq!(shown(&metrics), no("0"), "the other does not stand yet");
        other.stands(true);
        one.lost();
        one.lost();
        assert_eq!(shown(&metrics), no("1"), "one loss is counted once");
        drop(one);
        assert_eq!(shown(&metrics), yes("1"), "what nobody wants lacks nobody");
        drop(other);
        assert_eq!(shown(&metrics), (None, "1".to_owned()));
    }
}
