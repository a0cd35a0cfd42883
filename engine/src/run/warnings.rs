//! What was odd about a data file, in words for the trader.

use crate::calendar::format_time;
use crate::data::{GapCount, Notes};
use std::fmt::Write as _;

/// Warnings of one file in a report.
pub(super) const WARNINGS_MAX: usize = 50;

/// The warnings of a file, and how many oddities they leave out.
pub(super) fn warnings_of(notes: &Notes) -> (Vec<String>, u64) {
    let mut warnings = Vec::new();
    if notes.gaps.count > 0 {
        warnings.push(gaps(&notes.gaps, notes.filled));
    }
    if notes.last_line_unended {
        warnings.push("the last line lacks its end: its last number may be cut".to_owned());
    }
    let mut left_out = 0;
    for (kind, fault) in &notes.faults {
        let dropped = fault.count - fault.repaired;
        warnings.push(format!("{} × {kind}: {dropped} dropped, {} mended", fault.count, fault.repaired));
        warnings.extend(fault.examples.iter().cloned());
        left_out += fault.count - fault.examples.len() as u64;
    }
    left_out += warnings.len().saturating_sub(WARNINGS_MAX) as u64;
    warnings.truncate(WARNINGS_MAX);
    (warnings, left_out)
}

fn gaps(gaps: &GapCount, filled: u64) -> String {
    let (stretches, fate) = (if gaps.count == 1 { "gap" } else { "gaps" }, if filled > 0 { ", filled" } else { "" });
    let mut text = format!("{} {stretches}, {} candles missing{fate}", gaps.count, gaps.missing);
    if let Some(longest) = &gaps.longest {
        let (start, end) = (format_time(longest.start), format_time(longest.end));
        write!(text, "; the longest from {start} to {end}").expect("a string takes whatever is written");
    }
    text
}
