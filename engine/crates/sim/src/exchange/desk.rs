//! What the markets of the exchange share: its terms of trade, its counters, and what it says.

use crate::exchange::clearing::Clearing;
use calypte_kernel::{
    ClientOrderId, Decimal, FeeRates, InstrumentId, Price, Refusal, RequestKind, Rounding, Rules, Side, Size, StrategyId,
    TradeId, VenueEvent, VenueFill, VenueOrderId,
};
use std::borrow::Cow;
use std::collections::VecDeque;

/// How the exchange fills and what it charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExchangeSettings {
    /// Fees: `rate × size × price`.
    pub fees: FeeRates,
    /// By how much orders that take liquidity fill worse than the price they meet, in basis points of it.
    pub slippage_bps: Decimal,
    /// When resting limit orders fill.
    pub limit_fill: LimitFill,
    /// What a candle without volume means.
    pub zero_volume: ZeroVolume,
    /// Share of a candle's volume (of a trade's size, where trades are matched) that our orders may fill with; none: they fill
    /// whole, however large.
    pub participation: Option<Decimal>,
}

/// When a resting limit order fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LimitFill {
    /// When its price is touched.
    #[default]
    Touch,
    /// When its price is traded through: whatever queued before it is then surely filled.
    Through,
}

/// What a candle without volume means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ZeroVolume {
    /// Nobody traded, where the price stood still in it or the series has had volume before; data without any volume (an
    /// index, synthetic candles) trades.
    #[default]
    Auto,
    /// Nobody traded: nothing fills, and what waits for an open waits on.
    Halt,
    /// It is a candle as any other.
    Trade,
}

/// Settings of the exchange that make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeSettingsError {
    /// Slippage below zero, or so much that a sale would bring nothing.
    #[error("a slippage of {0} basis points is not between 0 and 10000")]
    Slippage(Decimal),
    /// A fee of more than the whole notional.
    #[error("a fee rate of {0} is not between -1 and 1: write 0.00045 for 4.5 basis points")]
    Fee(Decimal),
    /// A share of nothing, or of more than all.
    #[error("a participation of {0} is not above 0 and at most 1: write 0.1 for a tenth of the volume")]
    Participation(Decimal),
    /// A leverage for each instrument is needed, or for none.
    #[error("{found} leverages were given for {instruments} instruments: give each one")]
    LeverageCount {
        /// How many were given.
        found: usize,
        /// How many there should be.
        instruments: usize,
    },
    /// More leverage than the instrument allows, or none at all.
    #[error("leverage {leverage} of instrument {instrument} is not between 1 and {max}")]
    Leverage {
        /// Which instrument.
        instrument: InstrumentId,
        /// What was asked for.
        leverage: u32,
        /// The most its margin tiers allow.
        max: u32,
    },
}

/// Terms, counters and the events not yet taken.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) settings: ExchangeSettings,
    pub(super) events: VecDeque<VenueEvent>,
    /// What a buyer's price is multiplied by, and a seller's.
    slip_buy: Decimal,
    slip_sell: Decimal,
    orders: u64,
    trades: u64,
    /// The accounts' money, where margin is simulated.
    pub(super) clearing: Option<Box<Clearing>>,
    /// Whether cross margin did not suffice in one market, so that the others' positions are to go too.
    pub(super) cross_taken: bool,
}

impl Desk {
    pub(super) fn new(settings: ExchangeSettings) -> Result<Self, ExchangeSettingsError> {
        let slippage = settings.slippage_bps;
        if slippage.is_sign_negative() && !slippage.is_zero() || slippage >= Decimal::from(10_000) {
            return Err(ExchangeSettingsError::Slippage(slippage));
        }
        for rate in [settings.fees.taker, settings.fees.maker] {
            if rate.abs() > Decimal::ONE {
                return Err(ExchangeSettingsError::Fee(rate));
            }
        }
        if let Some(share) = settings.participation
            && (share <= Decimal::ZERO || share > Decimal::ONE)
        {
            return Err(ExchangeSettingsError::Participation(share));
        }
        let share = slippage / Decimal::from(10_000);
        let (slip_buy, slip_sell) = (Decimal::ONE + share, Decimal::ONE - share);
        Ok(Self {
            settings,
            events: VecDeque::new(),
            slip_buy,
            slip_sell,
            orders: 0,
            trades: 0,
            clearing: None,
            cross_taken: false,
        })
    }

    pub(super) fn next_order(&mut self) -> VenueOrderId {
        self.orders += 1;
        VenueOrderId::new(self.orders)
    }

    pub(super) fn next_trade(&mut self) -> TradeId {
        self.trades += 1;
        TradeId::new(self.trades)
    }

    /// Whether margin is simulated and anything is held, so that every price matters.
    #[inline]
    pub(super) fn is_exposed(&self) -> bool {
        self.clearing.as_ref().is_some_and(|clearing| clearing.is_exposed())
    }

    /// Whether the account can carry what a fill would make of a position of `before`.
    pub(super) fn carries(&self, instrument: InstrumentId, (side, size, price): (Side, Size, Price), before: Decimal) -> bool {
        let Some(clearing) = &self.clearing else { return true };
        clearing.carries(instrument, before, side.signed(size), price)
    }

    /// Moves the account's money by a fill.
    pub(super) fn clear(&mut self, strategy: StrategyId, fill: &VenueFill) {
        if let Some(clearing) = &mut self.clearing {
            clearing.fill(strategy, fill);
        }
    }

    /// A name for an order of the exchange's own that closes a position, and the rate of its fee; none where margin is not
    /// simulated.
    pub(super) fn next_liquidation(&mut self, strategy: StrategyId) -> Option<(ClientOrderId, Decimal)> {
        self.clearing.as_mut()?.next_liquidation(strategy)
    }

    /// What a taker pays or gets where the market stands at `price`: worse by the slippage, then brought onto the grid,
    /// again to its disadvantage, where the instrument's rules do not allow the exact price. Without slippage it is exactly
    /// `price`. None where that overflows.
    pub(super) fn taker_price(&self, rules: &Rules, side: Side, price: Decimal) -> Option<Decimal> {
        if self.settings.slippage_bps.is_zero() {
            return Some(price);
        }
        let (factor, rounding) = match side {
            Side::Buy => (self.slip_buy, Rounding::Up),
            Side::Sell => (self.slip_sell, Rounding::Down),
        };
        let slipped = price.checked_mul(factor)?.normalize();
        if rules.allows_price(slipped) {
            return Some(slipped);
        }
        // A sale at a price below the smallest of the grid sells at the smallest.
        rules.round_price(slipped, rounding).or_else(|| rules.round_price(slipped, Rounding::Up))
    }

    /// `rate × size × price`.
    pub(super) fn fee(&self, maker: bool, size: Decimal, price: Price) -> Option<Decimal> {
        let rate = if maker { self.settings.fees.maker } else { self.settings.fees.taker };
        size.checked_mul(price.get())?.checked_mul(rate)
    }

    /// Refuses an order.
    pub(super) fn reject(&mut self, order: ClientOrderId, code: &'static str, message: String) {
        self.events.push_back(VenueEvent::Rejected { order, refusal: Refusal { code: Cow::Borrowed(code), message } });
    }

    /// Refuses a request about an order, which stays as it was.
    pub(super) fn refuse(&mut self, order: ClientOrderId, request: RequestKind, code: &'static str, message: String) {
        let refusal = Refusal { code: Cow::Borrowed(code), message };
        self.events.push_back(VenueEvent::RequestRejected { order, request, refusal });
    }

    /// Says that an order is gone.
    pub(super) fn cancelled(&mut self, order: ClientOrderId, venue_order: VenueOrderId, reason: &'static str) {
        let (venue_order, reason) = (Some(venue_order), Cow::Borrowed(reason));
        self.events.push_back(VenueEvent::Cancelled { order, venue_order, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::number;

    #[test]
    fn slippage_is_against_the_taker_and_lands_on_the_grid_only_where_it_must() {
        let desk = Desk::new(ExchangeSettings { slippage_bps: number("5"), ..ExchangeSettings::default() }).expect("valid");
        let any = Rules::ANY;
        assert_eq!(desk.taker_price(&any, Side::Buy, number("1234.5")), Some(number("1235.11725")));
        assert_eq!(desk.taker_price(&any, Side::Sell, number("1234.5")), Some(number("1233.88275")));
        let grid = Rules::hyperliquid(4, 50);
        assert_eq!(desk.taker_price(&grid, Side::Buy, number("1234.5")), Some(number("1235.2")));
        assert_eq!(desk.taker_price(&grid, Side::Sell, number("1234.5")), Some(number("1233.8")));
        let none = Desk::new(ExchangeSettings::default()).expect("valid");
        // Off the grid in the data stays off the grid.
        assert_eq!(none.taker_price(&grid, Side::Buy, number("1234.56")), Some(number("1234.56")));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for bad in ["-1", "10000"] {
            let settings = ExchangeSettings { slippage_bps: number(bad), ..ExchangeSettings::default() };
            assert_eq!(Desk::new(settings).err(), Some(ExchangeSettingsError::Slippage(number(bad))));
        }
        let fees = FeeRates { taker: number("1.5"), maker: Decimal::ZERO };
        let settings = ExchangeSettings { fees, ..ExchangeSettings::default() };
        assert_eq!(Desk::new(settings).err(), Some(ExchangeSettingsError::Fee(number("1.5"))));
    }
}
