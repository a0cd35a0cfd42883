//! How a journal is kept.

use clap::ValueEnum;
use std::str::FromStr;

/// Largest size at which a segment is closed.
pub const SEGMENT_BYTES_MAX: u64 = 512 << 20;

/// How a journal is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalSettings {
    /// When an input is safe enough to be acted on.
    pub durability: Durability,
    /// Size at which a segment is closed and the next one begun, at most [`SEGMENT_BYTES_MAX`].
    pub segment_bytes: u64,
    /// Most segments that are kept, the newest; none: all. What a process that takes over needs is kept anyway: everything since
    /// the core was made that goes on.
    pub segments_max: Option<usize>,
    /// After how many inputs a digest of the outputs is written; zero: only at the end.
    pub outputs_every: u32,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self { durability: Durability::Written, segment_bytes: 64 << 20, segments_max: None, outputs_every: 256 }
    }
}

/// When an input is safe enough to be acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// Inputs are gathered and written in large pieces. For runs that can be made again, such as backtests: nothing live may ask for it.
    #[value(skip)]
    Gathered,
    /// It was handed to the system (`write`): it survives a killed process. The disk follows in the background
    /// (`fdatasync`), so that a power cut costs the last moments.
    Written,
    /// It is on the disk (`fdatasync`): it survives a power cut, at the price of the disk's latency for each input.
    Synced,
}

impl FromStr for Durability {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "written" => Ok(Self::Written),
            "synced" => Ok(Self::Synced),
            _ => Err("must be written or synced"),
        }
    }
}
