//! Decimals: exact, or not at all.

use super::*;

#[test]
fn literals_and_texts_are_read_digit_for_digit() {
    assert_eq!(dec!(0.0005), Decimal::new(5, 4));
    assert_eq!(dec!(-12.50).to_string(), "-12.50");
    assert_eq!(dec!(1_000), Decimal::from(1000));
    for (text, expected) in
        [("0", "0"), ("-0.5", "-0.5"), ("+3", "3"), (".5", "0.5"), ("-9223372036854775808", "-9223372036854775808")]
    {
        assert_eq!(text.parse::<Decimal>().expect(text).to_string(), expected);
    }
    for text in ["", "-", ".", "1e5", "1.2.3", " 1", "NaN"] {
        assert_eq!(text.parse::<Decimal>(), Err(DecimalError::NotANumber), "{text}");
    }
    for text in ["9223372036854775808", "0.00000000000000000000000000001"] {
        assert_eq!(text.parse::<Decimal>(), Err(DecimalError::TooManyDigits), "{text}");
    }
}

#[test]
fn zeros_at_the_end_do_not_count() {
    assert_eq!(dec!(1.5), dec!(1.50));
    assert_eq!(Decimal::new(0, 255), Decimal::ZERO);
    assert!(dec!(1.49) < dec!(1.5));
    assert!(dec!(-1.5) < dec!(-1.49));
    let smallest = Decimal::new(1, 255);
    assert!(Decimal::ZERO < smallest && smallest < Decimal::new(1, 28));
    assert!(Decimal::new(-1, 0) < Decimal::new(-1, 255) && Decimal::new(i64::MAX, 0) > smallest);
}

#[test]
fn sums_and_products_are_exact_or_none() {
    assert_eq!(dec!(0.1) + dec!(0.2), dec!(0.3));
    assert_eq!(dec!(64000.1) * dec!(0.001), dec!(64.0001));
    assert_eq!(dec!(1) - dec!(1.000001), dec!(-0.000001));
    assert_eq!(Decimal::new(i64::MAX, 0).checked_add(Decimal::ONE), None);
    assert_eq!(Decimal::new(i64::MIN, 0).checked_sub(Decimal::ONE), None);
    assert_eq!(Decimal::new(i64::MAX, 28).checked_mul(Decimal::new(i64::MAX, 28)), None);
    assert_eq!(Decimal::new(1, 255).checked_add(Decimal::ONE), None);
    // 10^19 does not fit as it stands, but its zeros can be given up where it has decimals.
    assert_eq!(
        Decimal::new(1_000_000_000, 5).checked_mul(Decimal::new(100_000_000_000, 5)),
        Some(Decimal::new(10_000_000_000, 0))
    );
}

#[test]
fn quotients_are_rounded_as_asked() {
    let divide = |rounding| dec!(2).checked_div(dec!(3), 2, rounding);
    assert_eq!(divide(Rounding::Nearest), Some(dec!(0.67)));
    assert_eq!(divide(Rounding::Down), Some(dec!(0.66)));
    assert_eq!(divide(Rounding::Up), Some(dec!(0.67)));
    assert_eq!(dec!(-2).checked_div(dec!(3), 2, Rounding::Down), Some(dec!(-0.67)), "down is towards minus infinity");
    assert_eq!(dec!(2).checked_div(dec!(-3), 2, Rounding::Up), Some(dec!(-0.66)));
    assert_eq!(dec!(1).checked_div(dec!(0.00), 2, Rounding::Down), None);
}

#[test]
fn rounding_to_decimals_goes_to_even_where_it_is_a_tie() {
    assert_eq!(dec!(0.125).round(2, Rounding::Nearest), dec!(0.12));
    assert_eq!(dec!(0.135).round(2, Rounding::Nearest), dec!(0.14));
    assert_eq!(dec!(-0.125).round(2, Rounding::Down), dec!(-0.13));
    assert_eq!(dec!(-0.129).round(2, Rounding::Up), dec!(-0.12));
    assert_eq!(dec!(7).round(2, Rounding::Down), dec!(7));
    assert_eq!(Decimal::new(-1, 255).round(0, Rounding::Down), dec!(-1));
    assert_eq!(Decimal::new(1, 255).round(0, Rounding::Nearest), Decimal::ZERO);
}

#[test]
fn floats_are_those_that_parsing_gives() {
    for text in ["0.1", "64123.4", "-0.0005", "123456789.123456789", "0.0000000001"] {
        let decimal: Decimal = text.parse().expect(text);
        assert_eq!(decimal.to_f64().to_bits(), text.parse::<f64>().expect(text).to_bits(), "{text}");
    }
    assert_eq!(Decimal::from_f64(0.1 + 0.2, 8), Some(dec!(0.3)));
    assert_eq!(Decimal::from_f64(f64::NAN, 8), None);
    assert_eq!(Decimal::from_f64(1e300, 0), None);
    assert_eq!(Decimal::from_f64(1.0, 29), None);
}

#[test]
fn rust_decimal_is_there_and_back_again() {
    let wide = rust_decimal::Decimal::try_from(dec!(-64000.125)).expect("it fits");
    assert_eq!(wide.to_string(), "-64000.125");
    assert_eq!(Decimal::try_from(wide), Ok(dec!(-64000.125)));
    assert_eq!(Decimal::try_from(rust_decimal::Decimal::MAX), Err(DecimalError::TooManyDigits));
    assert_eq!(rust_decimal::Decimal::try_from(Decimal::new(1, 29)), Err(DecimalError::TooManyDigits));
}

#[test]
fn display_pads_like_a_number() {
    assert_eq!(format!("{:>8}|{:08}|{:+}", dec!(-1.5), dec!(-1.5), dec!(1.5)), "    -1.5|-00001.5|+1.5");
    assert_eq!(Decimal::new(5, 3).to_string(), "0.005");
    assert_eq!(Decimal::new(i64::MIN, 0).to_string(), "-9223372036854775808");
}
