//! The contract's types under one roof, and what the SDK adds to them.

pub use crate::bindings::calypte::strategy::account::{Collateral, FeeRates};
pub use crate::bindings::calypte::strategy::chart::Pane;
pub use crate::bindings::calypte::strategy::events::Event;
pub use crate::bindings::calypte::strategy::log::Level;
pub use crate::bindings::calypte::strategy::market::Rounding;
pub use crate::bindings::calypte::strategy::state::StateError;
pub use crate::bindings::calypte::strategy::types::{
    AmendOrder, AttachedExits, BalanceEvent, BookEvent, BookLevel, Candle, CandleEvent, ContextEvent, Feed, FeedChange,
    FeedEvent, Fill, FundingEvent, Gap, InstrumentId, InstrumentInfo, Intent, LeverageSetting, LimitTerms, MarginMode,
    Notification, Order, OrderChange, OrderEvent, OrderId, OrderKind, OrderRef, OrderTag, PlaceOrder, Position, PositionCause,
    PositionEvent, Quote, QuoteEvent, Refusal as OrderRefusal, SeriesId, SeriesInfo, Side, TargetPosition, TimeInForce,
    TimerEvent, TimerId, TimerSetting, TimerSource, Timestamp, TradeEvent, TrailingTerms, TriggerKind, TriggerTerms, Urgency,
};
pub use crate::bindings::exports::calypte::strategy::lifecycle::{
    AccountFacts, BookSubscription, CandleSubscription, FeedKind, Manifest, ParamValue, Parameter, StopReason, Subscription,
};

use crate::Decimal;

/// Milliseconds of a minute.
pub const MINUTE_MS: u64 = 60_000;
/// Milliseconds of an hour.
pub const HOUR_MS: u64 = 60 * MINUTE_MS;
/// Milliseconds of a day.
pub const DAY_MS: u64 = 24 * HOUR_MS;

impl Side {
    /// The other direction.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

impl Position {
    /// Whether there is none.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.size.is_zero()
    }

    /// Whether it gains when the price rises.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.size.is_positive()
    }

    /// Whether it gains when the price falls.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.size.is_negative()
    }
}

impl InstrumentInfo {
    /// A size brought down onto the lot grid.
    #[must_use]
    pub fn round_size(&self, size: Decimal) -> Decimal {
        size.round(self.size_decimals, Rounding::Down)
    }
}

impl OrderEvent {
    /// The fill, where this is one.
    #[must_use]
    pub fn fill(&self) -> Option<&Fill> {
        match &self.change {
            OrderChange::PartiallyFilled(fill) | OrderChange::Filled(fill) => Some(fill),
            _ => None,
        }
    }

    /// The strategy's own name of the order.
    #[must_use]
    pub fn tag(&self) -> Option<OrderTag> {
        self.order.as_ref().and_then(|order| order.tag)
    }

    /// Why a request was refused, by the engine or the exchange, where it was.
    #[must_use]
    pub fn refusal(&self) -> Option<&OrderRefusal> {
        match &self.change {
            OrderChange::Denied(refusal) | OrderChange::Rejected(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the order is gone after this.
    #[must_use]
    pub fn is_final(&self) -> bool {
        use OrderChange::{Cancelled, Denied, Expired, Filled, Rejected};
        matches!(self.change, Cancelled(_) | Denied(_) | Expired | Filled(_) | Rejected(_))
    }
}
