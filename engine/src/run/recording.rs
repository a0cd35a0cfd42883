//! The journal of a run: what is written down of it, and what the shell needs to run its strategies again.

use super::Way;
use super::prepare::Loaded;
use crate::journal::{Durability, JournalSettings, WriteError, Writer};
use crate::request::{LimitSettings, RunSettings};
use calypte_kernel::{CoreSettings, Input, Output, StrategyId, Timestamp};
use calypte_sim::{InputRecorder, RecorderError};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a journal says of the shell that wrote it: enough to run the strategies again as they ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Version of the engine.
    pub engine: String,
    /// How events reached the instances: [`Way::name`].
    pub way: String,
    /// Fuel of the whole run; none: not limited.
    pub fuel: Option<u64>,
    /// Fuel of one event; none: the sandbox's own limit.
    pub fuel_per_event: Option<u64>,
    /// Limits of the sandbox that differ from the defaults.
    #[serde(default, skip_serializing_if = "LimitSettings::is_empty")]
    pub limits: LimitSettings,
    /// Seed of whatever was drawn by lot.
    pub seed: u64,
    /// Whether the sandbox gave equal results on every kind of machine.
    pub portable: bool,
    /// Strategies, by number.
    pub strategies: Vec<StrategyFacts>,
}

/// A strategy as a journal names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyFacts {
    /// Its number.
    pub id: u32,
    /// Its name in the run.
    pub name: String,
    /// SHA-256 of its file, in hex.
    pub sha256: String,
}

impl Facts {
    pub(super) fn new(strategies: &[Loaded], settings: &RunSettings, way: Way) -> Self {
        let strategies = strategies.iter().map(|loaded| StrategyFacts {
            id: loaded.id.get(),
            name: loaded.name.clone(),
            sha256: super::digest::hex(loaded.strategy.sha256()),
        });
        Self {
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            way: way.name().to_owned(),
            fuel: settings.fuel,
            fuel_per_event: settings.fuel_per_event,
            limits: settings.limits.clone(),
            seed: settings.seed,
            portable: settings.portable,
            strategies: strategies.collect(),
        }
    }

    /// The name of a strategy; its number where it has none.
    pub fn name_of(&self, strategy: StrategyId) -> String {
        let named = self.strategies.iter().find(|facts| facts.id == strategy.get());
        named.map_or_else(|| format!("strategy {strategy}"), |facts| facts.name.clone())
    }
}

/// Writes a run down. Clones share one journal.
#[derive(Clone)]
pub(super) struct Recording(Arc<Mutex<Option<Writer>>>);

impl Recording {
    /// Begins the next epoch of the journal in a folder.
    pub(super) fn open(folder: &Path, core: &CoreSettings, facts: &Facts) -> Result<Self, WriteError> {
        let facts = serde_json::to_vec(facts).expect("facts are plain values");
        // A backtest can be made again; what it costs to write it down should be little.
        let settings = JournalSettings { durability: Durability::Gathered, ..JournalSettings::default() };
        let writer = Writer::open(folder, settings, core, facts)?;
        Ok(Self(Arc::new(Mutex::new(Some(writer)))))
    }

    /// Ends the journal in order.
    pub(super) fn close(&self, now: Timestamp) -> Result<(), WriteError> {
        self.lock().take().map_or(Ok(()), |writer| writer.close(now))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Writer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InputRecorder for Recording {
    fn input(&mut self, now: Timestamp, input: &Input) -> Result<(), RecorderError> {
        Ok(self.lock().as_mut().ok_or(WriteError::Halted)?.input(now, input)?)
    }

    fn outputs(&mut self, now: Timestamp, outputs: &mut dyn Iterator<Item = &Output>) -> Result<(), RecorderError> {
        Ok(self.lock().as_mut().ok_or(WriteError::Halted)?.outputs(now, outputs)?)
    }
}
