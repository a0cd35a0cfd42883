//! What a sweep has done so far, so that it can go on after having been ended: `sweep.journal` in its folder.
//!
//! The first line names what the sweep depends on; each further line is a finished combination. A line that was cut short by
//! the end of a process is left out, and its combination runs again.

use super::sweep::SweepRow;
use crate::request::Axis;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Its name in the folder of the sweep.
const FILE_NAME: &str = "sweep.journal";
/// Longest line of a journal.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// A journal that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file.
    #[error("{path:?} cannot be used: see that its folder can be written, or choose another --out")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// An earlier sweep's is there, and nobody said what to do with it.
    #[error("{path:?} holds an earlier sweep: --resume goes on with it, --overwrite begins anew, another --out keeps it")]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// There is none to go on with.
    #[error(
        "{path:?} is not there, so there is no sweep to go on with: leave out --resume to begin one, or name its folder with --out"
    )]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// It is of another sweep.
    #[error(
        "{path:?} belongs to another sweep (other component, data, settings or values): choose another --out, or begin anew with --overwrite"
    )]
    Other {
        /// Which.
        path: PathBuf,
    },
}

/// What to do with the journal of an earlier sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Earlier {
    /// Leave it as it is, and do not begin.
    #[default]
    Keep,
    /// Go on from it.
    Resume,
    /// Begin anew in its place.
    Overwrite,
}

/// The journal of a sweep, open for what comes next.
#[derive(Debug)]
pub struct SweepJournal {
    path: PathBuf,
    file: File,
}

impl SweepJournal {
    /// Fails where a sweep's journal is in the way, or the one to go on with is missing: a look before anything long is begun.
    ///
    /// # Errors
    /// [`JournalError::Exists`] and [`JournalError::Missing`].
    pub fn look(folder: &Path, earlier: Earlier) -> Result<(), JournalError> {
        let path = folder.join(FILE_NAME);
        let is_there = std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
        match earlier {
            Earlier::Keep if is_there => Err(JournalError::Exists { path }),
            Earlier::Resume if !is_there => Err(JournalError::Missing { path }),
            _ => Ok(()),
        }
    }

    /// Begins a journal anew, or goes on with the one that is there: then its rows come along.
    ///
    /// # Errors
    /// Where the file cannot be used, is in the way, or the sweep should go on and there is no journal or that of another.
    pub fn open(folder: &Path, earlier: Earlier, digest: &str, axes: &[Axis]) -> Result<(Self, Vec<SweepRow>), JournalError> {
        Self::look(folder, earlier)?;
        let path = folder.join(FILE_NAME);
        let fail = |cause| JournalError::File { path: path.clone(), cause };
        std::fs::create_dir_all(folder).map_err(fail)?;
        let key = key(digest, axes);
        let anew = earlier == Earlier::Overwrite;
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(anew).open(&path).map_err(fail)?;
        let (rows, whole) = read(&file, &key).map_err(fail)?.ok_or_else(|| JournalError::Other { path: path.clone() })?;
        file.set_len(whole).map_err(fail)?;
        file.seek(SeekFrom::End(0)).map_err(fail)?;
        if whole == 0 {
            file.write_all(format!("{key}\n").as_bytes()).map_err(fail)?;
        }
        Ok((Self { path, file }, rows))
    }

    /// Notes a finished combination.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn append(&mut self, row: &SweepRow) -> Result<(), JournalError> {
        let mut line = serde_json::to_vec(row).expect("a row has text keys");
        line.push(b'\n');
        self.file.write_all(&line).map_err(|cause| JournalError::File { path: self.path.clone(), cause })
    }
}

/// Names a sweep: what its runs depend on, and its combinations in their order.
fn key(digest: &str, axes: &[Axis]) -> String {
    let mut hash = Sha256::new();
    hash.update(digest);
    for axis in axes {
        for text in std::iter::once(&axis.name).chain(&axis.values) {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        hash.update(u64::MAX.to_le_bytes());
    }
    format!("calypte sweep journal 1 {}", super::hexadecimal(&hash.finalize()))
}

/// Rows of a journal and the length of its whole lines; none where it is of another sweep.
fn read(file: &File, key: &str) -> std::io::Result<Option<(Vec<SweepRow>, u64)>> {
    let mut reader = BufReader::new(file);
    let (mut rows, mut whole, mut line) = (Vec::new(), 0_u64, Vec::new());
    loop {
        line.clear();
        let length = std::io::Read::take(&mut reader, LINE_BYTES_MAX).read_until(b'\n', &mut line)? as u64;
        if line.last() != Some(&b'\n') {
            return Ok(Some((rows, whole)));
        }
        if whole == 0 {
            if line.trim_ascii_end() != key.as_bytes() {
                return Ok(None);
            }
        } else {
            match serde_json::from_slice(&line) {
                Ok(row) => rows.push(row),
                Err(_) => return Ok(Some((rows, whole))),
            }
        }
        whole += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: usize) -> SweepRow {
        SweepRow {
            number,
            values: vec![number.to_string()],
            status: "completed".into(),
            events: 1,
            fills: 2,
            fees: "0.5".into(),
            final_equity: "1000.25".into(),
            fuel: 3,
            total_return: Some(0.1),
            cagr: None,
            sharpe: Some(1.0 / 3.0),
            sortino: None,
            calmar: None,
            max_drawdown: None,
            profit_factor: None,
            win_rate: None,
            expectancy: None,
            trades: 1,
        }
    }

    fn axes() -> Vec<Axis> {
        vec!["fast=0..9".parse().expect("an axis")]
    }

    #[test]
    fn a_sweep_goes_on_where_it_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut journal, rows) = SweepJournal::open(folder.path(), Earlier::Keep, "d", &axes()).expect("a new journal");
        assert!(rows.is_empty());
        journal.append(&row(3)).expect("it is written");
        journal.append(&row(1)).expect("it is written");
        journal.file.write_all(b"{\"number\": 7, \"val").expect("a line is cut short");
        drop(journal);

        let (mut journal, rows) = SweepJournal::open(folder.path(), Earlier::Resume, "d", &axes()).expect("the same journal");
        assert_eq!(rows, [row(3), row(1)]);
        journal.append(&row(7)).expect("it is written");
        let (_, rows) = SweepJournal::open(folder.path(), Earlier::Resume, "d", &axes()).expect("the same journal");
        assert_eq!(rows, [row(3), row(1), row(7)]);
        let kept = SweepJournal::open(folder.path(), Earlier::Keep, "d", &axes()).expect_err("it is in the way").to_string();
        assert!(kept.contains("--resume") && kept.contains("--overwrite"), "{kept}");
        let (_, rows) = SweepJournal::open(folder.path(), Earlier::Resume, "d", &axes()).expect("the same journal");
        assert_eq!(rows.len(), 3, "it is as it was");
        let (_, rows) = SweepJournal::open(folder.path(), Earlier::Overwrite, "d", &axes()).expect("a new journal");
        assert!(rows.is_empty(), "a sweep begins anew only where that is said");
    }

    #[test]
    fn a_sweep_that_never_began_cannot_go_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing =
            || SweepJournal::open(folder.path(), Earlier::Resume, "d", &axes()).expect_err("there is none").to_string();
        for _ in 0..2 {
            let words = missing();
            assert!(words.contains("sweep.journal") && words.contains("leave out --resume"), "{words}");
            File::create(folder.path().join(FILE_NAME)).expect("an empty one is none either");
        }
    }

    #[test]
    fn the_journal_of_another_sweep_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        SweepJournal::open(folder.path(), Earlier::Keep, "d", &axes()).expect("a new journal");
        let other_data = SweepJournal::open(folder.path(), Earlier::Resume, "e", &axes());
        assert!(matches!(other_data, Err(JournalError::Other { .. })));
        let other_values = SweepJournal::open(folder.path(), Earlier::Resume, "d", &["fast=0..8".parse().expect("an axis")]);
        assert!(matches!(other_values, Err(JournalError::Other { .. })));
    }
}
