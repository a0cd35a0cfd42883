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
mod rows;
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
use rows::Rows;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{path:?} cannot be written: see that there is room, or choose another place")]
pub struct WriteError {
    /// Which file.
    pub path: PathBuf,
    /// What the system says.
    #[source]
    pub cause: io::Error,
}

/// Writes `report.json` and `report.html` of a run, and gives all of its files their names: those of an earlier run stay whole
/// until all of these are.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_run(folder: &Path, run: &RunReport, record: &RunRecord, recorded: Recorded) -> Result<(), WriteError> {
    let Recorded { drawn, files } = recorded;
    let page = html::run_page(run, record, &drawn);
    let mut files = Vec::from(files);
    files.push(begun(folder.join("report.html"), |out| write_parts(out, &page))?);
    files.push(begun(folder.join("report.json"), |out| write_json(out, record))?);
    files.into_iter().try_for_each(named)
}

/// Writes `sweep.json`, `sweep.csv` and `sweep.html` of a sweep into a folder that exists.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_sweep(folder: &Path, report: &SweepReport) -> Result<(), WriteError> {
    write_file(&folder.join("sweep.json"), json(report).as_bytes())?;
    write_file(&folder.join("sweep.csv"), report.to_csv().as_bytes())?;
    let page = sweep_html::sweep_page(report);
    begun(folder.join("sweep.html"), |out| write_parts(out, &page)).and_then(named)
}

fn begun(path: PathBuf, write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>) -> Result<WholeFile, WriteError> {
    WholeFile::with(&path, write).map_err(|cause| WriteError { path, cause })
}

fn named(file: WholeFile) -> Result<(), WriteError> {
    let path = file.path().to_owned();
    file.finish().map_err(|cause| WriteError { path, cause })
}

fn write_parts(out: &mut impl Write, page: &html::Page) -> io::Result<()> {
    page.parts().iter().try_for_each(|part| out.write_all(part.as_bytes()))
}

/// A record as its file holds it, with a line end.
fn write_json<T: serde::Serialize>(out: &mut impl Write, record: &T) -> io::Result<()> {
    record.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Rows::default()))?;
    out.write_all(b"\n")
}

/// A record as the text of its file.
pub(crate) fn json<T: serde::Serialize>(record: &T) -> String {
    let mut text = Vec::new();
    write_json(&mut text, record).expect("records have text keys and finite depth");
    String::from_utf8(text).expect("JSON is text")
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
    begun(path.to_owned(), |out| out.write_all(bytes)).and_then(named)
}

#[cfg(test)]
mod tests;
