//! Rounding, and mathematics that DataFusion lacks or means otherwise.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowNativeTypeOp, AsArray, Decimal128Array, Float64Array};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type};
use datafusion::common::Result;
use gradframe_ml_core::Error;

use super::decimal_rounding::{rounded, rounded_type, with_room};
use super::kernel::{Columns, Kernel, as_first, float};
use crate::error::to_datafusion;
use crate::names::type_name;

pub(super) const KERNELS: &[Kernel] = &[
    // [value], floats or decimals; constants: decimals, mode.
    Kernel { name: "round_to", result: rounded_type, run: round },
    // [value]; constant: digits.
    Kernel { name: "round_sig_figs", result: |types, _| Ok(with_room(types)), run: round_sig_figs },
    // Those of DataFusion refuse what lies outside their domain; here it gives NaN.
    Kernel { name: "sqrt", result: float, run: |columns| each(columns, f64::sqrt) },
    Kernel { name: "ln", result: float, run: |columns| each(columns, f64::ln) },
    Kernel { name: "arcsin", result: float, run: |columns| each(columns, f64::asin) },
    Kernel { name: "arccos", result: float, run: |columns| each(columns, f64::acos) },
    Kernel { name: "arccosh", result: float, run: |columns| each(columns, f64::acosh) },
    Kernel { name: "arctanh", result: float, run: |columns| each(columns, f64::atanh) },
    Kernel { name: "log1p", result: float, run: |columns| each(columns, f64::ln_1p) },
    Kernel { name: "expm1", result: float, run: |columns| each(columns, f64::exp_m1) },
    Kernel { name: "erf", result: float, run: |columns| each(columns, erf) },
    Kernel { name: "erfc", result: float, run: |columns| each(columns, erfc) },
    // [value], signed integers; constant: how the value is called.
    Kernel { name: "int_abs", result: as_first, run: int_abs },
    // [base, exponent], integers
    Kernel { name: "int_power", result: as_first, run: int_power },
    // [value, base]
    Kernel { name: "log_of_base", result: float, run: log },
];

fn each(columns: &Columns, function: fn(f64) -> f64) -> Result<ArrayRef> {
    Ok(Arc::new(columns.floats(0)?.unary::<_, arrow::datatypes::Float64Type>(function)))
}

/// An error for the least value of the type, whose opposite it does not have.
fn int_abs(columns: &Columns) -> Result<ArrayRef> {
    match columns.values[0].data_type() {
        DataType::Int8 => absolute::<Int8Type>(columns),
        DataType::Int16 => absolute::<Int16Type>(columns),
        DataType::Int32 => absolute::<Int32Type>(columns),
        DataType::Int64 => absolute::<Int64Type>(columns),
        other => Err(to_datafusion(Error::internal("abs", format!("{other} is no signed integer")))),
    }
}

fn absolute<T: ArrowPrimitiveType<Native: ArrowNativeTypeOp>>(columns: &Columns) -> Result<ArrayRef> {
    let values = columns.values[0].as_primitive::<T>();
    let (zero, least) = (T::Native::ZERO, T::Native::MIN_TOTAL_ORDER);
    let has_least = values.values().iter().fold(false, |found, x| found | x.is_eq(least));
    if has_least && values.iter().flatten().any(|x| x.is_eq(least)) {
        let own = type_name(&T::DATA_TYPE);
        let what = format!("`{}` is {least:?} somewhere, whose absolute value does not fit in {own}", columns.text(0));
        return Err(to_datafusion(Error::execution("abs", what).hint("cast it to a wider type first")));
    }
    Ok(Arc::new(values.unary::<_, T>(|x| if x.is_lt(zero) { x.neg_wrapping() } else { x })))
}

/// An error for what does not fit in the base's type.
fn int_power(columns: &Columns) -> Result<ArrayRef> {
    let own = columns.values[0].data_type();
    let exponents = arrow::compute::cast(&columns.values[1], &DataType::Decimal128(38, 0))?;
    let exponents = exponents.as_primitive::<Decimal128Type>();
    let bases = arrow::compute::cast(&columns.values[0], &DataType::Decimal128(38, 0))?;
    let bases = bases.as_primitive::<Decimal128Type>();
    let powers = bases.iter().zip(exponents).map(|(base, exponent)| match (base, exponent) {
        (Some(base), Some(exponent)) => power(base, exponent, own).map(Some),
        _ => Ok(None),
    });
    let powers = powers.collect::<Result<Decimal128Array>>()?.with_precision_and_scale(38, 0)?;
    Ok(arrow::compute::cast(&powers, own)?)
}

fn power(base: i128, exponent: i128, own: &DataType) -> Result<i128> {
    let wrong = |what: String, hint: &str| to_datafusion(Error::execution("pow", what).hint(hint));
    if exponent < 0 {
        return Err(wrong(format!("{base} to the power of {exponent} is no integer"), "cast the base to a float"));
    }
    let (least, greatest) = bounds(own);
    // 0, 1 and -1 have every power.
    let exact = match (base, u32::try_from(exponent)) {
        (_, Ok(exponent)) => base.checked_pow(exponent),
        (0 | 1, Err(_)) => Some(base),
        (-1, Err(_)) => Some(if exponent % 2 == 0 { 1 } else { -1 }),
        (_, Err(_)) => None,
    };
    let power = exact.filter(|power| (least..=greatest).contains(power));
    power.ok_or_else(|| {
        wrong(
            format!("{base} to the power of {exponent} does not fit in {own}", own = type_name(own)),
            "cast the base to a wider type",
        )
    })
}

fn bounds(integer: &DataType) -> (i128, i128) {
    let bits = integer.primitive_width().unwrap_or(8) as u32 * 8;
    if integer.is_unsigned_integer() { (0, (1 << bits) - 1) } else { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) }
}

fn log(columns: &Columns) -> Result<ArrayRef> {
    let (values, bases) = (columns.floats(0)?, columns.floats(1)?);
    let logs = values.iter().zip(bases.iter()).map(|(value, base)| Some(log_to(value?, base?)));
    Ok(Arc::new(logs.collect::<Float64Array>()))
}

/// The bases whose logarithm has a function of its own are exact at their powers.
fn log_to(value: f64, base: f64) -> f64 {
    if base == 2.0 {
        value.log2()
    } else if base == 10.0 {
        value.log10()
    } else {
        value.ln() / base.ln()
    }
}

fn round(columns: &Columns) -> Result<ArrayRef> {
    if columns.values[0].data_type().is_decimal() {
        return rounded(&columns.values[0], columns.int(0)?, columns.text(1));
    }
    let (decimals, mode) = (columns.int(0)? as i32, columns.text(1).to_owned());
    let rule: fn(f64) -> f64 = match mode.as_str() {
        "half_away_from_zero" => f64::round,
        "to_zero" => f64::trunc,
        _ => f64::round_ties_even,
    };
    let rounded = columns.floats(0)?.unary::<_, arrow::datatypes::Float64Type>(|x| round_at(x, decimals, rule));
    Ok(Arc::new(rounded))
}

/// Scaled, rounded and scaled back. What is too large to have decimals stays as it is.
fn round_at(x: f64, decimals: i32, rule: fn(f64) -> f64) -> f64 {
    if decimals == 0 {
        return rule(x);
    }
    let scale = 10f64.powi(decimals);
    let scaled = x * scale;
    if scaled.is_finite() { rule(scaled) / scale } else { x }
}

fn round_sig_figs(columns: &Columns) -> Result<ArrayRef> {
    let digits = columns.int(0)? as i32;
    Ok(Arc::new(columns.floats(0)?.unary::<_, arrow::datatypes::Float64Type>(|x| significant(x, digits))))
}

fn significant(x: f64, digits: i32) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let magnitude = 10f64.powi(digits - 1 - x.abs().log10().floor() as i32);
    (x * magnitude).round() / magnitude
}

/// The error function by its series near 0 and its continued fraction beyond, to about 1e-15.
/// Source: Abramowitz & Stegun 7.1.6 and 7.1.14.
fn erf(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let size = x.abs();
    if size > 6.0 {
        return 1f64.copysign(x);
    }
    let value = if size < 2.5 { erf_series(size) } else { 1.0 - erfc_fraction(size) };
    value.copysign(x)
}

/// One less the error function, without cancellation where that is near 1.
fn erfc(x: f64) -> f64 {
    if x > 2.5 { erfc_fraction(x) } else { 1.0 - erf(x) }
}

fn erf_series(x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > sum.abs() * 1e-17 {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp()
}

fn erfc_fraction(x: f64) -> f64 {
    let fraction = (1..=60).rev().fold(x, |below, k| x + f64::from(k) / 2.0 / below);
    (-x * x).exp() / (std::f64::consts::PI.sqrt() * fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_that_of_the_tables() {
        for (x, expected) in
            [(0.0, 0.0), (0.5, 0.520_499_877_813_046_5), (1.0, 0.842_700_792_949_714_9), (3.0, 0.999_977_909_503_001_4)]
        {
            assert!((erf(x) - expected).abs() < 1e-14, "{x}");
            assert!((erf(-x) + expected).abs() < 1e-14, "{x}");
        }
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        assert_eq!(round_at(0.5, 0, f64::round_ties_even), 0.0);
        assert_eq!(round_at(1.25, 1, f64::round_ties_even), 1.2);
        assert_eq!(round_at(1e300, 20, f64::round), 1e300);
        assert_eq!(significant(1234.5, 2), 1200.0);
    }
}
