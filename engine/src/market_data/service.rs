//! The market data service: hears the exchange and writes what was asked for to the bus, each entry once.
//!
//! Several may run: one holds the lease and publishes, the others stand by. Whoever takes over reads off the streams where they
//! end and goes on there: nothing is written twice, candles that nobody heard are asked for, and of all else a gap is said.

mod lead;
use super::Market;
use crate::bus::{Acquired, Bus, BusError, HolderName, Lease, LeaseName, ServiceName};
use crate::control::Control;
use crate::health::logs::Causes;
use crate::health::{BUS, Peer, Vitals, Watched};
use async_trait::async_trait;
use calypte_venues::ambient::Ambient;
use calypte_venues::connector::{CannotStart, Connector};
use lead::{Lead, Left};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The lease under which market data of an exchange is published.
const LEASE: &str = "market-data";
/// What a service lacks that neither publishes nor stands by.
pub const READY_LEASE: &str = "lease";
/// How long is waited after something failed that may pass; doubled each time.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// Longest wait between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Opens what there is to hear.
#[async_trait]
pub trait OpenMarket: Send + Sync {
    /// A connector without an account, not started, of everything that is traded.
    ///
    /// # Errors
    /// Where the exchange does not say what is traded, or cannot be used.
    async fn open(&self) -> Result<(Box<dyn Connector>, Market), CannotStart>;
}

/// How a service works.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// Its name, which no other process has.
    pub name: HolderName,
    /// Candles that are brought when a stream begins.
    pub history: u32,
    /// How long the lease lasts unless it is renewed: a service that died is replaced after that.
    pub lease_life: Duration,
    /// How often it is looked what is wanted.
    pub look: Duration,
    /// After how long without an entry a stream is said to live, in milliseconds.
    pub quiet_ms: u64,
    /// How far ahead of our clock an exchange's time may lie, in milliseconds.
    pub time_ahead_ms_max: u64,
}

impl ServiceSettings {
    /// The usual ones.
    pub const fn new(name: HolderName) -> Self {
        Self {
            name,
            history: 1_000,
            lease_life: Duration::from_secs(5),
            look: Duration::from_millis(250),
            quiet_ms: 1_000,
            time_ahead_ms_max: super::TIME_AHEAD_MS_MAX,
        }
    }
}

/// Why a service ended other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The bus cannot be used until somebody changes something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The exchange cannot be used until somebody changes something.
    #[error("market data cannot be had")]
    Exchange(#[source] CannotStart),
}

/// What a service did so far. Whoever watches reads it while it works.
#[derive(Debug, Default)]
pub struct ServiceTally {
    published: AtomicU64,
    streams: AtomicU64,
    terms: AtomicU64,
}

impl ServiceTally {
    /// Entries that are on the bus.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// Streams that are kept up now.
    pub fn streams(&self) -> u64 {
        self.streams.load(Ordering::Relaxed)
    }

    /// How often the lease was acquired.
    pub fn terms(&self) -> u64 {
        self.terms.load(Ordering::Relaxed)
    }
}

/// The service.
pub struct Service {
    bus: Arc<dyn Bus>,
    market: Box<dyn OpenMarket>,
    ambient: Arc<dyn Ambient>,
    settings: ServiceSettings,
    vitals: Vitals,
    /// Whether the bus answers.
    line: Peer,
    tally: Arc<ServiceTally>,
}

impl Service {
    /// One that has not begun.
    pub fn new(
        bus: Arc<dyn Bus>,
        market: Box<dyn OpenMarket>,
        ambient: Arc<dyn Ambient>,
        settings: ServiceSettings,
        vitals: Vitals,
    ) -> Self {
        let line = vitals.metrics.peer(BUS);
        Self { bus, market, ambient, settings, vitals, line, tally: Arc::default() }
    }

    /// What it did so far, for whoever watches.
    pub fn tally(&self) -> Arc<ServiceTally> {
        Arc::clone(&self.tally)
    }

    /// Stands by, publishes while it holds the lease, and ends when it is told to.
    ///
    /// # Errors
    /// Where no waiting helps.
    pub async fn run(self, control: &Control) -> Result<(), ServiceError> {
        let mut pause = Pause::default();
        while !control.is_cancelled() {
            self.vitals.pulse.turned(Instant::now());
            let Some(lease) = self.ours(&mut pause, control).await? else { continue };
            let held = self.vitals.metrics.lease(LEASE);
            held.held(true);
            tracing::info!(fence = lease.fence(), "market data is published from here");
            self.tally.terms.fetch_add(1, Ordering::Relaxed);
            let left = self.lead(lease, control).await;
            held.held(false);
            match left? {
                Left::Told => break,
                Left::LeaseLost => tracing::warn!("another publishes market data, or the bus lost the lease: standing by"),
                Left::Unreachable(why) => {
                    tracing::warn!(%why, "the exchange cannot be reached: another may try, and we do again");
                    pause.wait().await;
                }
            }
        }
        Ok(())
    }

    /// The lease, once it is ours; none: not yet.
    async fn ours(&self, pause: &mut Pause, control: &Control) -> Result<Option<Lease>, ServiceError> {
        let name: LeaseName = LEASE.parse().expect("it is a name");
        let acquired = self.bus.acquire(&name, &self.settings.name, self.settings.lease_life).await;
        self.heard_of_bus(&acquired);
        match acquired {
            Ok(Acquired::Ours(lease)) => {
                pause.reset();
                Ok(Some(lease))
            }
            Ok(Acquired::Taken { remaining, .. }) => {
                pause.reset();
                // Whoever stands by lives, and has nothing to publish.
                self.vitals.pulse.progressed(Instant::now());
                self.vitals.readiness.met(READY_LEASE);
                self.beat().await;
                let wait = remaining.clamp(PAUSE_MIN, self.settings.look);
                if !control.is_cancelled() {
                    tokio::time::sleep(wait).await;
                }
                Ok(None)
            }
            Err(error) if error.may_pass() => {
                tracing::warn!(error = %Causes(&error), "the bus does not answer");
                pause.wait().await;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Notes whether the bus answers.
    fn heard_of_bus<T>(&self, answer: &Result<T, BusError>) {
        match answer {
            Err(error) if error.may_pass() => self.line.lost(),
            // A refusal is an answer.
            _ => self.line.stands(true),
        }
    }

    async fn beat(&self) {
        let name: ServiceName = self.settings.name.as_str().parse().expect("both are names of the bus");
        if let Err(error) = self.bus.beat(&name).await {
            tracing::debug!(error = %Causes(&error), "a sign of life was not taken");
        }
    }

    async fn lead(&self, lease: Lease, control: &Control) -> Result<Left, ServiceError> {
        let (mut connector, market) = match self.opened().await {
            Ok(opened) => opened,
            Err(CannotStart::Unreachable(why)) => {
                self.give_back(&lease).await;
                return Ok(Left::Unreachable(why));
            }
            Err(refused) => {
                self.give_back(&lease).await;
                return Err(ServiceError::Exchange(refused));
            }
        };
        let mut lead = Lead::new(self, lease, market);
        let left = lead.publish(connector.as_mut(), control).await;
        connector.stop().await;
        self.tally.streams.store(0, Ordering::Relaxed);
        if !matches!(left, Ok(Left::LeaseLost)) {
            self.give_back(lead.lease()).await;
        }
        left
    }

    async fn opened(&self) -> Result<(Box<dyn Connector>, Market), CannotStart> {
        let (connector, market) = self.market.open().await?;
        let mut connector: Box<dyn Connector> = Box::new(Watched::new(connector, &self.vitals.metrics, None));
        let opened = connector.start().await?;
        for warning in opened.warnings {
            tracing::warn!(%warning, "the exchange warns");
        }
        Ok((connector, market))
    }

    async fn give_back(&self, lease: &Lease) {
        if let Err(error) = self.bus.release(lease).await {
            tracing::info!(error = %Causes(&error), "the lease was not given back: it runs out by itself");
        }
    }
}

/// Waits that grow.
#[derive(Debug)]
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(PAUSE_MIN)
    }
}

impl Pause {
    async fn wait(&mut self) {
        tokio::time::sleep(self.next()).await;
    }

    /// How long to wait now; longer the next time.
    fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = now.saturating_mul(2).min(PAUSE_MAX);
        now
    }

    fn reset(&mut self) {
        self.0 = PAUSE_MIN;
    }
}
