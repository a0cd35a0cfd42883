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
        /// When the exchange may admit this no longer.
        expires_after: Timestamp,
    },
    /// Cancel an order.
    Cancel {
        /// Which order.
        order: ClientOrderId,
        /// Its instrument.
        instrument: InstrumentId,
        /// When the exchange may admit this no longer.
        expires_after: Timestamp,
    },
    /// Cancel an order that is not ours.
    CancelOutside {
        /// The exchange's number of it.
        venue_order: VenueOrderId,
        /// Its instrument.
        instrument: InstrumentId,
        /// When the exchange may admit this no longer.
        expires_after: Timestamp,
    },
    /// Set leverage and margin mode.
    SetLeverage {
        /// Instrument.
        instrument: InstrumentId,
        /// Leverage, at least 1.
        leverage: u32,
        /// Cross or isolated.
        mode: MarginMode,
        /// When the exchange may admit this no longer.
        expires_after: Timestamp,
    },
    /// Set the exchange's dead man's switch, or clear it: at that time every open order of the account is cancelled.
    ScheduleCancel {
        /// When; none: never.
        at: Option<Timestamp>,
        /// When the exchange may admit this no longer.
        expires_after: Timestamp,
    },
}

/// A request about an order that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// New terms.
    Amend,
    /// Its end.
    Cancel,
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
    /// When the exchange may admit it no longer: the expiry of the signed action, not of the order.
    pub expires_after: Timestamp,
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
        /// Which of its forms, where the exchange says: an amend ends the old one, which is no end of the order.
        venue_order: Option<VenueOrderId>,
        /// By whom or why.
        reason: Cow<'static, str>,
    },
    /// Its time ran out.
    Expired {
        /// Which order.
        order: ClientOrderId,
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
    /// The exchange cut a reduce-only order to the position, or let it grow back.
    Resized {
        /// Which order.
        order: ClientOrderId,
        /// Its new total size, what has filled included.
        size: Size,
    },
    /// An amend or a cancel was refused; the order stays as it was. Where the words leave open whether the order still exists,
    /// [`Self::Unanswered`] follows.
    RequestRejected {
        /// Which order.
        order: ClientOrderId,
        /// Which request.
        request: RequestKind,
        /// Why.
        refusal: Refusal,
    },
    /// The outcome of the latest request about an order is unknown: no answer in time, or the connection broke first.
    Unanswered {
        /// Which order.
        order: ClientOrderId,
    },
    /// An order is open, as asked or as found: one of ours, or one that somebody else placed in this account.
    Open(Box<VenueOrder>),
    /// The exchange was asked after an order and does not have it open. What it knows of it, its fills and its end, is said
    /// before this; where nothing is, it has the order neither among open orders nor in fills and history.
    ///
    /// A question about an order that has ended is answered so too: the end that was said may have been that of a form which an
    /// amend was to replace, and only this says that no other form came after it.
    Absent {
        /// Which order.
        order: ClientOrderId,
        /// The exchange time of what it answered.
        as_of: Timestamp,
    },
    /// An order that is not ours is gone.
    ExternalGone {
        /// Its number.
        venue_order: VenueOrderId,
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
    /// Leverage and margin mode as they now are: set, or asked after by [`Output::ResolveLeverage`](crate::Output).
    LeverageSet {
        /// Instrument.
        instrument: InstrumentId,
        /// Leverage.
        leverage: u32,
        /// Cross or isolated.
        mode: MarginMode,
        /// Exchange time as of which they are true.
        as_of: Timestamp,
    },
    /// Leverage and margin mode were refused; they stay as they were.
    LeverageRejected {
        /// Instrument.
        instrument: InstrumentId,
        /// Why.
        refusal: Refusal,
    },
    /// The dead man's switch is set, or cleared.
    CancelScheduled {
        /// When it strikes; none: never.
        at: Option<Timestamp>,
    },
    /// The dead man's switch was refused; it stays as it was.
    CancelScheduleRejected {
        /// Why.
        refusal: Refusal,
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
    /// All open orders, whoever placed them.
    pub orders: Vec<VenueOrder>,
    /// Fills since the last that was known, oldest first; known ones may be among them.
    pub fills: Vec<VenueFill>,
    /// Collateral without unrealized profit; none where the exchange did not say.
    pub cash: Option<Decimal>,
}

/// An order as the exchange shows it open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueOrder {
    /// The name it carries, whoever gave it; none where it carries none.
    pub order: Option<ClientOrderId>,
    /// The exchange's number.
    pub venue_order: VenueOrderId,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Direction.
    pub side: Side,
    /// Total size, what has filled included.
    pub size: Size,
    /// What it still has to fill.
    pub remaining: Decimal,
    /// Terms.
    pub kind: OrderKind,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// The exchange time at which it was open.
    pub as_of: Timestamp,
}

/// Why the exchange traded for the account, unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// The account had too little margin.
    Liquidation,
    /// Somebody on the other side had, and nobody else would take it.
    AutoDeleveraging,
    /// The instrument was settled.
    Settlement,
}

/// A fill as the exchange reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueFill {
    /// The name of its order; none where the order carries none, or the exchange left it out.
    pub order: Option<ClientOrderId>,
    /// The exchange's number of its order.
    pub venue_order: VenueOrderId,
    /// The trade's number. It is not unique by itself: fills are told apart by it together with the order's.
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
    /// Whether and why the exchange forced it.
    pub force: Option<Force>,
    /// Exchange time.
    pub time: Timestamp,
}
