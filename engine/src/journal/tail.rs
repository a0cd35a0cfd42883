//! Follows a journal while it is written: the records of all its epochs in their order, as far as they have come.
//!
//! Whoever writes is not asked: the bytes of a file only grow, and a file is complete once there is one behind it.

use super::folder::{SegmentFile, segments};
use super::reader::{Entry, ReadError};
use calypte_kernel::journal::{BadSegment, Frames, Read, SEGMENT_HEADER_BYTES, SegmentHeader};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Bytes that are read at once.
const PIECE_BYTES: usize = 1 << 20;
/// Bytes that were used are let go in multiples of this: a block of a disk, since zeros behind the end are told by whole blocks.
const BLOCK_BYTES: usize = 4_096;

/// Reads a journal that may still be written.
#[derive(Debug)]
pub struct Tail {
    folder: PathBuf,
    current: Option<Current>,
    /// Number of the next record; none before the first.
    number: Option<u64>,
}

/// The segment that is read.
#[derive(Debug)]
struct Current {
    place: SegmentFile,
    file: File,
    /// What was read of it and not let go; begins with its header, or at a block of it.
    bytes: Vec<u8>,
    /// Where the next record begins in `bytes`; none before the header was understood.
    offset: Option<usize>,
    /// How many bytes of the file were let go.
    before: usize,
}

/// A record with where it stands.
#[derive(Debug)]
pub struct Tailed {
    /// Which opening of the journal wrote it.
    pub epoch: u32,
    /// Which segment of that.
    pub segment: u32,
    /// The record.
    pub entry: Entry,
}

impl Tail {
    /// Of the journal in a folder, from its first record on. The folder need not be there yet.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), current: None, number: None }
    }

    /// The next record; none where no more has come yet. It may be asked again.
    ///
    /// # Errors
    /// Where the journal is damaged, or a file cannot be read.
    #[expect(clippy::should_implement_trait, reason = "it fails, and its end is no end")]
    pub fn next(&mut self) -> Result<Option<Tailed>, ReadError> {
        loop {
            let Some(current) = &mut self.current else {
                match self.first()? {
                    Some(first) => self.current = Some(Current::open(first)?),
                    None => return Ok(None),
                }
                continue;
            };
            if let Some(tailed) = current.record(&mut self.number)? {
                return Ok(Some(tailed));
            }
            if current.read()? {
                continue;
            }
            let Some(next) = current.place.follower(&self.folder) else { return Ok(None) };
            // Whoever began the next file had ended this one: what came in between is all there is of it.
            if current.read()? {
                continue;
            }
            current.end(&next)?;
            self.current = Some(Current::open(next)?);
        }
    }

    fn first(&self) -> Result<Option<SegmentFile>, ReadError> {
        match segments(&self.folder) {
            Ok(segments) => Ok(segments.into_iter().next()),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(ReadError::Io { path: self.folder.clone(), cause }),
        }
    }
}

impl SegmentFile {
    /// The file behind this one, where there is one: the next segment, or the next epoch.
    fn follower(&self, folder: &Path) -> Option<Self> {
        let following = [Self::new(folder, self.epoch, self.segment + 1), Self::new(folder, self.epoch + 1, 1)];
        following.into_iter().find(|file| file.path.exists())
    }
}

impl Current {
    fn open(place: SegmentFile) -> Result<Self, ReadError> {
        let file = File::open(&place.path).map_err(|cause| ReadError::Io { path: place.path.clone(), cause })?;
        Ok(Self { place, file, bytes: Vec::new(), offset: None, before: 0 })
    }

    /// Reads on; whether anything came.
    fn read(&mut self) -> Result<bool, ReadError> {
        let used = self.offset.unwrap_or_default() / BLOCK_BYTES * BLOCK_BYTES;
        if used >= PIECE_BYTES {
            self.bytes.drain(..used);
            self.before += used;
            self.offset = self.offset.map(|offset| offset - used);
        }
        let piece = (&mut self.file).take(PIECE_BYTES as u64).read_to_end(&mut self.bytes);
        piece.map(|bytes| bytes > 0).map_err(|cause| ReadError::Io { path: self.place.path.clone(), cause })
    }

    /// The next record of what was read; none where it is not whole yet.
    fn record(&mut self, number: &mut Option<u64>) -> Result<Option<Tailed>, ReadError> {
        let Some(offset) = self.offset else { return self.header(number) };
        let expected = number.expect("a segment whose header was understood says its first record");
        let mut frames = Frames::new(&self.bytes, offset, expected);
        let read = frames.next().map_err(|cause| {
            let offset = self.before + cause.offset();
            ReadError::Damaged { path: self.place.path.clone(), offset, cause }
        })?;
        let Read::Record(frame) = read else { return Ok(None) };
        let record = frame.record().map_err(|cause| ReadError::Record { path: self.place.path.clone(), cause })?;
        let entry = Entry { number: expected, time: frame.time, record };
        (self.offset, *number) = (Some(frames.offset()), Some(frames.number()));
        Ok(Some(Tailed { epoch: self.place.epoch, segment: self.place.segment, entry }))
    }

    /// Understands the header where it is whole, and goes on.
    fn header(&mut self, number: &mut Option<u64>) -> Result<Option<Tailed>, ReadError> {
        let header = match SegmentHeader::read(&self.bytes) {
            Ok(header) => header,
            Err(BadSegment::Short(_)) => return Ok(None),
            // A file that was made and never written to, after a power cut.
            Err(_) if self.bytes.iter().all(|byte| *byte == 0) => return Ok(None),
            Err(cause) => return Err(ReadError::Segment { path: self.place.path.clone(), cause }),
        };
        if (header.epoch, header.segment) != (self.place.epoch, self.place.segment) {
            let why = format!("it is segment {} of epoch {}", header.segment, header.epoch);
            return Err(ReadError::Misplaced { path: self.place.path.clone(), why });
        }
        // An epoch may give numbers again that a torn one lost; a segment within one may not.
        if let Some(number) = number.filter(|number| header.segment > 1 && *number != header.first_record) {
            let why = format!("it begins with record {}, and record {number} follows", header.first_record);
            return Err(ReadError::Misplaced { path: self.place.path.clone(), why });
        }
        (self.offset, *number) = (Some(SEGMENT_HEADER_BYTES), Some(header.first_record));
        self.record(number)
    }

    /// That nothing more comes of it: an incomplete record at the end was never acted on, but only an epoch may end so.
    fn end(&self, next: &SegmentFile) -> Result<(), ReadError> {
        let offset = self.offset.unwrap_or_default();
        if offset < self.bytes.len() && next.epoch == self.place.epoch {
            return Err(ReadError::CutShort { path: self.place.path.clone(), offset: self.before + offset });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{JournalSettings, Writer};
    use calypte_kernel::journal::Record;
    use calypte_kernel::{AccountId, CoreSettings, Input, Timestamp};

    fn writer(folder: &Path, segment_bytes: u64) -> Writer {
        let core = CoreSettings::new(AccountId::new(7), [].into(), [].into());
        let settings = JournalSettings { segment_bytes, outputs_every: 0, ..JournalSettings::default() };
        Writer::open(folder, settings, &core, Vec::new()).expect("it opens")
    }

    fn wake(writer: &mut Writer, ms: i64) {
        writer.input(Timestamp::from_millis(ms), &Input::Wake).expect("it is written");
    }

    /// Epoch, segment and time of the inputs that have come.
    fn inputs(tail: &mut Tail) -> Vec<(u32, u32, i64)> {
        let mut inputs = Vec::new();
        while let Some(tailed) = tail.next().expect("it is sound") {
            if matches!(tailed.entry.record, Record::Input(_)) {
                inputs.push((tailed.epoch, tailed.segment, tailed.entry.time.as_millis()));
            }
        }
        inputs
    }

    #[test]
    fn what_comes_is_read_once_over_segments_and_epochs() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("journal");
        let mut tail = Tail::new(&journal);
        assert_eq!(inputs(&mut tail), [], "there is no folder yet");
        let mut first = writer(&journal, 1);
        wake(&mut first, 1);
        assert_eq!(inputs(&mut tail), [(1, 2, 1)], "an input goes into a new segment where the one before is full");
        assert_eq!(inputs(&mut tail), []);
        wake(&mut first, 2);
        wake(&mut first, 3);
        assert_eq!(inputs(&mut tail), [(1, 3, 2), (1, 4, 3)]);
        drop(first);
        let mut second = writer(&journal, 1 << 20);
        wake(&mut second, 4);
        assert_eq!(inputs(&mut tail), [(2, 1, 4)]);
        assert_eq!(inputs(&mut Tail::new(&journal)), [(1, 2, 1), (1, 3, 2), (1, 4, 3), (2, 1, 4)]);
    }

    #[test]
    fn half_a_record_waits_for_its_other_half_or_for_the_next_epoch() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("journal");
        let mut first = writer(&journal, 1 << 20);
        wake(&mut first, 1);
        let path = journal.join("00001-000001.journal");
        let before = std::fs::read(&path).expect("it is there").len();
        wake(&mut first, 2);
        let whole = std::fs::read(&path).expect("it is there");
        drop(first);
        let mut tail = Tail::new(&journal);
        std::fs::write(&path, &whole[..before + 5]).expect("it can be written");
        assert_eq!(inputs(&mut tail), [(1, 1, 1)]);
        assert_eq!(inputs(&mut tail), [], "it is not whole yet");
        std::fs::write(&path, &whole).expect("it can be written");
        assert_eq!(inputs(&mut tail), [(1, 1, 2)]);

        let mut tail = Tail::new(&journal);
        std::fs::write(&path, &whole[..before + 5]).expect("it can be written");
        assert_eq!(inputs(&mut tail), [(1, 1, 1)]);
        wake(&mut writer(&journal, 1 << 20), 3);
        assert_eq!(inputs(&mut tail), [(2, 1, 3)], "the torn record was never acted on");
    }

    #[test]
    fn damage_is_told_with_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("journal");
        let mut first = writer(&journal, 1 << 20);
        wake(&mut first, 1);
        wake(&mut first, 2);
        drop(first);
        let path = journal.join("00001-000001.journal");
        let mut bytes = std::fs::read(&path).expect("it is there");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, &bytes).expect("it can be written");
        let mut tail = Tail::new(&journal);
        let error = loop {
            match tail.next() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a changed byte is no end"),
                Err(error) => break error,
            }
        };
        assert!(matches!(&error, ReadError::Damaged { path: named, .. } if *named == path), "{error:?}");
    }
}
