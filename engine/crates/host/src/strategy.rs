//! A loaded component: what it says of itself, which hooks it has, and how to start it.

use crate::call;
use crate::convert;
use crate::engine::Sandbox;
use crate::fault::chain;
use crate::guest::Guest;
use crate::instance::InstanceSettings;
use calypte_kernel::{EventKind, Fault, KnownEvents, ParamValue, StrategyId};
use std::sync::Arc;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

/// Bytes of a strategy's or a parameter's name.
const NAME_BYTES_MAX: usize = 64;
/// Bytes of a description or a doc.
const TEXT_BYTES_MAX: usize = 4_096;
/// Parameters of a strategy.
const PARAMETERS_MAX: usize = 256;
/// Choices of a parameter.
const CHOICES_MAX: usize = 256;
/// Shortest tick interval.
const TICK_INTERVAL_MS_MIN: u64 = 100;

/// A component that passed every check and may be started.
#[derive(Clone)]
pub struct Strategy {
    inner: Arc<Inner>,
}

struct Inner {
    sandbox: Sandbox,
    sha256: [u8; 32],
    pre: InstancePre<Guest>,
    exports: Arc<Exports>,
    knows: KnownEvents,
    manifest: Manifest,
}

/// What a strategy says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// Its name: lower case, digits and hyphens.
    pub name: String,
    /// Its version, as the author counts.
    pub version: String,
    /// What it does.
    pub description: String,
    /// What can be set.
    pub parameters: Vec<Parameter>,
    /// The kinds of data it may subscribe to.
    pub feeds: Vec<FeedKind>,
    /// Tick interval of a clocked strategy.
    pub tick_interval_ms: Option<u64>,
}

/// A parameter: what the trader may set. All values in it are of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name: lower case, digits and hyphens.
    pub name: String,
    /// What it does.
    pub doc: String,
    /// Value where the trader sets none.
    pub default: ParamValue,
    /// Smallest value.
    pub min: Option<ParamValue>,
    /// Largest value.
    pub max: Option<ParamValue>,
    /// Step of a sweep.
    pub step: Option<ParamValue>,
    /// The only texts allowed; empty: any.
    pub choices: Vec<String>,
}

/// Kinds of market data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeedKind {
    /// Closed candles.
    Candles,
    /// Public trades.
    Trades,
    /// Best bid and offer.
    Quotes,
    /// Book snapshots.
    Book,
    /// Mark price and its kin.
    Context,
}

/// Why a component is not a strategy.
#[derive(Debug, thiserror::Error)]
pub enum StrategyError {
    /// It does not fit the contract: the author builds it against another one.
    #[error("{item}: {problem}")]
    Contract {
        /// The export or import concerned.
        item: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It failed while it was asked what it is.
    #[error("it failed before it could say what it is")]
    Failed(#[source] Fault),
    /// It says nonsense of itself.
    #[error("its manifest is not valid: {0}")]
    Manifest(String),
}

/// Places of the exports, found once.
#[derive(Debug)]
pub(crate) struct Exports {
    pub(crate) describe: ComponentExportIndex,
    pub(crate) init: ComponentExportIndex,
    pub(crate) on_stop: ComponentExportIndex,
    pub(crate) candle: Option<ComponentExportIndex>,
    pub(crate) trade: Option<ComponentExportIndex>,
    pub(crate) quote: Option<ComponentExportIndex>,
    pub(crate) book: Option<ComponentExportIndex>,
    pub(crate) context: Option<ComponentExportIndex>,
    pub(crate) position: Option<ComponentExportIndex>,
    pub(crate) order: Option<ComponentExportIndex>,
    pub(crate) funding: Option<ComponentExportIndex>,
    pub(crate) balance: Option<ComponentExportIndex>,
    pub(crate) timer: Option<ComponentExportIndex>,
    pub(crate) feed: Option<ComponentExportIndex>,
    pub(crate) on_params: Option<ComponentExportIndex>,
    pub(crate) save: Option<ComponentExportIndex>,
}

/// One exported interface of a component.
struct Interface<'a> {
    component: &'a Component,
    name: String,
    index: ComponentExportIndex,
}

impl<'a> Interface<'a> {
    fn find(component: &'a Component, name: &str) -> Option<Self> {
        let name = format!("calypte:strategy/{name}@0.1.0");
        let index = component.get_export_index(None, name.as_str())?;
        Some(Self { component, name, index })
    }

    /// A function that has to be there, asynchronous or plain as the contract says.
    fn function(&self, name: &str, is_async: bool) -> Result<ComponentExportIndex, StrategyError> {
        let wrong =
            |problem: &str| StrategyError::Contract { item: format!("{} {name}", self.name), problem: problem.to_owned() };
        let (item, index) = self
            .component
            .get_export(Some(&self.index), name)
            .ok_or_else(|| wrong("the interface is exported and this function of it is missing"))?;
        match item {
            ComponentItem::ComponentFunc(function) if function.async_() == is_async => Ok(index),
            ComponentItem::ComponentFunc(_) if is_async => Err(wrong("it has to be an async function")),
            ComponentItem::ComponentFunc(_) => Err(wrong("it has to be a plain function")),
            _ => Err(wrong("it has to be a function")),
        }
    }
}

impl Exports {
    fn find(component: &Component) -> Result<(Self, KnownEvents), StrategyError> {
        let lifecycle = Interface::find(component, "lifecycle").ok_or_else(|| StrategyError::Contract {
            item: "calypte:strategy/lifecycle@0.1.0".to_owned(),
            problem: "every strategy has to export it".to_owned(),
        })?;
        let optional = |interface: &Option<Interface<'_>>, name| {
            interface.as_ref().map(|interface| interface.function(name, true)).transpose()
        };
        let market = Interface::find(component, "market-events");
        let account = Interface::find(component, "account-events");
        let timer = Interface::find(component, "timer-events");
        let feed = Interface::find(component, "feed-events");
        let parameters = Interface::find(component, "parameter-events");
        let checkpoint = Interface::find(component, "checkpoint");
        let exports = Self {
            describe: lifecycle.function("describe", false)?,
            init: lifecycle.function("init", true)?,
            on_stop: lifecycle.function("on-stop", true)?,
            candle: optional(&market, "on-candle")?,
            trade: optional(&market, "on-trade")?,
            quote: optional(&market, "on-quote")?,
            book: optional(&market, "on-book")?,
            context: optional(&market, "on-context")?,
            position: optional(&account, "on-position")?,
            order: optional(&account, "on-order")?,
            funding: optional(&account, "on-funding")?,
            balance: optional(&account, "on-balance")?,
            timer: optional(&timer, "on-timer")?,
            feed: optional(&feed, "on-feed")?,
            on_params: optional(&parameters, "on-params")?,
            save: optional(&checkpoint, "save")?,
        };
        let knows = exports.knows();
        Ok((exports, knows))
    }

    fn knows(&self) -> KnownEvents {
        let hooks = [
            (EventKind::Candle, &self.candle),
            (EventKind::Trade, &self.trade),
            (EventKind::Quote, &self.quote),
            (EventKind::Book, &self.book),
            (EventKind::Context, &self.context),
            (EventKind::Position, &self.position),
            (EventKind::Order, &self.order),
            (EventKind::Funding, &self.funding),
            (EventKind::Balance, &self.balance),
            (EventKind::Timer, &self.timer),
            (EventKind::Feed, &self.feed),
        ];
        let known = hooks.iter().filter(|(_, hook)| hook.is_some());
        known.fold(KnownEvents::default(), |knows, (kind, _)| knows.with(*kind))
    }
}

impl Strategy {
    /// Links a component that passed the checks of an upload, looks for its hooks, and asks it what it is.
    pub(crate) async fn new(sandbox: &Sandbox, component: Component, sha256: [u8; 32]) -> Result<Self, StrategyError> {
        let (exports, knows) = Exports::find(&component)?;
        let pre = sandbox
            .linker()
            .instantiate_pre(&component)
            .map_err(|error| StrategyError::Contract { item: "imports".to_owned(), problem: chain(&error) })?;
        let (sandbox, exports) = (sandbox.clone(), Arc::new(exports));
        let inner = Inner { sandbox, sha256, pre, exports, knows, manifest: Manifest::default() };
        let mut strategy = Self { inner: Arc::new(inner) };
        let mut settings = InstanceSettings::new(StrategyId::new(0));
        let room = strategy.sandbox().settings().memory_bytes_max;
        settings.limits.memory_bytes_max = settings.limits.memory_bytes_max.min(room);
        let mut running = call::start(&strategy, settings).await.map_err(StrategyError::Failed)?;
        running.check_types().map_err(|(item, error)| StrategyError::Contract { item, problem: chain(&error) })?;
        let described = call::describe(&mut running).await.map_err(StrategyError::Failed)?;
        let manifest = convert::manifest(described).map_err(StrategyError::Manifest)?;
        drop(running);
        let inner = Arc::get_mut(&mut strategy.inner).expect("nobody else has it yet");
        inner.manifest = manifest;
        Ok(strategy)
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.inner.manifest
    }

    /// Kinds of event it has hooks for.
    pub fn knows(&self) -> KnownEvents {
        self.inner.knows
    }

    /// Whether it takes new parameters while it runs.
    pub fn takes_parameters(&self) -> bool {
        self.inner.exports.on_params.is_some()
    }

    /// Whether it has state of its own to save.
    pub fn saves(&self) -> bool {
        self.inner.exports.save.is_some()
    }

    /// Hash of the component's bytes.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.inner.sha256
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.inner.sandbox
    }

    pub(crate) fn pre(&self) -> &InstancePre<Guest> {
        &self.inner.pre
    }

    pub(crate) fn exports(&self) -> &Arc<Exports> {
        &self.inner.exports
    }
}

impl std::fmt::Debug for Strategy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Strategy").field("manifest", &self.inner.manifest).finish_non_exhaustive()
    }
}

impl Manifest {
    /// Itself, where it makes sense.
    pub(crate) fn checked(self) -> Result<Self, String> {
        if !is_name(&self.name) {
            return Err(format!(
                "name {:?}: use 1 to {NAME_BYTES_MAX} lower-case letters, digits and hyphens",
                short(&self.name)
            ));
        }
        if self.version.is_empty() || self.version.len() > NAME_BYTES_MAX || self.version.chars().any(char::is_control) {
            return Err(format!("version {:?}: use 1 to {NAME_BYTES_MAX} printable characters", short(&self.version)));
        }
        if self.description.len() > TEXT_BYTES_MAX {
            return Err(format!("the description is longer than {TEXT_BYTES_MAX} bytes"));
        }
        if self.parameters.len() > PARAMETERS_MAX {
            return Err(format!("{} parameters; the limit is {PARAMETERS_MAX}", self.parameters.len()));
        }
        if self.tick_interval_ms.is_some_and(|interval| interval < TICK_INTERVAL_MS_MIN) {
            return Err(format!("the tick interval is shorter than {TICK_INTERVAL_MS_MIN} ms"));
        }
        for (place, parameter) in self.parameters.iter().enumerate() {
            parameter.check().map_err(|problem| format!("parameter {:?}: {problem}", short(&parameter.name)))?;
            if self.parameters[..place].iter().any(|other| other.name == parameter.name) {
                return Err(format!("two parameters are named {:?}", parameter.name));
            }
        }
        Ok(self)
    }
}

impl Parameter {
    fn check(&self) -> Result<(), String> {
        if !is_name(&self.name) {
            return Err(format!("use 1 to {NAME_BYTES_MAX} lower-case letters, digits and hyphens as its name"));
        }
        if self.doc.len() > TEXT_BYTES_MAX || self.choices.len() > CHOICES_MAX {
            return Err(format!("its doc is longer than {TEXT_BYTES_MAX} bytes, or it has more than {CHOICES_MAX} choices"));
        }
        let bounds = [&self.min, &self.max, &self.step].into_iter().flatten();
        if bounds.into_iter().any(|bound| std::mem::discriminant(bound) != std::mem::discriminant(&self.default)) {
            return Err("its default, min, max and step are not all of one kind".to_owned());
        }
        let is_text = matches!(self.default, ParamValue::Text(_));
        if !self.choices.is_empty() && !is_text {
            return Err("only a text can have choices".to_owned());
        }
        self.allows(&self.default).map_err(|problem| format!("its default is not allowed: {problem}"))?;
        let positive = match &self.step {
            Some(ParamValue::Integer(step)) => *step > 0,
            Some(ParamValue::Number(step)) => step.is_sign_positive() && !step.is_zero(),
            Some(_) => false,
            None => true,
        };
        if positive { Ok(()) } else { Err("its step is not a positive number".to_owned()) }
    }

    /// Whether a value may be set: of its kind, within its bounds, one of its choices.
    ///
    /// # Errors
    /// The problem in words.
    pub fn allows(&self, value: &ParamValue) -> Result<(), String> {
        let below = || Err("it is smaller than the smallest value".to_owned());
        let above = || Err("it is larger than the largest value".to_owned());
        match (value, &self.default) {
            (ParamValue::Boolean(_), ParamValue::Boolean(_)) => Ok(()),
            (ParamValue::Integer(value), ParamValue::Integer(_)) => match (&self.min, &self.max) {
                (Some(ParamValue::Integer(min)), _) if value < min => below(),
                (_, Some(ParamValue::Integer(max))) if value > max => above(),
                _ => Ok(()),
            },
            (ParamValue::Number(value), ParamValue::Number(_)) => match (&self.min, &self.max) {
                (Some(ParamValue::Number(min)), _) if value < min => below(),
                (_, Some(ParamValue::Number(max))) if value > max => above(),
                _ => Ok(()),
            },
            (ParamValue::Text(value), ParamValue::Text(_)) => {
                if self.choices.is_empty() || self.choices.contains(value) {
                    Ok(())
                } else {
                    Err(format!("it is none of {}", self.choices.join(", ")))
                }
            }
            _ => Err("it is of another kind than the default".to_owned()),
        }
    }
}

fn is_name(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(valid)
}

fn short(text: &str) -> String {
    crate::fault::cut(text, NAME_BYTES_MAX)
}
