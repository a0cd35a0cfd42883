//! What strategies were given and decided, from their starts to their ends, by the journal of the account.

use super::course::Course;
use super::{CANDLES_MAX, DriftError};
use crate::control::Control;
use crate::journal::{Beginning, Entry, Epoch};
use crate::replay::{ReplayFailure, chosen};
use crate::run::{Facts, state_of};
use calypte_kernel::journal::{Record, Replay};
use calypte_kernel::{
    Answer, Candle, CoreSettings, Deliver, Deployment, Event, EventNumber, Hook, HookEnded, InitContext, Input, MarketEvent,
    Output, SeriesId, StrategyId, Subscription, Timestamp, VenueEvent, VenueFill,
};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Records between two looks at whether the work is cancelled.
const RECORDS_PER_LOOK: u64 = 4_096;

/// A strategy, from one start to its end.
#[derive(Debug, Clone)]
pub struct Span {
    /// The strategy's name.
    pub strategy: String,
    /// In which opening of the journal it began.
    pub epoch: u32,
    /// How it ended.
    pub ended: SpanEnd,
    /// Candles that it was given, warm-up first; of series that it does not hear, those that passed by.
    pub candles: BTreeMap<SeriesId, Vec<Candle>>,
    /// How many of them were history, by series.
    pub warm_up: BTreeMap<SeriesId, u32>,
    id: StrategyId,
    settings: Arc<CoreSettings>,
    facts: Arc<Facts>,
    context: Box<InitContext>,
    deployment: Deployment,
    /// What its store held as it began.
    state: BTreeMap<String, Vec<u8>>,
    /// Whether it held something as it began.
    held: bool,
    subscriptions: Vec<Subscription>,
    course: Course,
    /// The hook that is out.
    out: Option<(EventNumber, Out)>,
    is_over: bool,
}

/// What of a hook that is out has to be undone where it is never answered.
#[derive(Debug, Clone, Copy)]
enum Out {
    /// A candle, and whether it was history.
    Candle(SeriesId, bool),
    Another,
}

/// How a strategy ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanEnd {
    /// The journal says nothing more.
    JournalEnds,
    /// It was stopped. What it decided on that is not compared: a backtest stops with the last candle, before its orders can fill.
    Stopped,
    /// It refused to begin.
    Refused,
    /// It failed, in words.
    Failed(String),
    /// Its parameters changed.
    ParametersChanged,
    /// Another version of it took over.
    TakenOver,
}

impl fmt::Display for SpanEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JournalEnds => formatter.write_str("the journal ends"),
            Self::Stopped => formatter.write_str("stopped"),
            Self::Refused => formatter.write_str("refused to begin"),
            Self::Failed(words) => write!(formatter, "failed: {words}"),
            Self::ParametersChanged => formatter.write_str("its parameters changed"),
            Self::TakenOver => formatter.write_str("another version took over"),
        }
    }
}

/// Reads a journal: all strategies that began, in the order in which they did.
///
/// # Errors
/// Where it cannot be read or replayed, does not say how strategies ran, or has more than [`CANDLES_MAX`] candles.
pub async fn spans(journal: &Path, epoch: Option<u32>, control: &Control) -> anyhow::Result<Vec<Span>> {
    let epochs = chosen(journal, epoch)?;
    control.expect(epochs.iter().map(Epoch::bytes).sum());
    let mut reading = Reading::default();
    let mut before = 0;
    for epoch in epochs {
        reading.begin(&epoch)?;
        let mut reader = epoch.read();
        while let Some(entry) = reader.next().map_err(ReplayFailure::Read)? {
            if entry.number.is_multiple_of(RECORDS_PER_LOOK) {
                control.reach(before + reader.bytes_read());
                if control.is_cancelled() {
                    return Err(DriftError::Cancelled.into());
                }
                tokio::task::consume_budget().await;
            }
            reading.take(epoch.number, entry)?;
        }
        before += reader.bytes_read();
    }
    Ok(reading.end())
}

impl Span {
    /// When the first candle closed that was no history; none: there was none.
    pub fn first_close(&self) -> Option<Timestamp> {
        self.heard().filter_map(|(series, candles)| Some(self.close_of(series, candles.get(self.history_of(series))?))).min()
    }

    /// The time at which a backtest begins: when the strategy did, behind its history and before anything closed after that.
    pub(super) fn from(&self) -> Option<Timestamp> {
        let history = self.heard().filter_map(|(series, candles)| {
            let last = candles.get(self.history_of(series).checked_sub(1)?)?;
            Some(self.close_of(series, last))
        });
        let before_first = Timestamp::from_millis(self.first_close()?.as_millis().saturating_sub(1));
        Some(history.max().map_or(self.context.now, |last| last.max(self.context.now)).min(before_first))
    }

    /// How it ran.
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What the account was made of.
    pub(super) fn settings(&self) -> &CoreSettings {
        &self.settings
    }

    /// What its `init` was told.
    pub(super) const fn context(&self) -> &InitContext {
        &self.context
    }

    /// What the core knew of it.
    pub(super) const fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// What its store held as it began.
    pub(super) const fn state(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.state
    }

    /// What it decided.
    pub(super) const fn course(&self) -> &Course {
        &self.course
    }

    /// Whether it held something as it began, which a backtest does not.
    pub(super) const fn held(&self) -> bool {
        self.held
    }

    /// Whether it hears anything but candles.
    pub(super) fn hears_more(&self) -> bool {
        self.subscriptions.iter().any(|subscription| !matches!(subscription, Subscription::Candles { .. }))
    }

    /// SHA-256 of the component that ran, in hex, where that is known.
    pub(super) fn sha256(&self) -> Option<&str> {
        self.facts.strategies.iter().find(|facts| facts.id == self.id.get()).map(|facts| facts.sha256.as_str())
    }

    fn heard(&self) -> impl Iterator<Item = (SeriesId, &[Candle])> {
        self.candles.iter().filter(|(series, _)| self.hears(**series)).map(|(series, candles)| (*series, candles.as_slice()))
    }

    fn hears(&self, wanted: SeriesId) -> bool {
        let is_it =
            |subscription: &Subscription| matches!(subscription, Subscription::Candles { series, .. } if *series == wanted);
        self.subscriptions.iter().any(is_it)
    }

    fn history_of(&self, series: SeriesId) -> usize {
        self.warm_up.get(&series).map_or(0, |candles| *candles as usize)
    }

    fn close_of(&self, series: SeriesId, candle: &Candle) -> Timestamp {
        let info = self.settings.series.get(series.get() as usize);
        info.map_or(candle.open_time, |info| info.timeframe.close_of(candle.open_time))
    }

    /// Keeps a candle that is later than all before; whether it did.
    fn keep(&mut self, series: SeriesId, candle: Candle) -> bool {
        let candles = self.candles.entry(series).or_default();
        let is_later = candles.last().is_none_or(|last| last.open_time < candle.open_time);
        if is_later {
            candles.push(candle);
        }
        is_later
    }

    fn told(&mut self, deliver: &Deliver) {
        let mut out = Out::Another;
        if let Hook::Event(Event::Candle(event)) = &deliver.hook
            && self.keep(event.series, event.candle)
        {
            if event.warm_up {
                *self.warm_up.entry(event.series).or_default() += 1;
            }
            out = Out::Candle(event.series, event.warm_up);
        }
        self.out = Some((deliver.number, out));
        self.course.told(deliver, &self.settings.series);
    }

    fn answered(&mut self, ended: &HookEnded) {
        if self.out.take_if(|(number, _)| *number == ended.number).is_none() {
            return;
        }
        self.course.ended(ended);
        match &ended.answer {
            Answer::Subscriptions(subscriptions) => self.subscriptions.clone_from(subscriptions),
            Answer::Refused(_) => self.over(SpanEnd::Refused),
            Answer::Fault(fault) => self.over(SpanEnd::Failed(fault.to_string())),
            Answer::Intents(_) | Answer::Accepted | Answer::Saved(_) => {}
        }
    }

    fn over(&mut self, ended: SpanEnd) {
        if !self.is_over {
            (self.is_over, self.ended) = (true, ended);
        }
    }

    /// A candle that was never answered was as good as not given.
    fn end(mut self) -> Self {
        if let Some((_, Out::Candle(series, is_history))) = self.out.take()
            && let Some(candles) = self.candles.get_mut(&series)
        {
            candles.pop();
            if is_history && let Some(history) = self.warm_up.get_mut(&series) {
                *history -= 1;
            }
        }
        self
    }
}

/// A journal being read.
#[derive(Default)]
struct Reading {
    replay: Replay,
    settings: Option<Arc<CoreSettings>>,
    facts: Option<Arc<Facts>>,
    deployments: BTreeMap<StrategyId, Deployment>,
    /// Strategies that began last, each the latest of its number.
    at_work: BTreeMap<StrategyId, Span>,
    done: Vec<Span>,
    candles: usize,
}

impl Reading {
    fn begin(&mut self, epoch: &Epoch) -> Result<(), ReplayFailure> {
        self.replay.next_epoch();
        if epoch.beginning()? == Beginning::Anew {
            self.deployments.clear();
            self.settings = None;
            let at_work = std::mem::take(&mut self.at_work);
            self.done.extend(at_work.into_values().map(Span::end));
        }
        self.facts = None;
        Ok(())
    }

    fn take(&mut self, epoch: u32, entry: Entry) -> anyhow::Result<()> {
        let Entry { number, time, record } = entry;
        match &record {
            Record::Settings(settings) if self.settings.is_none() => {
                self.settings = Some(Arc::new(CoreSettings::clone(settings)));
            }
            Record::Facts(bytes) => self.facts = serde_json::from_slice::<Facts>(bytes).ok().map(Arc::new),
            Record::Input(input) => self.input(input)?,
            _ => {}
        }
        let step = self.replay.apply(number, time, record).map_err(|cause| ReplayFailure::Records { epoch, cause })?;
        for output in step.outputs {
            if let Output::Deliver(deliver) = output {
                self.deliver(epoch, deliver)?;
            }
        }
        Ok(())
    }

    fn input(&mut self, input: &Input) -> Result<(), DriftError> {
        match input {
            Input::Deploy(deployment) | Input::Upgrade(deployment) => {
                self.deployments.insert(deployment.strategy, Deployment::clone(deployment));
            }
            Input::HookEnded(ended) => {
                if let Some(span) = self.at_work.get_mut(&ended.strategy) {
                    span.answered(ended);
                }
            }
            Input::Venue(VenueEvent::Fill(fill)) => self.fill(fill),
            Input::Market(MarketEvent::Candle { series, candle }) => {
                let unheard = |span: &&mut Span| !span.is_over && !span.subscriptions.is_empty() && !span.hears(*series);
                let kept =
                    self.at_work.values_mut().filter(unheard).filter_map(|span| span.keep(*series, *candle).then_some(()));
                self.candles += kept.count();
                return self.check();
            }
            _ => {}
        }
        Ok(())
    }

    fn fill(&mut self, fill: &VenueFill) {
        self.at_work.values_mut().for_each(|span| span.course.fill(fill));
    }

    fn deliver(&mut self, epoch: u32, deliver: Deliver) -> Result<(), DriftError> {
        if let Hook::Init(context) = deliver.hook {
            let begun = Begun { epoch, number: deliver.number, held: !deliver.views.account.positions.is_empty() };
            return self.start(deliver.strategy, begun, context);
        }
        let Some(span) = self.at_work.get_mut(&deliver.strategy).filter(|span| !span.is_over) else { return Ok(()) };
        match &deliver.hook {
            Hook::Stop(_) => span.over(SpanEnd::Stopped),
            Hook::Params(_) => span.over(SpanEnd::ParametersChanged),
            Hook::Init(_) | Hook::Event(_) | Hook::Save => {
                self.candles += usize::from(matches!(deliver.hook, Hook::Event(Event::Candle(_))));
                span.told(&deliver);
            }
        }
        self.check()
    }

    fn start(&mut self, id: StrategyId, begun: Begun, context: Box<InitContext>) -> Result<(), DriftError> {
        let Begun { epoch, number, held } = begun;
        let facts = self.facts.clone().ok_or(DriftError::NoFacts { epoch })?;
        let settings = self.settings.clone().expect("nothing is delivered before the settings are there");
        let deployment = self.deployments.get(&id).cloned().expect("nothing begins that was not deployed");
        let state = self.replay.core().map(|core| state_of(core, id)).unwrap_or_default();
        let span = Span {
            strategy: facts.name_of(id),
            epoch,
            ended: SpanEnd::JournalEnds,
            candles: BTreeMap::new(),
            warm_up: BTreeMap::new(),
            id,
            settings,
            facts,
            context,
            deployment,
            state,
            held,
            subscriptions: Vec::new(),
            course: Course::default(),
            out: Some((number, Out::Another)),
            is_over: false,
        };
        if let Some(mut before) = self.at_work.insert(id, span) {
            before.over(SpanEnd::TakenOver);
            self.done.push(before.end());
        }
        Ok(())
    }

    fn check(&self) -> Result<(), DriftError> {
        if self.candles > CANDLES_MAX { Err(DriftError::TooLong) } else { Ok(()) }
    }

    fn end(mut self) -> Vec<Span> {
        self.done.extend(self.at_work.into_values().map(Span::end));
        self.done
    }
}

/// A start.
#[derive(Clone, Copy)]
struct Begun {
    epoch: u32,
    number: EventNumber,
    held: bool,
}
