//! The header of a segment: whose journal, which part of it, made by which settings.

use super::checksum::crc32c;
use super::wire::Bytes;
use crate::AccountId;

/// The version of the format that is written, and the only one that is read.
pub const FORMAT_VERSION: u16 = 1;

/// Bytes of a segment's header.
pub const SEGMENT_HEADER_BYTES: usize = 68;

/// What every segment begins with.
const MAGIC: [u8; 8] = *b"CALYPTEJ";

/// What a segment says of itself.
///
/// Layout, little endian: magic `CALYPTEJ` (8 bytes), format version (2), zeros (2), account (4), epoch (4), segment (4), first
/// record (8), digest of the settings (32), CRC-32C of all that (4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Whose journal.
    pub account: AccountId,
    /// Which opening of the journal, counted from 1: each start of the process has its own.
    pub epoch: u32,
    /// Which segment of the epoch, counted from 1.
    pub segment: u32,
    /// Number of its first record; records are numbered from 1 over the whole journal.
    pub first_record: u64,
    /// Names the settings of the epoch: a hash that the shell makes.
    pub settings_digest: [u8; 32],
}

/// Bytes that do not begin a segment that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSegment {
    /// It ends within its header: the process was killed while it began the segment. Nothing is lost.
    #[error("it ends after {0} bytes, within its header")]
    Short(usize),
    /// Something else.
    #[error("it does not begin as a journal's segment does")]
    NotASegment,
    /// Written by a version that this one does not know: read it with that one.
    #[error("its format has version {found}; this engine reads version {FORMAT_VERSION}")]
    UnknownVersion {
        /// Which.
        found: u16,
    },
    /// A byte of the header is not what was written.
    #[error("its header is damaged: the checksum does not match")]
    Damaged,
}

impl SegmentHeader {
    /// As bytes.
    pub fn to_bytes(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&self.account.get().to_le_bytes());
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.first_record.to_le_bytes());
        bytes.extend_from_slice(&self.settings_digest);
        bytes.extend_from_slice(&crc32c(&bytes).to_le_bytes());
        bytes.try_into().expect("the fields are as long as the header")
    }

    /// Reads the beginning of a segment.
    ///
    /// # Errors
    /// Where it is not one, is damaged, or of another version.
    pub fn read(segment: &[u8]) -> Result<Self, BadSegment> {
        let header = segment.get(..SEGMENT_HEADER_BYTES).ok_or_else(|| {
            let begun = segment.len().min(MAGIC.len());
            if segment[..begun] == MAGIC[..begun] { BadSegment::Short(segment.len()) } else { BadSegment::NotASegment }
        })?;
        let mut bytes = Bytes::new(header);
        let short = |_| BadSegment::Short(segment.len());
        if bytes.array("magic").map_err(short)? != MAGIC {
            return Err(BadSegment::NotASegment);
        }
        // Before the checksum: another version may have another header.
        let version = u16::from_le_bytes(bytes.array("version").map_err(short)?);
        if version != FORMAT_VERSION {
            return Err(BadSegment::UnknownVersion { found: version });
        }
        let (told, checksum) = header.split_at(SEGMENT_HEADER_BYTES - 4);
        if crc32c(told).to_le_bytes() != checksum {
            return Err(BadSegment::Damaged);
        }
        bytes.take(2, "padding").map_err(short)?;
        Ok(Self {
            account: AccountId::new(u32::from_le_bytes(bytes.array("account").map_err(short)?)),
            epoch: u32::from_le_bytes(bytes.array("epoch").map_err(short)?),
            segment: u32::from_le_bytes(bytes.array("segment").map_err(short)?),
            first_record: u64::from_le_bytes(bytes.array("first record").map_err(short)?),
            settings_digest: bytes.array("digest").map_err(short)?,
        })
    }
}
