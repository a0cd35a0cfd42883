//! The risk gate: the only way from an intent to a venue.
//!
//! [`RiskGate::review`] looks at one request and at what is true while it looks ([`Standing`]), and either approves a command
//! or denies it with a code and the numbers involved. It keeps nothing and changes nothing, so each check can be read and
//! tested alone. Cancelling only ever makes a risk smaller: it passes whatever the age of the decision.

pub(crate) mod terms;

use crate::denial::{Denial, DenialCode};
use crate::{
    ClientOrderId, Command, Decimal, Instrument, InstrumentId, Limits, MarginMode, NewOrder, Order, OrderKind, OrderTag,
    PlaceOrder, Price, Side, Size, Wanted,
};

/// Something that passed every check. Only [`RiskGate::review`] makes one, and a venue takes nothing else, so an unreviewed
/// order cannot reach it.
///
/// ```compile_fail,E0423
/// let order = calypte_kernel::Approved("an order that nobody looked at");
/// ```
///
/// ```compile_fail,E0599
/// let order = calypte_kernel::Approved::from("an order that nobody looked at");
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// What was approved.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// What was approved, to be sent.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// Something a strategy, or the core on its behalf, wants sent.
#[derive(Debug, Clone, Copy)]
pub enum Request<'a> {
    /// A new order.
    Place {
        /// As the strategy wrote it.
        order: &'a PlaceOrder,
        /// The name it will have.
        client_id: ClientOrderId,
    },
    /// A market order that the core worked out: towards a target, or to close.
    Move {
        /// Instrument.
        instrument: InstrumentId,
        /// By how much, signed, not zero.
        by: Decimal,
        /// Whether it may only make the position smaller.
        reduce_only: bool,
        /// The strategy's own name for it.
        tag: Option<OrderTag>,
        /// The name it will have.
        client_id: ClientOrderId,
    },
    /// New terms for an order.
    Amend {
        /// The order as it stands.
        order: &'a Order,
        /// Its name.
        client_id: ClientOrderId,
        /// New limit price.
        price: Option<Wanted>,
        /// New total size.
        size: Option<Wanted>,
        /// New trigger price.
        trigger_price: Option<Wanted>,
    },
    /// The end of an order.
    Cancel {
        /// Its instrument.
        instrument: InstrumentId,
        /// Its name.
        client_id: ClientOrderId,
    },
    /// Leverage and margin mode.
    SetLeverage {
        /// Instrument.
        instrument: InstrumentId,
        /// Leverage.
        leverage: u32,
        /// Cross or isolated.
        mode: MarginMode,
    },
}

/// Which checks of its state a strategy's requests must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// It runs: everything may pass.
    Running,
    /// It is handed history: nothing passes.
    WarmingUp,
    /// It is being stopped: only cancels and what is reduce-only passes.
    Stopping,
}

/// What is true of the strategy while a request is reviewed.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Which lane it is in.
    pub lane: Lane,
    /// Age of the event on which it was decided.
    pub decision_age_ms: u64,
    /// Its position in the instrument, signed.
    pub position: Decimal,
    /// Mark or last price of the instrument.
    pub reference: Option<Price>,
    /// How many open orders it has.
    pub open_orders: usize,
    /// Whether the tag in question is that of an open order.
    pub tag_taken: bool,
}

/// The checks between an intent and a venue.
#[derive(Debug, Clone, Copy)]
pub struct RiskGate<'a> {
    instruments: &'a [Instrument],
    limits: &'a Limits,
}

/// Largest tag: what every language can hold in a number.
pub const ORDER_TAG_MAX: u64 = (1 << 53) - 1;

impl<'a> RiskGate<'a> {
    /// A gate for an account's instruments, under its limits.
    pub const fn new(instruments: &'a [Instrument], limits: &'a Limits) -> Self {
        Self { instruments, limits }
    }

    /// Approves a request or denies it.
    ///
    /// # Errors
    /// The first check that it does not pass.
    pub fn review(&self, request: &Request<'_>, standing: &Standing) -> Result<Approved<Command>, Denial> {
        lane_allows(request, standing.lane)?;
        if !matches!(request, Request::Cancel { .. }) {
            self.check_age(standing.decision_age_ms)?;
        }
        let command = match *request {
            Request::Place { order, client_id } => Command::Place(self.new_order(order, client_id, standing)?),
            Request::Move { instrument, by, reduce_only, tag, client_id } => {
                let instrument = self.instrument(instrument)?;
                let (side, size) = Side::of(by).ok_or_else(|| {
                    Denial::new(DenialCode::SizeNotPositive, format!("a market order for {by} moves nothing"))
                })?;
                let size = terms::checked_size(size.get(), instrument)?;
                let kind = OrderKind::Market;
                let order = NewOrder { client_id, instrument: instrument.id, side, size, kind, reduce_only, exits: None };
                Command::Place(self.checked(order, tag, instrument, standing)?)
            }
            Request::Amend { order, client_id, price, size, trigger_price } => {
                let instrument = self.instrument(order.instrument)?;
                let (size, kind) = terms::amended(order, instrument, price, size, trigger_price)?;
                check_reduce_only(order.reduce_only, order.side, instrument, standing.position)?;
                self.check_worth(size, &kind, order.reduce_only, instrument, standing.reference)?;
                Command::Amend { order: client_id, instrument: instrument.id, size, kind }
            }
            Request::Cancel { instrument, client_id } => Command::Cancel { order: client_id, instrument },
            Request::SetLeverage { instrument, leverage, mode } => {
                let instrument = self.instrument(instrument)?;
                check_leverage(leverage, instrument)?;
                Command::SetLeverage { instrument: instrument.id, leverage, mode }
            }
        };
        Ok(Approved(command))
    }

    fn new_order(&self, order: &PlaceOrder, client_id: ClientOrderId, standing: &Standing) -> Result<NewOrder, Denial> {
        let instrument = self.instrument(order.instrument)?;
        let size = terms::size(order.size, instrument)?;
        let kind = terms::kind(&order.kind, instrument)?;
        let exits = terms::exits(order, instrument)?;
        let (side, reduce_only) = (order.side, order.reduce_only);
        let new = NewOrder { client_id, instrument: instrument.id, side, size, kind, reduce_only, exits };
        self.checked(new, order.tag, instrument, standing)
    }

    /// The checks of every new order, once its terms are numbers.
    fn checked(
        &self,
        order: NewOrder,
        tag: Option<OrderTag>,
        instrument: &Instrument,
        standing: &Standing,
    ) -> Result<NewOrder, Denial> {
        check_tag(tag, standing.tag_taken)?;
        check_reduce_only(order.reduce_only, order.side, instrument, standing.position)?;
        self.check_worth(order.size, &order.kind, order.reduce_only, instrument, standing.reference)?;
        if standing.open_orders >= self.limits.open_orders_max {
            let message = format!(
                "{} orders are open; at most {} may be: cancel one first",
                standing.open_orders, self.limits.open_orders_max
            );
            return Err(Denial::new(DenialCode::TooManyOpenOrders, message));
        }
        Ok(order)
    }

    /// The instrument of that number.
    pub(crate) fn instrument(&self, id: InstrumentId) -> Result<&'a Instrument, Denial> {
        self.instruments.get(id.get() as usize).ok_or_else(|| {
            let message = format!("there is no instrument {id}; init listed 0 to {}", self.instruments.len().saturating_sub(1));
            Denial::new(DenialCode::UnknownInstrument, message)
        })
    }

    fn check_age(&self, age_ms: u64) -> Result<(), Denial> {
        let age_ms_max = self.limits.decision_age_ms_max;
        if age_ms > age_ms_max {
            let message = format!("decided on an event {age_ms} ms old; at most {age_ms_max} ms are allowed");
            return Err(Denial::new(DenialCode::DecisionTooOld, message));
        }
        Ok(())
    }

    /// Size and notional against the instrument's minimum and the account's limits.
    fn check_worth(
        &self,
        size: Size,
        kind: &OrderKind,
        reduce_only: bool,
        instrument: &Instrument,
        reference: Option<Price>,
    ) -> Result<(), Denial> {
        let symbol = &instrument.symbol;
        if let Some(limit) = self.limits.order_size_max.filter(|limit| size.get() > *limit) {
            let message = format!("size {size} of {symbol} is larger than the limit of {limit}");
            return Err(Denial::new(DenialCode::OrderSizeLimit, message));
        }
        let min = Some(instrument.rules.min_notional).filter(|min| !reduce_only && !min.is_zero());
        let max = self.limits.order_notional_max;
        let Some(price) = terms::price_to_value_at(kind, reference) else {
            if min.is_some() || max.is_some() {
                let message = format!("no price of {symbol} is known yet, so that an order at the market cannot be valued");
                return Err(Denial::new(DenialCode::NoPriceYet, message));
            }
            return Ok(());
        };
        let notional = size.get().checked_mul(price.get()).ok_or_else(|| {
            let message = format!("size {size} of {symbol} times price {price} cannot be represented");
            Denial::new(DenialCode::NumberOutOfRange, message)
        })?;
        if let Some(min) = min.filter(|min| notional < *min) {
            let message = format!("{size} of {symbol} at {price} is worth {notional}, below the minimum of {min}");
            return Err(Denial::new(DenialCode::BelowMinNotional, message));
        }
        if let Some(max) = max.filter(|max| notional > *max) {
            let message = format!("{size} of {symbol} at {price} is worth {notional}, above the limit of {max}");
            return Err(Denial::new(DenialCode::OrderNotionalLimit, message));
        }
        Ok(())
    }
}

fn lane_allows(request: &Request<'_>, lane: Lane) -> Result<(), Denial> {
    let passes_while_stopping = match request {
        Request::Cancel { .. } => true,
        Request::Place { order, .. } => order.reduce_only,
        Request::Move { reduce_only, .. } => *reduce_only,
        Request::Amend { order, .. } => order.reduce_only,
        Request::SetLeverage { .. } => false,
    };
    match lane {
        Lane::Stopping if !passes_while_stopping => {
            let message = "the strategy is being stopped: only cancels and reduce-only orders pass";
            Err(Denial::new(DenialCode::Stopping, message))
        }
        Lane::WarmingUp => {
            let message = "the strategy is still handed history; it may trade once it is warm";
            Err(Denial::new(DenialCode::WarmingUp, message))
        }
        Lane::Running | Lane::Stopping => Ok(()),
    }
}

/// A reduce-only order needs a position on the other side. That it is not larger than the position is the venue's to
/// see to when it fills: what is held may change while it rests, and a venue fills no more than there is to close.
fn check_reduce_only(reduce_only: bool, side: Side, instrument: &Instrument, position: Decimal) -> Result<(), Denial> {
    let reduces = match side {
        Side::Buy => position < Decimal::ZERO,
        Side::Sell => position > Decimal::ZERO,
    };
    if reduce_only && !reduces {
        let verb = if side == Side::Buy { "buy" } else { "sell" };
        let message = format!("a reduce-only {verb} of {} reduces nothing: the position is {position}", instrument.symbol);
        return Err(Denial::new(DenialCode::ReduceOnlyIncreases, message));
    }
    Ok(())
}

fn check_tag(tag: Option<OrderTag>, taken: bool) -> Result<(), Denial> {
    let Some(tag) = tag else { return Ok(()) };
    if tag.get() == 0 || tag.get() > ORDER_TAG_MAX {
        return Err(Denial::new(DenialCode::BadTag, format!("tag {tag} is not between 1 and {ORDER_TAG_MAX}")));
    }
    if taken {
        return Err(Denial::new(DenialCode::DuplicateTag, format!("an open order has the tag {tag}")));
    }
    Ok(())
}

fn check_leverage(leverage: u32, instrument: &Instrument) -> Result<(), Denial> {
    let max = instrument.rules.max_leverage;
    if leverage == 0 || (max > 0 && leverage > max) {
        let allowed = if max > 0 { format!("1 to {max}") } else { "1 or more".to_owned() };
        let message = format!("leverage {leverage} of {}: {allowed} is allowed", instrument.symbol);
        return Err(Denial::new(DenialCode::LeverageOutOfRange, message));
    }
    Ok(())
}
