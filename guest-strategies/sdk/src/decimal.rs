//! Exact decimals: the numbers of prices, sizes and fees.
//!
//! A [`Decimal`] is what crosses between strategy and engine, digit for digit. Its arithmetic is exact or says that it
//! cannot be; indicators do not need it and work on [`Decimal::to_f64`]. For heavier mathematics convert to
//! [`rust_decimal::Decimal`] and back.

use crate::Rounding;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Add, Mul, Neg, Sub};
use std::str::FromStr;

/// Most digits behind the decimal point that the engine takes.
pub const SCALE_MAX: u8 = 28;

/// Powers of ten as `f64`; those up to 10^22 are exact.
const POWERS_F64: [f64; 29] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
    1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28,
];

/// An exact decimal: `mantissa × 10^-scale`.
///
/// Two decimals are equal when their values are: `1.5 == 1.50`. It lies in memory as the contract has it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Decimal {
    /// The digits, with sign.
    pub mantissa: i64,
    /// How many of the digits stand behind the decimal point, 0 to 28.
    pub scale: u8,
}

/// Why a number is not a [`Decimal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalError {
    /// The text is not a plain decimal number such as `-12.5`.
    NotANumber,
    /// It has more digits than fit: about 18, of which 28 may stand behind the point.
    TooManyDigits,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotANumber => "not a decimal number",
            Self::TooManyDigits => "more digits than a decimal holds",
        })
    }
}

impl std::error::Error for DecimalError {}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self::new(0, 0);
    /// One.
    pub const ONE: Self = Self::new(1, 0);

    /// `mantissa × 10^-scale`: `Decimal::new(125, 1)` is 12.5.
    #[must_use]
    pub const fn new(mantissa: i64, scale: u8) -> Self {
        Self { mantissa, scale }
    }

    /// The nearest `f64`: for indicators, never for money.
    ///
    /// One division of two exact numbers, so it is the `f64` that parsing the same digits would give (up to 2^53 and
    /// 22 decimals).
    #[inline]
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an f64 is asked for")]
    pub fn to_f64(self) -> f64 {
        match POWERS_F64.get(self.scale as usize) {
            Some(power) => self.mantissa as f64 / power,
            None => 0.0,
        }
    }

    /// The decimal nearest to an `f64`, with this many decimals; none where the value is not finite or too large.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the range is checked first")]
    pub fn from_f64(value: f64, decimals: u8) -> Option<Self> {
        let digits = (value * POWERS_F64.get(decimals as usize)?).round_ties_even();
        (digits.abs() < i64::MAX as f64).then(|| Self::new(digits as i64, decimals))
    }

    /// Parses a literal at compile time: what [`dec!`](crate::dec) calls.
    #[doc(hidden)]
    #[must_use]
    pub const fn literal(text: &str) -> Self {
        match parse(text.as_bytes()) {
            Ok(decimal) => decimal,
            Err(_) => panic!("not a decimal literal"),
        }
    }

    /// Whether it is zero.
    #[inline]
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Whether it is above zero.
    #[inline]
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.mantissa > 0
    }

    /// Whether it is below zero.
    #[inline]
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// Without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        if self.is_negative() { -self } else { self }
    }

    /// The same value without zeros at the end: 1.50 becomes 1.5.
    #[must_use]
    pub const fn normalize(mut self) -> Self {
        if self.mantissa == 0 {
            return Self::ZERO;
        }
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }

    /// The sum; none where it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (left, right) = (self.normalize(), other.normalize());
        let scale = left.scale.max(right.scale);
        fit(left.at_scale(scale)?.checked_add(right.at_scale(scale)?)?, u32::from(scale))
    }

    /// The difference; none where it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let (left, right) = (self.normalize(), other.normalize());
        let scale = left.scale.max(right.scale);
        fit(left.at_scale(scale)?.checked_sub(right.at_scale(scale)?)?, u32::from(scale))
    }

    /// The product; none where it does not fit.
    #[must_use]
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let product = i128::from(self.mantissa) * i128::from(other.mantissa);
        fit(product, u32::from(self.scale) + u32::from(other.scale))
    }

    /// The quotient brought to a number of decimals; none where the divisor is zero or the quotient does not fit.
    #[must_use]
    pub fn checked_div(self, by: Self, decimals: u8, rounding: Rounding) -> Option<Self> {
        if by.is_zero() {
            return None;
        }
        let shift = i32::from(decimals) + i32::from(by.scale) - i32::from(self.scale);
        let power = 10_i128.checked_pow(shift.unsigned_abs())?;
        let (mut dividend, mut divisor) = (i128::from(self.mantissa), i128::from(by.mantissa));
        if shift >= 0 {
            dividend = dividend.checked_mul(power)?;
        } else {
            divisor = divisor.checked_mul(power)?;
        }
        fit(divide(dividend, divisor, rounding), u32::from(decimals))
    }

    /// Brought to a number of decimals.
    #[must_use]
    pub fn round(self, decimals: u8, rounding: Rounding) -> Self {
        let value = self.normalize();
        if value.scale <= decimals {
            return value;
        }
        // Fewer digits than before always fit; a divisor beyond i128 leaves nothing but the direction.
        let divisor = 10_i128.checked_pow(u32::from(value.scale - decimals)).unwrap_or(i128::MAX);
        let mantissa = divide(i128::from(value.mantissa), divisor, rounding);
        Self::new(i64::try_from(mantissa).unwrap_or_default(), decimals)
    }

    /// The digits at a larger scale.
    fn at_scale(self, scale: u8) -> Option<i128> {
        10_i128.checked_pow(u32::from(scale.checked_sub(self.scale)?))?.checked_mul(i128::from(self.mantissa))
    }
}

/// Quotient of two whole numbers, the divisor not zero.
fn divide(dividend: i128, divisor: i128, rounding: Rounding) -> i128 {
    let (dividend, divisor) = if divisor < 0 { (-dividend, -divisor) } else { (dividend, divisor) };
    let (floor, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    let up = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest > 0,
        Rounding::Nearest => match rest.cmp(&(divisor - rest)) {
            Ordering::Less => false,
            Ordering::Equal => floor % 2 != 0,
            Ordering::Greater => true,
        },
    };
    floor + i128::from(up)
}

/// A decimal of these digits, zeros at the end given up as far as needed.
fn fit(mut mantissa: i128, mut scale: u32) -> Option<Decimal> {
    loop {
        if let (Ok(digits), Ok(decimals)) = (i64::try_from(mantissa), u8::try_from(scale))
            && decimals <= SCALE_MAX
        {
            return Some(Decimal::new(digits, decimals));
        }
        if scale == 0 || mantissa % 10 != 0 {
            return None;
        }
        mantissa /= 10;
        scale -= 1;
    }
}

/// Reads `-12.50`.
const fn parse(text: &[u8]) -> Result<Decimal, DecimalError> {
    let negative = matches!(text, [b'-', ..]);
    let mut at = if matches!(text, [b'-' | b'+', ..]) { 1 } else { 0 };
    let (mut mantissa, mut scale, mut digits, mut point) = (0_i64, 0_u8, 0_usize, false);
    while at < text.len() {
        match text[at] {
            b'.' if !point => point = true,
            b'_' => {}
            digit @ b'0'..=b'9' => {
                let Some(shifted) = mantissa.checked_mul(10) else { return Err(DecimalError::TooManyDigits) };
                let Some(sum) = shifted.checked_sub((digit - b'0') as i64) else { return Err(DecimalError::TooManyDigits) };
                mantissa = sum; // negative throughout, since that side reaches one further
                digits += 1;
                if point {
                    if scale == SCALE_MAX {
                        return Err(DecimalError::TooManyDigits);
                    }
                    scale += 1;
                }
            }
            _ => return Err(DecimalError::NotANumber),
        }
        at += 1;
    }
    if digits == 0 {
        return Err(DecimalError::NotANumber);
    }
    if negative {
        return Ok(Decimal::new(mantissa, scale));
    }
    match mantissa.checked_neg() {
        Some(mantissa) => Ok(Decimal::new(mantissa, scale)),
        None => Err(DecimalError::TooManyDigits),
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        parse(text.as_bytes())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::from(self.scale);
        let mut digits = format!("{:0width$}", self.mantissa.unsigned_abs(), width = scale + 1);
        if scale > 0 {
            digits.insert(digits.len() - scale, '.');
        }
        formatter.pad_integral(!self.is_negative(), "", &digits)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right) = (self.normalize(), other.normalize());
        let signs = left.mantissa.signum().cmp(&right.mantissa.signum());
        if signs.is_ne() {
            return signs;
        }
        let scale = left.scale.max(right.scale);
        // What cannot be written at the common scale is the larger one, whichever its sign.
        match (left.at_scale(scale), right.at_scale(scale)) {
            (Some(left), Some(right)) => left.cmp(&right),
            (None, _) => left.mantissa.cmp(&0),
            (_, None) => 0.cmp(&right.mantissa),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { mantissa, scale } = self.normalize();
        (mantissa, scale).hash(state);
    }
}

/// Panics where the sum does not fit: a strategy that goes on with wrong money is worse than one that ends.
impl Add for Decimal {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.checked_add(other).expect("the sum fits a decimal")
    }
}

/// Panics where the difference does not fit.
impl Sub for Decimal {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.checked_sub(other).expect("the difference fits a decimal")
    }
}

/// Panics where the product does not fit.
impl Mul for Decimal {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        self.checked_mul(other).expect("the product fits a decimal")
    }
}

/// Panics for the one number that has no opposite.
impl Neg for Decimal {
    type Output = Self;

    fn neg(self) -> Self {
        Self::new(self.mantissa.checked_neg().expect("the opposite fits a decimal"), self.scale)
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Decimal {
            fn from(value: $integer) -> Self {
                Self::new(i64::from(value), 0)
            }
        }
    )*};
}

from_integer!(i64, i32, u32, u16, u8);

impl TryFrom<Decimal> for rust_decimal::Decimal {
    type Error = DecimalError;

    fn try_from(value: Decimal) -> Result<Self, DecimalError> {
        Self::try_from_i128_with_scale(i128::from(value.mantissa), u32::from(value.scale))
            .map_err(|_| DecimalError::TooManyDigits)
    }
}

impl TryFrom<rust_decimal::Decimal> for Decimal {
    type Error = DecimalError;

    fn try_from(value: rust_decimal::Decimal) -> Result<Self, DecimalError> {
        fit(value.mantissa(), value.scale()).ok_or(DecimalError::TooManyDigits)
    }
}

/// A [`Decimal`] from a literal, checked at compile time: `dec!(0.0005)`.
#[macro_export]
macro_rules! dec {
    (- $number:literal) => {
        const { $crate::Decimal::literal(concat!("-", stringify!($number))) }
    };
    ($number:literal) => {
        const { $crate::Decimal::literal(stringify!($number)) }
    };
}

#[cfg(test)]
mod tests;
