//! What happens in a session, for whoever watches: people, a recorder, metrics.

use calypte_kernel::{
    Batch, Deliver, Difference, HookEnded, Refusal, RiskEvent, StrategyId, StrategyState, Timestamp, TradingCore, Urgency,
    VenueEvent,
};

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub enum Notice<'a> {
    /// Commands go to the exchange.
    Sent(&'a Batch),
    /// The exchange says something; the core hears it next.
    Venue(&'a VenueEvent),
    /// An event goes to a strategy.
    Delivered(&'a Deliver),
    /// A hook ended; the core hears of it next.
    HookEnded(&'a HookEnded),
    /// A request was denied.
    Denied(StrategyId, &'a Refusal),
    /// A strategy has something to say to the trader.
    Notification(StrategyId, Urgency, &'a str),
    /// A strategy changed its state.
    Lifecycle(StrategyId, &'a StrategyState),
    /// Something happened to the account's safeguards.
    Risk(&'a RiskEvent),
    /// The exchange's word differed from ours.
    Difference(&'a Difference),
}

/// Whoever watches. It is told on the account's own loop, so that it must be quick: what takes time belongs into a queue.
pub trait Listener: Send {
    /// Something happens. The core is as it is before what comes from outside, and after what it said itself.
    fn notice(&mut self, now: Timestamp, core: &TradingCore, notice: Notice<'_>);
}

/// Several that watch are told in their order.
impl Listener for Vec<Box<dyn Listener>> {
    fn notice(&mut self, now: Timestamp, core: &TradingCore, notice: Notice<'_>) {
        for listener in self {
            listener.notice(now, core, notice);
        }
    }
}
