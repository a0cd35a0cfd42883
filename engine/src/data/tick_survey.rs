//! `data check` of trades, quotes, books and funding rates: rows and their span, faults counted, the first of each shown.

use super::fault::DataError;
use super::options::{OnFault, ReadOptions};
use super::survey::SurveyFault;
use super::ticks::TickFile;
use super::time::iso_text;
use crate::control::Control;
use calypte_kernel::InstrumentId;
use calypte_sim::{Tick, TickKind};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A file of ticks, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TickSurvey {
    /// Which file.
    pub file: String,
    /// Whether it can be used as it is.
    pub usable: bool,
    /// Why reading ended early, if it did.
    pub ended_by: Option<String>,
    /// SHA-256 of the file's bytes.
    pub sha256: String,
    /// `trades`, `quotes`, `book` or `funding`.
    pub content: String,
    /// Rows met, the faulty ones included.
    pub rows: u64,
    /// Sound ones.
    pub ticks: u64,
    /// Time of the first.
    pub first: Option<String>,
    /// Time of the last.
    pub last: Option<String>,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, SurveyFault>,
    /// The last line lacked its end; its last number may be cut.
    pub last_line_unended: bool,
}

/// Reads a whole file of ticks and says what is in it. Nothing stops at a faulty row, whatever the options say.
///
/// # Errors
/// Where the file cannot be opened or is no table of that kind, and where `control` ends it early.
pub fn survey_ticks(
    path: &Path,
    kind: TickKind,
    options: &ReadOptions,
    control: &Arc<Control>,
) -> Result<TickSurvey, DataError> {
    let options = ReadOptions { on_fault: OnFault::Skip, ..options.clone() };
    // Whose ticks they are changes nothing about them.
    let mut file = TickFile::open(path, InstrumentId::new(0), kind, &options)?;
    let (mut ticks, mut first, mut last) = (0, None, None);
    let mut batch = Vec::new();
    let ended_by = loop {
        batch.clear();
        if control.is_cancelled() {
            return Err(DataError::Cancelled { file: path.to_owned() });
        }
        match file.read(&mut batch) {
            Ok(true) => {
                first = first.or_else(|| batch.first().map(Tick::time));
                last = batch.last().map(Tick::time).or(last);
                ticks += batch.len() as u64;
            }
            Ok(false) => break None,
            Err(DataError::Shape { fault, .. }) => break Some(fault.to_string()),
            Err(error) => return Err(error),
        }
    };
    let sha256 = file.sha256()?;
    let notes = file.notes();
    let faults =
        notes.faults.iter().map(|(kind, fault)| (*kind, SurveyFault { count: fault.count, examples: fault.examples.clone() }));
    Ok(TickSurvey {
        file: path.display().to_string(),
        usable: notes.faults.is_empty() && ended_by.is_none(),
        ended_by,
        sha256,
        content: kind.to_string(),
        rows: notes.rows,
        ticks,
        first: first.map(|time| iso_text(time.as_millis())),
        last: last.map(|time| iso_text(time.as_millis())),
        faults: faults.collect(),
        last_line_unended: notes.last_line_unended,
    })
}

/// Which kind of tick the header of a file fits. None: it fits none, or cannot be read.
pub fn tick_kind_of(path: &Path, options: &ReadOptions) -> Option<TickKind> {
    let kinds = [TickKind::Funding, TickKind::Trades, TickKind::Quotes, TickKind::Book];
    kinds.into_iter().find(|kind| TickFile::open(path, InstrumentId::new(0), *kind, options).is_ok())
}
