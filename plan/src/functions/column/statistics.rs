//! Statistics of a column: quantiles, moments, entropy, products.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::{SortOptions, sort};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};

use super::decimals::DIGITS;
use super::kernel::{Columns, Kernel, float};

pub(super) const KERNELS: &[Kernel] = &[
    // [value]; constants: the quantile, the interpolation.
    Kernel { name: "quantile", result: float, run: |columns| one(quantile_of(columns)?) },
    Kernel { name: "product", result: product_type, run: product },
    // [value]; constant: bias.
    Kernel { name: "skew", result: float, run: |columns| one(skew(&values(columns)?, columns.flag(0))) },
    // [value]; constants: fisher, bias.
    Kernel { name: "kurtosis", result: float, run: |columns| one(kurtosis(&values(columns)?, columns.flag(0), columns.flag(1))) },
    // [value]; constants: base, normalize.
    Kernel { name: "entropy", result: float, run: entropy },
];

fn one(value: Option<f64>) -> Result<ArrayRef> {
    Ok(Arc::new(Float64Array::from(vec![value])))
}

/// The values that are not null.
fn values(columns: &Columns) -> Result<Vec<f64>> {
    Ok(columns.floats(0)?.iter().flatten().collect())
}

fn product_type(types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(match types.first() {
        Some(DataType::Decimal128(_, scale)) => DataType::Decimal128(DIGITS, *scale),
        Some(DataType::UInt64) => DataType::UInt64,
        Some(integer) if integer.is_integer() || *integer == DataType::Boolean => DataType::Int64,
        Some(DataType::Float32) => DataType::Float32,
        _ => DataType::Float64,
    })
}

/// 1 for no values. An integer product beyond 64 bits is an error, and so is one of decimals beyond 38 digits.
fn product(columns: &Columns) -> Result<ArrayRef> {
    let own = columns.values[0].data_type();
    if let DataType::Decimal128(_, scale) = own {
        let decimals = columns.values[0].as_primitive::<arrow::datatypes::Decimal128Type>();
        let product = super::decimals::product(decimals.iter().flatten(), *scale).ok_or_else(|| too_large("38 digits"))?;
        let product = arrow::array::Decimal128Array::from(vec![product]);
        let product = product.with_precision_and_scale(DIGITS, *scale)?;
        return Ok(Arc::new(product));
    }
    if *own == DataType::UInt64 {
        let whole = columns.values[0].as_primitive::<arrow::datatypes::UInt64Type>();
        let product = whole.iter().flatten().try_fold(1_u64, |product, x| product.checked_mul(x));
        let product = product.ok_or_else(|| too_large("64 bits"))?;
        return Ok(Arc::new(arrow::array::UInt64Array::from(vec![product])));
    }
    if !(own.is_integer() || *own == DataType::Boolean) {
        return one(Some(values(columns)?.iter().product()));
    }
    let whole = arrow::compute::cast(&columns.values[0], &DataType::Int64)?;
    let whole = datafusion::common::cast::as_int64_array(&whole)?;
    let product = whole.iter().flatten().try_fold(1_i64, |product, x| product.checked_mul(x));
    let product = product.ok_or_else(|| too_large("64 bits"))?;
    Ok(Arc::new(arrow::array::Int64Array::from(vec![product])))
}

fn too_large(than: &str) -> datafusion::error::DataFusionError {
    let error = gradframe_ml_core::Error::execution("product", format!("the product has more than {than}"));
    crate::error::to_datafusion(error.hint("cast the column to Float64 first"))
}

fn quantile_of(columns: &Columns) -> Result<Option<f64>> {
    let options = SortOptions { descending: false, nulls_first: false };
    let sorted = sort(&columns.floats(0)?, Some(options))?;
    let sorted = datafusion::common::cast::as_float64_array(&sorted)?;
    let valid = &sorted.values()[..sorted.len() - sorted.null_count()];
    Ok(quantile(valid, columns.float(0)?, columns.text(1)))
}

/// The quantile of sorted values; None of none. Source of the methods' meanings: Polars 2.1.
pub(super) fn quantile(sorted: &[f64], q: f64, method: &str) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = last as f64 * q;
    let (low, high) = (place.floor() as usize, (place.ceil() as usize).min(last));
    let at = |index: usize| sorted.get(index.min(last)).copied();
    match method {
        "lower" => at(low),
        "higher" => at(high),
        "midpoint" if low == high => at(low),
        "midpoint" => Some(f64::midpoint(at(low)?, at(high)?)),
        "linear" if low == high => at(low),
        "linear" => Some(at(low)? + (place - low as f64) * (at(high)? - at(low)?)),
        "equiprobable" => at(((sorted.len() as f64 * q).ceil() - 1.0).max(0.0) as usize),
        _ => at(place.round() as usize),
    }
}

/// Central moments of orders 2, 3 and 4.
fn moments(values: &[f64]) -> (f64, f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let power = |k: i32| values.iter().map(|x| (x - mean).powi(k)).sum::<f64>() / n;
    (power(2), power(3), power(4))
}

/// `m3 / m2^1.5`; without bias times `sqrt(n (n - 1)) / (n - 2)`, which takes three values.
pub(super) fn skew(values: &[f64], bias: bool) -> Option<f64> {
    let n = values.len() as f64;
    if values.is_empty() || !bias && values.len() < 3 {
        return None;
    }
    let (m2, m3, _) = moments(values);
    let skew = m3 / m2.powf(1.5);
    Some(if bias { skew } else { skew * (n * (n - 1.0)).sqrt() / (n - 2.0) })
}

/// `m4 / m2^2`, less 3 if `fisher`; without bias by k-statistics, which take four values.
pub(super) fn kurtosis(values: &[f64], fisher: bool, bias: bool) -> Option<f64> {
    let n = values.len() as f64;
    if values.is_empty() || !bias && values.len() < 4 {
        return None;
    }
    let (m2, _, m4) = moments(values);
    let kurtosis = if bias {
        m4 / (m2 * m2)
    } else {
        3.0 + ((n * n - 1.0) * m4 / (m2 * m2) - 3.0 * (n - 1.0).powi(2)) / ((n - 2.0) * (n - 3.0))
    };
    Some(if fisher { kurtosis - 3.0 } else { kurtosis })
}

/// `-sum(p log p)` to a base, p being the values, divided by their sum if `normalize`; 0 of one row or of no values, NaN where one of
/// several is 0, as in Polars.
fn entropy(columns: &Columns) -> Result<ArrayRef> {
    let values = values(columns)?;
    if columns.rows <= 1 || values.is_empty() {
        return one(Some(0.0));
    }
    let (base, normalize) = (columns.float(0)?, columns.flag(1));
    let sum: f64 = if normalize { values.iter().sum() } else { 1.0 };
    let terms = values.iter().map(|x| x / sum).map(|p| p * p.ln() / base.ln());
    // Without the sign of zero.
    one(Some(0.0 - terms.sum::<f64>()))
}
