//! The registry against the table, and its limits.

use super::super::handles::StrategyStates;
use super::super::table::MetricKind;
use super::*;

/// Metrics in which everything has been counted once, and what has to live so that it is shown.
fn counted() -> (Metrics, (Queue, Peer)) {
    let metrics = Metrics::new("engine");
    let account = metrics.account("alice");
    account.hook_ended(&account.strategy_fuel("trend"), 5_000, Duration::from_micros(30));
    account.intents_after(Duration::from_micros(40));
    account.sent_after(Duration::from_micros(50));
    account.acknowledged_after(Duration::from_millis(3));
    account.order_sent();
    account.filled();
    account.rejected("margin");
    account.denied("size-off-grid");
    account.faulted("trap");
    account.differed();
    account.killed();
    account.journalled(120);
    account.strategies(StrategyStates { running: 2, ..StrategyStates::default() });
    let topic = metrics.topic(Topic::Trades);
    topic.published(3);
    topic.consumed(Duration::from_millis(4));
    topic.gap();
    let queue = metrics.queue("venue");
    queue.depth(7);
    let peer = metrics.peer("bus");
    peer.stands(true);
    peer.lost();
    metrics.lease("account.alice").held(true);
    metrics.lag("md.BTC.1m", 9);
    metrics.budget("weight", &Budget { name: "REST weight", left: 300, of: 1_200, runs_out: None });
    metrics.notified(Outcome::Sent);
    metrics.ages(Duration::from_secs(1), &[("md.BTC.1m".to_owned(), Duration::from_millis(1_500))], true);
    (metrics, (queue, peer))
}

/// A name, its kind, its labels.
type Row = (String, String, Vec<String>);

/// What a page of metrics has.
fn rows(page: &str) -> Vec<Row> {
    let typed = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let labels = |name: &str| {
        let begins = |line: &&str| {
            let rest = line.strip_prefix(name).unwrap_or_default();
            ["{", " ", "_total", "_bucket"].iter().any(|after| rest.starts_with(after))
        };
        let sample = page.lines().find(begins).unwrap_or_else(|| panic!("{name} has a sample"));
        let labels = sample.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(labels, _)| labels);
        let names = labels.split(',').filter_map(|label| label.split_once('=')).map(|(name, _)| name.to_owned());
        names.filter(|name| name != "le").collect::<Vec<_>>()
    };
    typed.map(|(name, kind)| (name.to_owned(), kind.to_owned(), labels(name))).collect()
}

#[test]
fn the_registry_is_the_table() {
    let sorted = |mut rows: Vec<Row>| {
        rows.sort();
        rows
    };
    let (metrics, _shown) = counted();
    let page = metrics.page();
    let table = METRICS.iter().map(|metric| {
        let name = metric.full_name();
        // The kind is said of the name without the ending of its samples.
        let name = if metric.kind == MetricKind::Counter { name.trim_end_matches("_total").to_owned() } else { name };
        (name, metric.kind.name().to_owned(), metric.labels.iter().map(|label| (*label).to_owned()).collect())
    });
    assert_eq!(sorted(rows(&page)), sorted(table.collect()), "{page}");
    for metric in METRICS {
        assert!(page.contains(&format!("{}.\n", metric.help)), "{} has its help", metric.name);
    }
    assert!(page.ends_with("# EOF\n"));
}

#[test]
fn what_is_counted_is_shown() {
    let (metrics, _shown) = counted();
    let page = metrics.page();
    for line in [
        "calypte_build_info{version=\"0.1.0\",service=\"engine\"} 1",
        "calypte_hook_fuel_bucket{le=\"10000.0\",account=\"alice\"} 1",
        "calypte_event_to_intent_seconds_count{account=\"alice\"} 1",
        "calypte_sent_to_ack_seconds_bucket{le=\"0.002\",account=\"alice\"} 0",
        "calypte_sent_to_ack_seconds_bucket{le=\"0.005\",account=\"alice\"} 1",
        "calypte_strategy_fuel_total{account=\"alice\",strategy=\"trend\"} 5000",
        "calypte_strategies{account=\"alice\",state=\"running\"} 2",
        "calypte_denials_total{account=\"alice\",code=\"size-off-grid\"} 1",
        "calypte_journal_bytes_total{account=\"alice\"} 120",
        "calypte_entries_published_total{topic=\"trades\"} 3",
        "calypte_stream_lag_entries{feed=\"md.BTC.1m\"} 9",
        "calypte_feed_age_seconds{feed=\"md.BTC.1m\"} 1.5",
        "calypte_budget_left_ratio{budget=\"weight\"} 0.25",
        "calypte_queue_depth{queue=\"venue\"} 7",
        "calypte_connected{peer=\"bus\"} 0",
        "calypte_reconnects_total{peer=\"bus\"} 1",
        "calypte_lease_held{lease=\"account.alice\"} 1",
        "calypte_pulse_age_seconds 1.0",
        "calypte_ready 1",
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line} is in {page}");
    }
}

#[test]
fn a_label_has_so_many_values_and_no_more() {
    let metrics = Metrics::new("engine");
    let account = metrics.account("alice");
    for number in 0..2 * LABEL_VALUES_MAX {
        account.denied(&format!("code-{number}"));
    }
    account.denied("code-0");
    let page = metrics.page();
    let samples = page.lines().filter(|line| line.starts_with("calypte_denials_total{")).collect::<Vec<_>>();
    assert_eq!(samples.len(), LABEL_VALUES_MAX + 1);
    let other = format!("calypte_denials_total{{account=\"alice\",code=\"{OTHER}\"}} {LABEL_VALUES_MAX}");
    assert!(samples.contains(&other.as_str()), "what is too much is counted together");
    assert!(samples.contains(&"calypte_denials_total{account=\"alice\",code=\"code-0\"} 2"), "what is known stays known");
}

#[test]
fn a_hostile_label_breaks_no_line() {
    let metrics = Metrics::new("engine");
    let account = metrics.account("alice");
    account.rejected("a\"} 1\ncalypte_fake 0\n");
    account.rejected(&"x".repeat(10_000));
    let page = metrics.page();
    assert!(!page.lines().any(|line| line == "calypte_fake 0"), "{page}");
    assert!(page.lines().all(|line| line.len() < 400));
}

#[test]
fn what_is_gone_is_not_shown() {
    let (metrics, _) = counted();
    metrics.forget_feed("md.BTC.1m");
    metrics.forget_budget("weight");
    let page = metrics.page();
    for gone in ["md.BTC.1m", "budget=\"weight\"", "queue=\"venue\"", "calypte_connected{"] {
        assert!(!page.contains(gone), "{gone} is in {page}");
    }
}
