//! What the core keeps of one strategy.

use crate::core::Estimates;
use crate::guard::Guard;
use crate::guarded::Guarded;
use crate::ledger::Ledger;
use crate::orders::{OpenOrder, Orders};
use crate::queue::EventQueue;
use crate::store::Store;
use crate::{
    AccountView, ClientOrderId, CoreSettings, Deployment, Event, EventKind, EventNumber, InstrumentId, Killed, Order, OrderRef,
    OrderState, ParamValue, Pause, Position, PositionView, SeriesId, StopReason, StrategyId, StrategyState, Subscription,
    Timestamp, TradingState,
};
use rust_decimal::Decimal;
use std::sync::Arc;

/// Events that one strategy may be handed at one time before that counts as a loop that will not end: a strategy that
/// answers each denial with the same request, or each timer with a timer that is due at once.
pub(crate) const EVENTS_PER_INSTANT_MAX: u32 = 100_000;

/// A hook that is out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out {
    pub(crate) number: EventNumber,
    pub(crate) hook: OutHook,
    /// When the core learnt of what is being handled.
    pub(crate) since: Timestamp,
}

/// Which hook is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutHook {
    Init,
    Event,
    /// A candle of history.
    WarmUp,
    /// The first live event of a new version.
    Trial,
    Params,
    Save,
    Stop,
}

/// How a strategy ended that was at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was stopped, or it is at work, or it never was.
    Orderly,
    /// A shutdown stopped it: it is at work again after a restart.
    Shutdown,
    /// It failed: its restart policy says which of its orders stay.
    Fault,
}

/// What the trader or the operator wants of a strategy that is at work.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// New parameters that it is to be asked about.
    pub(crate) parameters: Option<Arc<[(String, ParamValue)]>>,
    /// Those that it is being asked about.
    pub(crate) asked: Option<Arc<[(String, ParamValue)]>>,
    /// Whether it is to be asked for its state.
    pub(crate) save: bool,
}

impl Requests {
    /// Whether something is still to be asked.
    #[inline]
    pub(crate) const fn any(&self) -> bool {
        self.parameters.is_some() || self.save
    }
}

/// One strategy of an account.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) deployment: Deployment,
    pub(crate) state: StrategyState,
    /// Whether events reach it: it has begun and is not being stopped.
    pub(crate) listening: bool,
    /// The hook that is out, if one is: at most one at a time.
    pub(crate) out: Option<Out>,
    /// A stop that waits for the hook that is out.
    pub(crate) stop: Option<StopReason>,
    pub(crate) queue: EventQueue,
    pub(crate) subscriptions: Vec<Subscription>,
    /// Candles of history still to come, by series.
    pub(crate) warm_up: Vec<(SeriesId, u32)>,
    /// Their sum.
    pub(crate) warm_up_left: u64,
    /// Candles of history that wait or are out.
    pub(crate) warm_up_waiting: u32,
    pub(crate) orders: Orders,
    pub(crate) ledger: Ledger,
    pub(crate) store: Store,
    pub(crate) guard: Guard,
    /// Exits that the core guards.
    pub(crate) guarded: Guarded,
    /// What it saw last, shared with the events that carry it.
    view: Arc<AccountView>,
    pub(crate) requests: Requests,
    /// The version that takes over once it has stopped.
    pub(crate) upgrade: Option<Box<Deployment>>,
    /// The version before, until the first event of this one has ended.
    pub(crate) previous: Option<Box<Deployment>>,
    /// Whether it was started and waits for the account to be reconciled.
    pub(crate) start_waits: bool,
    /// How it ended when it was at work last.
    pub(crate) ended: Ended,
    /// Whether the account changed since.
    pub(crate) changed: bool,
    /// The time of its latest events and how many it was handed then.
    pub(crate) instant: (Timestamp, u32),
}

impl Slot {
    pub(crate) fn new(deployment: Deployment, settings: &CoreSettings) -> Self {
        let view = AccountView {
            settled: settings.cash,
            positions: Vec::new(),
            orders: Vec::new(),
            fees: settings.fees,
            margin_used: Decimal::ZERO,
        };
        Self {
            deployment,
            state: StrategyState::Created,
            listening: false,
            out: None,
            stop: None,
            queue: EventQueue::default(),
            subscriptions: Vec::new(),
            warm_up: Vec::new(),
            warm_up_left: 0,
            warm_up_waiting: 0,
            orders: Orders::default(),
            ledger: Ledger::default(),
            store: Store::default(),
            guard: Guard::default(),
            guarded: Guarded::default(),
            view: Arc::new(view),
            requests: Requests::default(),
            upgrade: None,
            previous: None,
            start_waits: false,
            ended: Ended::Orderly,
            changed: true,
            instant: (Timestamp::from_millis(i64::MIN), 0),
        }
    }

    pub(crate) const fn id(&self) -> StrategyId {
        self.deployment.strategy
    }

    /// Whether it is not at work: it may be deployed anew or started.
    pub(crate) const fn is_at_rest(&self) -> bool {
        use StrategyState::{Created, Faulted, Refused, Stopped};
        matches!(self.state, Created | Stopped | Refused(_) | Faulted(_))
    }

    /// Whether it is to hear of an event.
    #[inline]
    pub(crate) const fn hears(&self, event: &Event) -> bool {
        self.hears_kind(event.kind())
    }

    /// Whether it is to hear of events of a kind.
    #[inline]
    pub(crate) const fn hears_kind(&self, kind: EventKind) -> bool {
        self.listening && self.deployment.knows.contains(kind)
    }

    /// Counts one of the candles of history that were asked for; whether this was one.
    pub(crate) fn count_warm_up(&mut self, series: SeriesId) -> bool {
        let warming_up = self.warm_up_left > 0;
        if let Some((_, left)) = self.warm_up.iter_mut().find(|(of, left)| *of == series && *left > 0) {
            *left -= 1;
            self.warm_up_left -= 1;
        }
        warming_up
    }

    /// Whether it was handed all the history it asked for and has answered.
    pub(crate) fn is_warm(&self) -> bool {
        self.listening && self.warm_up_left == 0 && self.warm_up_waiting == 0 && self.state == StrategyState::WarmingUp
    }

    /// Whether an open order is to go, now that the strategy is not at work: not one that ends by itself at the market, nor
    /// one that its restart policy keeps after a fault.
    pub(crate) fn lets_go_of(&self, open: &OpenOrder) -> bool {
        !open.is_passing() && !self.keeps(&open.order)
    }

    /// Whether an open order has that name.
    pub(crate) fn is_taken(&self, name: OrderRef) -> bool {
        self.orders.named(name).is_some() || self.guarded.named(name).is_some()
    }

    /// Whether its restart policy keeps an order after a fault.
    pub(crate) fn keeps(&self, order: &Order) -> bool {
        self.ended == Ended::Fault && self.deployment.restart.keeps(order)
    }

    /// Forgets what was wanted of it.
    pub(crate) fn forget_requests(&mut self) {
        self.requests = Requests::default();
        (self.upgrade, self.previous) = (None, None);
    }

    /// Forgets the market, for a version that begins anew; what happens to the account waits for it.
    pub(crate) fn forget_market(&mut self) {
        self.queue.keep_account();
        self.subscriptions.clear();
        self.warm_up.clear();
        (self.warm_up_left, self.warm_up_waiting) = (0, 0);
    }

    /// Forgets what it was to hear.
    pub(crate) fn forget_events(&mut self) {
        self.queue.clear();
        self.listening = false;
        self.warm_up.clear();
        (self.warm_up_left, self.warm_up_waiting) = (0, 0);
    }

    /// A position as the view shows it that was brought up to date last; none where it is flat there.
    pub(crate) fn shown(&self, instrument: InstrumentId) -> Option<PositionView> {
        self.view.positions.iter().find(|position| position.instrument == instrument).cloned()
    }

    /// What it sees of its account. Made anew only where something changed, and in place where nobody looks at the old one.
    pub(crate) fn view(
        &mut self,
        settings: &CoreSettings,
        leverage: &crate::ledger::LeverageSettings,
        estimates: Option<Estimates>,
    ) -> &Arc<AccountView> {
        self.changed = false;
        if let Some(Estimates { liquidation, reserved }) = estimates {
            if Arc::get_mut(&mut self.view).is_none() {
                self.view = Arc::new(AccountView::clone(&self.view));
            }
            let view = Arc::get_mut(&mut self.view).expect("it was made for us alone");
            self.ledger.show(view, settings.cash, leverage);
            view.margin_used = view.margin_used.saturating_add(reserved);
            for (position, (_, price)) in view.positions.iter_mut().zip(liquidation) {
                position.liquidation_price = price;
            }
            view.orders.clear();
            view.orders.extend(self.orders.open().iter().map(|open| open.order.clone()));
            if self.guarded.watches() {
                view.orders.extend(self.guarded.waiting().iter().map(|exit| exit.order.clone()));
                view.orders.sort_unstable_by_key(|order| order.id);
            }
        }
        &self.view
    }
}

/// A strategy as the core holds it, for reading.
#[derive(Debug, Clone, Copy)]
pub struct StrategyView<'a>(pub(crate) &'a Slot);

impl<'a> StrategyView<'a> {
    /// Its number.
    pub const fn id(self) -> StrategyId {
        self.0.id()
    }

    /// Which version of it was deployed last.
    pub const fn version(self) -> u32 {
        self.0.deployment.version
    }

    /// What it saved last.
    pub fn saved(self) -> Option<&'a [u8]> {
        self.0.deployment.restored.as_deref()
    }

    /// Its parameters, in the manifest's order.
    pub fn parameters(self) -> &'a [(String, ParamValue)] {
        &self.0.deployment.parameters
    }

    /// Where it is in its life.
    pub const fn state(self) -> &'a StrategyState {
        &self.0.state
    }

    /// What its trading made: profit of what is flat again, less fees, plus funding.
    pub const fn settled(self) -> Decimal {
        self.0.ledger.money.settled
    }

    /// Fees it paid; rebates count against them.
    pub const fn fees_paid(self) -> Decimal {
        self.0.ledger.money.fees
    }

    /// Funding it received less funding it paid.
    pub const fn funding_received(self) -> Decimal {
        self.0.ledger.money.funding
    }

    /// Its positions that are not zero, by instrument.
    pub fn positions(self) -> impl Iterator<Item = &'a Position> {
        self.0.ledger.held()
    }

    /// Its position of an instrument, flat or not; none where it never held any.
    pub fn position(self, instrument: InstrumentId) -> Option<&'a Position> {
        self.0.ledger.position(instrument)
    }

    /// Its open orders, by number.
    pub fn orders(self) -> impl Iterator<Item = &'a Order> {
        self.0.orders.open().iter().map(|open| &open.order)
    }

    /// Its open orders with where they are in their life, by number.
    pub fn order_states(self) -> impl Iterator<Item = (&'a Order, OrderState)> {
        self.0.orders.open().iter().map(|open| (&open.order, open.state()))
    }

    /// Its open orders with the names that the exchange knows and where they are in their life, by number.
    pub fn named_orders(self) -> impl Iterator<Item = (ClientOrderId, &'a Order, OrderState)> {
        self.0.orders.open().iter().map(|open| (open.client_id, &open.order, open.state()))
    }

    /// An order by the name that the exchange knows, open or gone not long ago.
    pub fn order_named(self, name: ClientOrderId) -> Option<(&'a Order, OrderState)> {
        self.0.orders.find(name).map(|found| (&found.order, found.state()))
    }

    /// Its open orders that wait in the core until their price comes, by number: exits that the exchange cannot hold.
    pub fn guarded_exits(self) -> impl Iterator<Item = &'a Order> {
        self.0.guarded.waiting().iter().map(|exit| &exit.order)
    }

    /// The event that it was handed and has not answered.
    pub fn out(self) -> Option<EventNumber> {
        self.0.out.map(|out| out.number)
    }

    /// What it is subscribed to.
    pub fn subscriptions(self) -> &'a [Subscription] {
        &self.0.subscriptions
    }

    /// A value of its key-value store.
    pub fn state_value(self, key: &str) -> Option<&'a [u8]> {
        self.0.store.get(key)
    }

    /// Its key-value store, by key.
    pub fn state_values(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.0.store.iter()
    }

    /// Its kill switch, where it fired.
    pub const fn killed(self) -> Option<Killed> {
        self.0.guard.switch.killed
    }

    /// What the operator allows it.
    pub const fn trading_state(self) -> TradingState {
        self.0.guard.switch.set
    }

    /// Whether a kill switch has something left to do for it: orders to cancel, positions to close.
    pub const fn is_closing(self) -> bool {
        self.0.guard.closing.is_some()
    }

    /// Rests of protections that are in force at a time.
    pub fn pauses(self, now: Timestamp) -> impl Iterator<Item = &'a Pause> {
        self.0.guard.rests.in_force(now)
    }

    /// Quotes, books and contexts that it was not handed because a newer one came while a hook was out.
    pub const fn events_replaced(self) -> u64 {
        self.0.queue.replaced()
    }
}
