//! Lengths of candles, by the exchange's names.

use std::fmt;
use std::str::FromStr;

/// Length of a candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interval {
    /// Minutes, hours, days or a week, in milliseconds. Weeks begin on Mondays, all else at multiples since 1970.
    Fixed(u64),
    /// A month of the calendar.
    Month,
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
/// 1970-01-05, the first Monday.
const MONDAY: u64 = 4 * DAY;

/// All that the exchange has, with their names.
const NAMES: [(&str, Interval); 14] = [
    ("1m", Interval::Fixed(MINUTE)),
    ("3m", Interval::Fixed(3 * MINUTE)),
    ("5m", Interval::Fixed(5 * MINUTE)),
    ("15m", Interval::Fixed(15 * MINUTE)),
    ("30m", Interval::Fixed(30 * MINUTE)),
    ("1h", Interval::Fixed(HOUR)),
    ("2h", Interval::Fixed(2 * HOUR)),
    ("4h", Interval::Fixed(4 * HOUR)),
    ("8h", Interval::Fixed(8 * HOUR)),
    ("12h", Interval::Fixed(12 * HOUR)),
    ("1d", Interval::Fixed(DAY)),
    ("3d", Interval::Fixed(3 * DAY)),
    ("1w", Interval::Fixed(WEEK)),
    ("1M", Interval::Month),
];

/// A text that is no interval of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an interval: 1m 3m 5m 15m 30m 1h 2h 4h 8h 12h 1d 3d 1w or 1M")]
pub struct NotAnInterval;

impl Interval {
    /// The shortest, of which the others are multiples.
    pub const MINUTE: Self = Self::Fixed(MINUTE);

    /// All of them, shortest first.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(_, interval)| *interval)
    }

    /// Open time of the candle that a time falls into.
    pub fn open_of(self, time: u64) -> u64 {
        match self {
            Self::Fixed(WEEK) => time.saturating_sub(MONDAY) / WEEK * WEEK + MONDAY,
            Self::Fixed(length) => time / length * length,
            Self::Month => month_of(time).0,
        }
    }

    /// When the candle that opened then ends: the open time of the next.
    pub fn end_of(self, open: u64) -> u64 {
        match self {
            Self::Fixed(length) => open.saturating_add(length),
            Self::Month => month_of(open).1,
        }
    }
}

/// The month that a time falls into: its first millisecond and that of the next.
fn month_of(time: u64) -> (u64, u64) {
    let (mut start, mut year, mut month) = (0_u64, 1970_u64, 0_usize);
    loop {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month];
        let end = start + days * DAY;
        // Times end with the year 2100, so that this ends.
        if time < end {
            return (start, end);
        }
        start = end;
        month = (month + 1) % 12;
        year += u64::from(month == 0);
    }
}

impl FromStr for Interval {
    type Err = NotAnInterval;

    fn from_str(text: &str) -> Result<Self, NotAnInterval> {
        NAMES.iter().find(|(name, _)| *name == text).map(|(_, interval)| *interval).ok_or(NotAnInterval)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, interval)| interval == self).map_or("?", |(name, _)| name);
        formatter.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_read_as_they_are_written() {
        for (name, interval) in NAMES {
            assert_eq!(name.parse(), Ok(interval));
            assert_eq!(interval.to_string(), name);
        }
        for text in ["", "1", "2m", "1s", "1mo", "é"] {
            assert_eq!(text.parse::<Interval>(), Err(NotAnInterval), "{text}");
        }
    }

    #[test]
    fn candles_open_where_the_exchange_has_them_open() {
        let noon = 1_766_577_600_000; // 2025-12-24T12:00Z, a Wednesday
        let open = |name: &str| name.parse::<Interval>().expect(name).open_of(noon + 1);
        assert_eq!(open("1m"), noon);
        assert_eq!(open("1d"), noon - DAY / 2);
        assert_eq!(open("1w"), noon - DAY / 2 - 2 * DAY, "Monday");
        assert_eq!(open("1M"), 1_764_547_200_000, "2025-12-01");
        assert_eq!(Interval::Month.end_of(1_764_547_200_000), 1_767_225_600_000, "2026-01-01");
        assert_eq!(Interval::Month.open_of(1_709_164_800_000), 1_706_745_600_000, "the 29th of February 2024");
    }

    #[test]
    fn every_time_lies_in_its_candle() {
        for time in [0, 1, DAY, 5 * DAY, 1_766_577_600_000, 4_133_980_799_999] {
            for interval in Interval::all() {
                let open = interval.open_of(time);
                assert!((open <= time || time < MONDAY) && time < interval.end_of(open), "{interval} at {time}");
            }
        }
    }
}
