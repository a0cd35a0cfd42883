//! Reads a journal, an epoch at a time and a segment in memory.

use super::folder::{SegmentFile, segments};
use calypte_kernel::journal::{BadRecord, BadSegment, Damage, Frames, Read, Record, SEGMENT_HEADER_BYTES, SegmentHeader};
use calypte_kernel::{AccountId, Input, Timestamp};
use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Largest segment that is read: one that was closed at the largest size, and a record beyond it.
pub const SEGMENT_FILE_BYTES_MAX: u64 = 1 << 30;

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The folder or a file of it cannot be opened.
    #[error("{path:?} cannot be read")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// There is no journal.
    #[error("{folder:?} holds no journal: name the folder that `--journal` was given")]
    NoJournal {
        /// Where.
        folder: PathBuf,
    },
    /// A segment cannot be read at all.
    #[error("segment {path:?} cannot be read")]
    Segment {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: BadSegment,
    },
    /// Bytes are not what was written. What stands before them is sound.
    #[error("segment {path:?} is damaged at byte {offset}")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Where the damaged record begins.
        offset: usize,
        /// What is wrong.
        #[source]
        cause: Damage,
    },
    /// A sound record that this version does not understand.
    #[error("segment {path:?} cannot be understood")]
    Record {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        #[source]
        cause: BadRecord,
    },
    /// A segment ends within a record though another one follows it.
    #[error("segment {path:?} is cut short at byte {offset}, though the journal goes on behind it")]
    CutShort {
        /// Which.
        path: PathBuf,
        /// Where the incomplete record begins.
        offset: usize,
    },
    /// A segment that does not follow the one before it.
    #[error("segment {path:?} does not belong here: {why}")]
    Misplaced {
        /// Which.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// Larger than any that is written.
    #[error("segment {path:?} is larger than {SEGMENT_FILE_BYTES_MAX} bytes")]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
}

/// The end of an epoch that was cut short: a process that was killed while it wrote. Nothing of it was ever acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// Which segment.
    pub path: PathBuf,
    /// Where the incomplete record begins.
    pub offset: usize,
    /// How many bytes of it there are.
    pub bytes: usize,
}

impl std::fmt::Display for TornTail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, offset, bytes } = self;
        let path = path.display();
        write!(formatter, "{path} ends within a record: {bytes} bytes from byte {offset} on are left out")
    }
}

/// The segments of one opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Its number.
    pub number: u32,
    /// Whether its first segment is there: without it nothing can be replayed.
    pub is_whole: bool,
    segments: Vec<SegmentFile>,
}

/// How an epoch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// With a core of its own.
    Anew,
    /// With the core as the epoch before left it: a process took over. Replaying it takes that one too.
    TakesOver,
    /// With no input at all.
    Empty,
}

/// One record with where it stands.
#[derive(Debug)]
pub struct Entry {
    /// Its number.
    pub number: u64,
    /// The core's time.
    pub time: Timestamp,
    /// What it says.
    pub record: Record,
}

/// Reads the records of one epoch.
#[derive(Debug)]
pub struct Reader {
    epoch: u32,
    segments: VecDeque<SegmentFile>,
    /// Number of the next record; none before the first.
    number: Option<u64>,
    account: Option<AccountId>,
    current: Option<Current>,
    torn: Option<TornTail>,
    bytes_read: u64,
}

/// Which records are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    Checkpoints,
}

#[derive(Debug)]
struct Current {
    path: PathBuf,
    bytes: Vec<u8>,
    offset: usize,
}

impl Epoch {
    /// The epochs of a journal, oldest first.
    ///
    /// # Errors
    /// Where the folder cannot be read or holds none.
    pub fn all(folder: &Path) -> Result<Vec<Self>, ReadError> {
        let all = segments(folder).map_err(|cause| ReadError::Io { path: folder.to_owned(), cause })?;
        if all.is_empty() {
            return Err(ReadError::NoJournal { folder: folder.to_owned() });
        }
        let epochs = all.chunk_by(|one, next| one.epoch == next.epoch);
        let epochs = epochs.map(|segments| Self {
            number: segments[0].epoch,
            is_whole: segments[0].segment == 1,
            segments: segments.to_vec(),
        });
        Ok(epochs.collect())
    }

    /// Bytes of all its segments, as far as they can be asked for.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().filter_map(|segment| segment.path.metadata().ok()).map(|file| file.len()).sum()
    }

    /// How it begins: its first input says so.
    ///
    /// # Errors
    /// Where its first segment is damaged.
    pub fn beginning(&self) -> Result<Beginning, ReadError> {
        let mut reader = self.read();
        while let Some(entry) = reader.next()? {
            match entry.record {
                Record::Input(Input::Opened { .. }) => return Ok(Beginning::TakesOver),
                Record::Input(_) => return Ok(Beginning::Anew),
                Record::Settings(_) | Record::Facts(_) | Record::Outputs(_) | Record::Closed(_) => {}
            }
        }
        Ok(Beginning::Empty)
    }

    /// Its records.
    pub fn read(&self) -> Reader {
        Reader {
            epoch: self.number,
            segments: self.segments.iter().cloned().collect(),
            number: None,
            account: None,
            current: None,
            torn: None,
            bytes_read: 0,
        }
    }
}

impl Reader {
    /// The next record; none at the end.
    ///
    /// # Errors
    /// Where the journal is damaged. What was read before is sound; nothing more is to be read.
    #[expect(clippy::should_implement_trait, reason = "it fails, and ends with the first failure")]
    pub fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        self.next_of(Wanted::All)
    }

    /// The next record that holds what a strategy saved; those in between are checked and not understood.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub fn next_checkpoint(&mut self) -> Result<Option<Entry>, ReadError> {
        self.next_of(Wanted::Checkpoints)
    }

    fn next_of(&mut self, wanted: Wanted) -> Result<Option<Entry>, ReadError> {
        loop {
            let Some(current) = &mut self.current else {
                match self.segments.pop_front() {
                    Some(segment) => self.begin(segment)?,
                    None => return Ok(None),
                }
                continue;
            };
            let number = self.number.expect("a segment that was begun says its first record");
            let mut frames = Frames::new(&current.bytes, current.offset, number);
            let read = frames.next().map_err(|cause| {
                let offset = cause.offset();
                ReadError::Damaged { path: current.path.clone(), offset, cause }
            })?;
            match read {
                Read::Record(frame) => {
                    let entry = if wanted == Wanted::All || frame.is_checkpoint() {
                        let record = frame.record().map_err(|cause| ReadError::Record { path: current.path.clone(), cause })?;
                        Some(Entry { number, time: frame.time, record })
                    } else {
                        None
                    };
                    self.bytes_read += (frames.offset() - current.offset) as u64;
                    (current.offset, self.number) = (frames.offset(), Some(frames.number()));
                    if entry.is_some() {
                        return Ok(entry);
                    }
                }
                Read::End => self.current = None,
                Read::Torn { offset, bytes } => {
                    let path = current.path.clone();
                    self.current = None;
                    self.end_torn(TornTail { path, offset, bytes })?;
                }
            }
        }
    }

    /// The torn tail that it ended with.
    pub const fn torn(&self) -> Option<&TornTail> {
        self.torn.as_ref()
    }

    /// How many bytes were read: for progress.
    pub const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The number of the record that would follow; none where there is no segment to say so.
    pub const fn next_number(&self) -> Option<u64> {
        self.number
    }

    fn end_torn(&mut self, torn: TornTail) -> Result<(), ReadError> {
        if self.segments.is_empty() {
            self.torn = Some(torn);
            return Ok(());
        }
        Err(ReadError::CutShort { path: torn.path, offset: torn.offset })
    }

    fn begin(&mut self, segment: SegmentFile) -> Result<(), ReadError> {
        let path = segment.path;
        let bytes = read(&path)?;
        let header = match SegmentHeader::read(&bytes) {
            Ok(header) => header,
            Err(BadSegment::Short(length)) => return self.end_torn(TornTail { path, offset: 0, bytes: length }),
            // A file that was made and never written to, after a power cut.
            Err(_) if bytes.iter().all(|byte| *byte == 0) => {
                return self.end_torn(TornTail { path, offset: 0, bytes: bytes.len() });
            }
            Err(cause) => return Err(ReadError::Segment { path, cause }),
        };
        let misplaced = |why: String| ReadError::Misplaced { path: path.clone(), why };
        if (header.epoch, header.segment) != (segment.epoch, segment.segment) || header.epoch != self.epoch {
            return Err(misplaced(format!("it is segment {} of epoch {}", header.segment, header.epoch)));
        }
        if let Some(account) = self.account.filter(|account| *account != header.account) {
            return Err(misplaced(format!("it is of account {}, the one before it of {account}", header.account)));
        }
        if let Some(number) = self.number.filter(|number| *number != header.first_record) {
            return Err(misplaced(format!("it begins with record {}, and record {number} follows", header.first_record)));
        }
        (self.account, self.number) = (Some(header.account), Some(header.first_record));
        self.bytes_read += SEGMENT_HEADER_BYTES as u64;
        self.current = Some(Current { path, bytes, offset: SEGMENT_HEADER_BYTES });
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ReadError> {
    let io = |cause| ReadError::Io { path: path.to_owned(), cause };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(SEGMENT_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > SEGMENT_FILE_BYTES_MAX {
        return Err(ReadError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

/// The first epoch that a process needs which takes over behind these segments: where the core began that it takes over. What
/// cannot be told is needed.
pub(super) fn needed_epoch(segments: &[SegmentFile]) -> u32 {
    let mut needed = u32::MAX;
    for segments in segments.chunk_by(|one, next| one.epoch == next.epoch).rev() {
        let epoch = Epoch { number: segments[0].epoch, is_whole: segments[0].segment == 1, segments: segments.to_vec() };
        needed = epoch.number;
        if epoch.is_whole && matches!(epoch.beginning(), Ok(Beginning::Anew)) {
            break;
        }
    }
    needed
}

/// The number of the record that follows the last one of these segments.
pub(super) fn next_record(segments: &[SegmentFile], account: AccountId) -> Result<u64, ReadError> {
    // A process that was killed as it began leaves an epoch without a record.
    for epoch in segments.chunk_by(|one, next| one.epoch == next.epoch).rev() {
        let last = epoch.last().expect("a chunk is not empty");
        for segment in epoch.iter().rev() {
            let epoch = Epoch { number: last.epoch, is_whole: true, segments: vec![segment.clone()] };
            let mut reader = epoch.read();
            while reader.next()?.is_some() {}
            if let Some(other) = reader.account.filter(|other| *other != account) {
                let why = format!("it is of account {other}, not of {account}");
                return Err(ReadError::Misplaced { path: segment.path.clone(), why });
            }
            if let Some(number) = reader.next_number() {
                return Ok(number);
            }
        }
    }
    Ok(1)
}
