//! Runs a journal again: the core, and with components the strategies too. Both must do what they did.
//!
//! ```text
//! journal ──► Player ──► fresh core ──► Deliver ──► the component, in the sandbox
//!                │                                      │
//!                └── HookEnded as it was written ◄──► HookEnded now: the first difference ends it
//! ```
//!
//! The core is always given what was written, so that everything up to a difference is as it was then.

mod compare;
mod player;
#[cfg(test)]
mod tests;

pub use compare::Difference;
pub(crate) use compare::difference;

use crate::control::Control;
use crate::health::logs::remark;
use crate::journal::{Beginning, Epoch, ReadError, TornTail};
use crate::run::Facts;
use crate::upload::{load, uploads};
use calypte_host::{SandboxSettings, Strategy, Uploads};
use calypte_kernel::StrategyId;
use calypte_kernel::journal::{Mismatch, ReplayError};
use player::{Carried, Component, Player};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is to be run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRequest {
    /// Folder of the journal.
    pub journal: PathBuf,
    /// Components to run again.
    pub components: Vec<ComponentSpec>,
    /// Which epoch, with those before it whose core it goes on with; none: all whose beginning is there.
    pub epoch: Option<u32>,
}

/// A component and whose part it plays: `FILE` or `STRATEGY=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentSpec {
    /// The strategy's name in the run; none: the run has only one.
    pub strategy: Option<String>,
    /// The component.
    pub file: PathBuf,
}

impl std::str::FromStr for ComponentSpec {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once('=') {
            Some((strategy, file)) => Self { strategy: Some(strategy.to_owned()), file: file.into() },
            None => Self { strategy: None, file: text.into() },
        })
    }
}

/// Why a journal cannot be run again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayFailure {
    /// It cannot be read, or not all of it.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its records are sound and do not belong together.
    #[error("epoch {epoch} cannot be replayed")]
    Records {
        /// Which epoch.
        epoch: u32,
        /// Why not.
        #[source]
        cause: ReplayError,
    },
    /// Another program wrote it, or another version of this one.
    #[error("epoch {epoch} does not say how its strategies ran: replay it without --component")]
    NoFacts {
        /// Which epoch.
        epoch: u32,
    },
    /// The epoch that was asked for is not there as a whole.
    #[error("there is no epoch {wanted} with its beginning; there are {there}")]
    NoEpoch {
        /// What was asked for.
        wanted: String,
        /// What there is.
        there: String,
    },
    /// A component for a strategy that did not run.
    #[error("{wanted}; in epoch {epoch} ran {ran}: write STRATEGY=FILE with one of them")]
    NoStrategy {
        /// What was asked for.
        wanted: String,
        /// In which epoch.
        epoch: u32,
        /// What ran.
        ran: String,
    },
    /// Ended from outside.
    #[error("cancelled; what was replayed until then is equal")]
    Cancelled,
}

/// How a replay went.
#[derive(Debug, Clone)]
pub struct ReplayReport {
    /// Epochs, in order, up to the first that differs.
    pub epochs: Vec<EpochReport>,
}

/// How the replay of an epoch went.
#[derive(Debug, Clone)]
pub struct EpochReport {
    /// Which.
    pub epoch: u32,
    /// Inputs that the core was given.
    pub inputs: u64,
    /// Outputs that it gave.
    pub outputs: u64,
    /// The latest record up to which the outputs were compared with those of the run.
    pub compared_until: Option<u64>,
    /// Events that components handled again, with equal results.
    pub events: u64,
    /// Whether it ended in order.
    pub is_closed: bool,
    /// The torn tail that it ends with.
    pub torn: Option<TornTail>,
    /// What was found.
    pub verdict: Verdict,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that was compared is equal.
    Equal,
    /// The core says something else than it did.
    CoreDiffers(Mismatch),
    /// A component does something else than was done.
    ComponentDiffers(Difference),
}

impl ReplayReport {
    /// Whether everything that was compared is equal.
    pub fn is_equal(&self) -> bool {
        self.epochs.iter().all(|epoch| epoch.verdict == Verdict::Equal)
    }
}

/// Replays a journal, up to the first difference.
///
/// # Errors
/// [`ReplayFailure`] where it cannot be read or replayed, and what uploads say of the components.
pub async fn replay(request: &ReplayRequest, control: &Arc<Control>) -> anyhow::Result<ReplayReport> {
    let epochs = chosen(&request.journal, request.epoch)?;
    control.expect(epochs.iter().map(Epoch::bytes).sum());
    let mut sandbox: Option<(bool, Uploads)> = None;
    let mut report = ReplayReport { epochs: Vec::new() };
    let mut carried = Carried::default();
    for epoch in epochs {
        let (mut player, facts) = Player::open(&epoch, control)?;
        if !request.components.is_empty() {
            let facts = facts.ok_or(ReplayFailure::NoFacts { epoch: epoch.number })?;
            if sandbox.as_ref().is_none_or(|(portable, _)| *portable != facts.portable) {
                sandbox = Some((facts.portable, open_sandbox(&facts, request.components.len())?));
            }
            let (_, uploads) = sandbox.as_ref().expect("it was just opened");
            let components = cast(request, &facts, epoch.number, uploads).await?;
            player = player.with_components(components, &facts);
        }
        let (epoch, left) = player.play(carried).await?;
        carried = left;
        let is_equal = epoch.verdict == Verdict::Equal;
        report.epochs.push(epoch);
        if !is_equal {
            break;
        }
    }
    Ok(report)
}

/// The epochs to be replayed: each whose own beginning is there, and that of the core it goes on with. Of one that is asked for, those
/// before it whose core it goes on with.
pub(crate) fn chosen(journal: &Path, wanted: Option<u32>) -> Result<Vec<Epoch>, ReplayFailure> {
    let mut there: Vec<Epoch> = Vec::new();
    // Where among them the core began that goes on, as long as nothing of it is missing.
    let mut core_began: Option<usize> = None;
    for epoch in Epoch::all(journal)? {
        let is_asked_for = wanted.is_none_or(|wanted| wanted == epoch.number);
        let beginning = match epoch.is_whole.then(|| epoch.beginning()) {
            // Damage to another epoch is its own.
            Some(Err(_)) if !is_asked_for => None,
            beginning => beginning.transpose()?,
        };
        core_began = match beginning {
            Some(Beginning::Anew) => Some(there.len()),
            Some(Beginning::TakesOver) => core_began,
            // It may have been about to begin either way: it breaks nothing.
            Some(Beginning::Empty) => core_began.or((epoch.number == 1).then_some(0)),
            None => None,
        };
        let Some(began) = core_began else { continue };
        let number = epoch.number;
        there.push(epoch);
        if wanted == Some(number) {
            return Ok(there.split_off(began));
        }
    }
    if wanted.is_some() || there.is_empty() {
        let wanted = wanted.map_or_else(|| "at all".to_owned(), |epoch| epoch.to_string());
        let there = there.iter().map(|epoch| epoch.number.to_string()).collect::<Vec<_>>();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        return Err(ReplayFailure::NoEpoch { wanted, there });
    }
    Ok(there)
}

/// A sandbox for so many strategies that ran as the facts say.
pub(crate) fn open_sandbox(facts: &Facts, components: usize) -> anyhow::Result<Uploads> {
    let instances_max = u32::try_from(components)?.saturating_add(2);
    let settings = SandboxSettings { instances_max, portable: facts.portable, ..SandboxSettings::default() };
    uploads(settings, remark)
}

/// Loads the components, each for its strategy.
async fn cast(request: &ReplayRequest, facts: &Facts, epoch: u32, uploads: &Uploads) -> anyhow::Result<Vec<Component>> {
    let mut components: Vec<Component> = Vec::with_capacity(request.components.len());
    for spec in &request.components {
        let id = strategy_of(spec, facts, epoch)?;
        let strategy: Strategy = load(uploads, &spec.file).await?.strategy;
        components.retain(|component| component.id != id);
        components.push(Component { id, strategy });
    }
    Ok(components)
}

fn strategy_of(spec: &ComponentSpec, facts: &Facts, epoch: u32) -> Result<StrategyId, ReplayFailure> {
    let fits = |name: &str| spec.strategy.as_ref().is_none_or(|wanted| wanted == name);
    let mut fitting = facts.strategies.iter().filter(|strategy| fits(&strategy.name));
    if let (Some(strategy), None) = (fitting.next(), fitting.next()) {
        return Ok(StrategyId::new(strategy.id));
    }
    let wanted = match &spec.strategy {
        Some(name) => format!("there is no strategy {name:?}"),
        None => format!("{} is of no strategy in particular", spec.file.display()),
    };
    let ran = facts.strategies.iter().map(|strategy| strategy.name.as_str()).collect::<Vec<_>>().join(", ");
    Err(ReplayFailure::NoStrategy { wanted, epoch, ran })
}
