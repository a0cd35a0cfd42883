//! The last values, in a ring whose memory is taken once.

/// The last `n` values.
#[derive(Debug, Clone)]
pub(super) struct Window {
    values: Vec<f64>,
    period: usize,
    next: usize,
}

impl Window {
    /// Over `period` values; a period of 0 counts as 1.
    pub(super) fn new(period: usize) -> Self {
        let period = period.max(1);
        Self { values: Vec::with_capacity(period), period, next: 0 }
    }

    /// Takes a value; returns the one that falls out.
    #[inline]
    pub(super) fn push(&mut self, value: f64) -> Option<f64> {
        let fallen = if let Some(place) = self.values.get_mut(self.next) {
            Some(std::mem::replace(place, value))
        } else {
            self.values.push(value);
            None
        };
        self.next = if self.next + 1 == self.period { 0 } else { self.next + 1 };
        fallen
    }

    /// Whether there are `n` values.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.values.len() == self.period
    }

    /// Whether the ring has just come round: true once every `n` values.
    #[inline]
    pub(super) fn wrapped(&self) -> bool {
        self.next == 0
    }

    /// The values, in no particular order.
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// `n`.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "periods are small")]
    pub(super) fn period(&self) -> f64 {
        self.period as f64
    }
}
