//! Decimal numbers as files write them, read exactly or not at all.
//!
//! What is read fits the contract with strategies: at most 18 digits and at most 28 decimals. Nothing is rounded.

use calypte_kernel::Decimal;

/// Most decimals of a number.
const DECIMALS_MAX: u32 = 28;

/// Most significant digits that always fit 64 bits with a sign.
const DIGITS_MAX: u32 = 18;

/// Why a text is not taken as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberFault {
    /// It is none.
    NotANumber,
    /// Its whole part does not fit.
    TooLarge,
    /// Its decimals do not fit.
    TooManyDecimals,
}

/// Reads `[-]digits[.digits][e[+-]digits]`, exactly.
///
/// Trailing zeros are kept where they fit, so that a file written again has the same digits.
pub(super) fn parse(text: &[u8]) -> Result<Decimal, NumberFault> {
    let (negative, text) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    let (number, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (whole, fraction) = match number.iter().position(|byte| *byte == b'.') {
        // «5.» looks cut off, so it is not taken; «.5» is common and clear.
        Some(at) if at + 1 < number.len() => (&number[..at], &number[at + 1..]),
        Some(_) => return Err(NumberFault::NotANumber),
        None if number.is_empty() => return Err(NumberFault::NotANumber),
        None => (number, &[][..]),
    };
    let digits = Significant::read(whole.iter().chain(fraction))?;
    let fraction_digits = i64::try_from(fraction.len()).map_err(|_| NumberFault::TooManyDecimals)?;
    digits.scaled(exponent - fraction_digits).map(|mut value| {
        value.set_sign_negative(negative && !value.is_zero());
        value
    })
}

/// The shortest decimal that is the same float, exactly; none for what is no finite number.
pub(super) fn from_f64(value: f64) -> Result<Decimal, NumberFault> {
    if !value.is_finite() {
        return Err(NumberFault::NotANumber);
    }
    // The formatter writes the shortest digits that read back as the same float.
    parse(format!("{value:e}").as_bytes())
}

/// The same for a single-precision float.
pub(super) fn from_f32(value: f32) -> Result<Decimal, NumberFault> {
    if !value.is_finite() {
        return Err(NumberFault::NotANumber);
    }
    parse(format!("{value:e}").as_bytes())
}

/// An integer with a scale, as tables store decimals.
pub(super) fn from_scaled(mantissa: i128, scale: u32) -> Result<Decimal, NumberFault> {
    let value = Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| NumberFault::TooLarge)?.normalize();
    if i64::try_from(value.mantissa()).is_ok() {
        return Ok(value);
    }
    Err(if value.trunc().mantissa() > i128::from(i64::MAX) { NumberFault::TooLarge } else { NumberFault::TooManyDecimals })
}

fn parse_exponent(text: &[u8]) -> Result<i64, NumberFault> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NumberFault::NotANumber);
    }
    // Beyond this nothing fits anyway, but zero with any exponent is zero.
    let value = digits.iter().fold(0_i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(1_000_000));
    Ok(if negative { -value } else { value })
}

/// Digits without the zeros at either end.
struct Significant {
    mantissa: i64,
    /// Zeros cut off at the end.
    zeros: i64,
    /// Significant digits that did not fit into the mantissa.
    lost: i64,
    /// All digits from the first that is not zero to the last.
    count: i64,
}

impl Significant {
    fn read<'a>(digits: impl Iterator<Item = &'a u8>) -> Result<Self, NumberFault> {
        let mut read = Self { mantissa: 0, zeros: 0, lost: 0, count: 0 };
        let mut full = false;
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(NumberFault::NotANumber);
            }
            if digit == 0 {
                read.zeros += 1;
                continue;
            }
            if read.mantissa == 0 {
                read.zeros = 0; // leading zeros weigh nothing
            }
            let shift = read.zeros + 1;
            read.zeros = 0;
            read.count += shift;
            let next = power_of_ten(shift)
                .and_then(|power| read.mantissa.checked_mul(power))
                .and_then(|value| value.checked_add(i64::from(digit)));
            match next {
                Some(next) if !full && read.count <= i64::from(DIGITS_MAX) => read.mantissa = next,
                _ => {
                    full = true;
                    read.lost += shift;
                }
            }
        }
        Ok(read)
    }

    /// Digits times a power of ten.
    fn scaled(&self, exponent: i64) -> Result<Decimal, NumberFault> {
        if self.mantissa == 0 {
            let scale = u32::try_from((-exponent).clamp(0, i64::from(DECIMALS_MAX))).map_err(|_| NumberFault::TooLarge)?;
            return Ok(Decimal::new(0, scale));
        }
        let last = exponent + self.zeros; // weight of the last significant digit
        if self.count + last > i64::from(DIGITS_MAX) {
            return Err(NumberFault::TooLarge);
        }
        if self.lost > 0 || -last > i64::from(DECIMALS_MAX) {
            return Err(NumberFault::TooManyDecimals);
        }
        // As many trailing zeros as were written, as far as they fit.
        let wanted = exponent.min(0).max(-i64::from(DECIMALS_MAX));
        let padded = power_of_ten(last - wanted).and_then(|power| self.mantissa.checked_mul(power));
        let (mantissa, weight) = match padded {
            Some(mantissa) => (mantissa, wanted),
            None => (self.mantissa, last),
        };
        let scale = u32::try_from(-weight).map_err(|_| NumberFault::TooLarge)?;
        Ok(Decimal::new(mantissa, scale))
    }
}

fn power_of_ten(exponent: i64) -> Option<i64> {
    10_i64.checked_pow(u32::try_from(exponent).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_exactly() {
        for (text, value) in [
            ("82765.0", "82765.0"),
            ("0.00002853", "0.00002853"),
            ("8.2765000000e+04", "82765.000000"),
            ("3.91224579442e-05", "0.0000391224579442"),
            ("1e3", "1000"),
            (".5", "0.5"),
            ("-12.5", "-12.5"),
            ("0", "0"),
            ("-0.0", "0"),
            ("0e400", "0"),
            ("000012", "12"),
            ("576.00000000", "576.00000000"),
            ("999999999999999999", "999999999999999999"),
            ("1.00000000000000000000000000000000000000", "1"),
        ] {
            let read = parse(text.as_bytes()).expect(text);
            assert_eq!(read, value.parse::<Decimal>().expect(value), "{text}");
        }
        assert_eq!(parse(b"82765.0").expect("a number").to_string(), "82765.0");
        assert_eq!(parse(b"576.00000000").expect("a number").to_string(), "576.00000000");
    }

    #[test]
    fn what_does_not_fit_says_on_which_side() {
        assert_eq!(parse(&[b'1'; 401]), Err(NumberFault::TooLarge));
        assert_eq!(parse(b"1e400"), Err(NumberFault::TooLarge));
        assert_eq!(parse(b"1e-400"), Err(NumberFault::TooManyDecimals));
        assert_eq!(parse(b"83900.1111111111111111111111111111111111"), Err(NumberFault::TooManyDecimals));
        for text in
            ["", "-", "NaN", "nan", "inf", "-inf", "null", "1,5", "1.", ".", "e5", "1e", "1e+", "+1", "0x10", "1 ", "1_0", "١"]
        {
            assert_eq!(parse(text.as_bytes()), Err(NumberFault::NotANumber), "{text}");
        }
    }

    #[test]
    fn floats_become_their_shortest_decimal() {
        assert_eq!(from_f64(0.1).expect("fits").to_string(), "0.1");
        assert_eq!(from_f64(82765.0).expect("fits"), Decimal::from(82765));
        assert_eq!(from_f32(0.3).expect("fits").to_string(), "0.3");
        assert_eq!(from_f64(f64::NAN), Err(NumberFault::NotANumber));
        assert_eq!(from_f64(1e300), Err(NumberFault::TooLarge));
    }

    #[test]
    fn stored_decimals_are_checked_for_size() {
        assert_eq!(from_scaled(82_765_000_000_000_000_000_000, 18).expect("fits"), Decimal::from(82765));
        assert_eq!(from_scaled(i128::MAX, 0), Err(NumberFault::TooLarge));
        assert_eq!(from_scaled(1_234_567_890_123_456_789_012, 18), Err(NumberFault::TooManyDecimals));
    }

    proptest! {
        #[test]
        fn any_decimal_that_fits_is_read_as_it_is_written(mantissa in -999_999_999_999_999_999_i64..=999_999_999_999_999_999, scale in 0_u32..=28) {
            let value = Decimal::new(mantissa, scale);
            prop_assert_eq!(parse(value.to_string().as_bytes()), Ok(value));
        }

        #[test]
        fn any_bytes_give_a_number_or_a_fault(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&text);
        }

        #[test]
        fn any_float_survives(value in any::<f64>()) {
            if let Ok(decimal) = from_f64(value) {
                prop_assert_eq!(decimal.to_string().parse::<f64>().expect("a float").to_bits(), (value + 0.0).to_bits());
            }
        }
    }
}
