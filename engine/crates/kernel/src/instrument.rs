//! Instruments and the grids their prices and sizes must lie on.

use crate::{InstrumentId, MarginTable};
use rust_decimal::{Decimal, RoundingStrategy};

/// Longest symbol.
pub const SYMBOL_BYTES_MAX: usize = 32;

/// The exchange's own coin name, case kept: `BTC`, `kPEPE`. One grammar everywhere: streams, command line, files, API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(String);

/// A text that is not a symbol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotASymbol {
    /// A builder market.
    #[error("{0:?} is a market of a builder; those are not supported yet")]
    Builder(String),
    /// Something else.
    #[error("{0:?} is not a symbol: write the exchange's coin name, letters and digits, such as BTC or kPEPE")]
    Malformed(String),
}

impl Symbol {
    /// The coin name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Symbol {
    type Err = NotASymbol;

    /// Reads a symbol; `BTC-PERP` is the same as `BTC`.
    fn from_str(text: &str) -> Result<Self, NotASymbol> {
        let coin = text.strip_suffix("-PERP").unwrap_or(text);
        if coin.contains(':') {
            return Err(NotASymbol::Builder(text.chars().take(SYMBOL_BYTES_MAX).collect()));
        }
        if coin.is_empty() || coin.len() > SYMBOL_BYTES_MAX || !coin.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(NotASymbol::Malformed(text.chars().take(SYMBOL_BYTES_MAX).collect()));
        }
        Ok(Self(coin.to_owned()))
    }
}

impl std::fmt::Display for Symbol {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What an instrument allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// Its number.
    pub id: InstrumentId,
    /// Its name.
    pub symbol: Symbol,
    /// Its rules.
    pub rules: Rules,
    /// Its margin tiers; the first allows the largest leverage of its rules.
    pub margin: MarginTable,
}

impl Instrument {
    /// One with a single margin tier, of the largest leverage of its rules.
    pub fn new(id: InstrumentId, symbol: Symbol, rules: Rules) -> Self {
        Self { id, symbol, margin: MarginTable::flat(rules.max_leverage), rules }
    }

    /// The same with other margin tiers; their largest leverage becomes that of its rules.
    #[must_use]
    pub fn with_margin(mut self, margin: MarginTable) -> Self {
        self.rules.max_leverage = margin.max_leverage();
        self.margin = margin;
        self
    }
}

/// The grids of an instrument and its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Decimals of a size: the lot is 10^-size_decimals.
    pub size_decimals: u8,
    /// Largest number of decimals of a price.
    pub price_decimals: u8,
    /// Largest number of significant figures of a price that is not a whole number; 0: no such rule.
    pub price_significant_figures: u8,
    /// Smallest price step where the venue has a fixed one; zero: none.
    pub tick_size: Decimal,
    /// Smallest notional of an order; reduce-only closes are excepted.
    pub min_notional: Decimal,
    /// Largest leverage; 0: the venue names none.
    pub max_leverage: u32,
}

/// Where a rounded value may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// The nearest, ties to even.
    Nearest,
    /// Not above.
    Down,
    /// Not below.
    Up,
}

impl Rounding {
    const fn strategy(self) -> RoundingStrategy {
        match self {
            Self::Nearest => RoundingStrategy::MidpointNearestEven,
            Self::Down => RoundingStrategy::ToNegativeInfinity,
            Self::Up => RoundingStrategy::ToPositiveInfinity,
        }
    }
}

impl Rules {
    /// Rules that allow nearly everything: 12 decimals of price and size, no minimum. For data of other exchanges.
    pub const ANY: Self = Self {
        size_decimals: 12,
        price_decimals: 12,
        price_significant_figures: 0,
        tick_size: Decimal::ZERO,
        min_notional: Decimal::ZERO,
        max_leverage: 0,
    };

    /// Hyperliquid's rules for a perpetual: prices of at most 5 significant figures and `6 - size_decimals` decimals
    /// (whole numbers always pass), at least 10 USDC of notional.
    /// <https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/tick-and-lot-size>
    pub fn hyperliquid(size_decimals: u8, max_leverage: u32) -> Self {
        Self {
            size_decimals,
            price_decimals: 6_u8.saturating_sub(size_decimals),
            price_significant_figures: 5,
            tick_size: Decimal::ZERO,
            min_notional: Decimal::TEN,
            max_leverage,
        }
    }

    /// Whether a positive price lies on the grid.
    pub fn allows_price(&self, price: Decimal) -> bool {
        price > Decimal::ZERO && self.round_price(price, Rounding::Nearest) == Some(price)
    }

    /// A positive price brought onto the grid; none where no positive price of the grid is left that way.
    pub fn round_price(&self, price: Decimal, rounding: Rounding) -> Option<Decimal> {
        if price <= Decimal::ZERO {
            return None;
        }
        let strategy = rounding.strategy();
        let mut rounded = price.round_dp_with_strategy(u32::from(self.price_decimals), strategy);
        if self.price_significant_figures > 0 && !rounded.is_integer() {
            let figures = u32::from(self.price_significant_figures);
            rounded = round_significant(rounded, figures, strategy)?;
        }
        if self.tick_size > Decimal::ZERO {
            let ticks = rounded.checked_div(self.tick_size)?.round_dp_with_strategy(0, strategy);
            rounded = ticks.checked_mul(self.tick_size)?;
        }
        (rounded > Decimal::ZERO).then(|| rounded.normalize())
    }

    /// Whether a size lies on the lot grid.
    pub fn allows_size(&self, size: Decimal) -> bool {
        self.round_size(size, Rounding::Nearest) == size
    }

    /// A size, signed or not, brought onto the lot grid. «Down» is towards minus infinity.
    #[must_use]
    pub fn round_size(&self, size: Decimal, rounding: Rounding) -> Decimal {
        size.round_dp_with_strategy(u32::from(self.size_decimals), rounding.strategy()).normalize()
    }
}

/// Rounds to significant figures, but never away the whole part: whole prices are always allowed.
fn round_significant(value: Decimal, figures: u32, strategy: RoundingStrategy) -> Option<Decimal> {
    let whole = value.trunc();
    let decimals = if whole.is_zero() {
        // 0.00123: zeros behind the point are not significant.
        let digits = value.mantissa().unsigned_abs().checked_ilog10()? + 1;
        (value.scale() - digits) + figures
    } else {
        let digits = whole.mantissa().unsigned_abs().checked_ilog10()? + 1;
        figures.saturating_sub(digits)
    };
    Some(value.round_dp_with_strategy(decimals, strategy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect(text)
    }

    #[test]
    fn symbols_have_one_grammar() {
        assert_eq!("BTC-PERP".parse::<Symbol>().expect("BTC").as_str(), "BTC");
        assert_eq!("kPEPE".parse::<Symbol>().expect("kPEPE").as_str(), "kPEPE");
        assert!(matches!("xyz:NAME".parse::<Symbol>(), Err(NotASymbol::Builder(_))));
        for text in ["", "-PERP", "A B", "a/b", "é", "*"] {
            assert!(matches!(text.parse::<Symbol>(), Err(NotASymbol::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn the_price_grid_of_hyperliquid() {
        let rules = Rules::hyperliquid(1, 50); // five decimals at most
        for good in ["1234.5", "0.001234", "123456", "0.01234", "100000", "12345"] {
            // 0.001234 has six decimals: too many for one size decimal
            assert_eq!(rules.allows_price(number(good)), good != "0.001234", "{good}");
        }
        for bad in ["1234.56", "0.0123451", "0", "-1", "12345.5"] {
            assert!(!rules.allows_price(number(bad)), "{bad}");
        }
        assert_eq!(rules.round_price(number("1234.56"), Rounding::Down), Some(number("1234.5")));
        assert_eq!(rules.round_price(number("1234.56"), Rounding::Up), Some(number("1234.6")));
        assert_eq!(rules.round_price(number("0.000001"), Rounding::Down), None);
    }

    #[test]
    fn a_fixed_tick_is_kept() {
        let rules = Rules { tick_size: number("0.25"), ..Rules::ANY };
        assert!(rules.allows_price(number("10.75")));
        assert_eq!(rules.round_price(number("10.8"), Rounding::Nearest), Some(number("10.75")));
    }
}
