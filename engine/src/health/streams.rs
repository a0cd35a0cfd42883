//! What a service publishes or consumes, stream by stream: each entry is counted, and is a sign of life.

use super::handles::TopicMetrics;
use super::pulse::FeedPulse;
use super::vitals::Vitals;
use crate::bus::StreamName;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The streams of a service. Whoever publishes or consumes has one, and no lock is taken for an entry.
#[derive(Debug)]
pub struct StreamVitals {
    vitals: Vitals,
    streams: BTreeMap<StreamName, Stream>,
}

#[derive(Debug)]
struct Stream {
    pulse: FeedPulse,
    metrics: TopicMetrics,
}

impl StreamVitals {
    /// Of a service that has no streams yet.
    pub const fn new(vitals: Vitals) -> Self {
        Self { vitals, streams: BTreeMap::new() }
    }

    /// The service these are of.
    pub const fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// A stream that is kept up or read from now on. One that is already stays as it is.
    pub fn begin(&mut self, stream: &StreamName, now: Instant) {
        if !self.streams.contains_key(stream) {
            let pulse = self.vitals.pulse.feed(stream.as_str(), now);
            let metrics = self.vitals.metrics.topic(stream.topic());
            self.streams.insert(stream.clone(), Stream { pulse, metrics });
        }
    }

    /// A stream that is no longer.
    pub fn end(&mut self, stream: &StreamName) {
        self.streams.remove(stream);
        self.vitals.pulse.forget_feed(stream.as_str());
        self.vitals.metrics.forget_feed(stream.as_str());
    }

    /// Entries were written, of one stream or of several.
    pub fn published<'a>(&mut self, entries: impl IntoIterator<Item = &'a StreamName>, now: Instant) {
        for stream in entries {
            if let Some(stream) = self.streams.get(stream) {
                stream.pulse.heard(now);
                stream.metrics.published(1);
            }
        }
    }

    /// An entry was read, if only a heartbeat.
    pub fn heard(&self, stream: &StreamName, now: Instant) {
        if let Some(stream) = self.streams.get(stream) {
            stream.pulse.heard(now);
        }
    }

    /// An entry was read, so long after it had been received from the exchange.
    pub fn consumed(&mut self, stream: &StreamName, age: Duration, now: Instant) {
        if let Some(stream) = self.streams.get(stream) {
            stream.pulse.heard(now);
            stream.metrics.consumed(age);
        }
    }

    /// A stretch of a stream is missing.
    pub fn gap(&mut self, stream: &StreamName) {
        if let Some(stream) = self.streams.get(stream) {
            stream.metrics.gap();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calypte_kernel::Timeframe;

    #[test]
    fn each_entry_counts_and_is_a_sign_of_life() {
        let vitals = Vitals::new("market-data", Timeframe::MINUTE, []);
        let mut streams = StreamVitals::new(vitals.clone());
        let [minutes, trades]: [StreamName; 2] = ["md.BTC.1m", "md.BTC.trades"].map(|name| name.parse().expect("a stream"));
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        streams.begin(&minutes, began);
        streams.begin(&trades, began);
        streams.published([&trades, &trades, &minutes], at(60));
        streams.begin(&trades, at(90));
        streams.consumed(&trades, Duration::from_millis(4), at(100));
        streams.gap(&trades);
        let ages = vitals.pulse.feed_ages(at(110));
        assert_eq!(ages.iter().map(|(_, age)| age.as_secs()).collect::<Vec<_>>(), [50, 10]);
        let page = vitals.metrics.page();
        for line in [
            "calypte_entries_published_total{topic=\"candles\"} 1",
            "calypte_entries_published_total{topic=\"trades\"} 2",
            "calypte_entries_consumed_total{topic=\"trades\"} 1",
            "calypte_gaps_total{topic=\"trades\"} 1",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line} is in {page}");
        }
        streams.end(&trades);
        streams.published([&trades], at(120));
        assert_eq!(vitals.pulse.feed_ages(at(120)).len(), 1, "what is over is no sign of life any more");
        assert_eq!(vitals.pulse.age(at(120)).as_secs(), 20);
    }
}
