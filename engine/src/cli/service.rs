//! What the services have in common: their configuration, their bus, and how they are told to end.

use super::exit::{Ends, ExitStatus};
use super::output::Output;
use crate::bus::{Bus, BusError, BusUrl, RedisBus, RedisSettings};
use crate::config::WebhookUrl;
use crate::control::Control;
use crate::health::Metrics;
use crate::notify::{Delivery, Notification, Notifier, Patience, Severity};
use calypte_venues::ambient::Ambient;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

/// How long is waited before a bus that does not answer is asked again at the start.
const AGAIN: Duration = Duration::from_secs(1);

/// How long signals after the first are the same one.
const ONCE: Duration = Duration::from_secs(1);

/// How long a service that ends waits until its webhook has what it is to be told.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Flags of every service.
#[derive(Debug, Args)]
pub(super) struct ServiceArgs {
    /// The file that says what it works with; `calypte config check` looks at it.
    #[arg(long, value_name = "FILE.toml")]
    pub(super) config: PathBuf,
}

/// Runs a service until SIGINT or SIGTERM tells it to end; the second ends the process.
pub(super) fn serve<T>(work: impl AsyncFnOnce(Arc<Control>) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let control = Arc::new(Control::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let told = Arc::clone(&control);
        let listening = tokio::spawn(async move {
            for press in 0.. {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if press > 0 {
                    std::process::exit(i32::from(ExitStatus::Cancelled as u8));
                }
                told.cancel();
                // Who signals a whole group may reach us twice.
                tokio::time::sleep(ONCE).await;
            }
        });
        let result = work(control).await;
        listening.abort();
        result
    })
}

/// Whoever brings notifications to the webhook, where there is one.
pub(super) struct Messenger {
    notifier: Notifier,
    delivery: Option<JoinHandle<()>>,
    ambient: Arc<dyn Ambient>,
}

impl Messenger {
    /// Of a service of this name.
    pub(super) fn start(
        webhook: Option<WebhookUrl>,
        service: &str,
        ambient: Arc<dyn Ambient>,
        metrics: Metrics,
    ) -> anyhow::Result<Self> {
        let Some(webhook) = webhook else {
            return Ok(Self { notifier: Notifier::silent(metrics), delivery: None, ambient });
        };
        let delivery = Delivery::new(webhook, service, Patience::default(), Arc::clone(&ambient), metrics);
        let (notifier, delivery) = delivery.ends(ExitStatus::BadInput)?;
        Ok(Self { notifier, delivery: Some(tokio::spawn(delivery.run())), ambient })
    }

    /// Takes notifications.
    pub(super) fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// Tells how the service ended, where that is a failure, and waits for a while until everything is told.
    pub(super) async fn finish<T>(self, ended: anyhow::Result<T>) -> anyhow::Result<T> {
        let Self { notifier, delivery, ambient } = self;
        if let Err(error) = &ended {
            let (time, severity, words) = (ambient.now(), Severity::Critical, format!("the service ends: {error:#}"));
            notifier.tell(Notification { time, severity, kind: "service-failed", account: None, strategy: None, words });
        }
        drop(notifier);
        if let Some(delivery) = delivery
            && tokio::time::timeout(LAST_WORDS, delivery).await.is_err()
        {
            tracing::warn!("the webhook does not take the last notifications: they are lost");
        }
        ended
    }
}

/// The bus of the configuration. One that does not answer yet is waited for: services start in any order.
pub(super) async fn bus(url: &BusUrl, control: &Control, output: Output) -> anyhow::Result<Option<Arc<dyn Bus>>> {
    let mut told = false;
    while !control.is_cancelled() {
        match RedisBus::connect(RedisSettings::new(url.clone())).await {
            Ok(bus) => return Ok(Some(Arc::new(bus))),
            Err(error) if error.may_pass() => {
                if !std::mem::replace(&mut told, true) {
                    output.remark(&format!("{}; waiting for it", words(&error)));
                }
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error).ends(ExitStatus::Environment).map_err(Into::into),
        }
    }
    Ok(None)
}

/// An error with its causes, in one line.
fn words(error: &BusError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
