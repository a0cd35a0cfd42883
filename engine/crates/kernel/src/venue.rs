//! What goes to an exchange and what comes back. A venue takes nothing but approved orders.

use crate::{
    AttachedExits, BalanceCause, ClientOrderId, InstrumentId, MarginMode, OrderKind, Price, Refusal, Side, Size, Timestamp,
    TradeId, VenueOrderId,
};
use rust_decimal::Decimal;
use std::borrow::Cow;

/// Something for the venue to do. Everything in it passed the risk gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Place an order.
    Place(NewOrder),
    /// Change a resting order's terms.
    Amend {
        /// Which order.
        order: ClientOrderId,
        /// Its instrument.
        instrument: InstrumentId,
        /// Its new total size, what has filled included.
        size: Size,
        /// Its new terms.
        kind: OrderKind,
    },
    /// Cancel an order.
    Cancel {
        /// Which order.
        order: ClientOrderId,
        /// Its instrument.
        instrument: InstrumentId,
    },
    /// Set leverage and margin mode.
    SetLeverage {
        /// Instrument.
        instrument: InstrumentId,
        /// Leverage, at least 1.
        leverage: u32,
        /// Cross or isolated.
        mode: MarginMode,
    },
    /// Set the exchange's dead man's switch, or clear it: at that time every open order of the account is cancelled.
    ScheduleCancel {
        /// When; none: never.
        at: Option<Timestamp>,
    },
}

/// A new order, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Its derived name.
    pub client_id: ClientOrderId,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Direction.
    pub side: Side,
    /// Size.
    pub size: Size,
    /// Kind and terms.
    pub kind: OrderKind,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// Attached exits; their client ids are the order's with leg 1 (take-profit) and 2 (stop-loss).
    pub exits: Option<AttachedExits>,
}

/// What the exchange says about the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VenueEvent {
    /// It has the order.
    Accepted {
        /// Which order.
        order: ClientOrderId,
        /// Its own number for it.
        venue_order: VenueOrderId,
    },
    /// It refused the order.
    Rejected {
        /// Which order.
        order: ClientOrderId,
        /// Why.
        refusal: Refusal,
    },
    /// An order filled, wholly or in part.
    Fill(Box<VenueFill>),
    /// An order is gone without filling further.
    Cancelled {
        /// Which order.
        order: ClientOrderId,
        /// By whom or why.
        reason: Cow<'static, str>,
    },
    /// A trigger price was reached.
    Triggered {
        /// Which order.
        order: ClientOrderId,
    },
    /// The terms of an order changed.
    Amended {
        /// Which order.
        order: ClientOrderId,
        /// Its new number at the exchange.
        venue_order: VenueOrderId,
        /// Its new total size.
        size: Size,
        /// Its new terms.
        kind: OrderKind,
    },
    /// An amend or a cancel was refused; the order stays as it was.
    RequestRejected {
        /// Which order.
        order: ClientOrderId,
        /// Why.
        refusal: Refusal,
    },
    /// An attached exit, held by the exchange, became a live order when the order it was attached to filled.
    ExitLive {
        /// Its name: that of the parent with leg 1 or 2.
        order: ClientOrderId,
        /// Its own number for it.
        venue_order: VenueOrderId,
        /// Instrument.
        instrument: InstrumentId,
        /// Direction.
        side: Side,
        /// Size.
        size: Size,
        /// Terms.
        kind: OrderKind,
    },
    /// Leverage and margin mode are set.
    LeverageSet {
        /// Instrument.
        instrument: InstrumentId,
        /// Leverage.
        leverage: u32,
        /// Cross or isolated.
        mode: MarginMode,
    },
    /// Funding was paid.
    Funding {
        /// Instrument.
        instrument: InstrumentId,
        /// When it was due.
        time: Timestamp,
        /// The rate.
        rate: Decimal,
        /// What the account received; negative: paid.
        payment: Decimal,
    },
    /// What the account holds of an instrument. Pushed by the exchange at once, or asked for.
    Position(Box<PositionReport>),
    /// The collateral changed other than by trading.
    Balance {
        /// When.
        time: Timestamp,
        /// By how much.
        change: Decimal,
        /// Why.
        cause: BalanceCause,
    },
    /// Everything at once, as asked for by [`Output::Reconcile`](crate::Output::Reconcile).
    Snapshot(Box<AccountSnapshot>),
}

/// A position of the account as the exchange reports it. What a message leaves out is none: unknown, not a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionReport {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Signed size; zero: none.
    pub size: Decimal,
    /// Average entry price.
    pub entry_price: Option<Price>,
    /// Leverage.
    pub leverage: Option<u32>,
    /// Margin mode.
    pub margin_mode: Option<MarginMode>,
    /// Liquidation price.
    pub liquidation_price: Option<Price>,
    /// Exchange time as of which it is true, all fills of that time included.
    pub time: Timestamp,
}

/// The account as the exchange sees it at one time. An instrument that is not listed is not held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountSnapshot {
    /// Exchange time as of which it is true.
    pub time: Timestamp,
    /// Positions.
    pub positions: Vec<PositionReport>,
    /// Client ids of the open orders that carry one of ours.
    pub orders: Vec<ClientOrderId>,
    /// Fills since the last that was known, oldest first; known ones may be among them.
    pub fills: Vec<VenueFill>,
    /// Collateral without unrealized profit; none where the exchange did not say.
    pub cash: Option<Decimal>,
}

/// A fill as the exchange reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueFill {
    /// Which order.
    pub order: ClientOrderId,
    /// The trade's number; fills are told apart by it.
    pub trade_id: TradeId,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Direction.
    pub side: Side,
    /// Price.
    pub price: Price,
    /// Size.
    pub size: Size,
    /// Fee in the quote asset; negative is a rebate.
    pub fee: Decimal,
    /// Whether the order was resting.
    pub maker: bool,
    /// Whether the exchange forced it.
    pub liquidation: bool,
    /// Exchange time.
    pub time: Timestamp,
}
