//! Values between and after others: interpolation, exponentially weighted statistics, products so far.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, Decimal128Array, Float64Array, Int64Array, PrimitiveArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue};

use super::kernel::{Columns, Kernel, as_first, float};

pub(super) const KERNELS: &[Kernel] = &[
    Kernel { name: "interpolate", result: between_type, run: interpolate },
    Kernel { name: "interpolate_nearest", result: as_first, run: nearest },
    // [value, where it is]
    Kernel { name: "interpolate_by", result: float, run: interpolate_by },
    // [value]; constants: alpha, adjust, ignore_nulls, min_samples, statistic, bias.
    Kernel { name: "ewm", result: float, run: exponential },
    // [value]; constant: reverse.
    Kernel { name: "cum_prod", result: product_type, run: products },
];

/// Moments and decimals stay what they are.
fn between_type(types: &[DataType], constants: &[ScalarValue]) -> Result<DataType> {
    match types.first() {
        Some(own) if own.is_temporal() || own.is_decimal() => Ok(own.clone()),
        _ => float(types, constants),
    }
}

/// On the straight line between the values around; what has units or decimals, by whole ones of them a row.
fn interpolate(columns: &Columns) -> Result<ArrayRef> {
    let own = columns.values[0].data_type();
    let whole = match own {
        DataType::Decimal128(..) => columns.values[0].as_primitive::<Decimal128Type>().iter().collect(),
        own if own.is_temporal() => counted(&columns.values[0])?,
        _ => return between(columns, |low, high, part| low + part * (high - low)),
    };
    let between = whole_between(whole);
    if let DataType::Decimal128(precision, scale) = own {
        let decimals = Decimal128Array::from(between).with_precision_and_scale(*precision, *scale)?;
        return Ok(Arc::new(decimals));
    }
    let units = between.into_iter().map(|value| value.map(|value| value as i64)).collect::<Int64Array>();
    let width = if own.primitive_width() == Some(4) { DataType::Int32 } else { DataType::Int64 };
    Ok(arrow::compute::cast(&arrow::compute::cast(&units, &width)?, own)?)
}

/// Moments as numbers of days or units.
fn counted(moments: &ArrayRef) -> Result<Vec<Option<i128>>> {
    let width = if moments.data_type().primitive_width() == Some(4) { DataType::Int32 } else { DataType::Int64 };
    let units = arrow::compute::cast(&arrow::compute::cast(moments, &width)?, &DataType::Int64)?;
    Ok(units.as_primitive::<Int64Type>().iter().map(|value| value.map(i128::from)).collect())
}

fn whole_between(mut values: Vec<Option<i128>>) -> Vec<Option<i128>> {
    let known: Vec<(usize, i128)> = values.iter().enumerate().filter_map(|(row, value)| Some((row, (*value)?))).collect();
    for pair in known.windows(2) {
        let ((low, from), (high, to)) = (pair[0], pair[1]);
        let steps = (high - low) as i128;
        for (step, value) in values[low + 1..high].iter_mut().enumerate() {
            *value = Some(from + (to - from) / steps * (step as i128 + 1));
        }
    }
    values
}

fn product_type(types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(match types.first() {
        Some(own) if own.is_floating() || *own == DataType::UInt64 => own.clone(),
        _ => DataType::Int64,
    })
}

/// Nulls between two values become the nearer one, the later of two that are as near.
fn nearest(columns: &Columns) -> Result<ArrayRef> {
    let values = &columns.values[0];
    let mut places: Vec<Option<u64>> = (0..columns.rows).map(|row| values.is_valid(row).then_some(row as u64)).collect();
    let known: Vec<usize> = (0..columns.rows).filter(|row| values.is_valid(*row)).collect();
    for pair in known.windows(2) {
        let (low, high) = (pair[0], pair[1]);
        for (step, place) in places[low + 1..high].iter_mut().enumerate() {
            *place = Some(if 2 * (step + 1) < high - low { low } else { high } as u64);
        }
    }
    Ok(arrow::compute::take(values, &UInt64Array::from(places), None)?)
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
        // Not the weighted sum over the weights, which stays infinite after an infinity.
        let mean = moments.mean + weight * (x - moments.mean) / total;
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
    if *columns.values[0].data_type() == DataType::UInt64 {
        let values = columns.values[0].as_primitive::<UInt64Type>();
        let so_far = whole_products(values, in_order(values.len()))?;
        return Ok(Arc::new(so_far));
    }
    let whole = arrow::compute::cast(&columns.values[0], &DataType::Int64)?;
    let values = datafusion::common::cast::as_int64_array(&whole)?;
    Ok(Arc::new(whole_products(values, in_order(values.len()))?))
}

fn whole_products<T>(values: &PrimitiveArray<T>, rows: impl Iterator<Item = usize>) -> Result<PrimitiveArray<T>>
where
    T: ArrowPrimitiveType,
    T::Native: ArrowNativeTypeOp,
{
    let (mut so_far, mut result) = (T::Native::ONE, vec![None; values.len()]);
    for row in rows.filter(|row| values.is_valid(*row)) {
        so_far = so_far.mul_checked(values.value(row)).map_err(|_| {
            let error =
                gradframe_ml_core::Error::execution("cum_prod", format!("the product up to row {row} has more than 64 bits"));
            crate::error::to_datafusion(error.hint("cast the column to Float64 first"))
        })?;
        result[row] = Some(so_far);
    }
    Ok(result.into_iter().collect())
}
