//! The files of a deployment: what they name exists, and the programs that read them take them.

use calypte::health::{METRICS, Metric, MetricKind};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tests::{calypte_path, repository, run, skip, temp_dir};

/// Labels that Prometheus itself adds.
const ADDED_LABELS: &[&str] = &["instance", "job"];

fn deployed(name: &str) -> (PathBuf, String) {
    let path = repository().join("engine/deploy").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (path, text)
}

/// Names of metrics in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let starts = text.match_indices("calypte_").map(|(start, _)| start);
    let starts =
        starts.filter(|start| !text[..*start].ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_'));
    let ends = |start: usize| {
        let rest = &text[start..];
        let length = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
        &rest[..length]
    };
    starts.map(ends).collect()
}

/// The metric that a query means by a name.
fn meant(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| {
        let full = metric.full_name();
        if metric.kind == MetricKind::Histogram {
            ["_bucket", "_sum", "_count"].iter().any(|ending| name.strip_suffix(ending) == Some(&full))
        } else {
            full == name
        }
    })
}

/// Whether all that a query groups by or shows is a label of one of its metrics.
fn check_query(query: &str, shown: &str, place: &str) {
    let metrics = named(query);
    let metrics = metrics.iter().map(|name| meant(name).unwrap_or_else(|| panic!("{place}: there is no metric {name}")));
    let known: BTreeSet<&str> = metrics.flat_map(|metric| metric.labels).chain(ADDED_LABELS).copied().collect();
    let grouped = query.match_indices("by (").map(|(start, by)| &query[start + by.len()..]);
    let grouped = grouped.filter_map(|rest| rest.split_once(')')).flat_map(|(labels, _)| labels.split(',')).map(str::trim);
    let used = shown.match_indices("$labels.").map(|(start, before)| &shown[start + before.len()..]);
    let used =
        used.map(|rest| rest.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next().unwrap_or(""));
    for label in grouped.chain(used).filter(|label| *label != "le") {
        assert!(known.contains(label), "{place}: {label} is no label of what {query} asks for");
    }
}

#[test]
fn alerts_ask_for_metrics_that_there_are() {
    let (path, text) = deployed("prometheus-alerts.yml");
    let rules = text.split("- alert: ").skip(1).collect::<Vec<_>>();
    assert!(rules.len() > 15, "only {} rules were found", rules.len());
    let mut names = BTreeSet::new();
    for rule in &rules {
        let name = rule.lines().next().expect("a rule has a name");
        assert!(names.insert(name), "{name} comes twice");
        let query =
            rule.lines().find_map(|line| line.trim().strip_prefix("expr: ")).unwrap_or_else(|| panic!("{name} asks nothing"));
        check_query(query, rule, &format!("{}, {name}", path.display()));
        for part in ["severity:", "summary:"] {
            assert!(rule.contains(part), "{name} has no {part}");
        }
    }
    let page = fs::read_to_string(repository().join("engine/docs/deploy.md")).expect("the page is there");
    for name in names {
        assert!(page.contains(&format!("| `{name}` |")), "deploy.md says what to do about {name}");
    }
}

#[test]
fn the_dashboard_shows_metrics_that_there_are() {
    let (path, text) = deployed("grafana-dashboard.json");
    let dashboard: serde_json::Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let panels = dashboard["panels"].as_array().expect("panels are a list");
    let mut shown = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64()), "the id of {panel} comes twice");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().expect("a query is text");
            check_query(query, "", &format!("{}, {}", path.display(), panel["title"]));
            shown.extend(named(query).into_iter().filter_map(meant).map(|metric| metric.name));
        }
    }
    let unseen = METRICS.iter().map(|metric| metric.name).filter(|name| !shown.contains(name)).collect::<Vec<_>>();
    assert_eq!(unseen, Vec::<&str>::new(), "metrics that no panel shows");
}

#[test]
fn systemd_takes_the_units() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        skip("systemd-analyze is not installed");
        return;
    }
    let folder = temp_dir();
    let mut verify = Command::new("systemd-analyze");
    verify.arg("verify");
    for name in ["calypte-market-data.service", "calypte-engine.service", "calypte-engine@.service"] {
        let (_, text) = deployed(name);
        assert!(text.contains("ExecStart=/usr/local/bin/calypte "), "{name} starts the program");
        // It looks whether the program is there.
        let here = text.replace("/usr/local/bin/calypte", calypte_path().to_str().expect("text"));
        let unit = folder.path().join(name.replace("@.", "@test."));
        fs::write(&unit, here).expect("it can be written");
        verify.arg(unit);
    }
    let verified = run(&mut verify).ok();
    assert_eq!(verified.stderr, "", "{verified}");
}
