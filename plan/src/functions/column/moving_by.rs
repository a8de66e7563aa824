//! Moving windows by the values of another column: the last three hours, the last ten numbers.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, UInt32Array};
use arrow::compute::{cast, sort_to_indices, take};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue};

use super::exactly;
use super::kernel::{Columns, Kernel};
use super::moving::{Statistic, rank, rolling_type, values_of_windows};
use crate::functions::frame::window_start;

pub(super) const KERNELS: &[Kernel] = &[
    // [value, by]; constants: the window's length, which ends are in it, min_samples, statistic, and what the statistic takes.
    Kernel { name: "rolling_by", result: by_type, run: rolling_by },
];

fn by_type(types: &[DataType], constants: &[ScalarValue]) -> Result<DataType> {
    rolling_type(types, constants)
}

fn rolling_by(columns: &Columns) -> Result<ArrayRef> {
    let order = sort_to_indices(&columns.values[1], None, None)?;
    let valid = columns.values[1].len() - columns.values[1].null_count();
    // Rows without a place come first in that order; they have no window.
    let order = order.slice(order.len() - valid, valid);
    let sorted = take(&columns.values[0], &order, None)?;
    let places = numbers(&take(&columns.values[1], &order, None)?)?;
    let windows = windows(&places, columns)?;
    let least = columns.int(2)?.max(0) as usize;
    let statistic = Statistic::of(columns)?;
    if let Some(found) = exactly::of_windows(&statistic, &sorted, &windows, least)? {
        return in_rows(&found, &order, columns.rows);
    }
    let values = cast(&sorted, &DataType::Float64)?;
    let values = values.as_primitive();
    let found: Float64Array = match statistic {
        Statistic::Rank { method } => {
            windows.into_iter().enumerate().map(|(row, window)| rank(values, window, row, least, &method)).collect()
        }
        Statistic::Sum => windows.into_iter().map(|window| sum(values, window, least)).collect(),
        other => values_of_windows(&other, values, windows.into_iter(), least),
    };
    in_rows(&(Arc::new(found) as ArrayRef), &order, columns.rows)
}

/// The sum of a window without any row is 0, as in Polars.
fn sum(values: &Float64Array, window: Range<usize>, least: usize) -> Option<f64> {
    if window.is_empty() {
        return Some(0.0);
    }
    Statistic::Sum.of_window(values, window, least)
}

/// The result of each row, where it stood.
fn in_rows(found: &ArrayRef, order: &UInt32Array, rows: usize) -> Result<ArrayRef> {
    let mut places = vec![None; rows];
    for (place, row) in order.values().iter().enumerate() {
        places[*row as usize] = Some(place as u32);
    }
    Ok(take(found, &UInt32Array::from(places), None)?)
}

/// Places as whole numbers of their unit; of dates, milliseconds.
fn numbers(places: &ArrayRef) -> Result<Int64Array> {
    let wide = match places.data_type() {
        DataType::Date32 => cast(places, &DataType::Date64)?,
        _ => Arc::clone(places),
    };
    Ok(cast(&wide, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

/// The rows of each row's window, among rows sorted by their places.
fn windows(places: &Int64Array, columns: &Columns) -> Result<Vec<Range<usize>>> {
    let (length, closed) = (columns.text(0), columns.text(1));
    let (holds_start, holds_end) = (matches!(closed, "left" | "both"), matches!(closed, "right" | "both"));
    let by = columns.values[1].data_type();
    let places = places.values();
    let window = |place: &i64| {
        let start = window_start(by, *place, length)?;
        let from = places.partition_point(|other| if holds_start { *other < start } else { *other <= start });
        let to = places.partition_point(|other| if holds_end { other <= place } else { other < place });
        Ok(from.min(to)..to)
    };
    places.iter().map(window).collect()
}
