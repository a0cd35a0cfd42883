//! What parent and child say to each other: an order and a component one way, one answer the other way.
//!
//! Both ends are the same program, so there is one version and no tolerance: what does not decode is an error.

use super::CompileCost;
use std::io::Read;
use std::time::Duration;

const ORDER_MAGIC: &[u8; 8] = b"calypte>";
const ANSWER_MAGIC: &[u8; 8] = b"calypte<";

/// Bytes of an order before the component.
pub(super) const ORDER_BYTES: usize = 8 + 8 + 8 + 1 + 32 + 8;
/// Bytes of an answer before its payload.
pub(super) const ANSWER_HEADER_BYTES: usize = 8 + 1 + 8 + 8 + 8;

/// What the child is to do, and within which limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) cpu_seconds: u64,
    pub(super) address_space_bytes: u64,
    /// The only setting of a sandbox that compiled code depends on.
    pub(super) portable: bool,
    /// The engine that will load the code.
    pub(super) engine: [u8; 32],
}

impl Order {
    /// The order as it goes before a component of that many bytes.
    pub(super) fn encode(&self, component_bytes: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ORDER_BYTES);
        bytes.extend_from_slice(ORDER_MAGIC);
        bytes.extend_from_slice(&self.cpu_seconds.to_le_bytes());
        bytes.extend_from_slice(&self.address_space_bytes.to_le_bytes());
        bytes.push(self.portable.into());
        bytes.extend_from_slice(&self.engine);
        bytes.extend_from_slice(&(component_bytes as u64).to_le_bytes());
        bytes
    }

    /// Reads an order and the length of the component behind it.
    pub(super) fn read(from: &mut impl Read) -> std::io::Result<(Self, u64)> {
        if &array::<8>(from)? != ORDER_MAGIC {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "this is not an order to compile"));
        }
        let order = Self {
            cpu_seconds: u64::from_le_bytes(array(from)?),
            address_space_bytes: u64::from_le_bytes(array(from)?),
            portable: array::<1>(from)? == [1],
            engine: array(from)?,
        };
        Ok((order, u64::from_le_bytes(array(from)?)))
    }
}

/// How a compilation ended that the child lived to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Artefact,
    Refused,
    OutOfMemory,
    OtherEngine,
    Panicked,
}

const STATUSES: [Status; 5] = [Status::Artefact, Status::Refused, Status::OutOfMemory, Status::OtherEngine, Status::Panicked];

/// What the child says: compiled code, or words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) cost: CompileCost,
    pub(super) payload: Vec<u8>,
}

impl Answer {
    /// The bytes before the payload.
    pub(super) fn encode_header(&self) -> Vec<u8> {
        let status = STATUSES.iter().position(|status| *status == self.status).and_then(|at| u8::try_from(at).ok());
        let cpu_us = u64::try_from(self.cost.cpu.as_micros()).unwrap_or(u64::MAX);
        let mut bytes = Vec::with_capacity(ANSWER_HEADER_BYTES);
        bytes.extend_from_slice(ANSWER_MAGIC);
        bytes.push(status.unwrap_or(u8::MAX));
        bytes.extend_from_slice(&cpu_us.to_le_bytes());
        bytes.extend_from_slice(&self.cost.peak_bytes.to_le_bytes());
        bytes.extend_from_slice(&(self.payload.len() as u64).to_le_bytes());
        bytes
    }

    /// An answer still without its payload, and the payload's length. None if it is not one.
    pub(super) fn header(mut bytes: &[u8]) -> Option<(Self, u64)> {
        let from = &mut bytes;
        if &array::<8>(from).ok()? != ANSWER_MAGIC {
            return None;
        }
        let [status] = array::<1>(from).ok()?;
        let status = *STATUSES.get(usize::from(status))?;
        let cpu = Duration::from_micros(u64::from_le_bytes(array(from).ok()?));
        let peak_bytes = u64::from_le_bytes(array(from).ok()?);
        let length = u64::from_le_bytes(array(from).ok()?);
        let cost = CompileCost { cpu, peak_bytes, artefact_bytes: length };
        Some((Self { status, cost, payload: Vec::new() }, length))
    }
}

fn array<const N: usize>(from: &mut impl Read) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}
