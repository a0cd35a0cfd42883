//! From the file's tables to the parts of a configuration.

use super::fault::{ConfigError, Place};
use super::parts::{Engine, Exchange, MarketData, ProcessName, Services};
use super::secret::{Database, SecretText, WebhookUrl};
use super::section::{Reading, Section};
use super::{ACCOUNTS_MAX, CONFIG_FILE_BYTES_MAX, Config, Environment, accounts};
use crate::bus::BusUrl;
use crate::live::HISTORY_MAX;
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use toml::de::DeTable;

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Who wants to know whether the file is right.
    Anybody,
    /// The market data service. It opens nothing that is the engine's.
    MarketData,
    /// The engine.
    Engine,
}

pub(super) fn read(path: &Path, environment: &Environment, reader: Reader) -> Result<Config<Services>, ConfigError> {
    let unreadable = |reason: String| ConfigError::Unreadable { path: path.to_owned(), reason };
    let file = std::path::absolute(path).map_err(|error| unreadable(error.to_string()))?;
    let mut text = String::new();
    let opened = File::open(&file).map_err(|error| unreadable(error.to_string()))?;
    opened.take(CONFIG_FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > CONFIG_FILE_BYTES_MAX {
        return Err(unreadable(format!("it is larger than {CONFIG_FILE_BYTES_MAX} bytes")));
    }
    let folder = file.parent().expect("an absolute path of a file that was opened has a folder");
    let reading = Reading::new(&text, folder, environment);
    let (document, errors) = DeTable::parse_recoverable(&text);
    for error in &errors {
        let place = error.span().map_or(Place::Nowhere, |span| Place::of(&text, &span));
        reading.fault(place, "", error.message());
    }
    // Half a document would only bring faults that are none.
    let parts = if errors.is_empty() { parts(&Section::root(&reading, document.get_ref()), reader) } else { None };
    let (faults, warnings) = reading.found();
    match parts {
        Some((bus, exchange, service)) if faults.is_empty() => Ok(Config { file, bus, exchange, service, warnings }),
        _ => Err(ConfigError::Faulty { path: path.to_owned(), faults }),
    }
}

fn parts(root: &Section<'_>, reader: Reader) -> Option<(BusUrl, Exchange, Services)> {
    let bus = bus(root);
    let exchange = exchange(&root.table("exchange"));
    let services = services(root, exchange.as_ref(), reader);
    Some((bus?, exchange?, services))
}

fn bus(root: &Section<'_>) -> Option<BusUrl> {
    let section = root.table("bus");
    match text_or_file(&section, "url", "url-file") {
        Given::Value(url) => Some(url),
        Given::Nothing => {
            section.fault_of_table("needs url or url-file, or the variable CALYPTE_BUS_URL");
            None
        }
        Given::Faulty => None,
    }
}

fn exchange(section: &Section<'_>) -> Option<Exchange> {
    let (network, url, from) = (section.get("network"), section.get("url"), section.get("from-ip"));
    Some(Exchange { network: network?, url, from })
}

fn services(root: &Section<'_>, exchange: Option<&Exchange>, reader: Reader) -> Services {
    let (market_data, engine) = (root.table("market-data"), root.table("engine"));
    for (section, own) in [(&market_data, Reader::MarketData), (&engine, Reader::Engine)] {
        if reader == own && !section.is_said() {
            section.fault_of_table("is missing: this service needs the table");
        }
    }
    if !market_data.is_said() && !engine.is_said() && reader == Reader::Anybody {
        root.reading().fault(Place::Nowhere, "", "there is neither [market-data] nor [engine]: nothing is to be run");
    }
    if !engine.is_said()
        && let Some(account) = root.tables("account", "account", ACCOUNTS_MAX).first()
    {
        account.fault_of_table("an account needs an [engine] that trades it");
    }
    let of_market_data = market_data.is_said().then(|| read_market_data(&market_data));
    let of_engine = engine.is_said().then(|| read_engine(root, &engine, exchange, reader));
    if let (Some(Some(one)), Some(Some(other))) = (&of_market_data, &of_engine) {
        if one.name == other.name {
            engine.fault("name", "the market data service has this name: no two processes share one");
        }
        if one.listen.is_some_and(|address| address.port() != 0 && Some(address) == other.listen) {
            engine.fault("listen", "the market data service listens there");
        }
    }
    // What is faulty is known by now.
    Services { market_data: of_market_data.flatten(), engine: of_engine.flatten() }
}

fn read_market_data(section: &Section<'_>) -> Option<MarketData> {
    let (name, listen) = (section.get::<ProcessName>("name"), listen(section));
    let history = section.number("history", HISTORY_MAX);
    Some(MarketData { name: name?, listen, history: history? })
}

fn read_engine(root: &Section<'_>, section: &Section<'_>, exchange: Option<&Exchange>, reader: Reader) -> Option<Engine> {
    let (name, listen, state) = (section.get::<ProcessName>("name"), listen(section), section.path("state"));
    if state.as_ref().is_some_and(|state| state.exists() && !state.is_dir()) {
        section.fault("state", "must be a folder, and a file has this name");
    }
    let (database, webhook) = if reader == Reader::MarketData { (None, None) } else { (database(section), webhook(section)) };
    let accounts = accounts::read(root, section, exchange.map(|exchange| exchange.network), reader);
    Some(Engine { name: name?, state: state?, listen, database, webhook, accounts })
}

/// Who shows metrics shows them to this machine alone: the page asks nobody who he is.
fn listen(section: &Section<'_>) -> Option<SocketAddr> {
    let address: SocketAddr = section.get("listen")?;
    if !address.ip().is_loopback() {
        section.fault(
            "listen",
            "must be an address of the loopback, such as 127.0.0.1:9101: put a proxy before it that asks who it is",
        );
    }
    Some(address)
}

fn database(section: &Section<'_>) -> Option<Database> {
    match text_or_file(section, "database", "database-file") {
        Given::Value(Database::Sqlite(file)) => Some(Database::Sqlite(section.reading().folder().join(file))),
        Given::Value(server) => Some(server),
        Given::Nothing | Given::Faulty => None,
    }
}

fn webhook(section: &Section<'_>) -> Option<WebhookUrl> {
    const VARIABLE: &str = "CALYPTE_WEBHOOK_URL";
    let reading = section.reading();
    if let Some(text) = reading.environment.get(VARIABLE) {
        let parsed = text.parse().map_err(|error| {
            reading.fault(Place::Variable(VARIABLE.to_owned()), &section.path_of("webhook-file"), error);
        });
        return parsed.ok();
    }
    from_file(section, "webhook-file")
}

/// What a pair of keys gives of which one holds a value and the other names the file that holds it.
enum Given<T> {
    Value(T),
    Nothing,
    /// It is known by now.
    Faulty,
}

fn text_or_file<T: FromStr<Err: std::fmt::Display>>(section: &Section<'_>, name: &'static str, file: &'static str) -> Given<T> {
    let said = |value: Option<T>| value.map_or(Given::Faulty, Given::Value);
    match (section.has(name), section.has(file)) {
        (true, true) if !section.has_variable(name) => {
            section.fault(file, format!("{} says the same: leave one of them out", section.path_of(name)));
            Given::Faulty
        }
        (true, _) => said(section.get(name)),
        (false, true) => said(from_file(section, file)),
        (false, false) => Given::Nothing,
    }
}

/// The value that a file holds which a key names. Its words are not repeated: they may be a secret.
fn from_file<T: FromStr<Err: std::fmt::Display>>(section: &Section<'_>, name: &'static str) -> Option<T> {
    let path = section.path(name)?;
    let held = SecretText::read(&path).map_err(|error| section.fault(name, error)).ok()?;
    if held.is_exposed {
        section.reading().warn(format!("{} can be read by others than its owner: chmod 600 it", path.display()));
    }
    held.text().parse().map_err(|error| section.fault(name, format!("in that file: {error}"))).ok()
}
