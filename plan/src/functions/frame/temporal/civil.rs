//! Months of the Gregorian calendar by whole numbers alone, after Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms":
//! a year begins in March, so that its leap day is its last, and four centuries have always as many days.

const DAYS_PER_ERA: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// In which month a day since 1970 lies, counted from January of the year 0.
pub(super) fn month_of(day: i64) -> i64 {
    let days = day + DAYS_TO_1970;
    let era = days.div_euclid(DAYS_PER_ERA);
    let of_era = (days - era * DAYS_PER_ERA) as u32;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let since_march = (5 * of_year + 2) / 153;
    (era * 400 + i64::from(year_of_era)) * 12 + i64::from(since_march) + 2
}

/// The first day of a month, since 1970.
pub(super) fn first_day_of(month: i64) -> i64 {
    let since_march = month - 2;
    let (year, month) = (since_march.div_euclid(12), since_march.rem_euclid(12));
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5;
    era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, Days, NaiveDate};

    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let mut date = NaiveDate::from_ymd_opt(-801, 12, 25).unwrap();
        while date.year() < 2_410 {
            let day = (date - epoch).num_days();
            let month = month_of(day);
            assert_eq!(month, i64::from(date.year()) * 12 + i64::from(date.month0()), "{date}");
            assert_eq!(first_day_of(month), day - i64::from(date.day0()), "{date}");
            date = date + Days::new(1);
        }
    }
}
