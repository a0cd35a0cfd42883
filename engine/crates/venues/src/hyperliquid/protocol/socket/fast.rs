//! Mark and mid prices that changed, packed: base64 of raw DEFLATE of JSON.

use crate::hyperliquid::protocol::{Number, ParseError, parse};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read as _;

/// Most bytes of what is unpacked; a bomb ends there.
pub const FAST_BYTES_MAX: usize = 2 << 20;

/// Prices of one coin; what did not change is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FastContext {
    /// Mark price.
    pub mark_px: Option<Number>,
    /// Mid price.
    pub mid_px: Option<Number>,
}

/// Unpacks the content of a frame.
pub(super) fn unpack(text: &str) -> Result<BTreeMap<String, FastContext>, ParseError> {
    let packed = base64(text.as_bytes()).ok_or_else(|| ParseError::Shape("packed prices that are not base64".into()))?;
    let mut plain = Vec::new();
    let mut unpacked = flate2::read::DeflateDecoder::new(&*packed).take(FAST_BYTES_MAX as u64 + 1);
    unpacked
        .read_to_end(&mut plain)
        .map_err(|error| ParseError::Shape(format!("packed prices that do not unpack: {error}")))?;
    if plain.len() > FAST_BYTES_MAX {
        return Err(ParseError::TooLarge(plain.len()));
    }
    parse(&plain)
}

/// Reads base64 with or without its padding.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|letter| *letter != b'=').map_or(0, |last| last + 1);
    let mut bytes = Vec::with_capacity(end / 4 * 3 + 3);
    for group in text[..end].chunks(4) {
        let mut bits = 0_u32;
        for letter in group {
            bits = bits << 6 | sextet(*letter)?;
        }
        bits <<= 6 * (4 - group.len());
        let whole = group.len() * 6 / 8;
        bytes.extend_from_slice(&bits.to_be_bytes()[1..=whole]);
    }
    Some(bytes)
}

fn sextet(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn packed(plain: &[u8]) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).expect("memory takes it");
        let bytes = encoder.finish().expect("memory takes it");
        let groups = bytes.chunks(3).map(|group| {
            let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
            let letter = |place: usize| char::from(LETTERS[bits as usize >> (18 - 6 * place) & 63]);
            (0..4).map(|place| if place <= group.len() { letter(place) } else { '=' }).collect::<String>()
        });
        groups.collect()
    }

    #[test]
    fn prices_are_unpacked() {
        let prices = unpack(&packed(br#"{"KO":{"markPx":"12.5"},"PEP":{"midPx":null}}"#)).expect("prices");
        assert_eq!(prices["KO"].mark_px.map(|price| price.to_string()).as_deref(), Some("12.5"));
        assert_eq!(prices["PEP"], FastContext::default());
    }

    #[test]
    fn what_does_not_unpack_is_said_so() {
        for text in ["é", "AAAA", "====", "A", "q1Zy"] {
            assert!(unpack(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bomb_ends_at_its_limit() {
        let bomb = packed(&vec![b' '; FAST_BYTES_MAX + 10]);
        assert!(bomb.len() < 10_000);
        assert_eq!(unpack(&bomb), Err(ParseError::TooLarge(FAST_BYTES_MAX + 1)));
    }
}
