//! Mean, variance and downside of a stream of returns, one number at a time.

/// Running moments: mean and squared deviations by Welford's method (1962), which stays exact where sums of squares do not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    count: u64,
    mean: f64,
    /// Sum of squared deviations from the mean.
    deviations: f64,
    /// Sum of squares of the negative ones.
    downside: f64,
}

impl Moments {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / count_of(self.count);
        self.deviations += before * (value - self.mean);
        if value < 0.0 {
            self.downside += value * value;
        }
    }

    pub(super) const fn count(self) -> u64 {
        self.count
    }

    pub(super) const fn mean(self) -> f64 {
        self.mean
    }

    /// Sample standard deviation; none below two values.
    pub(super) fn deviation(self) -> Option<f64> {
        (self.count > 1).then(|| (self.deviations / count_of(self.count - 1)).sqrt())
    }

    /// Downside deviation about zero, over all values; none where there is no value.
    pub(super) fn downside_deviation(self) -> Option<f64> {
        (self.count > 0).then(|| (self.downside / count_of(self.count)).sqrt())
    }
}

/// A count as a statistic.
#[expect(clippy::cast_precision_loss, reason = "no run has 2^53 of anything")]
pub(super) const fn count_of(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_agree_with_a_hand_worked_case() {
        // 0.02, -0.01, 0.03, 0.00: mean 0.01; deviations 1, -2, 2, -1 hundredths, squares 10e-4; downside one of 1e-4.
        let mut moments = Moments::default();
        for value in [0.02, -0.01, 0.03, 0.00] {
            moments.add(value);
        }
        assert_eq!(moments.count(), 4);
        assert!((moments.mean() - 0.01).abs() < 1e-15);
        assert!((moments.deviation().expect("four values") - (10e-4_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((moments.downside_deviation().expect("four values") - (1e-4_f64 / 4.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn too_few_values_have_no_deviation() {
        let mut moments = Moments::default();
        assert_eq!(moments.deviation(), None);
        assert_eq!(moments.downside_deviation(), None);
        moments.add(0.5);
        assert_eq!(moments.deviation(), None);
    }
}
