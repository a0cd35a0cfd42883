//! The connector: settings, start and stop. What runs in between is the driver.

use super::account::{AccountDesk, Actions, Signer};
use super::ask::Asker;
use super::budget::Egress;
use super::driver::{Driver, Parts};
use super::market::{MarketDesk, NoFeed};
use super::order::Planner;
use super::protocol::{Address, MESSAGE_BYTES_MAX};
use super::questions::{Account, OpenError, OpenedAccount, listed, open_account, open_market};
use super::sign::{Network, Nonces, SecretKey};
use crate::ambient::Ambient;
use crate::connector::{CannotStart, Connector, EVENTS_MAX, Event, Health, NotTaken, Opened, REQUESTS_MAX, Request};
use crate::net::{Dial, Dialer, Endpoint, NotAnEndpoint, Rest, Target};
use async_trait::async_trait;
use calypte_kernel::{Decimal, Feed, SeriesInfo, Symbol, Timestamp};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Path of the WebSocket.
const SOCKET_PATH: &str = "/ws";

/// Where the exchange is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSettings {
    /// Which network is signed for.
    pub network: Network,
    /// Where it is served; none: where the network is.
    pub endpoint: Option<Endpoint>,
    /// Which of our addresses to leave through; none: whichever the system chooses.
    pub from: Option<IpAddr>,
}

impl NetworkSettings {
    /// Where it is served.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone().unwrap_or_else(|| {
            let known = match self.network {
                Network::Mainnet => "https://api.hyperliquid.xyz",
                Network::Testnet => "https://api.hyperliquid-testnet.xyz",
            };
            known.parse().expect("it is an endpoint, which a test holds")
        })
    }

    /// Connections there.
    ///
    /// # Errors
    /// Where the endpoint's name cannot be in a certificate.
    pub fn wires(&self) -> Result<Wires, NotAnEndpoint> {
        let endpoint = self.endpoint();
        let authority = endpoint.authority();
        let dial: Arc<dyn Dial> = Arc::new(Dialer::new(endpoint, self.from)?);
        Ok(Wires { requests: Arc::clone(&dial), sockets: dial, authority })
    }
}

/// How connections are made.
#[derive(Clone)]
pub struct Wires {
    /// For requests.
    pub requests: Arc<dyn Dial>,
    /// For sockets.
    pub sockets: Arc<dyn Dial>,
    /// Host and port, as requests name them.
    pub authority: String,
}

/// The account to trade for.
#[derive(Debug)]
pub struct AccountSettings {
    /// Its address: never an agent's.
    pub user: Address,
    /// The key that signs: an agent's, or its own.
    pub key: SecretKey,
    /// The file that holds the mark of its nonces.
    pub nonces: PathBuf,
    /// When the last fill that the core knows happened; none: it knows none.
    pub fills_known: Option<Timestamp>,
}

/// What is connected.
#[derive(Debug)]
pub struct Settings {
    /// Which network is signed for.
    pub network: Network,
    /// What is traded, in the order of its numbers.
    pub symbols: Vec<Symbol>,
    /// Series of candles that may be wanted.
    pub series: Vec<SeriesInfo>,
    /// The account; none: market data only.
    pub account: Option<AccountSettings>,
    /// How far from the reference a market order may fill, as a fraction.
    pub slippage: Decimal,
}

/// The connector.
pub struct Hyperliquid {
    settings: Option<Settings>,
    asker: Asker,
    target: Target,
    ambient: Arc<dyn Ambient>,
    running: Option<Running>,
}

struct Running {
    opened: Opened,
    requests: mpsc::Sender<Request>,
    events: mpsc::Receiver<Event>,
    health: watch::Receiver<Health>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

/// The names of everything that is traded there, in the exchange's order.
///
/// # Errors
/// Where the exchange cannot be reached or does not answer as it should.
pub async fn traded_symbols(
    wires: &Wires,
    egress: Arc<Mutex<Egress>>,
    ambient: Arc<dyn Ambient>,
) -> Result<Vec<Symbol>, CannotStart> {
    let rest = Rest::new(Arc::clone(&wires.requests), wires.authority.clone(), MESSAGE_BYTES_MAX);
    let asker = Asker::new(Arc::new(rest), egress, ambient);
    listed(&asker).await.map_err(|error| CannotStart::Unreachable(error.to_string()))
}

impl Hyperliquid {
    /// One that has not started. What leaves through one address of ours shares its `egress`.
    pub fn new(settings: Settings, wires: Wires, egress: Arc<Mutex<Egress>>, ambient: Arc<dyn Ambient>) -> Self {
        let rest = Rest::new(wires.requests, wires.authority.clone(), MESSAGE_BYTES_MAX);
        let asker = Asker::new(Arc::new(rest), egress, Arc::clone(&ambient));
        let target =
            Target { dial: wires.sockets, authority: wires.authority, path: SOCKET_PATH, message_bytes_max: MESSAGE_BYTES_MAX };
        Self { settings: Some(settings), asker, target, ambient, running: None }
    }

    async fn open(&self, settings: &Settings) -> Result<(super::assets::Assets, Option<OpenedAccount>), OpenError> {
        let assets = open_market(&self.asker, &settings.symbols).await?;
        let account = match &settings.account {
            Some(account) => {
                let account = Account { user: account.user, signer: account.key.address() };
                Some(open_account(&self.asker, account).await?)
            }
            None => None,
        };
        Ok((assets, account))
    }

    fn desk(
        &self,
        (network, slippage): (Network, Decimal),
        account: AccountSettings,
        nonces: Nonces,
        opened: &OpenedAccount,
    ) -> AccountDesk {
        let signer = Signer { key: account.key, nonces, network, vault: opened.vault };
        let mut actions = Actions::new(signer, Planner::new(slippage));
        if let Some(requests) = &opened.requests {
            actions.ledger.learn(requests, 0);
        }
        AccountDesk::new(account.user, opened.collateral, actions, self.ambient.now(), account.fills_known)
    }
}

/// Whether every series can be had, before anything is started.
fn check_series(settings: &Settings, assets: &super::assets::Assets, now: Timestamp) -> Result<(), NoFeed> {
    let mut desk = MarketDesk::new(settings.series.clone(), now);
    settings.series.iter().try_for_each(|series| desk.want(assets, Feed::Candles(series.id), None).map(drop))
}

#[async_trait]
impl Connector for Hyperliquid {
    async fn start(&mut self) -> Result<Opened, CannotStart> {
        if let Some(running) = &self.running {
            return if running.stop.is_some() { Ok(running.opened.clone()) } else { Err(CannotStart::Stopped) };
        }
        let settings = self.settings.as_ref().ok_or(CannotStart::Stopped)?;
        let (assets, account) = self.open(settings).await.map_err(|error| match error {
            OpenError::Ask(error) => CannotStart::Unreachable(error.to_string()),
            other => CannotStart::Refused(other.to_string()),
        })?;
        check_series(settings, &assets, self.ambient.now()).map_err(|error| CannotStart::Refused(error.to_string()))?;
        let nonces = settings.account.as_ref().map(|account| Nonces::open(&account.nonces)).transpose();
        let nonces = nonces.map_err(|error| CannotStart::Refused(error.to_string()))?;
        let Settings { network, series, account: whose, slippage, .. } = self.settings.take().ok_or(CannotStart::Stopped)?;
        let whose = whose.zip(account.as_ref()).zip(nonces);
        let desk = whose.map(|((whose, account), nonces)| self.desk((network, slippage), whose, nonces, account));
        let opened = Opened {
            instruments: assets.iter().map(|asset| asset.instrument.clone()).collect(),
            fees: account.as_ref().and_then(|account| account.fees),
            warnings: account.map(|account| account.warnings).unwrap_or_default(),
        };
        let (requests, asked) = mpsc::channel(REQUESTS_MAX);
        let (told, events) = mpsc::channel(EVENTS_MAX);
        let (said, health) = watch::channel(Health::default());
        let (stop, stopped) = oneshot::channel();
        let parts = Parts {
            ambient: Arc::clone(&self.ambient),
            asker: self.asker.clone(),
            target: self.target.clone(),
            assets,
            series,
            account: desk,
            requests: asked,
            events: told,
            health: said,
            stop: stopped,
        };
        let task = tokio::spawn(Driver::run(parts));
        let (stop, task) = (Some(stop), Some(task));
        self.running = Some(Running { opened: opened.clone(), requests, events, health, stop, task });
        Ok(opened)
    }

    async fn stop(&mut self) {
        self.settings = None;
        let Some(running) = &mut self.running else { return };
        drop(running.stop.take());
        if let Some(task) = running.task.take()
            && let Err(error) = task.await
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }

    fn request(&mut self, request: Request) -> Result<(), NotTaken> {
        let Some(running) = self.running.as_ref().filter(|running| running.stop.is_some()) else {
            return Err(NotTaken::NotRunning(Box::new(request)));
        };
        running.requests.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(request) => NotTaken::Full(Box::new(request)),
            mpsc::error::TrySendError::Closed(request) => NotTaken::NotRunning(Box::new(request)),
        })
    }

    async fn next(&mut self) -> Option<Event> {
        self.running.as_mut()?.events.recv().await
    }

    fn health(&self) -> Health {
        self.running.as_ref().map(|running| running.health.borrow().clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
