//! What a value is as another type, as frames mean it: null where it is nothing there.
//!
//! It differs from Arrow's casts where these differ from Polars's: moments are counted from 1970 in UTC and rounded down, texts
//! are numbers only as a whole and without blanks, decimals are rounded to the even neighbour, fields are found by name.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, LargeListArray, ListArray, StructArray};
use arrow::compute::{CastOptions, can_cast_types, cast, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, Fields};
use datafusion::common::Result;

use crate::names::type_name;

use super::{decimals, from_text, moments, to_text};

/// Whether Arrow's cast of all values means the same.
pub fn casts_plainly(from: &DataType, to: &DataType) -> bool {
    let is_number = |own: &DataType| own.is_integer() || own.is_floating() || *own == DataType::Boolean;
    let is_shown_alike = |own: &DataType| own.is_integer() || matches!(own, DataType::Boolean | DataType::Date32);
    from == to
        || from.is_null()
        || is_number(from) && is_number(to)
        || to.is_string() && (from.is_string() || is_shown_alike(from))
        || from.is_string() && is_bytes(to)
}

/// Why no value of one type is one of the other; None if some may be.
pub fn cannot_cast(from: &DataType, to: &DataType) -> Option<String> {
    use DataType::{Boolean, Dictionary, Struct, Timestamp};
    match (from, to) {
        _ if from == to || from.is_null() => None,
        (_, Timestamp(_, Some(zone))) if zone.parse::<arrow::array::timezone::Tz>().is_err() => {
            Some(format!("there is no time zone `{zone}`"))
        }
        (Dictionary(_, values), Dictionary(_, others)) => cannot_cast(values, others),
        (Dictionary(_, values), _) if to.is_string() || is_bytes(to) => cannot_cast(values, to),
        (Dictionary(..), _) => Some("cast it to String first".to_owned()),
        (_, Dictionary(_, values)) => no_reason(from.is_string() && values.is_string()),
        (Struct(own), Struct(wanted)) => missing_field(own, wanted),
        _ if item(from).is_some() || item(to).is_some() => match (item(from), item(to)) {
            (Some(from), Some(to)) => cannot_cast(from.data_type(), to.data_type()),
            _ => Some(String::new()),
        },
        _ if moments::is_moment(to) => no_reason(from.is_string() || moments::can_become(from, to)),
        _ if moments::is_moment(from) => no_reason(to.is_integer() || to.is_floating() || to.is_string()),
        (_, Boolean) => no_reason(from.is_numeric() || from.is_string()),
        (Boolean, _) => no_reason(to.is_integer() || to.is_floating() || to.is_string()),
        _ => no_reason(can_cast_types(from, to)),
    }
}

fn no_reason(is_possible: bool) -> Option<String> {
    (!is_possible).then(String::new)
}

fn missing_field(own: &Fields, wanted: &Fields) -> Option<String> {
    if let Some(field) = wanted.iter().find(|field| own.find(field.name()).is_none()) {
        return Some(format!("it has no field `{}`", field.name()));
    }
    if let Some(field) = own.iter().find(|field| wanted.find(field.name()).is_none()) {
        return Some(format!("its field `{}` would be lost", field.name()));
    }
    wanted.iter().find_map(|field| {
        let (_, from) = own.find(field.name())?;
        let reason = cannot_cast(from.data_type(), field.data_type())?;
        Some(format!(
            "its field `{}` is {}, which cannot become {} {reason}",
            field.name(),
            type_name(from.data_type()),
            type_name(field.data_type())
        ))
    })
}

/// The values as another type, those that are none as nulls. Errors: where there is no such cast at all.
pub(super) fn as_type(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    use DataType::{Decimal128, Dictionary, Struct};
    let from = array.data_type();
    match (from, to) {
        _ if casts_plainly(from, to) => arrows(array, to),
        (Dictionary(_, values), _) if !matches!(to, Dictionary(..)) => as_type(&cast(array, values)?, to),
        (Struct(_), Struct(fields)) => by_name(array, fields),
        _ if item(from).is_some() && item(to).is_some() => of_items(array, to),
        _ if from.is_string() => from_text::parsed(array, to),
        _ if to.is_string() => to_text::written(array, to),
        _ if moments::is_moment(from) || moments::is_moment(to) => moments::moved(array, to),
        (Decimal128(..), _) | (_, Decimal128(..)) => decimals::rescaled(array, to),
        _ => arrows(array, to),
    }
}

/// Arrow's own cast.
pub(super) fn arrows(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    Ok(cast_with_options(array, to, &CastOptions { safe: true, ..CastOptions::default() })?)
}

fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

/// What a list holds.
fn item(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item),
        _ => None,
    }
}

/// Each field is that of the same name.
fn by_name(array: &ArrayRef, fields: &Fields) -> Result<ArrayRef> {
    let own = array.as_struct();
    let column = |field: &FieldRef| match own.column_by_name(field.name()) {
        Some(column) => as_type(column, field.data_type()),
        None => Ok(arrow::array::new_null_array(field.data_type(), own.len())),
    };
    let columns = fields.iter().map(column).collect::<Result<Vec<_>>>()?;
    let fields = fields.iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Fields>();
    let cast = StructArray::try_new_with_length(fields, columns, own.nulls().cloned(), own.len())?;
    Ok(Arc::new(cast))
}

/// Lists whose items are cast, then in the layout that is asked for; a list of another length than that asks for is null.
fn of_items(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let Some(field) = item(to) else { return arrows(array, to) };
    let nulls = array.nulls().cloned();
    let cast: ArrayRef = match array.data_type() {
        DataType::List(_) => {
            let own: &ListArray = array.as_list();
            let items = as_type(own.values(), field.data_type())?;
            Arc::new(ListArray::try_new(Arc::clone(field), own.offsets().clone(), items, nulls)?)
        }
        DataType::LargeList(_) => {
            let own: &LargeListArray = array.as_list();
            let items = as_type(own.values(), field.data_type())?;
            Arc::new(LargeListArray::try_new(Arc::clone(field), own.offsets().clone(), items, nulls)?)
        }
        _ => {
            let own = array.as_fixed_size_list();
            let items = as_type(own.values(), field.data_type())?;
            Arc::new(FixedSizeListArray::try_new(Arc::clone(field), own.value_length(), items, nulls)?)
        }
    };
    arrows(&cast, to)
}

/// Whether each number is something else than 0.
pub(super) fn is_not_zero(numbers: &ArrayRef) -> Result<ArrayRef> {
    let floats = cast(numbers, &DataType::Float64)?;
    let floats = floats.as_primitive::<arrow::datatypes::Float64Type>();
    Ok(Arc::new(floats.iter().map(|x| x.map(|x| x != 0.0)).collect::<BooleanArray>()))
}
