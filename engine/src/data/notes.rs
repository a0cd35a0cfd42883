//! What was found wrong while a file was read and did not end the reading: counted by kind, with the first places of each.

use super::fault::{At, RowFault};
use calypte_sim::Gap;
use std::collections::BTreeMap;

/// Places kept of each kind of fault, and of gaps.
pub const EXAMPLES_MAX: usize = 5;

/// Faults and gaps of one file so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// Rows met, the faulty ones included.
    pub rows: u64,
    /// Rows left out because of a fault.
    pub dropped: u64,
    /// Rows mended.
    pub repaired: u64,
    /// Faults by kind ([`RowFault::kind`]).
    pub faults: BTreeMap<&'static str, FaultCount>,
    /// Stretches of missing candles.
    pub gaps: GapCount,
    /// Candles put into gaps.
    pub filled: u64,
    /// The last line lacked its end and was complete nevertheless; its last number may still be cut.
    pub last_line_unended: bool,
}

/// How often a kind of fault was met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultCount {
    /// How often.
    pub count: u64,
    /// How many of them were mended; the others were dropped.
    pub repaired: u64,
    /// The first of them, with their places, at most [`EXAMPLES_MAX`].
    pub examples: Vec<String>,
}

/// Stretches of missing candles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GapCount {
    /// How many stretches.
    pub count: u64,
    /// How many candles in all.
    pub missing: u64,
    /// The longest, the first of several.
    pub longest: Option<Gap>,
    /// The first of them, at most [`EXAMPLES_MAX`].
    pub examples: Vec<Gap>,
}

/// What became of a faulty row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Dropped,
    Repaired,
}

impl Notes {
    /// Whether nothing at all was found.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty() && self.gaps.count == 0 && !self.last_line_unended
    }

    /// How many faults were found.
    pub fn fault_count(&self) -> u64 {
        self.faults.values().map(|fault| fault.count).sum()
    }

    /// Counts a fault; what becomes of its row is counted apart, since a row may have several.
    pub(super) fn fault(&mut self, at: At, fault: &RowFault, fate: Fate) {
        let counted = self.faults.entry(fault.kind()).or_default();
        counted.count += 1;
        counted.repaired += u64::from(fate == Fate::Repaired);
        if counted.examples.len() < EXAMPLES_MAX {
            counted.examples.push(format!("{at}: {fault}"));
        }
    }

    pub(super) fn gap(&mut self, gap: Gap, missing: u64) {
        self.gaps.count += 1;
        self.gaps.missing = self.gaps.missing.saturating_add(missing);
        let length = |gap: &Gap| gap.end.millis_since(gap.start);
        if self.gaps.longest.as_ref().is_none_or(|longest| length(&gap) > length(longest)) {
            self.gaps.longest = Some(gap);
        }
        if self.gaps.examples.len() < EXAMPLES_MAX {
            self.gaps.examples.push(gap);
        }
    }
}
