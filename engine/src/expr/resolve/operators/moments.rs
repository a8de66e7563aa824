//! Arithmetic of dates, times and durations. Of two units of time the finer one is computed in.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, try_cast};

use super::super::super::functions::quotient;
use super::Typed;
use super::numbers::cast_to;

/// A date is its midnight.
const MIDNIGHT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// Where a date beside a moment of a time zone has its midnight, as in Polars.
pub(super) const UTC: &str = "UTC";

/// As pyarrow and files write it.
const UTC_AS_OFFSET: &str = "+00:00";

/// A date as its midnight in UTC, a moment of a time zone as one of UTC.
pub(super) fn as_instant(expr: Expr, own: &DataType) -> Expr {
    let unit = if let DataType::Timestamp(unit, _) = own { *unit } else { TimeUnit::Microsecond };
    cast_to(expr, own, &DataType::Timestamp(unit, Some(UTC.into())))
}

/// The type of dates beside moments of one time zone or of none, or of durations of several units, nulls among them or not; None of other
/// types. A date is its midnight in the moments' own unit: in nanoseconds, which a common type of all units would be, there is no year 9999.
pub(crate) fn common_moment(types: &[DataType]) -> Option<DataType> {
    common_duration(types).or_else(|| dates_beside_moments(types))
}

/// The finest of several units of durations, nulls among them or not; None of other types, and of durations of one unit.
pub(super) fn common_duration(types: &[DataType]) -> Option<DataType> {
    let known = || types.iter().filter(|own| !own.is_null());
    let unit = |own: &DataType| if let DataType::Duration(unit) = own { Some(*unit) } else { None };
    let first = known().next().and_then(unit)?;
    let finest = known().try_fold(first, |finest, own| unit(own).map(|unit| finer(finest, unit)))?;
    known().any(|own| unit(own) != Some(first)).then_some(DataType::Duration(finest))
}

/// The type of dates beside moments of one time zone, or of none.
fn dates_beside_moments(types: &[DataType]) -> Option<DataType> {
    let mut moments = types.iter().filter(|own| **own != DataType::Date32 && !own.is_null());
    let first = moments.next().filter(|first| matches!(first, DataType::Timestamp(_, _)))?.clone();
    let common = moments.try_fold(first, |common, other| match (&common, other) {
        (DataType::Timestamp(a, zone), DataType::Timestamp(b, other)) if named(zone) == named(other) => {
            Some(DataType::Timestamp(finer(*a, *b), zone.clone()))
        }
        _ => None,
    })?;
    types.contains(&DataType::Date32).then_some(common)
}

/// The type of dates beside moments of no time zone.
pub(super) fn dates_beside_no_zone(types: &[DataType]) -> Option<DataType> {
    dates_beside_moments(types).filter(|common| matches!(common, DataType::Timestamp(_, None)))
}

/// Whether some are moments of one time zone and others of none or of another: there is no type in which all keep their meaning.
pub(crate) fn zones_differ<'a>(types: impl Iterator<Item = &'a DataType>) -> bool {
    let mut zones = types.filter_map(|own| if let DataType::Timestamp(_, zone) = own { Some(named(zone)) } else { None });
    zones.next().is_some_and(|first| zones.any(|other| other != first))
}

/// A time zone by the one name that it has here.
fn named(zone: &Option<Arc<str>>) -> Option<&str> {
    zone.as_deref().map(|name| if name == UTC_AS_OFFSET { UTC } else { name })
}

/// What the operator gives of dates, times, durations and numbers; None if it means nothing.
pub(super) fn arithmetic(op: Operator, left: Typed, right: Typed) -> Option<Expr> {
    use DataType::{Date32, Duration, Time32, Time64, Timestamp};
    use Operator::{Divide, Minus, Multiply, Plus};
    match (op, &left.1, &right.1) {
        (Minus, Date32, Date32) => Some(difference(left, right, &MIDNIGHT)),
        (Plus | Minus, Date32, Duration(_)) => Some(moved_date(left, op, right)),
        (Plus, Duration(_), Date32) => Some(moved_date(right, op, left)),
        (Minus, Timestamp(unit, None), Date32) | (Minus, Date32, Timestamp(unit, None)) => {
            let common = Timestamp(*unit, None);
            Some(difference(left, right, &common))
        }
        (Minus, Timestamp(unit, Some(_)), Date32) | (Minus, Date32, Timestamp(unit, Some(_))) => {
            let common = Timestamp(*unit, Some(UTC.into()));
            Some(difference(left, right, &common))
        }
        (Minus, Timestamp(a, zone), Timestamp(b, other)) if zone == other => {
            let common = Timestamp(finer(*a, *b), zone.clone());
            Some(difference(left, right, &common))
        }
        (Plus | Minus, Timestamp(a, zone), Duration(b)) => {
            let (moment, by) = (Timestamp(finer(*a, *b), zone.clone()), Duration(finer(*a, *b)));
            Some(binary(as_type(left, &moment), op, as_type(right, &by)))
        }
        (Plus, Duration(b), Timestamp(a, zone)) => {
            let (moment, by) = (Timestamp(finer(*a, *b), zone.clone()), Duration(finer(*a, *b)));
            Some(binary(as_type(right, &moment), op, as_type(left, &by)))
        }
        (Plus | Minus, Duration(a), Duration(b)) => {
            let common = Duration(finer(*a, *b));
            Some(binary(as_type(left, &common), op, as_type(right, &common)))
        }
        (Divide, Duration(a), Duration(b)) => {
            let common = Duration(finer(*a, *b));
            Some(binary(as_float((as_type(left, &common), common.clone())), op, as_float((as_type(right, &common), common))))
        }
        (Minus, Time32(_) | Time64(_), Time32(_) | Time64(_)) => Some(between_times(left, right)),
        (Multiply | Divide, Duration(_), number) if number.is_integer() || number.is_floating() => Some(scaled(left, op, right)),
        (Multiply, number, Duration(_)) if number.is_integer() || number.is_floating() => Some(scaled(right, op, left)),
        _ => None,
    }
}

fn finer(a: TimeUnit, b: TimeUnit) -> TimeUnit {
    a.max(b)
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

fn as_type((expr, own): Typed, data_type: &DataType) -> Expr {
    cast_to(expr, &own, data_type)
}

fn as_number(value: Typed) -> Expr {
    as_type(value, &DataType::Int64)
}

fn as_float(value: Typed) -> Expr {
    cast_to(as_number(value), &DataType::Int64, &DataType::Float64)
}

fn difference(left: Typed, right: Typed, common: &DataType) -> Expr {
    binary(as_type(left, common), Operator::Minus, as_type(right, common))
}

/// The date of the moment: what is left of a day is dropped.
fn moved_date(date: Typed, op: Operator, by: Typed) -> Expr {
    let moved = binary(as_type(date, &MIDNIGHT), op, as_type(by, &DataType::Duration(TimeUnit::Microsecond)));
    cast_to(moved, &MIDNIGHT, &DataType::Date32)
}

fn between_times(left: Typed, right: Typed) -> Expr {
    let nanos = |time: Typed| {
        let fine = DataType::Time64(TimeUnit::Nanosecond);
        as_number((as_type(time, &fine), fine.clone()))
    };
    cast_to(binary(nanos(left), Operator::Minus, nanos(right)), &DataType::Int64, &DataType::Duration(TimeUnit::Nanosecond))
}

/// A duration times or by a number: by a whole one it is rounded down, else towards 0; what is no number gives null.
fn scaled(duration: Typed, op: Operator, number: Typed) -> Expr {
    let own = duration.1.clone();
    let scaled = if number.1.is_floating() {
        try_cast(binary(as_float(duration), op, as_type(number, &DataType::Float64)), DataType::Int64)
    } else if op == Operator::Multiply {
        binary(as_number(duration), op, as_number(number))
    } else {
        quotient(as_number(duration), as_number(number))
    };
    cast_to(scaled, &DataType::Int64, &own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_meet_in_the_finest_unit() {
        use DataType::{Date32, Duration, Null};
        use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
        assert_eq!(
            common_moment(&[Duration(Second), Null, Duration(Nanosecond), Duration(Microsecond)]),
            Some(Duration(Nanosecond))
        );
        assert_eq!(common_moment(&[Duration(Millisecond), Duration(Second)]), Some(Duration(Millisecond)));
        assert_eq!(common_moment(&[Duration(Second), Duration(Second)]), None);
        assert_eq!(common_moment(&[Duration(Second), Date32]), None);
    }

    #[test]
    fn dates_are_midnights_in_the_unit_of_the_moments_beside_them() {
        use DataType::{Date32, Int64, Null, Timestamp};
        use TimeUnit::{Microsecond, Millisecond};
        let plain = |unit| Timestamp(unit, None);
        assert_eq!(common_moment(&[Date32, Null, plain(Microsecond)]), Some(plain(Microsecond)));
        assert_eq!(common_moment(&[plain(Millisecond), Date32]), Some(plain(Millisecond)));
        assert_eq!(common_moment(&[plain(Millisecond), plain(Microsecond), Date32]), Some(plain(Microsecond)));
        assert_eq!(common_moment(&[plain(Millisecond), Int64, Date32]), None);
        assert_eq!(common_moment(&[Date32, Date32]), None);
        assert_eq!(dates_beside_no_zone(&[Date32, Timestamp(Microsecond, Some(UTC.into()))]), None);
    }
}
