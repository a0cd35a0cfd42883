//! What a run leaves behind: `report.json`, `fills.csv`, `equity.csv` and `report.html`; and what a sweep leaves behind.
//!
//! ```text
//! fills, equity ──▶ Recorder ──▶ fills.csv, equity.csv (streamed)
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
pub(crate) use record::parameter;
pub use record::{REPORT_VERSION, RunRecord, SettingsRecord, money};
pub use recorder::{Recorder, RecorderError};
pub use sweep::{SWEEP_VERSION, SweepReport, SweepRow, SweepTable};
pub use sweep_journal::{JournalError, SweepJournal};

use crate::run::RunReport;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{path:?} cannot be written")]
pub struct WriteError {
    /// Which file.
    pub path: PathBuf,
    /// What the system says.
    #[source]
    pub cause: std::io::Error,
}

/// Writes `report.json` and `report.html` of a run into a folder that exists.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_run(folder: &Path, run: &RunReport, record: &RunRecord, drawn: &Drawn) -> Result<(), WriteError> {
    write_file(&folder.join("report.json"), json(record).as_bytes())?;
    write_file(&folder.join("report.html"), html::run_page(run, record, drawn).as_bytes())
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
    let fail = |cause| WriteError { path: path.to_owned(), cause };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".calypte-").permissions(permissions()).tempfile_in(folder).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    Ok(())
}

/// As readable as files usually are, which temporary files are not.
#[cfg(unix)]
fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

/// Whatever the system gives new files.
#[cfg(not(unix))]
fn permissions() -> std::fs::Permissions {
    std::fs::metadata(".").map_or_else(|_| unreachable!("the working folder exists"), |it| it.permissions())
}

#[cfg(test)]
mod tests;
