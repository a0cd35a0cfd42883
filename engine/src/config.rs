//! The configuration of the services: one TOML file for all of them, with the environment before it.
//!
//! ```text
//!   file ──► sections: each value with its place ──► parts: what it means, all of it checked
//!   environment ──┘                              └──► faults: every one, with its place
//! ```
//!
//! [`KEYS`] is every key; `engine/docs/configuration.md` explains them. A secret stands in a file of its own or in the
//! environment, never in this file, and nothing here shows one.

mod accounts;
mod environment;
mod fault;
mod keys;
mod parts;
mod read;
mod secret;
mod section;

pub use environment::Environment;
pub use fault::{ConfigError, Fault, Place};
pub use keys::{Absent, KEYS, Key, Kind};
pub use parts::{
    Account, AccountName, Engine, Exchange, ExchangeNetwork, MarketData, Mode, NotAnAccountName, ProcessName, Services,
};
pub use secret::{
    Database, KeyError, KeySource, NotADatabase, NotAWebhook, PostgresUrl, SECRET_FILE_BYTES_MAX, SecretFileError, SecretText,
    WebhookUrl,
};
pub use section::FAULTS_MAX;

use crate::bus::BusUrl;
use std::path::{Path, PathBuf};

/// Largest file.
pub const CONFIG_FILE_BYTES_MAX: u64 = 4 << 20;
/// Most accounts of one engine.
pub const ACCOUNTS_MAX: usize = 1_000;
/// Most strategies of one account.
pub const ACCOUNT_STRATEGIES_MAX: usize = 1_000;

/// What the file and the environment say, checked. `S` is what the reader is: a service, or [`Services`] for who only looks.
#[derive(Debug, Clone)]
pub struct Config<S> {
    /// The file.
    pub file: PathBuf,
    /// Where the bus is.
    pub bus: BusUrl,
    /// Where the exchange is.
    pub exchange: Exchange,
    /// The reader's own part.
    pub service: S,
    /// What is odd, and does no harm by itself: a key that others can read.
    pub warnings: Vec<String>,
}

impl Config<Services> {
    /// Reads all of it, for who wants to know whether it is right. Whatever it names is looked at.
    ///
    /// # Errors
    /// Where the file cannot be read, or anything is wrong with it.
    pub fn read(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        read::read(path, environment, read::Reader::Anybody)
    }
}

impl Config<MarketData> {
    /// Reads it for the market data service, which has no business with the engine's keys: files that only the engine opens are
    /// not looked at.
    ///
    /// # Errors
    /// Where the file cannot be read, or anything is wrong with it.
    pub fn read_for_market_data(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        Ok(read::read(path, environment, read::Reader::MarketData)?.narrow(|services| services.market_data))
    }
}

impl Config<Engine> {
    /// Reads it for the engine.
    ///
    /// # Errors
    /// Where the file cannot be read, or anything is wrong with it.
    pub fn read_for_engine(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        Ok(read::read(path, environment, read::Reader::Engine)?.narrow(|services| services.engine))
    }
}

impl Config<Services> {
    /// The part of one service.
    fn narrow<S>(self, service: impl FnOnce(Services) -> Option<S>) -> Config<S> {
        let Self { file, bus, exchange, service: services, warnings } = self;
        let service = service(services).expect("a file without the reader's table is refused");
        Config { file, bus, exchange, service, warnings }
    }
}

#[cfg(test)]
mod tests;
