//! Writes a journal. One that failed stays failed: what follows it would have a hole before it.

use super::ReadError;
use super::folder::{EPOCH_MAX, FolderLock, SEGMENT_MAX, SegmentFile, segments};
use super::reader::{needed_epoch, next_record};
use super::settings::{Durability, JournalSettings, SEGMENT_BYTES_MAX};
use super::sync::Syncer;
use calypte_kernel::journal::{HEADER_BYTES, OutputsDigest, Record, RecordTooLarge, SegmentHeader, write_input, write_record};
use calypte_kernel::{CoreSettings, Input, Output, Timestamp};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are gathered before they are written, where they are gathered.
const GATHERED_BYTES: usize = 256 << 10;

/// Why a journal takes nothing more. Whoever writes one stops trading on each of them: what cannot be written down must not be
/// acted on.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no room: make some and start again. What was written before is whole.
    #[error("no room to write {path:?}: free some, or move the oldest segments elsewhere")]
    Full {
        /// Which segment.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// Another process writes this journal: stop it, or choose another folder.
    #[error("another process writes the journal in {folder:?}")]
    Locked {
        /// Which folder.
        folder: PathBuf,
    },
    /// The disk or the folder refuses. What was written last may not have reached the disk.
    #[error("writing {path:?}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// An input is larger than a record may be.
    #[error("an input of the core is too large for the journal")]
    TooLarge(#[from] RecordTooLarge),
    /// What is there already cannot be continued.
    #[error("the journal in {folder:?} cannot be continued")]
    Earlier {
        /// Which folder.
        folder: PathBuf,
        /// Why not.
        #[source]
        cause: Box<ReadError>,
    },
    /// All numbers of epochs or segments are used up: choose another folder.
    #[error("the journal in {folder:?} has no numbers left for another segment: begin a new one")]
    Exhausted {
        /// Which folder.
        folder: PathBuf,
    },
    /// It failed before, and takes nothing since.
    #[error("the journal failed before; nothing was written since")]
    Halted,
}

impl WriteError {
    fn of(path: &Path, cause: io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::Full { path, cause },
            _ => Self::Io { path, cause },
        }
    }
}

/// How much was written, for whoever watches: a clone of it sees what comes.
#[derive(Debug, Clone, Default)]
pub struct Written(Arc<AtomicU64>);

impl Written {
    /// Bytes that a journal's files grew by since it was opened.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A journal that is written. Its folder is locked for others as long as it lives.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    settings: JournalSettings,
    header: SegmentHeader,
    /// What every segment begins with.
    beginning: [Record; 2],
    path: PathBuf,
    file: Arc<File>,
    /// Length of the file.
    written: u64,
    /// Bytes of all files.
    in_all: Written,
    /// Records that are not written yet.
    buffer: Vec<u8>,
    number: u64,
    inputs: u64,
    /// Up to which input it was noted what followed.
    followed: u64,
    digest: OutputsDigest,
    scratch: Vec<u8>,
    /// The first epoch that a restart needs.
    needed_from: u32,
    /// Segments that are complete, oldest first.
    complete: Vec<SegmentFile>,
    syncer: Option<Syncer>,
    halted: bool,
    _lock: FolderLock,
}

impl Writer {
    /// Opens the journal of a folder, which is made where it is not there, and begins its next epoch. `facts` are what the
    /// shell wants to find again; they and the settings stand at the beginning of every segment.
    ///
    /// # Errors
    /// Where another process writes it, what is there is damaged, or nothing can be written.
    pub fn open(folder: &Path, settings: JournalSettings, core: &CoreSettings, facts: Vec<u8>) -> Result<Self, WriteError> {
        let io = |cause| WriteError::of(folder, cause);
        std::fs::create_dir_all(folder).map_err(io)?;
        let lock = FolderLock::take(folder).map_err(io)?;
        let lock = lock.ok_or_else(|| WriteError::Locked { folder: folder.to_owned() })?;
        let earlier = segments(folder).map_err(io)?;
        let failed = |cause| WriteError::Earlier { folder: folder.to_owned(), cause: Box::new(cause) };
        let number = next_record(&earlier, core.account).map_err(failed)?;
        let epoch = earlier.last().map_or(0, |last| last.epoch) + 1;
        let beginning = [Record::Settings(Box::new(core.clone())), Record::Facts(facts)];
        let settings = JournalSettings { segment_bytes: settings.segment_bytes.min(SEGMENT_BYTES_MAX), ..settings };
        let settings_digest = digest_of(&beginning)?;
        let header = SegmentHeader { account: core.account, epoch, segment: 1, first_record: number, settings_digest };
        let (segment, file) = create(folder, &header)?;
        let syncer = (settings.durability == Durability::Written).then(Syncer::start).transpose().map_err(io)?;
        let mut writer = Self {
            folder: folder.to_owned(),
            settings,
            header,
            beginning,
            path: segment.path,
            file,
            written: 0,
            in_all: Written::default(),
            buffer: Vec::new(),
            number,
            inputs: 0,
            followed: 0,
            digest: OutputsDigest::default(),
            scratch: Vec::new(),
            // Until the first input says whether this epoch goes on with the core of those before it.
            needed_from: if settings.segments_max.is_some() { needed_epoch(&earlier) } else { 0 },
            complete: earlier,
            syncer,
            halted: false,
            _lock: lock,
        };
        writer.begin(Timestamp::default())?;
        Ok(writer)
    }

    /// Which opening of the journal this is, counted from 1.
    pub const fn epoch(&self) -> u32 {
        self.header.epoch
    }

    /// That it cannot be opened once more.
    pub fn exhausted(&self) -> WriteError {
        WriteError::Exhausted { folder: self.folder.clone() }
    }

    /// How much it writes from now on, and has since it was opened.
    pub fn in_all(&self) -> Written {
        self.in_all.clone()
    }

    /// The number of the next record.
    pub const fn next_record(&self) -> u64 {
        self.number
    }

    /// Writes an input. The core may have it once this returns.
    ///
    /// # Errors
    /// Where it is not safe: the core must not have it.
    #[inline]
    pub fn input(&mut self, now: Timestamp, input: &Input) -> Result<(), WriteError> {
        self.inputs(now, std::slice::from_ref(input))
    }

    /// Writes inputs that came together, in one piece. The core may have them, one after the other, once this returns; what follows
    /// from each is to be noted before the next.
    ///
    /// # Errors
    /// Where it is not safe: the core must have none of them.
    #[inline]
    pub fn inputs(&mut self, now: Timestamp, inputs: &[Input]) -> Result<(), WriteError> {
        if self.halted {
            return Err(WriteError::Halted);
        }
        let result = self.try_inputs(now, inputs);
        self.halted = result.is_err();
        result
    }

    /// How many inputs may be written together: no digest of outputs falls between them.
    pub fn together_max(&self) -> usize {
        match u64::from(self.settings.outputs_every) {
            0 => usize::MAX,
            every => usize::try_from(every - self.inputs % every).unwrap_or(usize::MAX),
        }
    }

    /// Takes note of what followed from an input.
    ///
    /// # Errors
    /// Where a digest is due and is too large, which none is.
    #[inline]
    pub fn outputs<'a>(&mut self, now: Timestamp, outputs: impl Iterator<Item = &'a Output>) -> Result<(), WriteError> {
        for output in outputs {
            self.digest.add(output, &mut self.scratch);
        }
        self.followed += 1;
        let is_last = self.followed == self.inputs;
        if is_last && self.settings.outputs_every > 0 && self.inputs.is_multiple_of(self.settings.outputs_every.into()) {
            self.append(now, &Record::Outputs(self.digest))?;
        }
        Ok(())
    }

    /// Ends the epoch in order, and brings everything to the disk.
    ///
    /// # Errors
    /// Where that fails.
    pub fn close(mut self, now: Timestamp) -> Result<(), WriteError> {
        if self.halted {
            return Err(WriteError::Halted);
        }
        self.append(now, &Record::Closed(self.digest))?;
        self.flush()?;
        self.sync()
    }

    /// Puts another file in the place of the segment's.
    #[cfg(test)]
    pub(super) fn write_to(&mut self, file: File) {
        self.file = Arc::new(file);
    }

    fn try_inputs(&mut self, now: Timestamp, inputs: &[Input]) -> Result<(), WriteError> {
        if self.written + self.buffer.len() as u64 >= self.settings.segment_bytes {
            self.begin_next(now)?;
        }
        for input in inputs {
            if self.inputs == 0 {
                self.first_input(input)?;
            }
            write_input(&mut self.buffer, self.number, now, input)?;
            self.number += 1;
            self.inputs += 1;
        }
        self.followed = self.inputs - inputs.len() as u64;
        match self.settings.durability {
            Durability::Gathered if self.buffer.len() < GATHERED_BYTES => Ok(()),
            Durability::Gathered => self.flush(),
            Durability::Written => {
                self.flush()?;
                let written = self.syncer.as_ref().map_or(Ok(()), |syncer| syncer.written(&self.file));
                written.map_err(|cause| WriteError::of(&self.path, cause))
            }
            Durability::Synced => {
                self.flush()?;
                self.sync()
            }
        }
    }

    /// The first input says whether the core goes on that the epochs before this one made: else nobody needs them any more.
    #[cold]
    fn first_input(&mut self, input: &Input) -> Result<(), WriteError> {
        if !matches!(input, Input::Opened { .. }) {
            self.needed_from = self.header.epoch;
        }
        self.remove_old()
    }

    fn append(&mut self, now: Timestamp, record: &Record) -> Result<(), WriteError> {
        write_record(&mut self.buffer, self.number, now, record)?;
        self.number += 1;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        if let Err(cause) = (&*self.file).write_all(&self.buffer) {
            // Half a record would be a torn tail; better is none. Cutting a file needs no room.
            let _ = self.file.set_len(self.written);
            return Err(WriteError::of(&self.path, cause));
        }
        self.written += self.buffer.len() as u64;
        self.in_all.0.fetch_add(self.buffer.len() as u64, Ordering::Relaxed);
        self.buffer.clear();
        Ok(())
    }

    fn sync(&self) -> Result<(), WriteError> {
        self.file.sync_data().map_err(|cause| WriteError::of(&self.path, cause))
    }

    /// Writes what a segment begins with.
    fn begin(&mut self, now: Timestamp) -> Result<(), WriteError> {
        self.buffer.extend_from_slice(&self.header.to_bytes());
        for place in 0..self.beginning.len() {
            write_record(&mut self.buffer, self.number, now, &self.beginning[place])?;
            self.number += 1;
        }
        self.flush()
    }

    /// Closes the segment and begins the next one.
    #[cold]
    fn begin_next(&mut self, now: Timestamp) -> Result<(), WriteError> {
        self.flush()?;
        if self.settings.durability != Durability::Gathered {
            self.sync()?;
        }
        let done = SegmentFile::new(&self.folder, self.header.epoch, self.header.segment);
        self.complete.push(done);
        self.header.segment += 1;
        self.header.first_record = self.number;
        let (segment, file) = create(&self.folder, &self.header)?;
        (self.path, self.file, self.written) = (segment.path, file, 0);
        self.begin(now)?;
        self.remove_old()
    }

    /// Removes the oldest segments beyond the number that is kept, as far as they are not needed.
    fn remove_old(&mut self) -> Result<(), WriteError> {
        let Some(segments_max) = self.settings.segments_max else { return Ok(()) };
        // The one that is written counts too.
        while self.complete.len() + 1 > segments_max.max(1) && self.complete[0].epoch < self.needed_from {
            let old = self.complete.remove(0);
            std::fs::remove_file(&old.path).map_err(|cause| WriteError::of(&old.path, cause))?;
        }
        Ok(())
    }
}

/// Makes the file of a segment. That it is there reaches the disk at once.
fn create(folder: &Path, header: &SegmentHeader) -> Result<(SegmentFile, Arc<File>), WriteError> {
    if header.epoch > EPOCH_MAX || header.segment > SEGMENT_MAX {
        return Err(WriteError::Exhausted { folder: folder.to_owned() });
    }
    let segment = SegmentFile::new(folder, header.epoch, header.segment);
    let file = File::create_new(&segment.path).map_err(|cause| WriteError::of(&segment.path, cause))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|cause| WriteError::of(folder, cause))?;
    Ok((segment, Arc::new(file)))
}

/// Names what an epoch began with: SHA-256 of the payloads of its settings and its facts.
fn digest_of(beginning: &[Record]) -> Result<[u8; 32], RecordTooLarge> {
    let mut hash = Sha256::new();
    let mut bytes = Vec::new();
    for record in beginning {
        bytes.clear();
        write_record(&mut bytes, 0, Timestamp::default(), record)?;
        hash.update(((bytes.len() - HEADER_BYTES) as u64).to_le_bytes());
        hash.update(&bytes[HEADER_BYTES..]);
    }
    Ok(hash.finalize().into())
}
