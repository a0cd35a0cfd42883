//! What a run leaves behind: `report.json`, `fills.csv`, `equity.csv` and `report.html`; and what a sweep leaves behind.
//!
//! ```text
//! fills, equity ──▶ Recorder ──▶ fills.csv, equity.csv (streamed; named when the run is over)
//!                      └─▶ Drawn ──┐
//! run::RunReport ──▶ RunRecord ────┴──▶ report.json, report.html
//! ```
//!
//! Record types here are promises to whoever reads the files: they have a version and are independent of the engine's own
//! types. Money is written as exact decimal text. Nothing here decides anything about a run.

mod condense;
mod drawn;
mod figures;
mod html;
mod record;
mod recorder;
mod said;
mod sweep;
mod sweep_html;
mod sweep_journal;

pub use condense::BARS_MAX;
pub use drawn::Drawn;
pub use html::escape;
pub(crate) use html::turns_direction;
pub use record::{REPORT_VERSION, RunRecord, SettingsRecord, money};
pub(crate) use record::{count_words, parameter};
pub use recorder::{Recorded, Recorder, RecorderError};
pub use sweep::{SWEEP_VERSION, SweepReport, SweepRow, SweepTable};
pub use sweep_journal::{Earlier, JournalError, SweepJournal};

use crate::file::WholeFile;
use crate::run::RunReport;
use std::path::{Path, PathBuf};

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{path:?} cannot be written: see that there is room, or choose another place")]
pub struct WriteError {
    /// Which file.
    pub path: PathBuf,
    /// What the system says.
    #[source]
    pub cause: std::io::Error,
}

/// Writes `report.json` and `report.html` of a run, and gives all of its files their names: those of an earlier run stay whole
/// until all of these are.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_run(folder: &Path, run: &RunReport, record: &RunRecord, recorded: Recorded) -> Result<(), WriteError> {
    let Recorded { drawn, files } = recorded;
    let mut files = Vec::from(files);
    let page = html::run_page(run, record, &drawn);
    for (name, text) in [("report.html", page), ("report.json", json(record))] {
        let path = folder.join(name);
        files.push(WholeFile::of(&path, text.as_bytes()).map_err(|cause| WriteError { path, cause })?);
    }
    for file in files {
        let path = file.path().to_owned();
        file.finish().map_err(|cause| WriteError { path, cause })?;
    }
    Ok(())
}

/// Writes `sweep.json`, `sweep.csv` and `sweep.html` of a sweep into a folder that exists.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_sweep(folder: &Path, report: &SweepReport) -> Result<(), WriteError> {
    write_file(&folder.join("sweep.json"), json(report).as_bytes())?;
    write_file(&folder.join("sweep.csv"), report.to_csv().as_bytes())?;
    write_file(&folder.join("sweep.html"), sweep_html::sweep_page(report).as_bytes())
}

/// A record as the text of its file: indented, with a line end.
pub(crate) fn json<T: serde::Serialize>(record: &T) -> String {
    let mut text = serde_json::to_string_pretty(record).expect("records have text keys and finite depth");
    text.push('\n');
    text
}

/// Text as it may go to a terminal: control characters other than line ends are replaced, so that what a guest or a file says
/// cannot move the cursor, change colours or hide a line.
pub fn escape_terminal(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() && character != '\n' { char::REPLACEMENT_CHARACTER } else { character })
        .collect()
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a whole file or none of it: readers never see half a report.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let written = WholeFile::of(path, bytes).and_then(WholeFile::finish);
    written.map_err(|cause| WriteError { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests;
