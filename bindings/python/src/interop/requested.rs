//! Arrow out in the types that a consumer asks for, where each value has its like in them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, Float64Array, GenericListArray, OffsetSizeTrait, Scalar, StructArray,
};
use arrow::compute::kernels::numeric::add;
use arrow::compute::{CastOptions, can_cast_types, cast, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use gradframe::{Error, Result};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use super::given::field_told;

/// The operation's name in errors.
const OP: &str = "__arrow_c_stream__";

/// Arrow's own way is a null for what has no like.
const STRICT: CastOptions<'static> = CastOptions { safe: false, format_options: arrow::util::display::FormatOptions::new() };

/// The field to give in the place of `ours`. None where none is asked for, and where what is asked for has other columns, or types that
/// ours are never cast to: a consumer has to look at what it gets.
pub(super) fn requested(ours: &Field, capsule: Option<&Bound<'_, PyCapsule>>) -> PyResult<Option<FieldRef>> {
    let Some(capsule) = capsule else { return Ok(None) };
    let asked = field_told(capsule)?;
    let is_other = asked.data_type() != ours.data_type();
    let can = is_other && can_be_had(ours.data_type(), asked.data_type());
    Ok(can.then(|| Arc::new(asked.with_metadata(ours.metadata().clone()))))
}

fn can_be_had(ours: &DataType, asked: &DataType) -> bool {
    if let (Some(own), Some(item)) = (items(ours), items(asked)) {
        return can_be_had(own.data_type(), item.data_type()) && can_cast_types(ours, asked);
    }
    let (DataType::Struct(ours), DataType::Struct(asked)) = (ours, asked) else { return can_cast_types(ours, asked) };
    let has = |asked: &FieldRef| {
        let found = ours.iter().find(|own| own.name() == asked.name());
        found.is_some_and(|own| can_be_had(own.data_type(), asked.data_type()))
    };
    ours.len() == asked.len() && asked.iter().all(has)
}

/// What lists of the type are of; None of other types.
fn items(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item),
        _ => None,
    }
}

/// The values in the type of `asked`, which [`requested`] has given; columns of rows each by itself.
/// Errors: `Execution` that names the column, for a value that the type does not have.
pub(super) fn as_asked(values: &ArrayRef, asked: &Field) -> Result<ArrayRef> {
    match (values.as_struct_opt(), asked.data_type()) {
        (Some(rows), DataType::Struct(columns)) => rows_as_asked(rows, columns),
        (_, data_type) => column_as_asked(values, asked.name(), data_type),
    }
}

fn rows_as_asked(rows: &StructArray, asked: &Fields) -> Result<ArrayRef> {
    let missing = |name: &str| Error::internal(OP, format!("no column `{name}`"));
    let columns = asked.iter().map(|asked| {
        let column = rows.column_by_name(asked.name()).ok_or_else(|| missing(asked.name()))?;
        column_as_asked(column, asked.name(), asked.data_type())
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    with_columns(rows, asked, columns).map_err(|error| Error::execution(OP, said(error)))
}

/// The same rows of these columns.
fn with_columns(rows: &StructArray, fields: &Fields, columns: Vec<ArrayRef>) -> std::result::Result<ArrayRef, ArrowError> {
    let rows = StructArray::try_new_with_length(fields.clone(), columns, rows.nulls().cloned(), rows.len())?;
    Ok(Arc::new(rows))
}

fn column_as_asked(values: &ArrayRef, name: &str, asked: &DataType) -> Result<ArrayRef> {
    let failed = |what: String| {
        let error = Error::execution(OP, format!("column `{name}`, asked for as {asked}: {what}"));
        error.hint("ask for a type that has all of its values, or for none")
    };
    exact(values, asked).map_err(|error| failed(said(error)))
}

/// Errors: `CastError` for the first value that comes back as another one, and what Arrow says of one that has no like.
fn exact(values: &ArrayRef, asked: &DataType) -> std::result::Result<ArrayRef, ArrowError> {
    if values.data_type() == asked {
        return Ok(Arc::clone(values));
    }
    if let (DataType::Struct(_), DataType::Struct(fields)) = (values.data_type(), asked) {
        return exact_fields(values.as_struct(), fields);
    }
    if let (Some(_), Some(item)) = (items(values.data_type()), items(asked)) {
        return cast_with_options(&exact_items(values, item)?, asked, &STRICT);
    }
    let given = cast_with_options(values, asked, &STRICT)?;
    if !may_round(values.data_type(), asked) {
        return Ok(given);
    }
    let (back, whole) = (cast_with_options(&given, values.data_type(), &STRICT)?, without_negative_zeros(values)?);
    if back.as_ref() == whole.as_ref() {
        return Ok(given);
    }
    let first = (0..back.len()).find(|row| back.slice(*row, 1).as_ref() != whole.slice(*row, 1).as_ref());
    Err(ArrowError::CastError(format!("{} would be another value", array_value_to_string(values, first.unwrap_or_default())?)))
}

/// Fields by their names, where Arrow would take them by their places.
fn exact_fields(rows: &StructArray, asked: &Fields) -> std::result::Result<ArrayRef, ArrowError> {
    let missing = |name: &str| ArrowError::CastError(format!("there is no field `{name}`"));
    let columns = asked.iter().map(|asked| {
        let own = rows.column_by_name(asked.name()).ok_or_else(|| missing(asked.name()))?;
        exact(own, asked.data_type())
    });
    let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
    with_columns(rows, asked, columns)
}

/// Lists of the same kind, of items of the type that is asked for.
fn exact_items(values: &ArrayRef, item: &FieldRef) -> std::result::Result<ArrayRef, ArrowError> {
    if let Some(lists) = values.as_fixed_size_list_opt() {
        let (items, nulls) = (exact(lists.values(), item.data_type())?, lists.nulls().cloned());
        let lists = FixedSizeListArray::try_new_with_length(Arc::clone(item), lists.value_length(), items, nulls, lists.len())?;
        return Ok(Arc::new(lists));
    }
    match values.as_list_opt::<i32>() {
        Some(lists) => exact_in_lists(lists, item),
        None => exact_in_lists(values.as_list::<i64>(), item),
    }
}

fn exact_in_lists<O: OffsetSizeTrait>(lists: &GenericListArray<O>, item: &FieldRef) -> std::result::Result<ArrayRef, ArrowError> {
    let items = exact(lists.values(), item.data_type())?;
    let lists = GenericListArray::<O>::try_new(Arc::clone(item), lists.offsets().clone(), items, lists.nulls().cloned())?;
    Ok(Arc::new(lists))
}

/// True where Arrow cuts values: fractions, parts of a second or day, and numbers as truth values. Floats are rounded, as everywhere.
fn may_round(ours: &DataType, asked: &DataType) -> bool {
    let is_counted = |of: &DataType| of.is_integer() || of.is_decimal() || of.is_temporal();
    (is_counted(ours) || ours.is_floating()) && (is_counted(asked) || *asked == DataType::Boolean) && can_cast_types(asked, ours)
}

/// Whole numbers have one zero.
fn without_negative_zeros(values: &ArrayRef) -> std::result::Result<ArrayRef, ArrowError> {
    if !values.data_type().is_floating() {
        return Ok(Arc::clone(values));
    }
    let zero = cast(&Float64Array::from(vec![0.0]), values.data_type())?;
    add(values, &Scalar::new(zero))
}

/// Arrow's words without the name of the kind.
fn said(error: ArrowError) -> String {
    match error {
        ArrowError::CastError(what) | ArrowError::ComputeError(what) | ArrowError::ParseError(what) => what,
        other => other.to_string(),
    }
}
