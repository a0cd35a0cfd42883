//! What is true while a request is reviewed: of the strategy, of the account, of the market.

use super::stake::Stakes;
use crate::{Decimal, KillCause, Price, ProtectionKind, Side, Timestamp, TradingState};

/// Which checks of its state a strategy's requests must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// It runs: everything may pass.
    Running,
    /// It is handed history: nothing passes.
    WarmingUp,
    /// It is being stopped: only cancels and what is reduce-only passes.
    Stopping,
    /// The core closes what a kill switch left: only cancels and what is reduce-only passes, and that past every check but
    /// those of the terms, of the grid and of reduce-only itself.
    Closing,
}

/// What trading is allowed, and why not more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trading {
    /// How much.
    pub state: TradingState,
    /// Why, where it is not everything.
    pub cause: TradingCause,
}

impl Trading {
    /// Everything.
    pub const ACTIVE: Self = Self { state: TradingState::Active, cause: TradingCause::Strategy };
}

/// Why trading is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradingCause {
    /// The operator set the strategy's state.
    Strategy,
    /// The operator set the account's state.
    Account,
    /// The strategy's kill switch fired.
    StrategyKilled(KillCause),
    /// The account's kill switch fired.
    AccountKilled(KillCause),
    /// A protection is in force.
    Protection {
        /// Which.
        kind: ProtectionKind,
        /// Until when.
        until: Timestamp,
    },
}

/// The best own prices resting on an instrument, of the strategy and of the others of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resting {
    /// Highest buy of the strategy.
    pub own_bid: Option<Price>,
    /// Lowest sell of the strategy.
    pub own_ask: Option<Price>,
    /// Highest buy of another strategy.
    pub others_bid: Option<Price>,
    /// Lowest sell of another strategy.
    pub others_ask: Option<Price>,
}

impl Resting {
    /// Notes a resting order.
    pub(crate) fn note(&mut self, own: bool, side: Side, price: Price) {
        let (best, better): (_, fn(Price, Price) -> Price) = match (own, side) {
            (true, Side::Buy) => (&mut self.own_bid, Ord::max),
            (true, Side::Sell) => (&mut self.own_ask, Ord::min),
            (false, Side::Buy) => (&mut self.others_bid, Ord::max),
            (false, Side::Sell) => (&mut self.others_ask, Ord::min),
        };
        *best = Some(best.map_or(price, |old| better(old, price)));
    }
}

/// What is true of the strategy, its account and the market while a request is reviewed.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Which lane it is in.
    pub lane: Lane,
    /// What trading is allowed.
    pub trading: Trading,
    /// Age of the event on which it was decided.
    pub decision_age_ms: u64,
    /// Whether the account is known to be as the exchange has it.
    pub reconciled: bool,
    /// Its position in the instrument, signed.
    pub position: Decimal,
    /// Mark or last price of the instrument.
    pub reference: Option<Price>,
    /// Best bid and offer of the instrument.
    pub best: Option<(Price, Price)>,
    /// Age of the latest market data of the instrument; none: there was none yet.
    pub data_age_ms: Option<u64>,
    /// How many open orders it has.
    pub open_orders: usize,
    /// Whether the tag in question is that of an open order.
    pub tag_taken: bool,
    /// How long until the rate of such requests leaves room for one; zero: it does.
    pub rate_wait_ms: u64,
    /// Own orders resting on the instrument.
    pub resting: Resting,
    /// What is at stake; none where no limit asks for it, or where it cannot be valued.
    pub stakes: Option<Stakes>,
}

impl Standing {
    /// Nothing held, nothing open, nothing known, nothing in the way.
    pub const fn new(lane: Lane) -> Self {
        Self {
            lane,
            trading: Trading::ACTIVE,
            decision_age_ms: 0,
            reconciled: true,
            position: Decimal::ZERO,
            reference: None,
            best: None,
            data_age_ms: Some(0),
            open_orders: 0,
            tag_taken: false,
            rate_wait_ms: 0,
            resting: Resting { own_bid: None, own_ask: None, others_bid: None, others_ask: None },
            stakes: None,
        }
    }
}
