//! The types of columns that are put one below the other.

use std::collections::HashSet;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use gradframe_plan::functions::{enum_categories, shown_type};
use gradframe_plan::names::type_name;

use crate::expr::resolve::{common_moment, item_of, widest_number, with_moments_alike, zones_differ};
use crate::{Error, Result};

/// Errors: `DType` for Enums of different categories, and for an Enum in one frame that is only text or categories in another.
pub(super) fn require_one_enum<'a>(mut fields: impl Iterator<Item = &'a Field>, relaxed: bool) -> Result<()> {
    let Some(first) = fields.next() else { return Ok(()) };
    let own = enum_categories(first);
    let differs = |other: &&Field| {
        let is_other = enum_categories(other) != own;
        let has_none = other.data_type().is_null() || first.data_type().is_null();
        let is_text = type_name(first.data_type()) == "String" || type_name(other.data_type()) == "String";
        let may_be_text = relaxed && is_text;
        is_other && !has_none && !may_be_text
    };
    let Some(other) = fields.find(differs) else { return Ok(()) };
    let (name, kinds) = (first.name(), (shown_type(first), shown_type(other)));
    let what = match own.is_some() && enum_categories(other).is_some() {
        true => format!("column `{name}` is an Enum of other categories in one frame than in another"),
        false => format!("column `{name}` is {} in one frame and {} in another", kinds.0, kinds.1),
    };
    Err(Error::dtype("concat", what).hint("cast one of them first"))
}

/// The type of a column that has these in the frames; with `relaxed` one that they have in common. What has nulls alone is of any.
/// Errors: `DType` naming the column and two types that clash.
pub(super) fn common_type(name: &str, types: &[DataType], relaxed: bool) -> Result<DataType> {
    let mut with_values = types.iter().filter(|own| !own.is_null());
    let Some(first) = with_values.next() else { return Ok(DataType::Null) };
    // How values are stored is nobody's concern.
    if with_values.all(|other| type_name(other) == type_name(first)) {
        return Ok(with_room_for_all(first, types));
    }
    let what = |(one, other): (usize, usize)| {
        let (one, other) = (type_name(&types[one]), type_name(&types[other]));
        format!("column `{name}` is {one} in one frame and {other} in another")
    };
    if !relaxed {
        let hint = "cast one of them, or concat with how = \"vertical_relaxed\"";
        return Err(Error::dtype("concat", what(differing(types))).hint(hint));
    }
    let none = || {
        let what = format!("{}, which have no common type", what(clashing(types)));
        Error::dtype("concat", what).hint("cast one of them first")
    };
    relaxed_type(types).ok_or_else(none)
}

/// The first of the types that has values, and the next that is another.
fn differing(types: &[DataType]) -> (usize, usize) {
    let first = types.iter().position(|own| !own.is_null()).unwrap_or(0);
    let differs = |other: &DataType| !other.is_null() && type_name(other) != type_name(&types[first]);
    (first, types.iter().position(differs).unwrap_or(first))
}

/// Of types that have none in common, the first two that are to blame: alone, or else with others beside them.
pub(super) fn clashing(types: &[DataType]) -> (usize, usize) {
    let mut known = HashSet::new();
    let different: Vec<usize> = (0..types.len()).filter(|at| known.insert(&types[*at])).collect();
    let clash = |one: usize, other: usize| relaxed_type(&[types[one].clone(), types[other].clone()]).is_none();
    let with_earlier = |(at, other): (usize, &usize)| Some((*different[..at].iter().find(|one| clash(**one, *other))?, *other));
    different.iter().enumerate().find_map(with_earlier).unwrap_or_else(|| differing(types))
}

/// Of structs alone, one with the fields of all, in the order in which they first come; a struct that lacks one has null there.
/// None if there are others; None within for fields of one name that have no common type.
fn all_fields(types: &[DataType]) -> Option<Option<DataType>> {
    let mut fields: Vec<(String, Vec<DataType>)> = vec![];
    for own in types.iter().filter(|own| !own.is_null()) {
        let DataType::Struct(own) = own else { return None };
        for field in own {
            match fields.iter_mut().find(|(name, _)| name == field.name()) {
                Some((_, types)) => types.push(field.data_type().clone()),
                None => fields.push((field.name().clone(), vec![field.data_type().clone()])),
            }
        }
    }
    let united = fields.into_iter().map(|(name, types)| Some(Field::new(name, relaxed_type(&types)?, true)));
    let fields = united.collect::<Option<Vec<_>>>();
    Some(fields.map(|fields| DataType::Struct(fields.into())))
}

/// The first type; of categories counted with different numbers, with numbers for all.
fn with_room_for_all(first: &DataType, types: &[DataType]) -> DataType {
    match first {
        DataType::Dictionary(_, values) if types.iter().any(|other| !other.is_null() && other != first) => {
            DataType::Dictionary(Box::new(DataType::UInt32), values.clone())
        }
        other => other.clone(),
    }
}

/// The type that values of all these can have. Everything can be text, and text nothing else; true and false are 1 and 0 among
/// numbers, and dates beside moments of a time zone are such moments, in lists and structs too.
pub(super) fn relaxed_type(types: &[DataType]) -> Option<DataType> {
    if types.iter().any(DataType::is_string) && types.iter().all(|other| !other.is_nested()) {
        return Some(DataType::Utf8);
    }
    let items: Vec<DataType> = types.iter().map(|own| item_of(own).clone()).collect();
    if zones_differ(items.iter()) {
        return None;
    }
    if let Some(fields) = all_fields(types) {
        return fields;
    }
    if let (true, Some(moment)) = (types.iter().all(|own| own.is_null() || own.is_nested()), common_moment(&items)) {
        return Some(DataType::new_list(moment, true));
    }
    let number = widest_number(types.iter().filter(|other| !other.is_null()));
    number.or_else(|| common_moment(types)).or_else(|| type_union_resolution(&with_moments_alike(types)?))
}
