//! Calls into the guest: start, one hook, and the watch around it.

use crate::bindings::calypte::strategy::types as wit;
use crate::bindings::exports::calypte::strategy::lifecycle as hooks;
use crate::convert::{self, NextEvent};
use crate::engine::SandboxSettings;
use crate::fault::{Stop, fault};
use crate::guest::{Broken, Guest, Phase};
use crate::imports::printable;
use crate::instance::{InstanceSettings, Running};
use crate::limits::{InstanceLimits, YIELD_FUEL};
use crate::meter::{Pulse, Watch};
use crate::strategy::{Exports, Strategy};
use calypte_kernel::{Answer, Deliver, Event, Fault, FaultKind, Hook, HookEnded, InitContext, ParamValue};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, TypedFunc};

/// The answer of a hook that returns intents.
type Intents = (Vec<wit::Intent>,);

/// The guest's functions, looked up when first called: an idle instance costs none of them.
pub(crate) struct Hooks {
    instance: Instance,
    exports: Arc<Exports>,
    known: Known,
}

/// A hook that was called before: looking it up compares its type with the contract, which takes as long as a call.
type Called<P> = Option<TypedFunc<(P,), Intents>>;

/// The hooks on events.
#[derive(Default)]
struct Known {
    candle: Called<wit::CandleEvent>,
    trade: Called<wit::TradeEvent>,
    quote: Called<wit::QuoteEvent>,
    book: Called<wit::BookEvent>,
    context: Called<wit::ContextEvent>,
    position: Called<wit::PositionEvent>,
    order: Called<wit::OrderEvent>,
    funding: Called<wit::FundingEvent>,
    balance: Called<wit::BalanceEvent>,
    timer: Called<wit::TimerEvent>,
    feed: Called<wit::FeedEvent>,
}

impl Hooks {
    fn get<P, R>(&self, store: &mut Store<Guest>, export: Option<&ComponentExportIndex>) -> Result<TypedFunc<P, R>, Stop>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let export = export.ok_or_else(|| Broken::contract("the component does not export the hook for this"))?;
        Ok(self.instance.get_typed_func(store, export)?)
    }
}

/// Starts an instance: a store with its limits, the component in it.
pub(crate) async fn start(strategy: &Strategy, settings: InstanceSettings) -> Result<Running, Fault> {
    let cancel = settings.cancel.clone();
    let mut store = Store::new(strategy.sandbox().engine(), Guest::new(settings, strategy.knows()));
    match instantiate(strategy, &mut store).await {
        Ok(instance) if !cancel.is_cancelled() => {
            let hooks = Hooks { instance, exports: Arc::clone(strategy.exports()), known: Known::default() };
            Ok(Running { store, hooks })
        }
        Ok(_) => Err(fault(&store, "start", &Stop::Cancelled)),
        Err(stop) => Err(fault(&store, "start", &stop)),
    }
}

/// A limit that the pool's slots are too small for would not be the one that is broken first.
fn fits(limits: &InstanceLimits, sandbox: &SandboxSettings) -> Result<(), Stop> {
    let (wanted, most) = (limits.memory_bytes_max, sandbox.memory_bytes_max);
    if wanted <= most {
        return Ok(());
    }
    let detail = format!(
        "the instance may use {wanted} bytes of memory, and the sandbox has room for {most}: lower the limit of the instance \
         or raise the sandbox's"
    );
    Err(Stop::Failed(wasmtime::Error::new(Broken { kind: FaultKind::NoRoom, detail })))
}

async fn instantiate(strategy: &Strategy, store: &mut Store<Guest>) -> Result<Instance, Stop> {
    store.limiter(|guest| &mut guest.memory);
    let limits = &store.data().limits;
    fits(limits, strategy.sandbox().settings())?;
    let (handles, lifted, init, wall) = (limits.handles_max, limits.lift_bytes_max, limits.fuel_init, limits.wall_ms_init);
    store.set_max_component_handles(handles);
    store.set_hostcall_fuel(lifted);
    let fuel = store.data_mut().meter.open(init);
    store.set_fuel(fuel)?;
    store.fuel_async_yield_interval(Some(YIELD_FUEL))?;
    let pulse = Arc::clone(&store.data().pulse);
    let cancel = store.data().cancel.clone();
    let watch = Watch::new(wall, &pulse);
    let instance = watched(strategy.pre().instantiate_async(&mut *store), watch, &pulse, || cancel.is_cancelled()).await?;
    close(store);
    Ok(instance)
}

/// Asks an instance that has not begun what it says of itself.
pub(crate) async fn describe(running: &mut Running) -> Result<hooks::Manifest, Fault> {
    let described = async {
        let exports = Arc::clone(&running.hooks.exports);
        let function = running.hooks.get::<(), (hooks::Manifest,)>(&mut running.store, Some(&exports.describe))?;
        let guest = running.store.data_mut();
        let init = guest.limits.fuel_init;
        let fuel = guest.meter.open(init);
        running.store.set_fuel(fuel)?;
        let (manifest,) = call(running, function, ()).await?;
        close(&mut running.store);
        Ok(manifest)
    };
    let described: Result<_, Stop> = described.await;
    described.map_err(|stop| fault(&running.store, "describe", &stop))
}

/// Charges what was used since the meter was opened.
fn close(store: &mut Store<Guest>) -> u64 {
    let left = store.get_fuel().unwrap_or_default();
    store.data_mut().meter.close(left)
}

/// Handles one delivery, and whatever the feed gave that `events.next` could not hand out.
pub(crate) async fn deliver(running: &mut Running, deliver: Deliver) -> Option<HookEnded> {
    let mut deliver = deliver;
    loop {
        let ended = one(running, deliver).await;
        let leftover = running.store.data_mut().leftover.take();
        let faulted = ended.as_ref().is_some_and(|ended| matches!(ended.answer, Answer::Fault(_)));
        match leftover {
            // Its end went to the feed, so nothing of `ended` is lost here: the call was over.
            Some(next) if !faulted && ended.is_none() => deliver = next,
            _ => return ended,
        }
    }
}

async fn one(running: &mut Running, deliver: Deliver) -> Option<HookEnded> {
    let guest = running.store.data_mut();
    guest.events_in_call = 1;
    guest.meter.begin_call();
    let (hook, fuel) = guest.open(deliver);
    let name = name(&hook);
    let answer = match running.store.set_fuel(fuel) {
        Ok(()) => answer(running, hook).await,
        Err(error) => Err(Stop::Failed(error)),
    };
    let answer = answer.and_then(|answer| check_left(running, answer));
    match answer {
        Ok(answer) => {
            let fuel = close(&mut running.store);
            let guest = running.store.data_mut();
            (guest.phase != Phase::Ended).then(|| guest.end(answer, fuel))
        }
        Err(stop) => {
            let fault = fault(&running.store, name, &stop);
            let guest = running.store.data_mut();
            guest.effects = None;
            let fuel = fault.fuel;
            Some(guest.end(Answer::Fault(Box::new(fault)), fuel))
        }
    }
}

/// After the hook returned: did it stay within its fuel, host work included, and within the contract?
fn check_left(running: &mut Running, answer: Answer) -> Result<Answer, Stop> {
    let left = running.store.get_fuel()?;
    let guest = running.store.data();
    guest.meter.check(left)?;
    let over = matches!(guest.phase, Phase::Ended | Phase::Closing);
    if over && !matches!(&answer, Answer::Intents(intents) if intents.is_empty()) {
        return Err(Stop::Failed(Broken::contract(
            "intents were returned after events.next had returned none: the event they would belong to had ended",
        )));
    }
    Ok(answer)
}

/// Name of a hook in faults.
const fn name(hook: &Hook) -> &'static str {
    match hook {
        Hook::Init(_) => "init",
        Hook::Params(_) => "on-params",
        Hook::Stop(_) => "on-stop",
        Hook::Save => "save",
        Hook::Event(event) => match event {
            Event::Candle(_) => "on-candle",
            Event::Trade(_) => "on-trade",
            Event::Quote(_) => "on-quote",
            Event::Book(_) => "on-book",
            Event::Context(_) => "on-context",
            Event::Position(_) => "on-position",
            Event::Order(_) => "on-order",
            Event::Funding(_) => "on-funding",
            Event::Balance(_) => "on-balance",
            Event::Timer(_) => "on-timer",
            Event::Feed(_) => "on-feed",
        },
    }
}

async fn answer(running: &mut Running, hook: Hook) -> Result<Answer, Stop> {
    match hook {
        Hook::Event(event) => {
            if !running.store.data().knows.contains(event.kind()) {
                // The guest has no hook for it: nothing happens.
                return Ok(Answer::Intents(Vec::new()));
            }
            on_event(running, &event).await
        }
        other => rare(running, other).await,
    }
}

async fn on_event(running: &mut Running, event: &Event) -> Result<Answer, Stop> {
    let exports = Arc::clone(&running.hooks.exports);
    // Boxed where rare, so that the future of a candle is small.
    let (intents,) = match convert::event(event)? {
        NextEvent::Candle(event) => hook(running, exports.candle.as_ref(), |known| &mut known.candle, event).await?,
        NextEvent::Trade(event) => Box::pin(hook(running, exports.trade.as_ref(), |known| &mut known.trade, event)).await?,
        NextEvent::Quote(event) => Box::pin(hook(running, exports.quote.as_ref(), |known| &mut known.quote, event)).await?,
        NextEvent::Book(event) => Box::pin(hook(running, exports.book.as_ref(), |known| &mut known.book, *event)).await?,
        NextEvent::Context(event) => {
            Box::pin(hook(running, exports.context.as_ref(), |known| &mut known.context, *event)).await?
        }
        NextEvent::Position(event) => {
            Box::pin(hook(running, exports.position.as_ref(), |known| &mut known.position, *event)).await?
        }
        NextEvent::Order(event) => Box::pin(hook(running, exports.order.as_ref(), |known| &mut known.order, *event)).await?,
        NextEvent::Funding(event) => {
            Box::pin(hook(running, exports.funding.as_ref(), |known| &mut known.funding, *event)).await?
        }
        NextEvent::Balance(event) => {
            Box::pin(hook(running, exports.balance.as_ref(), |known| &mut known.balance, *event)).await?
        }
        NextEvent::Timer(event) => Box::pin(hook(running, exports.timer.as_ref(), |known| &mut known.timer, event)).await?,
        NextEvent::Feed(event) => Box::pin(hook(running, exports.feed.as_ref(), |known| &mut known.feed, event)).await?,
    };
    intents_of(running, intents)
}

fn intents_of(running: &Running, intents: Vec<wit::Intent>) -> Result<Answer, Stop> {
    Ok(Answer::Intents(convert::intents(intents, &running.store.data().limits)?))
}

async fn hook<P>(
    running: &mut Running,
    export: Option<&ComponentExportIndex>,
    known: fn(&mut Known) -> &mut Called<P>,
    event: P,
) -> Result<Intents, Stop>
where
    P: Lower + Send + Sync,
    (P,): ComponentNamedList + Lower,
{
    let function = match *known(&mut running.hooks.known) {
        Some(function) => function,
        None => running.hooks.get::<(P,), Intents>(&mut running.store, export)?,
    };
    *known(&mut running.hooks.known) = Some(function);
    call(running, function, (event,)).await
}

async fn rare(running: &mut Running, hook: Hook) -> Result<Answer, Stop> {
    match hook {
        Hook::Init(context) => Box::pin(init(running, &context)).await,
        Hook::Params(parameters) => Box::pin(params(running, &parameters)).await,
        Hook::Stop(reason) => {
            let export = running.hooks.exports.on_stop;
            let reason = convert::stop_reason(reason);
            let function = running.hooks.get::<(hooks::StopReason,), Intents>(&mut running.store, Some(&export))?;
            let (intents,) = Box::pin(call(running, function, (reason,))).await?;
            intents_of(running, intents)
        }
        Hook::Save => Box::pin(save(running)).await,
        Hook::Event(event) => Box::pin(on_event(running, &event)).await,
    }
}

async fn init(running: &mut Running, context: &InitContext) -> Result<Answer, Stop> {
    type Answered = (Result<Vec<hooks::Subscription>, String>,);
    let context = convert::context(context)?;
    let export = running.hooks.exports.init;
    let function = running.hooks.get::<(hooks::Context,), Answered>(&mut running.store, Some(&export))?;
    match call(running, function, (context,)).await?.0 {
        Ok(subscriptions) => {
            let guest = running.store.data_mut();
            let subscriptions = convert::subscriptions(subscriptions, &guest.limits)?;
            guest.market.subscribed(&subscriptions, &guest.limits);
            Ok(Answer::Subscriptions(subscriptions))
        }
        Err(words) => Ok(refused(&words, &running.store.data().limits)),
    }
}

async fn params(running: &mut Running, parameters: &[(String, ParamValue)]) -> Result<Answer, Stop> {
    type Answered = (Result<(), String>,);
    let Some(export) = running.hooks.exports.on_params else {
        return Ok(Answer::Refused("the strategy does not take new parameters while it runs".to_owned()));
    };
    let parameters = convert::parameters(parameters)?;
    let function = running.hooks.get::<(Vec<(String, hooks::ParamValue)>,), Answered>(&mut running.store, Some(&export))?;
    match call(running, function, (parameters,)).await?.0 {
        Ok(()) => Ok(Answer::Accepted),
        Err(words) => Ok(refused(&words, &running.store.data().limits)),
    }
}

async fn save(running: &mut Running) -> Result<Answer, Stop> {
    let Some(export) = running.hooks.exports.save else { return Ok(Answer::Saved(Vec::new())) };
    let function = running.hooks.get::<(), (Vec<u8>,)>(&mut running.store, Some(&export))?;
    let (saved,) = call(running, function, ()).await?;
    let max = running.store.data().limits.save_bytes_max;
    if saved.len() > max {
        let words = format!("save returned {} bytes; the limit is {max}", saved.len());
        return Err(Stop::Failed(Broken::contract(words)));
    }
    Ok(Answer::Saved(saved))
}

fn refused(words: &str, limits: &InstanceLimits) -> Answer {
    Answer::Refused(printable(words, limits.text_bytes_max))
}

/// Calls a function of the guest, watched, and proves that it left nothing running.
async fn call<P, R>(running: &mut Running, function: TypedFunc<P, R>, parameters: P) -> Result<R, Stop>
where
    P: ComponentNamedList + Lower + Send + Sync,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    let store = &mut running.store;
    let guest = store.data();
    let (pulse, cancel) = (Arc::clone(&guest.pulse), guest.cancel.clone());
    let watch = Watch::new(guest.wall_ms, &pulse);
    let result = watched(function.call_async(&mut *store, parameters), watch, &pulse, || cancel.is_cancelled()).await?;
    // The call is over when the hook has returned its answer, which its task may outlive. Nothing of it may be left.
    let idle = store.run_concurrent(async |accessor| {
        poll_fn(|context| Poll::Ready(accessor.poll_no_interesting_tasks(context).is_ready())).await
    });
    if idle.await? { Ok(result) } else { Err(Stop::TaskLeft) }
}

/// Polls the guest; looks at the wall clock and the switch whenever it yields. It waits for nothing else: every import answers
/// at once, and a guest that waits for something that cannot come is ended by the runtime.
async fn watched<T>(
    future: impl Future<Output = wasmtime::Result<T>>,
    mut watch: Watch,
    pulse: &Pulse,
    cancelled: impl Fn() -> bool,
) -> Result<T, Stop> {
    let mut future = pin!(future);
    poll_fn(|context| {
        if cancelled() {
            return Poll::Ready(Err(Stop::Cancelled));
        }
        // The runtime's advisories are panics: one must stay one instance's problem. What it leaves is dropped, never used again.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Ready(result)) => Poll::Ready(result.map_err(Stop::Failed)),
            Ok(Poll::Pending) if watch.is_over(pulse) => Poll::Ready(Err(Stop::WallClock)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(Err(Stop::Panicked)),
        }
    })
    .await
}

impl Running {
    /// Checks the type of every hook against the contract, parameter by parameter.
    ///
    /// # Errors
    /// The hook and what is wrong with it.
    pub(crate) fn check_types(&mut self) -> Result<(), (String, wasmtime::Error)> {
        type Refusable<T> = (Result<T, String>,);
        let exports = Arc::clone(&self.hooks.exports);
        self.check::<(), (hooks::Manifest,)>("describe", Some(&exports.describe))?;
        self.check::<(hooks::Context,), Refusable<Vec<hooks::Subscription>>>("init", Some(&exports.init))?;
        self.check::<(hooks::StopReason,), Intents>("on-stop", Some(&exports.on_stop))?;
        self.check::<(wit::CandleEvent,), Intents>("on-candle", exports.candle.as_ref())?;
        self.check::<(wit::TradeEvent,), Intents>("on-trade", exports.trade.as_ref())?;
        self.check::<(wit::QuoteEvent,), Intents>("on-quote", exports.quote.as_ref())?;
        self.check::<(wit::BookEvent,), Intents>("on-book", exports.book.as_ref())?;
        self.check::<(wit::ContextEvent,), Intents>("on-context", exports.context.as_ref())?;
        self.check::<(wit::PositionEvent,), Intents>("on-position", exports.position.as_ref())?;
        self.check::<(wit::OrderEvent,), Intents>("on-order", exports.order.as_ref())?;
        self.check::<(wit::FundingEvent,), Intents>("on-funding", exports.funding.as_ref())?;
        self.check::<(wit::BalanceEvent,), Intents>("on-balance", exports.balance.as_ref())?;
        self.check::<(wit::TimerEvent,), Intents>("on-timer", exports.timer.as_ref())?;
        self.check::<(wit::FeedEvent,), Intents>("on-feed", exports.feed.as_ref())?;
        self.check::<(Vec<(String, hooks::ParamValue)>,), Refusable<()>>("on-params", exports.on_params.as_ref())?;
        self.check::<(), (Vec<u8>,)>("save", exports.save.as_ref())
    }

    fn check<P, R>(&mut self, name: &str, export: Option<&ComponentExportIndex>) -> Result<(), (String, wasmtime::Error)>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let Some(export) = export else { return Ok(()) };
        let function = self.hooks.instance.get_typed_func::<P, R>(&mut self.store, export);
        function.map(drop).map_err(|error| (name.to_owned(), error))
    }
}
