//! What a hook asks for, collected under the names that traders use.
//!
//! Each method adds one intent; what it returns refines it:
//!
//! ```
//! # use calypte_strategy::{dec, Intents};
//! # let mut intents = Intents::new();
//! # let btc = 0;
//! intents.buy_limit(btc, dec!(0.5), 64_000).post_only().tag(7).stop_loss(63_000);
//! intents.cancel_tag(6);
//! ```

use crate::{
    AmendOrder, AttachedExits, Decimal, InstrumentId, Intent, LeverageSetting, LimitTerms, MarginMode, Notification, OrderId,
    OrderKind, OrderRef, OrderTag, PlaceOrder, Side, TargetPosition, TimeInForce, TimerId, TimerSetting, Timestamp,
    TrailingTerms, TriggerKind, TriggerTerms, Urgency,
};

/// The intents of one hook, in their order.
#[derive(Debug, Default)]
pub struct Intents(Vec<Intent>);

impl Intents {
    /// None yet. Costs nothing: memory is taken by the first intent.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Buys at the market.
    pub fn buy_market(&mut self, instrument: InstrumentId, size: impl Into<Decimal>) -> OrderDraft<'_> {
        self.place(instrument, Side::Buy, size, OrderKind::Market)
    }

    /// Sells at the market.
    pub fn sell_market(&mut self, instrument: InstrumentId, size: impl Into<Decimal>) -> OrderDraft<'_> {
        self.place(instrument, Side::Sell, size, OrderKind::Market)
    }

    /// Buys at this price or lower; stays until cancelled.
    pub fn buy_limit(
        &mut self,
        instrument: InstrumentId,
        size: impl Into<Decimal>,
        price: impl Into<Decimal>,
    ) -> OrderDraft<'_> {
        self.place(instrument, Side::Buy, size, limit(price.into()))
    }

    /// Sells at this price or higher; stays until cancelled.
    pub fn sell_limit(
        &mut self,
        instrument: InstrumentId,
        size: impl Into<Decimal>,
        price: impl Into<Decimal>,
    ) -> OrderDraft<'_> {
        self.place(instrument, Side::Sell, size, limit(price.into()))
    }

    /// Buys at the market once the price has risen to the trigger.
    pub fn buy_stop(
        &mut self,
        instrument: InstrumentId,
        size: impl Into<Decimal>,
        trigger: impl Into<Decimal>,
    ) -> OrderDraft<'_> {
        self.place(instrument, Side::Buy, size, triggered(TriggerKind::Stop, trigger.into()))
    }

    /// Sells at the market once the price has fallen to the trigger.
    pub fn sell_stop(
        &mut self,
        instrument: InstrumentId,
        size: impl Into<Decimal>,
        trigger: impl Into<Decimal>,
    ) -> OrderDraft<'_> {
        self.place(instrument, Side::Sell, size, triggered(TriggerKind::Stop, trigger.into()))
    }

    /// Buys at the market, only to close a short, once the price has fallen to the trigger.
    pub fn buy_take_profit(
        &mut self,
        instrument: InstrumentId,
        size: impl Into<Decimal>,
        trigger: impl Into<Decimal>,
    ) -> OrderDraft<'_> {
        self.place(instrument, Side::Buy, size, triggered(TriggerKind::TakeProfit, trigger.into())).reduce_only()
    }

    /// Sells at the market, only to close a long, once the price has risen to the trigger.
    pub fn sell_take_profit(
        &mut self,
        instrument: InstrumentId,
        size: impl Into<Decimal>,
        trigger: impl Into<Decimal>,
    ) -> OrderDraft<'_> {
        self.place(instrument, Side::Sell, size, triggered(TriggerKind::TakeProfit, trigger.into())).reduce_only()
    }

    /// Buys at the market, only to close a short, once the price has risen this far from its lowest.
    pub fn buy_trailing_stop(
        &mut self,
        instrument: InstrumentId,
        size: impl Into<Decimal>,
        distance: impl Into<Decimal>,
    ) -> OrderDraft<'_> {
        self.place(instrument, Side::Buy, size, trailing(distance.into())).reduce_only()
    }

    /// Sells at the market, only to close a long, once the price has fallen this far from its highest.
    pub fn sell_trailing_stop(
        &mut self,
        instrument: InstrumentId,
        size: impl Into<Decimal>,
        distance: impl Into<Decimal>,
    ) -> OrderDraft<'_> {
        self.place(instrument, Side::Sell, size, trailing(distance.into())).reduce_only()
    }

    /// Any order.
    pub fn place(&mut self, instrument: InstrumentId, side: Side, size: impl Into<Decimal>, kind: OrderKind) -> OrderDraft<'_> {
        let order = PlaceOrder { instrument, side, size: size.into(), kind, reduce_only: false, tag: None, exits: None };
        self.0.push(Intent::Place(order));
        let Some(Intent::Place(order)) = self.0.last_mut() else { unreachable!("it was just added") };
        OrderDraft { order }
    }

    /// Brings the position to a signed size; the engine works out the order, and sends none where none is needed.
    pub fn set_target(&mut self, instrument: InstrumentId, size: impl Into<Decimal>) -> TargetDraft<'_> {
        self.0.push(Intent::SetTarget(TargetPosition { instrument, size: size.into(), tag: None }));
        let Some(Intent::SetTarget(target)) = self.0.last_mut() else { unreachable!("it was just added") };
        TargetDraft { target }
    }

    /// Closes the position with a reduce-only market order.
    pub fn close(&mut self, instrument: InstrumentId) {
        self.0.push(Intent::ClosePosition(instrument));
    }

    /// Changes a resting order; say what with the methods of what this returns.
    pub fn amend(&mut self, order: OrderRef) -> AmendDraft<'_> {
        self.0.push(Intent::Amend(AmendOrder { order, price: None, size: None, trigger_price: None }));
        let Some(Intent::Amend(amend)) = self.0.last_mut() else { unreachable!("it was just added") };
        AmendDraft { amend }
    }

    /// Cancels the order that the engine gave this number.
    pub fn cancel(&mut self, id: OrderId) {
        self.0.push(Intent::Cancel(OrderRef::Id(id)));
    }

    /// Cancels the order that the strategy gave this name.
    pub fn cancel_tag(&mut self, tag: OrderTag) {
        self.0.push(Intent::Cancel(OrderRef::Tag(tag)));
    }

    /// Cancels every order of this strategy.
    pub fn cancel_all(&mut self) {
        self.0.push(Intent::CancelAll(None));
    }

    /// Cancels every order of this strategy on one instrument.
    pub fn cancel_all_on(&mut self, instrument: InstrumentId) {
        self.0.push(Intent::CancelAll(Some(instrument)));
    }

    /// Sets leverage and margin mode of an instrument.
    pub fn set_leverage(&mut self, instrument: InstrumentId, leverage: u32, mode: MarginMode) {
        self.0.push(Intent::SetLeverage(LeverageSetting { instrument, leverage, mode }));
    }

    /// Sets a timer that fires once.
    pub fn set_timer(&mut self, timer: TimerId, at: Timestamp) {
        self.0.push(Intent::SetTimer(TimerSetting { timer, at, every_ms: None }));
    }

    /// Sets a timer that fires at a time and then again and again.
    pub fn set_repeating_timer(&mut self, timer: TimerId, at: Timestamp, every_ms: u64) {
        self.0.push(Intent::SetTimer(TimerSetting { timer, at, every_ms: Some(every_ms) }));
    }

    /// Clears a timer.
    pub fn clear_timer(&mut self, timer: TimerId) {
        self.0.push(Intent::ClearTimer(timer));
    }

    /// Tells the trader.
    pub fn notify(&mut self, urgency: Urgency, text: impl Into<String>) {
        self.0.push(Intent::Notify(Notification { urgency, text: text.into() }));
    }

    /// Any intent, as the contract has it.
    pub fn push(&mut self, intent: Intent) {
        self.0.push(intent);
    }

    /// Whether nothing has been asked for.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The intents so far.
    #[must_use]
    pub fn as_slice(&self) -> &[Intent] {
        &self.0
    }

    /// The intents, for the engine.
    #[must_use]
    pub fn into_vec(self) -> Vec<Intent> {
        self.0
    }
}

fn limit(price: Decimal) -> OrderKind {
    OrderKind::Limit(LimitTerms { price, time_in_force: TimeInForce::Gtc })
}

fn triggered(kind: TriggerKind, trigger_price: Decimal) -> OrderKind {
    OrderKind::Trigger(TriggerTerms { kind, trigger_price, limit_price: None })
}

fn trailing(distance: Decimal) -> OrderKind {
    OrderKind::TrailingStop(TrailingTerms { distance })
}

/// An order that was just asked for, to be refined.
#[derive(Debug)]
pub struct OrderDraft<'a> {
    order: &'a mut PlaceOrder,
}

impl OrderDraft<'_> {
    /// The strategy's own name for it: 1 to 2^53 - 1, unique among its open orders.
    pub fn tag(self, tag: OrderTag) -> Self {
        self.order.tag = Some(tag);
        self
    }

    /// It may only make a position smaller.
    pub fn reduce_only(self) -> Self {
        self.order.reduce_only = true;
        self
    }

    /// Post only: rejected if any of it would fill at once. For limit orders.
    pub fn post_only(self) -> Self {
        self.time_in_force(TimeInForce::Alo)
    }

    /// What can fill at once fills, the rest is cancelled. For limit orders.
    pub fn immediate_or_cancel(self) -> Self {
        self.time_in_force(TimeInForce::Ioc)
    }

    /// How long a limit order stays; of other orders it changes nothing.
    pub fn time_in_force(self, time_in_force: TimeInForce) -> Self {
        if let OrderKind::Limit(terms) = &mut self.order.kind {
            terms.time_in_force = time_in_force;
        }
        self
    }

    /// Once triggered, goes out as a limit order at this price. For stops and take-profits.
    pub fn then_limit(self, price: impl Into<Decimal>) -> Self {
        if let OrderKind::Trigger(terms) = &mut self.order.kind {
            terms.limit_price = Some(price.into());
        }
        self
    }

    /// Attaches a take-profit, live once this order fills.
    pub fn take_profit(self, trigger: impl Into<Decimal>) -> Self {
        exits(self.order).take_profit = Some(trigger.into());
        self
    }

    /// Attaches a stop-loss, live once this order fills.
    pub fn stop_loss(self, trigger: impl Into<Decimal>) -> Self {
        exits(self.order).stop_loss = Some(trigger.into());
        self
    }

    /// Attaches both exits; one cancels the other.
    pub fn bracket(self, stop_loss: impl Into<Decimal>, take_profit: impl Into<Decimal>) -> Self {
        self.stop_loss(stop_loss).take_profit(take_profit)
    }
}

fn exits(order: &mut PlaceOrder) -> &mut AttachedExits {
    order.exits.get_or_insert(AttachedExits { take_profit: None, stop_loss: None })
}

/// A target position that was just asked for.
#[derive(Debug)]
pub struct TargetDraft<'a> {
    target: &'a mut TargetPosition,
}

impl TargetDraft<'_> {
    /// Name for the order that follows from it.
    pub fn tag(self, tag: OrderTag) -> Self {
        self.target.tag = Some(tag);
        self
    }
}

/// A change to a resting order that was just asked for.
#[derive(Debug)]
pub struct AmendDraft<'a> {
    amend: &'a mut AmendOrder,
}

impl AmendDraft<'_> {
    /// New limit price.
    pub fn price(self, price: impl Into<Decimal>) -> Self {
        self.amend.price = Some(price.into());
        self
    }

    /// New total size, what has filled included.
    pub fn size(self, size: impl Into<Decimal>) -> Self {
        self.amend.size = Some(size.into());
        self
    }

    /// New trigger price.
    pub fn trigger(self, price: impl Into<Decimal>) -> Self {
        self.amend.trigger_price = Some(price.into());
        self
    }
}
