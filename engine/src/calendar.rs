//! Dates as people write them, in UTC: read from flags, written into tables and reports.
//!
//! Only what a backtest needs: days, minutes and milliseconds of the Gregorian calendar. No time zones, no leap seconds.

use calypte_kernel::Timestamp;

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// A text that is not a point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time: write 2024-01-31, 2024-01-31T12:30, 2024-01-31T12:30:00Z or Unix milliseconds")]
pub struct NotATime(pub String);

/// Reads a date, a date with a time of day (UTC, with or without `Z`), or Unix milliseconds.
///
/// # Errors
/// Where it is none of these, or names a day or an hour that does not exist.
pub fn parse_time(text: &str) -> Result<Timestamp, NotATime> {
    read_time(text).map(Timestamp::from_millis).ok_or_else(|| NotATime(text.chars().take(40).collect()))
}

fn read_time(text: &str) -> Option<i64> {
    // Ten digits are no date, so a long run of digits can only be milliseconds; a short one is more likely a mistake.
    if text.len() >= 10 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, millis) = match time.strip_suffix('Z').unwrap_or(time).split_once('.') {
        Some((clock, fraction)) => (clock, numbers(fraction, '.', [3]).map(|[millis]| millis)?),
        None => (time.strip_suffix('Z').unwrap_or(time), 0),
    };
    let [hour, minute, second] =
        numbers(clock, ':', [2, 2, 2]).or_else(|| numbers(clock, ':', [2, 2]).map(|[hour, minute]| [hour, minute, 0]))?;
    let days = days_of(year, month, day)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + millis)
}

/// Numbers of exactly so many digits each, parted by a character.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut found = [0; N];
    for (number, digits) in found.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// Days since 1970-01-01; none where there is no such day. Counts years from March, so that the odd month comes last
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month and day of a point in time.
pub fn date_of(time: Timestamp) -> (i64, i64, i64) {
    let days = time.as_millis().div_euclid(DAY_MS) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * month_from_march + 2) / 5 + 1)
}

/// As `2024-01-31T12:30:00Z`, with milliseconds where there are any.
pub fn format_time(time: Timestamp) -> String {
    let (year, month, day) = date_of(time);
    let in_day = time.as_millis().rem_euclid(DAY_MS);
    let (seconds, millis) = (in_day / 1000, in_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if !(0..=9999).contains(&year) {
        let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
        return format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z");
    }
    // Digit by digit: a report holds tens of thousands of times.
    let mut text = String::from("0000-00-00T00:00:00.000Z").into_bytes();
    let parts = [(0, 4, year), (5, 2, month), (8, 2, day), (11, 2, hour), (14, 2, minute), (17, 2, second), (20, 3, millis)];
    for (at, digits, mut number) in parts {
        for digit in text[at..at + digits].iter_mut().rev() {
            *digit += u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
    }
    if millis == 0 {
        text.drain(19..23);
    }
    String::from_utf8(text).expect("digits and signs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_all_their_digits() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_709_208_061_007, "2024-02-29T12:01:01.007Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "10000-01-01T00:00:00Z"),
            (-62_167_219_200_001, "-001-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(format_time(Timestamp::from_millis(millis)), text);
        }
    }

    #[test]
    fn times_are_read_in_every_documented_form() {
        for (text, millis) in [
            ("1970-01-01", 0),
            ("2024-01-01", 1_704_067_200_000),
            ("2024-02-29", 1_709_164_800_000),
            ("2023-12-31T23:59", 1_704_067_140_000),
            ("2023-12-31 23:59:59Z", 1_704_067_199_000),
            ("2023-12-31T23:59:59.250Z", 1_704_067_199_250),
            ("1704067200000", 1_704_067_200_000),
        ] {
            assert_eq!(parse_time(text), Ok(Timestamp::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2024",
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-1-1",
            "2024-01-01T25:00",
            "yesterday",
            "2024-01-01T",
            "é",
        ] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for millis in [0, -1, 951_782_400_000, 1_704_067_199_250, 4_102_444_799_999] {
            let time = Timestamp::from_millis(millis);
            assert_eq!(parse_time(&format_time(time)), Ok(time), "{}", format_time(time));
        }
    }
}
