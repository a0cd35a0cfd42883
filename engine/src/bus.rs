//! The bus between the services of a live system: streams of market data, who wants which, who may write them, who is alive.
//!
//! ```text
//!   market data service                                           user engines
//!     lease ──► publish ──► md.BTC.1m, md.BTC.trades … ──► read (one group per engine) ──► acknowledge
//!     wanted ◄─────────────── registry of wanted streams ◄─────────────── want
//! ```
//!
//! Two implementations, held to one battery of tests: [`MemoryBus`] within a process, the default on one machine, and
//! [`RedisBus`] between processes. Both have the same ids, groups, acknowledgement, trimming and errors. Orders never cross it.
//!
//! Each entry has an id that its publisher derives from what the entry says, so that publishing it again, after a timeout or a
//! restart, writes nothing; and a number, consecutive in its stream, so that a reader sees a hole without asking.

mod check;
mod entry;
mod error;
mod lease;
pub mod limits;
mod memory;
mod names;
mod redis;
mod registry;
mod settings;
mod streams;

pub use self::redis::{RedisBus, ServerFacts};
pub use entry::{BadEntry, Content, Entry, EntryId, Fields, NewEntry, NotAnEntryId, Published};
pub use error::{BusError, Misconfiguration, Refusal, Silence};
pub use lease::{Acquired, Lease, Leases};
pub use memory::MemoryBus;
pub use names::{ConsumerName, GroupName, HolderName, LeaseName, NotAName, NotAStream, ServiceName, StreamName, Topic};
pub use registry::{Heartbeat, Registry, Wanted};
pub use settings::{BusUrl, RedisSettings, Retention, TlsFiles};
pub use streams::{Claimed, GroupState, Position, ReadLimit, Recovered, Streams};

/// All that a bus does. What it is asked for sorts into three: streams, leases, and the registry of who wants what.
pub trait Bus: Streams + Leases + Registry + std::fmt::Debug {}

impl<T: Streams + Leases + Registry + std::fmt::Debug> Bus for T {}
