//! Rows into lists and lists into rows.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, ListArray, StructArray, UInt32Array, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, nullif, take};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, ScalarValue};
use gradframe_ml_core::Error;

use super::kernel::{Columns, Kernel};
use crate::error::to_datafusion;

pub(super) const KERNELS: &[Kernel] = &[
    // [value]: the list of the values up to each row.
    Kernel { name: "rows_so_far", result: list_type, run: rows_so_far },
    // [lists]; constants: whether an empty list is a null, whether a null list is none.
    Kernel { name: "flatten", result: element_type, run: flatten },
    // [value]; constants: the number of arrays, or -1 for as many as there are; their width.
    Kernel { name: "arrays", result: array_type, run: arrays },
    // [structs]: the same, with their nulls in their fields.
    Kernel { name: "nulls_of_structs", result: nullable_fields, run: nulls_in_fields },
];

fn nullable_fields(types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(match types.first() {
        Some(DataType::Struct(fields)) => {
            DataType::Struct(fields.iter().map(|field| field.as_ref().clone().with_nullable(true)).collect())
        }
        other => other.cloned().unwrap_or(DataType::Null),
    })
}

fn nulls_in_fields(columns: &Columns) -> Result<ArrayRef> {
    let Some(structs) = columns.values[0].as_struct_opt() else { return Ok(Arc::clone(&columns.values[0])) };
    let DataType::Struct(fields) = nullable_fields(&[structs.data_type().clone()], &[])? else {
        return Ok(Arc::clone(&columns.values[0]));
    };
    let values = structs.columns().iter().map(|values| with_nulls(values, structs.nulls())).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(fields, values, structs.nulls().cloned(), structs.len())?))
}

fn with_nulls(values: &ArrayRef, nulls: Option<&NullBuffer>) -> Result<ArrayRef> {
    match nulls {
        Some(nulls) => Ok(nullif(values, &BooleanArray::new(!nulls.inner(), None))?),
        None => Ok(Arc::clone(values)),
    }
}

fn list_type(types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    Ok(DataType::new_list(types.first().cloned().unwrap_or(DataType::Null), true))
}

fn rows_so_far(columns: &Columns) -> Result<ArrayRef> {
    let places = (0..columns.rows as u64).flat_map(|row| 0..=row);
    let values = take(&columns.values[0], &UInt64Array::from_iter_values(places), None)?;
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(1..=columns.rows), values, None)?))
}

fn element_type(types: &[DataType], _constants: &[ScalarValue]) -> Result<DataType> {
    match types.first() {
        Some(DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _)) => Ok(item.data_type().clone()),
        other => {
            let what = format!("got {}, expected lists", other.map_or_else(String::new, DataType::to_string));
            Err(to_datafusion(Error::dtype("explode", what)))
        }
    }
}

/// The elements of all lists, one after the other.
fn flatten(columns: &Columns) -> Result<ArrayRef> {
    let types = [columns.values[0].data_type().clone()];
    let lists = cast(&columns.values[0], &DataType::new_list(element_type(&types, &[])?, true))?;
    let lists = lists.as_list::<i32>();
    let (empty_as_null, drop_nulls) = (columns.flag(0), columns.flag(1));
    let mut places: Vec<Option<u32>> = vec![];
    for row in 0..lists.len() {
        if lists.is_null(row) {
            places.extend((!drop_nulls).then_some(None));
            continue;
        }
        let range = lists.value_offsets()[row] as u32..lists.value_offsets()[row + 1] as u32;
        if range.is_empty() {
            places.extend(empty_as_null.then_some(None));
        }
        places.extend(range.map(Some));
    }
    Ok(take(lists.values(), &UInt32Array::from(places), None)?)
}

fn width(constants: &[ScalarValue]) -> i32 {
    match constants.get(1) {
        Some(ScalarValue::Int64(Some(width))) => i32::try_from(*width).unwrap_or(i32::MAX),
        _ => 1,
    }
}

fn array_type(types: &[DataType], constants: &[ScalarValue]) -> Result<DataType> {
    let value = types.first().cloned().unwrap_or(DataType::Null);
    Ok(DataType::FixedSizeList(Arc::new(Field::new_list_field(value, true)), width(constants)))
}

/// The values as arrays of one width. Errors: `Shape` where they do not fill them.
fn arrays(columns: &Columns) -> Result<ArrayRef> {
    let (wanted, width) = (columns.int(0)?, width(columns.constants));
    let fills = width > 0 && columns.rows.is_multiple_of(width as usize);
    if !fills || wanted >= 0 && wanted as usize * width as usize != columns.rows {
        let what = format!("{} values cannot be arrays of {width}", columns.rows);
        let what = if wanted < 0 { what } else { format!("{what}, {wanted} of them") };
        return Err(to_datafusion(Error::shape("reshape", what)));
    }
    let values = Arc::clone(&columns.values[0]);
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(FixedSizeListArray::try_new(field, width, values, None)?))
}
