//! Orders as strategies describe and see them.

use crate::{InstrumentId, OrderId, OrderTag, Price, Size};
use rust_decimal::Decimal;

/// Direction of an order, a fill or a trade's taker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Buys the base asset.
    Buy,
    /// Sells the base asset.
    Sell,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// A size with the sign it gives a position.
    #[inline]
    pub fn signed(self, size: Size) -> Decimal {
        match self {
            Self::Buy => size.get(),
            Self::Sell => -size.get(),
        }
    }

    /// The side that moves a position by a signed amount; none for zero.
    pub fn of(signed: Decimal) -> Option<(Self, Size)> {
        let side = if signed.is_sign_negative() { Self::Sell } else { Self::Buy };
        Size::new(signed.abs()).ok().map(|size| (side, size))
    }
}

/// How long a limit order stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeInForce {
    /// Good till cancelled.
    Gtc,
    /// Immediate or cancel: what can fill at once fills; the rest is cancelled.
    Ioc,
    /// Add liquidity only (post only): rejected if any of it would fill at once.
    Alo,
}

/// Which way a trigger price is crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerKind {
    /// A stop: a buy triggers at or above its price, a sell at or below.
    Stop,
    /// A take-profit: a buy triggers at or below its price, a sell at or above.
    TakeProfit,
}

/// What kind of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderKind {
    /// At the market, now.
    Market,
    /// At a price or better.
    Limit {
        /// Worst price accepted.
        price: Price,
        /// How long it stays.
        time_in_force: TimeInForce,
    },
    /// Waits for a trigger price.
    Trigger {
        /// Stop or take-profit.
        kind: TriggerKind,
        /// The price that triggers it.
        trigger_price: Price,
        /// Limit price of the order that then goes out (good till cancelled); none for a market order.
        limit_price: Option<Price>,
    },
    /// A stop whose trigger price follows the market at a distance; goes out as a market order.
    TrailingStop {
        /// Distance from the best price seen since it was accepted.
        distance: Price,
    },
}

/// Exits that become live when the order they are attached to fills: reduce-only market orders for the filled size, one
/// cancelling the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttachedExits {
    /// Trigger price of the take-profit.
    pub take_profit: Option<Price>,
    /// Trigger price of the stop-loss.
    pub stop_loss: Option<Price>,
}

/// One order of a strategy, however it names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderRef {
    /// By the engine's number.
    Id(OrderId),
    /// By the strategy's own name.
    Tag(OrderTag),
}

/// An order of a strategy as it now stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The engine's number.
    pub id: OrderId,
    /// The strategy's own name.
    pub tag: Option<OrderTag>,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Direction.
    pub side: Side,
    /// Size asked for, what has filled included.
    pub size: Size,
    /// Size filled so far.
    pub filled: Decimal,
    /// Market, limit, trigger or trailing stop, with its terms as they now are.
    pub kind: OrderKind,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
}

impl Order {
    /// What is still to fill; zero where it filled wholly or beyond.
    pub fn remaining(&self) -> Decimal {
        self.size.get().saturating_sub(self.filled).max(Decimal::ZERO)
    }
}
