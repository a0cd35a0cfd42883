//! Prices and sizes: exact decimals that carry the proof that they are positive.

use rust_decimal::{Decimal, RoundingStrategy};
use std::fmt;

/// Decimals to which derived values (average entry, profit, equity) are rounded, half to even.
pub const DERIVED_DECIMALS: u32 = 8;

/// A number that should have been positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not positive")]
pub struct NotPositive(pub Decimal);

macro_rules! positive {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Decimal);

        impl $name {
            /// From a number.
            ///
            /// # Errors
            /// Where it is zero or negative.
            #[inline]
            pub fn new(value: Decimal) -> Result<Self, NotPositive> {
                if value.is_sign_negative() || value.is_zero() {
                    return Err(NotPositive(value));
                }
                Ok(Self(value))
            }

            /// The number.
            #[inline]
            pub const fn get(self) -> Decimal {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

positive! {
    /// Price of one unit of the base asset, in the quote asset.
    Price
}
impl Price {
    /// Whether it is higher than another. As `>`, and far cheaper where both have the same number of decimals, as the prices of
    /// one market mostly do.
    #[inline]
    pub fn is_above(self, other: Self) -> bool {
        if self.0.scale() == other.0.scale() {
            return self.0.mantissa() > other.0.mantissa();
        }
        self.0 > other.0
    }
}

positive! {
    /// An amount of the base asset, without direction.
    Size
}

/// Rounds a derived value to [`DERIVED_DECIMALS`], half to even.
#[must_use]
pub fn derived(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(DERIVED_DECIMALS, RoundingStrategy::MidpointNearestEven)
}

/// A decimal as the nearest `f64` of its digits: for statistics, never for money.
///
/// Exact division by a power of ten keeps the result within one unit in the last place and far cheaper than
/// `Decimal::to_f64`, which matters because it runs once per candle.
#[inline]
pub fn statistic(value: Decimal) -> f64 {
    const POWERS: [f64; 29] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
        1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28,
    ];
    #[expect(clippy::cast_precision_loss, reason = "statistics are f64")]
    let mantissa = match i64::try_from(value.mantissa()) {
        Ok(mantissa) => mantissa as f64,
        Err(_) => value.mantissa() as f64,
    };
    mantissa / POWERS[value.scale() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positive_numbers_are_prices() {
        assert!(Price::new(Decimal::new(1, 8)).is_ok());
        for value in [Decimal::ZERO, Decimal::new(-1, 0)] {
            assert_eq!(Price::new(value), Err(NotPositive(value)));
            assert_eq!(Size::new(value), Err(NotPositive(value)));
        }
    }

    #[test]
    fn the_higher_price_is_above_however_it_is_written() {
        let prices = [(1, 0), (10, 1), (100, 2), (11, 1), (109, 2), (2, 0), (i64::MAX, 0), (i64::MAX, 28)];
        let prices = prices.map(|(digits, scale)| Price::new(Decimal::new(digits, scale)).expect("positive"));
        for one in prices {
            for other in prices {
                assert_eq!(one.is_above(other), one > other, "{one} and {other}");
            }
        }
    }

    #[test]
    fn statistics_read_the_digits() {
        assert_eq!(statistic(Decimal::new(123_456, 2)).to_bits(), 1234.56_f64.to_bits());
        assert_eq!(statistic(Decimal::new(-5, 1)).to_bits(), (-0.5_f64).to_bits());
        assert!((statistic(Decimal::MAX) - 7.922_816_251_426_434e28).abs() < 1e13);
    }

    #[test]
    fn derived_values_round_half_to_even() {
        assert_eq!(derived(Decimal::new(25, 9)), Decimal::new(2, 8));
        assert_eq!(derived(Decimal::new(35, 9)), Decimal::new(4, 8));
    }
}
