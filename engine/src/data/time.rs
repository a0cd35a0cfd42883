//! Times as files write them: integers of several units, told apart by their size, and ISO 8601 text.
//!
//! A unit is never guessed: the caller says it (milliseconds, unless told otherwise), and a number of another size is a
//! fault that names what it looks like. The ranges of the units do not overlap between 1970-02-17 and 2099-12-31.

use std::fmt;

/// Seconds from 1970 to 2100: what is below is seconds, a thousand times as much milliseconds, and so on.
pub(super) const SECONDS_END: i64 = 4_102_444_800;

/// Where the time of day begins in ISO text, behind the date and its dashes.
const TIME_OF_DAY: usize = 10;

/// How a file writes times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeUnit {
    /// Milliseconds since 1970: what is expected.
    #[default]
    Millis,
    /// Seconds since 1970.
    Seconds,
    /// Microseconds since 1970.
    Micros,
    /// Nanoseconds since 1970; recognised, not read.
    Nanos,
    /// ISO 8601 text; UTC where it names no offset.
    Iso,
}

/// A text that names no unit of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a unit of time: write ms, s, us or iso")]
pub struct NotATimeUnit(pub String);

/// A time that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    /// Milliseconds since 1970.
    pub(super) millis: i64,
    /// The unit it had, if that was not the one expected.
    pub(super) converted: Option<TimeUnit>,
}

/// Why a time cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeFault {
    /// It is no time at all.
    NotATime,
    /// It is one, of another unit.
    Unit(TimeUnit),
}

impl TimeUnit {
    /// How an option names it, where it can be read.
    pub const fn option(self) -> Option<&'static str> {
        match self {
            Self::Millis => Some("ms"),
            Self::Seconds => Some("s"),
            Self::Micros => Some("us"),
            Self::Nanos => None,
            Self::Iso => Some("iso"),
        }
    }

    /// What the size of a number says about its unit.
    pub(super) const fn of(value: i64) -> Option<Self> {
        match value {
            0..SECONDS_END => Some(Self::Seconds),
            SECONDS_END..4_102_444_800_000 => Some(Self::Millis),
            4_102_444_800_000..4_102_444_800_000_000 => Some(Self::Micros),
            4_102_444_800_000_000..4_102_444_800_000_000_000 => Some(Self::Nanos),
            _ => None,
        }
    }

    /// The number as milliseconds; none where it is finer than that.
    const fn to_millis(self, value: i64) -> Option<i64> {
        let (factor, divisor) = match self {
            Self::Seconds => (1000, 1),
            Self::Micros => (1, 1000),
            Self::Nanos => (1, 1_000_000),
            Self::Millis | Self::Iso => (1, 1),
        };
        if value % divisor == 0 { (value / divisor).checked_mul(factor) } else { None }
    }

    /// A number of this unit as milliseconds. With `convert`, a number of another unit is taken as what its size says.
    pub(super) fn millis(self, value: i64, convert: bool) -> Result<Time, TimeFault> {
        let found = Self::of(value).ok_or(TimeFault::NotATime)?;
        if found != self && !convert {
            return Err(TimeFault::Unit(found));
        }
        let millis = found.to_millis(value).ok_or(TimeFault::NotATime)?;
        Ok(Time { millis, converted: (found != self).then_some(found) })
    }

    /// A text of this unit as milliseconds.
    pub(super) fn parse(self, text: &[u8], convert: bool) -> Result<Time, TimeFault> {
        if let Some(value) = integer(text) {
            return self.millis(value, convert);
        }
        let millis = iso(text).ok_or(TimeFault::NotATime)?;
        if self != Self::Iso && !convert {
            return Err(TimeFault::Unit(Self::Iso));
        }
        // Without an offset it may be local time, which is not for us to say.
        if self != Self::Iso && !has_offset(text) {
            return Err(TimeFault::Unit(Self::Iso));
        }
        Ok(Time { millis, converted: (self != Self::Iso).then_some(Self::Iso) })
    }
}

impl std::str::FromStr for TimeUnit {
    type Err = NotATimeUnit;

    fn from_str(text: &str) -> Result<Self, NotATimeUnit> {
        match text {
            "ms" => Ok(Self::Millis),
            "s" => Ok(Self::Seconds),
            "us" => Ok(Self::Micros),
            "iso" => Ok(Self::Iso),
            _ => Err(NotATimeUnit(text.to_owned())),
        }
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Millis => "in milliseconds",
            Self::Seconds => "in seconds",
            Self::Micros => "in microseconds",
            Self::Nanos => "in nanoseconds",
            Self::Iso => "ISO text",
        })
    }
}

/// An integer without sign that fits.
fn integer(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    text.iter().try_fold(0_i64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(i64::from(digit))
    })
}

/// `YYYY-MM-DD`, then optionally `T` or a space, `HH:MM`, `:SS`, a fraction, and `Z` or an offset.
fn iso(text: &[u8]) -> Option<i64> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
    if !(1970..2100).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    let days = days_since_1970(year, month, day);
    let Some((b'T' | b' ', rest)) = rest.split_first() else {
        return rest.is_empty().then_some(days * 86_400_000);
    };
    let (hour, rest) = digits(rest, 2)?;
    let (minute, mut rest) = digits(rest.strip_prefix(b":")?, 2)?;
    let mut second = 0;
    let mut millis = 0;
    if let Some(after) = rest.strip_prefix(b":") {
        (second, rest) = digits(after, 2)?;
        if let Some(after) = rest.strip_prefix(b".") {
            let length = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 || length > 9 {
                return None;
            }
            let (fraction, tail) = digits(after, length)?;
            rest = tail;
            let nanos = fraction * 10_i64.pow(9 - u32::try_from(length).ok()?);
            if nanos % 1_000_000 != 0 {
                return None;
            }
            millis = nanos / 1_000_000;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = offset_minutes(rest)?;
    let minutes = days * 1440 + hour * 60 + minute - offset;
    Some((minutes * 60 + second) * 1000 + millis).filter(|value| *value >= 0)
}

/// Whether a text that is a time says how far from UTC it is.
fn has_offset(text: &[u8]) -> bool {
    text.ends_with(b"Z") || text.iter().skip(TIME_OF_DAY).any(|byte| matches!(byte, b'+' | b'-'))
}

/// What follows the time of day: nothing, `Z`, `+HH:MM` or `+HHMM`, as minutes.
fn offset_minutes(text: &[u8]) -> Option<i64> {
    let (sign, rest) = match text.split_first() {
        None | Some((b'Z', [])) => return Some(0),
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        Some(_) => return None,
    };
    let (hours, rest) = digits(rest, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(b":").unwrap_or(rest), 2)?;
    (rest.is_empty() && hours <= 14 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

/// So many digits, and what follows.
fn digits(text: &[u8], count: usize) -> Option<(i64, &[u8])> {
    let (head, tail) = text.split_at_checked(count)?;
    Some((integer(head)?, tail))
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, for years of the Gregorian calendar.
/// <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let year_of_era = year % 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Milliseconds since 1970 as `YYYY-MM-DDTHH:MM:SS.mmmZ`, for reports.
pub fn iso_text(millis: i64) -> String {
    let days = millis.div_euclid(86_400_000);
    let rest = millis.rem_euclid(86_400_000);
    // The inverse of `days_since_1970`, from the same page.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_text_is_read_exactly() {
        for (text, millis) in [
            ("2024-01-01", 1_704_067_200_000),
            ("2024-01-01T00:00Z", 1_704_067_200_000),
            ("2025-05-30 16:42:00+00:00", 1_748_623_320_000),
            ("2021-12-31 23:01:00.000000", 1_640_991_660_000),
            ("2024-02-29T12:00:00.125+02:00", 1_709_200_800_125),
            ("2024-01-01T00:00:00-0530", 1_704_087_000_000),
        ] {
            assert_eq!(iso(text.as_bytes()), Some(millis), "{text}");
        }
        for text in ["2023-02-29", "2024-13-01", "2024-01-01T25:00", "2024-01-01T00:00:00.0001", "24-01-01", "", "2024-01-01x"]
        {
            assert_eq!(iso(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn iso_text_is_written_as_it_is_read() {
        for millis in [0, 951_782_400_000, 1_704_067_200_000, 1_709_200_800_125, 4_102_444_799_999] {
            assert_eq!(iso(iso_text(millis).as_bytes()), Some(millis), "{millis}");
        }
    }

    #[test]
    fn the_size_of_a_number_tells_its_unit() {
        for (value, unit) in [
            (1_704_067_200, TimeUnit::Seconds),
            (1_704_067_200_000, TimeUnit::Millis),
            (1_704_067_200_000_000, TimeUnit::Micros),
            (1_704_067_200_000_000_000, TimeUnit::Nanos),
        ] {
            assert_eq!(TimeUnit::of(value), Some(unit));
            let other = if unit == TimeUnit::Millis { TimeUnit::Seconds } else { TimeUnit::Millis };
            assert_eq!(other.millis(value, false), Err(TimeFault::Unit(unit)));
            let converted = Time { millis: 1_704_067_200_000, converted: Some(unit) };
            assert_eq!(other.millis(value, true), Ok(converted));
        }
        assert_eq!(TimeUnit::Millis.millis(1_704_067_200_000_001, true), Err(TimeFault::NotATime));
        assert_eq!(TimeUnit::Millis.parse(b"1756904112.79", false), Err(TimeFault::NotATime));
        assert_eq!(TimeUnit::Millis.parse(b"99999999999999999999", false), Err(TimeFault::NotATime));
    }
}
