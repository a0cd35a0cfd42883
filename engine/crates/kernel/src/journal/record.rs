//! What the records of a journal say, by kind.

use super::checksum::crc32c_append;
use super::frame::{self, Frame, RecordTooLarge};
use super::tables::wire_struct;
use super::wire::{Bytes, Decode, Encode, Malformed};
use crate::{Answer, CoreSettings, Input, Output, Timestamp};

/// The kinds, by their numbers in the format. One that is gone leaves its number unused.
mod kind {
    pub(super) const SETTINGS: u8 = 1;
    pub(super) const FACTS: u8 = 2;
    pub(super) const INPUT: u8 = 3;
    pub(super) const CHECKPOINT: u8 = 4;
    pub(super) const OUTPUTS: u8 = 5;
    pub(super) const CLOSED: u8 = 6;
}

/// One record.
#[derive(Debug, Clone)]
pub enum Record {
    /// What the core was made of. Each segment begins with one, so that it can be read alone; within an epoch they are equal.
    Settings(Box<CoreSettings>),
    /// What the shell wants to find again beside the settings; its form is the shell's.
    Facts(Vec<u8>),
    /// An input, written before the core had it. One that holds what a strategy saved is a checkpoint and has a kind of its
    /// own, so that it is found without reading the others.
    Input(Input),
    /// What the core had said up to here.
    Outputs(OutputsDigest),
    /// The journal was closed in order, with what the core had said in all. Nothing follows in the epoch.
    Closed(OutputsDigest),
}

/// A record that is sound and still cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// Of a kind that this version does not know: read it with the version that wrote it.
    #[error("record {number} at byte {offset} is of kind {kind}, which this version does not know")]
    UnknownKind {
        /// Its number.
        number: u64,
        /// Where it begins in its segment.
        offset: usize,
        /// Its kind.
        kind: u8,
    },
    /// Its payload is not what its kind says.
    #[error("record {number} at byte {offset} cannot be read")]
    Malformed {
        /// Its number.
        number: u64,
        /// Where it begins in its segment.
        offset: usize,
        /// What is wrong.
        #[source]
        cause: Malformed,
    },
}

/// What a core said since it was made, as few bytes: how much, and a checksum over all of it in order. Equal digests mean equal
/// outputs but for one chance in four thousand million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputsDigest {
    /// How many outputs.
    pub outputs: u64,
    /// How many bytes they are.
    pub bytes: u64,
    /// CRC-32C of those bytes.
    pub checksum: u32,
}

impl OutputsDigest {
    /// With one more. `scratch` holds its bytes afterwards.
    pub fn add(&mut self, output: &Output, scratch: &mut Vec<u8>) {
        scratch.clear();
        output.encode(scratch);
        self.outputs += 1;
        self.bytes += scratch.len() as u64;
        self.checksum = crc32c_append(self.checksum, scratch);
    }
}

impl std::fmt::Display for OutputsDigest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { outputs, bytes, checksum } = self;
        write!(formatter, "{outputs} outputs of {bytes} bytes, checksum {checksum:08x}")
    }
}

wire_struct!(OutputsDigest { outputs, bytes, checksum });

/// Appends an input as the record of that number: what the shell does before it hands the input to the core.
///
/// # Errors
/// Where it is too large; nothing is appended then.
pub fn write_input(to: &mut Vec<u8>, number: u64, time: Timestamp, input: &Input) -> Result<(), RecordTooLarge> {
    match input {
        Input::HookEnded(ended) if matches!(ended.answer, Answer::Saved(_)) => {
            frame::write(to, kind::CHECKPOINT, number, time, |to| ended.encode(to))
        }
        input => frame::write(to, kind::INPUT, number, time, |to| input.encode(to)),
    }
}

/// Appends any record.
///
/// # Errors
/// Where it is too large; nothing is appended then.
pub fn write_record(to: &mut Vec<u8>, number: u64, time: Timestamp, record: &Record) -> Result<(), RecordTooLarge> {
    match record {
        Record::Settings(settings) => frame::write(to, kind::SETTINGS, number, time, |to| settings.encode(to)),
        Record::Facts(facts) => frame::write(to, kind::FACTS, number, time, |to| to.extend_from_slice(facts)),
        Record::Input(input) => write_input(to, number, time, input),
        Record::Outputs(digest) => frame::write(to, kind::OUTPUTS, number, time, |to| digest.encode(to)),
        Record::Closed(digest) => frame::write(to, kind::CLOSED, number, time, |to| digest.encode(to)),
    }
}

impl Frame<'_> {
    /// Whether it holds what a strategy saved.
    pub const fn is_checkpoint(&self) -> bool {
        self.kind == kind::CHECKPOINT
    }

    /// Whether it is an input of the core.
    pub const fn is_input(&self) -> bool {
        matches!(self.kind, kind::INPUT | kind::CHECKPOINT)
    }

    /// What it says.
    ///
    /// # Errors
    /// Where this version does not understand it.
    pub fn record(&self) -> Result<Record, BadRecord> {
        let Self { offset, kind, number, payload, .. } = *self;
        let mut bytes = Bytes::new(payload);
        let record = match kind {
            kind::SETTINGS => Box::decode(&mut bytes).map(Record::Settings),
            kind::FACTS => bytes.take(payload.len(), "facts").map(|facts| Record::Facts(facts.to_vec())),
            kind::INPUT => Input::decode(&mut bytes).map(Record::Input),
            kind::CHECKPOINT => crate::HookEnded::decode(&mut bytes).map(|ended| Record::Input(Input::HookEnded(ended))),
            kind::OUTPUTS => OutputsDigest::decode(&mut bytes).map(Record::Outputs),
            kind::CLOSED => OutputsDigest::decode(&mut bytes).map(Record::Closed),
            kind => return Err(BadRecord::UnknownKind { number, offset, kind }),
        };
        record.and_then(|record| bytes.end().map(|()| record)).map_err(|cause| BadRecord::Malformed { number, offset, cause })
    }
}
