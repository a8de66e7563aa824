//! Truths of elements: `any`, `all`. Numbers are true where they are not 0.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;

use super::lists::{Lists, element};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Flag, List};

pub(super) const ROWS: &[Row] = &[
    Row::new("list.any", &[List, Flag], truths_type, |batch| decided(batch, true)),
    Row::new("list.all", &[List, Flag], truths_type, |batch| decided(batch, false)),
];

fn truths_type(call: &Call) -> Result<DataType> {
    match element(call, 0)?.data_type() {
        t if t.is_numeric() || matches!(t, DataType::Boolean | DataType::Null) => Ok(DataType::Boolean),
        _ => Err(call.unfit(0, "a list of booleans or numbers")),
    }
}

/// Whether an element is the deciding one: true for `any`, false for `all`. Where none is and nulls count (`ignore_nulls` is
/// false), a null leaves it open.
fn decided(batch: &Batch, deciding: bool) -> Result<ArrayRef> {
    let (lists, ignore_nulls) = (Lists::of_type(batch, 0, &DataType::Boolean)?, batch.flag(1));
    let values = lists.values.as_boolean();
    let of = |row| {
        let range = lists.range(row)?;
        if range.clone().any(|place| values.is_valid(place) && values.value(place) == deciding) {
            return Some(deciding);
        }
        let open = !ignore_nulls && range.clone().any(|place| values.is_null(place));
        (!open).then_some(!deciding)
    };
    Ok(Arc::new((0..batch.rows).map(of).collect::<BooleanArray>()))
}
