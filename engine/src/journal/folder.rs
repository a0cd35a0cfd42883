//! The folder of a journal: the names of its segments and the lock that keeps a second writer out.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Most segments of a journal.
pub const SEGMENTS_MAX: usize = 100_000;
/// The latest epoch.
pub const EPOCH_MAX: u32 = 99_999;
/// The latest segment of an epoch.
pub(super) const SEGMENT_MAX: u32 = 999_999;
/// How the names of segments end.
const ENDING: &str = ".journal";
/// The file that is locked while somebody writes.
const LOCK: &str = "lock";

/// A segment by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentFile {
    /// Which opening of the journal.
    pub epoch: u32,
    /// Which segment of it.
    pub segment: u32,
    /// Where it lies.
    pub path: PathBuf,
}

impl SegmentFile {
    pub(super) fn new(folder: &Path, epoch: u32, segment: u32) -> Self {
        Self { epoch, segment, path: folder.join(format!("{epoch:05}-{segment:06}{ENDING}")) }
    }

    /// A file of that name; none where it is not a segment's.
    fn named(folder: &Path, name: &str) -> Option<Self> {
        let (epoch, segment) = name.strip_suffix(ENDING)?.split_once('-')?;
        let file = Self::new(folder, epoch.parse().ok()?, segment.parse().ok()?);
        (file.path.file_name()?.to_str()? == name).then_some(file)
    }
}

/// The segments of a folder, in order. Other files there are nobody's business.
///
/// # Errors
/// Where the folder cannot be read, or holds more than [`SEGMENTS_MAX`].
pub fn segments(folder: &Path) -> io::Result<Vec<SegmentFile>> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        segments.extend(name.to_str().and_then(|name| SegmentFile::named(folder, name)));
        if segments.len() > SEGMENTS_MAX {
            return Err(io::Error::other(format!("more than {SEGMENTS_MAX} segments: move the oldest elsewhere")));
        }
    }
    segments.sort();
    Ok(segments)
}

/// The right to write. Given back when dropped, and by the system when the process ends.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// None where another process has it.
    pub(super) fn take(folder: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
