//! Leases: what only one process may do at a time.
//!
//! A lease runs out unless it is renewed, so that a dead holder blocks nobody for long. Each carries a fencing number above all
//! before it: a holder that slept through its end and wakes up is refused by whoever compares the numbers, as publishing does.

use super::{BusError, HolderName, LeaseName};
use async_trait::async_trait;
use std::time::Duration;
use tokio::time::Instant;

/// A lease that was acquired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    name: LeaseName,
    holder: HolderName,
    fence: u64,
    valid_until: Instant,
}

impl Lease {
    pub(super) fn new(name: LeaseName, holder: HolderName, fence: u64, valid_until: Instant) -> Self {
        Self { name, holder, fence, valid_until }
    }

    /// Of what.
    pub const fn name(&self) -> &LeaseName {
        &self.name
    }

    /// Who holds it.
    pub const fn holder(&self) -> &HolderName {
        &self.holder
    }

    /// Its fencing number: above those of all leases of that name before it, also where the bus lost its data in between, as
    /// long as its clock was not set back.
    pub const fn fence(&self) -> u64 {
        self.fence
    }

    /// Until when it surely holds, by our clock: the answer came later than the bus began to count. A holder that could not renew
    /// it by then stops by itself.
    pub const fn valid_until(&self) -> Instant {
        self.valid_until
    }
}

/// What came of asking for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// It is ours.
    Ours(Lease),
    /// Somebody holds it: also ourselves, under a lease that we forgot.
    Taken {
        /// Who.
        holder: HolderName,
        /// When it runs out unless it is renewed.
        remaining: Duration,
    },
}

/// Leases with fencing numbers.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Asks for a lease; `life` is how long it lasts unless it is renewed, at most [`super::limits::LIFE_MAX`].
    ///
    /// # Errors
    /// See [`BusError`].
    async fn acquire(&self, name: &LeaseName, holder: &HolderName, life: Duration) -> Result<Acquired, BusError>;

    /// Makes it last for `life` from now.
    ///
    /// # Errors
    /// [`BusError::LeaseLost`] where it ran out or another has it, and others.
    async fn renew(&self, lease: &mut Lease, life: Duration) -> Result<(), BusError>;

    /// Gives it back. Whether it was still ours.
    ///
    /// # Errors
    /// See [`BusError`].
    async fn release(&self, lease: &Lease) -> Result<bool, BusError>;
}
