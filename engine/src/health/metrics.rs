//! The registry: each metric once, under its name, with as many time series as its labels have values, up to a limit.

use super::handles::{AccountMetrics, Counters, GaugeF, GaugesF, GaugesI, Histograms, Lease, Outcome, Queue, TopicMetrics};
use super::peer::{Connections, Peer};
use super::table::{METRICS, Metric, PREFIX};
use crate::bus::Topic;
use calypte_venues::connector::Budget;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Most values of one label that are told apart; what comes after them is [`OTHER`].
pub const LABEL_VALUES_MAX: usize = 500;
/// Stands for the values of a label that are too many.
pub const OTHER: &str = "other";
/// Longest value of a label.
const LABEL_CHARS_MAX: usize = 100;

/// Bounds of times, in seconds: from ten millionths to ten seconds.
const SECONDS: &[f64] = &[
    0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0,
    5.0, 10.0,
];
/// Bounds of fuel.
const FUEL: &[f64] = &[1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 1e10];

/// How histograms of a kind begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds(&'static [f64]);

impl MetricConstructor<Histogram> for Bounds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// What a process counts. Clones share one registry, and everything that is taken from it is cheap to use.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Families>);

/// The metrics by their names in [`METRICS`].
#[derive(Debug)]
pub(super) struct Families {
    registry: Registry,
    /// Values seen, by label.
    seen: Mutex<BTreeMap<&'static str, BTreeSet<String>>>,
    /// Connections that are wanted, by whom they are to.
    peers: Mutex<BTreeMap<&'static str, Connections>>,
    ready: Gauge,
    pulse_age: GaugeF,
    feed_age: GaugesF<1>,
    pub(super) delivery_age: Histograms<1>,
    stream_lag: GaugesI<1>,
    pub(super) entries_published: Counters<1>,
    pub(super) entries_consumed: Counters<1>,
    pub(super) gaps: Counters<1>,
    pub(super) event_to_intent: Histograms<1>,
    pub(super) intent_to_sent: Histograms<1>,
    pub(super) sent_to_ack: Histograms<1>,
    pub(super) hook_duration: Histograms<1>,
    pub(super) hook_fuel: Histograms<1>,
    pub(super) strategy_fuel: Counters<2>,
    pub(super) strategies: GaugesI<2>,
    pub(super) faults: Counters<2>,
    pub(super) orders: Counters<1>,
    pub(super) fills: Counters<1>,
    pub(super) rejections: Counters<2>,
    pub(super) denials: Counters<2>,
    pub(super) position_differences: Counters<1>,
    pub(super) kills: Counters<1>,
    pub(super) journal: Counters<1>,
    pub(super) queue_depth: GaugesI<1>,
    connected: GaugesI<1>,
    reconnects: Counters<1>,
    budget_left: GaugesF<1>,
    lease_held: GaugesI<1>,
    notifications: Counters<1>,
}

/// Registers metrics under their names.
struct Table(Registry);

impl Table {
    fn add<M: prometheus_client::registry::Metric + Clone>(&mut self, name: &str, metric: M) -> M {
        let Metric { name, unit, help, .. } = row(name);
        match *unit {
            "" => self.0.register(*name, *help, metric.clone()),
            "seconds" => self.0.register_with_unit(*name, *help, Unit::Seconds, metric.clone()),
            "bytes" => self.0.register_with_unit(*name, *help, Unit::Bytes, metric.clone()),
            other => self.0.register_with_unit(*name, *help, Unit::Other(other.to_owned()), metric.clone()),
        }
        metric
    }

    fn counters<const N: usize>(&mut self, name: &str) -> Counters<N> {
        self.add(name, Family::default())
    }

    fn gauges<const N: usize>(&mut self, name: &str) -> GaugesI<N> {
        self.add(name, Family::default())
    }

    fn gauges_f<const N: usize>(&mut self, name: &str) -> GaugesF<N> {
        self.add(name, Family::default())
    }

    fn histograms(&mut self, name: &str, bounds: &'static [f64]) -> Histograms<1> {
        self.add(name, Family::new_with_constructor(Bounds(bounds)))
    }
}

fn row(name: &str) -> &'static Metric {
    METRICS.iter().find(|metric| metric.name == name).expect("what is registered is in the table")
}

impl Metrics {
    /// Of a service that begins.
    pub fn new(service: &str) -> Self {
        let mut table = Table(Registry::with_prefix(PREFIX));
        let (build, start) = (table.gauges::<2>("build_info"), table.add("start_time", GaugeF::default()));
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION").to_owned()), ("service", service.to_owned())]).set(1);
        start.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        let families = Families {
            seen: Mutex::default(),
            peers: Mutex::default(),
            ready: table.add("ready", Gauge::default()),
            pulse_age: table.add("pulse_age", GaugeF::default()),
            feed_age: table.gauges_f("feed_age"),
            delivery_age: table.histograms("delivery_age", SECONDS),
            stream_lag: table.gauges("stream_lag"),
            entries_published: table.counters("entries_published"),
            entries_consumed: table.counters("entries_consumed"),
            gaps: table.counters("gaps"),
            event_to_intent: table.histograms("event_to_intent", SECONDS),
            intent_to_sent: table.histograms("intent_to_sent", SECONDS),
            sent_to_ack: table.histograms("sent_to_ack", SECONDS),
            hook_duration: table.histograms("hook_duration", SECONDS),
            hook_fuel: table.histograms("hook_fuel", FUEL),
            strategy_fuel: table.counters("strategy_fuel"),
            strategies: table.gauges("strategies"),
            faults: table.counters("faults"),
            orders: table.counters("orders"),
            fills: table.counters("fills"),
            rejections: table.counters("rejections"),
            denials: table.counters("denials"),
            position_differences: table.counters("position_differences"),
            kills: table.counters("kills"),
            journal: table.counters("journal"),
            queue_depth: table.gauges("queue_depth"),
            connected: table.gauges("connected"),
            reconnects: table.counters("reconnects"),
            budget_left: table.gauges_f("budget_left"),
            lease_held: table.gauges("lease_held"),
            notifications: table.counters("notifications"),
            registry: table.0,
        };
        Self(Arc::new(families))
    }

    /// What an account counts.
    pub fn account(&self, name: &str) -> AccountMetrics {
        AccountMetrics::new(self.clone(), self.bounded("account", name))
    }

    /// What streams of a topic count. Candles of all lengths are one topic.
    pub fn topic(&self, topic: Topic) -> TopicMetrics {
        let name = match topic {
            Topic::Candles(_) => "candles".to_owned(),
            Topic::Trades | Topic::Quotes | Topic::Book | Topic::Context => topic.to_string(),
        };
        TopicMetrics::new(&self.0, &name)
    }

    /// The depth of a queue that there is from now on.
    pub fn queue(&self, name: &str) -> Queue {
        Queue::new(self.clone(), self.bounded("queue", name))
    }

    /// A connection to somebody, such as [`EXCHANGE`](super::EXCHANGE), which is wanted from now on.
    pub fn peer(&self, name: &'static str) -> Peer {
        Peer::new(self.clone(), name)
    }

    /// Notes a change of the connections to somebody, and shows them.
    pub(super) fn connections(&self, peer: &'static str, change: impl FnOnce(&mut Connections)) {
        let mut peers = self.0.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = peers.entry(peer).or_default();
        change(connections);
        let label = [("peer", peer.to_owned())];
        if connections.wanted == 0 {
            self.0.connected.remove(&label);
        } else {
            self.0.connected.get_or_create(&label).set(i64::from(connections.standing == connections.wanted));
        }
    }

    /// How often connections to somebody were lost.
    pub(super) fn reconnects(&self, peer: &'static str) -> Counter {
        self.0.reconnects.get_or_create_owned(&[("peer", peer.to_owned())])
    }

    /// A lease that this process wants.
    pub fn lease(&self, name: &str) -> Lease {
        Lease(self.0.lease_held.get_or_create_owned(&[("lease", self.bounded("lease", name))]))
    }

    /// How many entries of a stream wait to be read.
    pub fn lag(&self, stream: &str, entries: u64) {
        let label = [("feed", self.bounded("feed", stream))];
        self.0.stream_lag.get_or_create(&label).set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    /// What is left of a budget of the exchange's, under the name by which it is told apart.
    pub fn budget(&self, name: &str, budget: &Budget) {
        #[expect(clippy::cast_precision_loss, reason = "a share for people needs no more digits")]
        let share = if budget.of == 0 { 0.0 } else { budget.left as f64 / budget.of as f64 };
        self.0.budget_left.get_or_create(&[("budget", self.bounded("budget", name))]).set(share);
    }

    /// A budget that nothing is sent under any more.
    pub fn forget_budget(&self, name: &str) {
        self.0.budget_left.remove(&[("budget", self.bounded("budget", name))]);
    }

    /// What became of a notification.
    pub fn notified(&self, outcome: Outcome) {
        self.0.notifications.get_or_create(&[("outcome", outcome.name().to_owned())]).inc();
    }

    /// How old the last progress is, of all and of each feed, and whether the service is ready: set when somebody asks.
    pub(super) fn ages(&self, pulse: Duration, feeds: &[(String, Duration)], is_ready: bool) {
        self.0.pulse_age.set(pulse.as_secs_f64());
        self.0.ready.set(i64::from(is_ready));
        for (feed, age) in feeds {
            self.0.feed_age.get_or_create(&[("feed", self.bounded("feed", feed))]).set(age.as_secs_f64());
        }
    }

    /// A feed that is no longer wanted.
    pub fn forget_feed(&self, feed: &str) {
        let label = [("feed", self.bounded("feed", feed))];
        self.0.feed_age.remove(&label);
        self.0.stream_lag.remove(&label);
    }

    /// All of it, as Prometheus reads it.
    pub fn page(&self) -> String {
        let mut page = String::new();
        encode(&mut page, &self.0.registry).expect("a text takes whatever is written to it");
        page
    }

    pub(super) fn families(&self) -> &Families {
        &self.0
    }

    /// A label's value: itself where it has been seen or there is room for it, else [`OTHER`].
    pub(super) fn bounded(&self, label: &'static str, value: &str) -> String {
        let value: String =
            value.chars().map(|letter| if letter.is_control() { '_' } else { letter }).take(LABEL_CHARS_MAX).collect();
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let values = seen.entry(label).or_default();
        if !values.contains(&value) {
            if values.len() >= LABEL_VALUES_MAX {
                return OTHER.to_owned();
            }
            values.insert(value.clone());
        }
        value
    }
}

#[cfg(test)]
mod tests;
