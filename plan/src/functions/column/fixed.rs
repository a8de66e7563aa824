//! Moving windows of a fixed number of rows: sums, means and extremes at a few steps a row, however long the window.
//!
//! The sum of a window of floats is that of the end of one block of rows and the beginning of the next: two running sums, one backwards, by
//! which nothing is ever taken off again that was added. Blocks are as long as the window. Source: van Herk (1992), for extremes.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, Float64Array, PrimitiveArray, downcast_integer,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion::common::Result;
use gradframe_ml_core::Error;

use super::moving::{Statistic, extremes};
use crate::error::to_datafusion;

/// A window around each row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fixed {
    pub(super) size: usize,
    /// Values that it must have.
    pub(super) least: usize,
    /// Where it ends, counted from its row: 1 if that is its last.
    pub(super) after: usize,
}

impl Fixed {
    /// Source of the centre's place: Polars 2.1.
    pub(super) fn new(size: usize, least: usize, center: bool) -> Self {
        Fixed { size, least, after: if center { size.div_ceil(2) } else { 1 } }
    }

    /// The rows that the window around a row holds.
    pub(super) fn rows(self, row: usize, rows: usize) -> Range<usize> {
        (row + self.after).saturating_sub(self.size)..(row + self.after).min(rows)
    }

    /// How many values each window holds.
    fn counts(self, nulls: Option<&NullBuffer>, rows: usize) -> impl Iterator<Item = usize> {
        let is_valid = move |row: usize| usize::from(nulls.is_none_or(|nulls| nulls.is_valid(row)));
        let mut window = 0..0;
        let mut count = 0;
        (0..rows).map(move |row| {
            let next = self.rows(row, rows);
            count += (window.end..next.end).map(is_valid).sum::<usize>();
            count -= (window.start..next.start).map(is_valid).sum::<usize>();
            window = next;
            count
        })
    }
}

/// The statistic of each window of a column; None of statistics that are computed otherwise. Sums and extremes of integers are integers.
/// Errors: `Execution` for a sum of integers beyond 64 bits.
pub(super) fn of_fixed(statistic: &Statistic, values: &ArrayRef, fixed: Fixed) -> Result<Option<ArrayRef>> {
    let is_integer = values.data_type().is_integer();
    Ok(match statistic {
        Statistic::Sum if *values.data_type() == DataType::UInt64 => Some(whole_sums::<UInt64Type>(values, fixed)?),
        Statistic::Sum if is_integer => Some(whole_sums::<Int64Type>(values, fixed)?),
        Statistic::Sum => Some(float_sums(values, fixed, |sum, _| Some(sum))?),
        Statistic::Mean => Some(float_sums(values, fixed, |sum, count| (count > 0).then(|| sum / count as f64))?),
        Statistic::Extreme { greatest } if is_integer => Some(whole_extremes(values, fixed, *greatest)),
        _ => None,
    })
}

fn float_sums(values: &ArrayRef, fixed: Fixed, of: impl Fn(f64, usize) -> Option<f64>) -> Result<ArrayRef> {
    let floats = cast(values, &DataType::Float64)?;
    let floats = floats.as_primitive::<Float64Type>();
    let nulls = floats.nulls().filter(|nulls| nulls.null_count() > 0);
    let sums = match nulls {
        None => sums_of_floats(floats.values(), fixed),
        Some(nulls) => {
            let or_zero = floats.values().iter().zip(nulls.iter()).map(|(value, valid)| if valid { *value } else { 0.0 });
            sums_of_floats(&or_zero.collect::<Vec<_>>(), fixed)
        }
    };
    let counts = fixed.counts(nulls, floats.len());
    let found = sums.into_iter().zip(counts).map(|(sum, count)| if count >= fixed.least { of(sum, count) } else { None });
    Ok(Arc::new(found.collect::<Float64Array>()))
}

/// The sum of each window of values none of which is null.
fn sums_of_floats(values: &[f64], fixed: Fixed) -> Vec<f64> {
    let (rows, size) = (values.len(), fixed.size.min(values.len().max(1)));
    let mut sums = vec![0.0; rows];
    let mut at_end = |end: usize, sum: f64| {
        if let Some(place) =
            (end + 1).checked_sub(fixed.after).and_then(|row| row.checked_sub(1)).and_then(|row| sums.get_mut(row))
        {
            *place = sum;
        }
    };
    // Of the block before, from each row to its end.
    let mut ends: Vec<f64> = vec![];
    for start in (0..rows).step_by(size) {
        let block = &values[start..rows.min(start + size)];
        let mut so_far = 0.0;
        for (at, value) in block.iter().enumerate() {
            so_far += value;
            // Windows that no earlier row is in: of the first block, and as long as the block.
            let whole = ends.get(at + 1).map_or(so_far, |end| end + so_far);
            at_end(start + at + 1, whole);
        }
        ends.resize(size, 0.0);
        let mut to_end = 0.0;
        for (end, value) in ends.iter_mut().zip(block).rev() {
            to_end += value;
            *end = to_end;
        }
    }
    // Windows that would end behind the last row.
    let mut to_end = 0.0;
    let first = (rows + 1).saturating_sub(fixed.size);
    let mut behind: Vec<f64> = vec![0.0; rows - first.min(rows)];
    for row in (first..rows).rev() {
        to_end += values[row];
        behind[row - first] = to_end;
    }
    for end in rows + 1..rows + fixed.after {
        let from = end.saturating_sub(fixed.size).max(first);
        at_end(end, behind.get(from - first).copied().unwrap_or_default());
    }
    sums
}

/// Sums of integers are exact on the way.
fn whole_sums<T: ArrowPrimitiveType>(values: &ArrayRef, fixed: Fixed) -> Result<ArrayRef>
where
    T::Native: TryFrom<i128> + Into<i128>,
{
    let values = cast(values, &T::DATA_TYPE)?;
    let values = values.as_primitive::<T>();
    let at = |row: usize| -> i128 { if values.is_valid(row) { values.value(row).into() } else { 0 } };
    let (mut window, mut sum) = (0..0, 0_i128);
    let sums = fixed.counts(values.nulls(), values.len()).enumerate().map(|(row, count)| {
        let next = fixed.rows(row, values.len());
        sum += (window.end..next.end).map(at).sum::<i128>();
        sum -= (window.start..next.start).map(at).sum::<i128>();
        window = next;
        let enough = (count >= fixed.least).then_some(sum);
        enough.map(|sum| T::Native::try_from(sum).map_err(|_| too_large(sum, &T::DATA_TYPE))).transpose()
    });
    Ok(Arc::new(sums.collect::<Result<PrimitiveArray<T>>>()?))
}

fn too_large(sum: i128, own: &DataType) -> datafusion::error::DataFusionError {
    let error = Error::execution("rolling_sum", format!("the sum of a window is {sum}, which does not fit in {own}"));
    to_datafusion(error.hint("cast to Float64 first"))
}

fn whole_extremes(values: &ArrayRef, fixed: Fixed, greatest: bool) -> ArrayRef {
    macro_rules! of_integers {
        ($t:ty) => {
            of_primitive::<$t>(values, fixed, greatest)
        };
    }
    downcast_integer! {
        values.data_type() => (of_integers),
        _ => arrow::array::new_null_array(values.data_type(), values.len())
    }
}

fn of_primitive<T: ArrowPrimitiveType>(values: &ArrayRef, fixed: Fixed, greatest: bool) -> ArrayRef
where
    T::Native: ArrowNativeTypeOp,
{
    let values = values.as_primitive::<T>();
    let windows = (0..values.len()).map(|row| fixed.rows(row, values.len()));
    let beats = |a: T::Native, b: T::Native| if greatest { a.is_ge(b) } else { a.is_le(b) };
    Arc::new(extremes(values, windows, fixed.least, beats))
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn sums_are_those_of_each_window_wherever_blocks_end() {
        let floats = |rows: usize| (0..rows).map(|i| ((i * 31) % 17) as f64 - 4.0).collect::<Vec<_>>();
        for rows in [0, 1, 2, 7, 12, 13] {
            let values = floats(rows);
            for size in [1, 2, 3, 5, 12, 40] {
                for center in [false, true] {
                    let fixed = Fixed::new(size, 1, center);
                    let expected: Vec<f64> = (0..rows).map(|row| values[fixed.rows(row, rows)].iter().sum()).collect();
                    assert_eq!(sums_of_floats(&values, fixed), expected, "{rows} rows, {size}, {center}");
                }
            }
        }
    }

    #[test]
    fn an_infinity_is_gone_with_its_row() {
        let values: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(f64::INFINITY), None, Some(2.0), Some(3.0)]));
        let sums = of_fixed(&Statistic::Sum, &values, Fixed::new(2, 1, false)).unwrap().unwrap();
        let expected = Float64Array::from(vec![1.0, f64::INFINITY, f64::INFINITY, 2.0, 5.0]);
        assert_eq!(&sums, &(Arc::new(expected) as ArrayRef));
    }

    #[test]
    fn sums_of_integers_are_exact_and_refuse_what_does_not_fit() {
        let of = |values: Vec<i64>| {
            let values: ArrayRef = Arc::new(Int64Array::from(values));
            of_fixed(&Statistic::Sum, &values, Fixed::new(2, 2, false))
        };
        let expected: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(i64::MAX), Some(-2)]));
        assert_eq!(of(vec![1, i64::MAX - 1, i64::MIN]).unwrap(), Some(expected));
        assert!(of(vec![1, i64::MAX]).unwrap_err().to_string().contains("does not fit in Int64"));
    }
}
