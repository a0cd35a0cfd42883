//! Parts of the metrics for those who count: found once, then a few atomic additions each time.

use super::metrics::{Bounds, Families, Metrics};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Labels with their values.
pub(super) type Labels<const N: usize> = [(&'static str, String); N];
/// Counters, one for each set of labels.
pub(super) type Counters<const N: usize> = Family<Labels<N>, Counter>;
/// Gauges of whole numbers.
pub(super) type GaugesI<const N: usize> = Family<Labels<N>, Gauge>;
/// A gauge of seconds or of a share.
pub(super) type GaugeF = Gauge<f64, AtomicU64>;
/// Gauges of seconds and shares.
pub(super) type GaugesF<const N: usize> = Family<Labels<N>, GaugeF>;
/// Histograms.
pub(super) type Histograms<const N: usize> = Family<Labels<N>, Histogram, Bounds>;

/// What an account counts.
#[derive(Debug, Clone)]
pub struct AccountMetrics {
    metrics: Metrics,
    account: String,
    event_to_intent: Histogram,
    intent_to_sent: Histogram,
    sent_to_ack: Histogram,
    hook_duration: Histogram,
    hook_fuel: Histogram,
    orders: Counter,
    fills: Counter,
    differences: Counter,
    kills: Counter,
    journal: Counter,
}

/// How many strategies are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StrategyStates {
    /// Deployed, not started.
    pub created: usize,
    /// Getting ready.
    pub warming_up: usize,
    /// Getting events.
    pub running: usize,
    /// Ending.
    pub stopping: usize,
    /// Ended.
    pub stopped: usize,
    /// Would not begin.
    pub refused: usize,
    /// Failed.
    pub faulted: usize,
}

impl AccountMetrics {
    pub(super) fn new(metrics: Metrics, account: String) -> Self {
        let label = [("account", account.clone())];
        let families = metrics.families();
        Self {
            event_to_intent: families.event_to_intent.get_or_create_owned(&label),
            intent_to_sent: families.intent_to_sent.get_or_create_owned(&label),
            sent_to_ack: families.sent_to_ack.get_or_create_owned(&label),
            hook_duration: families.hook_duration.get_or_create_owned(&label),
            hook_fuel: families.hook_fuel.get_or_create_owned(&label),
            orders: families.orders.get_or_create_owned(&label),
            fills: families.fills.get_or_create_owned(&label),
            differences: families.position_differences.get_or_create_owned(&label),
            kills: families.kills.get_or_create_owned(&label),
            journal: families.journal.get_or_create_owned(&label),
            metrics,
            account,
        }
    }

    /// The fuel that a strategy uses, in all.
    pub fn strategy_fuel(&self, strategy: &str) -> Counter {
        let labels = self.labels("strategy", self.metrics.bounded("strategy", strategy));
        self.metrics.families().strategy_fuel.get_or_create_owned(&labels)
    }

    /// A hook ended.
    pub fn hook_ended(&self, strategy: &Counter, fuel: u64, duration: Duration) {
        strategy.inc_by(fuel);
        #[expect(clippy::cast_precision_loss, reason = "a histogram needs no more digits")]
        self.hook_fuel.observe(fuel as f64);
        self.hook_duration.observe(duration.as_secs_f64());
    }

    /// A strategy answered an event with intents.
    pub fn intents_after(&self, duration: Duration) {
        self.event_to_intent.observe(duration.as_secs_f64());
    }

    /// What follows from intents was handed to the connection.
    pub fn sent_after(&self, duration: Duration) {
        self.intent_to_sent.observe(duration.as_secs_f64());
    }

    /// The exchange answered an order.
    pub fn acknowledged_after(&self, duration: Duration) {
        self.sent_to_ack.observe(duration.as_secs_f64());
    }

    /// An order was handed to the connection.
    pub fn order_sent(&self) {
        self.orders.inc();
    }

    /// A fill came.
    pub fn filled(&self) {
        self.fills.inc();
    }

    /// The exchange refused an order.
    pub fn rejected(&self, code: &str) {
        let labels = self.labels("code", self.metrics.bounded("code", code));
        self.metrics.families().rejections.get_or_create(&labels).inc();
    }

    /// The risk gate denied a request.
    pub fn denied(&self, code: &str) {
        let labels = self.labels("code", self.metrics.bounded("code", code));
        self.metrics.families().denials.get_or_create(&labels).inc();
    }

    /// A strategy failed.
    pub fn faulted(&self, kind: &'static str) {
        self.metrics.families().faults.get_or_create(&self.labels("kind", kind.to_owned())).inc();
    }

    /// The exchange's word differed from ours.
    pub fn differed(&self) {
        self.differences.inc();
    }

    /// A kill switch fired.
    pub fn killed(&self) {
        self.kills.inc();
    }

    /// The journal grew.
    pub fn journalled(&self, bytes: u64) {
        self.journal.inc_by(bytes);
    }

    /// How many strategies are in which state.
    pub fn strategies(&self, states: StrategyStates) {
        let counts = [
            ("created", states.created),
            ("warming-up", states.warming_up),
            ("running", states.running),
            ("stopping", states.stopping),
            ("stopped", states.stopped),
            ("refused", states.refused),
            ("faulted", states.faulted),
        ];
        for (state, count) in counts {
            let gauge = self.metrics.families().strategies.get_or_create_owned(&self.labels("state", state.to_owned()));
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    fn labels(&self, name: &'static str, value: String) -> Labels<2> {
        [("account", self.account.clone()), (name, value)]
    }
}

/// What streams of a topic count.
#[derive(Debug, Clone)]
pub struct TopicMetrics {
    published: Counter,
    consumed: Counter,
    gaps: Counter,
    age: Histogram,
}

impl TopicMetrics {
    pub(super) fn new(families: &Families, topic: &str) -> Self {
        let label = [("topic", topic.to_owned())];
        Self {
            published: families.entries_published.get_or_create_owned(&label),
            consumed: families.entries_consumed.get_or_create_owned(&label),
            gaps: families.gaps.get_or_create_owned(&label),
            age: families.delivery_age.get_or_create_owned(&label),
        }
    }

    /// Entries were written.
    pub fn published(&self, entries: u64) {
        self.published.inc_by(entries);
    }

    /// An entry was read, so long after it had been received from the exchange.
    pub fn consumed(&self, age: Duration) {
        self.consumed.inc();
        self.age.observe(age.as_secs_f64());
    }

    /// A stretch is missing.
    pub fn gap(&self) {
        self.gaps.inc();
    }
}

/// A queue's depth. Dropped, the queue is gone, and is shown no longer.
#[derive(Debug)]
pub struct Queue {
    metrics: Metrics,
    label: Labels<1>,
    depth: Gauge,
}

impl Queue {
    pub(super) fn new(metrics: Metrics, name: String) -> Self {
        let label = [("queue", name)];
        let depth = metrics.families().queue_depth.get_or_create_owned(&label);
        Self { metrics, label, depth }
    }

    /// So much waits.
    pub fn depth(&self, waiting: usize) {
        self.depth.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.metrics.families().queue_depth.remove(&self.label);
    }
}

/// A lease that is wanted.
#[derive(Debug, Clone)]
pub struct Lease(pub(super) Gauge);

impl Lease {
    /// Whether it is held.
    pub fn held(&self, held: bool) {
        self.0.set(i64::from(held));
    }
}

/// What became of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody took it.
    Sent,
    /// Nobody took it, however often it was tried.
    Failed,
    /// Too many waited.
    Dropped,
}

impl Outcome {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}
