//! Decimals from numbers, texts and other decimals, rounded to the even neighbour where digits are left over.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type};
use datafusion::common::Result;

use super::value::{arrows, is_not_zero};

const DIGITS_MAX: u32 = 38;

/// A decimal as another number, or a number as a decimal.
pub(super) fn rescaled(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    match (array.data_type(), to) {
        (DataType::Decimal128(_, own), DataType::Decimal128(precision, scale)) => {
            let numbers = array.as_primitive::<Decimal128Type>();
            decimal(numbers.iter().map(|value| moved(value?, i64::from(*own), i64::from(*scale))), *precision, *scale)
        }
        (_, DataType::Decimal128(precision, scale)) if array.data_type().is_floating() => {
            let floats = arrow::compute::cast(array, &DataType::Float64)?;
            let floats = floats.as_primitive::<Float64Type>();
            decimal(floats.iter().map(|x| of_float(x?, *scale)), *precision, *scale)
        }
        (_, DataType::Boolean) => is_not_zero(array),
        _ => arrows(array, to),
    }
}

fn decimal(values: impl Iterator<Item = Option<i128>>, precision: u8, scale: i8) -> Result<ArrayRef> {
    let fitting = values.map(|value| value.filter(|value| fits(*value, precision)));
    Ok(Arc::new(fitting.collect::<Decimal128Array>().with_precision_and_scale(precision, scale)?))
}

fn fits(value: i128, precision: u8) -> bool {
    10_i128.checked_pow(u32::from(precision)).is_none_or(|limit| value.unsigned_abs() < limit.unsigned_abs())
}

fn of_float(x: f64, scale: i8) -> Option<i128> {
    let scaled = (x * 10f64.powi(i32::from(scale))).round_ties_even();
    (scaled.is_finite() && scaled.abs() < 1e38).then_some(scaled as i128)
}

/// A whole number of `10^-own` as one of `10^-scale`; None if it does not fit.
fn moved(value: i128, own: i64, scale: i64) -> Option<i128> {
    let power = u32::try_from((scale - own).unsigned_abs()).ok()?;
    if scale >= own {
        return if value == 0 { Some(0) } else { value.checked_mul(10_i128.checked_pow(power)?) };
    }
    if power > DIGITS_MAX {
        return Some(0);
    }
    Some(half_even(value, 10_i128.pow(power)))
}

fn half_even(value: i128, by: i128) -> i128 {
    let (quotient, rest) = (value.div_euclid(by), value.rem_euclid(by));
    // Twice the rest might not fit.
    match rest.cmp(&(by - rest)) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + (quotient & 1),
    }
}

/// `-12.5`, `.5`, `1e3` as a whole number of `10^-scale`; None for another text and for too many digits.
pub(super) fn parsed(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all = || whole.bytes().chain(part.bytes());
    if whole.is_empty() && part.is_empty() || !all().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let size = all().try_fold(0_i128, |size, digit| size.checked_mul(10)?.checked_add(i128::from(digit - b'0')))?;
    let value = if digits.starts_with('-') { -size } else { size };
    let own = i64::try_from(part.len()).ok()? - i64::from(exponent);
    moved(value, own, i64::from(scale)).filter(|value| fits(*value, precision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        for (text, expected) in [
            ("1.005", Some(100)),
            ("1.015", Some(102)),
            ("-1.025", Some(-102)),
            ("1.0051", Some(101)),
            ("1e-3", Some(0)),
            (".5", Some(50)),
            ("5.", Some(500)),
            ("1000", None),
            (" 1", None),
            (".", None),
            ("1e400", None),
        ] {
            assert_eq!(parsed(text, 5, 2), expected, "{text}");
        }
        assert_eq!(of_float(0.125, 2), Some(12));
        assert_eq!(of_float(f64::NAN, 2), None);
    }
}
