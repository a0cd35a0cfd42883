//! The loop that owns an account: takes news one by one, and acts on what follows.

use super::account::Account;
use super::ears::Ears;
use super::history::{History, HistoryError};
use super::instances::{Instances, LoadedStrategy};
use super::link::Known;
use super::notice::{Listener, Notice};
use super::receipt::Receipt;
use super::tenant::{Seat, Seated, Turn};
use super::venue::{Request, Venue};
use crate::health::logs::Causes;
use crate::journal::{WriteError, Written};
use calypte_host::Instance;
use calypte_kernel::{
    Answer, Candle, Deliver, Deployment, HookEnded, Input, MarketEvent, Output, SeriesId, SeriesInfo, StrategyId,
    StrategyState, StrategyView, Subscription, Timestamp, TradingCore, VenueEvent,
};
use calypte_venues::ambient::Ambient;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Most candles that wait while history of their series is under way. What would exceed it ends the wait: the history is then
/// taken for lost.
pub const WAITING_MAX: usize = 4_096;

/// Most answers of hooks that are written down together: what is asked for waits for no more than that.
const TOGETHER_MAX: usize = 32;

/// What a session can be told from outside.
#[derive(Debug)]
pub enum News {
    /// The market moved.
    Market(MarketEvent),
    /// The market moved, as was read from a bus, which wants to know when it is in the journal.
    Read(MarketEvent, Receipt),
    /// The exchange says something about the account.
    Venue(VenueEvent),
    /// Stop everything in order.
    Shutdown,
}

/// Why a session ended other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The journal takes nothing more, so that nothing more may be decided. Orders that rest at the exchange stay there.
    #[error(
        "trading has halted: the journal cannot be written; orders that rest stay at the exchange until it is started again"
    )]
    Journal(#[from] WriteError),
    /// Nobody brings news any more.
    #[error("trading has ended: nobody brings market data or answers of the exchange any more")]
    Deserted,
}

/// How a session is run.
#[derive(Debug, Clone, Copy)]
pub struct SessionSettings {
    /// How long strategies and their orders may take to end, in milliseconds.
    pub shutdown_ms_max: u64,
    /// How often strategies are asked for their state, in milliseconds; zero: never.
    pub checkpoint_ms: u64,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { shutdown_ms_max: 10_000, checkpoint_ms: 60_000 }
    }
}

/// How a session ended.
#[derive(Debug)]
pub struct Ended {
    /// The account as it was left.
    pub core: TradingCore,
    /// Strategies that the deadline ended.
    pub late: Vec<StrategyId>,
}

/// What history brought for the answer of an `init`.
struct Warmth {
    ended: HookEnded,
    /// Of each series, oldest first.
    candles: BTreeMap<SeriesId, Vec<Candle>>,
    failed: Vec<HistoryError>,
}

/// What an account needs around it.
pub struct Surroundings {
    /// Where its orders go.
    pub venue: Box<dyn Venue>,
    /// Where candles of the past come from.
    pub history: Arc<dyn History>,
    /// The time.
    pub ambient: Arc<dyn Ambient>,
    /// Whoever watches.
    pub listener: Box<dyn Listener>,
}

/// An account with everything around it.
pub struct Session {
    account: Account,
    instances: Instances,
    answers: mpsc::Receiver<HookEnded>,
    around: Surroundings,
    settings: SessionSettings,
    /// Answers of `init` whose history is under way.
    warming: JoinSet<Warmth>,
    /// Candles that came meanwhile, by series.
    waiting: BTreeMap<SeriesId, VecDeque<Candle>>,
    /// How many answers wait for each series.
    awaited: BTreeMap<SeriesId, usize>,
    /// When the last candle opened that was handed over as history, by series.
    covered: BTreeMap<SeriesId, Timestamp>,
    outputs: Vec<Output>,
    ended: Option<Vec<StrategyId>>,
    shutting_down: bool,
    /// Among the accounts of its trader; none: it shares no limit.
    seated: Option<Seated>,
}

impl Session {
    /// Puts an account together. Nothing happens before [`Self::run`].
    pub fn new(account: Account, strategies: &[LoadedStrategy], surroundings: Surroundings, settings: SessionSettings) -> Self {
        Self::with_instances(account, strategies, BTreeMap::new(), surroundings, settings)
    }

    /// As [`Self::new`], with instances that are at work, and what they still have to answer.
    pub fn going_on(
        account: Account,
        strategies: &[LoadedStrategy],
        (instances, unanswered): (BTreeMap<StrategyId, Instance>, Vec<Deliver>),
        outputs: Vec<Output>,
        surroundings: Surroundings,
        settings: SessionSettings,
    ) -> Self {
        let mut session = Self::with_instances(account, strategies, instances, surroundings, settings);
        let core = session.account.core();
        let is_out = |deliver: &Deliver| core.strategy(deliver.strategy).and_then(StrategyView::out) == Some(deliver.number);
        // Where a shutdown did not come to its end, what it had handed out is no longer awaited.
        let unanswered = unanswered.into_iter().filter(is_out).map(Output::Deliver);
        let outputs = unanswered.chain(outputs).collect();
        session.outputs = outputs;
        session
    }

    fn with_instances(
        account: Account,
        strategies: &[LoadedStrategy],
        at_work: BTreeMap<StrategyId, Instance>,
        surroundings: Surroundings,
        settings: SessionSettings,
    ) -> Self {
        let (instances, answers) = Instances::start(strategies, at_work);
        Self {
            account,
            instances,
            answers,
            around: surroundings,
            settings,
            warming: JoinSet::new(),
            waiting: BTreeMap::new(),
            awaited: BTreeMap::new(),
            covered: BTreeMap::new(),
            outputs: Vec::new(),
            ended: None,
            shutting_down: false,
            seated: None,
        }
    }

    /// As an account among those of its trader, whose limit they share.
    #[must_use]
    pub fn seated(mut self, seat: Option<&Seat>) -> Self {
        self.seated = seat.map(Seat::take);
        self
    }

    /// Up to which candle the account knows each series; nothing of a series it has heard nothing of.
    pub fn known(&self) -> Known {
        let core = self.account.core();
        let series = core.settings().series.iter();
        series.filter_map(|info| Some((info.id, core.latest_candle(info.id)?))).collect()
    }

    /// When the account last had an input; none: it begins.
    pub fn last_input(&self) -> Option<Timestamp> {
        Some(self.account.now()).filter(|now| now.as_millis() > i64::MIN)
    }

    /// How much its journal writes; none: it has none.
    pub fn written(&self) -> Option<Written> {
        self.account.written()
    }

    /// Deploys and starts strategies that the account does not have yet, and goes on until it is told to stop and everything has ended.
    ///
    /// # Errors
    /// Where it cannot go on.
    pub async fn run(mut self, deployments: Vec<Deployment>, mut ears: Ears) -> Result<Ended, LiveError> {
        self.act();
        self.poll_venue()?;
        let ids = deployments.iter().map(|deployment| deployment.strategy).collect::<Vec<_>>();
        for deployment in deployments {
            self.apply(Input::Deploy(Box::new(deployment)))?;
        }
        while let Ok(command) = ears.operator.try_recv() {
            self.apply(Input::Operator(command))?;
        }
        for id in ids {
            self.apply(Input::Start(id))?;
        }
        let mut checkpoint = tokio::time::interval(Duration::from_millis(self.settings.checkpoint_ms.max(1)));
        checkpoint.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        checkpoint.reset();
        loop {
            if let Some(late) = self.ended.take() {
                let core = self.account.close()?;
                ears.show(&core);
                return Ok(Ended { core, late });
            }
            ears.show(self.account.core());
            let wake = self.until_wake();
            tokio::select! {
                // In this order where several are ready: what the exchange and the market said comes before time that passed.
                biased;
                Some(command) = ears.operator.recv() => self.apply(Input::Operator(command))?,
                Some(ended) = self.answers.recv() => self.answered_together(ended)?,
                Some(warmth) = self.warming.join_next() => {
                    // A task that was lost takes its answer with it: only a panic of the history does that.
                    let warmth = warmth.map_err(|_| LiveError::Deserted)?;
                    self.warm(warmth)?;
                }
                told = ears.news.recv() => self.told(told)?,
                () = wake => self.apply(Input::Wake)?,
                _ = checkpoint.tick(), if self.settings.checkpoint_ms > 0 && !self.shutting_down => {
                    self.apply(Input::Checkpoint)?;
                }
            }
        }
    }

    /// Waits until the core wants to be woken; for ever where it does not.
    fn until_wake(&self) -> impl Future<Output = ()> + use<> {
        let due = self.account.core().next_wake();
        let wait = due.map(|due| {
            let ms = due.as_millis().saturating_sub(self.around.ambient.now().as_millis());
            Duration::from_millis(u64::try_from(ms).unwrap_or_default())
        });
        async move {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        }
    }

    fn told(&mut self, news: Option<News>) -> Result<(), LiveError> {
        match news {
            Some(News::Market(event)) => self.market(event),
            Some(News::Read(event, receipt)) => {
                self.market(event)?;
                receipt.journalled();
                Ok(())
            }
            Some(News::Venue(event)) => self.venue_said(event),
            Some(News::Shutdown) if !self.shutting_down => {
                self.shutting_down = true;
                let ms = i64::try_from(self.settings.shutdown_ms_max).unwrap_or(i64::MAX);
                let deadline = Timestamp::from_millis(self.around.ambient.now().as_millis().saturating_add(ms));
                self.apply(Input::Shutdown { deadline })
            }
            Some(News::Shutdown) => Ok(()),
            None => Err(LiveError::Deserted),
        }
    }

    fn venue_said(&mut self, event: VenueEvent) -> Result<(), LiveError> {
        self.around.listener.notice(self.around.ambient.now(), self.account.core(), Notice::Venue(&event));
        self.apply(Input::Venue(event))
    }

    /// The market moved: first for orders, then for strategies, as in a backtest.
    fn market(&mut self, event: MarketEvent) -> Result<(), LiveError> {
        // A stream that was begun with the account brings its past as well, and may do so after history was read off it.
        if let MarketEvent::Candle { series, candle } = event
            && self.covered.get(&series).is_some_and(|last| candle.open_time <= *last)
        {
            return Ok(());
        }
        if let MarketEvent::Candle { series, candle } = event
            && self.awaited.contains_key(&series)
        {
            let waiting = self.waiting.entry(series).or_default();
            if waiting.len() < WAITING_MAX {
                waiting.push_back(candle);
                return Ok(());
            }
        }
        self.around.venue.market(self.around.ambient.now(), &event);
        self.poll_venue()?;
        self.apply(Input::Market(event))
    }

    /// Hooks ended: one, and whichever have ended meanwhile. Where many strategies hear one candle, what they answered is written
    /// down together.
    fn answered_together(&mut self, ended: HookEnded) -> Result<(), LiveError> {
        let most = self.account.together_max().min(TOGETHER_MAX);
        let mut together = Vec::new();
        let mut next = Some(ended);
        while let Some(ended) = next.take() {
            if !matches!(ended.answer, Answer::Intents(_)) {
                // Of these some bring history first: what was answered before comes before.
                self.hooks_ended(together)?;
                return self.answered(ended);
            }
            together.push(Input::HookEnded(ended));
            if together.len() < most {
                next = self.answers.try_recv().ok();
            }
        }
        self.hooks_ended(together)
    }

    /// A hook ended. Where it was `init`, history comes before the answer.
    fn answered(&mut self, ended: HookEnded) -> Result<(), LiveError> {
        let wanted = match &ended.answer {
            Answer::Subscriptions(subscriptions) => self.wanted(subscriptions),
            _ => Vec::new(),
        };
        if wanted.is_empty() {
            return self.hook_ended(ended);
        }
        for (series, _) in &wanted {
            *self.awaited.entry(series.id).or_default() += 1;
        }
        let (history, until) = (Arc::clone(&self.around.history), self.around.ambient.now());
        self.warming.spawn(async move {
            let mut warmth = Warmth { ended, candles: BTreeMap::new(), failed: Vec::new() };
            for (series, count) in wanted {
                match history.candles(series, count, until).await {
                    Ok(candles) => drop(warmth.candles.insert(series.id, candles)),
                    Err(error) => {
                        warmth.candles.insert(series.id, Vec::new());
                        warmth.failed.push(error);
                    }
                }
            }
            warmth
        });
        Ok(())
    }

    /// Series of which history is wanted, with how much.
    fn wanted(&self, subscriptions: &[Subscription]) -> Vec<(SeriesInfo, u32)> {
        let all = &self.account.core().settings().series;
        let wanted = subscriptions.iter().filter_map(|subscription| match subscription {
            Subscription::Candles { series, warm_up } if *warm_up > 0 => {
                Some((*all.get(series.get() as usize)?, (*warm_up).min(super::HISTORY_MAX)))
            }
            _ => None,
        });
        wanted.collect()
    }

    /// History is here: the answer is told what there is, the candles follow in true order, then those that came meanwhile.
    fn warm(&mut self, warmth: Warmth) -> Result<(), LiveError> {
        let Warmth { mut ended, candles, failed } = warmth;
        for error in &failed {
            tracing::warn!(error = %Causes(&error), "a strategy begins with less history than it asked for");
        }
        let mut history = Vec::new();
        let mut free = BTreeSet::new();
        for (series, mut candles) in candles {
            let left = self.awaited.get_mut(&series).map(|left| {
                *left -= 1;
                *left
            });
            if left == Some(0) {
                self.awaited.remove(&series);
                free.insert(series);
            }
            // What came meanwhile is part of history where it overlaps; nothing is handed over twice.
            if let Some(last) = candles.last().map(|candle| candle.open_time) {
                let covered = self.covered.entry(series).or_insert(last);
                *covered = last.max(*covered);
                if let Some(waiting) = self.waiting.get_mut(&series) {
                    waiting.retain(|candle| candle.open_time > last);
                }
            }
            let have = u32::try_from(candles.len()).unwrap_or(u32::MAX);
            if let Answer::Subscriptions(subscriptions) = &mut ended.answer {
                lower_warm_up(subscriptions, series, have);
            }
            history.extend(candles.drain(..).map(|candle| (series, candle)));
        }
        self.hook_ended(ended)?;
        let infos = Arc::clone(&self.account.core().settings().series);
        history.sort_by_key(|(series, candle)| order_of(&infos, *series, candle));
        for (series, candle) in history {
            self.apply(Input::Market(MarketEvent::Candle { series, candle }))?;
        }
        self.release(&free, &infos)
    }

    /// Hands over the candles that waited for these series.
    fn release(&mut self, free: &BTreeSet<SeriesId>, infos: &[SeriesInfo]) -> Result<(), LiveError> {
        let mut late = Vec::new();
        for series in free {
            late.extend(self.waiting.remove(series).unwrap_or_default().into_iter().map(|candle| (*series, candle)));
        }
        late.sort_by_key(|(series, candle)| order_of(infos, *series, candle));
        for (series, candle) in late {
            self.market(MarketEvent::Candle { series, candle })?;
        }
        Ok(())
    }

    fn hook_ended(&mut self, ended: HookEnded) -> Result<(), LiveError> {
        self.hooks_ended(vec![Input::HookEnded(ended)])
    }

    /// Writes down what hooks answered, then gives it to the core one by one. A venue that answers at once is heard after all of
    /// them, as they are written.
    fn hooks_ended(&mut self, together: Vec<Input>) -> Result<(), LiveError> {
        if together.is_empty() {
            return Ok(());
        }
        let now = self.around.ambient.now();
        let turn = self.turn()?;
        self.account.write(now, &together)?;
        for input in together {
            if let Input::HookEnded(ended) = &input {
                self.around.listener.notice(now, self.account.core(), Notice::HookEnded(ended));
            }
            self.account.handle(input, &mut self.outputs)?;
            self.act();
        }
        self.end_turn(turn);
        self.poll_venue()
    }

    /// Gives the core an input and does what follows.
    fn apply(&mut self, input: Input) -> Result<(), LiveError> {
        let turn = self.turn()?;
        self.account.apply(self.around.ambient.now(), input, &mut self.outputs)?;
        self.act();
        self.end_turn(turn);
        self.poll_venue()
    }

    /// Waits until no other account of the trader decides, and tells the core what they hold.
    fn turn(&mut self) -> Result<Option<Turn>, LiveError> {
        let Some(seated) = &self.seated else { return Ok(None) };
        let turn = seated.turn();
        let elsewhere = turn.elsewhere();
        if elsewhere != self.account.core().elsewhere() {
            let now = self.around.ambient.now();
            self.account.apply(now, Input::TenantExposure { elsewhere }, &mut self.outputs)?;
            self.act();
        }
        Ok(Some(turn))
    }

    fn end_turn(&self, turn: Option<Turn>) {
        if let Some(turn) = turn {
            turn.end(self.account.core());
        }
    }

    /// A venue that answers at once is heard before anything else.
    fn poll_venue(&mut self) -> Result<(), LiveError> {
        while let Some(event) = self.around.venue.poll() {
            let now = self.around.ambient.now();
            self.around.listener.notice(now, self.account.core(), Notice::Venue(&event));
            let turn = self.turn()?;
            self.account.apply(now, Input::Venue(event), &mut self.outputs)?;
            self.act();
            self.end_turn(turn);
        }
        Ok(())
    }

    fn act(&mut self) {
        let now = self.account.now();
        for output in std::mem::take(&mut self.outputs) {
            let request = match output {
                Output::Deliver(deliver) => {
                    self.around.listener.notice(now, self.account.core(), Notice::Delivered(&deliver));
                    self.instances.deliver(self.account.core(), deliver);
                    continue;
                }
                Output::Send(batch) => {
                    self.around.listener.notice(now, self.account.core(), Notice::Sent(&batch));
                    Request::Send(batch)
                }
                Output::Resolve(resolve) => Request::Resolve(resolve),
                Output::ResolveLeverage(instrument) => Request::ResolveLeverage(instrument),
                Output::Reconcile(cause) => Request::Reconcile(cause),
                other => {
                    self.tell(now, &other);
                    continue;
                }
            };
            self.around.venue.ask(now, request);
        }
    }

    /// Tells whoever watches.
    fn tell(&mut self, now: Timestamp, output: &Output) {
        let core = self.account.core();
        match output {
            Output::Notify { strategy, urgency, text } => {
                self.around.listener.notice(now, core, Notice::Notification(*strategy, *urgency, text));
            }
            Output::Lifecycle { strategy, state } => {
                if let StrategyState::Faulted(fault) = state {
                    tracing::warn!(%strategy, %fault, "a strategy failed");
                }
                self.around.listener.notice(now, core, Notice::Lifecycle(*strategy, state));
            }
            Output::Denied { strategy, refusal } => self.around.listener.notice(now, core, Notice::Denied(*strategy, refusal)),
            Output::Risk(event) => self.around.listener.notice(now, core, Notice::Risk(event)),
            Output::Difference(difference) => self.around.listener.notice(now, core, Notice::Difference(difference)),
            Output::ShutDown { late } => self.ended = Some(late.clone()),
            _ => {}
        }
    }
}

/// An answer may not ask for more history than there is: the strategy would wait for candles that never were.
fn lower_warm_up(subscriptions: &mut [Subscription], of: SeriesId, have: u32) {
    for subscription in subscriptions {
        if let Subscription::Candles { series, warm_up } = subscription
            && *series == of
        {
            *warm_up = (*warm_up).min(have);
        }
    }
}

/// When a candle closed; at one time longer timeframes last, then by instrument.
fn order_of(infos: &[SeriesInfo], series: SeriesId, candle: &Candle) -> (i64, u64, u32) {
    let info = infos.get(series.get() as usize);
    let length = info.map_or(0, |info| info.timeframe.as_millis());
    let close = candle.open_time.as_millis().saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
    (close, length, info.map_or(0, |info| info.instrument.get()))
}
