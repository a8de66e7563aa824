//! Moving windows of rows: what `rolling_*` computes for columns that running sums would get wrong (NaN, infinity, the
//! rounding of floats) and for statistics that have none.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, Float64Array, PrimitiveArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};

use super::fixed::{Fixed, of_fixed};
use super::kernel::{Columns, Kernel, float};
use super::statistics::{kurtosis, quantile, skew};

pub(super) const KERNELS: &[Kernel] = &[
    // [value]; constants: window, min_samples, center, statistic, and what the statistic takes.
    Kernel { name: "rolling", result: rolling_type, run: rolling },
];

/// Where the constants of the statistic begin.
const OWN: usize = 4;

pub(super) fn rolling_type(types: &[DataType], constants: &[ScalarValue]) -> Result<DataType> {
    let statistic = constants.get(3).and_then(|constant| constant.try_as_str().flatten()).unwrap_or_default();
    Ok(match (types.first(), statistic) {
        (Some(own), "sum" | "min" | "max") if own.is_integer() => own.clone(),
        (Some(own @ DataType::Boolean), "min" | "max") => own.clone(),
        _ => float(types, constants)?,
    })
}

fn rolling(columns: &Columns) -> Result<ArrayRef> {
    let (size, min_samples) = (columns.int(0)?.max(1) as usize, columns.int(1)?.max(0) as usize);
    let fixed = Fixed::new(size, min_samples, columns.flag(2));
    let statistic = Statistic::of(columns)?;
    if let Some(found) = of_fixed(&statistic, &columns.values[0], fixed)? {
        return Ok(found);
    }
    let values = columns.floats(0)?;
    let windows = (0..values.len()).map(|row| fixed.rows(row, values.len()));
    Ok(Arc::new(values_of_windows(&statistic, &values, windows, min_samples)))
}

/// How many rows before and after its own a window looks at, by the constants of `rolling`.
pub(super) fn reach(constants: &[ScalarValue]) -> Option<(usize, usize)> {
    let size = match constants.first()?.cast_to(&DataType::Int64).ok()? {
        ScalarValue::Int64(Some(size)) => usize::try_from(size).ok()?.max(1),
        _ => return None,
    };
    let after = Fixed::new(size, 0, constants.get(2)? == &ScalarValue::Boolean(Some(true))).after - 1;
    Some((size - 1, after))
}

/// The statistic of each window; neither end of a window is before that of the one before it.
pub(super) fn values_of_windows(
    statistic: &Statistic,
    values: &Float64Array,
    windows: impl Iterator<Item = Range<usize>>,
    min_samples: usize,
) -> Float64Array {
    match statistic {
        Statistic::Extreme { greatest } => float_extremes(values, windows, min_samples, *greatest),
        Statistic::Sorted { q, method } => sorted(values, windows, min_samples, *q, method),
        other => windows.map(|window| other.of_window(values, window, min_samples)).collect(),
    }
}

/// What is computed of a window's values.
#[derive(Debug)]
pub(super) enum Statistic {
    Sum,
    Mean,
    Deviation { ddof: f64, root: bool },
    Skew { bias: bool },
    Kurtosis { fisher: bool, bias: bool },
    Rank { method: String },
    Weighted { weights: Vec<f64>, mean: bool },
    Extreme { greatest: bool },
    Sorted { q: f64, method: String },
}

impl Statistic {
    pub(super) fn of(columns: &Columns) -> Result<Self> {
        Ok(match columns.text(3) {
            "sum" => Statistic::Sum,
            "mean" => Statistic::Mean,
            "std" => Statistic::Deviation { ddof: columns.float(OWN)?, root: true },
            "var" => Statistic::Deviation { ddof: columns.float(OWN)?, root: false },
            "skew" => Statistic::Skew { bias: columns.flag(OWN) },
            "kurtosis" => Statistic::Kurtosis { fisher: columns.flag(OWN), bias: columns.flag(OWN + 1) },
            "rank" => Statistic::Rank { method: columns.text(OWN).to_owned() },
            "weighted_sum" => Statistic::Weighted { weights: weights(columns)?, mean: false },
            "weighted_mean" => Statistic::Weighted { weights: weights(columns)?, mean: true },
            "max" => Statistic::Extreme { greatest: true },
            "min" => Statistic::Extreme { greatest: false },
            _ => Statistic::Sorted { q: columns.float(OWN)?, method: columns.text(OWN + 1).to_owned() },
        })
    }

    pub(super) fn of_window(&self, values: &Float64Array, window: Range<usize>, min_samples: usize) -> Option<f64> {
        if let Statistic::Rank { method } = self {
            let last = window.end.checked_sub(1)?;
            return rank(values, window, last, min_samples, method);
        }
        if let Statistic::Weighted { weights, mean } = self {
            return weighted(values, window, min_samples, weights, *mean);
        }
        let present: Vec<f64> = window.filter(|row| values.is_valid(*row)).map(|row| values.value(row)).collect();
        (present.len() >= min_samples).then(|| self.of_values(&present)).flatten()
    }

    fn of_values(&self, values: &[f64]) -> Option<f64> {
        match self {
            Statistic::Sum => Some(values.iter().sum()),
            Statistic::Mean => (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64),
            Statistic::Deviation { ddof, root } => deviation(values, *ddof, *root),
            Statistic::Skew { bias } => skew(values, *bias),
            Statistic::Kurtosis { fisher, bias } => kurtosis(values, *fisher, *bias),
            _ => None,
        }
    }
}

fn weights(columns: &Columns) -> Result<Vec<f64>> {
    (OWN..columns.constants.len()).map(|index| columns.float(index)).collect()
}

fn deviation(values: &[f64], ddof: f64, root: bool) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    let variance = (n > ddof).then(|| squares / (n - ddof))?;
    Some(if root { variance.sqrt() } else { variance })
}

/// The rank of a row's value in its window.
pub(super) fn rank(values: &Float64Array, window: Range<usize>, row: usize, min_samples: usize, method: &str) -> Option<f64> {
    let last = values.is_valid(row).then(|| values.value(row))?;
    let present: Vec<f64> = window.filter(|row| values.is_valid(*row)).map(|row| values.value(row)).collect();
    if present.len() < min_samples {
        return None;
    }
    let less = present.iter().filter(|x| **x < last).count() as f64;
    let equal = present.iter().filter(|x| **x == last).count() as f64;
    Some(match method {
        "min" => less + 1.0,
        "max" => less + equal,
        "dense" => {
            let mut below: Vec<f64> = present.into_iter().filter(|x| *x < last).collect();
            below.sort_by(f64::total_cmp);
            below.dedup();
            below.len() as f64 + 1.0
        }
        _ => less + (equal + 1.0) / 2.0,
    })
}

/// The last weight is that of the window's last row. A window without all of its rows has none.
fn weighted(values: &Float64Array, window: Range<usize>, min_samples: usize, weights: &[f64], mean: bool) -> Option<f64> {
    if window.len() < min_samples.max(1) || window.clone().any(|row| values.is_null(row)) {
        return None;
    }
    let used = &weights[weights.len() - window.len().min(weights.len())..];
    let sum: f64 = window.zip(used).map(|(row, weight)| values.value(row) * weight).sum();
    Some(if mean { sum / used.iter().sum::<f64>() } else { sum })
}

/// A NaN makes one of every window that it is in.
pub(super) fn float_extremes(
    values: &Float64Array,
    windows: impl Iterator<Item = Range<usize>>,
    min_samples: usize,
    greatest: bool,
) -> Float64Array {
    let beats = |a: f64, b: f64| a.is_nan() || !b.is_nan() && if greatest { a >= b } else { a <= b };
    extremes(values, windows, min_samples, beats)
}

/// The rows that can still be an extreme wait in a queue, the extreme first: each row enters and leaves it once.
pub(super) fn extremes<T: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
    windows: impl Iterator<Item = Range<usize>>,
    min_samples: usize,
    beats: impl Fn(T::Native, T::Native) -> bool,
) -> PrimitiveArray<T> {
    let mut queue: VecDeque<usize> = VecDeque::new();
    let (mut start, mut end, mut present) = (0, 0, 0_usize);
    let extreme = windows.map(|window| {
        for row in end..window.end {
            if values.is_valid(row) {
                present += 1;
                while queue.back().is_some_and(|back| beats(values.value(row), values.value(*back))) {
                    queue.pop_back();
                }
                queue.push_back(row);
            }
        }
        present -= (start..window.start).filter(|row| values.is_valid(*row)).count();
        (start, end) = (window.start, window.end);
        while queue.front().is_some_and(|front| *front < start) {
            queue.pop_front();
        }
        let front = queue.front().map(|front| values.value(*front));
        front.filter(|_| present >= min_samples)
    });
    extreme.collect()
}

/// The window's values stay sorted while rows enter and leave.
fn sorted(
    values: &Float64Array,
    windows: impl Iterator<Item = Range<usize>>,
    min_samples: usize,
    q: f64,
    method: &str,
) -> Float64Array {
    let mut held: Vec<f64> = vec![];
    let (mut start, mut end) = (0, 0);
    let place = |held: &Vec<f64>, x: f64| held.partition_point(|other| other.total_cmp(&x).is_lt());
    let quantiles = windows.map(|window| {
        for row in (end..window.end).filter(|row| values.is_valid(*row)) {
            held.insert(place(&held, values.value(row)), values.value(row));
        }
        for row in (start..window.start).filter(|row| values.is_valid(*row)) {
            held.remove(place(&held, values.value(row)));
        }
        (start, end) = (window.start, window.end);
        if held.len() >= min_samples { quantile(&held, q, method) } else { None }
    });
    quantiles.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_centred_window_has_the_larger_half_after_the_row() {
        assert_eq!(Fixed::new(3, 1, true).rows(3, 10), 2..5);
        assert_eq!(Fixed::new(4, 1, true).rows(3, 10), 1..5);
        assert_eq!(Fixed::new(3, 1, false).rows(0, 10), 0..1);
        assert_eq!(Fixed::new(3, 1, true).rows(9, 10), 8..10);
    }

    #[test]
    fn extremes_and_quantiles_are_those_of_each_window() {
        let values = Float64Array::from(vec![Some(3.0), None, Some(1.0), Some(2.0), Some(5.0)]);
        let windows = || (0..5).map(|row| Fixed::new(3, 1, false).rows(row, 5));
        let greatest = float_extremes(&values, windows(), 1, true);
        assert_eq!(greatest, Float64Array::from(vec![3.0, 3.0, 3.0, 2.0, 5.0]));
        let median = sorted(&values, windows(), 2, 0.5, "linear");
        assert_eq!(median, Float64Array::from(vec![None, None, Some(2.0), Some(1.5), Some(2.0)]));
    }
}
