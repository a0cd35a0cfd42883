//! Brings notifications to their webhook, one after the other, and tries again where it is not taken.

use super::{Notification, Notifier, Waiting};
use crate::config::WebhookUrl;
use crate::health::{Metrics, Outcome};
use calypte_venues::ambient::Ambient;
use calypte_venues::net::{Dialer, NotAnEndpoint, Rest};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Most notifications that wait.
pub const QUEUE_MAX: usize = 256;
/// Longest answer that is read.
const REPLY_BYTES_MAX: usize = 64 << 10;

/// How long and how often something is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often a notification is tried before it is given up.
    pub tries: u32,
    /// How long an answer may take.
    pub answer: Duration,
    /// How long is waited after the first failure; twice as long after each further one.
    pub pause: Duration,
    /// How long is waited at most.
    pub pause_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 7, answer: Duration::from_secs(10), pause: Duration::from_secs(1), pause_max: Duration::from_mins(1) }
    }
}

impl Patience {
    /// How long is waited after so many failures: half of it for certain, and a part of the other half by lot, so that not all
    /// who were turned away come again at once.
    fn pause_after(&self, failures: u32, chance: u32) -> Duration {
        let doubled = self.pause.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(16)));
        let half = doubled.min(self.pause_max) / 2;
        half + half.mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }
}

/// The end of the queue that a task of its own works off.
pub struct Delivery {
    waiting: Waiting,
    rest: Rest,
    webhook: WebhookUrl,
    /// Of whom the notifications are.
    service: String,
    patience: Patience,
    ambient: Arc<dyn Ambient>,
    metrics: Metrics,
}

/// What became of one try.
enum Tried {
    Taken,
    /// It will not be taken by asking again.
    Refused(String),
    /// It may be taken later.
    Failed(String),
}

impl Delivery {
    /// A queue to a webhook, and the task's part of it.
    ///
    /// # Errors
    /// Where the webhook's name cannot be in a certificate.
    pub fn new(
        webhook: WebhookUrl,
        service: &str,
        patience: Patience,
        ambient: Arc<dyn Ambient>,
        metrics: Metrics,
    ) -> Result<(Notifier, Self), NotAnEndpoint> {
        let dialer = Dialer::new(webhook.endpoint().clone(), None)?;
        let rest = Rest::new(Arc::new(dialer), webhook.endpoint().authority(), REPLY_BYTES_MAX);
        let (notifier, waiting) = Notifier::pair(metrics.clone());
        Ok((notifier, Self { waiting, rest, webhook, service: service.to_owned(), patience, ambient, metrics }))
    }

    /// Delivers until every [`Notifier`] is gone and nothing waits.
    pub async fn run(mut self) {
        while let Some(notification) = self.waiting.next().await {
            let outcome = self.deliver(&notification).await;
            self.metrics.notified(outcome);
        }
    }

    async fn deliver(&self, notification: &Notification) -> Outcome {
        let body = notification.json(&self.service);
        let (kind, host) = (notification.kind, &self.webhook);
        for failures in 1..=self.patience.tries {
            match self.try_once(&body).await {
                Tried::Taken => return Outcome::Sent,
                Tried::Refused(why) => {
                    tracing::warn!(kind, %host, why, "the webhook refuses a notification");
                    return Outcome::Failed;
                }
                Tried::Failed(why) if failures == self.patience.tries => {
                    tracing::warn!(kind, %host, why, tries = failures, "a notification is given up");
                }
                Tried::Failed(why) => {
                    tracing::debug!(kind, %host, why, tries = failures, "a notification was not taken");
                    sleep(self.patience.pause_after(failures, self.ambient.chance())).await;
                }
            }
        }
        Outcome::Failed
    }

    async fn try_once(&self, body: &[u8]) -> Tried {
        match self.rest.post(self.webhook.secret_path(), body.to_vec().into(), self.patience.answer).await {
            Ok(reply) if (200..300).contains(&reply.status) => Tried::Taken,
            Ok(reply) if reply.status == 408 || reply.status == 429 || reply.status >= 500 => {
                Tried::Failed(format!("status {}", reply.status))
            }
            Ok(reply) => Tried::Refused(format!("status {}", reply.status)),
            Err(error) => Tried::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_differ_by_lot() {
        let patience = Patience::default();
        let seconds = |failures, chance| patience.pause_after(failures, chance).as_millis();
        assert_eq!((seconds(1, 0), seconds(1, u32::MAX)), (500, 1_000));
        assert_eq!((seconds(4, 0), seconds(4, u32::MAX)), (4_000, 8_000));
        assert_eq!((seconds(40, 0), seconds(40, u32::MAX)), (30_000, 60_000));
        let between = seconds(3, u32::MAX / 2);
        assert!((2_999..=3_001).contains(&between), "{between}");
    }
}
