//! Market data on the bus: what a connector hears, written once to the stream of its kind, and read back as it was heard.
//!
//! ```text
//!   connector ──► Publisher ──► md.BTC.1m ───────────────► Reader ──► events of the core, in order, each once
//!                    └─ derived ► md.BTC.5m, md.BTC.1h …      └─ holes become gaps, ages are told, ids wait to be acknowledged
//! ```
//!
//! Publisher and reader are pure: entries in and out are values, the time is told. What carries them is the bus. The service
//! around the publisher is [`Service`].

mod derive;
mod market;
mod message;
mod publisher;
mod reader;
mod service;
mod wanted;

pub use market::Market;
pub use message::{MarketEntry, Said, candle_of};
pub use publisher::{Full, Last, Publisher, PublisherTally, TIME_AHEAD_MS_MAX, WAITING_MAX};
pub use reader::{Delivered, Reader, ReaderTally};
pub use service::{OpenMarket, READY_LEASE, Service, ServiceError, ServiceSettings, ServiceTally};
pub use wanted::{Changes, Subscriptions};
