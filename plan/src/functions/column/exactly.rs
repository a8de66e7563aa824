//! Sums, means and extremes of integers in windows, in integers: floats have room for 53 bits only.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, UInt32Array, UInt64Array};
use arrow::compute::{cast, rank, take};
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use datafusion::common::Result;
use gradframe_ml_core::Error;

use super::moving::{Statistic, float_extremes};
use crate::error::to_datafusion;

/// The statistic of each window of a column of integers or booleans; None of other columns, and for what floats are meant for.
/// Neither end of a window is before that of the one before it. Errors: `Execution` for a sum beyond 64 bits.
pub(super) fn of_windows(
    statistic: &Statistic,
    values: &ArrayRef,
    windows: &[Range<usize>],
    least: usize,
) -> Result<Option<ArrayRef>> {
    let own = values.data_type();
    if !(own.is_integer() || *own == DataType::Boolean) {
        return Ok(None);
    }
    Ok(match statistic {
        Statistic::Sum => Some(sums(values, windows, least)?),
        Statistic::Mean => Some(means(values, windows, least)?),
        Statistic::Extreme { greatest } => Some(of_ranks(values, windows, least, *greatest)?),
        _ => None,
    })
}

/// How many values there are before each row, and their sum.
fn running(values: &ArrayRef) -> Result<Vec<(usize, i128)>> {
    let wide: Vec<Option<i128>> = match values.data_type() {
        DataType::UInt64 => values.as_primitive::<UInt64Type>().iter().map(|value| value.map(i128::from)).collect(),
        _ => {
            let values = cast(values, &DataType::Int64)?;
            values.as_primitive::<Int64Type>().iter().map(|value| value.map(i128::from)).collect()
        }
    };
    let mut so_far = vec![(0, 0)];
    let (mut count, mut sum) = (0, 0);
    for value in wide {
        count += usize::from(value.is_some());
        sum += value.unwrap_or(0);
        so_far.push((count, sum));
    }
    Ok(so_far)
}

/// The number of values in each window and their sum; None for fewer than `least`.
fn totals(so_far: &[(usize, i128)], windows: &[Range<usize>], least: usize) -> impl Iterator<Item = Option<(usize, i128)>> {
    windows.iter().map(move |window| {
        let ((before, less), (until, sum)) = (so_far[window.start], so_far[window.end]);
        (until - before >= least).then_some((until - before, sum - less))
    })
}

/// Of a window without any row it is 0.
fn sums(values: &ArrayRef, windows: &[Range<usize>], least: usize) -> Result<ArrayRef> {
    let so_far = running(values)?;
    let sums = totals(&so_far, windows, least).zip(windows);
    let sums = sums.map(|(total, window)| if window.is_empty() { Some(0) } else { total.map(|(_, sum)| sum) });
    if *values.data_type() == DataType::UInt64 {
        let sums = sums.map(|sum| sum.map(|sum| u64::try_from(sum).map_err(|_| too_large(sum))).transpose());
        return Ok(Arc::new(sums.collect::<Result<UInt64Array>>()?));
    }
    let sums = sums.map(|sum| sum.map(|sum| i64::try_from(sum).map_err(|_| too_large(sum))).transpose());
    Ok(Arc::new(sums.collect::<Result<Int64Array>>()?))
}

fn too_large(sum: i128) -> datafusion::error::DataFusionError {
    let error = Error::execution("rolling_sum_by", format!("the sum of a window is {sum}, which 64 bits do not hold"));
    to_datafusion(error.hint("cast to Float64 first"))
}

fn means(values: &ArrayRef, windows: &[Range<usize>], least: usize) -> Result<ArrayRef> {
    let so_far = running(values)?;
    let mean = |total: Option<(usize, i128)>| total.filter(|(count, _)| *count > 0).map(|(count, sum)| sum as f64 / count as f64);
    Ok(Arc::new(totals(&so_far, windows, least).map(mean).collect::<Float64Array>()))
}

/// By the ranks of the values, of which floats hold every one.
fn of_ranks(values: &ArrayRef, windows: &[Range<usize>], least: usize, greatest: bool) -> Result<ArrayRef> {
    let ranks = rank(values, None)?;
    let mut row_of = vec![0_u32; values.len() + 1];
    for (row, rank) in ranks.iter().enumerate() {
        row_of[*rank as usize] = row as u32;
    }
    let valid = |row: usize| values.is_valid(row).then(|| f64::from(ranks[row]));
    let of_values: Float64Array = (0..values.len()).map(valid).collect();
    let found = float_extremes(&of_values, windows.iter().cloned(), least, greatest);
    let rows: UInt32Array = found.iter().map(|rank| rank.map(|rank| row_of[rank as usize])).collect();
    Ok(take(values, &rows, None)?)
}
