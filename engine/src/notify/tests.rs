//! Notifications against a small server that answers as it is told.

use super::*;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::routing::any;
use calypte_venues::ambient::Machine;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// Answers with these, in their order, then with 200; keeps what was asked.
#[derive(Clone, Default)]
struct Hook {
    answers: Arc<Mutex<VecDeque<u16>>>,
    heard: Arc<Mutex<Vec<(String, serde_json::Value)>>>,
}

async fn answer(State(hook): State<Hook>, uri: Uri, body: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&body).expect("it is JSON");
    hook.heard.lock().expect("nobody panicked").push((uri.to_string(), body));
    let status = hook.answers.lock().expect("nobody panicked").pop_front().unwrap_or(200);
    StatusCode::from_u16(status).expect("a status")
}

impl Hook {
    /// Serves it; gives its address.
    async fn serve(answers: &[u16]) -> (Self, String) {
        let hook = Self::default();
        hook.answers.lock().expect("nobody panicked").extend(answers);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let router = Router::new().route("/{*path}", any(answer)).with_state(hook.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (hook, format!("http://{address}/services/s3cret?team=1"))
    }

    fn heard(&self) -> Vec<(String, serde_json::Value)> {
        self.heard.lock().expect("nobody panicked").clone()
    }
}

/// As patient as a test.
const PATIENCE: Patience = Patience {
    tries: 4,
    answer: Duration::from_secs(20),
    pause: Duration::from_millis(1),
    pause_max: Duration::from_millis(2),
};

fn notification(words: &str) -> Notification {
    Notification {
        time: Timestamp::from_millis(1_700_000_000_000),
        severity: Severity::Critical,
        kind: "kill-switch",
        account: Some("alice".to_owned()),
        strategy: None,
        words: words.to_owned(),
    }
}

fn delivery(url: &str, metrics: &Metrics) -> (Notifier, Delivery) {
    let webhook = url.parse().expect("an address");
    Delivery::new(webhook, "engine-1", PATIENCE, Arc::new(Machine), metrics.clone()).expect("it needs no certificate")
}

fn counted(metrics: &Metrics, outcome: &str) -> u64 {
    let page = metrics.page();
    let begins = format!("calypte_notifications_total{{outcome=\"{outcome}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&begins)).map_or(0, |count| count.parse().expect("a number"))
}

#[tokio::test]
async fn a_notification_arrives_as_json() {
    let (hook, url) = Hook::serve(&[]).await;
    let metrics = Metrics::new("engine");
    let (notifier, delivery) = delivery(&url, &metrics);
    notifier.tell(notification("it fired"));
    drop(notifier);
    delivery.run().await;
    let expected = serde_json::json!({
        "version": 1, "service": "engine-1", "time": "2023-11-14T22:13:20Z", "severity": "critical", "kind": "kill-switch",
        "account": "alice", "message": "it fired", "text": "[engine-1] alice: it fired",
    });
    assert_eq!(hook.heard(), [("/services/s3cret?team=1".to_owned(), expected)]);
    assert_eq!(counted(&metrics, "sent"), 1);
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_and_what_is_refused_is_not() {
    let (hook, url) = Hook::serve(&[500, 429, 200, 404, 503, 503, 503, 503]).await;
    let metrics = Metrics::new("engine");
    let (notifier, delivery) = delivery(&url, &metrics);
    for words in ["tried three times", "refused", "given up", "taken at once"] {
        notifier.tell(notification(words));
    }
    drop(notifier);
    delivery.run().await;
    let words = hook.heard().into_iter().map(|(_, body)| body["message"].as_str().unwrap_or_default().to_owned());
    let counts = words.fold(std::collections::BTreeMap::<String, u32>::new(), |mut counts, words| {
        *counts.entry(words).or_default() += 1;
        counts
    });
    let expected = [("given up", 4), ("refused", 1), ("taken at once", 1), ("tried three times", 3)];
    assert_eq!(counts, expected.map(|(words, count)| (words.to_owned(), count)).into());
    assert_eq!((counted(&metrics, "sent"), counted(&metrics, "failed")), (2, 2));
}

#[tokio::test]
async fn too_many_are_dropped_and_nobody_waits() {
    let metrics = Metrics::new("engine");
    // Nobody is asked: the task does not run.
    let (notifier, _delivery) = delivery("http://127.0.0.1:9/s3cret", &metrics);
    for _ in 0..QUEUE_MAX + 5 {
        notifier.tell(notification("again"));
    }
    assert_eq!(counted(&metrics, "dropped"), 5);
    let depth = format!("calypte_queue_depth{{queue=\"notifications\"}} {QUEUE_MAX}");
    assert!(metrics.page().lines().any(|line| line == depth), "what waits is shown");
    Notifier::silent(metrics.clone()).tell(notification("to nobody"));
    assert_eq!(counted(&metrics, "dropped"), 5);
}

#[tokio::test]
async fn nobody_at_home_is_given_up_without_a_word_of_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let metrics = Metrics::new("engine");
    let (notifier, delivery) = delivery(&format!("http://{address}/s3cret"), &metrics);
    assert!(!format!("{notifier:?}").contains("s3cret"));
    notifier.tell(notification("x"));
    drop(notifier);
    delivery.run().await;
    assert_eq!(counted(&metrics, "failed"), 1);
}

#[test]
fn a_long_text_is_cut() {
    let json = notification(&"ä".repeat(10_000)).json("engine-1");
    let body: serde_json::Value = serde_json::from_slice(&json).expect("it is JSON");
    assert_eq!(body["message"].as_str().map(|text| text.chars().count()), Some(WORDS_CHARS_MAX));
}
