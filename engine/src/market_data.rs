//! Market data on the bus: what a connector hears, written once to the stream of its kind, and read back as it was heard.
//!
//! ```text
//!   connector ──► Publisher ──► md.BTC.1m ───────────────► Reader ──► events of the core, in order, each once
//!                    └─ derived ► md.BTC.5m, md.BTC.1h …      └─ holes become gaps, ages are told, ids wait to be acknowledged
//! ```
//!
//! Everything here is pure: entries in and out are values, the time is told. What carries them is the bus.

mod derive;
mod message;
mod publisher;
mod reader;
mod wanted;

pub use message::{MarketEntry, Said};
pub use publisher::{Full, Last, Publisher, PublisherTally, TIME_AHEAD_MS_MAX, WAITING_MAX};
pub use reader::{Delivered, Reader, ReaderTally};
pub use wanted::{Changes, Subscriptions};
