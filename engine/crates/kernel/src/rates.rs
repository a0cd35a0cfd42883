//! How often something may be asked for: a bucket that holds a few requests and fills up again with time.
//!
//! Whole numbers only, and no clock: the time comes with each input, so that a replay decides alike.

use crate::Timestamp;

/// Longest period a [`Rate`] can be declared over: a day.
pub const RATE_PERIOD_MS_MAX: u64 = 86_400_000;

/// So many requests at once, and so many more in each period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least 1.
    pub count: u32,
    /// In how many milliseconds; 1 to [`RATE_PERIOD_MS_MAX`].
    pub per_ms: u64,
}

impl Rate {
    /// What a full bucket holds, where one request takes `per_ms` out and each millisecond puts `count` back.
    const fn capacity(self) -> u64 {
        self.count as u64 * self.per_ms
    }
}

/// What is left of a [`Rate`]. Full at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// What was taken out and has not come back.
    taken: u64,
    /// When that was so.
    at: Timestamp,
}

impl Default for Bucket {
    fn default() -> Self {
        Self { taken: 0, at: Timestamp::from_millis(i64::MIN) }
    }
}

impl Bucket {
    fn taken(self, rate: Rate, now: Timestamp) -> u64 {
        let back = now.millis_since(self.at).saturating_mul(u64::from(rate.count));
        self.taken.saturating_sub(back)
    }

    /// How long until it has room for one more request; zero: it has.
    pub(crate) fn wait_ms(self, rate: Rate, now: Timestamp) -> u64 {
        let over = self.taken(rate, now).saturating_add(rate.per_ms).saturating_sub(rate.capacity());
        over.div_ceil(u64::from(rate.count))
    }

    /// Takes one request out.
    pub(crate) fn take(&mut self, rate: Rate, now: Timestamp) {
        *self = Self { taken: self.taken(rate, now).saturating_add(rate.per_ms).min(rate.capacity()), at: now };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TWO_A_SECOND: Rate = Rate { count: 2, per_ms: 1000 };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_full_bucket_empties_and_fills_evenly() {
        let mut bucket = Bucket::default();
        for _ in 0..2 {
            assert_eq!(bucket.wait_ms(TWO_A_SECOND, at(0)), 0);
            bucket.take(TWO_A_SECOND, at(0));
        }
        assert_eq!(bucket.wait_ms(TWO_A_SECOND, at(0)), 500);
        assert_eq!(bucket.wait_ms(TWO_A_SECOND, at(499)), 1);
        assert_eq!(bucket.wait_ms(TWO_A_SECOND, at(500)), 0);
    }

    proptest! {
        #[test]
        fn no_period_holds_more_than_twice_the_count(
            count in 1_u32..20, per_ms in 1_u64..5_000, steps in prop::collection::vec(0_i64..500, 1..200)
        ) {
            let rate = Rate { count, per_ms };
            let (mut bucket, mut now, mut passed) = (Bucket::default(), 0, Vec::new());
            for step in steps {
                now += step;
                if bucket.wait_ms(rate, at(now)) == 0 {
                    bucket.take(rate, at(now));
                    passed.push(now);
                }
            }
            for first in &passed {
                let end = *first + i64::try_from(per_ms).expect("small");
                let within = passed.iter().filter(|time| (*first..end).contains(time)).count();
                // A full bucket at the start of the period, and what comes back during it.
                prop_assert!(within <= 2 * count as usize);
            }
        }

        #[test]
        fn the_wait_it_names_is_long_enough_and_no_longer(
            count in 1_u32..1_000, per_ms in 1_u64..RATE_PERIOD_MS_MAX, taken in 0_u32..2_000
        ) {
            let rate = Rate { count, per_ms };
            let mut bucket = Bucket::default();
            for _ in 0..taken {
                bucket.take(rate, at(0));
            }
            let wait = i64::try_from(bucket.wait_ms(rate, at(0))).expect("within a day");
            prop_assert_eq!(bucket.wait_ms(rate, at(wait)), 0);
            prop_assert!(wait == 0 || bucket.wait_ms(rate, at(wait - 1)) > 0);
        }
    }
}
