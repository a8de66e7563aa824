//! `read_in_zone(x)`: the moment at which the clock of a time zone reads what a date, a time without a zone or a text says.
//!
//! Arrow's cast fails where the clock skips that reading, or shows it twice. Here, as in PostgreSQL and DuckDB, a reading that is skipped is taken by the
//! clock before the change (02:30 is 03:30 of summer time), and of two the later is meant. DataFusion does not look into it, as it does into casts.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, Days, LocalResult, NaiveDateTime, Offset, TimeZone, Utc};
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::rounded_cast::cast_field;

/// The function that reads dates, times without a zone and texts in the zone of `to`; where `safe`, what cannot be read is null.
pub fn read_in_zone(to: &DataType, safe: bool) -> ScalarUDF {
    ScalarUDF::new_from_impl(ReadInZone { to: to.clone(), safe, signature: Signature::any(1, Volatility::Immutable) })
}

/// Whether a zone's clock reads moments as they are counted.
pub fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "Etc/UTC" | "+00:00" | "+00")
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ReadInZone {
    to: DataType,
    safe: bool,
    signature: Signature,
}

impl ScalarUDFImpl for ReadInZone {
    fn name(&self) -> &str {
        "read_in_zone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(cast_field(self.name(), (&self.to, self.safe), &args))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [ColumnarValue::Array(array)] => Ok(ColumnarValue::Array(read(array, &self.to, self.safe)?)),
            [ColumnarValue::Scalar(value)] => {
                let moment = read(&value.to_array()?, &self.to, self.safe)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&moment, 0)?))
            }
            _ => exec_err!("{} takes one value", self.name()),
        }
    }
}

/// What [`read_in_zone`] makes of a column.
pub(super) fn read(array: &ArrayRef, to: &DataType, safe: bool) -> Result<ArrayRef> {
    let DataType::Timestamp(unit, Some(zone)) = to else { return exec_err!("{to} has no time zone") };
    let (zone, unit): (Tz, TimeUnit) = (zone.parse()?, *unit);
    let moments: PrimitiveArray<Int64Type> = if array.data_type().is_string() {
        // Row by row only where the clock had no such reading, or nobody could have read the text.
        if let Ok(moments) = cast_with_options(array, to, &options(false)) {
            return Ok(moments);
        }
        let texts = cast(array, &DataType::Utf8View)?;
        each(texts.as_string_view().iter(), safe, |text| moment_of_text(zone, text, unit))?
    } else {
        let readings = cast_with_options(array, &DataType::Timestamp(unit, None), &options(safe))?;
        let readings = cast(&readings, &DataType::Int64)?;
        each(readings.as_primitive::<Int64Type>().iter(), safe, |reading| moment(zone, reading, unit))?
    };
    let moments: ArrayRef = Arc::new(moments);
    Ok(cast(&moments, to)?)
}

fn options(safe: bool) -> CastOptions<'static> {
    CastOptions { safe, ..CastOptions::default() }
}

fn each<T>(
    values: impl Iterator<Item = Option<T>>,
    safe: bool,
    read: impl Fn(T) -> Result<i64, ArrowError>,
) -> Result<PrimitiveArray<Int64Type>> {
    let moments = values.map(|value| match value.map(&read).transpose() {
        Err(_) if safe => Ok(None),
        moment => moment,
    });
    Ok(moments.collect::<Result<PrimitiveArray<Int64Type>, ArrowError>>()?)
}

/// A text with a zone or an offset of its own is read by that.
fn moment_of_text(zone: Tz, text: &str, unit: TimeUnit) -> Result<i64, ArrowError> {
    let utc = match (string_to_datetime(&zone, text), string_to_datetime(&Utc, text)) {
        (Ok(moment), _) => moment.naive_utc(),
        (Err(error), Err(_)) => return Err(error),
        (Err(_), Ok(reading)) => {
            let reading = reading.naive_utc();
            reading - chrono::TimeDelta::seconds(offset_s(zone, reading))
        }
    };
    let number = match unit {
        TimeUnit::Second => Some(utc.and_utc().timestamp()),
        TimeUnit::Millisecond => Some(utc.and_utc().timestamp_millis()),
        TimeUnit::Microsecond => Some(utc.and_utc().timestamp_micros()),
        TimeUnit::Nanosecond => utc.and_utc().timestamp_nanos_opt(),
    };
    number.ok_or_else(|| beyond(text, unit))
}

fn moment(zone: Tz, reading: i64, unit: TimeUnit) -> Result<i64, ArrowError> {
    let per_second = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    // Clocks change at whole seconds.
    let at = DateTime::from_timestamp(reading.div_euclid(per_second), 0).map(|at| at.naive_utc());
    let moment = at.and_then(|at| reading.checked_sub(offset_s(zone, at) * per_second));
    moment.ok_or_else(|| beyond(&reading.to_string(), unit))
}

fn beyond(reading: &str, unit: TimeUnit) -> ArrowError {
    ArrowError::CastError(format!("{reading} is beyond the moments that Timestamp({unit}) can hold"))
}

/// How many seconds the zone's clock is ahead of UTC when it reads this.
fn offset_s(zone: Tz, reading: NaiveDateTime) -> i64 {
    let offset = match zone.offset_from_local_datetime(&reading) {
        LocalResult::Single(offset) | LocalResult::Ambiguous(_, offset) => offset,
        // A day earlier no clock has been changed yet.
        LocalResult::None => zone.offset_from_utc_datetime(&reading.checked_sub_days(Days::new(1)).unwrap_or(reading)),
    };
    i64::from(offset.fix().local_minus_utc())
}

#[cfg(test)]
mod tests {
    use arrow::array::{StringArray, TimestampSecondArray};
    use arrow::compute::cast;

    use super::*;

    /// Readings of Berlin's clock beside the moments that PostgreSQL and DuckDB give.
    const READINGS: [(&str, &str); 8] = [
        ("2024-01-31T12:00:00", "2024-01-31T11:00:00"),
        ("2024-03-31T01:59:59", "2024-03-31T00:59:59"),
        ("2024-03-31T02:30:00", "2024-03-31T01:30:00"),
        ("2024-03-31T03:00:00", "2024-03-31T01:00:00"),
        ("2024-07-01T12:00:00", "2024-07-01T10:00:00"),
        ("2024-10-27T01:59:59", "2024-10-26T23:59:59"),
        ("2024-10-27T02:30:00", "2024-10-27T01:30:00"),
        ("1969-12-31T23:59:59", "1969-12-31T22:59:59"),
    ];

    fn berlin(unit: TimeUnit) -> DataType {
        DataType::Timestamp(unit, Some("Europe/Berlin".into()))
    }

    #[test]
    fn readings_that_a_clock_skips_or_repeats_are_moments() {
        let (readings, moments): (Vec<_>, Vec<_>) = READINGS.into_iter().unzip();
        let texts: ArrayRef = Arc::new(StringArray::from(readings));
        let naive = cast(&texts, &DataType::Timestamp(TimeUnit::Second, None)).unwrap();
        let moments: ArrayRef = Arc::new(StringArray::from(moments));
        let moments = cast(&moments, &DataType::Timestamp(TimeUnit::Second, None)).unwrap();
        for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
            let expected = cast(&moments, &DataType::Timestamp(unit, None)).unwrap();
            for given in [&texts, &naive] {
                let read = read(given, &berlin(unit), false).unwrap();
                assert_eq!(read.data_type(), &berlin(unit));
                assert_eq!(
                    cast(&read, expected.data_type()).unwrap().as_ref(),
                    expected.as_ref(),
                    "{unit} of {}",
                    given.data_type()
                );
            }
        }
    }

    #[test]
    fn a_text_without_a_moment_is_an_error_or_null_as_is_what_the_unit_cannot_hold() {
        let texts: ArrayRef =
            Arc::new(StringArray::from(vec![Some("2024-03-31 02:30:00"), Some("x"), None, Some("2024-03-31 02:30:00Z")]));
        let error = read(&texts, &berlin(TimeUnit::Second), false).unwrap_err().to_string();
        assert!(error.contains("'x'"), "{error}");
        let expected = TimestampSecondArray::from(vec![Some(1_711_848_600), None, None, Some(1_711_852_200)]);
        let expected = expected.with_timezone("Europe/Berlin");
        assert_eq!(read(&texts, &berlin(TimeUnit::Second), true).unwrap().as_ref(), &expected as &dyn Array);
        let far: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]));
        assert!(read(&far, &berlin(TimeUnit::Second), false).is_err());
        assert!(read(&far, &berlin(TimeUnit::Second), true).unwrap().is_null(0));
    }
}
