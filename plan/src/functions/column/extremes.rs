//! Extremes of the rows so far, as one function of the column.
//!
//! Plain columns have them as an aggregate over a frame, which streams. That form names its argument several times, so that one around
//! another would be an expression as large as the power of how deep it is: those are this.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array, make_comparator};
use arrow::compute::{SortOptions, take};
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};
use datafusion::common::Result;

use super::kernel::{Columns, Kernel, as_first};

pub(super) const KERNELS: &[Kernel] = &[
    // [value]; constants: whether the greatest, reverse.
    Kernel { name: "extreme_so_far", result: as_first, run: extremes },
];

/// Null where the value is null. NaN is none, unless there was nothing else.
fn extremes(columns: &Columns) -> Result<ArrayRef> {
    let (values, reverse) = (&columns.values[0], columns.flag(1));
    let better = if columns.flag(0) { Ordering::Greater } else { Ordering::Less };
    let compare = make_comparator(values, values, SortOptions::default())?;
    let (nulls, nan) = (values.logical_nulls(), nan(values));
    let is_nan = |row: usize| nan.as_ref().is_some_and(|nan| nan[row]);
    let mut best: Option<usize> = None;
    let mut so_far = |row: usize| {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        let is_better = match best {
            None => true,
            Some(known) if is_nan(known) => !is_nan(row),
            Some(known) => !is_nan(row) && compare(row, known) == better,
        };
        if is_better {
            best = Some(row);
        }
        best.map(|row| row as u64)
    };
    let places: UInt64Array = match reverse {
        false => (0..columns.rows).map(so_far).collect(),
        true => {
            let mut places: Vec<Option<u64>> = (0..columns.rows).rev().map(&mut so_far).collect();
            places.reverse();
            places.into()
        }
    };
    Ok(take(values, &places, None)?)
}

/// Which floats are NaN; None of other columns.
fn nan(values: &ArrayRef) -> Option<Vec<bool>> {
    Some(match values.data_type() {
        DataType::Float16 => values.as_primitive::<Float16Type>().values().iter().map(|value| value.is_nan()).collect(),
        DataType::Float32 => values.as_primitive::<Float32Type>().values().iter().map(|value| value.is_nan()).collect(),
        DataType::Float64 => values.as_primitive::<Float64Type>().values().iter().map(|value| value.is_nan()).collect(),
        _ => return None,
    })
}
