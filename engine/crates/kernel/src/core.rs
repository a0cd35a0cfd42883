//! The state machine of one account: what happened goes in, what to do comes out.
//!
//! ```text
//! Input ──► handle ─┬─ market ───► offer ──► queue while a hook is out ──► Output::Deliver
//!                   ├─ venue ────► orders, ledger ──► offer
//!                   ├─ lifecycle ─► init, on-stop, release
//!                   └─ HookEnded ─► state, intents ──► RiskGate ──► Output::Send, or a denial ──► offer
//! ```
//!
//! Here is what is kept and how inputs are told apart; each kind of input has a file of its own.

mod account;
mod answers;
mod closing;
mod dead_man;
mod deliveries;
mod doubt;
mod exits;
mod funding;
mod intents;
mod kill;
mod leverage;
mod lifecycle;
mod market;
mod orders;
mod outside;
mod protect;
mod restart;
mod sharing;
mod shortcuts;
mod standing;
mod upgrade;
mod venue;
mod views;

pub use orders::Oddities;
pub use standing::MarginView;
pub(crate) use views::Estimates;

use crate::account::Holding;
use crate::external::ExternalOrders;
use crate::guard::AccountGuard;
use crate::ledger::Money;
use crate::leverage_asked::LeverageAsked;
use crate::orders::FillMemory;
use crate::slot::Slot;
use crate::timers::Schedule;
use crate::{
    AccountId, Approved, Batch, Command, CoreSettings, Decimal, EventNumber, Input, InstrumentId, Killed, MarginMode, Output,
    Position, Price, ReconcileCause, SettingsError, StrategyId, StrategyView, Timestamp, TradingState, VenueOrder,
};
use std::collections::VecDeque;

/// Most strategies of one account.
pub const STRATEGIES_MAX: usize = 4096;

/// One account and its strategies.
///
/// Knows no clock, socket or task. Equal inputs give equal outputs, live and in a backtest.
///
/// Each strategy has books of its own: its orders, its positions and what they made. What was paid in is common to all.
#[derive(Debug)]
pub struct TradingCore {
    settings: CoreSettings,
    /// The latest time it was told.
    now: Timestamp,
    /// By number, which is the order of deliveries at one time.
    slots: Vec<Slot>,
    /// Who hears what, by place in the lists of the settings.
    feeds: market::Feeds,
    schedule: Schedule,
    outputs: VecDeque<Output>,
    /// Latest event number given.
    events: u64,
    /// Latest order number given.
    orders: u64,
    /// Of all strategies.
    money: Money,
    /// As the exchange said, by instrument.
    leverage: Vec<Option<(u32, MarginMode)>>,
    /// What the exchange says of positions and what is nobody's, by instrument.
    holdings: Vec<Holding>,
    /// Exchange time of the collateral that replaced ours last: what happened by then is in it.
    cash_as_of: Option<Timestamp>,
    /// Whether the account agrees with the exchange since the connection came up.
    reconciled: bool,
    /// How often the exchange's word differed from ours.
    differences: u64,
    /// When what has not ended by itself is ended.
    shutdown: Option<Timestamp>,
    /// When funding was paid, by instrument: once for each time.
    funding_paid: Vec<funding::FundingTimes>,
    /// The account's kill switch and what is watched for it.
    account_guard: AccountGuard,
    /// Whether exits wait here for their price.
    guards_exits: bool,
    revision: u64,
    /// Inputs that named nothing known.
    strays: u64,
    oddities: Oddities,
    /// Fills that were counted.
    fills: FillMemory,
    /// Open orders that belong to no strategy.
    external: ExternalOrders,
    /// Orders that are unanswered or in doubt.
    watch: doubt::Watch,
    /// Leverage settings that are unanswered.
    settings_asked: LeverageAsked,
    /// Where among the outputs what the input at hand asks of the exchange is put together.
    batch: Option<usize>,
    /// The event whose answer is being acted on.
    answering: Option<EventNumber>,
    /// Part of every client order id.
    epoch: u16,
}

impl TradingCore {
    /// An account without strategies.
    ///
    /// # Errors
    /// Where the settings contradict themselves.
    pub fn new(settings: CoreSettings) -> Result<Self, SettingsError> {
        check(&settings)?;
        let instruments = settings.instruments.len();
        let mut core = Self {
            now: Timestamp::from_millis(i64::MIN),
            slots: Vec::new(),
            feeds: market::Feeds::new(&settings),
            schedule: Schedule::default(),
            outputs: settings.live.then_some(Output::Reconcile(ReconcileCause::Start)).into_iter().collect(),
            events: 0,
            orders: 0,
            money: Money::default(),
            leverage: vec![None; instruments],
            holdings: vec![Holding::default(); instruments],
            cash_as_of: None,
            reconciled: !settings.live,
            differences: 0,
            shutdown: None,
            funding_paid: vec![funding::FundingTimes::default(); instruments],
            account_guard: AccountGuard::default(),
            guards_exits: false,
            revision: 0,
            strays: 0,
            oddities: Oddities::default(),
            fills: FillMemory::default(),
            external: ExternalOrders::default(),
            watch: doubt::Watch::default(),
            settings_asked: LeverageAsked::default(),
            batch: None,
            answering: None,
            epoch: settings.epoch,
            settings,
        };
        core.choose_watch();
        Ok(core)
    }

    /// Applies one input. What follows from it waits in [`TradingCore::poll`]. Time does not run backwards: an earlier `now`
    /// counts as the latest one seen.
    ///
    /// Timers due before `now` fire before the input is applied; those due at `now` fire on [`Input::Wake`], which the shell
    /// sends once everything else of that time has been handed in.
    #[inline]
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.batch = None;
        if now > self.now {
            self.now = now;
            // A process that takes over does nothing in the name of the one before: what fell due waits for the next input.
            if self.next_wake().is_some_and(|due| due < now) && !matches!(input, Input::Opened { .. }) {
                self.catch_up(now);
            }
        }
        // What comes with every candle is told apart here, where the caller often knows which it is.
        match input {
            Input::Market(event) => self.market(event),
            Input::HookEnded(ended) => self.hook_ended(ended),
            other => self.handle_other(other),
        }
        if self.account_guard.watching {
            self.watch();
        }
    }

    fn handle_other(&mut self, input: Input) {
        match input {
            Input::Market(event) => self.market(event),
            Input::HookEnded(ended) => self.hook_ended(ended),
            Input::Venue(event) => self.venue(event),
            Input::Wake => {
                self.watch_orders(self.now);
                self.fire_timers(self.now);
                self.check_deadline();
            }
            Input::Deploy(deployment) => self.deploy(*deployment),
            Input::Start(strategy) => self.start(strategy),
            Input::Stop { strategy, reason } => self.stop(strategy, reason),
            Input::Params { strategy, parameters } => self.change_parameters(strategy, parameters),
            Input::Upgrade(deployment) => self.upgrade(*deployment),
            Input::Checkpoint => self.checkpoint(),
            Input::Shutdown { deadline } => self.shut_down(deadline),
            Input::Opened { epoch } => self.opened(epoch),
            Input::Operator(command) => self.operator(command),
            // What is said to be less than nothing would make room for more here.
            Input::TenantExposure { elsewhere: Some(elsewhere) } if elsewhere < Decimal::ZERO => self.strays += 1,
            Input::TenantExposure { elsewhere } => self.account_guard.elsewhere = elsewhere,
        }
    }

    /// Does what was due before a time that has come.
    fn catch_up(&mut self, now: Timestamp) {
        if self.next_to_look_after().is_some_and(|due| due < now) {
            self.watch_orders(Timestamp::from_millis(now.as_millis() - 1));
        }
        if self.schedule.next().is_some_and(|due| due < now) {
            self.fire_timers(Timestamp::from_millis(now.as_millis() - 1));
        }
        if self.shutdown.is_some_and(|deadline| deadline < now) {
            self.check_deadline();
        }
        if self.account_guard.watching {
            self.watch_missed(now);
        }
    }

    /// Sends something. What one answer, or one input by itself, asks of the exchange goes together.
    fn send(&mut self, command: Approved<Command>) {
        if let Some(Output::Send(batch)) = self.batch.and_then(|at| self.outputs.get_mut(at)) {
            return batch.commands.push(command);
        }
        self.batch = Some(self.outputs.len());
        let event = self.answering.unwrap_or(EventNumber::new(self.events));
        self.outputs.push_back(Output::Send(Batch { event, commands: vec![command] }));
    }

    /// Takes the next thing to do. Drain it fully before the next `handle`.
    #[inline]
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What waits to be taken, oldest first: for whoever writes it down before it is acted on.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = &Output> {
        self.outputs.iter()
    }

    /// When it wants [`Input::Wake`], if nothing else happens first.
    #[inline]
    pub fn next_wake(&self) -> Option<Timestamp> {
        let or_never = |due: Option<Timestamp>| due.unwrap_or(Timestamp::MAX);
        let mut due = or_never(self.schedule.next()).min(or_never(self.next_to_look_after())).min(or_never(self.shutdown));
        if self.account_guard.watching {
            due = due.min(or_never(self.account_guard.wake));
        }
        (due != Timestamp::MAX).then_some(due)
    }

    /// The account's kill switch, where it fired.
    pub const fn killed(&self) -> Option<Killed> {
        self.account_guard.switch.killed
    }

    /// What the operator allows the account.
    pub const fn trading_state(&self) -> TradingState {
        self.account_guard.switch.set
    }

    /// What the account is made of.
    pub const fn settings(&self) -> &CoreSettings {
        &self.settings
    }

    /// Its number.
    pub const fn account(&self) -> AccountId {
        self.settings.account
    }

    /// Changes whenever the account's money or a position may have changed: what was read before is still true while it is
    /// the same.
    #[inline]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Leverage and margin mode of an instrument, where the exchange said so.
    pub fn leverage(&self, instrument: InstrumentId) -> Option<(u32, MarginMode)> {
        self.leverage.get(instrument.get() as usize).copied().flatten()
    }

    /// What was paid in, plus the profit of everything that is flat again, less fees, plus funding, over all strategies.
    pub fn settled(&self) -> Decimal {
        self.settings.cash.saturating_add(self.money.settled)
    }

    /// Fees paid, over all strategies; rebates count against them.
    pub const fn fees_paid(&self) -> Decimal {
        self.money.fees
    }

    /// Funding received less funding paid, over all strategies.
    pub const fn funding_received(&self) -> Decimal {
        self.money.funding
    }

    /// Positions that are not zero, by strategy, then by instrument. Each strategy has its own.
    pub fn positions(&self) -> impl Iterator<Item = (StrategyId, &Position)> {
        self.slots.iter().flat_map(|slot| slot.ledger.held().map(|position| (slot.id(), position)))
    }

    /// Strategies, by number.
    pub fn strategies(&self) -> impl Iterator<Item = StrategyView<'_>> {
        self.slots.iter().map(StrategyView)
    }

    /// A strategy, for reading.
    pub fn strategy(&self, strategy: StrategyId) -> Option<StrategyView<'_>> {
        self.place_of(strategy).map(|place| StrategyView(&self.slots[place]))
    }

    /// Mark price of an instrument; where none is published, the last price; where nobody was seen to trade either, half way
    /// between the best bid and offer.
    pub fn mark_price(&self, instrument: InstrumentId) -> Option<Price> {
        self.feeds.mark_price(instrument)
    }

    /// Inputs that named nothing known: an order, a series or a hook call that is not ours. Nothing followed from them.
    pub const fn strays(&self) -> u64 {
        self.strays
    }

    /// What the exchange said that could not be, or should not have been.
    pub const fn oddities(&self) -> Oddities {
        self.oddities
    }

    /// Changes of leverage whose outcome is not known yet.
    pub fn leverage_unanswered(&self) -> usize {
        self.settings_asked.len()
    }

    /// Open orders that somebody else placed in this account, by the exchange's number.
    pub fn external_orders(&self) -> impl Iterator<Item = &VenueOrder> {
        self.external.iter()
    }

    #[inline]
    fn place_of(&self, strategy: StrategyId) -> Option<usize> {
        self.slots.binary_search_by_key(&strategy, Slot::id).ok()
    }

    /// Notes that a strategy's money, positions or orders changed.
    fn changed(&mut self, place: usize) {
        self.slots[place].changed = true;
        self.revision += 1;
    }
}

fn check(settings: &CoreSettings) -> Result<(), SettingsError> {
    for (place, instrument) in settings.instruments.iter().enumerate() {
        if instrument.id.get() as usize != place {
            return Err(SettingsError::InstrumentPlace { symbol: instrument.symbol.clone(), id: instrument.id, place });
        }
    }
    for (place, series) in settings.series.iter().enumerate() {
        if series.id.get() as usize != place {
            return Err(SettingsError::SeriesPlace { id: series.id, place });
        }
        if series.instrument.get() as usize >= settings.instruments.len() {
            return Err(SettingsError::SeriesOfNothing { id: series.id, instrument: series.instrument });
        }
    }
    settings.risk.check(settings.instruments.len())?;
    if settings.account.get() >= 1 << 24 {
        return Err(SettingsError::AccountNumber(settings.account));
    }
    let (queue_max, intents_max) = (settings.limits.queue_max, settings.limits.intents_per_event_max);
    if queue_max <= intents_max {
        return Err(SettingsError::QueueTooShort { queue_max, intents_max });
    }
    Ok(())
}
