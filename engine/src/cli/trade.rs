//! `calypte run`: strategies that trade while the clock runs, on paper or at the exchange.

use super::database::DatabaseArgs;
use super::exit::{Ends, ExitStatus, Failure};
use super::network::{ReachFlags, signing_key};
use super::output::Output;
use super::progress::{Unit, watch};
use crate::config::{Database, ExchangeNetwork};
use crate::control::Control;
use crate::exchange::Exchange;
use crate::journal::Durability;
use crate::kill::KillFolders;
use crate::live::{HISTORY_MAX, PaperSettings, SessionRecord, TradeRequest, base_fees, trade};
use crate::record::{AccountName, RecorderSettings};
use crate::request::{LimitSpec, ParameterSpec, RiskFile, StrategyRequest, parse_decimal, strategy_requests};
use calypte_kernel::{FeeRates, Symbol, Timeframe};
use calypte_venues::ambient::{Ambient, Machine};
use calypte_venues::connector::Connector;
use calypte_venues::hyperliquid::AccountSettings;
use calypte_venues::hyperliquid::protocol::Address;
use clap::{Args, ValueEnum};
use rust_decimal::Decimal;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Runs strategies while the clock runs: on paper, or with a real account.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  calypte run ema-atr.wasm --symbol BTC --network testnet --duration 1h\n  \
    calypte run ema-atr.wasm --symbol BTC --network devnet --mode live --account 0x… --key-file agent.key --state state\n\n\
    Exit codes: 0 stopped in order; 1 a strategy failed or refused; 2 wrong usage; 3 an input file is not fit; \
    4 the exchange or the machine refuses.")]
pub(super) struct TradeArgs {
    /// Components, as `calypte build` makes them.
    #[arg(required = true, value_name = "FILE.wasm")]
    components: Vec<PathBuf>,
    /// What is traded; give it once for each instrument.
    #[arg(long, required = true, value_name = "SYMBOL")]
    symbol: Vec<Symbol>,
    /// Length of candles; give it once for each, the first choice first.
    #[arg(long, value_name = "TIMEFRAME", default_value = "1m")]
    timeframe: Vec<Timeframe>,
    /// A parameter; with several strategies STRATEGY.NAME=VALUE.
    #[arg(long, value_name = "NAME=VALUE")]
    param: Vec<ParameterSpec>,
    /// Which exchange: the one that `calypte devnet` serves, or the real one's networks.
    #[arg(long, value_enum, default_value_t = ExchangeNetwork::Devnet)]
    network: ExchangeNetwork,
    #[command(flatten)]
    reach: ReachFlags,
    /// Paper: the market is real, fills are simulated, nothing is sent. Live: orders go to the exchange.
    #[arg(long, value_enum, default_value_t = Mode::Paper)]
    mode: Mode,
    /// Live: the account's own address, never an agent's.
    #[arg(long, value_name = "ADDRESS")]
    account: Option<String>,
    /// Live: a file with the key that signs, an agent's; without it the key is read from CALYPTE_KEY.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Folder of what survives the process: the journal and the marks of nonces. Needed with --mode live.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// When an input of the journal is safe enough to be acted on: when it was written, which survives a killed process, or when the
    /// disk has it, which survives a power cut and costs the disk's latency for each input.
    #[arg(long, value_enum, default_value_t = Durability::Written)]
    durability: Durability,
    #[command(flatten)]
    database: DatabaseArgs,
    /// What the account is called in the database; else its address, or paper.
    #[arg(long, value_name = "NAME")]
    record_as: Option<AccountName>,
    /// Limits, kill switches and protections. Needed with --mode live on mainnet.
    #[arg(long, value_name = "FILE.toml")]
    risk: Option<RiskFile>,
    /// Says that orders on mainnet are to be sent, with real money.
    #[arg(long)]
    real_money: bool,
    /// Paper: cash at the start, in the quote asset.
    #[arg(long, default_value = "10000", value_parser = parse_decimal)]
    cash: Decimal,
    /// Paper: fee of an order that fills at once, as a fraction of the notional.
    #[arg(long, value_parser = parse_decimal, allow_negative_numbers = true)]
    fee_taker: Option<Decimal>,
    /// Paper: fee of an order that rested; negative is a rebate.
    #[arg(long, value_parser = parse_decimal, allow_negative_numbers = true)]
    fee_maker: Option<Decimal>,
    /// Candles of the past that strategies can ask for, of each series.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    history: u32,
    /// Ends after this time, such as 90s, 30m or 12h; else at an interrupt.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Fuel of one event. Used up, the strategy faults.
    #[arg(long, value_name = "N")]
    fuel_per_event: Option<u64>,
    /// A limit of each strategy's sandbox, such as memory-bytes=16777216; engine/docs/cli.md lists them.
    #[arg(long, value_name = "NAME=NUMBER")]
    limit: Vec<LimitSpec>,
    /// Seed of whatever is drawn by lot.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// How orders are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// Simulated.
    Paper,
    /// At the exchange.
    Live,
}

#[derive(Serialize)]
struct TradeRecord {
    network: ExchangeNetwork,
    mode: Mode,
    warnings: Vec<String>,
    ended_by_deadline: Vec<String>,
    recorded: Option<RecordedRecord>,
    #[serde(flatten)]
    session: SessionRecord,
}

/// What the database holds of the session.
#[derive(Serialize)]
struct RecordedRecord {
    database: String,
    account: String,
    /// Rows that this process wrote.
    rows: u64,
    /// Whether everything that the journal holds is there. What is not comes with the next start, or with `calypte record`.
    complete: bool,
}

/// A time such as 90s, 30m, 12h or 2d.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: write a whole number and s, m, h or d, such as 90s");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(wrong)
}

pub(super) fn run(args: &TradeArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let (network, mode) = (args.network, args.mode);
    check(args)?;
    let strategies = strategy_requests(&args.components, &args.param)?;
    let request = request_of(args, strategies)?;
    let control = Arc::new(Control::default());
    let ambient: Arc<dyn Ambient> = Arc::new(Machine);
    let traded = watch(output, ("run", Unit::Things), &control, async {
        let connector = connector(args, &request, Arc::clone(&ambient), output)?;
        let show = |lines: Vec<String>| lines.iter().for_each(|line| output.remark(line));
        trade(&request, connector, ambient, &control, show).await
    })?;
    let recorded = request.record.as_ref().zip(traded.recorded).map(|(settings, recorded)| RecordedRecord {
        database: settings.database.to_string(),
        account: settings.account.to_string(),
        rows: recorded.progress.rows,
        complete: recorded.is_complete,
    });
    let (warnings, ended_by_deadline) = (traded.warnings, traded.late);
    let record = TradeRecord { network, mode, warnings, ended_by_deadline, recorded, session: traded.record };
    output.answer(&record, || words_of_session(&record.session))?;
    let failed = |state: &str| state.starts_with("faulted") || state.starts_with("refused");
    let any_failed = record.session.strategies.iter().any(|strategy| failed(&strategy.state));
    Ok(if any_failed { ExitStatus::Failed } else { ExitStatus::Ok })
}

/// What must be said before anything is sent.
fn check(args: &TradeArgs) -> Result<(), Failure> {
    let usage = |words: &str| Err(Failure::new(ExitStatus::Usage, words));
    if args.history > HISTORY_MAX {
        return Err(Failure::new(ExitStatus::Usage, format!("--history is at most {HISTORY_MAX}")));
    }
    if args.mode == Mode::Paper {
        return Ok(());
    }
    if args.account.is_none() {
        return usage("--mode live needs --account, the address that holds the money");
    }
    if args.state.is_none() {
        return usage("--mode live needs --state, a folder for the journal: without it a restart would not know its orders");
    }
    if args.network == ExchangeNetwork::Mainnet {
        if !args.real_money {
            return usage("on mainnet orders cost real money: add --real-money if that is meant, or use --mode paper");
        }
        if args.risk.is_none() {
            return usage("on mainnet --mode live needs --risk FILE.toml with limits");
        }
    }
    Ok(())
}

fn request_of(args: &TradeArgs, strategies: Vec<StrategyRequest>) -> Result<TradeRequest, Failure> {
    let base = base_fees();
    let fees = FeeRates { taker: args.fee_taker.unwrap_or(base.taker), maker: args.fee_maker.unwrap_or(base.maker) };
    let paper = PaperSettings { fees, ..PaperSettings::default() };
    Ok(TradeRequest {
        strategies,
        symbols: args.symbol.clone(),
        timeframes: args.timeframe.clone(),
        paper: (args.mode == Mode::Paper).then_some((args.cash, paper)),
        risk: args.risk.clone(),
        journal: args.state.as_ref().map(|state| state.join("journal")),
        durability: args.durability,
        history: args.history,
        fuel_per_event: args.fuel_per_event,
        limits: args.limit.iter().copied().collect(),
        seed: args.seed,
        duration: args.duration,
        record: recorder(args)?,
        kill: args.state.as_ref().map(|state| KillFolders { own: state.clone(), all: state.clone() }),
        seat: None,
    })
}

/// Where the session is recorded: as it is said, else beside its journal. Without a journal nothing is: what a slow database misses
/// comes from there.
fn recorder(args: &TradeArgs) -> Result<Option<RecorderSettings>, Failure> {
    let named = args.database.named()?;
    let Some(state) = &args.state else {
        let words = "--database needs --state, a folder for the journal: facts are read from there";
        return if named.is_some() { Err(Failure::new(ExitStatus::Usage, words)) } else { Ok(None) };
    };
    let account = match (&args.record_as, &args.account, args.mode) {
        (Some(name), ..) => name.clone(),
        (None, Some(address), Mode::Live) => address.to_ascii_lowercase().parse().ends(ExitStatus::Usage)?,
        (None, ..) => "paper".parse().ends(ExitStatus::Usage)?,
    };
    std::fs::create_dir_all(state).ends(ExitStatus::Environment)?;
    let database = named.unwrap_or_else(|| Database::Sqlite(state.join("record.db")));
    Ok(Some(RecorderSettings::new(database, account, state.join("journal"))))
}

fn connector(
    args: &TradeArgs,
    request: &TradeRequest,
    ambient: Arc<dyn Ambient>,
    output: Output,
) -> anyhow::Result<Box<dyn Connector>> {
    let exchange = Exchange::new(&args.reach.place(args.network), ambient).ends(ExitStatus::Usage)?;
    Ok(Box::new(exchange.connector(args.symbol.clone(), request.series(), account(args, output)?)))
}

fn account(args: &TradeArgs, output: Output) -> Result<Option<AccountSettings>, Failure> {
    let (Some(user), Some(state), Mode::Live) = (&args.account, &args.state, args.mode) else { return Ok(None) };
    let user: Address = user.parse().ends(ExitStatus::Usage)?;
    std::fs::create_dir_all(state).ends(ExitStatus::Environment)?;
    let key = signing_key(args.key_file.as_deref(), output)?;
    Ok(Some(AccountSettings { user, key, nonces: state.join("nonces"), fills_known: None }))
}

/// A session as a table.
pub(super) fn words_of_session(session: &SessionRecord) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| writeln!(text, "{name:<16}{value}").expect("text grows");
    for strategy in &session.strategies {
        line("strategy", format!("{}: {}", strategy.name, strategy.state));
    }
    let counts = &session.counts;
    line("hooks", format!("{} ended, with {} intents", counts.hooks, counts.intents));
    line("orders", format!("{} sent, {} accepted, {} rejected", counts.orders, counts.accepted, counts.rejected));
    line("fills", counts.fills.to_string());
    if counts.denied > 0 {
        let codes = session.denied_by_code.iter().map(|(code, count)| format!("{code} {count}")).collect::<Vec<_>>();
        line("denied", format!("{} ({})", counts.denied, codes.join(", ")));
    }
    line("fees", session.fees_paid.clone());
    line("funding", session.funding_received.clone());
    line("equity", session.equity.clone().unwrap_or_else(|| format!("unknown; settled {}", session.settled)));
    for position in &session.positions {
        let mark = position.mark_price.as_ref().map_or_else(String::new, |mark| format!(", mark {mark}"));
        let words = format!("{} {} of {} at {}{mark}", position.strategy, position.size, position.symbol, position.entry_price);
        line("position", words);
    }
    if session.positions.is_empty() {
        line("position", "none".to_owned());
    }
    line("open orders", session.open_orders.to_string());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("12h"), Ok(Duration::from_hours(12)));
        for wrong in ["", "s", "0s", "1", "1.5h", "-1s", "99999999999999999999d", "18446744073709551615d", "1ä"] {
            assert!(parse_duration(wrong).is_err(), "{wrong:?}");
        }
    }
}
