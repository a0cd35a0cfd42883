//! Addresses of accounts and agents, and the names of orders, as text on the wire.

use calypte_kernel::ClientOrderId;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// An account or an agent: 20 bytes, on the wire `0x` and 40 digits.
///
/// It is written in lower case, because inside a signed action it is hashed as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 20]);

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an address: write 0x and 40 hexadecimal digits")]
pub struct NotAnAddress;

impl Address {
    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    /// Reads an address in any case.
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        hex(text).map(Self).ok_or(NotAnAddress)
    }
}

/// `0x` and two digits for each byte, in any case.
pub(crate) fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The name of an order as the exchange carries it (`cloid`): `0x` and 32 digits. The exchange does not keep it unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cloid(pub ClientOrderId);

impl fmt::Display for Cloid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl Serialize for Cloid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Cloid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let bytes = hex(&text).ok_or_else(|| de::Error::custom("a cloid is 0x and 32 hexadecimal digits"))?;
        Ok(Self(ClientOrderId::from_bytes(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_any_case_and_written_in_lower() {
        let address: Address = "0x0D1d9635D0640821d15e323ac8AdADfA9c111414".parse().expect("an address");
        assert_eq!(address.to_string(), "0x0d1d9635d0640821d15e323ac8adadfa9c111414");
        assert_eq!(serde_json::to_string(&address).expect("text"), format!("\"{address}\""));
        for text in [
            "",
            "0x",
            "0d1d9635d0640821d15e323ac8adadfa9c111414",
            "0x0d",
            "0xg01d9635d0640821d15e323ac8adadfa9c111414",
            "0xéééééééééééééééééééé",
        ] {
            assert_eq!(text.parse::<Address>(), Err(NotAnAddress), "{text}");
        }
    }

    #[test]
    fn a_cloid_needs_its_prefix() {
        let cloid: Cloid = serde_json::from_str("\"0x000000000000000000000000000000A1\"").expect("a cloid");
        assert_eq!(cloid.to_string(), "0x000000000000000000000000000000a1");
        assert!(serde_json::from_str::<Cloid>("\"000000000000000000000000000000a1\"").is_err());
    }
}
