//! Kernel types and the contract's types, each way.
//!
//! Values of the exchange cross exactly: one whose digits do not fit 64 bits is refused. Derived values cross rounded to
//! [`DERIVED_DECIMALS`](calypte_kernel::DERIVED_DECIMALS).

mod event;
mod handed;
mod hook;
mod intent;

pub(crate) use event::{NextEvent, candle, event, order, position, quote};
pub(crate) use handed::Handed;
pub(crate) use hook::{context, instrument, manifest, parameters, stop_reason, subscriptions};
pub(crate) use intent::{intents, wanted};

use crate::bindings::calypte::strategy::types as wit;
use crate::guest::Broken;
use calypte_kernel::{Decimal, FeeRates, derived as rounded};

/// An exact value.
#[inline]
pub(crate) fn exact(value: Decimal) -> wasmtime::Result<wit::Decimal> {
    match (i64::try_from(value.mantissa()), u8::try_from(value.scale())) {
        (Ok(mantissa), Ok(scale)) => Ok(wit::Decimal { mantissa, scale }),
        _ => normalized(value),
    }
}

/// Trailing zeros may be all that is too long.
#[cold]
fn normalized(value: Decimal) -> wasmtime::Result<wit::Decimal> {
    let short = value.normalize();
    match (i64::try_from(short.mantissa()), u8::try_from(short.scale())) {
        (Ok(mantissa), Ok(scale)) => Ok(wit::Decimal { mantissa, scale }),
        _ => Err(Broken::contract(format!("{value} has more digits than the contract's 64 bits can carry"))),
    }
}

/// A derived value, rounded.
pub(crate) fn derived(value: Decimal) -> wasmtime::Result<wit::Decimal> {
    exact(rounded(value))
}

fn optional(value: Option<Decimal>) -> wasmtime::Result<Option<wit::Decimal>> {
    value.map(exact).transpose()
}

/// Fee rates as the pair taker, maker.
pub(crate) fn fees(fees: &FeeRates) -> wasmtime::Result<(wit::Decimal, wit::Decimal)> {
    Ok((exact(fees.taker)?, exact(fees.maker)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(value: wasmtime::Result<wit::Decimal>) -> Option<(i64, u8)> {
        value.ok().map(|value| (value.mantissa, value.scale))
    }

    #[test]
    fn what_does_not_fit_64_bits_is_refused_in_words() {
        assert_eq!(pair(exact(Decimal::new(-12_345, 2))), Some((-12_345, 2)));
        assert_eq!(pair(exact(Decimal::from(i64::MIN))), Some((i64::MIN, 0)));
        let long = "1.0000000000000000000000000".parse().expect("a number");
        assert_eq!(pair(exact(long)), Some((1, 0)), "only zeros were too long");
        let error = exact(Decimal::MAX).expect_err("refused");
        assert!(error.to_string().contains("79228162514264337593543950335"), "{error}");
    }

    #[test]
    fn derived_values_are_rounded() {
        assert_eq!(pair(derived("1.234567895".parse().expect("a number"))), Some((123_456_790, 8)));
        assert_eq!(pair(derived("0.1234567890123456789012345".parse().expect("a number"))), Some((12_345_679, 8)));
    }
}
