//! Every metric. `engine/docs/metrics.md` shows this table, and tests hold the page, the registry, alerts and dashboard to it.

/// What all names begin with.
pub(super) const PREFIX: &str = "calypte";

/// One metric, with one time series for each combination of its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name, without what all begin with and without unit and ending.
    pub name: &'static str,
    /// What it counts or shows.
    pub kind: MetricKind,
    /// What it is told apart by.
    pub labels: &'static [&'static str],
    /// Its unit; empty for a number of things.
    pub unit: &'static str,
    /// What it says.
    pub help: &'static str,
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows, and begins at nothing with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often which sizes came.
    Histogram,
}

impl MetricKind {
    /// As the page of metrics calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Metric {
    /// The name by which it is asked for: `calypte_hook_duration_seconds`. A histogram has `_bucket`, `_sum` and `_count`
    /// behind it.
    pub fn full_name(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!("_{}", self.unit) };
        let ending = if self.kind == Counter { "_total" } else { "" };
        format!("{PREFIX}_{}{unit}{ending}", self.name)
    }
}

const fn metric(
    name: &'static str,
    kind: MetricKind,
    labels: &'static [&'static str],
    unit: &'static str,
    help: &'static str,
) -> Metric {
    Metric { name, kind, labels, unit, help }
}

use MetricKind::{Counter, Gauge, Histogram};

/// Every metric.
pub const METRICS: &[Metric] = &[
    metric("build_info", Gauge, &["version", "service"], "", "Always 1; its labels say what runs"),
    metric("start_time", Gauge, &[], "seconds", "When the process began, in seconds since 1970"),
    metric("ready", Gauge, &[], "", "1 where /readyz says yes, 0 where something is missing"),
    metric("pulse_age", Gauge, &[], "seconds", "How long ago the service made progress of any kind, heartbeats counted"),
    metric("feed_age", Gauge, &["feed"], "seconds", "How long ago a feed brought something, heartbeats counted"),
    metric(
        "delivery_age",
        Histogram,
        &["topic"],
        "seconds",
        "How old an entry is when its reader has it: now less the time it was received at from the exchange",
    ),
    metric("stream_lag", Gauge, &["feed"], "entries", "Entries of a stream that this engine has not read yet"),
    metric("entries_published", Counter, &["topic"], "", "Entries written to streams"),
    metric("entries_consumed", Counter, &["topic"], "", "Entries read from streams"),
    metric(
        "gaps",
        Counter,
        &["topic"],
        "",
        "Stretches of a stream that were trimmed or never came, each told to the strategies",
    ),
    metric(
        "event_to_intent",
        Histogram,
        &["account"],
        "seconds",
        "From handing an event to a strategy to its intents, for events that had some",
    ),
    metric(
        "intent_to_sent",
        Histogram,
        &["account"],
        "seconds",
        "From intents to the commands that follow, reviewed and handed to the connection",
    ),
    metric(
        "sent_to_ack",
        Histogram,
        &["account"],
        "seconds",
        "From handing an order to the connection to the exchange's word on it",
    ),
    metric("hook_duration", Histogram, &["account"], "seconds", "From handing an event to a strategy to the end of its hook"),
    metric("hook_fuel", Histogram, &["account"], "", "Fuel of a hook"),
    metric("strategy_fuel", Counter, &["account", "strategy"], "", "Fuel of all hooks of a strategy"),
    metric("strategies", Gauge, &["account", "state"], "", "Strategies in a state"),
    metric("faults", Counter, &["account", "kind"], "", "Strategies that failed, by the kind of failure"),
    metric("orders", Counter, &["account"], "", "Orders handed to the connection"),
    metric("fills", Counter, &["account"], "", "Fills"),
    metric("rejections", Counter, &["account", "code"], "", "Orders that the exchange refused, by code"),
    metric("denials", Counter, &["account", "code"], "", "Requests that the risk gate denied, by code"),
    metric("position_differences", Counter, &["account"], "", "Times that the exchange's word differed from ours"),
    metric("kills", Counter, &["account"], "", "Kill switches that fired"),
    metric("journal", Counter, &["account"], "bytes", "Bytes written to the journal"),
    metric("queue_depth", Gauge, &["queue"], "", "What waits in a queue"),
    metric("connected", Gauge, &["peer"], "", "1 where the connection stands, 0 where it does not"),
    metric("reconnects", Counter, &["peer"], "", "Connections that were lost and had to be made again"),
    metric("budget_left", Gauge, &["budget"], "ratio", "What is left of a budget of the exchange's, as a share of the whole"),
    metric("lease_held", Gauge, &["lease"], "", "1 where this process holds the lease, 0 where it waits for it"),
    metric("notifications", Counter, &["outcome"], "", "Notifications for the webhook: sent, failed or dropped"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_metric() {
        let page = include_str!("../../docs/metrics.md");
        let rows = METRICS.iter().map(|metric| {
            let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
            let labels = if labels.is_empty() { "–".to_owned() } else { labels };
            let unit = if metric.unit.is_empty() { "–" } else { metric.unit };
            format!("| `{}` | {} | {labels} | {unit} | {} |", metric.full_name(), metric.kind.name(), metric.help)
        });
        let shown = page.lines().filter(|line| line.starts_with("| `calypte_"));
        assert_eq!(shown.collect::<Vec<_>>(), rows.collect::<Vec<_>>(), "the rows of metrics.md");
    }

    #[test]
    fn no_name_is_taken_twice() {
        for (place, metric) in METRICS.iter().enumerate() {
            assert!(!METRICS[..place].iter().any(|other| other.full_name() == metric.full_name()), "{}", metric.name);
        }
    }
}
