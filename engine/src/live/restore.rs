//! An account as its journal left it: the core from its inputs, and each strategy's instance from what it saved last and the events it
//! was given since.
//!
//! ```text
//! core       input, input, input, input, input, input …                    all of them
//! instance                     save ──► init with what was saved ──► event, event …   compared with what it once answered
//! ```
//!
//! A strategy that never saved anything begins where its instance began, and is given every event since. What the market was before a
//! save is told to the instance by the host, since imports answer from it.

use super::instances::{LoadedStrategy, call};
use crate::journal::{Entry, Epoch, ReadError};
use crate::replay::difference;
use crate::report::hexadecimal;
use crate::run::{Facts, state_of};
use calypte_host::{Instance, InstanceSettings};
use calypte_kernel::journal::{Record, Replay, ReplayError};
use calypte_kernel::{
    Answer, CoreSettings, Deliver, Fault, Hook, HookEnded, Input, Output, StrategyId, StrategyState, StrategyView, Timestamp,
    TradingCore,
};
use std::collections::BTreeMap;
use std::path::Path;

/// Why an account cannot go on from its journal.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its records are sound and do not belong together.
    #[error("epoch {epoch} of the journal cannot be replayed")]
    Records {
        /// Which epoch.
        epoch: u32,
        /// Why not.
        #[source]
        cause: ReplayError,
    },
    /// What stands beside them is not of this version.
    #[error(
        "epoch {epoch} of the journal does not say which components it was written with: go on with the version that wrote it"
    )]
    Facts {
        /// Which epoch.
        epoch: u32,
        /// Why not.
        #[source]
        cause: serde_json::Error,
    },
    /// The beginning is no longer there.
    #[error("the journal begins with epoch {epoch} in the middle: its first segments were removed")]
    NoBeginning {
        /// The first epoch there is.
        epoch: u32,
    },
    /// It is of an account with other instruments or series.
    #[error("the journal is of another market: {words}; choose another folder, or ask for what it was begun with")]
    OtherMarket {
        /// What differs.
        words: String,
    },
    /// A strategy could not be started again.
    #[error("strategy {strategy} cannot be started again")]
    Start {
        /// Which.
        strategy: StrategyId,
        /// Why not.
        #[source]
        fault: Box<Fault>,
    },
}

/// A strategy that answers an event of the past otherwise than it did: it is another component, or it is not deterministic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "it answers event {event} with {got}, where it once answered {expected}: run the component that the journal was written with, or \
     begin a new journal"
)]
pub struct Lost {
    /// On which event.
    pub event: u64,
    /// What it did then.
    pub expected: String,
    /// What it does now.
    pub got: String,
}

/// What a journal gave back.
pub struct Restored {
    /// The core.
    pub core: TradingCore,
    /// What it was made of, as it was written: the next epoch begins with the same. The core's own have moved on since, with the
    /// money that was paid in.
    pub settings: CoreSettings,
    /// Instances that are at work.
    pub instances: BTreeMap<StrategyId, Instance>,
    /// Why strategies have no instance that had one: each fails at its next event, and the rest of the account goes on.
    pub lost: BTreeMap<StrategyId, Lost>,
    /// Events that were handed out and never answered.
    pub unanswered: Vec<Deliver>,
    /// The time of the last input.
    pub time: Timestamp,
    /// Inputs that were replayed.
    pub inputs: u64,
}

impl std::fmt::Debug for Restored {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Restored").field("inputs", &self.inputs).field("time", &self.time).finish_non_exhaustive()
    }
}

/// Rebuilds an account. None: there is no journal yet.
///
/// # Errors
/// Where the journal cannot be read or replayed, or a strategy cannot be started.
pub async fn restore(folder: &Path, strategies: &[LoadedStrategy]) -> Result<Option<Restored>, RestoreError> {
    if !folder.exists() {
        return Ok(None);
    }
    let epochs = match Epoch::all(folder) {
        Ok(epochs) => epochs,
        Err(ReadError::NoJournal { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(first) = epochs.first() else { return Ok(None) };
    if !first.is_whole {
        return Err(RestoreError::NoBeginning { epoch: first.number });
    }
    let mut player = Player {
        replay: Replay::default(),
        checkpoints: checkpoints(&epochs).await?,
        facts: None,
        settings: None,
        strategies,
        instances: BTreeMap::new(),
        lost: BTreeMap::new(),
        pending: BTreeMap::new(),
        time: Timestamp::from_millis(i64::MIN),
        inputs: 0,
    };
    for (place, epoch) in epochs.iter().enumerate() {
        if place > 0 {
            player.replay.next_epoch();
        }
        let mut reader = epoch.read();
        while let Some(entry) = reader.next()? {
            player.play(epoch.number, entry).await?;
            tokio::task::consume_budget().await;
        }
    }
    let Player { replay, settings, instances, mut lost, pending, time, inputs, .. } = player;
    let Some((core, settings)) = replay.into_core().zip(settings) else { return Ok(None) };
    // One that ended has no further event: it begins anew.
    let is_at_work =
        |state: &StrategyState| matches!(state, StrategyState::WarmingUp | StrategyState::Running | StrategyState::Stopping);
    lost.retain(|strategy, _| core.strategy(*strategy).is_some_and(|strategy| is_at_work(strategy.state())));
    let unanswered = pending.into_values().collect();
    Ok(Some(Restored { core, settings, instances, lost, unanswered, time, inputs }))
}

/// The record in which each strategy saved something last. What saved nothing is in none: it has nothing that its instance could
/// begin with.
async fn checkpoints(epochs: &[Epoch]) -> Result<BTreeMap<StrategyId, u64>, ReadError> {
    let mut last = BTreeMap::new();
    for epoch in epochs {
        let mut reader = epoch.read();
        while let Some(Entry { number, record, .. }) = reader.next_checkpoint()? {
            if let Record::Input(Input::HookEnded(HookEnded { strategy, answer: Answer::Saved(state), .. })) = record
                && !state.is_empty()
            {
                last.insert(strategy, number);
            }
            tokio::task::consume_budget().await;
        }
    }
    Ok(last)
}

/// Says where the settings of a restored account differ from those that are asked for now.
///
/// # Errors
/// [`RestoreError::OtherMarket`].
pub fn same_market(then: &CoreSettings, now: &CoreSettings) -> Result<(), RestoreError> {
    let symbols = |settings: &CoreSettings| {
        settings.instruments.iter().map(|instrument| instrument.symbol.as_str().to_owned()).collect::<Vec<_>>().join(", ")
    };
    let words = if symbols(then) != symbols(now) {
        format!("it trades {}, and {} is asked for", symbols(then), symbols(now))
    } else if then.series != now.series {
        "its candles are of other timeframes".to_owned()
    } else if then.live != now.live {
        "one of the two is on paper".to_owned()
    } else {
        return Ok(());
    };
    Err(RestoreError::OtherMarket { words })
}

struct Player<'a> {
    replay: Replay,
    /// The record after which each strategy's instance begins; those that are not named begin with their `init`.
    checkpoints: BTreeMap<StrategyId, u64>,
    /// Which components the epoch was written with.
    facts: Option<Facts>,
    /// As they were written last: an epoch that takes over begins with those of the one before.
    settings: Option<CoreSettings>,
    strategies: &'a [LoadedStrategy],
    instances: BTreeMap<StrategyId, Instance>,
    /// Those that were given up, until a new instance begins.
    lost: BTreeMap<StrategyId, Lost>,
    /// What was handed out and is not answered yet.
    pending: BTreeMap<StrategyId, Deliver>,
    time: Timestamp,
    inputs: u64,
}

impl Player<'_> {
    async fn play(&mut self, epoch: u32, entry: Entry) -> Result<(), RestoreError> {
        let Entry { number, time, record } = entry;
        if let Record::Settings(settings) = &record {
            self.settings = Some(CoreSettings::clone(settings));
        }
        if let Record::Facts(facts) = &record {
            self.facts = Some(serde_json::from_slice(facts).map_err(|cause| RestoreError::Facts { epoch, cause })?);
        }
        let (mut saved, mut is_opened) = (None, false);
        if let Record::Input(input) = &record {
            self.time = self.time.max(time);
            self.inputs += 1;
            is_opened = matches!(input, Input::Opened { .. });
            if let Input::HookEnded(ended) = input
                && let Some(deliver) = self.answered(ended)
            {
                match self.checkpoints.get(&ended.strategy) {
                    Some(begins) if number == *begins => saved = Some(deliver),
                    Some(begins) if number < *begins && !matches!(deliver.hook, Hook::Init(_)) => self.hear(&deliver),
                    _ => self.again(deliver, ended).await?,
                }
            }
        }
        let step = self.replay.apply(number, time, record).map_err(|cause| RestoreError::Records { epoch, cause })?;
        for output in step.outputs {
            if let Output::Deliver(deliver) = output {
                self.pending.insert(deliver.strategy, deliver);
            }
        }
        if let Some(core) = self.replay.core().filter(|_| is_opened) {
            // What a shutdown had handed out that did not come to its end is no longer awaited.
            let out = |strategy| core.strategy(strategy).and_then(StrategyView::out);
            self.pending.retain(|strategy, deliver| out(*strategy) == Some(deliver.number));
        }
        if let Some(deliver) = saved {
            self.begin(deliver).await?;
        }
        Ok(())
    }

    /// What was answered, where it is what was asked.
    fn answered(&mut self, ended: &HookEnded) -> Option<Deliver> {
        let is_asked = self.pending.get(&ended.strategy).is_some_and(|deliver| deliver.number == ended.number);
        if is_asked { self.pending.remove(&ended.strategy) } else { None }
    }

    /// Takes note of an event from before the save, for the instance that begins with it.
    fn hear(&mut self, deliver: &Deliver) {
        if let Hook::Event(event) = &deliver.hook
            && let Some(instance) = self.instances.get_mut(&deliver.strategy)
        {
            instance.hear(event);
        }
    }

    /// Begins an instance with what its strategy just saved. One that is on its way out saved it for its next life, unless `on-stop`
    /// is still to be answered.
    async fn begin(&mut self, save: Deliver) -> Result<(), RestoreError> {
        let (strategy, event) = (save.strategy, save.number.get());
        let heard = self.instances.remove(&strategy).and_then(Instance::into_heard);
        let is_asked_to_stop = self.pending.get(&strategy).is_some_and(|deliver| matches!(deliver.hook, Hook::Stop(_)));
        let Some(core) = self.replay.core() else { return Ok(()) };
        let Some(held) = core.strategy(strategy) else { return Ok(()) };
        if *held.state() != StrategyState::Running && !is_asked_to_stop {
            return Ok(());
        }
        let Some(context) = core.init_context(strategy, &save.views) else { return Ok(()) };
        let Some(loaded) = self.strategies.iter().find(|loaded| loaded.id == strategy) else { return Ok(()) };
        let lost = |expected: String, got: String| Lost { event, expected, got };
        if let Some(other) = self.other_component(loaded) {
            let words = "nothing, being another component than the one that saved its state".to_owned();
            self.lost.insert(strategy, lost(format!("as component {other}"), words));
            return Ok(());
        }
        let state = state_of(core, strategy);
        let settings = InstanceSettings { state: state.clone(), ..loaded.settings.clone() };
        let started = loaded.component.instantiate(settings).await;
        let mut instance = started.map_err(|fault| RestoreError::Start { strategy, fault: Box::new(fault) })?;
        let mut got = call(&mut instance, Deliver { hook: Hook::Init(Box::new(context)), ..save }).await;
        if let Some(effects) = &mut got.effects {
            // What it wrote to its store when it began is there already.
            effects.state.retain(|(key, value)| state.get(key) != value.as_ref());
        }
        // What it subscribes to is not compared: what it hears was settled when its strategy began, by how much history there was.
        let answer = match &got.answer {
            subscribed @ Answer::Subscriptions(_) => subscribed.clone(),
            _ => Answer::Subscriptions(held.subscriptions().to_vec()),
        };
        let asked = HookEnded { strategy, number: got.number, answer, effects: None, fuel: 0 };
        if let Some((expected, got)) = difference(&asked, &got) {
            self.lost.insert(strategy, lost(expected, format!("{got}, begun with what it had saved")));
            return Ok(());
        }
        if let Some(heard) = heard {
            instance.take_over(heard);
        }
        self.instances.insert(strategy, instance);
        Ok(())
    }

    /// The component that the epoch was written with, where it is not this one.
    fn other_component(&self, loaded: &LoadedStrategy) -> Option<&str> {
        let facts = self.facts.as_ref()?.strategies.iter().find(|facts| facts.id == loaded.id.get())?;
        (facts.sha256 != hexadecimal(loaded.component.sha256())).then_some(facts.sha256.as_str())
    }

    /// Calls a hook again, as it was called then. What it says is compared and goes nowhere.
    async fn again(&mut self, deliver: Deliver, expected: &HookEnded) -> Result<(), RestoreError> {
        let strategy = deliver.strategy;
        if matches!(deliver.hook, Hook::Init(_)) {
            self.instances.remove(&strategy);
            let Some(loaded) = self.strategies.iter().find(|loaded| loaded.id == strategy) else { return Ok(()) };
            let state = self.replay.core().map(|core| state_of(core, strategy)).unwrap_or_default();
            let settings = InstanceSettings { state, ..loaded.settings.clone() };
            let started = loaded.component.instantiate(settings).await;
            let started = started.map_err(|fault| RestoreError::Start { strategy, fault: Box::new(fault) })?;
            self.instances.insert(strategy, started);
            self.lost.remove(&strategy);
        }
        let Some(instance) = self.instances.get_mut(&strategy) else { return Ok(()) };
        let got = call(instance, deliver).await;
        // The answer of `init` was told how much history there was.
        let is_init = matches!(expected.answer, Answer::Subscriptions(_));
        if !is_init && let Some((expected_words, got)) = difference(expected, &got) {
            self.instances.remove(&strategy);
            self.lost.insert(strategy, Lost { event: expected.number.get(), expected: expected_words, got });
            return Ok(());
        }
        if !instance.is_alive() {
            self.instances.remove(&strategy);
        }
        Ok(())
    }
}
