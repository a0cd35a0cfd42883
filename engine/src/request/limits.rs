//! Limits of the sandbox by their names: `--limit NAME=NUMBER` of a run, `limits` of an account.

use calypte_host::InstanceLimits;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::str::FromStr;

/// A limit that can be set.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Its name.
    pub name: &'static str,
    /// What it bounds, in words.
    pub meaning: &'static str,
    /// The smallest that may be set.
    pub least: u32,
    /// The largest that may be set.
    pub most: u32,
    /// What holds where it is not set.
    pub of: fn(&mut InstanceLimits) -> Field<'_>,
}

/// The place of a limit.
#[derive(Debug)]
pub enum Field<'a> {
    /// A number of bytes or things.
    Size(&'a mut usize),
    /// A number of series.
    Count(&'a mut u32),
}

impl Field<'_> {
    /// Its value.
    pub fn get(&self) -> u64 {
        match self {
            Self::Size(size) => **size as u64,
            Self::Count(count) => u64::from(**count),
        }
    }

    fn set(self, value: u32) {
        match self {
            Self::Size(size) => *size = value as usize,
            Self::Count(count) => *count = value,
        }
    }
}

macro_rules! limits {
    ($($name:literal, $field:ident as $kind:ident, $least:expr, $most:expr, $meaning:literal;)*) => {
        &[$(Limit { name: $name, meaning: $meaning, least: $least, most: $most, of: |limits| Field::$kind(&mut limits.$field) },)*]
    };
}

const KIB: u32 = 1 << 10;
const MIB: u32 = 1 << 20;

/// Every limit that can be set, in the order of the documentation. Fuel has flags of its own; what would change the answers of the
/// core or what the sandbox has room for can only be made smaller.
pub const LIMITS: &[Limit] = limits! {
    "memory-bytes", memory_bytes_max as Size, 64 * KIB, 64 * MIB, "all memories and tables of a strategy together";
    "table-elements", table_elements_max as Size, 1, 20_000, "elements of all tables together";
    "handles", handles_max as Size, 1, 1_000, "live handles: tasks and what they wait for";
    "intents-per-event", intents_per_event_max as Size, 1, 256, "intents in one answer";
    "subscriptions", subscriptions_max as Size, 1, 1_024, "subscriptions in the answer of `init`";
    "text-bytes", text_bytes_max as Size, 16, 16 * KIB, "bytes of a refusal or a notification; the rest is cut";
    "save-bytes", save_bytes_max as Size, 0, MIB, "bytes of what `save` returns";
    "log-lines-per-event", log_lines_per_event_max as Size, 0, 10_000, "log lines of one event; further ones are counted";
    "log-bytes-per-event", log_bytes_per_event_max as Size, 0, MIB, "log bytes of one event; a line past it is counted";
    "log-line-bytes", log_line_bytes_max as Size, 16, 64 * KIB, "bytes of one log line; the rest is cut";
    "status-bytes", status_bytes_max as Size, 0, 256 * KIB, "bytes of a status, all cells together; the rest is cut";
    "chart-series", chart_series_max as Count, 0, 1_024, "series of the chart";
    "chart-points-per-event", chart_points_per_event_max as Size, 0, 4_096, "points and marks of one event; further ones are counted";
    "chart-text-bytes", chart_text_bytes_max as Size, 16, 4 * KIB, "bytes of a series' name or of a mark; the rest is cut";
    "state-key-bytes", state_key_bytes_max as Size, 1, 4 * KIB, "bytes of a key of the store";
    "state-value-bytes", state_value_bytes_max as Size, 0, MIB, "bytes of a value of the store";
    "state-bytes", state_bytes_max as Size, 0, 64 * MIB, "bytes of the store, keys and values together";
    "candles-kept", candles_kept_max as Size, 64, 100_000, "closed candles kept of each series";
};

/// What cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotALimit {
    /// No equals sign.
    #[error("write NAME=NUMBER, such as memory-bytes=16777216")]
    Shape,
    /// No limit has that name.
    #[error("there is no limit {0:?}; there are {names}", names = LIMITS.iter().map(|limit| limit.name).collect::<Vec<_>>().join(", "))]
    Name(String),
    /// The number is none, or out of range.
    #[error("{name} is {value:?}: it must be a whole number from {least} to {most}")]
    Value {
        /// Which limit.
        name: &'static str,
        /// What was given.
        value: String,
        /// The smallest that may be set.
        least: u32,
        /// The largest.
        most: u32,
    },
}

/// A limit as it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSpec {
    name: &'static str,
    value: u32,
}

impl LimitSpec {
    /// Reads name and number.
    ///
    /// # Errors
    /// Where no limit has that name, or it may not be set to that.
    pub fn new(name: &str, value: &str) -> Result<Self, NotALimit> {
        let limit = LIMITS.iter().find(|limit| limit.name == name);
        let limit = limit.ok_or_else(|| NotALimit::Name(name.chars().take(64).collect()))?;
        let Limit { name, least, most, .. } = *limit;
        let number = value.replace('_', "").parse::<u32>().ok().filter(|number| (least..=most).contains(number));
        let value = number.ok_or_else(|| NotALimit::Value { name, value: value.chars().take(32).collect(), least, most })?;
        Ok(Self { name, value })
    }
}

impl FromStr for LimitSpec {
    type Err = NotALimit;

    fn from_str(text: &str) -> Result<Self, NotALimit> {
        let (name, value) = text.split_once('=').ok_or(NotALimit::Shape)?;
        Self::new(name.trim(), value.trim())
    }
}

/// Limits that are set otherwise than by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, u64>", into = "BTreeMap<String, u64>")]
pub struct LimitSettings(BTreeMap<&'static str, u32>);

impl LimitSettings {
    /// None is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts them in place of the defaults.
    pub fn apply(&self, limits: &mut InstanceLimits) {
        for limit in LIMITS {
            if let Some(value) = self.0.get(limit.name) {
                (limit.of)(limits).set(*value);
            }
        }
        limits.candles_kept_min = limits.candles_kept_min.min(limits.candles_kept_max);
    }
}

impl FromIterator<LimitSpec> for LimitSettings {
    /// Of one that is set twice, the last counts.
    fn from_iter<T: IntoIterator<Item = LimitSpec>>(specs: T) -> Self {
        Self(specs.into_iter().map(|LimitSpec { name, value }| (name, value)).collect())
    }
}

impl TryFrom<BTreeMap<String, u64>> for LimitSettings {
    type Error = NotALimit;

    fn try_from(named: BTreeMap<String, u64>) -> Result<Self, NotALimit> {
        named.into_iter().map(|(name, value)| LimitSpec::new(&name, &value.to_string())).collect()
    }
}

impl From<LimitSettings> for BTreeMap<String, u64> {
    fn from(settings: LimitSettings) -> Self {
        settings.0.into_iter().map(|(name, value)| (name.to_owned(), u64::from(value))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sets_its_own_and_its_default_may_be_set() {
        for limit in LIMITS {
            let mut limits = InstanceLimits::default();
            let default = (limit.of)(&mut limits).get();
            assert!((u64::from(limit.least)..=u64::from(limit.most)).contains(&default), "{}: {default}", limit.name);
            let smaller = u64::from(limit.least).max(default / 2);
            let settings: LimitSettings =
                [LimitSpec::new(limit.name, &smaller.to_string()).expect(limit.name)].into_iter().collect();
            settings.apply(&mut limits);
            assert_eq!((limit.of)(&mut limits).get(), smaller, "{}", limit.name);
            (limit.of)(&mut limits).set(u32::try_from(default).expect("it is small"));
            assert_eq!(limits, InstanceLimits::default(), "{} sets something else as well", limit.name);
        }
    }

    #[test]
    fn the_page_lists_them() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
        let page = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let rows = LIMITS.iter().map(|limit| {
            let default = (limit.of)(&mut InstanceLimits::default()).get();
            format!("| `{}` | {} | {default} | {} to {} |\n", limit.name, limit.meaning, limit.least, limit.most)
        });
        let table = rows.collect::<String>();
        assert!(page.contains(&table), "it says something else than\n{table}");
    }

    #[test]
    fn what_cannot_be_set_is_said() {
        let said = |text: &str| text.parse::<LimitSpec>().expect_err(text).to_string();
        assert!(said("memory-bytes").contains("NAME=NUMBER"));
        assert!(said("memory=1").contains("\"memory\"") && said("memory=1").contains("memory-bytes"));
        for text in [
            "memory-bytes=65535",
            "memory-bytes=67108865",
            "memory-bytes=-1",
            "memory-bytes=99999999999999999999",
            "memory-bytes=",
        ] {
            assert!(said(text).contains("from 65536 to 67108864"), "{text}");
        }
        assert_eq!("log-lines-per-event = 1_000".parse(), Ok(LimitSpec { name: "log-lines-per-event", value: 1_000 }));
    }

    #[test]
    fn they_are_written_and_read_back() {
        let settings: LimitSettings =
            ["state-bytes=5", "handles=7"].iter().map(|text| text.parse::<LimitSpec>().expect(text)).collect();
        let text = serde_json::to_string(&settings).expect("it is JSON");
        assert_eq!(text, r#"{"handles":7,"state-bytes":5}"#);
        assert_eq!(serde_json::from_str::<LimitSettings>(&text).expect(&text), settings);
        assert!(serde_json::from_str::<LimitSettings>(r#"{"handles":70000}"#).is_err());
    }
}
