//! Candles of a longer timeframe made from those of a shorter one.
//!
//! The rule is that of exchanges, and agrees with their own longer candles to the last digit: open of the first, highest high,
//! lowest low, close of the last and sum of volumes, **over the candles with volume**. A candle in which nobody traded only
//! repeats an old price, and would give a wrong open. Where none has volume, all of them count: then a price carried forward
//! is carried forward, and data without volumes (an index) still has its ranges.

use calypte_kernel::{Candle, Decimal, Timeframe, Timestamp};

/// Builds candles of a longer timeframe. The first is left out where the data begins in its middle, and the last where they end
/// in its middle; one with a hole in it is given.
#[derive(Debug, Clone)]
pub struct Resampler {
    to: Timeframe,
    building: Option<Candle>,
    /// Whether a candle with volume is in it; until then those without count.
    traded: bool,
    started: bool,
}

/// A timeframe that candles of another cannot make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("candles of {from} do not make candles of {to}: choose a longer timeframe that is a whole multiple")]
pub struct NotDerivable {
    /// What there is.
    pub from: Timeframe,
    /// What was asked for.
    pub to: Timeframe,
}

impl Resampler {
    /// From candles of one timeframe to those of a longer one.
    ///
    /// # Errors
    /// Where the one is not a multiple of the other, or the same.
    pub fn new(from: Timeframe, to: Timeframe) -> Result<Self, NotDerivable> {
        if from == to || !to.is_multiple_of(from) {
            return Err(NotDerivable { from, to });
        }
        Ok(Self { to, building: None, traded: false, started: false })
    }

    /// The timeframe it makes.
    pub const fn timeframe(&self) -> Timeframe {
        self.to
    }

    /// Says that nothing older than `time` will come. Gives the candle under way, if its time is over: its last parts are
    /// missing. Call it before [`Self::push`] with the open time of the candle to be pushed.
    #[inline]
    pub fn flush(&mut self, time: Timestamp) -> Option<Candle> {
        let building = self.building.as_ref()?;
        if self.to.close_of(building.open_time) > time {
            return None;
        }
        self.building.take()
    }

    /// Adds a finer candle, later than all before. Gives the longer one that it completes.
    #[inline]
    pub fn push(&mut self, candle: &Candle, close_time: Timestamp) -> Option<Candle> {
        if let Some(building) = &mut self.building {
            merge(building, &mut self.traded, candle);
        } else {
            let open_time = self.to.open_of(candle.open_time);
            if !self.started && open_time != candle.open_time {
                return None;
            }
            self.started = true;
            self.traded = !candle.volume.is_zero();
            self.building = Some(Candle { open_time, ..*candle });
        }
        self.flush(close_time)
    }
}

#[inline]
fn merge(building: &mut Candle, traded: &mut bool, candle: &Candle) {
    let trades = !candle.volume.is_zero();
    if *traded && !trades {
        return;
    }
    if trades && !*traded {
        // The first trade of this bar: what stood here before were old prices.
        *traded = true;
        *building = Candle { open_time: building.open_time, ..*candle };
        return;
    }
    building.high = building.high.max(candle.high);
    building.low = building.low.min(candle.low);
    building.close = candle.close;
    // A volume past what a decimal holds stays at the most it can hold: it is for information only.
    building.volume = building.volume.checked_add(candle.volume).unwrap_or(Decimal::MAX);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{candle, flat, number};

    fn minutes(count: u64) -> Timeframe {
        Timeframe::from_millis(count * 60_000).expect("a timeframe")
    }

    fn resample(to: u64, candles: &[Candle]) -> Vec<Candle> {
        let mut resampler = Resampler::new(Timeframe::MINUTE, minutes(to)).expect("a multiple");
        let mut all = Vec::new();
        for candle in candles {
            all.extend(resampler.flush(candle.open_time));
            all.extend(resampler.push(candle, Timeframe::MINUTE.close_of(candle.open_time)));
        }
        all
    }

    fn silent(minute: i64, at: &str) -> Candle {
        Candle { volume: Decimal::ZERO, ..flat(minute, at) }
    }

    #[test]
    fn a_longer_candle_is_made_of_those_with_volume() {
        let made = resample(
            5,
            &[
                silent(0, "90"),
                candle(1, ["100", "103", "99", "101"]),
                silent(2, "500"),
                candle(3, ["101", "104", "100", "102"]),
                silent(4, "102"),
            ],
        );
        let expected = Candle { volume: number("2"), ..candle(0, ["100", "104", "99", "102"]) };
        assert_eq!(made, [expected]);
    }

    #[test]
    fn without_any_volume_all_candles_count() {
        let carried = (0..5).map(|minute| silent(minute, "90")).collect::<Vec<_>>();
        assert_eq!(resample(5, &carried), [silent(0, "90")]);
        let index =
            (0..5).map(|minute| silent(minute, ["90", "91", "89", "92", "90"][usize::try_from(minute).expect("small")]));
        let made = resample(5, &index.collect::<Vec<_>>());
        assert_eq!(made, [Candle { volume: Decimal::ZERO, ..candle(0, ["90", "92", "89", "90"]) }]);
    }

    #[test]
    fn cut_ends_are_left_out_and_holes_are_not() {
        let with_hole = [2, 3, 4, 5, 6, 8, 15, 16].map(|minute| flat(minute, "10"));
        let made = resample(5, &with_hole);
        let opens = made.iter().map(|candle| candle.open_time.as_millis() / 60_000).collect::<Vec<_>>();
        assert_eq!(opens, [5], "0 began late, 15 is not over, and of 10 nothing is there");
    }

    #[test]
    fn only_longer_multiples_can_be_made() {
        assert!(Resampler::new(minutes(5), minutes(5)).is_err());
        assert!(Resampler::new(minutes(5), minutes(7)).is_err());
        assert!(Resampler::new(minutes(15), minutes(5)).is_err());
    }
}
