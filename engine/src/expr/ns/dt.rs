//! The namespace `dt`.

use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;

use super::{IntoValue, kernel, simple};
use crate::Result;
use crate::expr::{Call, FunctionRow};

/// Functions of dates, times, datetimes and durations. Parts are those that a clock in the column's time zone shows.
///
/// ```
/// use gradframe::expr::{col, ns::Namespaces};
///
/// let week = col("start").dt().convert_time_zone("Europe/Berlin").dt().truncate("1w");
/// let due = col("start").dt().offset_by("2mo");
/// # let _ = (week, due);
/// ```
#[derive(Debug, Clone)]
pub struct DtNamespace(pub(super) Expr);

simple!(DtNamespace {
    /// The year: Int32.
    year => "dt.year" from "dt.year",
    /// The year that the ISO week belongs to: Int32.
    iso_year => "dt.iso_year" from "dt.iso_year",
    /// 1 to 4: Int8.
    quarter => "dt.quarter" from "dt.quarter",
    /// 1 to 12: Int8.
    month => "dt.month" from "dt.month",
    /// The ISO week, 1 to 53: Int8.
    week => "dt.week" from "dt.week",
    /// 1 for Monday to 7 for Sunday: Int8.
    weekday => "dt.weekday" from "dt.weekday",
    /// The day of the month: Int8.
    day => "dt.day" from "dt.day",
    /// The day of the year, 1 to 366: Int16.
    ordinal_day => "dt.ordinal_day" from "dt.ordinal_day",
    /// 0 to 23: Int8.
    hour => "dt.hour" from "dt.hour",
    /// 0 to 59: Int8.
    minute => "dt.minute" from "dt.minute",
    /// 0 to 59: Int8.
    second => "dt.second" from "dt.second",
    /// The second with its fraction: Float64.
    second_fractional => "dt.second_fractional" from "dt.second_fractional",
    /// Since the second began: Int32.
    millisecond => "dt.millisecond" from "dt.millisecond",
    /// Since the second began: Int32.
    microsecond => "dt.microsecond" from "dt.microsecond",
    /// Since the second began: Int32.
    nanosecond => "dt.nanosecond" from "dt.nanosecond",
    /// 21 for the years 2001 to 2100: Int32.
    century => "dt.century" from "dt.century",
    /// 3 for the years 2001 to 3000: Int32.
    millennium => "dt.millennium" from "dt.millennium",
    /// Whether the year has 366 days.
    is_leap_year => "dt.is_leap_year" from "dt.is_leap_year",
    /// 28 to 31: Int8.
    days_in_month => "dt.days_in_month" from "dt.days_in_month",
    /// The date that the clock shows.
    date => "dt.date" from "dt.date",
    /// The time that the clock shows.
    time => "dt.time" from "dt.time",
    /// The same time on the first of the month.
    month_start => "dt.month_start" from "dt.month_start",
    /// The same time on the last of the month.
    month_end => "dt.month_end" from "dt.month_end",
    /// How far the zone's clock is ahead of UTC without summer time.
    base_utc_offset => "dt.base_utc_offset" from "dt.base_utc_offset",
    /// What summer time adds to it.
    dst_offset => "dt.dst_offset" from "dt.dst_offset",
});

impl DtNamespace {
    /// The latest multiple of an interval (`1mo`, `1w`, `15m`) that is not after it: weeks begin on Mondays.
    pub fn truncate(self, every: impl IntoValue) -> Expr {
        kernel("dt.truncate", [self.0, every.into_value()])
    }

    /// The nearest multiple of an interval; of two, the later.
    pub fn round(self, every: impl IntoValue) -> Expr {
        kernel("dt.round", [self.0, every.into_value()])
    }

    /// Moved by an interval (`1mo`, `-2d12h`). A month on from the 31st is the last of the month.
    pub fn offset_by(self, by: impl IntoValue) -> Expr {
        kernel("dt.offset_by", [self.0, by.into_value()])
    }

    /// The same moments on the clock of another zone.
    pub fn convert_time_zone(self, zone: &str) -> Expr {
        kernel("dt.convert_time_zone", [self.0, zone.into_value()])
    }

    /// The same readings of the clock of another zone, or of none. What that shows twice: `ambiguous` is `raise`, `earliest`, `latest`
    /// or `null`; what it skips: `non_existent` is `raise` or `null`.
    pub fn replace_time_zone(self, zone: Option<&str>, ambiguous: impl IntoValue, non_existent: &str) -> Expr {
        let arguments = [self.0, zone.into_value(), ambiguous.into_value(), non_existent.into_value()];
        kernel("dt.replace_time_zone", arguments)
    }

    /// As text by a format of strftime's, or as ISO 8601 has it.
    pub fn to_string(self, format: Option<&str>) -> Expr {
        kernel("dt.to_string", [self.0, format.into_value()])
    }

    /// As text by a format of strftime's.
    pub fn strftime(self, format: &str) -> Expr {
        self.to_string(Some(format))
    }

    /// How many `ns`, `us`, `ms`, `s` or `d` since 1970.
    pub fn epoch(self, unit: &str) -> Expr {
        kernel("dt.epoch", [self.0, unit.into_value()])
    }

    /// How many `ns`, `us` or `ms` since 1970.
    pub fn timestamp(self, unit: &str) -> Expr {
        self.epoch(unit)
    }

    /// In another unit, rounded down.
    pub fn cast_time_unit(self, unit: &str) -> Expr {
        kernel("dt.cast_time_unit", [self.0, unit.into_value()])
    }

    /// Its date at another time.
    pub fn combine(self, time: impl IntoValue, unit: &str) -> Expr {
        kernel("dt.combine", [self.0, time.into_value(), unit.into_value()])
    }

    /// With other parts: year, month, day, hour, minute, second, microsecond; a null one stays.
    pub fn replace(self, parts: [Expr; 7], ambiguous: impl IntoValue) -> Expr {
        kernel("dt.replace", [self.0].into_iter().chain(parts).chain([ambiguous.into_value()]))
    }

    /// Whether it is a day of the week that is worked on (a list of 7 truths, Monday first), and no holiday (a list of dates).
    pub fn is_business_day(self, week_mask: ScalarValue, holidays: ScalarValue) -> Expr {
        kernel("dt.is_business_day", [self.0, Expr::Literal(week_mask, None), Expr::Literal(holidays, None)])
    }

    /// So many business days on. From a day that is none: `roll` is `raise`, `forward` or `backward`.
    pub fn add_business_days(self, n: impl IntoValue, week_mask: ScalarValue, holidays: ScalarValue, roll: &str) -> Expr {
        let calendar = [Expr::Literal(week_mask, None), Expr::Literal(holidays, None), roll.into_value()];
        kernel("dt.add_business_days", [self.0, n.into_value()].into_iter().chain(calendar))
    }
}

/// How long a duration is in all, in a unit; with fractions, or rounded towards 0.
macro_rules! totals {
    ($($method:ident => $name:literal),*) => {
        impl DtNamespace {
            $(/// How long a duration is in all, in this unit: Float64 with its fraction, or Int64 rounded towards 0.
            pub fn $method(self, fractional: bool) -> Expr {
                kernel($name, [self.0, fractional.into_value()])
            })*
        }

        const TOTALS: &[FunctionRow] =
            &[$(FunctionRow::new($name, |call| Ok(moment(call)?.$method(call.flag("fractional", false)?)))),*];
    };
}

totals!(
    total_days => "dt.total_days",
    total_hours => "dt.total_hours",
    total_minutes => "dt.total_minutes",
    total_seconds => "dt.total_seconds",
    total_milliseconds => "dt.total_milliseconds",
    total_microseconds => "dt.total_microseconds",
    total_nanoseconds => "dt.total_nanoseconds"
);

fn moment(call: &mut Call) -> Result<DtNamespace> {
    Ok(DtNamespace(call.expr("the expression")?))
}

/// A list of constants, none if it was not given.
fn list(call: &mut Call, name: &str) -> Result<ScalarValue> {
    let values = call.values(name)?;
    let Some(first) = values.first() else { return Ok(ScalarValue::Null) };
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&values, &first.data_type())))
}

fn replace(call: &mut Call) -> Result<Expr> {
    let moment = moment(call)?;
    let mut parts = Vec::with_capacity(7);
    for name in ["the year", "the month", "the day", "the hour", "the minute", "the second", "the microsecond"] {
        parts.push(call.expr(name)?);
    }
    let ambiguous = call.expr("ambiguous")?;
    let parts = <[Expr; 7]>::try_from(parts).map_err(|_| call.wrong("a part is missing"))?;
    Ok(moment.replace(parts, ambiguous))
}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::new("dt.truncate", |call| Ok(moment(call)?.truncate(call.expr("the interval")?))),
    FunctionRow::new("dt.round", |call| Ok(moment(call)?.round(call.expr("the interval")?))),
    FunctionRow::new("dt.offset_by", |call| Ok(moment(call)?.offset_by(call.expr("the interval")?))),
    FunctionRow::new("dt.convert_time_zone", |call| Ok(moment(call)?.convert_time_zone(&call.text("time_zone")?))),
    FunctionRow::new("dt.replace_time_zone", |call| {
        let (moment, ambiguous, zone) = (moment(call)?, call.expr("ambiguous")?, call.optional_text("time_zone")?);
        let non_existent = call.optional_text("non_existent")?.unwrap_or_else(|| "raise".into());
        Ok(moment.replace_time_zone(zone.as_deref(), ambiguous, &non_existent))
    }),
    FunctionRow::new("dt.to_string", |call| Ok(moment(call)?.to_string(call.optional_text("format")?.as_deref()))),
    FunctionRow::new("dt.epoch", |call| Ok(moment(call)?.epoch(&call.text("time_unit")?))),
    FunctionRow::new("dt.cast_time_unit", |call| Ok(moment(call)?.cast_time_unit(&call.text("time_unit")?))),
    FunctionRow::new("dt.combine", |call| Ok(moment(call)?.combine(call.expr("the time")?, &call.text("time_unit")?))),
    FunctionRow::new("dt.replace", replace),
    FunctionRow::new("dt.is_business_day", |call| {
        Ok(moment(call)?.is_business_day(list(call, "week_mask")?, list(call, "holidays")?))
    }),
    FunctionRow::new("dt.add_business_days", |call| {
        let (moment, n, roll) = (moment(call)?, call.expr("n")?, call.text("roll")?);
        Ok(moment.add_business_days(n, list(call, "week_mask")?, list(call, "holidays")?, &roll))
    }),
];

/// `total_days` to `total_nanoseconds`.
pub(super) const OF_DURATIONS: &[FunctionRow] = TOTALS;
