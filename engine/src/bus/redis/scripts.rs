//! What the server does in one step: each script is a file beside this one.

use crate::bus::entry::NUMBER;
use crate::bus::{Lease, LeaseName, NewEntry, StreamName};
use redis::{Cmd, cmd};
use std::sync::LazyLock;

/// The code of the error by which a script says that a lease is not held.
pub(super) const LEASE_LOST: &str = "LEASELOST";
/// Keys that are ours begin with it.
const KEY: &str = "calypte:";

/// A script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Publish,
    Acquire,
    Renew,
    Release,
    Want,
    Wanted,
    Beat,
    Heartbeats,
}

static PUBLISH: LazyLock<redis::Script> = LazyLock::new(|| redis::Script::new(Script::Publish.code()));
static ACQUIRE: LazyLock<redis::Script> = LazyLock::new(|| redis::Script::new(Script::Acquire.code()));
static RENEW: LazyLock<redis::Script> = LazyLock::new(|| redis::Script::new(Script::Renew.code()));
static RELEASE: LazyLock<redis::Script> = LazyLock::new(|| redis::Script::new(Script::Release.code()));
static WANT: LazyLock<redis::Script> = LazyLock::new(|| redis::Script::new(Script::Want.code()));
static WANTED: LazyLock<redis::Script> = LazyLock::new(|| redis::Script::new(Script::Wanted.code()));
static BEAT: LazyLock<redis::Script> = LazyLock::new(|| redis::Script::new(Script::Beat.code()));
static HEARTBEATS: LazyLock<redis::Script> = LazyLock::new(|| redis::Script::new(Script::Heartbeats.code()));

impl Script {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Publish => include_str!("scripts/publish.lua"),
            Self::Acquire => include_str!("scripts/acquire.lua"),
            Self::Renew => include_str!("scripts/renew.lua"),
            Self::Release => include_str!("scripts/release.lua"),
            Self::Want => include_str!("scripts/want.lua"),
            Self::Wanted => include_str!("scripts/wanted.lua"),
            Self::Beat => include_str!("scripts/beat.lua"),
            Self::Heartbeats => include_str!("scripts/heartbeats.lua"),
        }
    }

    /// How errors name it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Acquire => "acquire",
            Self::Renew => "renew",
            Self::Release => "release",
            Self::Want => "want",
            Self::Wanted => "wanted",
            Self::Beat => "beat",
            Self::Heartbeats => "heartbeats",
        }
    }

    /// The command that runs it with keys; arguments follow.
    pub(super) fn with_keys(self, keys: &[&str]) -> Cmd {
        let script = match self {
            Self::Publish => &PUBLISH,
            Self::Acquire => &ACQUIRE,
            Self::Renew => &RENEW,
            Self::Release => &RELEASE,
            Self::Want => &WANT,
            Self::Wanted => &WANTED,
            Self::Beat => &BEAT,
            Self::Heartbeats => &HEARTBEATS,
        };
        let mut command = cmd("EVALSHA");
        command.arg(script.get_hash()).arg(keys.len());
        for key in keys {
            command.arg(*key);
        }
        command
    }
}

/// The command that writes entries of one stream.
pub(super) fn publish<'a>(
    stream: &StreamName,
    retained: u64,
    lease: Option<&Lease>,
    entries: impl Iterator<Item = &'a NewEntry>,
) -> Cmd {
    let mut command = match lease {
        Some(lease) => Script::Publish.with_keys(&[stream.as_str(), &lease_key(lease.name())]),
        None => Script::Publish.with_keys(&[stream.as_str()]),
    };
    command.arg(lease.map_or_else(String::new, |lease| lease.fence().to_string())).arg(retained);
    for entry in entries {
        command.arg(entry.id.to_string()).arg((entry.fields.iter().len() + 1) * 2).arg(NUMBER).arg(entry.number);
        for (name, value) in entry.fields.iter() {
            command.arg(name).arg(value);
        }
    }
    command
}

/// Where a lease is.
pub(super) fn lease_key(lease: &LeaseName) -> String {
    format!("{KEY}lease:{lease}")
}

/// Where the last fencing number of a lease is, which outlives it.
pub(super) fn fence_key(lease: &LeaseName) -> String {
    format!("{KEY}fence:{lease}")
}

/// Where what is wanted is.
pub(super) fn wanted_key() -> String {
    format!("{KEY}wanted")
}

/// Where signs of life are.
pub(super) fn beats_key() -> String {
    format!("{KEY}beats")
}
