//! NaN and infinities in JSON, which has no words for them: the texts `"NaN"`, `"Infinity"` and `"-Infinity"`, as MLflow and BigQuery
//! write them (the JSON form of protocol buffers). `null` would be a value that is missing.

use std::fmt::Debug;

use arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, FieldRef, Float16Type, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};

/// Takes the place of Arrow's encoder of floats, wherever they are in a column.
#[derive(Debug)]
pub struct JsonFloats;

impl EncoderFactory for JsonFloats {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        Ok(match array.data_type() {
            DataType::Float64 => Some(encoder(field, array.as_primitive::<Float64Type>(), std::convert::identity)?),
            DataType::Float32 => Some(encoder(field, array.as_primitive::<Float32Type>(), f64::from)?),
            DataType::Float16 => Some(encoder(field, array.as_primitive::<Float16Type>(), f64::from)?),
            _ => None,
        })
    }
}

fn encoder<'a, T: ArrowPrimitiveType>(
    field: &'a FieldRef,
    values: &'a PrimitiveArray<T>,
    double: fn(T::Native) -> f64,
) -> Result<NullableEncoder<'a>, ArrowError> {
    // What is finite is written as Arrow does.
    static PLAIN: std::sync::LazyLock<EncoderOptions> = std::sync::LazyLock::new(EncoderOptions::default);
    let finite = make_encoder(field, values, &PLAIN)?;
    Ok(NullableEncoder::new(Box::new(Floats { values, double, finite }), values.nulls().cloned()))
}

struct Floats<'a, T: ArrowPrimitiveType> {
    values: &'a PrimitiveArray<T>,
    double: fn(T::Native) -> f64,
    finite: NullableEncoder<'a>,
}

impl<T: ArrowPrimitiveType> Encoder for Floats<'_, T> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = (self.double)(self.values.value(row));
        match value {
            _ if value.is_finite() => self.finite.encode(row, out),
            _ if value.is_nan() => out.extend_from_slice(b"\"NaN\""),
            _ if value > 0.0 => out.extend_from_slice(b"\"Infinity\""),
            _ => out.extend_from_slice(b"\"-Infinity\""),
        }
    }
}
