//! Long series in bounded memory: bars of equal width in time, which double their width whenever there are too many.
//!
//! What a chart of a year shows is then as exact as a screen can be, and costs the same as that of a day.

use calypte_kernel::Timestamp;

/// Most bars of one series.
pub const BARS_MAX: usize = 2_000;

/// Something that can take in what came after it.
pub(super) trait Merge {
    /// Takes in a later one of the same bar.
    fn merge(&mut self, later: &Self);
}

/// A series in bars.
#[derive(Debug, Clone)]
pub(super) struct Condensed<T> {
    width_ms: i64,
    bars: Vec<(i64, T)>,
}

impl<T: Merge> Condensed<T> {
    /// Bars of at least this width.
    pub(super) fn new(width_ms: u64) -> Self {
        Self { width_ms: i64::try_from(width_ms).unwrap_or(i64::MAX).max(1), bars: Vec::new() }
    }

    /// Adds a value. One that comes late belongs to the last bar.
    pub(super) fn push(&mut self, time: Timestamp, value: T) {
        self.add(time.as_millis(), value);
        while self.bars.len() > BARS_MAX {
            self.widen();
        }
    }

    fn add(&mut self, time: i64, value: T) {
        // Not below the end of time: the start of a bar lies at or before what it holds.
        let start = time.saturating_sub(time.rem_euclid(self.width_ms));
        match self.bars.last_mut() {
            Some((last, bar)) if *last >= start => bar.merge(&value),
            _ => self.bars.push((start, value)),
        }
    }

    fn widen(&mut self) {
        self.width_ms = self.width_ms.saturating_mul(2);
        for (start, bar) in std::mem::take(&mut self.bars) {
            self.add(start, bar);
        }
    }

    /// Starts of the bars in Unix milliseconds, with what they hold.
    pub(super) fn bars(&self) -> &[(i64, T)] {
        &self.bars
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts what went in.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Count(u64);

    impl Merge for Count {
        fn merge(&mut self, later: &Self) {
            self.0 += later.0;
        }
    }

    #[test]
    fn nothing_is_lost_and_the_bars_stay_few() {
        let mut series = Condensed::new(60_000);
        for minute in 0..100_000_i64 {
            series.push(Timestamp::from_millis(minute * 60_000), Count(1));
        }
        let bars = series.bars();
        assert!(bars.len() <= BARS_MAX && bars.len() > BARS_MAX / 2 - 1, "{}", bars.len());
        assert_eq!(bars.iter().map(|(_, count)| count.0).sum::<u64>(), 100_000);
        assert!(bars.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(bars[1].0 - bars[0].0, 60_000 * 64);
    }

    #[test]
    fn times_at_the_ends_of_the_world_do_not_overflow() {
        let mut series = Condensed::new(u64::MAX);
        for millis in [i64::MIN, -1, 0, i64::MAX] {
            series.push(Timestamp::from_millis(millis), Count(1));
        }
        assert_eq!(series.bars().iter().map(|(_, count)| count.0).sum::<u64>(), 4);
    }
}
