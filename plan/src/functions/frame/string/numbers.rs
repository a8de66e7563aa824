//! Texts read as numbers: `to_integer`, `to_decimal`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use datafusion::common::Result;

use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Constant, Count, Flag, Int, Text};

pub(super) const ROWS: &[Row] = &[
    Row::new("str.to_integer", &[Text, Int, Constant, Flag], integer_type, to_integer),
    Row::new("str.to_decimal", &[Text, Count], decimal_type, to_decimal),
];

/// `base, a null of the wanted type, strict`
fn integer_type(call: &Call) -> Result<DataType> {
    if let Some(base) = call.count(1).filter(|base| !(2..=36).contains(base)) {
        return call.wrong(format!("the base is {base}, expected 2 to 36"));
    }
    match call.data_type(2) {
        t if t.is_integer() => Ok(t.clone()),
        _ => Err(call.unfit(2, "an integer type")),
    }
}

fn to_integer(batch: &Batch) -> Result<ArrayRef> {
    let (texts, bases, strict) = (batch.texts(0)?, batch.ints(1)?, batch.flag(3));
    let mut read = Vec::with_capacity(batch.rows);
    for row in 0..batch.rows {
        let number = texts.get(row).zip(bases.get(row)).map(|(text, base)| (text, base, integer(text, base, batch.returns)));
        match number {
            Some((text, base, None)) if strict => {
                let what = format!("`{text}` is no {} of base {base}", batch.returns);
                return batch.bad_value(what, "strict=False gives null");
            }
            number => read.push(number.and_then(|(_, _, number)| number)),
        }
    }
    let wide = Decimal128Array::from(read).with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?;
    Ok(cast_with_options(&wide, batch.returns, &CastOptions::default())?)
}

/// The number, if the text is one and the type holds it.
fn integer(text: &str, base: i64, data_type: &DataType) -> Option<i128> {
    let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?;
    let number = i128::from_str_radix(text, base).ok()?;
    let bits = 8 * data_type.primitive_width()? as u32;
    let (least, greatest) = match data_type.is_signed_integer() {
        true => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
        false => (0, (1_i128 << bits) - 1),
    };
    (least..=greatest).contains(&number).then_some(number)
}

fn decimal_type(call: &Call) -> Result<DataType> {
    match call.count(1) {
        Some(scale @ 0..=38) => Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale as i8)),
        Some(scale) => call.wrong(format!("the scale is {scale}, expected 0 to 38")),
        None => call.wrong("the scale is null, expected how many digits stand behind the point"),
    }
}

/// Null where a text is no number of at most 38 digits.
fn to_decimal(batch: &Batch) -> Result<ArrayRef> {
    let texts = batch.array_as(0, &DataType::Utf8View)?;
    let texts: arrow::array::StringArray = texts.as_string_view().iter().collect();
    let texts: ArrayRef = Arc::new(texts);
    Ok(cast_with_options(&texts, batch.returns, &CastOptions { safe: true, ..CastOptions::default() })?)
}
