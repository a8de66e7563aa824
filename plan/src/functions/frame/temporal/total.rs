//! How long a duration is in all: `total_days` to `total_nanoseconds`.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::Result;

use super::clock::{NS_PER_SECOND, SECONDS_PER_DAY, numbers, per_second};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Duration, Flag};

pub(super) const ROWS: &[Row] = &[
    Row::new("dt.total_days", &[Duration, Flag], number, |batch| total(batch, SECONDS_PER_DAY * NS_PER_SECOND)),
    Row::new("dt.total_hours", &[Duration, Flag], number, |batch| total(batch, 3_600 * NS_PER_SECOND)),
    Row::new("dt.total_minutes", &[Duration, Flag], number, |batch| total(batch, 60 * NS_PER_SECOND)),
    Row::new("dt.total_seconds", &[Duration, Flag], number, |batch| total(batch, NS_PER_SECOND)),
    Row::new("dt.total_milliseconds", &[Duration, Flag], number, |batch| total(batch, 1_000_000)),
    Row::new("dt.total_microseconds", &[Duration, Flag], number, |batch| total(batch, 1_000)),
    Row::new("dt.total_nanoseconds", &[Duration, Flag], number, |batch| total(batch, 1)),
];

/// Whole numbers, or with fractions.
fn number(call: &Call) -> Result<DataType> {
    Ok(if call.flag(1) { DataType::Float64 } else { DataType::Int64 })
}

/// In units of so many nanoseconds, rounded towards 0.
fn total(batch: &Batch, unit_ns: i64) -> Result<ArrayRef> {
    let per_second = match batch.data_type(0) {
        DataType::Duration(unit) => per_second(*unit),
        _ => NS_PER_SECOND,
    };
    let (values, step_ns) = (numbers(batch, 0)?, NS_PER_SECOND / per_second);
    if batch.flag(1) {
        let total = match unit_ns >= step_ns {
            true => values.unary::<_, Float64Type>(|value| value as f64 / (unit_ns / step_ns) as f64),
            false => values.unary::<_, Float64Type>(|value| value as f64 * (step_ns / unit_ns) as f64),
        };
        return Ok(Arc::new(total));
    }
    if unit_ns >= step_ns {
        return Ok(Arc::new(values.unary::<_, Int64Type>(|value| value / (unit_ns / step_ns))));
    }
    let total = values.try_unary::<_, Int64Type, _>(|value| {
        value.checked_mul(step_ns / unit_ns).ok_or_else(|| {
            arrow::error::ArrowError::ComputeError(format!("{}: a duration is beyond the range of Int64", batch.name))
        })
    });
    Ok(Arc::new(total?))
}
