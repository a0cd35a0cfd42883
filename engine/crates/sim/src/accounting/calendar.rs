//! UTC days and months of points in time.

use calypte_kernel::Timestamp;

/// Length of a day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// End of the day to which a moment belongs. What closes at midnight belongs to the day that ends then.
pub(super) fn day_end(time: Timestamp) -> Timestamp {
    let millis = time.as_millis();
    let days = millis.div_euclid(DAY_MS);
    let days = if millis.rem_euclid(DAY_MS) == 0 { days } else { days + 1 };
    Timestamp::from_millis(days.saturating_mul(DAY_MS))
}

/// Year and month of the day that ends then. After Howard Hinnant, «chrono-compatible low-level date algorithms»
/// (`civil_from_days`): years are counted from March, so that the leap day is their last.
pub(super) fn month_of_day_ending(end: Timestamp) -> (i32, u8) {
    const DAYS_TO_1970: i64 = 719_468; // from 0000-03-01
    const ERA_DAYS: i64 = 146_097; // four hundred years
    let days = end.as_millis().div_euclid(DAY_MS) - 1 + DAYS_TO_1970;
    let era = days.div_euclid(ERA_DAYS);
    let day_of_era = days.rem_euclid(ERA_DAYS);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let year = i32::try_from(year).unwrap_or(if year < 0 { i32::MIN } else { i32::MAX });
    (year, u8::try_from(month).expect("months are 1 to 12"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn midnight_ends_the_day_before_it() {
        assert_eq!(day_end(at(0)), at(0));
        assert_eq!(day_end(at(1)), at(DAY_MS));
        assert_eq!(day_end(at(DAY_MS)), at(DAY_MS));
        assert_eq!(day_end(at(-1)), at(0));
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        for (end, month) in [
            (1_704_067_200_000, (2023, 12)), // 2024-01-01T00:00 ends 2023-12-31
            (1_704_153_600_000, (2024, 1)),  // 2024-01-02T00:00
            (1_709_251_200_000, (2024, 2)),  // 2024-03-01T00:00 ends 2024-02-29
            (1_709_337_600_000, (2024, 3)),  // 2024-03-02T00:00
            (951_868_800_000, (2000, 2)),    // 2000-03-01T00:00 ends 2000-02-29
            (0, (1969, 12)),
        ] {
            assert_eq!(month_of_day_ending(at(end)), month, "{end}");
        }
    }
}
