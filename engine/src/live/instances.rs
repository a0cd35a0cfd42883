//! The instances of an account: a task for each strategy, which calls one hook after the other.

use super::cores::Cores;
use crate::run::state_of;
use calypte_host::{Instance, InstanceSettings, NoFeed, Strategy};
use calypte_kernel::{Answer, Deliver, EventNumber, Fault, FaultKind, Hook, HookEnded, StrategyId, TradingCore};
use std::any::Any;
use std::collections::BTreeMap;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A strategy that can be started.
#[derive(Clone)]
pub struct LoadedStrategy {
    /// Its number in the account.
    pub id: StrategyId,
    /// Its name among the account's.
    pub name: String,
    /// The component.
    pub component: Strategy,
    /// What an instance of it begins with.
    pub settings: InstanceSettings,
    /// What it computes on, with all others of the process.
    pub cores: Cores,
}

/// A hook to call.
struct Call {
    deliver: Deliver,
    /// Of `init`: what the strategy's key-value store holds.
    state: BTreeMap<String, Vec<u8>>,
}

/// Tasks that call hooks. Dropping it ends them, and with them their instances.
#[derive(Debug)]
pub struct Instances {
    lanes: BTreeMap<StrategyId, mpsc::Sender<Call>>,
    /// Answers that the core is owed although no task can give them.
    answers: mpsc::Sender<HookEnded>,
    tasks: JoinSet<()>,
}

impl Instances {
    /// Starts a task for each strategy; some have an instance already. Answers come from the receiver, in no order among
    /// strategies.
    pub fn start(
        strategies: &[LoadedStrategy],
        mut at_work: BTreeMap<StrategyId, Instance>,
    ) -> (Self, mpsc::Receiver<HookEnded>) {
        // At most one hook of each strategy is out, so that nobody ever waits for room.
        let (answers, ended) = mpsc::channel(strategies.len().max(1));
        let mut tasks = JoinSet::new();
        let mut lanes = BTreeMap::new();
        for strategy in strategies {
            let (lane, calls) = mpsc::channel(1);
            tasks.spawn(serve(strategy.clone(), at_work.remove(&strategy.id), calls, answers.clone()));
            lanes.insert(strategy.id, lane);
        }
        (Self { lanes, answers, tasks }, ended)
    }

    /// Hands an event to its strategy. The answer comes later, whatever becomes of the task.
    pub fn deliver(&mut self, core: &TradingCore, deliver: Deliver) {
        let (strategy, number) = (deliver.strategy, deliver.number);
        let state = match deliver.hook {
            Hook::Init(_) => state_of(core, deliver.strategy),
            _ => BTreeMap::new(),
        };
        let call = Call { deliver, state };
        let lane = self.lanes.get(&strategy);
        let is_out = lane.is_some_and(|lane| lane.try_send(call).is_ok());
        if !is_out {
            // The task is gone, or was never there: the core hears of it as of any other fault.
            let gone = fault(strategy, number, "no task runs this strategy");
            if self.answers.try_send(gone).is_err() {
                tracing::error!(%strategy, "the end of a hook found no room: the strategy stays as it is until it is stopped");
            }
        }
    }

    /// How many tasks still run.
    pub fn alive(&self) -> usize {
        self.tasks.len()
    }
}

fn fault(strategy: StrategyId, number: EventNumber, detail: &str) -> HookEnded {
    let fault =
        Fault { kind: FaultKind::Cancelled, function: "call".to_owned(), event: number, fuel: 0, detail: detail.to_owned() };
    HookEnded { strategy, number, answer: Answer::Fault(Box::new(fault)), effects: None, fuel: 0 }
}

/// Calls the hooks of one strategy until nobody asks any more.
async fn serve(
    strategy: LoadedStrategy,
    mut instance: Option<Instance>,
    mut calls: mpsc::Receiver<Call>,
    answers: mpsc::Sender<HookEnded>,
) {
    let mut share = strategy.cores.share();
    while let Some(Call { deliver, state }) = calls.recv().await {
        let (id, number) = (deliver.strategy, deliver.number);
        if matches!(deliver.hook, Hook::Init(_)) {
            // An old instance goes before the new one comes: there is room for one of each.
            drop(instance.take());
            let settings = InstanceSettings { state, ..strategy.settings.clone() };
            match strategy.component.instantiate(settings).await {
                Ok(started) => instance = Some(started),
                Err(failed) => {
                    let answer = Answer::Fault(Box::new(Fault { event: number, ..failed }));
                    let ended = HookEnded { strategy: id, number, answer, effects: None, fuel: 0 };
                    if answers.send(ended).await.is_err() {
                        return;
                    }
                    continue;
                }
            }
        }
        let ended = match &mut instance {
            Some(instance) => share.compute(call(instance, deliver), |ended| ended.fuel).await,
            None => fault(id, number, "it has no instance: its init was not called, or the journal did not give it back"),
        };
        if answers.send(ended).await.is_err() {
            return;
        }
    }
}

/// Calls one hook. A guest that asks for the next event gets none: the one at hand has to be journalled first.
pub(crate) async fn call(instance: &mut Instance, deliver: Deliver) -> HookEnded {
    let (strategy, number) = (deliver.strategy, deliver.number);
    let (feed, ended) = instance.call(deliver, Box::new(NoFeed::default())).await;
    if let Some(ended) = ended {
        return ended;
    }
    let feed: Box<dyn Any> = feed;
    let pulled = feed.downcast::<NoFeed>().ok().and_then(|feed| feed.ended);
    pulled.unwrap_or_else(|| fault(strategy, number, "the hook ended without an answer"))
}
