//! Nonces: one allocator for each signer, never twice the same.
//!
//! The exchange remembers the highest hundred nonces of a signer, and takes one that is new, above the smallest of those, and
//! close to its clock. So a nonce is the time in milliseconds, or one more than the last where that is later.
//!
//! ```text
//!   file: 1 750 000 010 000   «below this, all may have been used»
//!              ▲ written, and on disk, before the first nonce above the mark before it is given out
//!   given out: 1 750 000 000 123, …124, …131, …
//! ```
//!
//! After a crash the allocator goes on at the mark: what it may skip is less than [`NONCE_AHEAD_MS`]. A clock that steps back
//! changes nothing. A clock so far behind that nonces would run out of the exchange's window is refused.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// How far ahead of the clock the mark is written: one write in so much time, and what a crash may skip.
pub const NONCE_AHEAD_MS: u64 = 10_000;
/// How far nonces may run ahead of the clock: well within the day that the exchange allows.
const RUN_AHEAD_MS_MAX: u64 = 3_600_000;
/// Longest file that is read: a number and a line end.
const FILE_BYTES_MAX: u64 = 32;

/// Why there is no nonce.
#[derive(Debug, thiserror::Error)]
pub enum NoncesError {
    /// The mark could not be read or written: nothing may be signed.
    #[error("the mark of nonces at {path}")]
    File {
        /// Where it lies.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file holds something else: nobody knows what was used.
    #[error("{0} does not hold a mark of nonces; give the signer a new key, or restore the file")]
    NotAMark(PathBuf),
    /// Another process has the signer.
    #[error("{0} is locked: another process signs with the same key")]
    Locked(PathBuf),
    /// The clock is far behind what was used.
    #[error("nonces have run {ahead_ms} ms ahead of the clock: the clock is wrong, or was")]
    ClockBehind {
        /// By how much.
        ahead_ms: u64,
    },
}

/// Nonces of one signer. The file is locked as long as this lives, so that a second process cannot sign with the same key.
#[derive(Debug)]
pub struct Nonces {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
    last: u64,
    /// Below it, all may have been used, as far as the file says.
    mark: u64,
}

impl Nonces {
    /// Takes a signer's nonces over; a file that is not there yet is made.
    ///
    /// # Errors
    /// Where the file cannot be read or written, holds something else, or belongs to another process.
    pub fn open(path: &Path) -> Result<Self, NoncesError> {
        let failed = |source| NoncesError::File { path: path.to_owned(), source };
        let lock_path = path.with_extension("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(NoncesError::Locked(path.to_owned())),
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mark = match File::open(path) {
            Ok(file) => {
                let mut text = String::new();
                file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
                let digits = text.strip_suffix('\n').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
                digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| NoncesError::NotAMark(path.to_owned()))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { path: path.to_owned(), _lock: lock, last: mark, mark })
    }

    /// The next nonce, at that time by our clock.
    ///
    /// # Errors
    /// Where the mark cannot be written, or the clock is far behind.
    pub fn next(&mut self, now_ms: u64) -> Result<u64, NoncesError> {
        let next = now_ms.max(self.last.saturating_add(1));
        let ahead_ms = next - now_ms;
        if ahead_ms > RUN_AHEAD_MS_MAX {
            return Err(NoncesError::ClockBehind { ahead_ms });
        }
        if next >= self.mark {
            let mark = next.saturating_add(NONCE_AHEAD_MS);
            write_mark(&self.path, mark).map_err(|source| NoncesError::File { path: self.path.clone(), source })?;
            self.mark = mark;
        }
        self.last = next;
        Ok(next)
    }
}

/// Writes the mark whole or not at all, and has it on disk before it returns.
fn write_mark(path: &Path, mark: u64) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    writeln!(file, "{mark}")?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_750_000_000_000;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder can be made in the system's temporary folder")
    }

    #[test]
    fn many_of_one_millisecond_differ() {
        let folder = folder();
        let mut nonces = Nonces::open(&folder.path().join("agent")).expect("a new file");
        let given: Vec<u64> = (0..5).map(|_| nonces.next(NOW).expect("a nonce")).collect();
        assert_eq!(given, [NOW, NOW + 1, NOW + 2, NOW + 3, NOW + 4]);
        assert_eq!(nonces.next(NOW + 100).expect("a nonce"), NOW + 100);
    }

    #[test]
    fn a_second_process_is_refused() {
        let folder = folder();
        let path = folder.path().join("agent");
        let first = Nonces::open(&path).expect("a new file");
        assert!(matches!(Nonces::open(&path), Err(NoncesError::Locked(_))));
        drop(first);
        assert!(Nonces::open(&path).is_ok());
    }

    #[test]
    fn a_clock_that_is_wrong_by_hours_is_refused() {
        let folder = folder();
        let mut nonces = Nonces::open(&folder.path().join("agent")).expect("a new file");
        nonces.next(NOW).expect("a nonce");
        assert_eq!(nonces.next(NOW - 60_000).expect("a step back of a minute"), NOW + 1);
        let error = nonces.next(NOW - 2 * 3_600_000).expect_err("two hours");
        assert!(error.to_string().contains("7200002 ms ahead"), "{error}");
    }

    #[test]
    fn a_file_of_something_else_is_not_overwritten() {
        let folder = folder();
        let path = folder.path().join("agent");
        for text in ["", "12", "x\n", "-5\n", "99999999999999999999\n", "1\n2\n"] {
            fs::write(&path, text).expect("the folder takes a file");
            assert!(matches!(Nonces::open(&path), Err(NoncesError::NotAMark(_))), "{text:?}");
            assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn none_is_given_twice_whatever_the_clock_and_the_process_do(
            steps in prop::collection::vec((-40_000_i64..40_000, 1_usize..5, any::<bool>()), 1..25)
        ) {
            let folder = folder();
            let path = folder.path().join("agent");
            let mut nonces = Nonces::open(&path).expect("a new file");
            let (mut now, mut last) = (NOW, 0);
            for (step, count, crash) in steps {
                now = now.saturating_add_signed(step);
                for _ in 0..count {
                    let nonce = nonces.next(now).expect("within an hour");
                    prop_assert!(nonce > last);
                    last = nonce;
                }
                if crash {
                    // What only the process knew is lost; a half-written new mark may lie about.
                    drop(nonces);
                    fs::write(path.with_extension("new"), "17").expect("the folder takes a file");
                    nonces = Nonces::open(&path).expect("the mark is whole");
                }
            }
        }
    }
}
