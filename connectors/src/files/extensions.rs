//! What columns mean, as far as their metadata says so.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields};

/// Field metadata that says what a column means (a tensor, a UUID); everything else is the writer's own affair.
const EXTENSION_PREFIX: &str = "ARROW:extension:";
/// Where the categories of an Enum are listed, by Polars and by frames.
pub(super) const CATEGORIES: &str = "_PL_ENUM_VALUES2";

/// The fields with the metadata that says what they mean, and no other.
pub(super) fn keep_extensions(fields: &Fields) -> Fields {
    fields.iter().map(keep_extension).collect()
}

fn keep_extension(field: &FieldRef) -> FieldRef {
    let kept: HashMap<String, String> = field
        .metadata()
        .iter()
        .filter(|(key, _)| key.starts_with(EXTENSION_PREFIX) || key.as_str() == CATEGORIES)
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let data_type = match field.data_type() {
        DataType::Struct(children) => DataType::Struct(keep_extensions(children)),
        DataType::List(item) => DataType::List(keep_extension(item)),
        DataType::LargeList(item) => DataType::LargeList(keep_extension(item)),
        DataType::ListView(item) => DataType::ListView(keep_extension(item)),
        DataType::LargeListView(item) => DataType::LargeListView(keep_extension(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(keep_extension(item), *size),
        DataType::Map(entries, sorted) => DataType::Map(keep_extension(entries), *sorted),
        other => other.clone(),
    };
    Arc::new(Field::clone(field).with_data_type(data_type).with_metadata(kept))
}
