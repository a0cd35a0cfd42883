//! Numbers and times as the exchange writes them: decimals as text, times as whole milliseconds.

use calypte_kernel::{Decimal, Timestamp};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;

/// Longest text of a number; 29 digits, a sign and a point fit well within it.
const NUMBER_BYTES_MAX: usize = 48;
/// Latest time a message may carry: the end of the year 2100. One beyond it would make everything after it look old.
const MILLIS_MAX: u64 = 4_133_980_799_999;

/// An exact decimal. It is written as text in its shortest plain form (`97000`, never `97000.0`, `-0` or `1e5`), as the hash of a
/// signed action needs it, and read from any plain text or whole JSON number.
///
/// What has more digits than a decimal holds is refused, not rounded; so is anything with an exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Number(Decimal);

impl Number {
    /// From a decimal.
    pub const fn new(value: Decimal) -> Self {
        Self(value)
    }

    /// The decimal.
    pub const fn get(self) -> Decimal {
        self.0
    }

    /// Reads a plain decimal: digits, with a sign and a point if need be.
    pub fn read(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_digit() || byte == b'.' || byte == b'-';
        if text.is_empty() || text.len() > NUMBER_BYTES_MAX || !text.bytes().all(plain) {
            return None;
        }
        Decimal::from_str_exact(text).ok().map(Self)
    }
}

impl From<Decimal> for Number {
    fn from(value: Decimal) -> Self {
        Self(value)
    }
}

/// A decimal in its shortest plain form, the only one whose hash the exchange agrees with.
pub fn plain(value: Decimal) -> String {
    if value.is_zero() { "0".to_owned() } else { value.normalize().to_string() }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&plain(self.0))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&plain(self.0))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Number;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a plain decimal of at most 28 digits as text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                Number::read(text).ok_or_else(|| E::invalid_value(de::Unexpected::Other("another text"), &self))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value.into()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value.into()))
            }
        }
        deserializer.deserialize_any(Digits)
    }
}

/// Unix milliseconds, from 1970 to 2100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(u64);

impl Millis {
    /// From milliseconds; none beyond the year 2100.
    pub const fn new(millis: u64) -> Option<Self> {
        if millis > MILLIS_MAX { None } else { Some(Self(millis)) }
    }

    /// The milliseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// As the core has it.
    pub const fn timestamp(self) -> Timestamp {
        Timestamp::from_millis(self.0.cast_signed())
    }
}

impl TryFrom<Timestamp> for Millis {
    type Error = Timestamp;

    /// # Errors
    /// The time itself, where it lies before 1970 or after 2100.
    fn try_from(time: Timestamp) -> Result<Self, Timestamp> {
        u64::try_from(time.as_millis()).ok().and_then(Self::new).ok_or(time)
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = u64::deserialize(deserializer)?;
        Self::new(millis).ok_or_else(|| de::Error::custom(format_args!("{millis} is no time in milliseconds")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        for (text, shown) in [
            ("97000.0", "97000"),
            ("-0.00760", "-0.0076"),
            ("0.0", "0"),
            ("-0", "0"),
            ("3495670.8399999999", "3495670.8399999999"),
        ] {
            assert_eq!(Number::read(text).expect(text).to_string(), shown);
        }
        for text in [
            "",
            "-",
            ".",
            "1e400",
            "1e5",
            "1_000",
            "+1",
            "NaN",
            "inf",
            " 1",
            "1.2.3",
            "0.00000000000000000000000000001",
            "79228162514264337593543950336",
            "９",
        ] {
            assert_eq!(Number::read(text), None, "{text}");
        }
    }

    #[test]
    fn json_numbers_are_taken_where_they_are_whole() {
        assert_eq!(serde_json::from_str::<Number>("-12").expect("whole").to_string(), "-12");
        for text in ["1.5", "1e400", "null", "[]", "\"1e3\""] {
            assert!(serde_json::from_str::<Number>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_end_with_the_century() {
        assert!(serde_json::from_str::<Millis>("1763800000000").is_ok());
        for text in ["18446744073709551615", "-1", "1.5", "\"1\"", "4133980800000"] {
            assert!(serde_json::from_str::<Millis>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(mantissa in any::<i64>(), scale in 0_u32..=28) {
            let value = Decimal::new(mantissa, scale);
            let text = plain(value);
            prop_assert_eq!(Number::read(&text).map(Number::get), Some(value));
            prop_assert!(!text.contains(['e', 'E', '+']) && text != "-0");
            prop_assert!(!text.contains('.') || !text.ends_with(['0', '.']));
        }
    }
}
