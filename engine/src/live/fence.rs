//! The fence around an account that only one process may trade: it stands as long as our lease surely holds, by our own clock.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// Until when an account is ours. Clones share it.
#[derive(Debug, Clone)]
pub struct Fence(Arc<Mutex<Instant>>);

impl Fence {
    /// One that stands until then.
    pub fn new(valid_until: Instant) -> Self {
        Self(Arc::new(Mutex::new(valid_until)))
    }

    /// Whether it stands. Where it does not, another process may trade the account already.
    pub fn holds(&self) -> bool {
        Instant::now() < *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lease was renewed.
    pub fn extend(&self, valid_until: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = valid_until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn it_falls_by_itself() {
        let fence = Fence::new(Instant::now() + Duration::from_secs(5));
        let link = fence.clone();
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(link.holds());
        fence.extend(Instant::now() + Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(link.holds(), "it was renewed");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!link.holds());
    }
}
