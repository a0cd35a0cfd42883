//! So much within so long, for any such stretch of time, counted exactly.

use std::collections::VecDeque;

/// A minute, in which nearly everything is counted.
pub(crate) const MINUTE_MS: u64 = 60_000;

/// So much within so long.
#[derive(Debug, Clone)]
pub(crate) struct Sliding {
    limit: u64,
    period_ms: u64,
    /// When and how much, oldest first. What is refused is not in it, so that it is no longer than the limit.
    used: VecDeque<(u64, u64)>,
    sum: u64,
}

impl Sliding {
    pub(crate) const fn a_minute(limit: u64) -> Self {
        Self { limit, period_ms: MINUTE_MS, used: VecDeque::new(), sum: 0 }
    }

    fn forget(&mut self, now: u64) {
        while let Some((when, amount)) = self.used.front().copied()
            && now.saturating_sub(when) >= self.period_ms
        {
            self.sum -= amount;
            self.used.pop_front();
        }
    }

    /// Takes so much if it fits.
    pub(crate) fn take(&mut self, now: u64, amount: u64) -> bool {
        self.forget(now);
        if self.sum.saturating_add(amount) > self.limit {
            return false;
        }
        self.add(now, amount);
        true
    }

    /// Adds to what was taken, also beyond the limit: rows of an answer count once they are known.
    pub(crate) fn add(&mut self, now: u64, amount: u64) {
        if amount > 0 {
            self.sum = self.sum.saturating_add(amount);
            self.used.push_back((now, amount));
        }
    }

    /// How much is in use.
    pub(crate) fn used(&mut self, now: u64) -> u64 {
        self.forget(now);
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_comes_back_after_the_period_and_not_before() {
        let mut window = Sliding::a_minute(10);
        assert!(window.take(1_000, 6));
        assert!(window.take(31_000, 4));
        assert!(!window.take(60_999, 1));
        assert!(window.take(61_000, 6));
        assert_eq!(window.used(61_000), 10);
        window.add(61_000, 5);
        assert!(!window.take(91_000, 1), "what was added counts");
        assert_eq!(window.used(121_000), 0);
    }

    #[test]
    fn what_is_refused_takes_no_room() {
        let mut window = Sliding::a_minute(3);
        assert_eq!((0..100_000).filter(|_| window.take(0, 2)).count(), 1);
        assert_eq!((window.used.len(), window.used(0)), (1, 2));
    }
}
