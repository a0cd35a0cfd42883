//! An instance: one store, one strategy, one hook at a time. One that faulted is gone and cannot be called again.

use crate::call::{self, Hooks};
use crate::guest::Guest;
use crate::limits::InstanceLimits;
use crate::strategy::Strategy;
use calypte_kernel::{Answer, Deliver, Fault, FaultKind, HookEnded, StrategyId};
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use wasmtime::Store;

/// Where an instance's next event comes from while a hook call lasts.
pub trait Feed: Any + Send {
    /// The event handed out last ended without intents: take its end, give the next delivery for this instance if one is
    /// waiting. Never waits.
    fn next(&mut self, ended: HookEnded) -> Option<Deliver>;
}

/// A feed with nothing in it: every event gets a hook call of its own.
///
/// It takes the end of an event whose guest asked for the next one, since the call then has none to return.
#[derive(Debug, Default)]
pub struct NoFeed {
    /// The end, until it is taken.
    pub ended: Option<HookEnded>,
}

impl Feed for NoFeed {
    fn next(&mut self, ended: HookEnded) -> Option<Deliver> {
        self.ended = Some(ended);
        None
    }
}

/// Ends runs from outside. Clones share one switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Ends every run that shares the switch, at its next yield or event.
    pub fn cancel(&self) {
        self.0.store(true, Relaxed);
    }

    /// Whether it was thrown.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// What an instance begins with.
#[derive(Debug, Clone)]
pub struct InstanceSettings {
    /// Which deployment it is of.
    pub strategy: StrategyId,
    /// Its limits.
    pub limits: InstanceLimits,
    /// What its key-value store holds from before.
    pub state: BTreeMap<String, Vec<u8>>,
    /// Seed of whatever the guest's language takes for randomness.
    pub seed: u64,
    /// Ends it from outside.
    pub cancel: Cancel,
}

impl InstanceSettings {
    /// For a deployment that never ran.
    pub fn new(strategy: StrategyId) -> Self {
        Self { strategy, limits: InstanceLimits::default(), state: BTreeMap::new(), seed: 0, cancel: Cancel::default() }
    }
}

/// A running component.
pub struct Instance {
    strategy: StrategyId,
    running: Option<Running>,
    /// Why it is gone.
    fault: Option<Box<Fault>>,
}

/// The store and what is called in it.
pub(crate) struct Running {
    pub(crate) store: Store<Guest>,
    pub(crate) hooks: Hooks,
}

impl Instance {
    pub(crate) const fn new(strategy: StrategyId, running: Running) -> Self {
        Self { strategy, running: Some(running), fault: None }
    }

    /// Whether it can be called: it has not faulted.
    pub const fn is_alive(&self) -> bool {
        self.running.is_some()
    }

    /// What the run has left for the events that follow: for runs in which several instances spend from one budget.
    pub fn set_run_fuel(&mut self, left: u64) {
        if let Some(running) = &mut self.running {
            running.store.data_mut().meter.set_run_left(left);
        }
    }

    pub(crate) fn guest_mut(&mut self) -> Option<&mut Guest> {
        self.running.as_mut().map(|running| running.store.data_mut())
    }

    /// Bytes of its memories and tables.
    pub fn memory_bytes(&self) -> usize {
        self.running.as_ref().map_or(0, |running| running.store.data().memory.bytes())
    }

    /// Calls the hook of a delivery. The answer is none where the last event handed out had already ended through
    /// `events.next`: its end then went to the feed.
    ///
    /// The call runs until the guest returns, faults, or breaks a limit; it yields to the executor on the way. Dropping the
    /// future ends the instance.
    pub async fn call(&mut self, deliver: Deliver, feed: Box<dyn Feed>) -> (Box<dyn Feed>, Option<HookEnded>) {
        // Taken out for the time of the call: one that is dropped half way, or faults, never comes back.
        let Some(mut running) = self.running.take() else {
            return (feed, Some(self.gone(&deliver)));
        };
        running.store.data_mut().feed = Some(feed);
        let ended = call::deliver(&mut running, deliver).await;
        let feed = running.store.data_mut().feed.take().unwrap_or_else(|| Box::new(NoFeed::default()));
        if let Some(HookEnded { answer: Answer::Fault(fault), .. }) = &ended {
            self.fault = Some(fault.clone());
            // Where the runtime panicked, tearing the store down may panic again: that too ends here.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(running)));
        } else {
            self.running = Some(running);
        }
        (feed, ended)
    }

    /// The answer of an instance that is gone: what it failed with, again. A guest that fails after its event had ended through
    /// `events.next` is only heard of here.
    fn gone(&self, deliver: &Deliver) -> HookEnded {
        let fault = match &self.fault {
            Some(fault) => Fault { detail: format!("{}; the instance is gone since", fault.detail), ..Fault::clone(fault) },
            None => Fault {
                kind: FaultKind::Cancelled,
                function: "call".to_owned(),
                event: deliver.number,
                fuel: 0,
                detail: "a call was given up half way; the instance is gone since".to_owned(),
            },
        };
        let (strategy, number) = (deliver.strategy, deliver.number);
        HookEnded { strategy, number, answer: Answer::Fault(Box::new(fault)), effects: None, fuel: 0 }
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Instance")
            .field("strategy", &self.strategy)
            .field("alive", &self.is_alive())
            .finish_non_exhaustive()
    }
}

impl Strategy {
    /// Starts an instance.
    ///
    /// # Errors
    /// Where its memories do not fit the limits, or its start functions fail.
    pub async fn instantiate(&self, settings: InstanceSettings) -> Result<Instance, Fault> {
        let strategy = settings.strategy;
        match call::start(self, settings).await {
            Ok(running) => Ok(Instance::new(strategy, running)),
            Err(fault) => Err(fault),
        }
    }
}
