//! A small key-value store that survives restarts. Writes take effect together with the event being handled.
//!
//! Bytes, texts, and the numbers that strategies keep most; anything else is the author's own encoding.

use crate::{Decimal, StateError, backend};

/// Reads bytes.
#[must_use]
pub fn get(key: &str) -> Option<Vec<u8>> {
    backend::state::get(key)
}

/// Writes bytes.
///
/// # Errors
/// Where the key is bad, the value too long, or the store full.
pub fn set(key: &str, value: &[u8]) -> Result<(), StateError> {
    backend::state::set(key, value)
}

/// Deletes a key; true if it was there.
pub fn delete(key: &str) -> bool {
    backend::state::delete(key)
}

/// Keys that start with a prefix, in byte order.
#[must_use]
pub fn keys(prefix: &str) -> Vec<String> {
    backend::state::keys(prefix)
}

/// Reads a text; none where there is none, or what is there is not UTF-8.
#[must_use]
pub fn get_text(key: &str) -> Option<String> {
    String::from_utf8(get(key)?).ok()
}

/// Reads a whole number written by [`set_integer`].
#[must_use]
pub fn get_integer(key: &str) -> Option<i64> {
    Some(i64::from_le_bytes(get(key)?.try_into().ok()?))
}

/// Writes a whole number.
///
/// # Errors
/// As [`set`].
pub fn set_integer(key: &str, value: i64) -> Result<(), StateError> {
    set(key, &value.to_le_bytes())
}

/// Reads a decimal written by [`set_decimal`].
#[must_use]
pub fn get_decimal(key: &str) -> Option<Decimal> {
    get_text(key)?.parse().ok()
}

/// Writes a decimal, as text.
///
/// # Errors
/// As [`set`].
pub fn set_decimal(key: &str, value: Decimal) -> Result<(), StateError> {
    set(key, value.to_string().as_bytes())
}
