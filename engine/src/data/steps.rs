//! Whether a file's candles are as long as they are said to be: told from the steps between its rows, as they stream by.
//!
//! An honest file with quiet minutes has steps of many lengths, of which one candle is the most common. A file of other candles
//! has one other step most of the time, or rows that lie beside the grid.

use super::checks::OFF_GRID_REPAIR_MS_MAX;
use super::fault::RowFault;
use calypte_kernel::{Timeframe, Timestamp};
use std::collections::BTreeMap;

/// From so many steps between rows on, another one may be known for the file's own: if it is more than half of them.
pub const OWN_STEPS_MIN: u64 = 50;

/// From so many rows beside the grid on, the timeframe may be wrong,
pub const OFF_GRID_ROWS_MIN: u64 = 20;

/// and is, if those are more than one row in so many.
pub const OFF_GRID_PART: u64 = 5;

/// Different steps that are counted; those that come later are not told apart.
const STEPS_COUNTED_MAX: usize = 64;

/// What the times of a file's rows have shown so far.
pub(super) struct Steps {
    timeframe: Timeframe,
    step_ms: i64,
    /// Time of the row before.
    before: Option<i64>,
    /// Whether that lies beside the grid, by more than a recorder's jitter.
    is_off: bool,
    rows: u64,
    off_grid: u64,
    /// Steps forward.
    steps: u64,
    /// Those of them that are not one candle, by length in milliseconds.
    others: BTreeMap<i64, u64>,
}

impl Steps {
    pub(super) fn new(timeframe: Timeframe) -> Self {
        Self {
            timeframe,
            step_ms: timeframe.as_millis().cast_signed(),
            before: None,
            is_off: false,
            rows: 0,
            off_grid: 0,
            steps: 0,
            others: BTreeMap::new(),
        }
    }

    /// Takes the time of the next row. A fault: the candles are of another length than was said.
    #[inline]
    pub(super) fn take(&mut self, time: i64) -> Option<Box<RowFault>> {
        self.rows += 1;
        let before = self.before.replace(time);
        if !self.is_off && before.is_some_and(|before| time.checked_sub(before) == Some(self.step_ms)) {
            self.steps += 1; // the usual case: next on the grid
            return None;
        }
        self.take_other(time, before)
    }

    #[cold]
    fn take_other(&mut self, time: i64, before: Option<i64>) -> Option<Box<RowFault>> {
        let beside = time - self.timeframe.open_of(Timestamp::from_millis(time)).as_millis();
        self.is_off = beside.min(self.step_ms - beside) > OFF_GRID_REPAIR_MS_MAX;
        self.off_grid += u64::from(self.is_off);
        if let Some(step) = before.and_then(|before| time.checked_sub(before)).filter(|step| *step > 0) {
            self.steps += 1;
            if step != self.step_ms && (self.others.len() < STEPS_COUNTED_MAX || self.others.contains_key(&step)) {
                *self.others.entry(step).or_default() += 1;
            }
        }
        self.fault()
    }

    fn fault(&self) -> Option<Box<RowFault>> {
        let (timeframe, rows, off_grid, steps) = (self.timeframe, self.rows, self.off_grid, self.steps);
        if off_grid >= OFF_GRID_ROWS_MIN && off_grid * OFF_GRID_PART > rows {
            let own = self.own().map(|(own, _)| own);
            return Some(Box::new(RowFault::MostlyOffGrid { timeframe, off_grid, rows, own }));
        }
        let (own, count) = self.own().filter(|_| steps >= OWN_STEPS_MIN)?;
        Some(Box::new(RowFault::WrongTimeframe { timeframe, own, count, steps }))
    }

    /// Another timeframe that most steps are of, and how many are.
    fn own(&self) -> Option<(Timeframe, u64)> {
        let (step, count) = self.others.iter().find(|(_, count)| **count * 2 > self.steps)?;
        Some((Timeframe::from_millis(step.cast_unsigned()).ok()?, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const START: i64 = 1_704_067_200_000;

    /// The fault of rows at those minutes, with the number of rows it took.
    fn fault(timeframe: &str, minutes: impl IntoIterator<Item = i64>) -> Option<(u64, String)> {
        let mut steps = Steps::new(timeframe.parse().expect("a timeframe"));
        minutes.into_iter().find_map(|minute| {
            let fault = steps.take(START + minute * MINUTE)?;
            Some((steps.rows, fault.to_string()))
        })
    }

    #[test]
    fn longer_candles_than_were_said_are_known_by_their_step() {
        let (rows, words) = fault("1m", (0..1000).map(|row| row * 5)).expect("it is wrong");
        assert_eq!(rows, OWN_STEPS_MIN + 1);
        assert_eq!(
            words,
            "50 of 50 steps between rows are 5m, not 1m: the candles seem to be of 5m; say 5m instead of 1m, or give a file with candles of 1m"
        );
        // With gaps, too: every fourth candle is missing.
        assert!(fault("1m", (0..1000).filter(|row| row % 4 != 0).map(|row| row * 5)).is_some());
    }

    #[test]
    fn shorter_candles_than_were_said_are_known_by_rows_beside_the_grid() {
        let (rows, words) = fault("5m", 0..1000).expect("it is wrong");
        assert_eq!(rows, 25);
        assert_eq!(
            words,
            "20 of 25 rows are off the 5m grid: the candles seem to be of 1m; say 1m instead of 5m, or give a file with candles of 5m"
        );
        let (_, words) = fault("5m", (0..1000).map(|row| row * 5 + 2)).expect("none is on the grid");
        assert_eq!(
            words,
            "20 of 20 rows are off the 5m grid: check the timeframe, and which end of a candle the times are (--label), or correct them"
        );
    }

    #[test]
    fn quiet_minutes_are_no_other_timeframe() {
        // A market that trades in so many minutes of ten, drawn by a small generator.
        for of_ten in [1, 2, 3, 5, 7, 9] {
            let mut state = 7_u64;
            let traded = (0..200_000_i64).filter(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % 10 < of_ten
            });
            assert_eq!(fault("1m", traded), None, "{of_ten} of ten");
        }
    }

    #[test]
    fn few_rows_beside_the_grid_and_jitter_are_left_to_the_policy() {
        assert_eq!(fault("5m", (0..1000).map(|row| if row % 6 == 0 { row * 5 + 1 } else { row * 5 })), None);
        let mut steps = Steps::new(Timeframe::MINUTE);
        assert!((0..1000).all(|row| steps.take(START + row * MINUTE + row % 3 * 500).is_none()));
    }

    #[test]
    fn times_at_the_ends_of_time_do_no_harm() {
        let mut steps = Steps::new(Timeframe::MINUTE);
        for row in 0..1000_i64 {
            let _ = steps.take([i64::MIN, i64::MAX, 0, row][usize::try_from(row % 4).expect("small")]);
        }
        assert!(steps.others.len() <= STEPS_COUNTED_MAX);
    }
}
