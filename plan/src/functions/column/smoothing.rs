//! Values between and after others: interpolation, exponentially weighted statistics, products so far.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};

use super::kernel::{Columns, Kernel, as_first, float};

pub(super) const KERNELS: &[Kernel] = &[
    Kernel { name: "interpolate", result: float, run: |columns| between(columns, |low, high, part| low + part * (high - low)) },
    Kernel {
        name: "interpolate_nearest",
        result: as_first,
        run: |columns| between(columns, |low, high, part| if part < 0.5 { low } else { high }),
    },
    // [value, where it is]
    Kernel { name: "interpolate_by", result: float, run: interpolate_by },
    // [value]; constants: alpha, adjust, ignore_nulls, min_samples, statistic, bias.
    Kernel { name: "ewm", result: float, run: exponential },
    // [value]; constant: reverse.
    Kernel { name: "cum_prod", result: product_type, run: products },
];

fn product_type(types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(match types.first() {
        Some(own) if own.is_floating() => own.clone(),
        _ => DataType::Int64,
    })
}

/// Nulls between two values become what `value` makes of both and of how far the row is from the first to the second.
fn between(columns: &Columns, value: fn(f64, f64, f64) -> f64) -> Result<ArrayRef> {
    let values = columns.floats(0)?;
    let rows: Vec<f64> = (0..values.len()).map(|row| row as f64).collect();
    Ok(filled(&values, &rows, value))
}

/// At the places of a second column, whose rows need not be in order.
fn interpolate_by(columns: &Columns) -> Result<ArrayRef> {
    let (values, places) = (columns.floats(0)?, columns.floats(1)?);
    let mut order: Vec<usize> = (0..places.len()).filter(|row| places.is_valid(*row)).collect();
    order.sort_by(|a, b| places.value(*a).total_cmp(&places.value(*b)));
    let sorted: Float64Array = order.iter().map(|row| values.is_valid(*row).then(|| values.value(*row))).collect();
    let at: Vec<f64> = order.iter().map(|row| places.value(*row)).collect();
    let filled = filled(&sorted, &at, |low, high, part| low + part * (high - low));
    let filled = datafusion::common::cast::as_float64_array(&filled)?;
    let mut result = vec![None; places.len()];
    for (place, row) in order.iter().enumerate() {
        result[*row] = filled.is_valid(place).then(|| filled.value(place));
    }
    Ok(Arc::new(Float64Array::from(result)))
}

fn filled(values: &Float64Array, places: &[f64], value: fn(f64, f64, f64) -> f64) -> ArrayRef {
    let mut result: Vec<Option<f64>> = values.iter().collect();
    let known: Vec<usize> = (0..values.len()).filter(|row| values.is_valid(*row)).collect();
    for pair in known.windows(2) {
        let (low, high) = (pair[0], pair[1]);
        for row in low + 1..high {
            let part = (places[row] - places[low]) / (places[high] - places[low]);
            result[row] = Some(value(values.value(low), values.value(high), part));
        }
    }
    Arc::new(Float64Array::from(result))
}

/// Weights fall by `1 - alpha` from row to row; nulls count as rows unless they are ignored.
/// Source: pandas's and Polars's definition of `ewm`.
struct Weighing {
    alpha: f64,
    adjust: bool,
    ignore_nulls: bool,
}

/// The moments of the rows so far: the weighted mean and variance, and the sums of weights and of their squares.
#[derive(Default, Clone, Copy)]
struct Moments {
    mean: f64,
    variance: f64,
    weights: f64,
    squares: f64,
    sum: f64,
    seen: usize,
}

impl Weighing {
    /// All weights so far fall.
    fn fade(&self, moments: &mut Moments) {
        let keep = 1.0 - self.alpha;
        moments.weights *= keep;
        moments.squares *= keep * keep;
        moments.sum *= keep;
    }

    fn push(&self, moments: &mut Moments, x: f64) {
        moments.seen += 1;
        moments.sum += x;
        if moments.seen == 1 {
            (moments.mean, moments.variance, moments.weights, moments.squares) = (x, 0.0, 1.0, 1.0);
            return;
        }
        let weight = if self.adjust { 1.0 } else { self.alpha };
        let total = moments.weights + weight;
        let mean = (moments.weights * moments.mean + weight * x) / total;
        let spread = moments.weights * (moments.variance + (moments.mean - mean).powi(2)) + weight * (x - mean).powi(2);
        moments.variance = spread / total;
        moments.mean = mean;
        moments.weights = total;
        moments.squares += weight * weight;
        if !self.adjust {
            moments.squares /= total * total;
            moments.weights = 1.0;
        }
    }
}

fn exponential(columns: &Columns) -> Result<ArrayRef> {
    let weighing = Weighing { alpha: columns.float(0)?, adjust: columns.flag(1), ignore_nulls: columns.flag(2) };
    let (min_samples, statistic, bias) = (columns.int(3)?.max(1) as usize, columns.text(4).to_owned(), columns.flag(5));
    let mut moments = Moments::default();
    let values = columns.floats(0)?;
    let smoothed = values.iter().map(|value| {
        let faded = moments.seen > 0 && (value.is_some() || !weighing.ignore_nulls);
        if faded {
            weighing.fade(&mut moments);
        }
        weighing.push(&mut moments, value?);
        (moments.seen >= min_samples).then(|| answer(&moments, &statistic, bias)).flatten()
    });
    Ok(Arc::new(smoothed.collect::<Float64Array>()))
}

fn answer(moments: &Moments, statistic: &str, bias: bool) -> Option<f64> {
    let variance = || {
        let correction = 1.0 - moments.squares / (moments.weights * moments.weights);
        match (bias, moments.seen) {
            (true, _) => Some(moments.variance),
            (false, 1) => None,
            (false, _) => Some(moments.variance / correction),
        }
    };
    match statistic {
        "mean" => Some(moments.mean),
        "sum" => Some(moments.sum),
        "var" => variance(),
        _ => variance().map(f64::sqrt),
    }
}

/// The product of the rows so far, null where the value is null. An integer beyond 64 bits is an error.
fn products(columns: &Columns) -> Result<ArrayRef> {
    let reverse = columns.flag(0);
    let in_order =
        |rows: usize| -> Box<dyn Iterator<Item = usize>> { if reverse { Box::new((0..rows).rev()) } else { Box::new(0..rows) } };
    if columns.values[0].data_type().is_floating() {
        let values = columns.floats(0)?;
        let (mut so_far, mut result) = (1.0, vec![None; values.len()]);
        for row in in_order(values.len()).filter(|row| values.is_valid(*row)) {
            so_far *= values.value(row);
            result[row] = Some(so_far);
        }
        return Ok(Arc::new(Float64Array::from(result)));
    }
    let whole = arrow::compute::cast(&columns.values[0], &DataType::Int64)?;
    let values = datafusion::common::cast::as_int64_array(&whole)?;
    let (mut so_far, mut result) = (1_i64, vec![None; values.len()]);
    for row in in_order(values.len()).filter(|row| values.is_valid(*row)) {
        so_far = so_far.checked_mul(values.value(row)).ok_or_else(|| {
            let error =
                gradframe_ml_core::Error::execution("cum_prod", format!("the product up to row {row} has more than 64 bits"));
            crate::error::to_datafusion(error.hint("cast the column to Float64 first"))
        })?;
        result[row] = Some(so_far);
    }
    Ok(Arc::new(arrow::array::Int64Array::from(result)))
}
