//! The grids of instruments, as the engine applies them.

use super::exchange::{Wide, exact, wide};
use crate::{Decimal, InstrumentId, InstrumentInfo, Rounding};
use rust_decimal::RoundingStrategy;

impl InstrumentInfo {
    /// An instrument that allows nearly everything: 12 decimals, no minimum.
    #[must_use]
    pub fn any(id: InstrumentId, symbol: &str) -> Self {
        Self {
            id,
            symbol: symbol.into(),
            size_decimals: 12,
            price_decimals: 12,
            price_significant_figures: 0,
            tick_size: Decimal::ZERO,
            min_notional: Decimal::ZERO,
            max_leverage: 0,
        }
    }

    /// A perpetual of Hyperliquid: 5 significant figures, `6 - size_decimals` decimals, at least 10 USDC.
    #[must_use]
    pub fn hyperliquid(id: InstrumentId, symbol: &str, size_decimals: u8) -> Self {
        Self {
            size_decimals,
            price_decimals: 6_u8.saturating_sub(size_decimals),
            price_significant_figures: 5,
            min_notional: Decimal::from(10),
            max_leverage: 50,
            ..Self::any(id, symbol)
        }
    }
}

/// A price brought onto the grid; none where no positive price is left.
pub(super) fn round_price(rules: &InstrumentInfo, price: Decimal, rounding: Rounding) -> Option<Decimal> {
    let strategy = strategy(rounding);
    let mut rounded = wide(price).round_dp_with_strategy(u32::from(rules.price_decimals), strategy);
    if rules.price_significant_figures > 0 && !rounded.is_integer() && rounded > Wide::ZERO {
        let figures = u32::from(rules.price_significant_figures);
        let whole = rounded.trunc();
        let digits = |value: Wide| value.mantissa().unsigned_abs().ilog10() + 1;
        let decimals = if whole.is_zero() {
            rounded.scale() - digits(rounded) + figures // zeros behind the point are not significant
        } else {
            figures.saturating_sub(digits(whole))
        };
        rounded = rounded.round_dp_with_strategy(decimals, strategy);
    }
    if rules.tick_size.is_positive() {
        let tick = wide(rules.tick_size);
        rounded = (rounded / tick).round_dp_with_strategy(0, strategy) * tick;
    }
    (rounded > Wide::ZERO).then(|| exact(rounded))
}

/// A size brought onto the lot grid.
pub(super) fn round_size(rules: &InstrumentInfo, size: Decimal, rounding: Rounding) -> Decimal {
    exact(wide(size).round_dp_with_strategy(u32::from(rules.size_decimals), strategy(rounding)))
}

const fn strategy(rounding: Rounding) -> RoundingStrategy {
    match rounding {
        Rounding::Nearest => RoundingStrategy::MidpointNearestEven,
        Rounding::Down => RoundingStrategy::ToNegativeInfinity,
        Rounding::Up => RoundingStrategy::ToPositiveInfinity,
    }
}
