//! The user engine: accounts that trade on market data from the bus, each under a lease of its own.
//!
//! ```text
//!   bus ──► Hub ──► account ──► session (core, instances) ──► connector or paper
//!    ▲       │        └─ lease: two processes never trade one account; where it is lost, nothing more is sent
//!    └───────┴─ entries are acknowledged when every account they went to has them in its journal
//! ```
//!
//! A stream crosses the bus once, however many accounts listen. An account that starts, or starts again, is first brought what it
//! missed: its journal says up to where it knows each series.

mod account;
mod feeds;
mod history;
mod hub;
#[cfg(test)]
mod tests;

pub use account::{AccountEnd, AccountPlan, LiveAccount};
pub use history::BusHistory;
pub use hub::HubTally;

use crate::bus::{Bus, BusError, HolderName};
use crate::config::AccountName;
use crate::control::Control;
use crate::exchange::Exchange;
use crate::health::Vitals;
use crate::live::prepare::sandbox;
use crate::live::{Cores, Listener};
use crate::notify::Notifier;
use account::{Shared, run_account};
use calypte_kernel::{Instrument, StrategyId, Symbol};
use calypte_venues::ambient::Ambient;
use calypte_venues::connector::{CannotStart, Connector};
use hub::Hub;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// How often it is looked whether the engine is to end.
const LOOK: Duration = Duration::from_millis(100);
/// What an engine lacks whose accounts have no lease yet.
pub const READY_ACCOUNTS: &str = "accounts";
/// Lines to show that wait, a batch for each account's look.
const LINES_MAX: usize = 64;
/// Accounts whose strategies are loaded at once: fewer than uploads may be under way, so that an engine of many accounts does not
/// turn itself away.
const LOADING_MAX: usize = 8;

/// How an engine works.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Its name, which no other process has: that of its group, its consumer and its holder.
    pub name: HolderName,
    /// How long a lease of an account lasts unless it is renewed: what a dead engine traded is free after that.
    pub lease_life: Duration,
    /// After how long without any sign of life a feed is stale, in milliseconds.
    pub silence_ms: u64,
    /// How long history may take to come before strategies begin without it.
    pub history_wait: Duration,
}

impl EngineSettings {
    /// The usual ones.
    pub const fn new(name: HolderName) -> Self {
        Self { name, lease_life: Duration::from_secs(10), silence_ms: 30_000, history_wait: Duration::from_secs(20) }
    }
}

/// Why an engine cannot work.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The bus cannot be used until somebody changes something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// What is traded cannot be had.
    #[error("the exchange does not say what is traded")]
    Exchange(#[source] CannotStart),
    /// The sandbox cannot be made.
    #[error("{0:#}")]
    Sandbox(anyhow::Error),
}

/// Makes a listener of an account's session each time that it begins, for whoever watches besides the engine itself. The listener
/// is told on the account's own loop.
pub type WatchAccount = Arc<dyn Fn(&BeginningAccount<'_>) -> Box<dyn Listener> + Send + Sync>;

/// An account whose session is about to begin, for whoever watches it.
#[derive(Debug, Clone, Copy)]
pub struct BeginningAccount<'a> {
    /// Its name.
    pub account: &'a AccountName,
    /// What is traded, by number.
    pub instruments: &'a Arc<[Instrument]>,
    /// The names of its strategies.
    pub strategies: &'a BTreeMap<StrategyId, String>,
}

/// An engine.
pub struct UserEngine {
    bus: Arc<dyn Bus>,
    exchange: Exchange,
    ambient: Arc<dyn Ambient>,
    settings: EngineSettings,
    vitals: Vitals,
    notifier: Notifier,
    tally: Arc<HubTally>,
    watched: Option<WatchAccount>,
}

impl UserEngine {
    /// One that has not begun.
    pub fn new(
        bus: Arc<dyn Bus>,
        exchange: Exchange,
        ambient: Arc<dyn Ambient>,
        settings: EngineSettings,
        (vitals, notifier): (Vitals, Notifier),
    ) -> Self {
        Self { bus, exchange, ambient, settings, vitals, notifier, tally: Arc::default(), watched: None }
    }

    /// One whose accounts somebody watches.
    #[must_use]
    pub fn watched_by(self, watched: WatchAccount) -> Self {
        Self { watched: Some(watched), ..self }
    }

    /// What it read so far, for whoever watches.
    pub fn tally(&self) -> Arc<HubTally> {
        Arc::clone(&self.tally)
    }

    /// Trades all accounts until it is told to stop; gives how each ended, in the order of the plans. `show` gets what there is to
    /// show, now and then.
    ///
    /// # Errors
    /// Where nothing can be traded at all.
    pub async fn run(
        self,
        plans: Vec<AccountPlan>,
        control: &Control,
        mut show: impl FnMut(Vec<String>),
    ) -> Result<Vec<AccountEnd>, EngineError> {
        let strategies = plans.iter().map(|plan| plan.request.strategies.len()).sum();
        let uploads = sandbox(strategies).map_err(EngineError::Sandbox)?;
        let instruments = self.instruments(&plans).await?;
        let (bus, ambient, watched) = (Arc::clone(&self.bus), Arc::clone(&self.ambient), (self.tally(), self.vitals.clone()));
        let (hub, hub_commands) = Hub::new(bus, &self.settings, ambient, watched, self.notifier.clone());
        let mut hub = tokio::spawn(hub.run());
        let (stop, stopped) = watch::channel(false);
        let (lines, mut told) = mpsc::channel(LINES_MAX);
        let shared = Arc::new(Shared {
            bus: self.bus,
            exchange: self.exchange,
            ambient: self.ambient,
            settings: self.settings,
            vitals: self.vitals,
            notifier: self.notifier,
            watched: self.watched,
            uploads,
            loading: Semaphore::new(LOADING_MAX),
            cores: Cores::of_machine(),
            instruments,
            hub: hub_commands,
            lines,
        });
        let count = plans.len();
        let mut accounts = JoinSet::new();
        for (place, plan) in plans.into_iter().enumerate() {
            let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
            accounts.spawn(async move { (place, run_account(shared, place, plan, stopped).await) });
        }
        drop(shared);
        let mut ends: Vec<Option<AccountEnd>> = std::iter::repeat_with(|| None).take(count).collect();
        loop {
            tokio::select! {
                ended = accounts.join_next() => match ended {
                    Some(Ok((place, end))) => ends[place] = Some(end),
                    Some(Err(error)) => resume(error),
                    None => break,
                },
                Some(more) = told.recv() => show(more),
                ended = &mut hub => {
                    // It ends by itself only where the bus cannot be used any more: accounts end in order, on what they have.
                    stop.send_replace(true);
                    while let Some(ended) = accounts.join_next().await {
                        ended.map_or_else(resume, |(place, end)| ends[place] = Some(end));
                    }
                    ended.map_err(resume).unwrap_or(Ok(()))?;
                    return Ok(ends.into_iter().flatten().collect());
                }
                () = tokio::time::sleep(LOOK) => {
                    if control.is_cancelled() {
                        stop.send_replace(true);
                    }
                }
            }
        }
        // Nobody commands the hub any more: it gives back what it wanted, and ends.
        hub.await.map_err(resume).unwrap_or(Ok(()))?;
        Ok(ends.into_iter().flatten().collect())
    }

    /// The rules of everything that is traded, asked once for all accounts.
    async fn instruments(&self, plans: &[AccountPlan]) -> Result<Vec<Instrument>, EngineError> {
        let symbols: BTreeSet<Symbol> = plans.iter().flat_map(|plan| plan.request.symbols.iter().cloned()).collect();
        let mut connector = self.exchange.connector(symbols.into_iter().collect(), Vec::new(), None);
        let opened = connector.start().await.map_err(EngineError::Exchange)?;
        connector.stop().await;
        Ok(opened.instruments)
    }
}

/// A fault in a task is one of ours, and not to be carried on from.
fn resume(error: tokio::task::JoinError) {
    if let Ok(panic) = error.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
}
