//! Which fields are of enums, and the types of places and of enums inside lists and structs.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, FieldRef};

use crate::names::type_name;

/// Where a field's metadata list the categories.
const CATEGORIES: &str = "_PL_ENUM_VALUES2";

/// The categories of an enum, in their order; None of any other column.
pub fn categories(field: &Field) -> Option<Vec<String>> {
    if !matches!(field.data_type(), DataType::Dictionary(..)) {
        return None;
    }
    field.metadata().get(CATEGORIES).and_then(|text| decoded(text))
}

/// The categories of an enum or of the enums in a list; None of any other column.
pub fn enum_categories(field: &Field) -> Option<Vec<String>> {
    match item_of(field.data_type()) {
        Some(item) => enum_categories(item),
        None => categories(field),
    }
}

/// A field's type as frames write it: [`type_name`], but `Enum` of an enum.
pub fn shown_type(field: &Field) -> String {
    if categories(field).is_some() { "Enum".to_owned() } else { type_name(field.data_type()) }
}

pub(super) fn item_of(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item),
        _ => None,
    }
}

/// The field of an enum.
pub fn enum_field(name: &str, categories: &[String]) -> Field {
    let listed = categories.iter().map(|category| format!("{};{category}", category.len())).collect();
    Field::new(name, enum_type(), true).with_metadata(HashMap::from([(CATEGORIES.to_owned(), listed)]))
}

pub(super) fn enum_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8))
}

/// The type of the places of texts or categories, in lists too.
pub(super) fn place_type(own: &DataType) -> DataType {
    match own {
        DataType::List(item) => DataType::List(place_item(item).into()),
        DataType::LargeList(item) => DataType::LargeList(place_item(item).into()),
        DataType::FixedSizeList(item, width) => DataType::FixedSizeList(place_item(item).into(), *width),
        _ => DataType::UInt32,
    }
}

pub(super) fn place_item(item: &Field) -> Field {
    Field::new(item.name(), place_type(item.data_type()), item.is_nullable())
}

/// The field of what holds the categories at the places that this one holds.
pub(super) fn at_field(field: &Field, categories: &[String]) -> Field {
    match field.data_type() {
        DataType::UInt32 | DataType::Null => enum_field(field.name(), categories).with_nullable(field.is_nullable()),
        other => field.clone().with_data_type(at_type(other, categories)),
    }
}

fn at_type(own: &DataType, categories: &[String]) -> DataType {
    let item = |item: &FieldRef| FieldRef::new(at_field(item, categories));
    match own {
        DataType::List(of) => DataType::List(item(of)),
        DataType::LargeList(of) => DataType::LargeList(item(of)),
        DataType::FixedSizeList(of, width) => DataType::FixedSizeList(item(of), *width),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(item).collect()),
        other => other.clone(),
    }
}

/// `1;a2;bc` is `a`, `bc`: each with its length in bytes before it.
fn decoded(mut text: &str) -> Option<Vec<String>> {
    let mut categories = vec![];
    while !text.is_empty() {
        let (length, rest) = text.split_once(';')?;
        let (category, rest) = rest.split_at_checked(length.parse().ok()?)?;
        categories.push(category.to_owned());
        text = rest;
    }
    Some(categories)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_kept_as_polars_writes_them() {
        let listed: Vec<String> = ["c", "a;1", "é", ""].map(str::to_owned).to_vec();
        let field = enum_field("e", &listed);
        assert_eq!(field.metadata()[CATEGORIES], "1;c3;a;12;é0;");
        assert_eq!(categories(&field), Some(listed.clone()));
        assert_eq!(enum_categories(&Field::new("l", DataType::List(field.into()), true)), Some(listed));
        assert_eq!(decoded("5;ab"), None);
        assert_eq!(categories(&Field::new("e", DataType::Utf8, true)), None);
    }
}
