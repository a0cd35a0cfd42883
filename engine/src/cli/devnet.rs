//! `calypte devnet`: a local exchange that speaks Hyperliquid's protocol.

mod prices;

use super::exit::{Ends, ExitStatus, Failure};
use super::output::Output;
use super::run_flags::{PolicyFlags, ReadingFlags};
use calypte_devnet::exchange::{Prices, Settings};
use calypte_devnet::faults::{Fault, FaultFile};
use calypte_devnet::node::{NodeSettings, SPEED_MILLI_MAX};
use calypte_devnet::server::{Server, ServerError, ServerSettings, wall_clock};
use calypte_venues::hyperliquid::protocol::Address;
use clap::Args;
use prices::PricesArgument;
use rust_decimal::Decimal;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Largest file of faults, in bytes.
const FAULTS_BYTES_MAX: u64 = 1 << 20;

/// Serves a local exchange that speaks Hyperliquid's protocol, until it is interrupted.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  calypte devnet --account 0x14791697260e4c9a71f18484c9f997b308e59325=10000\n  \
                  calypte devnet --listen 127.0.0.1:0 --welcome 10000 --control 127.0.0.1:0 --json\n  \
                  calypte devnet --prices BTC:1m=btc.csv.gz --speed 60x --faults faults.toml")]
pub(super) struct DevnetArgs {
    /// Where clients find `/info`, `/exchange` and `/ws`; port 0: any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3001")]
    listen: SocketAddr,
    /// Where faults, deposits and time are ordered from behind, on the loopback only; port 0: any that is free.
    #[arg(long, value_name = "ADDRESS")]
    control: Option<SocketAddr>,
    /// Where prices come from: `walk`, by chance from the seed, or a candle file, once for each coin. A coin without one walks.
    #[arg(long, value_name = "walk|COIN:TIMEFRAME=FILE")]
    prices: Vec<PricesArgument>,
    #[command(flatten)]
    reading: ReadingFlags,
    #[command(flatten)]
    policies: PolicyFlags,
    /// How fast the market's time runs: 60x, 0.5x; 0 for one that only moves when the control port says so.
    #[arg(long, value_name = "TIMES", default_value = "1x")]
    speed: Speed,
    /// What goes wrong, and when: a TOML file.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Seed of whatever is left to chance.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// An account and its money. Give it once for each.
    #[arg(long, value_name = "ADDRESS=USDC")]
    account: Vec<Account>,
    /// What an address gets that signs without being an account; without it, such addresses are refused.
    #[arg(long, value_name = "USDC")]
    welcome: Option<Decimal>,
}

/// How fast the market's time runs, in thousandths.
#[derive(Debug, Clone, Copy)]
struct Speed(u64);

/// An account and its money.
#[derive(Debug, Clone, Copy)]
struct Account(Address, Decimal);

/// A text that is no speed or no account.
#[derive(Debug, thiserror::Error)]
enum NotAnArgument {
    #[error("write a number of times, such as 60x or 0.5x, from 0 to {}x", SPEED_MILLI_MAX / 1_000)]
    Speed,
    #[error("write ADDRESS=USDC, such as 0x14791697260e4c9a71f18484c9f997b308e59325=10000")]
    Account,
}

impl FromStr for Speed {
    type Err = NotAnArgument;

    fn from_str(text: &str) -> Result<Self, NotAnArgument> {
        let times: Decimal = text.strip_suffix('x').unwrap_or(text).parse().map_err(|_| NotAnArgument::Speed)?;
        let milli = times.checked_mul(Decimal::from(1_000)).filter(Decimal::is_integer).ok_or(NotAnArgument::Speed)?;
        let milli = u64::try_from(milli).map_err(|_| NotAnArgument::Speed)?;
        if milli > SPEED_MILLI_MAX { Err(NotAnArgument::Speed) } else { Ok(Self(milli)) }
    }
}

impl FromStr for Account {
    type Err = NotAnArgument;

    fn from_str(text: &str) -> Result<Self, NotAnArgument> {
        let (address, money) = text.split_once('=').ok_or(NotAnArgument::Account)?;
        let address = address.parse().map_err(|_| NotAnArgument::Account)?;
        Ok(Self(address, money.parse().map_err(|_| NotAnArgument::Account)?))
    }
}

/// Where it listens: the first line of what it prints.
#[derive(Serialize)]
struct ListeningRecord {
    /// Base of `/info` and `/exchange`.
    url: String,
    /// The socket.
    websocket: String,
    /// Base of the control port.
    control: Option<String>,
    /// What clients must believe to speak to when they sign.
    network: &'static str,
    /// What it trades.
    coins: Vec<String>,
    /// Accounts that have money.
    accounts: Vec<String>,
}

pub(super) fn run(args: &DevnetArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let settings = settings(args, output)?;
    let coins = settings.node.exchange.universe.iter().map(|coin| coin.name.clone()).collect();
    let network = settings.node.network.chain();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = interrupted().ends(ExitStatus::Environment)?;
        let server = Server::bind(settings).await.map_err(|error| Failure::of(status_of(&error), error))?;
        let (address, control) = (server.address()?, server.control_address()?);
        let record = ListeningRecord {
            url: format!("http://{address}"),
            websocket: format!("ws://{address}/ws"),
            control: control.map(|address| format!("http://{address}")),
            network,
            coins,
            accounts: args.account.iter().map(|Account(address, _)| address.to_string()).collect(),
        };
        output.first_line(&record, || words(&record))?;
        server.run(stop).await;
        output.remark("stopped");
        Ok(ExitStatus::Ok)
    })
}

fn words(record: &ListeningRecord) -> String {
    let control = record.control.as_ref().map(|url| format!(", control port {url}")).unwrap_or_default();
    format!("listening on {}, {}{control}; sign for {}", record.url, record.websocket, record.network)
}

const fn status_of(error: &ServerError) -> ExitStatus {
    match error {
        ServerError::Listen { .. } => ExitStatus::Environment,
        ServerError::ControlNotLoopback(_) | ServerError::Node(_) => ExitStatus::Usage,
    }
}

/// Ends with the first interrupt, from a terminal or from whoever manages processes.
fn interrupted() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn settings(args: &DevnetArgs, output: Output) -> Result<ServerSettings, Failure> {
    let mut exchange = Settings::new(args.seed, wall_clock());
    exchange.deposits = args.account.iter().map(|Account(address, money)| (*address, *money)).collect();
    exchange.prices = prices(args, &mut exchange, output)?;
    let mut node = NodeSettings::new(exchange);
    node.speed_milli = args.speed.0;
    node.welcome = args.welcome;
    node.faults = args.faults.as_deref().map(faults).transpose()?.unwrap_or_default();
    Ok(ServerSettings { listen: args.listen, control: args.control, node })
}

fn prices(args: &DevnetArgs, exchange: &mut Settings, output: Output) -> Result<Prices, Failure> {
    let mut recorded = vec![Vec::new(); exchange.universe.len()];
    for argument in &args.prices {
        let PricesArgument::File(spec) = argument else { continue };
        let coin = exchange.universe.iter().position(|coin| coin.name == spec.symbol.as_str()).ok_or_else(|| {
            let coins: Vec<_> = exchange.universe.iter().map(|coin| coin.name.as_str()).collect();
            Failure::new(ExitStatus::Usage, format!("{} is not traded here: {} are", spec.symbol, coins.join(", ")))
        })?;
        let points = prices::read(spec, &args.reading.options(spec.timeframe, &args.policies), exchange.start)?;
        output.remark(&format!("{}: {} prices of {}", spec.file.display(), points.len(), spec.symbol));
        if let Some(first) = points.first() {
            exchange.universe[coin].start_price = first.price;
        }
        recorded[coin] = points;
    }
    Ok(if recorded.iter().all(Vec::is_empty) { Prices::Walk } else { Prices::Recorded(recorded) })
}

fn faults(path: &Path) -> Result<Vec<Fault>, Failure> {
    let name = path.display();
    let length = std::fs::metadata(path).map_err(|error| unreadable(path, &error.to_string()))?.len();
    if length > FAULTS_BYTES_MAX {
        return Err(unreadable(path, &format!("{length} bytes: a file of faults has {FAULTS_BYTES_MAX} at most")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error.to_string()))?;
    let file: FaultFile =
        toml::from_str(&text).map_err(|error| Failure::new(ExitStatus::BadInput, format!("{name}: {error}")))?;
    Ok(file.fault)
}

fn unreadable(path: &Path, words: &str) -> Failure {
    Failure::new(ExitStatus::BadInput, format!("{}: {words}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_and_accounts_are_read_as_they_are_written() {
        for (text, milli) in [("1x", 1_000), ("60x", 60_000), ("0.5x", 500), ("0", 0), ("1000x", 1_000_000)] {
            assert_eq!(text.parse::<Speed>().expect(text).0, milli);
        }
        for text in ["", "x", "-1x", "1001x", "0.0001x", "fast"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
        let Account(address, money) = "0x0D1d9635D0640821d15e323ac8AdADfA9c111414=12.5".parse().expect("an account");
        assert_eq!(address.to_string(), "0x0d1d9635d0640821d15e323ac8adadfa9c111414");
        assert_eq!(money, Decimal::new(125, 1));
        for text in ["", "0x0d1d9635d0640821d15e323ac8adadfa9c111414", "me=5", "0x0d1d9635d0640821d15e323ac8adadfa9c111414=x"] {
            assert!(text.parse::<Account>().is_err(), "{text}");
        }
    }
}
