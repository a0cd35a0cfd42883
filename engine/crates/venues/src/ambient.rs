//! What a connector takes from around it: the time, and chance. Tests hand in their own.

use calypte_kernel::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time and chance. Waiting goes by tokio's clock, which tests stop and move.
pub trait Ambient: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// A random number: for waits that are not everybody's, never for a secret.
    fn chance(&self) -> u32;
}

/// The machine's clock and its random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Ambient for Machine {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Where the machine has none, waits are as short as they may be.
    fn chance(&self) -> u32 {
        getrandom::u32().unwrap_or_default()
    }
}
