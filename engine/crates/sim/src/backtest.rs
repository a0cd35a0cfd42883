//! The clock of a backtest: moves time from one thing to the next, and carries messages between the core and the exchange.
//!
//! ```text
//!   candles ──► Timeline ──► Backtest ──► TradingCore ──► Deliver ──► whoever asks the strategy
//!                  │            │ ▲            │                              │
//!                  └► Exchange ◄┘ └ VenueEvent ┴──────── HookEnded ◄──────────┘
//!                                        └► Accounting, Observer
//! ```
//!
//! It holds no rule of trading. Its user asks [`Backtest::next`] for something to deliver, answers it through
//! [`Backtest::answer`], and takes the outcome when nothing is left. Every delivery is answered before the next input is
//! taken, so that nothing depends on how fast a strategy is.
//!
//! History from before `from` is handed over as in life: the clock stands at `from`, and each series brings its latest candles,
//! as many as were asked for. Without `from` the clock begins at the open of the first candle, and the first candles are the
//! history.
//!
//! Orders never fill at the end: what the last candle decided has no open to fill at. Positions stay open.

mod deliveries;
mod error;
mod history;
mod models;
mod quiet;
mod recorded;
mod settings;

pub use error::BacktestError;
pub use models::{LATENCY_MS_MAX, Latency, MESSAGES_UNDER_WAY_MAX};
pub use recorded::{InputRecorder, RecorderError};
pub use settings::{BacktestSettings, BacktestSettingsError, ModelSettings, SeriesSource, TRADES_MAX};

use crate::accounting::{Accounting, FuelMeter, Keep};
use crate::exchange::Exchange;
use crate::outcome::{Counts, Money, NoObserver, Observer, Outcome, Refusals, RunStatus, StrategyOutcome};
use crate::timeline::{Step, Timeline};
use calypte_kernel::{
    Answer, Candle, ClientOrderId, Decimal, Deliver, Deployment, EventKind, EventNumber, Fault, FaultKind, Feed, Hook,
    HookEnded, Input, MarketEvent, SeriesId, StopReason, StrategyId, StrategyState, StrategyView, Subscription, Timestamp,
    TradingCore, VenueEvent,
};
use history::History;
use models::Models;
use recorded::Recording;
use std::collections::{BTreeSet, VecDeque};

/// A backtest under way.
pub struct Backtest {
    core: TradingCore,
    exchange: Exchange,
    timeline: Timeline,
    accounting: Accounting,
    observer: Box<dyn Observer>,
    /// Who writes down what goes into the core; mostly nobody.
    recording: Option<Box<Recording>>,
    /// Ticks, funding and latency; mostly none.
    models: Option<Box<Models>>,
    from: Option<Timestamp>,
    warm_up_max: u32,
    start: Timestamp,
    now: Timestamp,
    stage: Stage,
    /// Deliveries of one input to several strategies.
    ready: VecDeque<Deliver>,
    strategies: Vec<Strategy>,
    counts: Counts,
    refusals: Refusals,
    fuel: FuelMeter,
    /// The latest event handed out.
    event: EventNumber,
    /// How it ended where it did not run to the end of its data.
    cut_short: Option<RunStatus>,
    initial_cash: Decimal,
}

/// Where a run is.
enum Stage {
    /// Nothing happened.
    Created(Vec<Deployment>),
    /// `init` is out. Holds the answers where history has to be read before they are acted on.
    Beginning(Vec<HookEnded>),
    /// History is being handed over.
    History(History),
    Running,
    /// The data ended; `on-stop` is out.
    Stopping,
    Done,
}

/// What is noted of a strategy.
struct Strategy {
    id: StrategyId,
    state: StrategyState,
    events: u64,
    fills: u64,
    fees: Decimal,
    fuel: u64,
}

impl Backtest {
    /// A run of these strategies over these series. Nothing happens before [`Self::next`].
    ///
    /// # Errors
    /// Where the settings contradict themselves or each other.
    pub fn new(
        settings: BacktestSettings,
        deployments: Vec<Deployment>,
        sources: Vec<SeriesSource>,
    ) -> Result<Self, BacktestSettingsError> {
        let timeline = settings.timeline(sources)?;
        let has_data = settings.instruments.iter().map(|instrument| timeline.has_data(instrument.id)).collect::<Vec<_>>();
        let mut exchange = Exchange::new(settings.exchange, &settings.instruments, &has_data)?;
        if let Some(margin) = settings.models.margin.clone() {
            exchange = exchange.with_margin((settings.account, settings.cash), margin, &settings.instruments)?;
        }
        let latency = settings.models.checked_latency()?;
        let models = (latency != Latency::default())
            .then(|| Box::new(Models::new(Vec::new(), latency, settings.to.unwrap_or(Timestamp::MAX))));
        let keep = Keep { trades_max: settings.trades_max, equity_interval_ms: settings.equity_interval_ms };
        let strategies = deployments.iter().map(|deployment| Strategy {
            id: deployment.strategy,
            state: StrategyState::Created,
            events: 0,
            fills: 0,
            fees: Decimal::ZERO,
            fuel: 0,
        });
        let mut strategies = strategies.collect::<Vec<_>>();
        strategies.sort_by_key(|strategy| strategy.id);
        let (from, cash) = (settings.from, settings.cash);
        let start = from.unwrap_or_default();
        let warm_up_max = settings.limits.warm_up_max;
        let accounting = Accounting::new(cash, settings.instruments.len(), keep);
        Ok(Self {
            core: TradingCore::new(settings.into_core())?,
            exchange,
            timeline,
            accounting,
            observer: Box::new(NoObserver),
            recording: None,
            models,
            from,
            warm_up_max,
            start,
            now: start,
            stage: Stage::Created(deployments),
            ready: VecDeque::new(),
            strategies,
            counts: Counts::default(),
            refusals: Refusals::default(),
            fuel: FuelMeter::new(),
            event: EventNumber::new(0),
            cut_short: None,
            initial_cash: cash,
        })
    }

    /// With somebody who gets what is streamed.
    pub fn with_observer(mut self, observer: Box<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Goes on until a strategy is to be asked. None: the run is over, and everything that followed from its end is done.
    ///
    /// # Errors
    /// Where a source or the recorder fails. The run is then over; [`Self::finish`] gives what happened before, where it was a
    /// source as [`RunStatus::BadData`].
    #[expect(clippy::should_implement_trait, reason = "it fails, and what it yields is to be answered before the next call")]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Deliver>, BacktestError> {
        if let Some(deliver) = self.next_quiet() {
            return Ok(Some(deliver));
        }
        self.next_of_any()
    }

    /// As [`Self::next`], where a candle that one strategy hears is all there is. None: nothing was done.
    #[inline]
    pub fn next_quiet(&mut self) -> Option<Deliver> {
        let deliver = self.pass_quietly();
        if let Some(Deliver { strategy, number, .. }) = &deliver {
            self.count_delivery(*strategy, *number, Some(EventKind::Candle));
        }
        deliver
    }

    fn next_of_any(&mut self) -> Result<Option<Deliver>, BacktestError> {
        loop {
            if self.recording.is_some() {
                self.check_recording()?;
            }
            if let Some(deliver) = self.take_delivery() {
                self.count_delivery(deliver.strategy, deliver.number, kind_of(&deliver.hook));
                return Ok(Some(deliver));
            }
            if let Some(event) = self.exchange.poll() {
                self.book(&event);
                self.report(event);
                continue;
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => {
                    self.stage = Stage::Done;
                    if let Some(fault) = error.data_fault(self.event) {
                        self.cut(RunStatus::BadData(Box::new(fault)));
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Takes how a delivered hook ended.
    pub fn answer(&mut self, ended: HookEnded) {
        self.fuel.add(ended.fuel);
        if let Some(strategy) = self.strategy(ended.strategy) {
            strategy.fuel = strategy.fuel.saturating_add(ended.fuel);
        }
        let did_nothing = ended.effects.is_none() && matches!(&ended.answer, Answer::Intents(intents) if intents.is_empty());
        if !did_nothing {
            self.observer.answered(self.now, &ended);
        }
        match &ended.answer {
            Answer::Intents(intents) => self.counts.intents += intents.len() as u64,
            Answer::Fault(fault) => self.look_for_the_end(fault),
            _ => {}
        }
        match &mut self.stage {
            Stage::Running if did_nothing && self.recording.is_none() && self.core.ended_idly(ended.strategy, ended.number) => {
            }
            Stage::Beginning(answers) if self.from.is_some() => answers.push(ended),
            _ => self.feed(Input::HookEnded(ended)),
        }
    }

    /// Ends the run from outside. What is delivered need not be answered; nothing more is delivered.
    pub fn cancel(&mut self) {
        self.cut(RunStatus::Cancelled(self.event));
    }

    /// The time of the run: for progress.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// What went through so far: for progress.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The core, for reading.
    pub const fn core(&self) -> &TradingCore {
        &self.core
    }

    /// What the run amounts to. A run that is not over counts as cancelled.
    pub fn finish(mut self) -> Outcome {
        if !matches!(self.stage, Stage::Done) {
            self.cancel();
        }
        let status = self.status();
        let mut counts = self.counts;
        (counts.fills, counts.maker_fills) = (self.accounting.fills(), self.accounting.maker_fills());
        if let Some(point) = self.accounting.settle(self.now) {
            self.observer.equity(point);
        }
        let closed = self.accounting.close(self.now);
        if let Some(last) = closed.equity.last() {
            self.observer.equity(*last);
        }
        let strategies = self.strategies.into_iter().map(|strategy| StrategyOutcome {
            strategy: strategy.id,
            state: strategy.state,
            events: strategy.events,
            fills: strategy.fills,
            fees: strategy.fees,
            fuel: strategy.fuel,
        });
        Outcome {
            status,
            start: self.start,
            end: self.now,
            counts,
            refusals: self.refusals,
            money: Money {
                initial_cash: self.initial_cash,
                final_equity: closed.final_equity,
                fees: closed.fees,
                funding: closed.funding,
                traded_notional: closed.traded_notional,
                traded_size: closed.traded_size,
            },
            performance: closed.performance,
            trade_statistics: closed.trade_statistics,
            trades: closed.trades,
            trades_left_out: closed.trades_left_out,
            months: closed.months,
            equity: closed.equity,
            open_positions: closed.open_positions,
            fuel: self.fuel.summary(),
            strategies: strategies.collect(),
        }
    }

    fn count_delivery(&mut self, strategy: StrategyId, number: EventNumber, kind: Option<EventKind>) {
        self.event = number;
        self.counts.events += 1;
        if let Some(kind) = kind {
            self.counts.events_by_kind[kind as usize] += 1;
        }
        if let Some(strategy) = self.strategy(strategy) {
            strategy.events += 1;
        }
    }

    fn strategy(&mut self, id: StrategyId) -> Option<&mut Strategy> {
        // One strategy is the common case.
        self.strategies.iter_mut().find(|strategy| strategy.id == id)
    }

    /// Counts and books what the exchange says.
    fn book(&mut self, event: &VenueEvent) {
        match event {
            VenueEvent::Accepted { .. } => self.counts.orders += 1,
            VenueEvent::Rejected { refusal, .. } | VenueEvent::RequestRejected { refusal, .. } => {
                self.counts.rejected += 1;
                *self.refusals.rejected.entry(refusal.code.clone()).or_default() += 1;
            }
            VenueEvent::Cancelled { .. } => self.counts.cancelled += 1,
            VenueEvent::Fill(fill) => {
                let Some(origin) = fill.order.and_then(ClientOrderId::origin) else { return };
                let position = self.accounting.fill(origin.strategy, fill);
                if let Some(strategy) = self.strategy(origin.strategy) {
                    strategy.fills += 1;
                    strategy.fees = strategy.fees.saturating_add(fill.fee);
                }
                self.counts.liquidations += u64::from(fill.force.is_some());
                self.observer.fill(origin.strategy, fill, position);
            }
            VenueEvent::Funding { payment, .. } => {
                self.counts.funding_payments += 1;
                self.accounting.fund(*payment);
            }
            _ => {}
        }
    }

    fn changed(&mut self, id: StrategyId, state: StrategyState) {
        self.observer.lifecycle(self.now, id, &state);
        if let Some(strategy) = self.strategy(id) {
            strategy.state = state;
        }
    }

    /// Faults that end the run, whoever else is running.
    fn look_for_the_end(&mut self, fault: &Fault) {
        match fault.kind {
            FaultKind::RunFuel => self.cut(RunStatus::OutOfFuel(fault.event)),
            FaultKind::Cancelled => self.cut(RunStatus::Cancelled(fault.event)),
            _ => {}
        }
    }

    fn cut(&mut self, status: RunStatus) {
        self.cut_short.get_or_insert(status);
        self.ready.clear();
        self.stage = Stage::Done;
    }

    fn status(&self) -> RunStatus {
        if let Some(status) = &self.cut_short {
            return status.clone();
        }
        let mut last = RunStatus::Completed;
        for strategy in &self.strategies {
            match &strategy.state {
                StrategyState::Faulted(fault) => last = RunStatus::Faulted(fault.clone()),
                StrategyState::Refused(words) if last == RunStatus::Completed => last = RunStatus::Refused(words.clone()),
                StrategyState::Refused(_) => {}
                _ => return RunStatus::Completed,
            }
        }
        last
    }

    #[inline]
    const fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running)
    }

    /// Does the next thing. False: nothing is left.
    #[inline]
    fn advance(&mut self) -> Result<bool, BacktestError> {
        if matches!(self.stage, Stage::Running) {
            return self.step();
        }
        self.change_stage()
    }

    fn change_stage(&mut self) -> Result<bool, BacktestError> {
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Created(deployments) => self.begin(deployments)?,
            Stage::Beginning(answers) => {
                let heard = self.heard(&answers);
                self.timeline.keep_heard(|series| heard.contains(&series));
                let history = match self.from {
                    Some(from) => self.read_history(from, &answers)?,
                    None => History::default(),
                };
                for ended in history.with_what_there_is(answers) {
                    self.feed(Input::HookEnded(ended));
                }
                self.stage = Stage::History(history);
            }
            Stage::History(mut history) => match history.pop() {
                Some((series, candle)) => {
                    self.feed(Input::Market(MarketEvent::Candle { series, candle }));
                    self.stage = Stage::History(history);
                }
                None => self.stage = Stage::Running,
            },
            Stage::Running => self.stage = Stage::Running,
            Stage::Stopping | Stage::Done => return Ok(false),
        }
        Ok(true)
    }

    /// Series that strategies hear, or will once their answers are acted on.
    fn heard(&self, answers: &[HookEnded]) -> BTreeSet<SeriesId> {
        let asked = answers.iter().filter_map(|ended| match &ended.answer {
            Answer::Subscriptions(subscriptions) => Some(subscriptions.as_slice()),
            _ => None,
        });
        let known = self.core.strategies().map(StrategyView::subscriptions);
        let candles = asked.chain(known).flatten().filter_map(|subscription| match subscription {
            Subscription::Candles { series, .. } => Some(*series),
            _ => None,
        });
        candles.collect()
    }

    fn begin(&mut self, deployments: Vec<Deployment>) -> Result<(), BacktestError> {
        let first = self.timeline.begin()?;
        let first_tick = self.begin_models()?;
        let first = first.into_iter().chain(first_tick).min();
        self.start = self.from.or(first).unwrap_or_default();
        self.now = self.start;
        self.accounting.begin(self.start);
        let ids = deployments.iter().map(|deployment| deployment.strategy).collect::<Vec<_>>();
        for deployment in deployments {
            self.feed(Input::Deploy(Box::new(deployment)));
        }
        for id in ids {
            self.feed(Input::Start(id));
        }
        self.stage = Stage::Beginning(Vec::new());
        Ok(())
    }

    /// One step of time.
    fn step(&mut self) -> Result<bool, BacktestError> {
        loop {
            let next = self.timeline.peek();
            if self.models.is_some() && self.step_models(next.map(|next| (next.moment.time, next.moment.step)))? {
                return Ok(true);
            }
            if self.wake_before(next.map(|next| (next.moment.time, next.moment.step))) {
                return Ok(true);
            }
            let Some(next) = next.filter(|_| self.anyone_at_work()) else {
                self.settle_moment();
                self.stop();
                return Ok(true);
            };
            let (lane, time) = (next.lane, next.moment.time);
            if next.moment.step > Step::Close || time > self.now {
                self.settle_moment();
            }
            self.now = time;
            match next.moment.step {
                Step::Walk | Step::Open => {
                    self.match_orders(next.moment.step)?;
                    if self.exchange.has_events() {
                        return Ok(true);
                    }
                }
                Step::Close => {
                    self.close_candle(lane);
                    self.timeline.advance(lane)?;
                    return Ok(true);
                }
                Step::Gap => {
                    self.tell_gap(lane);
                    self.timeline.advance(lane)?;
                    return Ok(true);
                }
            }
        }
    }

    /// Fires timers that are due before what comes next: before the opens of the same moment, after everything else of it.
    #[inline]
    fn wake_before(&mut self, next: Option<(Timestamp, Step)>) -> bool {
        let Some(wake) = self.core.next_wake() else { return false };
        let due = match next {
            Some((time, step)) => wake < time || (wake == time && step == Step::Open),
            // Without data there is no time left but the present.
            None => wake <= self.now,
        };
        if due {
            if wake > self.now {
                self.settle_moment();
                self.now = wake;
            }
            self.feed(Input::Wake);
        }
        due
    }

    fn anyone_at_work(&self) -> bool {
        use StrategyState::{Created, Running, Stopping, WarmingUp};
        self.strategies.iter().any(|strategy| matches!(strategy.state, Created | WarmingUp | Running | Stopping))
    }

    /// Everything of the present moment is in.
    #[inline]
    fn settle_moment(&mut self) {
        if let Some(point) = self.accounting.settle(self.now) {
            self.observer.equity(point);
        }
    }

    /// All markets walk through, or open, the candles of this moment before anybody hears of it, so that no market's orders
    /// depend on what another's fills led to within a candle that is over.
    fn match_orders(&mut self, step: Step) -> Result<(), BacktestError> {
        while let Some(next) = self.timeline.peek().filter(|next| next.moment.time == self.now && next.moment.step == step) {
            let instrument = self.timeline.info(next.lane).instrument;
            if step == Step::Walk {
                self.exchange.walk(self.now, instrument, self.timeline.candle(next.lane));
            } else if self.exchange.has_orders(instrument) {
                self.exchange.open(self.now, instrument, self.timeline.candle(next.lane));
            }
            self.timeline.advance(next.lane)?;
        }
        Ok(())
    }

    #[inline]
    fn close_candle(&mut self, lane: usize) {
        let info = self.timeline.info(lane);
        let candle: Candle = *self.timeline.candle(lane);
        if self.timeline.is_matched(lane) {
            self.accounting.candle(info.instrument, &candle);
        }
        if self.timeline.is_derived(lane) {
            self.counts.derived_candles += 1;
        } else {
            self.counts.candles += 1;
        }
        self.tell(MarketEvent::Candle { series: info.id, candle });
    }

    fn tell_gap(&mut self, lane: usize) {
        for (place, (series, gap)) in self.timeline.gaps(lane).collect::<Vec<_>>().into_iter().enumerate() {
            if place == 0 {
                self.counts.gaps += 1;
                self.counts.missing_candles += u64::from(gap.missing);
            }
            self.tell(MarketEvent::Feed { feed: Feed::Candles(series), change: gap.into() });
        }
    }

    fn stop(&mut self) {
        self.stage = Stage::Stopping;
        for place in 0..self.strategies.len() {
            let strategy = self.strategies[place].id;
            self.feed(Input::Stop { strategy, reason: StopReason::Shutdown });
        }
    }
}

/// Which kind of event a hook is called for; none for those about the strategy itself.
#[inline]
const fn kind_of(hook: &Hook) -> Option<EventKind> {
    match hook {
        Hook::Event(event) => Some(event.kind()),
        _ => None,
    }
}
