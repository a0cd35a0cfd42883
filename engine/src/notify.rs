//! Notifications: what a trader or an operator should know now, told to a webhook.
//!
//! ```text
//!   sessions, services ──► Notifier ──► a bounded queue ──► Delivery ──► POST, again and again for a while
//! ```
//!
//! Whoever tells never waits: where too many notifications wait, new ones are dropped and counted. The address may be known to
//! nobody but the one who is told, so no log, error or metric shows more of it than the host.

mod delivery;
mod watcher;

pub use delivery::{Delivery, Patience, QUEUE_MAX};
pub use watcher::Watcher;

use crate::calendar::format_time;
use crate::health::{Metrics, Outcome, Queue};
use calypte_kernel::Timestamp;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Longest text of a notification.
const WORDS_CHARS_MAX: usize = 2_000;

/// How urgent a notification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For the record.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody must act.
    Critical,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// When it happened.
    pub time: Timestamp,
    /// How urgent it is.
    pub severity: Severity,
    /// What kind of thing it is: a stable name, lower case with hyphens.
    pub kind: &'static str,
    /// Whose account; none: the service's own.
    pub account: Option<String>,
    /// Which strategy.
    pub strategy: Option<String>,
    /// In words.
    pub words: String,
}

/// A notification as the webhook gets it.
#[derive(Serialize)]
struct NotificationRecord<'a> {
    version: u32,
    service: &'a str,
    time: String,
    severity: Severity,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy: Option<&'a str>,
    message: &'a str,
    /// The same in one line, under the name by which chat services know what to show.
    text: String,
}

impl Notification {
    fn json(&self, service: &str) -> Vec<u8> {
        let message = self.words.chars().take(WORDS_CHARS_MAX).collect::<String>();
        let of = [self.account.as_deref(), self.strategy.as_deref()].into_iter().flatten().map(|name| format!("{name}: "));
        let text = format!("[{service}] {}{message}", of.collect::<String>());
        let record = NotificationRecord {
            version: 1,
            service,
            time: format_time(self.time),
            severity: self.severity,
            kind: self.kind,
            account: self.account.as_deref(),
            strategy: self.strategy.as_deref(),
            message: &message,
            text,
        };
        serde_json::to_vec(&record).expect("records have text keys")
    }
}

/// Takes notifications. Clones share one queue. Without a webhook, they go nowhere.
#[derive(Debug, Clone)]
pub struct Notifier {
    queue: Option<(mpsc::Sender<Notification>, Arc<Queue>)>,
    metrics: Metrics,
}

/// Where notifications come out again.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) queue: mpsc::Receiver<Notification>,
    depth: Arc<Queue>,
}

impl Waiting {
    /// The next one; none when every [`Notifier`] is gone.
    async fn next(&mut self) -> Option<Notification> {
        let notification = self.queue.recv().await;
        self.depth.depth(self.queue.len());
        notification
    }
}

impl Notifier {
    /// Of a service that tells nobody.
    pub const fn silent(metrics: Metrics) -> Self {
        Self { queue: None, metrics }
    }

    /// One whose notifications wait, and where they come out.
    pub(crate) fn pair(metrics: Metrics) -> (Self, Waiting) {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let depth = Arc::new(metrics.queue("notifications"));
        (Self { queue: Some((sender, Arc::clone(&depth))), metrics }, Waiting { queue, depth })
    }

    /// Tells something. Never waits.
    pub fn tell(&self, notification: Notification) {
        let Some((queue, depth)) = &self.queue else { return };
        if queue.try_send(notification).is_err() {
            self.metrics.notified(Outcome::Dropped);
        }
        depth.depth(queue.max_capacity() - queue.capacity());
    }
}

#[cfg(test)]
mod tests;
