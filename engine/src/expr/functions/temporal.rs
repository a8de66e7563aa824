//! Dates and times made of their parts, and at equal distances.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::Expr;
use gradframe_plan::functions::frame;

use super::super::call::Call;
use super::super::lit;
use super::super::structure::items;
use super::super::table::FunctionRow;
use super::cast;
use crate::Result;

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::new("date", |call| built(call, "date")),
    FunctionRow::new("time", |call| built(call, "time")),
    FunctionRow::new("datetime", |call| built(call, "datetime")),
    FunctionRow::new("duration", |call| built(call, "duration")),
    FunctionRow::typed("date_ranges", |call| ranges(call, Some(DataType::Date32))),
    FunctionRow::typed("datetime_ranges", |call| ranges(call, None)),
    FunctionRow::typed("time_ranges", |call| ranges(call, Some(DataType::Time64(TimeUnit::Nanosecond)))),
    FunctionRow::typed("date_range", |call| ranges(call, Some(DataType::Date32)).map(items)),
    FunctionRow::typed("datetime_range", |call| ranges(call, None).map(items)),
    FunctionRow::typed("time_range", |call| ranges(call, Some(DataType::Time64(TimeUnit::Nanosecond))).map(items)),
];

/// The parts, then the unit and the zone where there are any.
fn built(call: &mut Call, kernel: &'static str) -> Result<Expr> {
    let mut parts = call.rest();
    if matches!(kernel, "datetime" | "duration") {
        parts.push(lit(call.optional_text("time_unit")?.unwrap_or_else(|| "us".to_owned())));
    }
    if kernel == "datetime" {
        parts.push(super::super::ns::IntoValue::into_value(call.optional_text("time_zone")?.as_deref()));
    }
    Ok(frame::call(kernel, parts))
}

/// Both ends as moments of one type.
fn ranges(call: &mut Call, moment: Option<DataType>) -> Result<Expr> {
    let (start, end) = (call.expr("the start")?, call.expr("the end")?);
    let (interval, closed) = (call.text("interval")?, call.optional_text("closed")?.unwrap_or_else(|| "both".to_owned()));
    let moment = match moment {
        Some(moment) => moment,
        None => datetime(call, &start, &end)?,
    };
    let ends = [cast(start, moment.clone()), cast(end, moment)];
    Ok(frame::call("moment_ranges", ends.into_iter().chain([lit(interval), lit(closed)]).collect()))
}

/// A datetime of the unit and zone that are asked for, or of those that one of the ends has.
fn datetime(call: &mut Call, start: &Expr, end: &Expr) -> Result<DataType> {
    let own = [call.type_of(start)?, call.type_of(end)?].into_iter().find(|own| matches!(own, DataType::Timestamp(..)));
    let (own_unit, own_zone) = match own {
        Some(DataType::Timestamp(unit, zone)) => (unit, zone),
        _ => (TimeUnit::Microsecond, None),
    };
    let units = [("us", TimeUnit::Microsecond), ("ns", TimeUnit::Nanosecond), ("ms", TimeUnit::Millisecond)];
    let wanted = call.optional_text("time_unit")?;
    let unit = match wanted.as_deref() {
        None => own_unit,
        Some(name) => match units.iter().find(|(known, _)| *known == name) {
            Some((_, unit)) => *unit,
            None => return Err(call.wrong(format!("`{name}` is no time unit, expected ns, us or ms"))),
        },
    };
    Ok(DataType::Timestamp(unit, call.optional_text("time_zone")?.map(Into::into).or(own_zone)))
}
