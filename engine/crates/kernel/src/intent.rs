//! What a strategy asks for. Numbers are raw here: the risk gate decides what they are worth.

use crate::{InstrumentId, OrderRef, OrderTag, Side, TimeInForce, TimerId, Timestamp, TriggerKind};
use rust_decimal::Decimal;

/// How a position is margined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarginMode {
    /// All positions share the account's collateral.
    Cross,
    /// The position has collateral of its own.
    Isolated,
}

/// How urgent a notification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// For the record.
    Info,
    /// The trader should look.
    Warning,
    /// The trader must act.
    Alert,
}

/// A number as a strategy wrote it: any the contract can carry, sensible or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The digits, with sign.
    pub mantissa: i64,
    /// How many of them stand behind the decimal point; the contract can carry up to 255.
    pub scale: u8,
}

impl Wanted {
    /// The number, without trailing zeros; none where its scale is beyond 28, the most that money here can have.
    pub fn get(self) -> Option<Decimal> {
        Decimal::try_new(self.mantissa, u32::from(self.scale)).ok().map(|value| value.normalize())
    }
}

impl TryFrom<Decimal> for Wanted {
    type Error = Decimal;

    /// # Errors
    /// The number itself, where its digits do not fit 64 bits.
    fn try_from(value: Decimal) -> Result<Self, Decimal> {
        let mantissa = i64::try_from(value.mantissa()).map_err(|_| value)?;
        let scale = u8::try_from(value.scale()).expect("a scale is at most 28");
        Ok(Self { mantissa, scale })
    }
}

/// The kind of a new order, unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedKind {
    /// At the market.
    Market,
    /// At a price or better.
    Limit {
        /// Worst price accepted.
        price: Wanted,
        /// How long it stays.
        time_in_force: TimeInForce,
    },
    /// Waits for a trigger price.
    Trigger {
        /// Stop or take-profit.
        kind: TriggerKind,
        /// The price that triggers it.
        trigger_price: Wanted,
        /// Limit price of the order that then goes out; none for a market order.
        limit_price: Option<Wanted>,
    },
    /// A stop that follows the market.
    TrailingStop {
        /// Distance from the best price seen.
        distance: Wanted,
    },
}

/// A new order, unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceOrder {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Direction.
    pub side: Side,
    /// Size in the base asset.
    pub size: Wanted,
    /// Market, limit, trigger or trailing stop.
    pub kind: WantedKind,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// The strategy's own name for it.
    pub tag: Option<OrderTag>,
    /// Trigger price of an attached take-profit.
    pub take_profit: Option<Wanted>,
    /// Trigger price of an attached stop-loss.
    pub stop_loss: Option<Wanted>,
}

/// One request of a strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Place an order.
    Place(Box<PlaceOrder>),
    /// Change a resting order; what is none stays.
    Amend {
        /// Which order.
        order: OrderRef,
        /// New limit price.
        price: Option<Wanted>,
        /// New total size, what has filled included.
        size: Option<Wanted>,
        /// New trigger price.
        trigger_price: Option<Wanted>,
    },
    /// Cancel one order.
    Cancel(OrderRef),
    /// Cancel every order of the strategy, on one instrument or on all.
    CancelAll(Option<InstrumentId>),
    /// Close a position with a reduce-only market order.
    ClosePosition(InstrumentId),
    /// Bring a position to a signed size.
    SetTarget {
        /// Instrument.
        instrument: InstrumentId,
        /// Signed size wanted.
        size: Wanted,
        /// Name for the order that follows from it.
        tag: Option<OrderTag>,
    },
    /// Set leverage and margin mode.
    SetLeverage {
        /// Instrument.
        instrument: InstrumentId,
        /// Leverage.
        leverage: u32,
        /// Cross or isolated.
        mode: MarginMode,
    },
    /// Set a timer, or move one that is set.
    SetTimer {
        /// The strategy's own number for it.
        timer: TimerId,
        /// When it fires first.
        at: Timestamp,
        /// Period of a repeating timer.
        every_ms: Option<u64>,
    },
    /// Clear a timer.
    ClearTimer(TimerId),
    /// Tell the trader.
    Notify {
        /// How urgent.
        urgency: Urgency,
        /// The words, cut to their limit by the host.
        text: String,
    },
}
