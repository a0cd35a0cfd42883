//! `--risk FILE.toml`: limits, kill switches and protections, of the account and of its strategies.
//!
//! ```toml
//! [account]
//! notional_max = 50000
//! kill = [{ trigger = "drawdown", amount = "20%", action = "flatten" }]
//!
//! [strategy]                 # every strategy without a table of its own
//! rates = { orders = "10/1s" }
//!
//! [strategies.ema-atr]       # by the name it has in the run
//! order_notional_max = 1000
//!
//! [instruments.BTC]
//! notional_max = 20000
//! ```
//!
//! What each key means is in `engine/docs/risk.md`. What is not written is not limited.

mod wire;

use super::{RequestError, StrategyRequest};
use calypte_kernel::{
    AccountRisk, Instrument, InstrumentRisk, Netting, RestartPolicy, RiskSettingsError, StrategyRisk, Symbol,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use wire::{AccountWire, InstrumentWire, StrategyWire};

/// Largest file.
pub const RISK_FILE_BYTES_MAX: u64 = 1 << 20;
/// Most tables of strategies or of instruments.
pub const RISK_TABLES_MAX: usize = 1_000;

/// What a file declares about risk, each value checked. Written out, it reads as the file does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskFile {
    #[serde(default, skip_serializing_if = "is_default")]
    account: AccountWire,
    #[serde(default, skip_serializing_if = "is_default")]
    strategy: StrategyWire,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    strategies: BTreeMap<String, StrategyWire>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    instruments: BTreeMap<String, InstrumentWire>,
}

/// What a file has a table for without its being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger<'a> {
    /// A strategy.
    Strategy(&'a str),
    /// An instrument.
    Instrument(&'a str),
}

/// A file that declares nothing that could be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRisk {
    /// It cannot be read.
    #[error("{path:?} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is no such file: the place and what is wrong there.
    #[error("{path:?}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A value is out of range.
    #[error("{path:?}, in [{table}]: {cause}")]
    Range {
        /// The file.
        path: PathBuf,
        /// The table.
        table: String,
        /// What is wrong.
        cause: RiskSettingsError,
    },
}

impl FromStr for RiskFile {
    type Err = NotRisk;

    fn from_str(path: &str) -> Result<Self, NotRisk> {
        Self::read(Path::new(path))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl RiskFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read, is malformed, or declares what is out of range.
    pub fn read(path: &Path) -> Result<Self, NotRisk> {
        let unreadable = |reason: String| NotRisk::Unreadable { path: path.to_owned(), reason };
        let file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let mut text = String::new();
        file.take(RISK_FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| unreadable(error.to_string()))?;
        if text.len() as u64 > RISK_FILE_BYTES_MAX {
            return Err(unreadable(format!("it is larger than {RISK_FILE_BYTES_MAX} bytes")));
        }
        let malformed = |reason: String| NotRisk::Malformed { path: path.to_owned(), reason };
        let read: Self = toml::from_str(&text).map_err(|error| malformed(error.to_string().trim_end().to_owned()))?;
        let tables = read.strategies.len().max(read.instruments.len());
        if tables > RISK_TABLES_MAX {
            return Err(malformed(format!("{tables} tables of strategies or instruments: at most {RISK_TABLES_MAX}")));
        }
        read.check_ranges().map_err(|(table, cause)| NotRisk::Range { path: path.to_owned(), table, cause })?;
        Ok(read)
    }

    fn check_ranges(&self) -> Result<(), (String, RiskSettingsError)> {
        self.account.to_kernel().check(0).map_err(|cause| ("account".to_owned(), cause))?;
        self.strategy.to_kernel().check().map_err(|cause| ("strategy".to_owned(), cause))?;
        for (name, strategy) in &self.strategies {
            strategy.to_kernel().check().map_err(|cause| (format!("strategies.{name}"), cause))?;
        }
        for (symbol, declared) in &self.instruments {
            let alone = InstrumentRisk { instrument: calypte_kernel::InstrumentId::new(0), ..declared.to_kernel() };
            let account = AccountRisk { instruments: vec![alone], ..AccountRisk::NONE };
            account.check(1).map_err(|cause| (format!("instruments.{symbol}"), cause))?;
        }
        Ok(())
    }

    /// Whether every strategy and instrument it names is in the run.
    pub(super) fn check(&self, strategies: &[StrategyRequest], instruments: &[Instrument]) -> Result<(), RequestError> {
        let symbols = instruments.iter().map(|instrument| instrument.symbol.clone()).collect::<Vec<_>>();
        match self.stranger(strategies, &symbols) {
            Some(Stranger::Strategy(name)) => {
                let names: Vec<&str> = strategies.iter().map(|strategy| strategy.name.as_str()).collect();
                Err(RequestError::RiskOfNoStrategy { name: name.to_owned(), names: names.join(", ") })
            }
            Some(Stranger::Instrument(name)) => Err(RequestError::RiskOfNoInstrument { name: name.to_owned() }),
            None => Ok(()),
        }
    }

    /// The first that it has a table for, and that is not there.
    pub fn stranger(&self, strategies: &[StrategyRequest], symbols: &[Symbol]) -> Option<Stranger<'_>> {
        let runs = |name: &&String| strategies.iter().any(|strategy| strategy.name == **name);
        if let Some(name) = self.strategies.keys().find(|name| !runs(name)) {
            return Some(Stranger::Strategy(name));
        }
        let is_traded = |name: &&String| name.parse().is_ok_and(|wanted: Symbol| symbols.contains(&wanted));
        self.instruments.keys().find(|name| !is_traded(name)).map(|name| Stranger::Instrument(name))
    }

    /// What it declares for the account.
    pub fn account(&self, instruments: &[Instrument]) -> AccountRisk {
        let declared = instruments.iter().filter_map(|instrument| {
            let of = |(symbol, declared): (&String, &InstrumentWire)| {
                let same = symbol.parse::<Symbol>().is_ok_and(|symbol| symbol == instrument.symbol);
                same.then(|| InstrumentRisk { instrument: instrument.id, ..declared.to_kernel() })
            };
            self.instruments.iter().find_map(of)
        });
        AccountRisk { instruments: declared.collect(), ..self.account.to_kernel() }
    }

    /// What it declares for a strategy: its own table, else that of all.
    pub fn strategy(&self, name: &str) -> StrategyRisk {
        self.table_of(name).to_kernel()
    }

    /// What becomes of a strategy after a restart and after a fault.
    pub fn restart(&self, name: &str) -> RestartPolicy {
        self.table_of(name).restart()
    }

    /// Whether a strategy may trade instruments of its account that others trade too.
    pub fn shares(&self, name: &str) -> bool {
        self.table_of(name).shares
    }

    /// Whether strategies that share an instrument may hold opposite positions in it.
    pub fn netting(&self) -> Netting {
        self.account.netting()
    }

    /// Whether it limits what the trader holds over all accounts.
    pub fn limits_the_tenant(&self) -> bool {
        self.account(&[]).tenant_notional_max.is_some()
    }

    fn table_of(&self, name: &str) -> &StrategyWire {
        self.strategies.get(name).unwrap_or(&self.strategy)
    }
}

#[cfg(test)]
mod tests;
