//! Takes a core and instances through the records of an epoch.

use super::compare::{Difference, difference};
use super::{EpochReport, ReplayFailure, Verdict};
use crate::control::Control;
use crate::journal::{Beginning, Entry, Epoch, Reader};
use crate::run::{Facts, Way, sandbox_settings, state_of};
use calypte_host::{Feed, Instance, InstanceSettings, Strategy};
use calypte_kernel::journal::{Record, Replay, ReplayError};
use calypte_kernel::{Deliver, Hook, HookEnded, Input, Output, StrategyId, Timestamp};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Records between two looks at whether the replay is cancelled.
const RECORDS_PER_LOOK: u64 = 4_096;

/// A component that plays a strategy's part.
pub(super) struct Component {
    pub(super) id: StrategyId,
    pub(super) strategy: Strategy,
}

/// What goes on from one epoch to the next, where a process took over.
#[derive(Default)]
pub(super) struct Carried {
    replay: Replay,
    pending: BTreeMap<StrategyId, Deliver>,
    fuel_left: Option<u64>,
    /// Instances that handle the events again.
    instances: BTreeMap<StrategyId, Instance>,
}

/// A replay of one epoch under way.
pub(super) struct Player {
    epoch: u32,
    reader: Reader,
    replay: Replay,
    control: Arc<Control>,
    /// Bytes of the epochs before this one are counted already.
    counted: u64,
    facts: Option<Facts>,
    components: Vec<Component>,
    /// What the core wants handed to strategies that have a component.
    pending: BTreeMap<StrategyId, Deliver>,
    /// The end of the event that is being handled again, as it was written.
    expected: Option<(Entry, HookEnded)>,
    /// What a look ahead found that was not for whoever asked.
    waiting: Option<Result<Turn, ReplayFailure>>,
    /// Fuel that all strategies together have left; none: not limited.
    fuel_left: Option<u64>,
    events: u64,
    verdict: Verdict,
    /// Whether it goes on with what the epoch before left.
    takes_over: bool,
}

/// What comes next.
enum Turn {
    /// A component is to be asked.
    Call(Deliver),
    /// Nothing is left, or a difference was found.
    End,
}

impl Player {
    /// Opens an epoch; its facts where it has some that can be read.
    pub(super) fn open(epoch: &Epoch, control: &Arc<Control>) -> Result<(Self, Option<Facts>), ReplayFailure> {
        let mut first = epoch.read();
        let mut facts = None;
        // They stand behind the settings, at the beginning of a segment.
        for _ in 0..2 {
            if let Some(Entry { record: Record::Facts(bytes), .. }) = first.next()? {
                facts = serde_json::from_slice::<Facts>(&bytes).ok();
            }
        }
        let player = Self {
            epoch: epoch.number,
            reader: epoch.read(),
            replay: Replay::default(),
            control: Arc::clone(control),
            counted: control.position().0,
            facts: None,
            components: Vec::new(),
            pending: BTreeMap::new(),
            expected: None,
            waiting: None,
            fuel_left: None,
            events: 0,
            verdict: Verdict::Equal,
            takes_over: epoch.beginning()? == Beginning::TakesOver,
        };
        Ok((player, facts))
    }

    pub(super) fn with_components(self, components: Vec<Component>, facts: &Facts) -> Self {
        Self { components, fuel_left: facts.fuel, facts: Some(facts.clone()), ..self }
    }

    /// Plays to the end, or to the first difference. What the epoch before left goes on where a process took it over; a core of
    /// its own replaces all of it, a strategy at a time.
    pub(super) async fn play(self, carried: Carried) -> anyhow::Result<(EpochReport, Carried)> {
        let Carried { mut replay, pending, fuel_left, mut instances } = carried;
        replay.next_epoch();
        let fuel_left = if self.takes_over { fuel_left.or(self.fuel_left) } else { self.fuel_left };
        let mut player = Box::new(Self { replay, pending, fuel_left, ..self });
        loop {
            let turn = player.waiting.take().unwrap_or_else(|| player.advance())?;
            let Turn::Call(deliver) = turn else { return Ok(player.end_epoch(instances)) };
            let strategy = deliver.strategy;
            if matches!(deliver.hook, Hook::Init(_)) {
                // An old instance goes before the new one comes: there is room for one of each.
                instances.remove(&strategy);
                instances.insert(strategy, player.start(strategy).await?);
            }
            let Some(instance) = instances.get_mut(&strategy) else { continue };
            if let Some(left) = player.fuel_left {
                instance.set_run_fuel(left);
            }
            let (feed, ended) = instance.call(deliver, player).await;
            let feed: Box<dyn Any> = feed;
            player = feed.downcast().expect("an instance gives back the feed it was lent");
            if let Some(ended) = ended {
                player.end(&ended);
            }
            tokio::task::consume_budget().await;
        }
    }

    async fn start(&self, id: StrategyId) -> anyhow::Result<Instance> {
        let component = self.components.iter().find(|component| component.id == id);
        let facts = self.facts.as_ref();
        let (component, facts) = component.zip(facts).expect("only strategies with a component are asked");
        let state = self.replay.core().map(|core| state_of(core, id)).unwrap_or_default();
        let settings = sandbox_settings(id, facts.fuel, (facts.fuel_per_event, &facts.limits), facts.seed);
        Ok(component.strategy.instantiate(InstanceSettings { state, ..settings }).await?)
    }

    /// Goes on until a component is to be asked.
    fn advance(&mut self) -> Result<Turn, ReplayFailure> {
        while self.verdict == Verdict::Equal {
            let Some(entry) = self.reader.next()? else { break };
            if entry.number.is_multiple_of(RECORDS_PER_LOOK) {
                self.control.reach(self.counted + self.reader.bytes_read());
                if self.control.is_cancelled() {
                    return Err(ReplayFailure::Cancelled);
                }
            }
            if let Record::Input(Input::HookEnded(ended)) = &entry.record
                && let Some(deliver) = self.pending.remove(&ended.strategy)
            {
                let ended = ended.clone();
                self.expected = Some((entry, ended));
                return Ok(Turn::Call(deliver));
            }
            self.apply(entry)?;
        }
        self.control.reach(self.counted + self.reader.bytes_read());
        Ok(Turn::End)
    }

    fn apply(&mut self, entry: Entry) -> Result<(), ReplayFailure> {
        let Entry { number, time, record } = entry;
        if let Record::Input(Input::HookEnded(ended)) = &record {
            self.fuel_left = self.fuel_left.map(|left| left.saturating_sub(ended.fuel));
        }
        let step = match self.replay.apply(number, time, record) {
            Ok(step) => step,
            Err(ReplayError::Differs(mismatch)) => {
                self.verdict = Verdict::CoreDiffers(mismatch);
                return Ok(());
            }
            Err(cause) => return Err(ReplayFailure::Records { epoch: self.epoch, cause }),
        };
        for output in step.outputs {
            if let Output::Deliver(deliver) = output
                && self.components.iter().any(|component| component.id == deliver.strategy)
            {
                self.pending.insert(deliver.strategy, deliver);
            }
        }
        Ok(())
    }

    /// Takes how the component ended its event: the core goes on with what was written.
    fn end(&mut self, got: &HookEnded) {
        let Some((entry, expected)) = self.expected.take() else { return };
        if let Some((then, now)) = difference(&expected, got) {
            self.verdict = Verdict::ComponentDiffers(self.difference(&expected, entry.time, then, now));
            return;
        }
        self.events += 1;
        if let Err(failure) = self.apply(entry) {
            self.waiting = Some(Err(failure));
        }
    }

    fn difference(&self, ended: &HookEnded, time: Timestamp, expected: String, got: String) -> Difference {
        let strategy = self.facts.as_ref().map_or_else(|| ended.strategy.to_string(), |facts| facts.name_of(ended.strategy));
        Difference { strategy, event: ended.number, time, expected, got }
    }

    fn end_epoch(self: Box<Self>, instances: BTreeMap<StrategyId, Instance>) -> (EpochReport, Carried) {
        let report = self.report();
        (report, Carried { replay: self.replay, pending: self.pending, fuel_left: self.fuel_left, instances })
    }

    fn report(&self) -> EpochReport {
        EpochReport {
            epoch: self.epoch,
            inputs: self.replay.inputs(),
            outputs: self.replay.digest().outputs,
            compared_until: self.replay.compared(),
            events: self.events,
            is_closed: self.replay.is_closed(),
            torn: self.reader.torn().cloned(),
            verdict: self.verdict.clone(),
        }
    }
}

impl Feed for Player {
    fn next(&mut self, ended: HookEnded) -> Option<Deliver> {
        let strategy = ended.strategy;
        self.end(&ended);
        let pulls = self.facts.as_ref().is_some_and(|facts| facts.way == Way::Next.name());
        if !pulls || self.waiting.is_some() || self.verdict != Verdict::Equal {
            return None;
        }
        match self.advance() {
            Ok(Turn::Call(deliver)) if deliver.strategy == strategy && matches!(deliver.hook, Hook::Event(_)) => Some(deliver),
            other => {
                self.waiting = Some(other);
                None
            }
        }
    }
}
