//! The lease of an account: one process at a time trades it.

use super::{Desk, PAUSE_MAX, PAUSE_MIN};
use crate::bus::{Acquired, Bus, BusError, Lease, LeaseName};
use crate::health::logs::Causes;
use crate::live::Fence;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The lease is renewed so many times within its life.
const RENEWALS: u32 = 3;

impl Desk {
    /// The account's lease, once it is ours.
    pub(super) async fn lease(&self) -> Result<Lease, BusError> {
        let name: LeaseName = format!("account.{}", self.plan.name).parse().expect("names of accounts leave room for it");
        let (bus, settings) = (&self.shared.bus, &self.shared.settings);
        let mut told = false;
        let mut pause = PAUSE_MIN;
        loop {
            match bus.acquire(&name, &settings.name, settings.lease_life).await {
                Ok(Acquired::Ours(lease)) => return Ok(lease),
                Ok(Acquired::Taken { holder, remaining }) => {
                    if !std::mem::replace(&mut told, true) {
                        self.say(&format!("{holder} trades it: waiting until its lease ends")).await;
                    }
                    tokio::time::sleep(remaining.clamp(PAUSE_MIN, PAUSE_MAX)).await;
                }
                Err(error) if error.may_pass() => {
                    tracing::warn!(error = %Causes(&error), account = %self.plan.name, "the lease cannot be asked for");
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(PAUSE_MAX);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives the lease back, so that nobody waits for its end.
    pub(super) async fn give_back(&self, lease: &Lease) {
        if let Err(error) = self.shared.bus.release(lease).await {
            tracing::info!(error = %Causes(&error), account = %self.plan.name, "the lease was not given back: it runs out by itself");
        }
    }
}

/// Renews a lease as long as it is ours.
pub(super) async fn keep(bus: &Arc<dyn Bus>, lease: &mut Lease, life: Duration, fence: &Fence) {
    while renewal(bus, lease, life, fence).await {}
}

/// Renews a lease when it is time to; whether it is still ours.
async fn renewal(bus: &Arc<dyn Bus>, lease: &mut Lease, life: Duration, fence: &Fence) -> bool {
    let late = life.saturating_sub(life / RENEWALS);
    let due = lease.valid_until().checked_sub(late).unwrap_or_else(Instant::now);
    tokio::time::sleep_until(due).await;
    match bus.renew(lease, life).await {
        Ok(()) => fence.extend(lease.valid_until()),
        Err(error) if error.may_pass() => {
            tracing::warn!(error = %Causes(&error), lease = %lease.name(), "a lease is not renewed");
            tokio::time::sleep(PAUSE_MIN).await;
        }
        Err(error) => {
            tracing::error!(error = %Causes(&error), "the account may be traded by another process");
            return false;
        }
    }
    fence.holds()
}
