//! `calypte kill`: ends what strategies do, by a file that whoever trades an account obeys.

use super::exit::{Ends, ExitStatus, Failure};
use super::output::Output;
use super::trade::parse_duration;
use crate::config::{AccountName, Config, Environment, Services};
use crate::kill::{KillRequest, StandingReport, kill_file, rearm_file, word_of};
use calypte_kernel::KillAction;
use clap::{ArgGroup, Args};
use serde::Serialize;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How often accounts are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Fires the kill switch of accounts, and waits until it is done. It needs no network: it writes a file.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where").required(true).args(["config", "state"])))]
#[command(group(ArgGroup::new("whose").required(true).args(["account", "all"])))]
#[command(group(ArgGroup::new("what").args(["flatten", "reduce_only", "pause", "rearm"])))]
#[command(after_help = "Examples:\n  calypte kill --all --flatten --config calypte.toml\n  \
    calypte kill --account alice --state /var/lib/calypte\n  calypte kill --account alice --rearm --config calypte.toml\n\n\
    Without a network and without this program: `touch STATE/kill` cancels, `echo flatten > STATE/kill` flattens.\n\n\
    Exit codes: 0 done; 1 not done in time: the file stays, and is obeyed when the account is traded again; 2 wrong usage; \
    3 the configuration is not fit; 4 the file cannot be written.")]
pub(super) struct KillArgs {
    /// The configuration of the engine, which says where its state lies.
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// The folder of the state: that of the engine, or what `calypte run` was given.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// One account of the engine.
    #[arg(long, value_name = "NAME")]
    account: Option<AccountName>,
    /// Every account whose state lies there.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    what: WhatArgs,
    /// Arms again what was killed: strategies may trade.
    #[arg(long)]
    rearm: bool,
    /// How long to wait until it is done, such as 30s; what is not done by then goes on.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "30s")]
    wait: Duration,
}

/// What is done. Without a flag every order is cancelled, and nothing passes.
#[derive(Debug, Args)]
struct WhatArgs {
    /// Cancels every order and closes every position.
    #[arg(long)]
    flatten: bool,
    /// Cancels what could open; only what reduces a position passes.
    #[arg(long)]
    reduce_only: bool,
    /// Orders stay, and nothing but cancels passes.
    #[arg(long)]
    pause: bool,
}

impl WhatArgs {
    const fn action(&self) -> KillAction {
        match (self.flatten, self.reduce_only, self.pause) {
            (true, ..) => KillAction::Flatten,
            (_, true, _) => KillAction::ReduceOnly,
            (.., true) => KillAction::Pause,
            _ => KillAction::Cancel,
        }
    }
}

#[derive(Serialize)]
struct KillRecord {
    /// What was asked for.
    action: &'static str,
    /// Where it stands until it is taken away.
    file: Option<PathBuf>,
    accounts: Vec<AccountStanding>,
}

#[derive(Serialize)]
struct AccountStanding {
    account: String,
    /// Whether what was asked for is done.
    done: bool,
    /// How it stands; none: nobody said so.
    standing: Option<StandingReport>,
}

pub(super) fn run(args: &KillArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let state = state(args)?;
    let accounts = accounts(args, &state)?;
    let folder = match (&args.account, accounts.first()) {
        (Some(_), Some((_, folder))) => folder.clone(),
        _ => state.clone(),
    };
    let record = if args.rearm { rearm(args, &state, &folder, &accounts)? } else { kill(args, &folder, &accounts)? };
    let done = record.accounts.iter().all(|account| account.done);
    output.answer(&record, || words(&record))?;
    Ok(if done { ExitStatus::Ok } else { ExitStatus::Failed })
}

/// The folder of the state. One that is not there is no place for a file that somebody is to obey.
fn state(args: &KillArgs) -> anyhow::Result<PathBuf> {
    let state = match (&args.state, &args.config) {
        (Some(state), _) => state.clone(),
        (None, Some(config)) => {
            let config = Config::<Services>::read(config, &Environment::of_process())?;
            let engine = config.service.engine.ok_or_else(|| {
                Failure::new(ExitStatus::BadInput, "the configuration has no [engine], so that no account is traded by it")
            })?;
            engine.state
        }
        (None, None) => unreachable!("one of the two is required"),
    };
    if state.is_dir() {
        return Ok(state);
    }
    let folder = state.display();
    let words = format!("there is no folder {folder}: name the one that the engine, or `calypte run`, keeps its state in");
    Err(Failure::new(ExitStatus::Environment, words).into())
}

/// Whom it concerns: names and folders.
fn accounts(args: &KillArgs, state: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let all = state.join("accounts");
    if let Some(name) = &args.account {
        let folder = all.join(name.as_str());
        if folder.is_dir() {
            return Ok(vec![(name.to_string(), folder)]);
        }
        let words = format!("there is no account {name} in {}: its folder would be {}", state.display(), folder.display());
        return Err(Failure::new(ExitStatus::Usage, words));
    }
    let entries = match fs::read_dir(&all) {
        Ok(entries) => entries,
        // What `calypte run` keeps is one account's.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![("the account".to_owned(), state.to_owned())]),
        Err(error) => return Err(Failure::of(ExitStatus::Environment, error)),
    };
    let mut accounts = Vec::new();
    for entry in entries {
        let entry = entry.ends(ExitStatus::Environment)?;
        if entry.path().is_dir() {
            accounts.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
    }
    accounts.sort();
    Ok(accounts)
}

fn kill(args: &KillArgs, folder: &Path, accounts: &[(String, PathBuf)]) -> Result<KillRecord, Failure> {
    let action = args.what.action();
    // Only that two requests differ matters.
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let request = KillRequest { action, name: format!("{}-{}", since.as_millis(), std::process::id()) };
    request.write(folder).ends(ExitStatus::Environment)?;
    let accounts = wait(args.wait, accounts, |report| report.has_done(&request));
    Ok(KillRecord { action: word_of(action), file: Some(kill_file(folder)), accounts })
}

fn rearm(args: &KillArgs, state: &Path, folder: &Path, accounts: &[(String, PathBuf)]) -> Result<KillRecord, Failure> {
    if args.account.is_some() && kill_file(state).exists() {
        let words = format!("{} kills every account: arm all of them with --all --rearm", kill_file(state).display());
        return Err(Failure::new(ExitStatus::Usage, words));
    }
    let own = accounts.iter().map(|(_, folder)| folder.as_path());
    for folder in own.chain([folder]) {
        match fs::remove_file(kill_file(folder)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(Failure::of(ExitStatus::Environment, error)),
            Ok(()) | Err(_) => {}
        }
    }
    for (_, folder) in accounts {
        fs::write(rearm_file(folder), "").ends(ExitStatus::Environment)?;
    }
    let accounts = wait(args.wait, accounts, |report| report.standing.killed_by.is_none());
    Ok(KillRecord { action: "rearm", file: None, accounts })
}

/// Waits until every account stands as it should, or the time is up.
fn wait(patience: Duration, accounts: &[(String, PathBuf)], is_done: impl Fn(&StandingReport) -> bool) -> Vec<AccountStanding> {
    let end = Instant::now() + patience;
    loop {
        let look = |(account, folder): &(String, PathBuf)| {
            let standing = StandingReport::read(folder);
            AccountStanding { account: account.clone(), done: standing.as_ref().is_some_and(&is_done), standing }
        };
        let standings = accounts.iter().map(look).collect::<Vec<_>>();
        if Instant::now() >= end || standings.iter().all(|account| account.done) {
            return standings;
        }
        std::thread::sleep(LOOK);
    }
}

fn words(record: &KillRecord) -> String {
    let mut text = String::new();
    for AccountStanding { account, done, standing } in &record.accounts {
        let result = if *done { "done" } else { "not done" };
        let stands = match standing {
            None => "nobody said how it stands: it is not traded now, or never was killed before".to_owned(),
            Some(report) => {
                let killed = report.standing.killed_by.as_ref().map_or_else(
                    || "armed".to_owned(),
                    |cause| format!("killed by {cause}: {}", report.standing.action.as_deref().unwrap_or("unknown")),
                );
                let positions = report.standing.positions.iter().map(|(symbol, size)| format!(", {size} {symbol}"));
                format!("{killed}; {} open orders{}", report.standing.open_orders, positions.collect::<String>())
            }
        };
        writeln!(text, "{account:<16}{} {result}; {stands}", record.action).expect("text grows");
    }
    if let Some(file) = &record.file {
        writeln!(text, "It holds as long as {} is there, and until --rearm.", file.display()).expect("text grows");
    }
    text
}
