//! What names a run: a hash over everything its outcome is a function of, and over nothing else (no paths, no times of day).

use super::prepare::Loaded;
use super::setup::Setup;
use super::{DataUsed, Way, written};
use crate::request::RunSettings;
use calypte_kernel::ParamValue;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Names the form of the hash's input; another form is another number.
const VERSION: &str = "calypte run 1";

/// Everything the outcome of a run depends on.
pub(super) struct Identity<'a> {
    pub(super) strategies: &'a [Loaded],
    pub(super) data: &'a [DataUsed],
    pub(super) setup: &'a Setup,
    pub(super) settings: &'a RunSettings,
    pub(super) way: Way,
}

impl Identity<'_> {
    /// The hash, in hex.
    pub(super) fn digest(&self) -> String {
        let mut fields = Fields(Sha256::new());
        fields.add("version", VERSION);
        fields.add("engine", env!("CARGO_PKG_VERSION"));
        // The same on every machine only where NaN bits are made equal.
        fields.add("architecture", if self.settings.portable { "any" } else { std::env::consts::ARCH });
        fields.add("way", self.way.name());
        for loaded in self.strategies {
            fields.add("component", &hex(loaded.strategy.sha256()));
            for (name, value) in &*loaded.parameters {
                fields.add(name, &typed(value));
            }
        }
        for data in self.data {
            fields.add("data", data.sha256.as_deref().unwrap_or("not read to its end"));
        }
        for instrument in &*self.setup.instruments {
            fields.add("instrument", &format!("{instrument:?}"));
        }
        for series in &*self.setup.series {
            fields.add("series", &format!("{series:?}"));
        }
        fields.add("settings", &format!("{:?}", self.settings));
        hex(&fields.0.finalize())
    }
}

/// A value with its kind, so that the text 1 and the number 1 differ.
fn typed(value: &ParamValue) -> String {
    let kind = match value {
        ParamValue::Boolean(_) => "boolean",
        ParamValue::Integer(_) => "integer",
        ParamValue::Number(_) => "number",
        ParamValue::Text(_) => "text",
    };
    format!("{kind} {}", written(value))
}

/// Named fields, each with its length: no two lists of fields give the same bytes.
struct Fields(Sha256);

impl Fields {
    fn add(&mut self, name: &str, value: &str) {
        for text in [name, value] {
            self.0.update((text.len() as u64).to_be_bytes());
            self.0.update(text);
        }
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes whatever is written");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_be_confused_with_one_another() {
        let digest = |pairs: &[(&str, &str)]| {
            let mut fields = Fields(Sha256::new());
            for (name, value) in pairs {
                fields.add(name, value);
            }
            hex(&fields.0.finalize())
        };
        let digests = [digest(&[("a", "bc")]), digest(&[("ab", "c")]), digest(&[("a", "b"), ("c", "")])];
        assert!(digests[0] != digests[1] && digests[1] != digests[2] && digests[0] != digests[2]);
        assert_eq!(digest(&[("a", "bc")]), digests[0]);
    }
}
