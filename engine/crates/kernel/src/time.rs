//! Points in time and lengths of candles. The kernel is told the time; it never asks for it.

use std::fmt;

/// Unix milliseconds, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest point in time that can be written.
    pub const MAX: Self = Self(i64::MAX);

    /// From Unix milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// As Unix milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Later by so many milliseconds; stays at the end of time instead of overflowing.
    #[must_use]
    pub const fn saturating_add(self, millis: u64) -> Self {
        Self(self.0.saturating_add_unsigned(millis))
    }

    /// Milliseconds since an earlier point; zero if it is not earlier.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        let millis = self.0.saturating_sub(earlier.0);
        if millis < 0 { 0 } else { millis.unsigned_abs() }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Length of a candle: at least a second, at most four weeks, whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timeframe(u64);

/// A text that is not a timeframe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a timeframe: write a number and s, m, h, d or w, such as 1m, 15m, 4h, 1d")]
pub struct NotATimeframe(pub String);

impl Timeframe {
    /// Longest timeframe: four weeks.
    pub const MILLIS_MAX: u64 = 28 * 86_400_000;
    /// One minute.
    pub const MINUTE: Self = Self(60_000);

    /// From milliseconds.
    ///
    /// # Errors
    /// Where it is no whole number of seconds, zero, or longer than [`Self::MILLIS_MAX`].
    pub fn from_millis(millis: u64) -> Result<Self, NotATimeframe> {
        if millis == 0 || !millis.is_multiple_of(1000) || millis > Self::MILLIS_MAX {
            return Err(NotATimeframe(format!("{millis} ms")));
        }
        Ok(Self(millis))
    }

    /// Length in milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// When a candle that opened then closes.
    #[must_use]
    pub const fn close_of(self, open_time: Timestamp) -> Timestamp {
        open_time.saturating_add(self.0)
    }

    /// Open time of the candle that a point in time falls into. Candles start at whole multiples since 1970, and weeks on
    /// Mondays, as exchanges have them.
    #[must_use]
    pub const fn open_of(self, time: Timestamp) -> Timestamp {
        const WEEK: u64 = 7 * 86_400_000;
        const MONDAY: i64 = 4 * 86_400_000; // 1970-01-05, the first Monday
        let offset = if self.0.is_multiple_of(WEEK) { MONDAY } else { 0 };
        let millis = self.0.cast_signed();
        let into = time.as_millis().saturating_sub(offset).rem_euclid(millis);
        Timestamp::from_millis(time.as_millis().saturating_sub(into))
    }

    /// Whether candles of this length can be made from candles of the other.
    pub const fn is_multiple_of(self, other: Self) -> bool {
        self.0.is_multiple_of(other.0)
    }
}

impl std::str::FromStr for Timeframe {
    type Err = NotATimeframe;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || NotATimeframe(text.to_owned());
        let unit = match text.as_bytes().last() {
            Some(b's') => 1_000,
            Some(b'm') => 60_000,
            Some(b'h') => 3_600_000,
            Some(b'd') => 86_400_000,
            Some(b'w') => 7 * 86_400_000,
            _ => return Err(refuse()),
        };
        let count = text[..text.len() - 1].parse::<u64>().map_err(|_| refuse())?;
        count.checked_mul(unit).and_then(|millis| Self::from_millis(millis).ok()).ok_or_else(refuse)
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(7 * 86_400_000, 'w'), (86_400_000, 'd'), (3_600_000, 'h'), (60_000, 'm'), (1_000, 's')];
        let (millis, name) = units
            .into_iter()
            .find(|(millis, _)| self.0.is_multiple_of(*millis))
            .expect("a timeframe is a whole number of seconds");
        write!(formatter, "{}{name}", self.0 / millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeframes_read_as_they_are_written() {
        for text in ["1s", "1m", "15m", "4h", "1d", "1w"] {
            assert_eq!(text.parse::<Timeframe>().expect(text).to_string(), text);
        }
        for text in ["", "m", "0m", "1.5m", "-1m", "99999999999999999999m", "1y", "5w", "é"] {
            assert!(text.parse::<Timeframe>().is_err(), "{text}");
        }
    }

    #[test]
    fn weeks_open_on_mondays_and_the_rest_on_multiples() {
        let sunday_noon = Timestamp::from_millis(1_704_628_800_000 - 86_400_000 / 2); // 2024-01-07T00:00Z
        let week = "1w".parse::<Timeframe>().expect("a week");
        assert_eq!(week.open_of(sunday_noon).as_millis(), 1_704_067_200_000); // Monday 2024-01-01
        assert_eq!(Timeframe::MINUTE.open_of(Timestamp::from_millis(119_999)).as_millis(), 60_000);
        assert_eq!(Timeframe::MINUTE.open_of(Timestamp::from_millis(-1)).as_millis(), -60_000);
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        for millis in [i64::MIN, i64::MAX] {
            for timeframe in [Timeframe::MINUTE, "1w".parse().expect("a week")] {
                assert!(timeframe.open_of(Timestamp::from_millis(millis)).as_millis() <= millis);
            }
        }
    }
}
