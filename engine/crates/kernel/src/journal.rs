//! The journal's format: every input of a core, numbered, as bytes that outlive the process and the version that wrote them.
//!
//! ```text
//! segment  = header, record*          one file, or any other place that bytes are kept in
//! record   = length, kind, number, time, checksum of the payload, checksum of all that, payload
//! ```
//!
//! Here bytes come in and go out; where they are kept, when they reach the disk and for how long belongs to the shell. What
//! is read is anybody's: a wrong byte is an error that names its place, never a panic and never more memory than the record is
//! long. The tables in `market`, `input`, `output` and `risk` are the format; the golden bytes in its tests hold them to it.

mod checksum;
mod frame;
mod input;
mod market;
mod output;
mod record;
mod replay;
mod risk;
mod segment;
mod tables;
#[cfg(test)]
mod tests;
mod wire;

pub use frame::{Damage, Frame, Frames, HEADER_BYTES, RECORD_BYTES_MAX, Read, RecordTooLarge};
pub use record::{BadRecord, OutputsDigest, Record, write_input, write_record};
pub use replay::{Mismatch, Replay, ReplayError, Step};
pub use segment::{BadSegment, FORMAT_VERSION, SEGMENT_HEADER_BYTES, SegmentHeader};
pub use wire::Malformed;
