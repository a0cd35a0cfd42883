//! Records as they lie in a segment: a header that can be trusted before the payload is read, and the payload.
//!
//! A process that is killed leaves a record cut short at the end; a machine that loses power may leave blocks that were never
//! written, which read as zeros. Both are a *torn tail*: what is missing was never acted on, so it is let go and told.
//! Anything else is damage. The header has a checksum of its own, so that a damaged length is not taken for a torn tail.

use super::checksum::{crc32c, crc32c_append};
use crate::Timestamp;

/// Bytes of a record before its payload: length (4), kind (1), number (8), time (8), CRC-32C of the payload (4), CRC-32C of
/// the 25 bytes before it (4); little endian.
pub const HEADER_BYTES: usize = 29;

/// Largest payload of a record. Larger than what any hook may answer or write with the sandbox's limits.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// Bytes that a disk writes at once: what was never written is zero from a multiple of it on.
const SECTOR_BYTES: usize = 512;

/// A record that is larger than [`RECORD_BYTES_MAX`]; nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record of {bytes} bytes is larger than {RECORD_BYTES_MAX}: lower the limits of the strategy that caused it")]
pub struct RecordTooLarge {
    /// How large.
    pub bytes: usize,
}

/// A record, its payload not yet understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Where it begins in the segment, in bytes.
    pub offset: usize,
    /// What kind of record.
    pub kind: u8,
    /// Its number.
    pub number: u64,
    /// The core's time.
    pub time: Timestamp,
    /// The rest, its checksum proven.
    pub payload: &'a [u8],
}

/// What comes next in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read<'a> {
    /// A record.
    Record(Frame<'a>),
    /// The segment ends where a record ends.
    End,
    /// The segment ends within a record, which was never acted on.
    Torn {
        /// Where the record begins, in bytes.
        offset: usize,
        /// How many bytes of it there are.
        bytes: usize,
    },
}

/// Bytes that were written and are no longer what they were. What lies before them is sound; nothing after them is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The header of a record.
    #[error("the header of record {number} is damaged at byte {offset}")]
    Header {
        /// Where the record begins.
        offset: usize,
        /// Which record should be there.
        number: u64,
    },
    /// The payload of a record.
    #[error("record {number} is damaged at byte {offset}")]
    Payload {
        /// Where the record begins.
        offset: usize,
        /// Which record.
        number: u64,
    },
    /// A sound record of another place.
    #[error("at byte {offset} stands record {found} where {expected} should be")]
    Order {
        /// Where the record begins.
        offset: usize,
        /// Its number.
        found: u64,
        /// The number that follows.
        expected: u64,
    },
    /// A sound header of a record that nobody writes.
    #[error("record {number} at byte {offset} says it is {bytes} bytes long; at most {RECORD_BYTES_MAX} are written")]
    Length {
        /// Where the record begins.
        offset: usize,
        /// Its number.
        number: u64,
        /// How long it says it is.
        bytes: usize,
    },
}

impl Damage {
    /// Where the damaged record begins in its segment, in bytes.
    pub const fn offset(&self) -> usize {
        match *self {
            Self::Header { offset, .. }
            | Self::Payload { offset, .. }
            | Self::Order { offset, .. }
            | Self::Length { offset, .. } => offset,
        }
    }
}

/// Appends a record whose payload the closure writes.
pub(super) fn write(
    to: &mut Vec<u8>,
    kind: u8,
    number: u64,
    time: Timestamp,
    payload: impl FnOnce(&mut Vec<u8>),
) -> Result<(), RecordTooLarge> {
    let begin = to.len();
    to.extend_from_slice(&[0; HEADER_BYTES]);
    payload(to);
    let bytes = to.len() - begin - HEADER_BYTES;
    if bytes > RECORD_BYTES_MAX {
        to.truncate(begin);
        return Err(RecordTooLarge { bytes });
    }
    let length = u32::try_from(bytes).expect("RECORD_BYTES_MAX fits");
    let (header, payload) = to[begin..].split_at_mut(HEADER_BYTES);
    header[0..4].copy_from_slice(&length.to_le_bytes());
    header[4] = kind;
    header[5..13].copy_from_slice(&number.to_le_bytes());
    header[13..21].copy_from_slice(&time.as_millis().to_le_bytes());
    header[21..25].copy_from_slice(&crc32c(payload).to_le_bytes());
    let checksum = crc32c(&header[..25]);
    header[25..].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// The records of a segment, in order.
#[derive(Debug)]
pub struct Frames<'a> {
    segment: &'a [u8],
    offset: usize,
    number: u64,
}

impl<'a> Frames<'a> {
    /// From a place in a segment where a record begins, and its number.
    pub fn new(segment: &'a [u8], offset: usize, number: u64) -> Self {
        Self { segment, offset: offset.min(segment.len()), number }
    }

    /// Whether bytes up to there lie in blocks that were never written: whole sectors of zeros up to the end.
    fn is_unwritten(&self, end: usize) -> bool {
        let written = self.segment.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        end > written.next_multiple_of(SECTOR_BYTES)
    }

    /// Where the next record begins, in bytes.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The number of the next record.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The next record.
    ///
    /// # Errors
    /// Where the bytes are not those that were written. Nothing more is to be read then.
    #[expect(clippy::should_implement_trait, reason = "its end is told apart from a torn one, and it fails")]
    pub fn next(&mut self) -> Result<Read<'a>, Damage> {
        let (offset, number) = (self.offset, self.number);
        let rest = &self.segment[offset..];
        if rest.is_empty() {
            return Ok(Read::End);
        }
        let torn = Read::Torn { offset, bytes: rest.len() };
        let Some((header, rest)) = rest.split_first_chunk::<HEADER_BYTES>() else { return Ok(torn) };
        let header = Header::read(header);
        if !header.is_sound {
            return if self.is_unwritten(offset + HEADER_BYTES) { Ok(torn) } else { Err(Damage::Header { offset, number }) };
        }
        if header.number != number {
            return Err(Damage::Order { offset, found: header.number, expected: number });
        }
        if header.length > RECORD_BYTES_MAX {
            return Err(Damage::Length { offset, number, bytes: header.length });
        }
        let Some(payload) = rest.get(..header.length) else { return Ok(torn) };
        let end = offset + HEADER_BYTES + header.length;
        if crc32c(payload) != header.payload_checksum {
            return if self.is_unwritten(end) { Ok(torn) } else { Err(Damage::Payload { offset, number }) };
        }
        self.offset = end;
        self.number = number.saturating_add(1);
        Ok(Read::Record(Frame { offset, kind: header.kind, number, time: header.time, payload }))
    }
}

struct Header {
    length: usize,
    kind: u8,
    number: u64,
    time: Timestamp,
    payload_checksum: u32,
    is_sound: bool,
}

impl Header {
    fn read(bytes: &[u8; HEADER_BYTES]) -> Self {
        fn at<const N: usize>(bytes: &[u8; HEADER_BYTES], from: usize) -> [u8; N] {
            bytes[from..from + N].try_into().expect("the header is longer")
        }
        Self {
            length: u32::from_le_bytes(at(bytes, 0)) as usize,
            kind: bytes[4],
            number: u64::from_le_bytes(at(bytes, 5)),
            time: Timestamp::from_millis(i64::from_le_bytes(at(bytes, 13))),
            payload_checksum: u32::from_le_bytes(at(bytes, 21)),
            is_sound: crc32c_append(0, &bytes[..25]) == u32::from_le_bytes(at(bytes, 25)),
        }
    }
}
