//! The risk gate: the only way from an intent to a venue.
//!
//! [`RiskGate::review`] looks at one request and at what is true while it looks ([`Standing`]), and either approves a command
//! or denies it with a code and the numbers involved. It keeps nothing and changes nothing, so each check can be read and
//! tested alone. Cancelling only ever makes a risk smaller: it passes whatever the age of the decision.

mod checks;
mod settings;
mod stake;
mod standing;
pub(crate) mod terms;

pub use settings::*;
pub use stake::{Stake, Stakes};
pub use standing::{Lane, Resting, Standing, Trading, TradingCause};

pub(crate) use checks::reach;

use crate::denial::{Denial, DenialCode};
use crate::{
    AttachedExits, ClientOrderId, Command, Decimal, Instrument, InstrumentId, Limits, MarginMode, NewOrder, Order, OrderKind,
    OrderTag, PlaceOrder, Price, Rounding, Side, Size, TimeInForce, Timestamp, VenueOrderId, Wanted,
};
use checks::Terms;

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
///
/// ```compile_fail,E0277
/// fn made_of_nothing<T: Default>() -> T {
///     T::default()
/// }
/// let order = made_of_nothing::<calypte_kernel::Approved<calypte_kernel::Command>>();
/// ```
///
/// Nor can it be doubled: an approval is sent once.
///
/// ```compile_fail,E0277
/// fn doubled<T: Clone>(once: &T) -> T {
///     once.clone()
/// }
/// fn twice(order: &calypte_kernel::Approved<calypte_kernel::Command>) {
///     doubled(order);
/// }
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

impl Approved<Command> {
    /// The order without its exits, and these: they are kept elsewhere.
    pub(crate) fn without_exits(self) -> (Self, Option<AttachedExits>) {
        match self.0 {
            Command::Place(order) => {
                let exits = order.exits;
                (Self(Command::Place(NewOrder { exits: None, ..order })), exits)
            }
            other => (Self(other), None),
        }
    }

    /// The order without its being reduce-only: what it may reduce is not what the exchange would hold it against.
    pub(crate) fn without_reduce_only(self) -> Self {
        match self.0 {
            Command::Place(order) => Self(Command::Place(NewOrder { reduce_only: false, ..order })),
            other => Self(other),
        }
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
    /// The end of an order that is not ours.
    CancelOutside {
        /// The exchange's number of it.
        venue_order: VenueOrderId,
        /// Its instrument.
        instrument: InstrumentId,
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
    /// What closes a position, in the lane of a kill switch.
    Close {
        /// Instrument.
        instrument: InstrumentId,
        /// By how much, signed, not zero.
        by: Decimal,
        /// Worst price accepted, brought onto the grid so that it still reaches the market; none: at the market.
        worst: Option<Price>,
        /// The name it will have.
        client_id: ClientOrderId,
    },
    /// The exchange's dead man's switch: set it, or clear it.
    ScheduleCancel {
        /// When it is to cancel everything; none: never.
        at: Option<Timestamp>,
        /// What time it is.
        now: Timestamp,
    },
}

impl Request<'_> {
    /// Whether it can only make a position smaller, and says so.
    pub const fn is_reduce_only(&self) -> bool {
        match self {
            Self::Place { order, .. } => order.reduce_only,
            Self::Move { reduce_only, .. } => *reduce_only,
            Self::Close { .. } => true,
            Self::Amend { order, .. } => order.reduce_only,
            Self::Cancel { .. } | Self::CancelOutside { .. } | Self::SetLeverage { .. } | Self::ScheduleCancel { .. } => false,
        }
    }
}

/// The checks between an intent and a venue.
#[derive(Debug, Clone, Copy)]
pub struct RiskGate<'a> {
    instruments: &'a [Instrument],
    limits: &'a Limits,
    account: &'a AccountRisk,
    strategy: &'a StrategyRisk,
    now: Timestamp,
}

static NO_ACCOUNT_RISK: AccountRisk = AccountRisk::NONE;
static NO_STRATEGY_RISK: StrategyRisk = StrategyRisk::NONE;

/// Largest tag: what every language can hold in a number.
pub const ORDER_TAG_MAX: u64 = (1 << 53) - 1;

impl<'a> RiskGate<'a> {
    /// A gate for an account's instruments, under its limits, at a time: what it approves may be admitted for a while from then.
    pub const fn new(instruments: &'a [Instrument], limits: &'a Limits, now: Timestamp) -> Self {
        Self { instruments, limits, account: &NO_ACCOUNT_RISK, strategy: &NO_STRATEGY_RISK, now }
    }

    /// The same gate under what is declared for the account and for the strategy that asks.
    #[must_use]
    pub const fn under(self, account: &'a AccountRisk, strategy: &'a StrategyRisk) -> Self {
        Self { account, strategy, ..self }
    }

    /// Approves a request or denies it.
    ///
    /// # Errors
    /// The first check that it does not pass.
    pub fn review(&self, request: &Request<'_>, standing: &Standing) -> Result<Approved<Command>, Denial> {
        lane_allows(request, standing.lane)?;
        if standing.lane != Lane::Closing {
            checks::check_trading(request, standing.trading)?;
            if !matches!(request, Request::Cancel { .. }) {
                self.check_age(standing.decision_age_ms)?;
            }
        }
        let expires_after = self.expires_after();
        let command = match *request {
            Request::Place { order, client_id } => Command::Place(self.new_order(order, client_id, standing)?),
            Request::Move { instrument, by, reduce_only, tag, client_id } => {
                let instrument = self.instrument(instrument)?;
                let (side, size) = checked_move(by, instrument)?;
                let (instrument_id, kind, exits) = (instrument.id, OrderKind::Market, None);
                let order =
                    NewOrder { client_id, instrument: instrument_id, side, size, kind, reduce_only, exits, expires_after };
                Command::Place(self.checked(order, tag, instrument, standing)?)
            }
            Request::Amend { order, client_id, price, size, trigger_price } => {
                let instrument = self.instrument(order.instrument)?;
                let off_grid = self.strategy.off_grid;
                let (size, kind) = terms::amended(order, instrument, off_grid, price, size, trigger_price)?;
                check_reduce_only(order.reduce_only, order.side, instrument, standing.position)?;
                if standing.lane != Lane::Closing {
                    self.check_amended(order, size, &kind, instrument, standing)?;
                }
                Command::Amend { order: client_id, instrument: instrument.id, size, kind, expires_after }
            }
            Request::Cancel { instrument, client_id } => {
                if standing.lane != Lane::Closing {
                    let (rate, wait_ms) = (self.strategy.rates.cancels, standing.rate_wait_ms);
                    checks::check_rate(rate, wait_ms, DenialCode::CancelRate, "cancels")?;
                }
                Command::Cancel { order: client_id, instrument, expires_after }
            }
            Request::CancelOutside { venue_order, instrument } => {
                Command::CancelOutside { venue_order, instrument, expires_after }
            }
            Request::SetLeverage { instrument, leverage, mode } => {
                let instrument = self.instrument(instrument)?;
                check_leverage(leverage, instrument, self.account.leverage_max)?;
                self.check_open(instrument, standing)?;
                let (rate, wait_ms) = (self.strategy.rates.amends, standing.rate_wait_ms);
                checks::check_rate(rate, wait_ms, DenialCode::AmendRate, "amendments and leverage settings")?;
                Command::SetLeverage { instrument: instrument.id, leverage, mode, expires_after }
            }
            Request::Close { instrument, by, worst, client_id } => {
                let instrument = self.instrument(instrument)?;
                let (side, size) = checked_move(by, instrument)?;
                check_reduce_only(true, side, instrument, standing.position)?;
                let kind = closing_kind(side, worst, instrument);
                Command::Place(NewOrder {
                    client_id,
                    instrument: instrument.id,
                    side,
                    size,
                    kind,
                    reduce_only: true,
                    exits: None,
                    expires_after,
                })
            }
            Request::ScheduleCancel { at, now } => {
                check_schedule(at, now)?;
                Command::ScheduleCancel { at, expires_after }
            }
        };
        Ok(Approved(command))
    }

    fn new_order(&self, order: &PlaceOrder, client_id: ClientOrderId, standing: &Standing) -> Result<NewOrder, Denial> {
        let instrument = self.instrument(order.instrument)?;
        let off_grid = self.strategy.off_grid;
        let size = terms::size(order.size, instrument, off_grid)?;
        let kind = terms::kind(&order.kind, order.side, instrument, off_grid)?;
        let exits = terms::exits(order, instrument, off_grid)?;
        let (side, reduce_only, expires_after) = (order.side, order.reduce_only, self.expires_after());
        let new = NewOrder { client_id, instrument: instrument.id, side, size, kind, reduce_only, exits, expires_after };
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
        if standing.lane == Lane::Closing {
            return Ok(order);
        }
        self.check_type(instrument, &order.kind, order.exits.is_some())?;
        self.check_worth(order.size, (order.side, &order.kind), order.reduce_only, instrument, standing.reference)?;
        if standing.open_orders >= self.limits.open_orders_max {
            let message = format!(
                "{} orders are open; at most {} may be: cancel one first",
                standing.open_orders, self.limits.open_orders_max
            );
            return Err(Denial::new(DenialCode::TooManyOpenOrders, message));
        }
        let NewOrder { side, size, kind, reduce_only, .. } = &order;
        let terms = Terms { instrument, side: *side, open: size.get(), kind, reduce_only: *reduce_only };
        self.check_surroundings(&terms, standing)?;
        self.check_stakes(&terms, standing)?;
        checks::check_rate(self.strategy.rates.orders, standing.rate_wait_ms, DenialCode::OrderRate, "new orders")?;
        Ok(order)
    }

    /// The checks of new terms, once they are numbers.
    fn check_amended(
        &self,
        order: &Order,
        size: Size,
        kind: &OrderKind,
        instrument: &Instrument,
        standing: &Standing,
    ) -> Result<(), Denial> {
        self.check_type(instrument, kind, false)?;
        self.check_worth(size, (order.side, kind), order.reduce_only, instrument, standing.reference)?;
        let open = size.get().checked_sub(order.filled).ok_or_else(|| {
            let message = format!("what is left of size {size} of order {} cannot be represented", order.id);
            Denial::new(DenialCode::NumberOutOfRange, message)
        })?;
        let terms = Terms { instrument, side: order.side, open, kind, reduce_only: order.reduce_only };
        self.check_surroundings(&terms, standing)?;
        self.check_stakes(&terms, standing)?;
        checks::check_rate(self.strategy.rates.amends, standing.rate_wait_ms, DenialCode::AmendRate, "amendments")
    }

    /// Until when the exchange may admit what is sent now.
    const fn expires_after(&self) -> Timestamp {
        self.now.saturating_add(self.limits.admission_ms_max)
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
        (side, kind): (Side, &OrderKind),
        reduce_only: bool,
        instrument: &Instrument,
        reference: Option<Price>,
    ) -> Result<(), Denial> {
        let symbol = &instrument.symbol;
        self.check_size(size, instrument)?;
        let min = Some(instrument.rules.min_notional).filter(|min| !reduce_only && !min.is_zero());
        let max = self.order_notional_max(instrument);
        let notional = |price: Option<Price>| {
            let price = price.ok_or_else(|| {
                let message = format!("no price of {symbol} is known yet, so that the order cannot be valued");
                Denial::new(DenialCode::NoPriceYet, message)
            })?;
            let notional = size.get().checked_mul(price.get()).ok_or_else(|| {
                let message = format!("size {size} of {symbol} times price {price} cannot be represented");
                Denial::new(DenialCode::NumberOutOfRange, message)
            })?;
            Ok((price, notional))
        };
        // What cannot be represented passes nowhere, whether or not a limit asks.
        for price in
            [terms::price_named(kind, reference), terms::price_to_value_at(kind, side, reference)].into_iter().flatten()
        {
            notional(Some(price))?;
        }
        if let Some(min) = min {
            let (price, notional) = notional(terms::price_named(kind, reference))?;
            if notional < min {
                let message = format!("{size} of {symbol} at {price} is worth {notional}, below the minimum of {min}");
                return Err(Denial::new(DenialCode::BelowMinNotional, message));
            }
        }
        if let Some(max) = max {
            let (price, notional) = notional(terms::price_to_value_at(kind, side, reference))?;
            if notional > max {
                let message = format!("{size} of {symbol} at {price} is worth {notional}, above the limit of {max}");
                return Err(Denial::new(DenialCode::OrderNotionalLimit, message));
            }
        }
        Ok(())
    }
}

fn lane_allows(request: &Request<'_>, lane: Lane) -> Result<(), Denial> {
    let ends = matches!(request, Request::Cancel { .. } | Request::CancelOutside { .. });
    let ends_or_reduces = ends || request.is_reduce_only();
    match lane {
        Lane::Stopping if !ends_or_reduces => {
            let message = "the strategy is being stopped: only cancels and reduce-only orders pass";
            Err(Denial::new(DenialCode::Stopping, message))
        }
        Lane::Closing if !ends_or_reduces && !matches!(request, Request::ScheduleCancel { .. }) => {
            let message = "a kill switch closes what is held: only cancels and reduce-only orders pass";
            Err(Denial::new(DenialCode::ReducingOnly, message))
        }
        Lane::WarmingUp => {
            let message = "the strategy is still handed history; it may trade once it is warm";
            Err(Denial::new(DenialCode::WarmingUp, message))
        }
        Lane::Running | Lane::Stopping
            if matches!(request, Request::Close { .. } | Request::CancelOutside { .. } | Request::ScheduleCancel { .. }) =>
        {
            let message = "that is for a kill switch to ask, not for a strategy";
            Err(Denial::new(DenialCode::BadTerms, message))
        }
        Lane::Running | Lane::Stopping | Lane::Closing => Ok(()),
    }
}

/// Side and size of a signed movement.
fn checked_move(by: Decimal, instrument: &Instrument) -> Result<(Side, Size), Denial> {
    let (side, size) = Side::of(by)
        .ok_or_else(|| Denial::new(DenialCode::SizeNotPositive, format!("a market order for {by} moves nothing")))?;
    Ok((side, terms::checked_size(size.get(), instrument)?))
}

/// A close at the market, or one that goes as far as a worst price: onto the grid on the side that still reaches the market.
fn closing_kind(side: Side, worst: Option<Price>, instrument: &Instrument) -> OrderKind {
    let rounding = match side {
        Side::Buy => Rounding::Up,
        Side::Sell => Rounding::Down,
    };
    let on_grid = worst.and_then(|worst| instrument.rules.round_price(worst.get(), rounding));
    let price = on_grid.and_then(|price| Price::new(price).ok());
    price.map_or(OrderKind::Market, |price| OrderKind::Limit { price, time_in_force: TimeInForce::Ioc })
}

fn check_schedule(at: Option<Timestamp>, now: Timestamp) -> Result<(), Denial> {
    if let Some(at) = at.filter(|at| *at < now.saturating_add(DEAD_MAN_MS_MIN)) {
        let message = format!("a cancel of everything at {at} is less than {DEAD_MAN_MS_MIN} ms ahead of {now}");
        return Err(Denial::new(DenialCode::BadTerms, message));
    }
    Ok(())
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

fn check_leverage(leverage: u32, instrument: &Instrument, declared: Option<u32>) -> Result<(), Denial> {
    let max = match (instrument.rules.max_leverage, declared) {
        (0, declared) => declared.unwrap_or(0),
        (max, declared) => declared.map_or(max, |declared| declared.min(max)),
    };
    if leverage == 0 || (max > 0 && leverage > max) {
        let allowed = if max > 0 { format!("1 to {max}") } else { "1 or more".to_owned() };
        let message = format!("leverage {leverage} of {}: {allowed} is allowed", instrument.symbol);
        return Err(Denial::new(DenialCode::LeverageOutOfRange, message));
    }
    Ok(())
}
