//! `calypte venue`: looks whether the connector and an exchange understand each other, and does by hand what no strategy may.

mod agent;
mod margin;

use super::exit::{Ends, ExitStatus, Failure};
use super::network::{ReachFlags, signing_key};
use super::output::Output;
use super::progress::{Unit, watch};
use crate::config::ExchangeNetwork;
use crate::control::Control;
use crate::exchange::Exchange;
use crate::request::parse_decimal;
use calypte_kernel::{AccountId, Decimal, Feed, InstrumentId, MarketEvent, Rounding, Rules, Symbol};
use calypte_venues::acceptance::{Bench, CHECKS, Failed, Trader};
use calypte_venues::ambient::{Ambient, Machine};
use calypte_venues::connector::{Connector as _, News, Opened, Request};
use calypte_venues::hyperliquid::AccountSettings;
use calypte_venues::hyperliquid::by_hand::ByHandError;
use calypte_venues::hyperliquid::protocol::Address;
use calypte_venues::hyperliquid::sign::SecretKey;
use clap::{Args, Subcommand};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long each thing that a check waits for may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much more than the smallest order is worth is ordered, as a factor: prices move.
const MARGIN: Decimal = Decimal::from_parts(15, 0, 0, false, 1);
/// The instrument's number: there is one.
const INSTRUMENT: InstrumentId = InstrumentId::new(0);

/// Looks whether an exchange does what the engine expects of it, and does there what a trader does by hand.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  calypte venue check --network testnet --account 0x… --key-file agent.key\n\n\
    Ends with 0 where all checks hold, with 1 where one does not; all exit codes are in engine/docs/cli.md.")]
pub(super) enum VenueCommand {
    Check(CheckArgs),
    Agent(agent::AgentArgs),
    Margin(margin::MarginArgs),
}

/// How what is done by hand reaches the exchange, and who signs it.
#[derive(Debug, Args)]
struct ByHandFlags {
    /// A file with the key that signs; without it the key is read from CALYPTE_KEY.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Which exchange: the one that `calypte devnet` serves, or the real one's networks.
    #[arg(long, value_enum, default_value_t = ExchangeNetwork::Devnet)]
    network: ExchangeNetwork,
    #[command(flatten)]
    reach: ReachFlags,
}

impl ByHandFlags {
    fn key(&self, output: Output) -> Result<SecretKey, Failure> {
        signing_key(self.key_file.as_deref(), output)
    }

    fn place(&self) -> crate::config::Exchange {
        self.reach.place(self.network)
    }

    fn exchange(&self) -> Result<Exchange, Failure> {
        Exchange::new(&self.place(), Arc::new(Machine)).ends(ExitStatus::Usage)
    }
}

/// How the command ends where something was not done by hand.
fn failed(error: ByHandError) -> Failure {
    let status = match &error {
        ByHandError::Refused(_) => ExitStatus::Failed,
        ByHandError::Amount(_) => ExitStatus::Usage,
        ByHandError::Nonce(_) | ByHandError::NoBudget(_) | ByHandError::NotSent(_) | ByHandError::Unknown(_) => {
            ExitStatus::Environment
        }
    };
    Failure::of(status, error)
}

/// Runs the acceptance checks of connectors against an exchange: orders are placed, with play money.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calypte venue check --network devnet --account 0x14791697260e4c9a71f18484c9f997b308e59325 --key-file account.key\n  \
    CALYPTE_KEY=… calypte venue check --network testnet --symbol ETH --json\n\n\
    Exit codes: 0 all hold; 1 one does not; 2 wrong usage; 3 the key file is not fit; 4 the exchange cannot be reached or\n\
    refuses the account; 130 interrupted."
)]
pub(super) struct CheckArgs {
    /// What is traded. Nothing else may go on in it in this account.
    #[arg(long, default_value = "BTC")]
    symbol: Symbol,
    /// How much of it an order is for [default: worth one and a half times the smallest order].
    #[arg(long, value_parser = parse_decimal)]
    size: Option<Decimal>,
    /// The account's own address, never an agent's [default: the one whose key signs].
    #[arg(long, value_name = "ADDRESS")]
    account: Option<String>,
    /// A file with the key that signs; without it the key is read from CALYPTE_KEY.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Which exchange: the one that `calypte devnet` serves, or the real one's test network.
    #[arg(long, value_enum, default_value_t = ExchangeNetwork::Devnet)]
    network: ExchangeNetwork,
    #[command(flatten)]
    reach: ReachFlags,
}

#[derive(Serialize)]
struct CheckedRecord {
    network: ExchangeNetwork,
    symbol: String,
    size: String,
    warnings: Vec<String>,
    passed: usize,
    failed: usize,
    checks: Vec<CheckRecord>,
}

#[derive(Serialize)]
struct CheckRecord {
    /// What holds where it passes.
    name: &'static str,
    /// `passed`, `failed` or `left-out`.
    outcome: &'static str,
    /// Why it did not pass.
    why: Option<String>,
}

pub(super) fn run(command: &VenueCommand, output: Output) -> anyhow::Result<ExitStatus> {
    match command {
        VenueCommand::Check(args) => check(args, output),
        VenueCommand::Agent(args) => agent::run(args, output),
        VenueCommand::Margin(args) => margin::run(args, output),
    }
}

fn check(args: &CheckArgs, output: Output) -> anyhow::Result<ExitStatus> {
    if args.network == ExchangeNetwork::Mainnet {
        let words = "the checks place orders, and on mainnet these cost real money: use devnet or testnet";
        return Err(Failure::new(ExitStatus::Usage, words).into());
    }
    let folder = tempfile::tempdir().ends(ExitStatus::Environment)?;
    let account = account(args, folder.path(), output)?;
    let control = Arc::new(Control::default());
    let record = watch(output, ("venue check", Unit::Things), &control, checked(args, account, &control))?;
    let holds = record.failed == 0;
    output.answer(&record, || words_of(&record))?;
    Ok(if holds { ExitStatus::Ok } else { ExitStatus::Failed })
}

/// The account to trade with. The marks of its nonces are not needed after this.
fn account(args: &CheckArgs, folder: &Path, output: Output) -> Result<AccountSettings, Failure> {
    let key = signing_key(args.key_file.as_deref(), output)?;
    let said = args.account.as_deref().map(str::parse::<Address>).transpose().ends(ExitStatus::Usage)?;
    Ok(AccountSettings { user: said.unwrap_or(key.address()), key, nonces: folder.join("nonces"), fills_known: None })
}

async fn checked(args: &CheckArgs, account: AccountSettings, control: &Control) -> anyhow::Result<CheckedRecord> {
    let ambient: Arc<dyn Ambient> = Arc::new(Machine);
    let exchange = Exchange::new(&args.reach.place(args.network), Arc::clone(&ambient)).ends(ExitStatus::Usage)?;
    let (exchange, scissors) = exchange.with_scissors();
    let mut connector = exchange.connector(vec![args.symbol.clone()], Vec::new(), Some(account));
    let opened = connector.start().await.ends(ExitStatus::Environment)?;
    let mut bench = Bench {
        trader: trader(&opened, ambient.as_ref()),
        connector: &mut connector,
        ambient,
        instrument: INSTRUMENT,
        size: Decimal::ZERO,
        patience: PATIENCE,
        breaks: Some(&scissors),
        best: None,
    };
    bench.size = size(args, &opened, &mut bench).await?;
    let mut checks = Vec::with_capacity(CHECKS.len());
    control.expect(CHECKS.len() as u64);
    for check in CHECKS {
        if control.is_cancelled() {
            let words = "ended by an interrupt: what the account holds and what rests in it may be left of a check";
            return Err(Failure::new(ExitStatus::Cancelled, words).into());
        }
        checks.push(record_of(check.name, (check.run)(&mut bench).await));
        control.advance(1);
    }
    let size = bench.size.to_string();
    connector.stop().await;
    let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count();
    Ok(CheckedRecord {
        network: args.network,
        symbol: args.symbol.to_string(),
        size,
        warnings: opened.warnings,
        passed: count("passed"),
        failed: count("failed"),
        checks,
    })
}

/// Names of orders that no other run gave: the epoch is the second.
fn trader(opened: &Opened, ambient: &dyn Ambient) -> Trader {
    let second = ambient.now().as_millis() / 1_000;
    let epoch = u16::try_from(second.rem_euclid(i64::from(u16::MAX))).unwrap_or_default();
    Trader::new(opened.instruments.clone(), AccountId::new(1), epoch)
}

/// The size that was asked for, or one that is worth what the exchange takes at least.
async fn size(args: &CheckArgs, opened: &Opened, bench: &mut Bench<'_>) -> Result<Decimal, Failure> {
    let rules = opened.instruments.first().map_or(Rules::ANY, |instrument| instrument.rules);
    if let Some(size) = args.size {
        return if size > Decimal::ZERO && rules.allows_size(size) {
            Ok(size)
        } else {
            let words = format!("--size {size} is no size of {}: it has {} decimals", args.symbol, rules.size_decimals);
            Err(Failure::new(ExitStatus::Usage, words))
        };
    }
    let subscribe = Request::Subscribe { feed: Feed::Quotes(INSTRUMENT), after: None };
    let quote = |news: &News| match news {
        News::Market(MarketEvent::Quote(quote)) => Some(quote.bid.price.get()),
        _ => None,
    };
    let heard = match bench.request(subscribe) {
        Ok(()) => bench.wait("a quote", quote).await,
        Err(failed) => Err(failed),
    };
    let price = heard.map_err(|failed| Failure::new(ExitStatus::Environment, format!("{}: {failed}", args.symbol)))?;
    let worth = rules.min_notional.checked_mul(MARGIN).and_then(|worth| worth.checked_div(price));
    let size = worth.map(|size| rules.round_size(size, Rounding::Up)).filter(|size| !size.is_zero());
    size.ok_or_else(|| Failure::new(ExitStatus::Environment, format!("{} has no size at {price}: give --size", args.symbol)))
}

fn record_of(name: &'static str, outcome: Result<(), Failed>) -> CheckRecord {
    let word = match &outcome {
        Ok(()) => "passed",
        Err(Failed::LeftOut { .. }) => "left-out",
        Err(Failed::NothingCame { .. } | Failed::Other(_)) => "failed",
    };
    CheckRecord { name, outcome: word, why: outcome.err().map(|failed| failed.to_string()) }
}

fn words_of(record: &CheckedRecord) -> String {
    let mut text = String::new();
    for CheckRecord { name, outcome, why } in &record.checks {
        writeln!(text, "{outcome:<10}{name}").expect("text grows");
        if let Some(why) = why {
            writeln!(text, "          {why}").expect("text grows");
        }
    }
    let of = record.checks.len();
    writeln!(text, "{} of {of} hold, with orders for {} {}", record.passed, record.size, record.symbol).expect("text grows");
    text
}
