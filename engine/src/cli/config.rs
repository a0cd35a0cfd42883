//! `calypte config check`: what a configuration means, or everything that is wrong with it.

use super::exit::ExitStatus;
use super::output::Output;
use crate::config::{Account, Config, ConfigError, Engine, Environment, Fault, MarketData, Mode, Place, Services};
use crate::report::escape_terminal;
use clap::{Args, Subcommand};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Checks the configuration of the services.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  calypte config check calypte.toml\n\n\
    Ends with 0, with 3 where anything is wrong with the file; all exit codes are in engine/docs/cli.md.")]
pub(super) enum ConfigCommand {
    Check(CheckArgs),
}

/// Says what a configuration means, with the environment before it, or everything that is wrong with it, each with its place.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte config check calypte.toml")]
pub(super) struct CheckArgs {
    /// The configuration.
    file: PathBuf,
}

#[derive(Serialize)]
struct CheckRecord {
    file: String,
    usable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    means: Option<MeaningRecord>,
    warnings: Vec<String>,
    faults: Vec<FaultRecord>,
}

#[derive(Serialize)]
struct FaultRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variable: Option<String>,
    key: String,
    message: String,
    #[serde(skip)]
    words: String,
}

/// What it means, without a secret in it.
#[derive(Serialize)]
struct MeaningRecord {
    bus: String,
    network: String,
    exchange: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    market_data: Option<MarketDataRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<EngineRecord>,
}

#[derive(Serialize)]
struct MarketDataRecord {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<String>,
    history: u32,
}

#[derive(Serialize)]
struct EngineRecord {
    name: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<String>,
    accounts: Vec<AccountRecord>,
}

#[derive(Serialize)]
struct AccountRecord {
    name: String,
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    symbols: Vec<String>,
    timeframes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<String>,
    history: u32,
    strategies: Vec<StrategyRecord>,
}

#[derive(Serialize)]
struct StrategyRecord {
    name: String,
    component: String,
    parameters: Vec<(String, String)>,
}

pub(super) fn run(command: &ConfigCommand, output: Output) -> anyhow::Result<ExitStatus> {
    let ConfigCommand::Check(args) = command;
    let record = match Config::read(&args.file, &Environment::of_process()) {
        Ok(config) => CheckRecord::of(config),
        Err(ConfigError::Faulty { path, faults }) => CheckRecord::faulty(&path, &faults),
        Err(error @ ConfigError::Unreadable { .. }) => return Err(error.into()),
    };
    output.answer(&record, || record.words())?;
    Ok(if record.usable { ExitStatus::Ok } else { ExitStatus::BadInput })
}

impl CheckRecord {
    fn of(config: Config<Services>) -> Self {
        let Config { file, bus, exchange, service, warnings } = config;
        let means = MeaningRecord {
            bus: bus.to_string(),
            network: exchange.network.to_string(),
            exchange: exchange.settings().endpoint().to_string(),
            from_ip: exchange.from.map(|ip| ip.to_string()),
            market_data: service.market_data.as_ref().map(MarketDataRecord::of),
            engine: service.engine.as_ref().map(EngineRecord::of),
        };
        Self { file: file.display().to_string(), usable: true, means: Some(means), warnings, faults: Vec::new() }
    }

    fn faulty(file: &Path, faults: &[Fault]) -> Self {
        let faults = faults.iter().map(FaultRecord::of).collect();
        Self { file: file.display().to_string(), usable: false, means: None, warnings: Vec::new(), faults }
    }

    fn words(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| writeln!(text, "{name:<16}{value}").expect("text grows");
        let verdict = match self.faults.len() {
            0 => "it can be used".to_owned(),
            1 => "1 fault".to_owned(),
            count => format!("{count} faults"),
        };
        line("file", &format!("{}: {verdict}", self.file));
        if let Some(means) = &self.means {
            means.lines(&mut line);
        }
        self.warnings.iter().for_each(|words| line("warning", words));
        self.faults.iter().for_each(|fault| line("fault", &fault.words));
        escape_terminal(&text)
    }
}

impl FaultRecord {
    fn of(fault: &Fault) -> Self {
        let (line, column, variable) = match &fault.place {
            Place::Nowhere => (None, None, None),
            Place::File { line, column } => (Some(*line), Some(*column), None),
            Place::Variable(name) => (None, None, Some(name.clone())),
        };
        Self { line, column, variable, key: fault.key.clone(), message: fault.words.clone(), words: fault.to_string() }
    }
}

impl MeaningRecord {
    fn lines(&self, line: &mut impl FnMut(&str, &str)) {
        line("bus", &self.bus);
        let from = self.from_ip.as_ref().map_or_else(String::new, |ip| format!(", from {ip}"));
        line("exchange", &format!("{} at {}{from}", self.network, self.exchange));
        if let Some(service) = &self.market_data {
            line("market-data", &format!("{}{}, history {}", service.name, listens(service.listen.as_ref()), service.history));
        }
        let Some(engine) = &self.engine else { return };
        line("engine", &format!("{}{}, state in {}", engine.name, listens(engine.listen.as_ref()), engine.state));
        line("database", engine.database.as_deref().unwrap_or("none"));
        line("webhook", engine.webhook.as_deref().unwrap_or("none"));
        engine.accounts.iter().for_each(|account| account.lines(line));
    }
}

fn listens(address: Option<&String>) -> String {
    address.map_or_else(String::new, |address| format!(", listens on {address}"))
}

impl AccountRecord {
    fn lines(&self, line: &mut impl FnMut(&str, &str)) {
        let with = match (&self.cash, &self.address, &self.key) {
            (Some(cash), ..) => format!("with {cash}"),
            (None, Some(address), Some(key)) => format!("as {address}, signed by the key in {key}"),
            _ => String::new(),
        };
        line("account", &format!("{}: {} {with}", self.name, self.mode));
        line("  market", &format!("{} by {}, history {}", self.symbols.join(", "), self.timeframes.join(", "), self.history));
        line("  risk", self.risk.as_deref().unwrap_or("nothing declared"));
        for strategy in &self.strategies {
            let parameters = strategy.parameters.iter().map(|(name, value)| format!(" {name}={value}")).collect::<String>();
            line("  strategy", &format!("{}: {}{parameters}", strategy.name, strategy.component));
        }
    }

    fn of(account: &Account) -> Self {
        let (mode, cash, address, key) = match &account.mode {
            Mode::Paper { cash } => ("paper", Some(cash.to_string()), None, None),
            Mode::Live { address, key } => ("live", None, Some(address.to_string()), Some(key.to_string())),
        };
        let strategies = account.strategies.iter().map(|strategy| StrategyRecord {
            name: strategy.name.clone(),
            component: strategy.component.display().to_string(),
            parameters: strategy.parameters.clone(),
        });
        Self {
            name: account.name.to_string(),
            mode,
            cash,
            address,
            key,
            symbols: account.symbols.iter().map(ToString::to_string).collect(),
            timeframes: account.timeframes.iter().map(ToString::to_string).collect(),
            risk: account.risk.as_ref().map(|(file, _)| file.display().to_string()),
            history: account.history,
            strategies: strategies.collect(),
        }
    }
}

impl MarketDataRecord {
    fn of(service: &MarketData) -> Self {
        Self {
            name: service.name.to_string(),
            listen: service.listen.map(|address| address.to_string()),
            history: service.history,
        }
    }
}

impl EngineRecord {
    fn of(engine: &Engine) -> Self {
        Self {
            name: engine.name.to_string(),
            state: engine.state.display().to_string(),
            listen: engine.listen.map(|address| address.to_string()),
            database: engine.database.as_ref().map(ToString::to_string),
            webhook: engine.webhook.as_ref().map(ToString::to_string),
            accounts: engine.accounts.iter().map(AccountRecord::of).collect(),
        }
    }
}
