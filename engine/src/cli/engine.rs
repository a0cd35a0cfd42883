//! `calypte engine`: the user engine, which trades accounts on market data from the bus.

use super::exit::{Ends, ExitStatus, status_of};
use super::output::Output;
use super::service::{Messenger, ServiceArgs, bus, serve};
use super::trade::words_of_session;
use crate::config::{Account, AccountName, Config, Engine, Environment, Mode};
use crate::exchange::Exchange;
use crate::health::{BUS, Vitals};
use crate::kill::KillFolders;
use crate::live::{PaperSettings, Seat, SessionRecord, TradeRequest, base_fees};
use crate::record::RecorderSettings;
use crate::user_engine::{AccountEnd, AccountPlan, EngineSettings, LiveAccount, READY_ACCOUNTS, UserEngine};
use calypte_kernel::Timeframe;
use calypte_venues::ambient::Machine;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Trades accounts on market data from the bus, until it is told to end.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  calypte engine --config calypte.toml\n\n\
    Exit codes: 0 told to end (SIGINT, SIGTERM) and all accounts ended in order; 1 an account failed, or a strategy failed or \
    refused; 3 the configuration is not fit; 4 the bus, the exchange or the machine refuses.")]
pub(super) struct EngineArgs {
    #[command(flatten)]
    service: ServiceArgs,
}

/// That it works: the first line of what it prints.
#[derive(Serialize)]
struct Working<'a> {
    service: &'a str,
    bus: String,
    network: String,
    accounts: Vec<&'a str>,
}

/// How its accounts ended.
#[derive(Serialize)]
struct Traded {
    accounts: Vec<AccountRecord>,
}

/// How an account ended.
#[derive(Serialize)]
struct AccountRecord {
    account: String,
    error: Option<String>,
    session: Option<SessionRecord>,
}

pub(super) fn run(args: &EngineArgs, output: Output) -> anyhow::Result<ExitStatus> {
    let config = Config::<Engine>::read_for_engine(&args.service.config, &Environment::of_process())?;
    config.warnings.iter().for_each(|warning| output.remark(&format!("warning: {warning}")));
    let name = config.service.name.to_string();
    let mut seats = seats(&config.service.accounts);
    let plans = config.service.accounts.iter().map(|account| plan(&config.service, account, seats.remove(&account.name)));
    let plans = plans.collect::<std::io::Result<Vec<_>>>().ends(ExitStatus::Environment)?;
    serve(async |control| {
        let ambient = Arc::new(Machine);
        let exchange = Exchange::new(&config.exchange, ambient.clone()).ends(ExitStatus::BadInput)?;
        let accounts = config.service.accounts.iter().map(|account| account.name.as_str()).collect();
        let network = config.exchange.network.to_string();
        let working = Working { service: &name, bus: config.bus.to_string(), network, accounts };
        let words = || format!("{name}: {} accounts on market data from the bus at {}", plans.len(), config.bus);
        output.first_line(&working, words)?;
        let timeframes = config.service.accounts.iter().flat_map(|account| &account.timeframes);
        let shortest = timeframes.min().copied().unwrap_or(Timeframe::MINUTE);
        let vitals = Vitals::new(&name, shortest, [(READY_ACCOUNTS, "no account has its lease yet")]);
        let mut watch = vitals.show(config.service.listen).await.ends(ExitStatus::Environment)?;
        let webhook = config.service.webhook.clone();
        let messenger = Messenger::start(webhook, &name, ambient.clone(), vitals.metrics.clone())?;
        let line = vitals.metrics.peer(BUS);
        let Some(bus) = bus(&config.bus, &control, output).await? else { return Ok(ExitStatus::Ok) };
        let settings = EngineSettings::new(config.service.name.holder.clone());
        let engine = UserEngine::new(bus, exchange, ambient, settings, (vitals, messenger.notifier()));
        // From here on its hub knows.
        drop(line);
        let show = |lines: Vec<String>| lines.iter().for_each(|line| output.remark(line));
        let ended: anyhow::Result<_> = tokio::select! {
            ended = engine.run(plans, &control, show) => ended.ends(ExitStatus::Environment).map_err(Into::into),
            stalled = watch.stalled() => Err(stalled).ends(ExitStatus::Environment).map_err(Into::into),
        };
        watch.stopping();
        let ends = messenger.finish(ended).await?;
        let stopped_by_the_machine =
            ends.iter().filter_map(|end| end.error.as_ref()).any(|error| status_of(error) == ExitStatus::Environment);
        let traded = Traded { accounts: ends.into_iter().map(record).collect() };
        output.first_line(&traded, || words_of(&traded))?;
        Ok(if stopped_by_the_machine { ExitStatus::Environment } else { status(&traded) })
    })
}

/// Of each tenant that has several accounts, a seat for each of them.
fn seats(accounts: &[Account]) -> BTreeMap<AccountName, Seat> {
    let mut tenants = BTreeMap::<&AccountName, Vec<&AccountName>>::new();
    for account in accounts {
        if let Some(tenant) = &account.tenant {
            tenants.entry(tenant).or_default().push(&account.name);
        }
    }
    let mut seats = BTreeMap::new();
    for accounts in tenants.into_values().filter(|accounts| accounts.len() > 1) {
        let names = accounts.iter().copied().cloned();
        seats.extend(names.zip(Seat::of_tenant(accounts.len())));
    }
    seats
}

fn plan(engine: &Engine, account: &Account, seat: Option<Seat>) -> std::io::Result<AccountPlan> {
    let folder = engine.state.join("accounts").join(account.name.as_str());
    std::fs::create_dir_all(&folder)?;
    let (paper, live) = match &account.mode {
        Mode::Paper { cash } => (Some((*cash, PaperSettings { fees: base_fees(), ..PaperSettings::default() })), None),
        Mode::Live { address, key } => {
            (None, Some(LiveAccount { user: *address, key: key.clone(), nonces: folder.join("nonces") }))
        }
    };
    let journal = folder.join("journal");
    let record = engine.database.as_ref().map(|database| {
        let name = account.name.as_str().parse().expect("names of accounts have one grammar");
        RecorderSettings::new(database.clone(), name, journal.clone())
    });
    let request = TradeRequest {
        strategies: account.strategies.clone(),
        symbols: account.symbols.clone(),
        timeframes: account.timeframes.clone(),
        paper,
        risk: account.risk.as_ref().map(|(_, risk)| risk.clone()),
        journal: Some(journal),
        durability: account.durability,
        history: account.history,
        fuel_per_event: None,
        limits: account.limits.clone(),
        seed: 0,
        duration: None,
        record,
        kill: Some(KillFolders { own: folder, all: engine.state.clone() }),
        seat,
    };
    Ok(AccountPlan { name: account.name.clone(), request, live })
}

fn record(end: AccountEnd) -> AccountRecord {
    AccountRecord { account: end.name, error: end.error.map(|error| format!("{error:#}")), session: end.record }
}

fn status(traded: &Traded) -> ExitStatus {
    let failed = |state: &str| state.starts_with("faulted") || state.starts_with("refused");
    let bad = |account: &AccountRecord| {
        let strategies = account.session.iter().flat_map(|session| &session.strategies);
        account.error.is_some() || strategies.into_iter().any(|strategy| failed(&strategy.state))
    };
    if traded.accounts.iter().any(bad) { ExitStatus::Failed } else { ExitStatus::Ok }
}

fn words_of(traded: &Traded) -> String {
    let of = |account: &AccountRecord| {
        let session = account.session.as_ref().map_or_else(|| "never traded\n".to_owned(), words_of_session);
        let error = account.error.as_ref().map(|error| format!("error           {error}\n")).unwrap_or_default();
        format!("account         {}\n{error}{session}", account.account)
    };
    traded.accounts.iter().map(of).collect::<Vec<_>>().join("\n")
}
