//! What a store holds for its guest: the state behind the imports, and the event that is open.

use crate::imports::chart::ChartNames;
use crate::imports::market::Market;
use crate::imports::state::StateStore;
use crate::imports::wasi::Wasi;
use crate::instance::{Cancel, Feed, InstanceSettings};
use crate::limits::InstanceLimits;
use crate::meter::{MemoryMeter, Meter, Pulse};
use calypte_kernel::{
    Answer, Deliver, Effects, Event, EventNumber, FaultKind, Hook, HookEnded, KnownEvents, StrategyId, Timestamp, Views,
};
use std::sync::Arc;

/// The store's data.
pub(crate) struct Guest {
    /// Limits of the instance.
    pub(crate) limits: InstanceLimits,
    /// Wall-clock milliseconds that the present call or event may take: more until it has begun.
    pub(crate) wall_ms: u64,
    /// Sums memories and tables.
    pub(crate) memory: MemoryMeter,
    /// Fuel of the event and of the run.
    pub(crate) meter: Meter,
    /// What the imports may do now.
    pub(crate) phase: Phase,
    /// The event being handled, or the last one handled.
    pub(crate) event: EventId,
    /// The account as of the event; none before the first.
    pub(crate) views: Option<Views>,
    /// What the event did so far; none while it is nothing, so that an idle event allocates nothing.
    pub(crate) effects: Option<Box<Effects>>,
    /// Bytes of the event's log, and how often it drew: limits that `effects` does not count by itself.
    pub(crate) log_bytes: usize,
    /// The key-value store.
    pub(crate) state: StateStore,
    /// What is known of the market.
    pub(crate) market: Market,
    /// Names of chart series.
    pub(crate) chart: ChartNames,
    /// What its language asks of an operating system.
    pub(crate) wasi: Wasi,
    /// Kinds of event the component has hooks for.
    pub(crate) knows: KnownEvents,
    /// Where the next event comes from, for as long as a call lasts.
    pub(crate) feed: Option<Box<dyn Feed>>,
    /// A delivery the feed gave that is not for `next`; the call handles it afterwards.
    pub(crate) leftover: Option<Deliver>,
    /// Events that the strategy was handed since its `init`.
    pub(crate) events: u64,
    /// Events handed out in this call.
    pub(crate) events_in_call: u32,
    /// Tells the call's watch which event is open.
    pub(crate) pulse: Arc<Pulse>,
    /// Set from outside to end the run.
    pub(crate) cancel: Cancel,
}

/// What is going on in the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Instantiation or `describe`: no import may be called.
    Outside,
    /// A hook that returns intents on an event.
    Event,
    /// `init`, `on-params`, `on-stop`, `save`.
    Other,
    /// The event ended through `next`, and its end has been handed to the feed.
    Ended,
    /// The event ended through `next`, and its end is reported when the hook returns.
    Closing,
}

/// Which event of which strategy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventId {
    pub(crate) strategy: StrategyId,
    pub(crate) number: EventNumber,
}

/// The guest broke a rule that the host checks. Travels through the runtime as its error and comes back as a fault.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Broken {
    pub(crate) kind: FaultKind,
    pub(crate) detail: String,
}

impl Broken {
    /// A breach of the contract.
    pub(crate) fn contract(detail: impl Into<String>) -> wasmtime::Error {
        wasmtime::Error::new(Self { kind: FaultKind::Contract, detail: detail.into() })
    }
}

impl Guest {
    pub(crate) fn new(settings: InstanceSettings, knows: KnownEvents) -> Self {
        let limits = settings.limits;
        Self {
            memory: MemoryMeter::new(&limits),
            meter: Meter::new(limits.fuel_per_run),
            wall_ms: limits.wall_ms_init,
            phase: Phase::Outside,
            event: EventId { strategy: settings.strategy, number: EventNumber::new(0) },
            views: None,
            effects: None,
            log_bytes: 0,
            state: StateStore::new(settings.state),
            market: Market::default(),
            chart: ChartNames::default(),
            wasi: Wasi::new(settings.seed, limits.handles_max),
            knows,
            feed: None,
            leftover: None,
            events: 0,
            events_in_call: 0,
            pulse: Arc::default(),
            cancel: settings.cancel,
            limits,
        }
    }

    /// Opens an event: its number, its time, its views, its meters. Returns the fuel it may use.
    pub(crate) fn open(&mut self, deliver: Deliver) -> (Hook, u64) {
        let Deliver { strategy, number, hook, views } = deliver;
        self.wall_ms = if matches!(hook, Hook::Init(_)) { self.limits.wall_ms_init } else { self.limits.wall_ms_per_event };
        let event = EventId { strategy, number };
        let budget = match &hook {
            Hook::Event(what) => {
                let fuel = self.open_event(event, views, what);
                return (hook, fuel);
            }
            Hook::Init(context) => {
                self.market.begin(context);
                self.limits.fuel_init
            }
            Hook::Params(_) | Hook::Stop(_) | Hook::Save => self.limits.fuel_per_event,
        };
        self.begin(event, views, Phase::Other);
        (hook, self.meter.open(budget))
    }

    /// Opens an event for one of the hooks that return intents. Returns the fuel it may use.
    #[inline]
    pub(crate) fn open_event(&mut self, event: EventId, views: Views, what: &Event) -> u64 {
        self.begin(event, views, Phase::Event);
        self.hear(what);
        self.meter.open(self.limits.fuel_per_event)
    }

    /// Takes note of an event of the strategy.
    #[inline]
    pub(crate) fn hear(&mut self, what: &Event) {
        self.market.observe(what, &self.limits);
        self.events += 1;
    }

    #[inline]
    fn begin(&mut self, event: EventId, views: Views, phase: Phase) {
        self.event = event;
        self.views = Some(views);
        self.log_bytes = 0;
        self.pulse.opened();
        self.phase = phase;
    }

    /// Closes the open event.
    pub(crate) fn end(&mut self, answer: Answer, fuel: u64) -> HookEnded {
        HookEnded { strategy: self.event.strategy, number: self.event.number, answer, effects: self.effects.take(), fuel }
    }

    /// The time of the event.
    pub(crate) fn now(&self) -> Timestamp {
        self.views.as_ref().map_or(Timestamp::from_millis(0), |views| views.now)
    }

    /// Before an import reads: is there an event at all?
    pub(crate) fn read(&mut self, work: u64) -> wasmtime::Result<()> {
        if self.phase == Phase::Outside {
            return Err(Broken::contract(
                "an import was called outside a hook: describe and start functions must not call any",
            ));
        }
        self.meter.work(work)
    }

    /// Before an import writes: is the event still open? Gives what the event did so far.
    pub(crate) fn write(&mut self, work: u64) -> wasmtime::Result<()> {
        self.read(work)?;
        if matches!(self.phase, Phase::Ended | Phase::Closing) {
            return Err(Broken::contract(
                "the event had ended: after events.next returned none, a hook may only return an empty list",
            ));
        }
        Ok(())
    }

    /// What the event did so far, for adding to it.
    pub(crate) fn effects(&mut self) -> &mut Effects {
        self.effects.get_or_insert_default()
    }
}
