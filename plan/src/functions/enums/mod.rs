//! Enums: text of few known values, which have an order. In Arrow a dictionary whose field lists them in its metadata, under
//! the key and in the form that Polars gives and takes; inside a list, the field of its items does.
//!
//! Functions know numbers and texts. An Enum's order is that of its places among the categories ([`enum_place`]), of which
//! [`enum_at`] makes an Enum again: between the two stands whatever a function means for numbers.

mod calls;
mod fields;
mod structs;

use std::collections::HashMap;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ScalarUDF};
use gradframe_ml_core::Error;

use self::calls::{At, Place, ToEnum, call};
pub use self::fields::{categories, enum_categories, enum_field, shown_type};
pub use self::structs::struct_of;
use super::words::texts;

/// The functions' names, before the constants that they carry.
const ENUM: &str = "enum";
const PLACE: &str = "enum_place";
const AT: &str = "enum_at";

/// The text as an enum. Errors: `Plan` for a category that is there twice; when it runs, `Execution` for a text that is none of
/// them, unless not `strict`, which makes it null.
pub fn to_enum(text: Expr, name: &str, categories: Vec<String>, strict: bool) -> gradframe_ml_core::Result<Expr> {
    let places: HashMap<&str, u32> = categories.iter().map(String::as_str).zip(0..).collect();
    if places.len() != categories.len() {
        return Err(Error::plan("cast", "the categories of the Enum are not all different"));
    }
    Ok(call(ToEnum::new(name.to_owned(), categories, strict), text))
}

/// The place of an enum's value among its categories, from 0: what it is sorted by. Of a list of enums the list of places.
pub fn enum_place(value: Expr, categories: Vec<String>) -> Expr {
    match &value {
        // The place of a category at a place.
        Expr::ScalarFunction(ScalarFunction { func, args }) if args.len() == 1 => {
            match func.inner().as_ref().downcast_ref::<At>().filter(|at| at.categories == categories) {
                Some(_) => args[0].clone(),
                None => call(Place::new(categories), value),
            }
        }
        _ => call(Place::new(categories), value),
    }
}

/// The category at a place, as an enum: what [`enum_place`] was of. Places in lists and structs become enums there.
pub fn enum_at(place: Expr, categories: Vec<String>) -> Expr {
    call(At::new(categories), place)
}

/// The place of a text, or the list of places of a list of texts; for a text that is no category, that text.
pub fn place_of(constant: &ScalarValue, categories: &[String]) -> datafusion::common::Result<Result<ScalarValue, String>> {
    let texts = constant.to_array()?;
    if let Some(unknown) = calls::unknown_text(&texts, categories)? {
        return Ok(Err(unknown));
    }
    ScalarValue::try_from_array(&calls::places_in(&texts, categories)?, 0).map(Ok)
}

/// The function of enums that has this name and these constants.
pub(super) fn named(name: &str, constants: &[ScalarValue]) -> Option<ScalarUDF> {
    match (name, constants) {
        (ENUM, [column, ScalarValue::Boolean(Some(strict)), categories @ ..]) => {
            let column = column.try_as_str().flatten()?.to_owned();
            Some(ScalarUDF::new_from_impl(ToEnum::new(column, texts(categories)?, *strict)))
        }
        (PLACE, categories) => Some(ScalarUDF::new_from_impl(Place::new(texts(categories)?))),
        (AT, categories) => Some(ScalarUDF::new_from_impl(At::new(texts(categories)?))),
        (structs::NAME, []) => Some(ScalarUDF::new_from_impl(structs::StructOf::default())),
        _ => None,
    }
}
