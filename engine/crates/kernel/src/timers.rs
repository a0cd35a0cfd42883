//! Timers that strategies set, and the clock of those that asked for ticks.
//!
//! A timer fires at most once for each time the core is told the time. Where time jumped over several of its due times, it
//! fires for the earliest and moves to the first due time that lies after now: what was missed is not made up for, so that a
//! jump of a year costs no more than a jump of a second.

use crate::{StrategyId, TimerId, TimerSource, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Shortest tick interval.
pub const TICK_INTERVAL_MS_MIN: u64 = 100;

/// Which timer, in the order in which those due at one time fire: timers before ticks, then by deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Timer(StrategyId, TimerId),
    Tick(StrategyId),
}

#[derive(Debug, Clone, Copy)]
struct Timer {
    due: Timestamp,
    every_ms: Option<u64>,
}

/// A timer that fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fired {
    pub(crate) strategy: StrategyId,
    pub(crate) source: TimerSource,
    pub(crate) due: Timestamp,
}

/// All timers of an account.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    timers: BTreeMap<Name, Timer>,
    due: BTreeSet<(Timestamp, Name)>,
}

impl Schedule {
    /// When the next timer is due.
    #[inline]
    pub(crate) fn next(&self) -> Option<Timestamp> {
        if self.due.is_empty() { None } else { self.due.first().map(|(due, _)| *due) }
    }

    /// How many timers a strategy has set.
    pub(crate) fn count(&self, strategy: StrategyId) -> usize {
        self.timers.range(timers_of(strategy)).count()
    }

    /// Whether a strategy has set that timer.
    pub(crate) fn has(&self, strategy: StrategyId, timer: TimerId) -> bool {
        self.timers.contains_key(&Name::Timer(strategy, timer))
    }

    /// Sets a timer or moves it.
    pub(crate) fn set(&mut self, strategy: StrategyId, timer: TimerId, due: Timestamp, every_ms: Option<u64>) {
        self.insert(Name::Timer(strategy, timer), Timer { due, every_ms });
    }

    /// Starts a strategy's clock: it ticks at whole multiples of the interval since 1970, first after now.
    pub(crate) fn start_clock(&mut self, strategy: StrategyId, now: Timestamp, interval_ms: u64) {
        let interval_ms = interval_ms.max(TICK_INTERVAL_MS_MIN);
        let due = due_after(Timestamp::from_millis(0), interval_ms, now);
        self.insert(Name::Tick(strategy), Timer { due, every_ms: Some(interval_ms) });
    }

    /// Clears a timer, if it is set.
    pub(crate) fn clear(&mut self, strategy: StrategyId, timer: TimerId) {
        self.remove(Name::Timer(strategy, timer));
    }

    /// Clears every timer of a strategy and stops its clock.
    pub(crate) fn release(&mut self, strategy: StrategyId) {
        let names: Vec<Name> = self.timers.range(timers_of(strategy)).map(|(name, _)| *name).collect();
        for name in names {
            self.remove(name);
        }
        self.remove(Name::Tick(strategy));
    }

    /// The first timer due at a time or before, moved to its next due time after now or taken out.
    pub(crate) fn fire(&mut self, until: Timestamp, now: Timestamp) -> Option<Fired> {
        let (due, name) = self.due.first().copied().filter(|(due, _)| *due <= until)?;
        let every_ms = self.timers.get(&name).and_then(|timer| timer.every_ms);
        self.remove(name);
        if let Some(every_ms) = every_ms {
            let next = due_after(due, every_ms, now);
            // At the end of time nothing comes after: a timer that got there is over.
            if next > now {
                self.insert(name, Timer { due: next, every_ms: Some(every_ms) });
            }
        }
        let (strategy, source) = match name {
            Name::Timer(strategy, timer) => (strategy, TimerSource::Timer(timer)),
            Name::Tick(strategy) => (strategy, TimerSource::Tick),
        };
        Some(Fired { strategy, source, due })
    }

    fn insert(&mut self, name: Name, timer: Timer) {
        self.remove(name);
        self.timers.insert(name, timer);
        self.due.insert((timer.due, name));
    }

    fn remove(&mut self, name: Name) {
        if let Some(timer) = self.timers.remove(&name) {
            self.due.remove(&(timer.due, name));
        }
    }
}

fn timers_of(strategy: StrategyId) -> std::ops::RangeInclusive<Name> {
    Name::Timer(strategy, TimerId::new(0))..=Name::Timer(strategy, TimerId::new(u32::MAX))
}

/// The first of `from + n × every` that lies after now.
fn due_after(from: Timestamp, every_ms: u64, now: Timestamp) -> Timestamp {
    let every = i128::from(every_ms.max(1));
    let (from, now) = (i128::from(from.as_millis()), i128::from(now.as_millis()));
    let next = from + ((now - from).div_euclid(every) + 1) * every;
    Timestamp::from_millis(i64::try_from(next).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: StrategyId = StrategyId::new(1);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn fired(schedule: &mut Schedule, now: i64) -> Vec<i64> {
        std::iter::from_fn(|| schedule.fire(at(now), at(now))).map(|fired| fired.due.as_millis()).collect()
    }

    #[test]
    fn a_jump_in_time_fires_a_repeating_timer_once() {
        let mut schedule = Schedule::default();
        schedule.set(A, TimerId::new(1), at(10), Some(1));
        assert_eq!(fired(&mut schedule, i64::MAX - 5), [10]);
        assert_eq!(schedule.next(), Some(at(i64::MAX - 4)));
        assert_eq!(fired(&mut schedule, i64::MAX), [i64::MAX - 4]);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn a_repeating_timer_keeps_its_phase() {
        let mut schedule = Schedule::default();
        schedule.set(A, TimerId::new(1), at(7), Some(10));
        assert_eq!(fired(&mut schedule, 7), [7]);
        assert_eq!(fired(&mut schedule, 16), [] as [i64; 0]);
        assert_eq!(fired(&mut schedule, 38), [17]);
        assert_eq!(schedule.next(), Some(at(47)));
    }

    #[test]
    fn setting_a_timer_again_moves_it_and_a_release_leaves_none() {
        let mut schedule = Schedule::default();
        schedule.start_clock(A, at(250), 100);
        schedule.set(A, TimerId::new(1), at(7), None);
        schedule.set(A, TimerId::new(1), at(9), None);
        schedule.set(StrategyId::new(2), TimerId::new(1), at(8), None);
        assert_eq!((schedule.count(A), schedule.next()), (1, Some(at(8))));
        schedule.release(A);
        assert_eq!(fired(&mut schedule, 1000), [8]);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn timers_come_before_ticks_and_then_by_deployment() {
        let mut schedule = Schedule::default();
        schedule.start_clock(A, at(0), 100);
        schedule.set(StrategyId::new(2), TimerId::new(1), at(100), None);
        schedule.set(A, TimerId::new(9), at(100), None);
        let order: Vec<_> =
            std::iter::from_fn(|| schedule.fire(at(100), at(100))).map(|f| (f.strategy.get(), f.source)).collect();
        let timer = |number| TimerSource::Timer(TimerId::new(number));
        assert_eq!(order, [(1, timer(9)), (2, timer(1)), (1, TimerSource::Tick)]);
    }
}
