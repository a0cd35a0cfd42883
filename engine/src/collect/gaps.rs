//! What a stream did not have, beside its files: `from_ms,to_ms,missing`, a line for each stretch, each once.

use super::CollectError;
use crate::file::WholeFile;
use calypte_kernel::Timestamp;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

/// Most stretches that are kept of one stream; what comes beyond is counted only.
const GAPS_MAX: usize = 100_000;
/// First line of the file.
const HEADER: &str = "from_ms,to_ms,missing";

/// A stretch that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Missing {
    /// Up to when the stream was known.
    pub(super) from: Timestamp,
    /// From when on it is known again.
    pub(super) to: Timestamp,
    /// How many candles or entries; zero: nobody knows.
    pub(super) count: u64,
}

/// The stretches of a stream.
#[derive(Debug)]
pub(super) struct Gaps {
    path: PathBuf,
    missing: BTreeSet<Missing>,
    /// Found since the file was opened.
    found: u64,
    is_changed: bool,
}

impl Gaps {
    /// Those that the file has.
    pub(super) fn open(path: PathBuf) -> Result<Self, CollectError> {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HEADER.to_owned(),
            Err(cause) => return Err(CollectError::Io { path, action: "read", cause }),
        };
        let mut lines = text.lines();
        let missing = (lines.next() == Some(HEADER)).then(|| lines.take(GAPS_MAX).map(read).collect::<Option<BTreeSet<_>>>());
        match missing.flatten() {
            Some(missing) => Ok(Self { path, missing, found: 0, is_changed: false }),
            None => Err(CollectError::Damaged { path }),
        }
    }

    /// Notes one; what is noted already is no other.
    pub(super) fn add(&mut self, missing: Missing) {
        if self.missing.len() < GAPS_MAX && !self.missing.insert(missing) {
            return;
        }
        (self.is_changed, self.found) = (true, self.found + 1);
        tracing::warn!(file = %self.path.display(), from = %missing.from, to = %missing.to, missing = missing.count, "a stream has a gap");
    }

    /// How many were found since the file was opened.
    pub(super) const fn found(&self) -> u64 {
        self.found
    }

    /// Brings the file up to date.
    pub(super) fn write(&mut self) -> Result<(), CollectError> {
        if !self.is_changed {
            return Ok(());
        }
        let mut text = format!("{HEADER}\n");
        for Missing { from, to, count } in &self.missing {
            writeln!(text, "{from},{to},{count}").expect("text grows");
        }
        let written = WholeFile::of(&self.path, text.as_bytes()).and_then(WholeFile::finish);
        written.map_err(|cause| CollectError::Io { path: self.path.clone(), action: "written", cause })?;
        self.is_changed = false;
        Ok(())
    }
}

fn read(line: &str) -> Option<Missing> {
    let mut numbers = line.split(',');
    let mut time = || Some(Timestamp::from_millis(numbers.next()?.parse().ok()?));
    let (from, to) = (time()?, time()?);
    let count = numbers.next()?.parse().ok()?;
    numbers.next().is_none().then_some(Missing { from, to, count })
}
