//! Fuel of hooks: sum, most, and a histogram of bounded size for the 99th percentile.

use crate::accounting::moments::count_of;
use crate::outcome::FuelSummary;

/// Classes per power of two: the width of a class is at most 1/32 of its values.
const CLASSES_PER_OCTAVE: usize = 32;
/// Values below twice that have a class of their own; above, each power of two has its 32.
const CLASSES: usize = (64 - 5 + 1) * CLASSES_PER_OCTAVE;

/// Counts the fuel of hooks.
#[derive(Debug)]
pub(crate) struct FuelMeter {
    total: u64,
    count: u64,
    max: u64,
    classes: Box<[u64]>,
}

impl FuelMeter {
    pub(crate) fn new() -> Self {
        Self { total: 0, count: 0, max: 0, classes: vec![0; CLASSES].into_boxed_slice() }
    }

    #[inline]
    pub(crate) fn add(&mut self, fuel: u64) {
        self.total = self.total.saturating_add(fuel);
        self.count += 1;
        self.max = self.max.max(fuel);
        self.classes[class_of(fuel)] += 1;
    }

    pub(crate) fn summary(&self) -> FuelSummary {
        let mean = if self.count == 0 { 0.0 } else { count_of(self.total) / count_of(self.count) };
        FuelSummary { total: self.total, mean, p99: self.percentile_99(), max: self.max }
    }

    fn percentile_99(&self) -> u64 {
        // The smallest value that 99 of 100 hooks stayed within: nearest rank.
        let rank = self.count - self.count / 100;
        let mut seen = 0;
        for (class, count) in self.classes.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_end(class).min(self.max);
            }
        }
        self.max
    }
}

/// The class of a value: itself below 32, then its power of two and the five bits after the leading one.
#[inline]
fn class_of(fuel: u64) -> usize {
    if fuel < CLASSES_PER_OCTAVE as u64 {
        return usize::try_from(fuel).expect("below 32");
    }
    let octave = fuel.ilog2() as usize - 5;
    let bits = usize::try_from(fuel >> octave).expect("six bits") - CLASSES_PER_OCTAVE;
    (octave + 1) * CLASSES_PER_OCTAVE + bits
}

/// The largest value of a class.
fn upper_end(class: usize) -> u64 {
    if class < CLASSES_PER_OCTAVE {
        return class as u64;
    }
    let octave = class / CLASSES_PER_OCTAVE - 1;
    let bits = (class % CLASSES_PER_OCTAVE + CLASSES_PER_OCTAVE) as u64;
    (bits << octave) + ((1_u64 << octave) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_narrow_and_cover_everything() {
        for value in (0..70).chain([100, 1000, 12_345, 1 << 40, u64::MAX - 1, u64::MAX]) {
            let class = class_of(value);
            assert!(class < CLASSES, "{value}");
            let end = upper_end(class);
            assert!(end >= value && end - value <= value / 32, "{value} is in a class up to {end}");
            assert_eq!(class_of(end), class);
        }
    }

    #[test]
    fn the_summary_of_a_hundred_hooks() {
        let mut meter = FuelMeter::new();
        (1..=100).for_each(|fuel| meter.add(fuel * 10));
        let summary = meter.summary();
        assert_eq!((summary.total, summary.max), (50_500, 1000));
        assert!((summary.mean - 505.0).abs() < 1e-12);
        // The 99th of 100 is 990, in the class up to 991.
        assert_eq!(summary.p99, 991);
    }

    #[test]
    fn nothing_used_is_nothing() {
        assert_eq!(FuelMeter::new().summary(), FuelSummary::default());
    }
}
