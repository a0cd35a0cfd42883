//! Who wants which streams, so that each is subscribed to once; and which services are alive.

use super::{BusError, HolderName, ServiceName, StreamName};
use async_trait::async_trait;
use std::time::Duration;

/// A stream that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub stream: StreamName,
    /// Who, in order; never empty.
    pub holders: Vec<HolderName>,
}

/// The last sign of life of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Which.
    pub service: ServiceName,
    /// How long ago, by the clock of the bus.
    pub age: Duration,
}

/// Who wants what, and who is alive.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Notes that a holder wants streams, for `life` from now. Asking again makes it last longer.
    ///
    /// # Errors
    /// See [`BusError`].
    async fn want(&self, holder: &HolderName, streams: &[StreamName], life: Duration) -> Result<(), BusError>;

    /// Notes that a holder no longer wants streams.
    ///
    /// # Errors
    /// See [`BusError`].
    async fn unwant(&self, holder: &HolderName, streams: &[StreamName]) -> Result<(), BusError>;

    /// All that is wanted now, in the order of the streams' names.
    ///
    /// # Errors
    /// See [`BusError`].
    async fn wanted(&self) -> Result<Vec<Wanted>, BusError>;

    /// Says that a service is alive.
    ///
    /// # Errors
    /// See [`BusError`].
    async fn beat(&self, service: &ServiceName) -> Result<(), BusError>;

    /// The last sign of life of each service, as long as it is remembered ([`super::limits::HEARTBEAT_LIFE`]).
    ///
    /// # Errors
    /// See [`BusError`].
    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, BusError>;
}
