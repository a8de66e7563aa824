//! Lists as other nested types: `to_array` of a width, `to_list`, `to_struct` of so many fields.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, ScalarValue};

use super::lists::{Lists, element_type, same_list};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;
use crate::functions::frame::results::list_of;

use Takes::{Constant, Count, List};

pub(super) const ROWS: &[Row] = &[
    Row::new("list.to_array", &[List, Count], array_type, to_array),
    Row::new("arr.to_list", &[List], same_list, |batch| batch.array_as(0, batch.returns)),
    Row::new("list.to_struct", &[List, Constant], struct_type, to_struct),
];

fn array_type(call: &Call) -> Result<DataType> {
    let Some(width) = call.count(1).and_then(|width| i32::try_from(width).ok()).filter(|width| *width >= 0) else {
        return call.wrong("the width is not a whole number of elements");
    };
    Ok(DataType::FixedSizeList(Arc::new(Field::new_list_field(element_type(call)?, true)), width))
}

fn to_array(batch: &Batch) -> Result<ArrayRef> {
    let (lists, width) = (Lists::of(batch, 0)?, batch.count(1).unwrap_or_default());
    for row in 0..batch.rows {
        if let Some(range) = lists.range(row).filter(|range| range.len() as i64 != width) {
            let what = format!("a list has {} elements, expected {width}", range.len());
            return batch.bad_value(what, "list.head and list.gather(..., null_on_oob=True) make lists of one length");
        }
    }
    Ok(cast(&batch.array_as(0, &same_list(batch)?)?, batch.returns)?)
}

/// The names of the fields, constant; null names an array's own width as `field_0` on.
fn struct_type(call: &Call) -> Result<DataType> {
    let element = element_type(call)?;
    let names = match (call.constant(1), call.data_type(0)) {
        (None | Some(ScalarValue::Null), DataType::FixedSizeList(_, width)) => {
            (0..*width).map(|at| format!("field_{at}")).collect()
        }
        _ => names(call, 1)?,
    };
    Ok(DataType::Struct(names.into_iter().map(|name| Field::new(name, element.clone(), true)).collect()))
}

/// Texts of a constant list.
pub(crate) fn names(call: &Call, at: usize) -> Result<Vec<String>> {
    let Some(list) = call.constant(at).filter(|list| !list.is_null()) else { return call.wrong("no names are given") };
    let list = cast(&list.to_array()?, &list_of(DataType::Utf8View))?;
    let list = list.as_list::<i32>().value(0);
    let names: Vec<String> = list.as_string_view().iter().flatten().map(str::to_owned).collect();
    match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        Some((_, name)) => call.wrong(format!("two fields are named `{name}`")),
        None => Ok(names),
    }
}

/// A field for each place; null where a list is shorter. What is behind the last field is dropped.
fn to_struct(batch: &Batch) -> Result<ArrayRef> {
    let DataType::Struct(fields) = batch.returns else { return batch.wrong("the result is no struct") };
    let lists = Lists::of(batch, 0)?;
    let column = |at: usize| {
        let place = |row| lists.range(row).and_then(|range| range.clone().nth(at)).map(|place| place as u32);
        take(&lists.values, &(0..batch.rows).map(place).collect::<UInt32Array>(), None)
    };
    let columns = (0..fields.len()).map(column).collect::<std::result::Result<Vec<_>, _>>()?;
    let nulls = batch.array(0)?.logical_nulls();
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, batch.rows)?))
}
