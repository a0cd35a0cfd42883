//! What is declared about risk: limits, policies, kill rules and protections, of a strategy and of the account.
//!
//! Where nothing is declared, nothing is limited beyond what the instruments and [`Limits`](crate::Limits) say.

mod check;

pub use check::RiskSettingsError;

use crate::{Amount, Decimal, InstrumentId, KillRule, Protection, Rate};

/// Most basis points of a collar or a bound on slippage: all of the price.
pub const BASIS_POINTS_MAX: u32 = 10_000;
/// Most attempts at closing a position before it is left to the trader.
pub const CLOSE_ATTEMPTS_MAX: u32 = 1_000;
/// Longest time that can be declared: about ten years of milliseconds.
pub const RISK_MS_MAX: u64 = 10 * 366 * 86_400_000;
/// Largest amount of money or size that can be declared, so that sums of a few stay in the range of money.
pub const RISK_AMOUNT_MAX: Decimal = Decimal::from_parts(0xA4C6_8000, 0x0003_8D7E, 0, false, 0);
/// Largest leverage that can be declared.
pub const RISK_LEVERAGE_MAX: u32 = 1_000;
/// Shortest time that the exchange's dead man's switch can be set ahead, in milliseconds.
pub const DEAD_MAN_MS_MIN: u64 = 5_000;

/// What is declared for one strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyRisk {
    /// Largest size of one order.
    pub order_size_max: Option<Decimal>,
    /// Largest notional of one order.
    pub order_notional_max: Option<Decimal>,
    /// Largest notional in any one instrument: what is held, and what open orders could make of it.
    pub instrument_notional_max: Option<Decimal>,
    /// Largest notional over all its instruments.
    pub notional_max: Option<Decimal>,
    /// How often it may ask.
    pub rates: Rates,
    /// What happens to prices and sizes off the grid.
    pub off_grid: OffGrid,
    /// What happens to an order that would meet an own one.
    pub self_trade: SelfTrade,
    /// How much worse than mark and mid an order may be priced, in basis points.
    pub collar_bps: Option<u32>,
    /// How old the latest market data of an instrument may be for an order in it, in milliseconds.
    pub data_age_ms_max: Option<u64>,
    /// What fires its kill switch.
    pub kill: Vec<KillRule>,
    /// When it is to rest.
    pub protections: Vec<Protection>,
    /// How its positions are closed when a kill switch says so.
    pub closing: ClosePolicy,
    /// How much of the account's collateral it may use: initial margin of what it holds and of all its open orders. A share is
    /// of the account's equity.
    pub budget: Option<Amount>,
}

/// What is declared for the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRisk {
    /// What is declared for instruments, each at most once, by number.
    pub instruments: Vec<InstrumentRisk>,
    /// Largest notional of all strategies together.
    pub notional_max: Option<Decimal>,
    /// Largest notional of all the tenant's accounts together; the others' comes with
    /// [`Input::TenantExposure`](crate::Input::TenantExposure).
    pub tenant_notional_max: Option<Decimal>,
    /// Largest leverage: notional of everything over equity, and what may be set for an instrument.
    pub leverage_max: Option<u32>,
    /// Whether initial margin must be there for what is held and for all open orders.
    pub margin: Option<MarginPolicy>,
    /// How much worse than mark and mid an order may be priced, in basis points.
    pub collar_bps: Option<u32>,
    /// How old the latest market data of an instrument may be for an order in it, in milliseconds.
    pub data_age_ms_max: Option<u64>,
    /// What fires the account's kill switch.
    pub kill: Vec<KillRule>,
    /// How far ahead the exchange's dead man's switch is kept, in milliseconds, where the account may use it: while orders are
    /// open it is moved on every third of that time, so that it strikes only when nobody does.
    pub dead_man_ms: Option<u64>,
    /// Whether a kill switch of the account that cancels or flattens does so with what belongs to no strategy, too: orders and
    /// positions of the trader's own hand or of another program.
    pub flatten_outside: bool,
}

/// How often a strategy may ask for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// New orders.
    pub orders: Option<Rate>,
    /// Amendments.
    pub amends: Option<Rate>,
    /// Cancels.
    pub cancels: Option<Rate>,
}

/// What happens to prices and sizes off the instrument's grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OffGrid {
    /// The order is denied.
    #[default]
    Deny,
    /// They are rounded, never to more than was asked for: sizes down, a buyer's limit down and a seller's up, a target
    /// towards zero; trigger prices to the nearest.
    Round,
}

/// What happens to an order that would meet an own order resting on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelfTrade {
    /// Nothing: what the exchange does with it is left to the exchange.
    #[default]
    Allow,
    /// It is denied.
    Deny,
    /// The strategy's own resting orders that it would meet are cancelled first. Where it would meet another strategy's, it
    /// is denied: nobody cancels for another.
    CancelResting,
}

/// How a position is closed when a kill switch says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosePolicy {
    /// From which age on the latest mark counts as stale, in milliseconds. With a mark that is not, positions are closed at
    /// the market.
    pub stale_after_ms: u64,
    /// With a stale one: how much worse than it the close may fill, in basis points; none: at the market all the same.
    pub stale_slippage_bps: Option<u32>,
    /// How long to wait before another attempt, in milliseconds.
    pub retry_ms: u64,
    /// How many attempts are made before the position is left to the trader, with an alert.
    pub attempts_max: u32,
}

impl ClosePolicy {
    /// What holds where nothing else is declared.
    pub const DEFAULT: Self = Self { stale_after_ms: 60_000, stale_slippage_bps: Some(500), retry_ms: 5_000, attempts_max: 20 };
}

impl Default for ClosePolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How initial margin is reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarginPolicy {
    /// Leverage of instruments for which the exchange did not say one. 1 is the worst case.
    pub leverage_when_unknown: u32,
}

/// What is declared for one instrument of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstrumentRisk {
    /// Which.
    pub instrument: InstrumentId,
    /// Whether it may be traded at all; the operator can change it.
    pub tradable: bool,
    /// Kinds of order it takes.
    pub orders: OrderTypes,
    /// Largest size of one order.
    pub order_size_max: Option<Decimal>,
    /// Largest notional of one order.
    pub order_notional_max: Option<Decimal>,
    /// Largest notional of all strategies together.
    pub notional_max: Option<Decimal>,
}

impl InstrumentRisk {
    /// Nothing declared.
    pub const fn new(instrument: InstrumentId) -> Self {
        Self {
            instrument,
            tradable: true,
            orders: OrderTypes::ALL,
            order_size_max: None,
            order_notional_max: None,
            notional_max: None,
        }
    }
}

/// Kinds of order and times in force that an instrument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of kinds, each allowed or not")]
pub struct OrderTypes {
    /// Market orders.
    pub market: bool,
    /// Limit orders, good till cancelled.
    pub gtc: bool,
    /// Limit orders, immediate or cancel.
    pub ioc: bool,
    /// Limit orders that only add liquidity.
    pub alo: bool,
    /// Stops and take-profits, attached ones included.
    pub trigger: bool,
    /// Trailing stops.
    pub trailing: bool,
}

impl OrderTypes {
    /// All of them.
    pub const ALL: Self = Self { market: true, gtc: true, ioc: true, alo: true, trigger: true, trailing: true };
    /// Only orders that add liquidity: what an exchange takes in the first minutes after an upgrade of its network.
    pub const POST_ONLY: Self = Self { market: false, gtc: false, ioc: false, alo: true, trigger: false, trailing: false };
}

impl Default for StrategyRisk {
    fn default() -> Self {
        Self::NONE
    }
}

impl Default for AccountRisk {
    fn default() -> Self {
        Self::NONE
    }
}

impl StrategyRisk {
    /// Nothing declared.
    pub const NONE: Self = Self {
        order_size_max: None,
        order_notional_max: None,
        instrument_notional_max: None,
        notional_max: None,
        rates: Rates { orders: None, amends: None, cancels: None },
        off_grid: OffGrid::Deny,
        self_trade: SelfTrade::Allow,
        collar_bps: None,
        data_age_ms_max: None,
        kill: Vec::new(),
        protections: Vec::new(),
        closing: ClosePolicy::DEFAULT,
        budget: None,
    };

    /// Whether anything of it has to be watched while time goes on.
    pub(crate) fn is_watched(&self) -> bool {
        !self.kill.is_empty() || !self.protections.is_empty()
    }
}

impl AccountRisk {
    /// Nothing declared.
    pub const NONE: Self = Self {
        instruments: Vec::new(),
        notional_max: None,
        tenant_notional_max: None,
        leverage_max: None,
        margin: None,
        collar_bps: None,
        data_age_ms_max: None,
        kill: Vec::new(),
        dead_man_ms: None,
        flatten_outside: false,
    };

    /// What is declared for an instrument.
    pub(crate) fn of(&self, instrument: InstrumentId) -> Option<&InstrumentRisk> {
        let place = self.instruments.binary_search_by_key(&instrument, |declared| declared.instrument).ok()?;
        Some(&self.instruments[place])
    }

    /// What is declared for an instrument, made where nothing is.
    pub(crate) fn of_mut(&mut self, instrument: InstrumentId) -> &mut InstrumentRisk {
        let place = match self.instruments.binary_search_by_key(&instrument, |declared| declared.instrument) {
            Ok(place) => place,
            Err(place) => {
                self.instruments.insert(place, InstrumentRisk::new(instrument));
                place
            }
        };
        &mut self.instruments[place]
    }

    /// Whether an order's worth depends on what other strategies hold.
    pub(crate) fn counts_everybody(&self) -> bool {
        self.notional_max.is_some()
            || self.tenant_notional_max.is_some()
            || self.leverage_max.is_some()
            || self.margin.is_some()
            || self.instruments.iter().any(|declared| declared.notional_max.is_some())
    }
}
