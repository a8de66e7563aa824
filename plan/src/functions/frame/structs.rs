//! The namespaces `struct` and `cat`: fields of structs, and dictionaries.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields};
use arrow::json::writer::{EncoderOptions, NullableEncoder, make_encoder};
use datafusion::common::Result;

use super::arguments::{Batch, Call, Takes};
use super::function::Row;
use super::list::names;
use super::results::text;
use crate::names::suggest;

use Takes::{Any, Constant, Rest, Struct};

/// The tables of the namespaces.
pub(super) const TABLES: &[&[Row]] = &[ROWS];

const ROWS: &[Row] = &[
    Row::new("struct.rename_fields", &[Struct, Constant], rename_type, rename_fields),
    Row::new("struct.with_fields", &[Struct, Constant, Rest], with_type, with_fields),
    Row::new("struct.drop", &[Struct, Constant, Takes::Flag], drop_type, drop_fields),
    Row::new("struct.json_encode", &[Any], text, json_encode),
    Row::new("cat.physical", &[Any], physical_type, physical),
];

fn fields<'a>(call: &Call<'a>) -> Result<&'a Fields> {
    match call.data_type(0) {
        DataType::Struct(fields) => Ok(fields),
        _ => Err(call.unfit(0, "a struct")),
    }
}

/// A name for each field.
fn rename_type(call: &Call) -> Result<DataType> {
    let (fields, names) = (fields(call)?, names(call, 1)?);
    if names.len() != fields.len() {
        return call.wrong(format!("{} names are given for {} fields, expected as many", names.len(), fields.len()));
    }
    let renamed = fields.iter().zip(names).map(|(field, name)| Field::clone(field).with_name(name));
    Ok(DataType::Struct(renamed.collect()))
}

fn rename_fields(batch: &Batch) -> Result<ArrayRef> {
    let DataType::Struct(fields) = batch.returns else { return batch.wrong("the result is no struct") };
    let given = batch.array(0)?;
    let given = given.as_struct();
    let columns = given.columns()[..fields.len()].to_vec();
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, given.nulls().cloned(), given.len())?))
}

/// `names of the values that follow`: a field of that name is replaced, else one is added at the end.
fn with_type(call: &Call) -> Result<DataType> {
    let mut all: Vec<Field> = fields(call)?.iter().map(|field| Field::clone(field)).collect();
    let names = names(call, 1)?;
    if names.len() + 2 != call.len() {
        return call.wrong(format!("{} names are given for {} fields", names.len(), call.len() - 2));
    }
    for (at, name) in names.iter().enumerate() {
        let field = Field::new(name, call.data_type(at + 2).clone(), true);
        match all.iter_mut().find(|field| field.name() == name) {
            Some(old) => *old = field,
            None => all.push(field),
        }
    }
    Ok(DataType::Struct(all.into()))
}

fn with_fields(batch: &Batch) -> Result<ArrayRef> {
    let DataType::Struct(fields) = batch.returns else { return batch.wrong("the result is no struct") };
    let given = batch.array(0)?;
    let (given, names) = (given.as_struct(), names(batch, 1)?);
    let column = |field: &Arc<Field>| match names.iter().position(|name| name == field.name()) {
        Some(at) => batch.array(at + 2),
        None => {
            given.column_by_name(field.name()).map_or_else(|| batch.wrong("a field is missing"), |column| Ok(Arc::clone(column)))
        }
    };
    let columns = fields.iter().map(column).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, given.nulls().cloned(), given.len())?))
}

/// `names, strict`
fn drop_type(call: &Call) -> Result<DataType> {
    let (fields, names) = (fields(call)?, names(call, 1)?);
    if let Some(name) = names.iter().find(|name| call.flag(2) && fields.find(name).is_none()) {
        return call
            .wrong(format!("no field is named `{name}`; {}", suggest(name, fields.iter().map(|field| field.name().as_str()))));
    }
    let kept = fields.iter().filter(|field| !names.contains(field.name()));
    Ok(DataType::Struct(kept.cloned().collect()))
}

fn drop_fields(batch: &Batch) -> Result<ArrayRef> {
    let DataType::Struct(fields) = batch.returns else { return batch.wrong("the result is no struct") };
    let given = batch.array(0)?;
    let given = given.as_struct();
    let columns = fields.iter().filter_map(|field| given.column_by_name(field.name()).cloned()).collect();
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, given.nulls().cloned(), given.len())?))
}

/// Each value as JSON; null is `null`, as in Polars.
fn json_encode(batch: &Batch) -> Result<ArrayRef> {
    let values = batch.array(0)?;
    let field: Arc<Field> = Arc::new(Field::new("v", values.data_type().clone(), true));
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder: NullableEncoder = make_encoder(&field, values.as_ref(), &options)?;
    let mut out = StringViewBuilder::with_capacity(batch.rows);
    let mut bytes = Vec::new();
    for row in 0..batch.rows {
        bytes.clear();
        if values.is_null(row) {
            out.append_value("null");
            continue;
        }
        encoder.encode(row, &mut bytes);
        out.append_value(String::from_utf8_lossy(&bytes));
    }
    Ok(Arc::new(out.finish()))
}

fn physical_type(call: &Call) -> Result<DataType> {
    match call.data_type(0) {
        DataType::Dictionary(..) => Ok(DataType::UInt32),
        _ => Err(call.unfit(0, "a categorical")),
    }
}

/// The codes of a dictionary's values.
fn physical(batch: &Batch) -> Result<ArrayRef> {
    let values = batch.array(0)?;
    match values.as_any_dictionary_opt() {
        Some(dictionary) => Ok(cast(dictionary.keys(), &DataType::UInt32)?),
        None => Ok(cast(&values, batch.returns)?),
    }
}
