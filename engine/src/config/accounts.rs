//! The accounts of a configuration, and the strategies in them.

use super::parts::{Account, AccountName, ExchangeNetwork, Mode};
use super::read::Reader;
use super::secret::KeySource;
use super::section::{Reading, Section};
use super::{ACCOUNT_STRATEGIES_MAX, ACCOUNTS_MAX};
use crate::live::HISTORY_MAX;
use crate::request::parameters::check_name;
use crate::request::settings::CASH_MAX;
use crate::request::{
    LimitSettings, LimitSpec, RiskFile, SERIES_MAX, Stranger, StrategyRequest, check_strategy_name, parse_decimal,
    strategy_name,
};
use calypte_kernel::{Decimal, Symbol};
use calypte_venues::hyperliquid::protocol::Address;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// How an account is filled, as the file says it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ModeName {
    Paper,
    Live,
}

impl FromStr for ModeName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "paper" => Ok(Self::Paper),
            "live" => Ok(Self::Live),
            _ => Err("must be paper or live"),
        }
    }
}

/// An exact amount.
struct Cash(Decimal);

impl FromStr for Cash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let cash = parse_decimal(text).map_err(|error| error.to_string())?;
        let in_range = cash >= Decimal::ZERO && cash <= CASH_MAX;
        in_range.then_some(Self(cash)).ok_or_else(|| format!("must be from 0 to {CASH_MAX}"))
    }
}

/// What is known of the place of an account.
#[derive(Clone, Copy)]
struct Surroundings {
    /// None where it is faulty.
    network: Option<ExchangeNetwork>,
    /// Whether files that only the engine opens are looked at.
    opens_files: bool,
}

/// Reads the accounts of an engine. Those that are faulty are left out, and known.
pub(super) fn read(root: &Section<'_>, engine: &Section<'_>, network: Option<ExchangeNetwork>, reader: Reader) -> Vec<Account> {
    let sections = root.tables("account", "account", ACCOUNTS_MAX);
    if !root.has_table("account") {
        engine.fault_of_table("needs an account at least: write [[account]]");
    }
    let around = Surroundings { network, opens_files: reader != Reader::MarketData };
    let mut accounts: Vec<Account> = Vec::with_capacity(sections.len());
    for section in &sections {
        let Some(account) = read_account(section, around) else { continue };
        if accounts.iter().any(|other| other.name == account.name) {
            section.fault("name", format!("there is another account named {}", account.name));
        } else if accounts.iter().any(|other| other.name.key_variable() == account.name.key_variable()) {
            let words =
                format!("another account's key would be read from {}, too: choose another name", account.name.key_variable());
            section.fault("name", words);
        }
        let address = |mode: &Mode| if let Mode::Live { address, .. } = mode { Some(*address) } else { None };
        if let Some(mine) = address(&account.mode)
            && accounts.iter().any(|other| address(&other.mode) == Some(mine))
        {
            section.fault("address", "another account trades for this address");
        }
        let limits = account.risk.as_ref().is_some_and(|(_, risk)| risk.limits_the_tenant());
        if limits && sections.len() > 1 && !section.has("tenant") {
            let words =
                "is missing: the risk file has tenant_notional_max, which holds over all accounts of a trader; say whose it is";
            section.fault("tenant", words);
        }
        accounts.push(account);
    }
    accounts
}

fn read_account(section: &Section<'_>, around: Surroundings) -> Option<Account> {
    let name: Option<AccountName> = section.get("name");
    let symbols: Option<Vec<Symbol>> = section.list("symbols", SERIES_MAX);
    let timeframes = section.list("timeframes", SERIES_MAX);
    if symbols.as_ref().map_or(0, Vec::len) * timeframes.as_ref().map_or(0, Vec::len) > SERIES_MAX {
        section.fault("timeframes", format!("with its symbols these are more than {SERIES_MAX} series"));
    }
    let strategies = strategies(section, around);
    let risk = risk(section, &strategies, symbols.as_deref(), around);
    let mode = mode(section, name.as_ref(), around);
    let history = section.number("history", HISTORY_MAX);
    let tenant = if section.has("tenant") { Some(section.get("tenant")?) } else { None };
    let (limits, durability) = (limits(section), section.get("durability"));
    let (name, symbols, timeframes) = (name?, symbols?, timeframes?);
    Some(Account {
        name,
        mode: mode?,
        symbols,
        timeframes,
        risk,
        limits: limits?,
        durability: durability?,
        tenant,
        history: history?,
        strategies,
    })
}

fn mode(section: &Section<'_>, name: Option<&AccountName>, around: Surroundings) -> Option<Mode> {
    let (mode, cash) = (section.get::<ModeName>("mode"), section.get::<Cash>("cash"));
    let (address, is_meant) = (section.get::<Address>("address"), section.get::<bool>("real-money"));
    if mode? == ModeName::Paper {
        return cash.map(|Cash(cash)| Mode::Paper { cash });
    }
    if around.network == Some(ExchangeNetwork::Mainnet) {
        if is_meant == Some(false) {
            section.fault(
                "real-money",
                "orders on mainnet cost real money: write real-money = true if that is meant, or mode = \"paper\"",
            );
        }
        if !section.has("risk") {
            section.fault("risk", "is missing: live on mainnet needs limits");
        }
    }
    if !section.has("address") {
        section.fault("address", "is missing: live needs the address that holds the money");
    }
    let key = key(section, name?, around);
    Some(Mode::Live { address: address?, key: key? })
}

/// Where the key is. The variable counts before the file. That it is a key is checked here; then it is forgotten again.
fn key(section: &Section<'_>, name: &AccountName, around: Surroundings) -> Option<KeySource> {
    let variable = name.key_variable();
    let environment = section.reading().environment;
    let key = if environment.get(&variable).is_some() {
        KeySource::Variable(variable)
    } else if section.has("key-file") {
        KeySource::File(section.path("key-file")?)
    } else if around.opens_files {
        section
            .fault("key-file", format!("is missing: live needs a key to sign with, in a file or in the variable {variable}"));
        return None;
    } else {
        KeySource::Variable(variable)
    };
    if around.opens_files {
        let (_, is_exposed) =
            key.read(environment).map_err(|error| section.fault("key-file", format!("{key}: {error}"))).ok()?;
        if is_exposed {
            section.reading().warn(format!("{key} can be read by others than its owner: chmod 600 it"));
        }
    }
    Some(key)
}

fn risk(
    section: &Section<'_>,
    strategies: &[StrategyRequest],
    symbols: Option<&[Symbol]>,
    around: Surroundings,
) -> Option<(PathBuf, RiskFile)> {
    let path = section.path("risk").filter(|_| around.opens_files)?;
    let risk = RiskFile::read(&path).map_err(|error| section.fault("risk", error)).ok()?;
    match risk.stranger(strategies, symbols?) {
        Some(Stranger::Strategy(name)) => {
            section.fault("risk", format!("the file has a table for strategy {name:?}, which is not in this account"));
        }
        Some(Stranger::Instrument(name)) => {
            section.fault("risk", format!("the file has a table for instrument {name:?}, which is not among the symbols"));
        }
        None => {}
    }
    Some((path, risk))
}

/// The strategies of an account. Those that are faulty are left out, and known.
fn strategies(account: &Section<'_>, around: Surroundings) -> Vec<StrategyRequest> {
    let sections = account.tables("strategy", "account.strategy", ACCOUNT_STRATEGIES_MAX);
    if !account.has_table("strategy") {
        account.fault_of_table("needs a strategy at least: write [[account.strategy]]");
    }
    let mut strategies: Vec<StrategyRequest> = Vec::with_capacity(sections.len());
    for section in &sections {
        let Some(strategy) = strategy(section, around) else { continue };
        if strategies.iter().any(|other| other.name == strategy.name) {
            let words =
                format!("there is another strategy named {:?} in this account: give one of them another name", strategy.name);
            section.fault("name", words);
        }
        strategies.push(strategy);
    }
    strategies
}

fn strategy(section: &Section<'_>, around: Surroundings) -> Option<StrategyRequest> {
    let component = section.path("component");
    if let Some(path) = component.as_deref().filter(|_| around.opens_files) {
        check_component(section, path);
    }
    let name = if section.has("name") { section.get::<String>("name") } else { None };
    if let Some(fault) = name.as_deref().and_then(|name| check_strategy_name(name).err()) {
        section.fault("name", format!("cannot name a strategy: {fault}"));
    }
    let parameters = parameters(section);
    let component = component?;
    let name = match name {
        Some(name) => name,
        None => strategy_name(&component).map_err(|error| section.fault("component", error)).ok()?,
    };
    Some(StrategyRequest { name, component, parameters: parameters? })
}

fn check_component(section: &Section<'_>, path: &Path) {
    match std::fs::metadata(path) {
        Ok(file) if file.is_file() => {}
        Ok(_) => section.fault("component", format!("{} is no file", path.display())),
        Err(error) => section.fault("component", format!("{}: {error}", path.display())),
    }
}

fn limits(section: &Section<'_>) -> Option<LimitSettings> {
    let path = section.path_of("limits");
    let mut limits = Vec::new();
    for (name, text, span) in section.values("limits")? {
        let limit = LimitSpec::new(&name, &text);
        limits.push(limit.map_err(|error| section.reading().fault_at(&span, &path, error)).ok()?);
    }
    Some(limits.into_iter().collect())
}

fn parameters(section: &Section<'_>) -> Option<Vec<(String, String)>> {
    let values = section.values("parameters")?;
    let reading: &Reading<'_> = section.reading();
    let path = section.path_of("parameters");
    let mut parameters = Vec::with_capacity(values.len());
    for (name, text, span) in values {
        check_name(&name).map_err(|error| reading.fault_at(&span, &path, error)).ok()?;
        parameters.push((name, text));
    }
    Some(parameters)
}
