//! What is made before an account trades: strategies from their files, and a session that begins or goes on from its journal.

use super::account::Account;
use super::cores::Cores;
use super::instances::LoadedStrategy;
use super::restore::{restore, same_market};
use super::session::{Session, SessionSettings, Surroundings};
use super::trade::TradeRequest;
use crate::health::logs::remark;
use crate::journal::{JournalSettings, Writer};
use crate::run::{Facts, StrategyFacts, Way, resolve, sandbox_settings};
use crate::upload::{load, uploads};
use anyhow::Context as _;
use calypte_host::{SandboxSettings, Uploads};
use calypte_kernel::{CoreSettings, Deployment, RestartPolicy, StrategyId, StrategyRisk, TradingCore};
use std::path::Path;

/// A sandbox with room for so many strategies: one more instance, since an upgrade has two for a moment.
///
/// # Errors
/// Where the machine does not have what the sandbox asks for.
pub(crate) fn sandbox(strategies: usize) -> anyhow::Result<Uploads> {
    let instances_max = u32::try_from(strategies).context("counting strategies")?.saturating_add(1);
    uploads(SandboxSettings { instances_max, ..SandboxSettings::default() }, remark)
}

/// Strategies with what the core is to know of them.
///
/// # Errors
/// Where a component cannot be read or is none, or a parameter is not in its manifest.
pub(crate) async fn strategies(
    request: &TradeRequest,
    uploads: &Uploads,
    cores: &Cores,
) -> anyhow::Result<Vec<(LoadedStrategy, Deployment)>> {
    let mut strategies = Vec::with_capacity(request.strategies.len());
    for (place, wanted) in (0..).zip(&request.strategies) {
        let id = StrategyId::new(place);
        let component = load(uploads, &wanted.component).await?.strategy;
        let manifest = component.manifest();
        let parameters = resolve(&wanted.name, manifest, &wanted.parameters)?;
        let deployment = Deployment {
            tick_interval_ms: manifest.tick_interval_ms,
            risk: request.risk.as_ref().map_or(StrategyRisk::NONE, |risk| risk.strategy(&wanted.name)),
            shares: request.risk.as_ref().is_some_and(|risk| risk.shares(&wanted.name)),
            restart: request.risk.as_ref().map_or(RestartPolicy::Resume, |risk| risk.restart(&wanted.name)),
            ..Deployment::new(id, parameters, component.knows())
        };
        let settings = sandbox_settings(id, None, (request.fuel_per_event, &request.limits), request.seed);
        let cores = cores.clone();
        strategies.push((LoadedStrategy { id, name: wanted.name.clone(), component, settings, cores }, deployment));
    }
    Ok(strategies)
}

/// A session that begins, or goes on where its journal ended; and what is to be deployed in it.
///
/// # Errors
/// Where the journal cannot be read, replayed or written.
pub(crate) async fn session(
    request: &TradeRequest,
    core: CoreSettings,
    strategies: &[(LoadedStrategy, Deployment)],
    surroundings: Surroundings,
    show: &mut impl FnMut(Vec<String>),
) -> anyhow::Result<(Session, Vec<Deployment>)> {
    let loaded = strategies.iter().map(|(loaded, _)| loaded.clone()).collect::<Vec<_>>();
    let deployments = strategies.iter().map(|(_, deployment)| deployment.clone());
    let settings = SessionSettings::default();
    let Some(folder) = &request.journal else {
        let account = Account::new(TradingCore::new(core)?, None);
        let session = Session::new(account, &loaded, surroundings, settings).seated(request.seat.as_ref());
        return Ok((session, deployments.collect()));
    };
    let restored = restore(folder, &loaded).await?;
    let Some(restored) = restored else {
        let writer = open(folder, &core, request, &loaded)?;
        let account = Account::new(TradingCore::new(core)?, Some(writer));
        let session = Session::new(account, &loaded, surroundings, settings).seated(request.seat.as_ref());
        return Ok((session, deployments.collect()));
    };
    same_market(restored.core.settings(), &core)?;
    show(vec![format!("the account goes on from its journal: {} inputs replayed", restored.inputs)]);
    for (id, lost) in &restored.lost {
        let name = strategies.iter().find(|(loaded, _)| loaded.id == *id).map_or("a strategy", |(loaded, _)| &loaded.name);
        show(vec![format!("warning: {name} fails at its next event: {lost}")]);
    }
    let missing = deployments.filter(|deployment| restored.core.strategy(deployment.strategy).is_none()).collect();
    let writer = open(folder, &restored.settings, request, &loaded)?;
    let mut outputs = Vec::new();
    let times = (restored.time, surroundings.ambient.now());
    let account = Account::taken_over(restored.core, writer, times, &mut outputs)?;
    let at_work = (restored.instances, restored.unanswered);
    let session = Session::going_on(account, &loaded, at_work, outputs, surroundings, settings);
    Ok((session.seated(request.seat.as_ref()), missing))
}

fn open(folder: &Path, core: &CoreSettings, request: &TradeRequest, strategies: &[LoadedStrategy]) -> anyhow::Result<Writer> {
    let strategies = strategies.iter().map(|loaded| StrategyFacts {
        id: loaded.id.get(),
        name: loaded.name.clone(),
        sha256: loaded.component.sha256().iter().map(|byte| format!("{byte:02x}")).collect(),
    });
    let facts = Facts {
        engine: env!("CARGO_PKG_VERSION").to_owned(),
        way: Way::Call.name().to_owned(),
        fuel: None,
        fuel_per_event: request.fuel_per_event,
        limits: request.limits.clone(),
        seed: request.seed,
        portable: false,
        strategies: strategies.collect(),
    };
    let facts = serde_json::to_vec(&facts).expect("facts are plain values");
    let settings = JournalSettings { durability: request.durability, ..JournalSettings::default() };
    Ok(Writer::open(folder, settings, core, facts)?)
}
