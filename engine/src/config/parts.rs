//! What a configuration means, part by part.

use super::secret::{Database, KeySource, WebhookUrl};
use crate::bus::{ConsumerName, GroupName, HolderName, NotAName, ServiceName};
use crate::journal::Durability;
use crate::request::{LimitSettings, RiskFile, StrategyRequest};
use calypte_kernel::{Decimal, Symbol, Timeframe};
use calypte_venues::hyperliquid::NetworkSettings;
use calypte_venues::hyperliquid::protocol::Address;
use calypte_venues::hyperliquid::sign::Network;
use calypte_venues::net::Endpoint;
use clap::ValueEnum;
use serde::Serialize;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Longest name of an account: with what is put before it, it still is a name on the bus.
const ACCOUNT_NAME_BYTES_MAX: usize = 40;
/// Where a local exchange listens unless it is told otherwise.
const DEVNET: &str = "http://127.0.0.1:3001";

/// Which exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExchangeNetwork {
    /// The local exchange.
    Devnet,
    /// The exchange's test network.
    Testnet,
    /// Where money is money.
    Mainnet,
}

/// A text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be devnet, testnet or mainnet")]
pub struct NotANetwork;

impl FromStr for ExchangeNetwork {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        match text {
            "devnet" => Ok(Self::Devnet),
            "testnet" => Ok(Self::Testnet),
            "mainnet" => Ok(Self::Mainnet),
            _ => Err(NotANetwork),
        }
    }
}

impl fmt::Display for ExchangeNetwork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Devnet => "devnet",
            Self::Testnet => "testnet",
            Self::Mainnet => "mainnet",
        })
    }
}

/// Where the exchange is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Which one.
    pub network: ExchangeNetwork,
    /// Where it is served; none: where the network is.
    pub url: Option<Endpoint>,
    /// Which of our addresses to leave through; none: whichever the system chooses.
    pub from: Option<IpAddr>,
}

impl Exchange {
    /// As the connector takes it.
    pub fn settings(&self) -> NetworkSettings {
        let (network, own) = match self.network {
            ExchangeNetwork::Mainnet => (Network::Mainnet, None),
            ExchangeNetwork::Testnet => (Network::Testnet, None),
            ExchangeNetwork::Devnet => (Network::Testnet, Some(DEVNET.parse().expect("it is an endpoint, which a test holds"))),
        };
        NetworkSettings { network, endpoint: self.url.clone().or(own), from: self.from }
    }
}

/// The name of a process on the bus, in each of its roles there. No two processes share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessName {
    /// As a service that says that it is alive.
    pub service: ServiceName,
    /// As one who holds leases and wants streams.
    pub holder: HolderName,
    /// As a group of readers.
    pub group: GroupName,
    /// As the reader in that group.
    pub consumer: ConsumerName,
}

impl FromStr for ProcessName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        Ok(Self { service: text.parse()?, holder: text.parse()?, group: text.parse()?, consumer: text.parse()? })
    }
}

impl fmt::Display for ProcessName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.service.fmt(formatter)
    }
}

/// The services that the file describes.
#[derive(Debug, Clone)]
pub struct Services {
    /// The market data service.
    pub market_data: Option<MarketData>,
    /// The user engine.
    pub engine: Option<Engine>,
}

/// The market data service.
#[derive(Debug, Clone)]
pub struct MarketData {
    /// Its name.
    pub name: ProcessName,
    /// Where it shows metrics and health; none: nowhere.
    pub listen: Option<SocketAddr>,
    /// Candles of the past that a stream begins with.
    pub history: u32,
}

/// The user engine.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Its name.
    pub name: ProcessName,
    /// Folder of what survives the process.
    pub state: PathBuf,
    /// Where it shows metrics and health; none: nowhere.
    pub listen: Option<SocketAddr>,
    /// Where it records; none: nowhere.
    pub database: Option<Database>,
    /// Whom it tells of what went wrong; none: nobody.
    pub webhook: Option<WebhookUrl>,
    /// Accounts, at least one, each with a name of its own.
    pub accounts: Vec<Account>,
}

/// The name of an account. It can be part of a file's name and of a name on the bus.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

/// A text that cannot name an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be at most {ACCOUNT_NAME_BYTES_MAX} letters, digits, dots, dashes and underscores, a letter or digit first")]
pub struct NotAnAccountName;

impl FromStr for AccountName {
    type Err = NotAnAccountName;

    fn from_str(text: &str) -> Result<Self, NotAnAccountName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !begins || text.len() > ACCOUNT_NAME_BYTES_MAX || !text.bytes().all(allowed) {
            return Err(NotAnAccountName);
        }
        Ok(Self(text.to_owned()))
    }
}

impl AccountName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The variable that holds its key: `CALYPTE_KEY_` and the name in capitals, with `_` for whatever is neither letter nor
    /// digit.
    pub fn key_variable(&self) -> String {
        let letters =
            self.0.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' });
        format!("CALYPTE_KEY_{}", letters.collect::<String>())
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An account and what trades in it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name.
    pub name: AccountName,
    /// Whether orders are sent.
    pub mode: Mode,
    /// What is traded, the first choice first; each once.
    pub symbols: Vec<Symbol>,
    /// Lengths of candles, the first choice first; each once.
    pub timeframes: Vec<Timeframe>,
    /// The file of limits, kill switches and protections, and what it declares.
    pub risk: Option<(PathBuf, RiskFile)>,
    /// Limits of each strategy's sandbox that differ from the defaults.
    pub limits: LimitSettings,
    /// When an input of its journal is safe enough to be acted on.
    pub durability: Durability,
    /// Whose it is: accounts of one tenant share a limit; none: its own alone.
    pub tenant: Option<AccountName>,
    /// Candles of the past that strategies can ask for, of each series.
    pub history: u32,
    /// Strategies, at least one, each with a name of its own; the place of each is its deployment's number.
    pub strategies: Vec<StrategyRequest>,
}

/// How orders of an account are filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Simulated; nothing is sent.
    Paper {
        /// Money at the start, in the quote asset.
        cash: Decimal,
    },
    /// At the exchange.
    Live {
        /// The account's own address.
        address: Address,
        /// Where the key is that signs.
        key: KeySource,
    },
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paper { cash } => write!(formatter, "paper with {cash}"),
            Self::Live { address, .. } => write!(formatter, "live as {address}"),
        }
    }
}
