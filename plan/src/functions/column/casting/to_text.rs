//! Values as text, as Polars writes them.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::Result;

use super::value::arrows;

/// The values as text of this layout. A datetime has as many decimals as its unit, a time of the day none.
pub(super) fn written(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let texts: ArrayRef = match array.data_type() {
        DataType::Float64 => {
            let numbers = array.as_primitive::<Float64Type>();
            Arc::new(
                numbers
                    .iter()
                    .map(|x| x.map(|x| number(x, format!("{x:e}"), format!("{x}"), -5..16)))
                    .collect::<StringViewArray>(),
            )
        }
        DataType::Float32 => {
            let numbers = array.as_primitive::<Float32Type>();
            let text = |x: f32| number(f64::from(x), format!("{x:e}"), format!("{x}"), -6..13);
            Arc::new(numbers.iter().map(|x| x.map(text)).collect::<StringViewArray>())
        }
        DataType::Timestamp(unit, _) => formatted(array, moment_format(*unit))?,
        DataType::Time32(_) | DataType::Time64(_) => formatted(array, FormatOptions::new().with_time_format(Some("%H:%M:%S")))?,
        _ => return arrows(array, to),
    };
    Ok(cast(&texts, to)?)
}

fn moment_format(unit: TimeUnit) -> FormatOptions<'static> {
    let (naive, zoned) = match unit {
        TimeUnit::Second => ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%:z"),
        TimeUnit::Millisecond => ("%Y-%m-%d %H:%M:%S%.3f", "%Y-%m-%d %H:%M:%S%.3f%:z"),
        TimeUnit::Microsecond => ("%Y-%m-%d %H:%M:%S%.6f", "%Y-%m-%d %H:%M:%S%.6f%:z"),
        TimeUnit::Nanosecond => ("%Y-%m-%d %H:%M:%S%.9f", "%Y-%m-%d %H:%M:%S%.9f%:z"),
    };
    FormatOptions::new().with_timestamp_format(Some(naive)).with_timestamp_tz_format(Some(zoned))
}

/// Null where a moment is beyond the calendar.
fn formatted(array: &ArrayRef, options: FormatOptions) -> Result<ArrayRef> {
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
    let (mut texts, mut text) = (StringViewBuilder::with_capacity(array.len()), String::new());
    for row in 0..array.len() {
        text.clear();
        match array.is_valid(row) && formatter.value(row).write(&mut text).is_ok() {
            true => texts.append_value(&text),
            false => texts.append_null(),
        }
    }
    Ok(Arc::new(texts.finish()))
}

/// The shortest digits that make the number; with an exponent of ten unless that is among `plain_exponents`.
fn number(x: f64, scientific: String, mut plain: String, plain_exponents: Range<i32>) -> String {
    if !x.is_finite() {
        return if x.is_nan() { "NaN".to_owned() } else { plain };
    }
    let exponent: i32 = scientific.rsplit('e').next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    if x != 0.0 && !plain_exponents.contains(&exponent) {
        let sign = if exponent > 0 { "e+" } else { "e" };
        return scientific.replacen('e', sign, 1);
    }
    if !plain.contains('.') {
        let _ = write!(plain, ".0");
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_shortly() {
        let text = |x: f64| number(x, format!("{x:e}"), format!("{x}"), -5..16);
        let texts = [1.0, -0.0, 1e15, 1e16, 1.25e-7, 1e-5, 1.5e300, f64::NAN, f64::NEG_INFINITY].map(text);
        let expected = ["1.0", "-0.0", "1000000000000000.0", "1e+16", "1.25e-7", "0.00001", "1.5e+300", "NaN", "-inf"];
        assert_eq!(texts, expected);
    }
}
