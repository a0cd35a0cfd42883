//! Signs of life: that the loop turns, and that something comes or goes.
//!
//! Times come in with each sign, so that a test moves them as it likes.

use calypte_kernel::Timeframe;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest that a loop may take for one turn: it never waits for anything that long.
const TURN_MAX: Duration = Duration::from_secs(10);
/// Least time without progress that is too long: heartbeats come every few seconds.
const TOLERANCE_MIN: Duration = Duration::from_secs(10);
/// Most feeds whose signs are told apart.
const FEEDS_MAX: usize = 10_000;

/// How long a service may make no progress: twice its shortest timeframe, since a candle of each comes in that time.
pub fn tolerance(shortest: Timeframe) -> Duration {
    Duration::from_millis(shortest.as_millis().saturating_mul(2)).max(TOLERANCE_MIN)
}

/// What a service is not doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stalled {
    /// Its loop does not turn.
    #[error("the loop has not turned for {} s, and at most {} s are allowed", .age.as_secs(), TURN_MAX.as_secs())]
    Loop {
        /// For how long.
        age: Duration,
    },
    /// Nothing comes, nothing goes, and no heartbeat either.
    #[error("nothing was published, consumed or heard for {} s, and at most {} s are allowed", .age.as_secs(), .most.as_secs())]
    Progress {
        /// For how long.
        age: Duration,
        /// How long it may.
        most: Duration,
    },
}

/// The signs of life of a service. Clones share them.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Signs>);

#[derive(Debug)]
struct Signs {
    began: Instant,
    tolerance: Duration,
    turned: Sign,
    progressed: Sign,
    feeds: Mutex<BTreeMap<String, Arc<Sign>>>,
}

/// When something happened last, in milliseconds since the beginning.
#[derive(Debug, Default)]
struct Sign(AtomicU64);

impl Sign {
    fn mark(&self, began: Instant, now: Instant) {
        let ms = u64::try_from(now.saturating_duration_since(began).as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_max(ms, Ordering::Relaxed);
    }

    fn age(&self, began: Instant, now: Instant) -> Duration {
        now.saturating_duration_since(began).saturating_sub(Duration::from_millis(self.0.load(Ordering::Relaxed)))
    }
}

/// The signs of one feed, which are signs of the service too.
#[derive(Debug, Clone)]
pub struct FeedPulse {
    pulse: Pulse,
    sign: Option<Arc<Sign>>,
}

impl Pulse {
    /// Of a service that begins now, which counts as progress.
    pub fn new(now: Instant, tolerance: Duration) -> Self {
        let signs =
            Signs { began: now, tolerance, turned: Sign::default(), progressed: Sign::default(), feeds: Mutex::default() };
        Self(Arc::new(signs))
    }

    /// The loop has turned.
    pub fn turned(&self, now: Instant) {
        self.0.turned.mark(self.0.began, now);
    }

    /// Something was published or consumed, or a heartbeat came.
    pub fn progressed(&self, now: Instant) {
        self.0.progressed.mark(self.0.began, now);
    }

    /// A feed that is wanted from now on. Beyond the first ten thousand, feeds are signs of the service alone.
    pub fn feed(&self, name: &str, now: Instant) -> FeedPulse {
        let mut feeds = self.feeds();
        if !feeds.contains_key(name) && feeds.len() >= FEEDS_MAX {
            return FeedPulse { pulse: self.clone(), sign: None };
        }
        let sign = Arc::clone(feeds.entry(name.to_owned()).or_default());
        sign.mark(self.0.began, now);
        FeedPulse { pulse: self.clone(), sign: Some(sign) }
    }

    /// A feed that is no longer wanted.
    pub fn forget_feed(&self, name: &str) {
        self.feeds().remove(name);
    }

    /// Whether the loop turns.
    ///
    /// # Errors
    /// Where it has not for too long.
    pub fn check_loop(&self, now: Instant) -> Result<(), Stalled> {
        let age = self.0.turned.age(self.0.began, now);
        if age > TURN_MAX { Err(Stalled::Loop { age }) } else { Ok(()) }
    }

    /// Whether the service may be vouched for: its loop turns, and something comes or goes.
    ///
    /// # Errors
    /// Where it may not.
    pub fn check(&self, now: Instant) -> Result<(), Stalled> {
        self.check_loop(now)?;
        let (age, most) = (self.age(now), self.0.tolerance);
        if age > most { Err(Stalled::Progress { age, most }) } else { Ok(()) }
    }

    /// How long ago there was progress.
    pub fn age(&self, now: Instant) -> Duration {
        self.0.progressed.age(self.0.began, now)
    }

    /// How long ago each feed brought something.
    pub fn feed_ages(&self, now: Instant) -> Vec<(String, Duration)> {
        self.feeds().iter().map(|(name, sign)| (name.clone(), sign.age(self.0.began, now))).collect()
    }

    fn feeds(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Sign>>> {
        self.0.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FeedPulse {
    /// It brought something, or its heartbeat came.
    pub fn heard(&self, now: Instant) {
        if let Some(sign) = &self.sign {
            sign.mark(self.pulse.0.began, now);
        }
        self.pulse.progressed(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn who_makes_no_progress_for_two_candles_is_not_vouched_for() {
        let began = Instant::now();
        let pulse = Pulse::new(began, tolerance(Timeframe::MINUTE));
        let at = |seconds: u32| began + seconds * SECOND;
        for second in 0..=120 {
            pulse.turned(at(second));
            assert_eq!(pulse.check(at(second)), Ok(()), "{second}");
        }
        pulse.turned(at(121));
        assert_eq!(pulse.check(at(121)), Err(Stalled::Progress { age: 121 * SECOND, most: 120 * SECOND }));
        assert_eq!(pulse.check_loop(at(121)), Ok(()));
        // One heartbeat is enough, and a late sign of an earlier time takes nothing back.
        pulse.progressed(at(121));
        pulse.progressed(at(3));
        assert_eq!((pulse.check(at(121)), pulse.age(at(130))), (Ok(()), 9 * SECOND));
    }

    #[test]
    fn a_loop_that_hangs_is_not_vouched_for() {
        let began = Instant::now();
        let pulse = Pulse::new(began, tolerance(Timeframe::MINUTE));
        let now = began + 11 * SECOND;
        pulse.progressed(now);
        assert_eq!(pulse.check(now), Err(Stalled::Loop { age: 11 * SECOND }));
        assert!(pulse.check(now).expect_err("it hangs").to_string().contains("has not turned for 11 s"));
    }

    #[test]
    fn each_feed_has_its_age() {
        let began = Instant::now();
        let pulse = Pulse::new(began, tolerance(Timeframe::MINUTE));
        let quiet = pulse.feed("md.BTC.1m", began + SECOND);
        let busy = pulse.feed("md.ETH.1m", began + SECOND);
        busy.heard(began + 5 * SECOND);
        let ages = pulse.feed_ages(began + 6 * SECOND);
        assert_eq!(ages, [("md.BTC.1m".to_owned(), 5 * SECOND), ("md.ETH.1m".to_owned(), SECOND)]);
        assert_eq!(pulse.age(began + 6 * SECOND), SECOND, "one that is heard is progress of the service");
        pulse.forget_feed("md.BTC.1m");
        quiet.heard(began + 6 * SECOND);
        assert_eq!(pulse.feed_ages(began + 6 * SECOND).len(), 1);
    }

    #[test]
    fn the_tolerance_leaves_room_for_heartbeats() {
        assert_eq!(tolerance("1s".parse().expect("a timeframe")), 10 * SECOND);
        assert_eq!(tolerance("15m".parse().expect("a timeframe")), 1_800 * SECOND);
    }
}
