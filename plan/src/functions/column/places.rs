//! Values at places, columns made longer, and what is checked of a column.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, UInt64Array};
use arrow::compute::{concat, take};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, ScalarValue};
use gradframe_ml_core::Error;

use super::super::one_zero::one_zero;
use super::kernel::{Columns, Kernel, as_first};
use crate::error::to_datafusion;

pub(super) const KERNELS: &[Kernel] = &[
    // [value]; constants: the place, whether a place outside is null.
    Kernel { name: "get", result: as_first, run: |columns| at_places(columns, "get", &[Some(columns.int(0)?)], columns.flag(1)) },
    // [value, place, which is that of the first row]; constant: whether a place outside is null.
    Kernel { name: "get_by", result: as_first, run: get_by },
    // [value]; constants: whether a place outside is null, places..
    Kernel { name: "gather_at", result: as_first, run: gather_at },
    // [value]; constants: whether none is null, for which column of a pivot it is.
    Kernel { name: "item", result: as_first, run: item },
    // [value]; constants: the constant, how often.
    Kernel { name: "extend", result: as_first, run: extend },
    // [value]; constants: descending, nulls_last.
    Kernel { name: "is_sorted", result: boolean, run: is_sorted },
];

fn boolean(_types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(DataType::Boolean)
}

/// Null where the place is, or where there is no row to say one.
fn get_by(columns: &Columns) -> Result<ArrayRef> {
    let places = arrow::compute::cast(&columns.values[1], &DataType::Int64)?;
    match datafusion::common::cast::as_int64_array(&places)?.iter().next().flatten() {
        Some(place) => at_places(columns, "get", &[Some(place)], columns.flag(0)),
        None => Ok(take(&columns.values[0], &UInt64Array::from(vec![None]), None)?),
    }
}

fn gather_at(columns: &Columns) -> Result<ArrayRef> {
    let place = |index: usize| match &columns.constants[index] {
        constant if constant.is_null() => Ok(None),
        _ => columns.int(index).map(Some),
    };
    let places = (1..columns.constants.len()).map(place).collect::<Result<Vec<_>>>()?;
    at_places(columns, "gather", &places, columns.flag(0))
}

/// Places count from the end if they are negative; at a null is one.
fn at_places(columns: &Columns, op: &str, places: &[Option<i64>], null_outside: bool) -> Result<ArrayRef> {
    let rows = columns.rows as i64;
    let mut found = vec![];
    for place in places {
        let Some(place) = place else {
            found.push(None);
            continue;
        };
        let index = if *place < 0 { place + rows } else { *place };
        let inside = (0..rows).contains(&index).then_some(index as u64);
        if inside.is_none() && !null_outside {
            let error = Error::execution(op, format!("there is no row {place} among {rows} rows"));
            return Err(to_datafusion(error.hint("null_on_oob=True gives null instead")));
        }
        found.push(inside);
    }
    Ok(take(&columns.values[0], &UInt64Array::from(found), None)?)
}

fn item(columns: &Columns) -> Result<ArrayRef> {
    match columns.rows {
        1 => Ok(Arc::clone(&columns.values[0])),
        0 if columns.flag(0) => Ok(take(&columns.values[0], &UInt64Array::from(vec![None]), None)?),
        rows if columns.text(1).is_empty() => {
            Err(to_datafusion(Error::execution("item", format!("the column has {rows} values, expected one"))))
        }
        rows => {
            let what = format!("{} has {rows} values in one row, expected one", columns.text(1));
            let error = Error::execution("pivot", what);
            Err(to_datafusion(
                error.hint("say what is made of them: aggregate_function=\"first\", or an expression of element()"),
            ))
        }
    }
}

fn extend(columns: &Columns) -> Result<ArrayRef> {
    let own = columns.values[0].data_type();
    let times = columns.int(1)?.max(0) as usize;
    let constant = columns.constants[0].cast_to(own)?.to_array_of_size(times)?;
    Ok(concat(&[columns.values[0].as_ref(), constant.as_ref()])?)
}

fn is_sorted(columns: &Columns) -> Result<ArrayRef> {
    let options = arrow::compute::SortOptions { descending: columns.flag(0), nulls_first: !columns.flag(1) };
    let column = &columns.values[0];
    let converter = RowConverter::new(vec![SortField::new_with_options(column.data_type().clone(), options)])?;
    let rows = converter.convert_columns(&[one_zero(column)])?;
    let sorted = (1..columns.rows).all(|row| rows.row(row - 1) <= rows.row(row));
    Ok(Arc::new(BooleanArray::from(vec![sorted])))
}
