//! `data check`: everything there is to say about one file of candles, faults and oddities counted, the first of each shown.

use super::fault::DataError;
use super::notes::{GapCount, Notes};
use super::options::{OnFault, OnGap, ReadOptions};
use super::reader::CandleFile;
use super::time::iso_text;
use crate::control::Control;
use calypte_kernel::{Candle, Timeframe, statistic};
use calypte_sim::SourceItem;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Suspicious candles shown.
const JUMPS_SHOWN_MAX: usize = 5;

/// A move is suspicious from so many times the usual range on,
const JUMP_RANGES: f64 = 20.0;

/// but never below this part of the price,
const JUMP_PART_MIN: f64 = 0.01;

/// and only once the usual range is known from so many candles.
const JUMP_CANDLES_MIN: u64 = 50;

/// Weight of a new candle in the usual range.
const RANGE_WEIGHT: f64 = 0.02;

/// A file of candles, as it was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Survey {
    /// Which file.
    pub file: String,
    /// Whether it can be used as it is: no faults. Gaps and oddities do not count.
    pub usable: bool,
    /// Why reading ended early, if it did.
    pub ended_by: Option<String>,
    /// SHA-256 of the file's bytes; none where they could not all be read.
    pub sha256: Option<String>,
    /// Length of its candles.
    pub timeframe: String,
    /// Rows met, the faulty ones included.
    pub rows: u64,
    /// Sound candles.
    pub candles: u64,
    /// Open time of the first.
    pub first: Option<String>,
    /// Open time of the last.
    pub last: Option<String>,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, SurveyFault>,
    /// Stretches of missing candles.
    pub gaps: SurveyGaps,
    /// Candles in which nobody traded.
    pub zero_volume: u64,
    /// Candles with volume whose high is their low.
    pub flat: u64,
    /// Candles without volume that have a range nevertheless: an index, perhaps, not trades.
    pub range_without_volume: u64,
    /// Candles that moved far more than is usual in this file.
    pub jumps: SurveyJumps,
    /// The last line lacked its end; its last number may be cut.
    pub last_line_unended: bool,
}

/// Faults of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SurveyFault {
    /// How many.
    pub count: u64,
    /// The first of them, with their places.
    pub examples: Vec<String>,
}

/// Missing candles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SurveyGaps {
    /// How many stretches.
    pub count: u64,
    /// How many candles in all.
    pub missing: u64,
    /// The longest stretch.
    pub longest: Option<String>,
    /// The first of them.
    pub examples: Vec<String>,
}

/// Suspicious moves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SurveyJumps {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

/// Reads a whole file and says what is in it. The policies of the options are set aside: nothing stops at a faulty row.
///
/// # Errors
/// Where the file cannot be opened or is not a table of candles at all, and where `control` ends it early.
pub fn survey(path: &Path, options: &ReadOptions, control: &Arc<Control>) -> Result<Survey, DataError> {
    let options = ReadOptions { on_fault: OnFault::Skip, on_gap: OnGap::Tell, ..options.clone() };
    let mut file = CandleFile::open(path, &options)?.watched(Arc::clone(control));
    let mut seen = Seen::default();
    let mut batch = Vec::new();
    let ended_by = loop {
        batch.clear();
        if control.is_cancelled() {
            return Err(DataError::Cancelled { file: path.to_owned() });
        }
        match file.read(&mut batch) {
            Ok(true) => {
                for item in &batch {
                    seen.take(item);
                }
            }
            Ok(false) => break None,
            Err(DataError::Shape { fault, .. }) => break Some(fault.to_string()),
            Err(error) => return Err(error),
        }
    };
    let sha256 = file.sha256()?;
    Ok(seen.into_survey(path, options.timeframe, ended_by, sha256, file.notes()))
}

/// What the candles told while they streamed by.
#[derive(Default)]
struct Seen {
    candles: u64,
    first: Option<Candle>,
    last: Option<Candle>,
    /// The candle before is the one just before in time.
    unbroken: bool,
    usual_range: f64,
    zero_volume: u64,
    flat: u64,
    range_without_volume: u64,
    jumps: SurveyJumps,
}

impl Seen {
    fn take(&mut self, item: &SourceItem) {
        let SourceItem::Candle(candle) = item else {
            self.unbroken = false;
            return;
        };
        let is_flat = candle.high == candle.low;
        self.zero_volume += u64::from(candle.volume.is_zero());
        self.flat += u64::from(is_flat && !candle.volume.is_zero());
        self.range_without_volume += u64::from(!is_flat && candle.volume.is_zero());
        self.look_for_jump(candle);
        self.first.get_or_insert(*candle);
        self.last = Some(*candle);
        self.unbroken = true;
        self.candles += 1;
    }

    fn look_for_jump(&mut self, candle: &Candle) {
        let (high, low) = (statistic(candle.high.get()), statistic(candle.low.get()));
        let before = self.last.filter(|_| self.unbroken).map_or(candle.open, |last| last.close);
        let before = statistic(before.get());
        // True range: from the close before to the far end, if that is farther than high to low.
        let part = (high.max(before) - low.min(before)) / before;
        if self.candles >= JUMP_CANDLES_MIN && part > JUMP_PART_MIN && part > JUMP_RANGES * self.usual_range {
            self.jumps.count += 1;
            if self.jumps.examples.len() < JUMPS_SHOWN_MAX {
                let time = iso_text(candle.open_time.as_millis());
                self.jumps.examples.push(format!("{time}: {:.1} % from {before} (low {low}, high {high})", part * 100.0));
            }
        }
        let weight = if self.candles == 0 { 1.0 } else { RANGE_WEIGHT };
        self.usual_range += weight * (part - self.usual_range);
    }

    fn into_survey(self, path: &Path, timeframe: Timeframe, ended_by: Option<String>, sha256: String, notes: &Notes) -> Survey {
        let time = |candle: Option<Candle>| candle.map(|candle| iso_text(candle.open_time.as_millis()));
        let faults = notes
            .faults
            .iter()
            .map(|(kind, fault)| (*kind, SurveyFault { count: fault.count, examples: fault.examples.clone() }));
        Survey {
            file: path.display().to_string(),
            usable: notes.faults.is_empty() && ended_by.is_none(),
            ended_by,
            sha256: Some(sha256),
            timeframe: timeframe.to_string(),
            rows: notes.rows,
            candles: self.candles,
            first: time(self.first),
            last: time(self.last),
            faults: faults.collect(),
            gaps: gaps(&notes.gaps),
            zero_volume: self.zero_volume,
            flat: self.flat,
            range_without_volume: self.range_without_volume,
            jumps: self.jumps,
            last_line_unended: notes.last_line_unended,
        }
    }
}

fn gaps(counted: &GapCount) -> SurveyGaps {
    let words = |gap: &calypte_sim::Gap| {
        let (start, end) = (iso_text(gap.start.as_millis()), iso_text(gap.end.as_millis()));
        format!("{} missing from {start} to {end}", gap.missing)
    };
    SurveyGaps {
        count: counted.count,
        missing: counted.missing,
        longest: counted.longest.as_ref().map(words),
        examples: counted.examples.iter().map(words).collect(),
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: &dyn fmt::Display| writeln!(formatter, "{name:<22}{value}");
        line("file", &self.file)?;
        line("verdict", &if self.usable { "usable" } else { "faulty" })?;
        if let Some(why) = &self.ended_by {
            line("reading ended", why)?;
        }
        line("timeframe", &self.timeframe)?;
        line("rows", &self.rows)?;
        line("sound candles", &self.candles)?;
        if let (Some(first), Some(last)) = (&self.first, &self.last) {
            line("first", first)?;
            line("last", last)?;
        }
        for (kind, fault) in &self.faults {
            line(kind, &fault.count)?;
            for example in &fault.examples {
                line("", example)?;
            }
        }
        line("gaps", &format!("{} ({} candles missing)", self.gaps.count, self.gaps.missing))?;
        for gap in &self.gaps.examples {
            line("", gap)?;
        }
        if let Some(longest) = &self.gaps.longest {
            line("longest gap", longest)?;
        }
        line("without volume", &self.zero_volume)?;
        line("  but with a range", &self.range_without_volume)?;
        line("flat, with volume", &self.flat)?;
        line("suspicious moves", &self.jumps.count)?;
        for jump in &self.jumps.examples {
            line("", jump)?;
        }
        if self.last_line_unended {
            line("last line", &"has no line end: its last number may be cut")?;
        }
        if let Some(sha256) = &self.sha256 {
            line("sha256", sha256)?;
        }
        Ok(())
    }
}
