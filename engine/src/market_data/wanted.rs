//! What is to be subscribed to at the exchange, from what is wanted on the bus: each feed once, however many want it.

use crate::bus::{StreamName, Topic, Wanted};
use calypte_kernel::Timeframe;
use std::collections::BTreeSet;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Streams to begin, those that others derive from first.
    pub begin: Vec<StreamName>,
    /// Streams to end.
    pub end: Vec<StreamName>,
    /// Wanted streams that cannot be: candles that minutes do not make.
    pub refused: Vec<StreamName>,
}

/// The streams that are kept up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subscriptions {
    streams: BTreeSet<StreamName>,
}

impl Subscriptions {
    /// Takes all that is wanted now.
    pub fn update(&mut self, wanted: &[Wanted]) -> Changes {
        let mut changes = Changes::default();
        let mut streams = BTreeSet::new();
        for wanted in wanted {
            match source_of(&wanted.stream) {
                Source::Exchange => {}
                Source::Minutes(minutes) => _ = streams.insert(minutes),
                Source::None => {
                    changes.refused.push(wanted.stream.clone());
                    continue;
                }
            }
            streams.insert(wanted.stream.clone());
        }
        changes.begin = streams.difference(&self.streams).cloned().collect();
        changes.begin.sort_by_key(|stream| matches!(source_of(stream), Source::Minutes(_)));
        changes.end = self.streams.difference(&streams).cloned().collect();
        self.streams = streams;
        changes
    }

    /// Takes a stream for one that was not begun: the next update says so again.
    pub fn forget(&mut self, stream: &StreamName) {
        self.streams.remove(stream);
    }

    /// The streams that are kept up, in order.
    pub fn streams(&self) -> impl Iterator<Item = &StreamName> {
        self.streams.iter()
    }
}

/// Where a stream's entries come from.
pub(super) enum Source {
    /// The exchange itself.
    Exchange,
    /// The minutes of the same instrument.
    Minutes(StreamName),
    /// Nothing makes it.
    None,
}

pub(super) fn source_of(stream: &StreamName) -> Source {
    let minute = Timeframe::MINUTE;
    match stream.topic() {
        Topic::Candles(timeframe) if timeframe == minute => Source::Exchange,
        Topic::Candles(timeframe) if timeframe.is_multiple_of(minute) => {
            Source::Minutes(StreamName::new(stream.symbol(), Topic::Candles(minute)))
        }
        Topic::Candles(_) => Source::None,
        _ => Source::Exchange,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(streams: &[&str]) -> Vec<Wanted> {
        let holders = vec!["engine".parse().expect("a name")];
        streams.iter().map(|stream| Wanted { stream: stream.parse().expect("a stream"), holders: holders.clone() }).collect()
    }

    fn names(streams: &[StreamName]) -> Vec<&str> {
        streams.iter().map(StreamName::as_str).collect()
    }

    #[test]
    fn each_feed_is_subscribed_to_once_and_longer_candles_bring_their_minutes() {
        let mut subscriptions = Subscriptions::default();
        let changes = subscriptions.update(&wanted(&["md.BTC.5m", "md.BTC.1h", "md.ETH.trades", "md.SOL.90s"]));
        assert_eq!(names(&changes.begin), ["md.BTC.1m", "md.ETH.trades", "md.BTC.1h", "md.BTC.5m"]);
        assert_eq!((names(&changes.end), names(&changes.refused)), (vec![], vec!["md.SOL.90s"]));
        let changes = subscriptions.update(&wanted(&["md.BTC.5m", "md.BTC.1m"]));
        assert_eq!((names(&changes.begin), names(&changes.end)), (vec![], vec!["md.BTC.1h", "md.ETH.trades"]));
        let changes = subscriptions.update(&[]);
        assert_eq!(names(&changes.end), ["md.BTC.1m", "md.BTC.5m"]);
    }
}
