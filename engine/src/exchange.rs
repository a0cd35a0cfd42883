//! The exchange as a command or a configuration names it, and connectors to it.

use crate::config::{self, ExchangeNetwork};
use crate::market_data::{Market, OpenMarket, TIME_AHEAD_MS_MAX};
use async_trait::async_trait;
use calypte_kernel::{Decimal, SeriesInfo, Symbol};
use calypte_venues::acceptance::Scissors;
use calypte_venues::ambient::Ambient;
use calypte_venues::connector::{CannotStart, Connector};
use calypte_venues::hyperliquid::ask::Asker;
use calypte_venues::hyperliquid::budget::{Egress, EgressLimits};
use calypte_venues::hyperliquid::protocol::MESSAGE_BYTES_MAX;
use calypte_venues::hyperliquid::sign::Network;
use calypte_venues::hyperliquid::{AccountSettings, Hyperliquid, Settings, Wires, traded_symbols};
use calypte_venues::net::{Dial, NotAnEndpoint, Rest};
use std::sync::{Arc, Mutex};

/// How far from the reference a market order may fill, as a fraction: 5 %.
const SLIPPAGE: Decimal = Decimal::from_parts(5, 0, 0, false, 2);
/// How far a local exchange's time may run ahead of ours: it can be told to run faster.
const DEVNET_AHEAD_MS_MAX: u64 = 366 * 86_400_000;

/// How far ahead of our clock the time of a network may lie, in milliseconds.
pub const fn time_ahead_ms_max(network: ExchangeNetwork) -> u64 {
    match network {
        ExchangeNetwork::Devnet => DEVNET_AHEAD_MS_MAX,
        ExchangeNetwork::Testnet | ExchangeNetwork::Mainnet => TIME_AHEAD_MS_MAX,
    }
}

/// An exchange. What goes there from one process shares its budgets.
#[derive(Clone)]
pub struct Exchange {
    network: Network,
    wires: Wires,
    egress: Arc<Mutex<Egress>>,
    ambient: Arc<dyn Ambient>,
}

impl Exchange {
    /// The exchange at a place.
    ///
    /// # Errors
    /// Where the endpoint's name cannot be in a certificate.
    pub fn new(place: &config::Exchange, ambient: Arc<dyn Ambient>) -> Result<Self, NotAnEndpoint> {
        let settings = place.settings();
        let egress = Arc::new(Mutex::new(Egress::new(EgressLimits::default())));
        Ok(Self { network: settings.network, wires: settings.wires()?, egress, ambient })
    }

    /// A connector, not started: for an account, or for market data alone.
    pub fn connector(&self, symbols: Vec<Symbol>, series: Vec<SeriesInfo>, account: Option<AccountSettings>) -> Hyperliquid {
        let settings = Settings { network: self.network, symbols, series, account, slippage: SLIPPAGE };
        Hyperliquid::new(settings, self.wires.clone(), Arc::clone(&self.egress), Arc::clone(&self.ambient))
    }

    /// Asks it questions over REST, without a connector.
    pub fn asker(&self) -> Asker {
        let rest = Rest::new(Arc::clone(&self.wires.requests), self.wires.authority.clone(), MESSAGE_BYTES_MAX);
        Asker::new(Arc::new(rest), Arc::clone(&self.egress), Arc::clone(&self.ambient))
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        &self.wires.authority
    }

    /// The same exchange, with scissors for the sockets of connectors that are made of it.
    pub fn with_scissors(self) -> (Self, Scissors) {
        let (scissors, sockets) = Scissors::around(Arc::clone(&self.wires.sockets));
        (self.with_sockets(|_| sockets), scissors)
    }

    /// The same exchange, with another way to dial sockets, around the one there was.
    pub fn with_sockets(mut self, around: impl FnOnce(Arc<dyn Dial>) -> Arc<dyn Dial>) -> Self {
        self.wires.sockets = around(self.wires.sockets);
        self
    }
}

#[async_trait]
impl OpenMarket for Exchange {
    async fn open(&self) -> Result<(Box<dyn Connector>, Market), CannotStart> {
        let symbols = traded_symbols(&self.wires, Arc::clone(&self.egress), Arc::clone(&self.ambient)).await?;
        let market = Market::new(symbols);
        let connector = self.connector(market.symbols().to_vec(), market.series(), None);
        Ok((Box::new(connector), market))
    }
}
