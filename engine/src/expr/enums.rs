//! Enums in functions that mean nothing but numbers and texts for them: those that go by the order of values, or give some of
//! them, compute with the places of the categories, of which the result is made an Enum again.

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::scalar::ScalarValue;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::{categories, enum_at, enum_categories, enum_place, place_of, shown_type};
use gradframe_plan::names::suggest;

use super::functions::cast;
use super::resolve::shown;
use super::structure::{Mark, mark_of};
use crate::{Error, Result};

/// What a function does with Enums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// It gives values of its first argument; others are keys or numbers.
    Values,
    /// It says something of the order or the places of values.
    Order,
    /// It puts values of several arguments together; beside text they are text.
    Together { or_text: bool },
    /// It looks for values of one argument in another; a text that is no category is nowhere.
    Found,
}

const VALUES: &[&str] = &[
    "backward_fill",
    "bottom_k",
    "cum_max",
    "cum_min",
    "explode",
    "first",
    "forward_fill",
    "gather",
    "gather_every",
    "get",
    "implode",
    "item",
    "last",
    "list.drop_nulls",
    "list.gather",
    "list.gather_every",
    "list.get",
    "list.item",
    "list.max",
    "list.min",
    "list.reverse",
    "list.sample",
    "list.shift",
    "list.slice",
    "list.sort",
    "list.tail",
    "list.to_array",
    "list.unique",
    "arr.to_list",
    "max",
    "max_by",
    "min",
    "min_by",
    "mode",
    "nan_max",
    "nan_min",
    "over",
    "repeat",
    "repeat_by",
    "reshape",
    "reverse",
    "rle",
    "sample",
    "shuffle",
    "slice",
    "sort",
    "sort_by",
    "top_k",
    "unique",
    "value_counts",
];
const ORDER: &[&str] = &[
    "arg_max",
    "arg_min",
    "arg_sort",
    "arg_sort_by",
    "is_sorted",
    "list.arg_max",
    "list.arg_min",
    "list.n_unique",
    "peak_max",
    "peak_min",
    "rank",
];
const TOGETHER: &[&str] = &[
    "append",
    "concat_arr",
    "concat_list",
    "list.concat",
    "list.set_difference",
    "list.set_intersection",
    "list.set_symmetric_difference",
    "list.set_union",
    "shift",
];
const COMPARED: &[&str] = &["clip", "max_horizontal", "min_horizontal"];
const FOUND: &[&str] = &["index_of", "is_in", "list.contains", "list.count_matches", "search_sorted"];

fn meaning(name: &str) -> Option<Meaning> {
    let table = [
        (VALUES, Meaning::Values),
        (ORDER, Meaning::Order),
        (TOGETHER, Meaning::Together { or_text: true }),
        (COMPARED, Meaning::Together { or_text: false }),
        (FOUND, Meaning::Found),
    ];
    table.into_iter().find(|(names, _)| names.contains(&name)).map(|(_, meaning)| meaning)
}

/// The arguments of a call, Enums among them as places; and the categories of which the result is to be made.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) exprs: Vec<Expr>,
    restored: Option<Vec<String>>,
}

impl Placed {
    /// Arguments without Enums.
    pub(super) fn unchanged(exprs: Vec<Expr>) -> Self {
        Placed { exprs, restored: None }
    }

    /// The result of the call over these arguments.
    pub(super) fn restore(&self, result: Expr) -> Expr {
        match &self.restored {
            Some(categories) => within_marks(result, &|value| enum_at(value, categories.clone())),
            None => result,
        }
    }
}

/// The arguments of the function `name` over a schema. Errors: `DType` for Enums of different categories and for what no Enum is
/// put together with, `Plan` for a constant that is no category.
pub(super) fn placed(name: &str, exprs: Vec<Expr>, schema: &DFSchema) -> Result<Placed> {
    let Some(meaning) = meaning(name) else { return Ok(Placed::unchanged(exprs)) };
    let fields: Vec<Option<FieldRef>> = exprs.iter().map(|expr| field_of(expr, schema)).collect();
    let own: Vec<Option<Vec<String>>> = fields.iter().map(|field| field.as_deref().and_then(enum_categories)).collect();
    if own.iter().all(Option::is_none) {
        return Ok(Placed::unchanged(exprs));
    }
    let kinds = exprs.into_iter().zip(fields).collect::<Vec<_>>();
    match meaning {
        Meaning::Values | Meaning::Order => {
            let restored = own.first().cloned().flatten().filter(|_| meaning == Meaning::Values);
            let by_itself = |((expr, _), own): ((Expr, _), Option<Vec<String>>)| match own {
                Some(categories) => place(expr, categories),
                None => expr,
            };
            Ok(Placed { exprs: kinds.into_iter().zip(own).map(by_itself).collect(), restored })
        }
        Meaning::Together { or_text } => {
            let takes_numbers = name == "shift";
            let together = together(name, kinds, takes_numbers)?;
            match together {
                Together::Places { exprs, categories } => Ok(Placed { exprs, restored: Some(categories) }),
                Together::Texts(exprs) if or_text => Ok(Placed::unchanged(exprs)),
                Together::Texts(exprs) => {
                    let each: Vec<String> = exprs.iter().map(|expr| format!("`{}`", shown(expr))).collect();
                    let what = format!("{} are an Enum and text, which are not compared", each.join(" and "));
                    Err(Error::dtype(name, what).hint("cast one of them"))
                }
            }
        }
        Meaning::Found => found(name, kinds),
    }
}

/// Enums beside other values.
pub(super) enum Together {
    /// All of one Enum.
    Places { exprs: Vec<Expr>, categories: Vec<String> },
    /// All as text: one of them is a column of text.
    Texts(Vec<Expr>),
}

/// Values of which some are Enums, as those of one type. Constants that are categories become of the Enum.
pub(super) fn together(op: &str, values: Vec<(Expr, Option<FieldRef>)>, takes_numbers: bool) -> Result<Together> {
    let known = one_enum(op, &values)?;
    let is_column_of_text = |(expr, field): &(Expr, Option<FieldRef>)| {
        !matches!(expr, Expr::Literal(..))
            && field.as_deref().is_some_and(|field| enum_categories(field).is_none() && is_text(field))
    };
    if values.iter().any(is_column_of_text) {
        return Ok(Together::Texts(values.into_iter().map(|(expr, field)| as_text(expr, field.as_deref())).collect()));
    }
    let one = |(expr, field): (Expr, Option<FieldRef>)| match (&expr, field.as_deref()) {
        (_, Some(own)) if enum_categories(own).is_some() => Ok(place(expr, known.clone())),
        (Expr::Literal(constant, _), Some(own)) if is_text(own) => {
            place_of(constant, &known).map_err(from_datafusion)?.map(literal).map_err(|text| no_category(op, &text, &known))
        }
        (_, Some(own)) if own.data_type().is_null() || takes_numbers && own.data_type().is_numeric() => Ok(expr),
        (_, None) => Ok(expr),
        (_, Some(own)) => {
            let what = format!("`{}` is {}, expected an Enum or one of its categories", shown(&expr), shown_type(own));
            Err(Error::dtype(op, what).hint("cast one of them"))
        }
    };
    let exprs = values.into_iter().map(one).collect::<Result<Vec<_>>>()?;
    Ok(Together::Places { exprs, categories: known })
}

/// Looks for values by their places, or as text where one side is a column of text.
fn found(op: &str, values: Vec<(Expr, Option<FieldRef>)>) -> Result<Placed> {
    let known = one_enum(op, &values)?;
    let is_column_of_text = |(expr, field): &(Expr, Option<FieldRef>)| {
        !matches!(expr, Expr::Literal(..))
            && field.as_deref().is_some_and(|field| enum_categories(field).is_none() && is_text(field))
    };
    // Places in an order need the order of the categories.
    let by_order = op == "search_sorted";
    if let (true, Some((text, _))) = (by_order, values.iter().find(|value| is_column_of_text(value))) {
        let what = format!("`{}` is text beside an Enum, which are not compared", shown(text));
        return Err(Error::dtype(op, what).hint("cast one of them"));
    }
    if values.iter().any(is_column_of_text) {
        let exprs = values.into_iter().map(|(expr, field)| as_text(expr, field.as_deref())).collect();
        return Ok(Placed { exprs, restored: None });
    }
    let nowhere = ScalarValue::UInt32(Some(u32::MAX));
    let one = |(expr, field): (Expr, Option<FieldRef>)| match (&expr, field.as_deref()) {
        (_, Some(own)) if enum_categories(own).is_some() => Ok(place(expr, known.clone())),
        (Expr::Literal(constant, _), Some(own)) if is_text(own) => match place_of(constant, &known).map_err(from_datafusion)? {
            Err(text) if by_order => Err(no_category(op, &text, &known)),
            place => Ok(literal(place.unwrap_or_else(|_| nowhere.clone()))),
        },
        (_, Some(own)) if !(own.data_type().is_null() || *own.data_type() == DataType::Boolean) => {
            let what = format!("`{}` is {}, expected an Enum or its categories as text", shown(&expr), shown_type(own));
            Err(Error::dtype(op, what).hint("cast one of them"))
        }
        _ => Ok(expr),
    };
    Ok(Placed { exprs: values.into_iter().map(one).collect::<Result<_>>()?, restored: None })
}

/// The categories of all Enums among values. Errors: `DType` if they have different ones.
fn one_enum(op: &str, values: &[(Expr, Option<FieldRef>)]) -> Result<Vec<String>> {
    let mut known: Option<(&Expr, Vec<String>)> = None;
    for (expr, field) in values {
        let Some(own) = field.as_deref().and_then(enum_categories) else { continue };
        match &known {
            Some((other, categories)) if *categories != own => {
                let what = format!("`{}` and `{}` are Enums of different categories", shown(other), shown(expr));
                return Err(Error::dtype(op, what).hint("cast both to text, or to one Enum"));
            }
            Some(_) => {}
            None => known = Some((expr, own)),
        }
    }
    known.map(|(_, categories)| categories).ok_or_else(|| Error::internal(op, "asked for the categories of what is no Enum"))
}

fn no_category(op: &str, text: &str, known: &[String]) -> Error {
    let hint = suggest(text, known.iter().map(String::as_str));
    Error::plan(op, format!("'{text}' is none of the Enum's categories")).hint(hint)
}

fn literal(value: ScalarValue) -> Expr {
    Expr::Literal(value, None)
}

/// The field of an expression, where it has one yet.
pub(super) fn field_of(expr: &Expr, schema: &DFSchema) -> Option<FieldRef> {
    super::resolve::field_of(expr, schema).ok()
}

fn is_text(field: &Field) -> bool {
    is_text_type(field.data_type())
}

/// Text or categories, in a list too.
fn is_text_type(own: &DataType) -> bool {
    match own {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => is_text_type(item.data_type()),
        DataType::Dictionary(_, values) => values.is_string(),
        own => own.is_string(),
    }
}

/// Categories as text, in lists too.
fn as_text(expr: Expr, field: Option<&Field>) -> Expr {
    fn text_of(own: &DataType) -> Option<DataType> {
        match own {
            DataType::Dictionary(_, values) if values.is_string() => Some(DataType::Utf8),
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                Some(DataType::new_list(text_of(item.data_type())?, true))
            }
            _ => None,
        }
    }
    match field.and_then(|field| text_of(field.data_type())) {
        Some(text) => cast(expr, text),
        None => expr,
    }
}

/// The places of an Enum's values.
fn place(value: Expr, categories: Vec<String>) -> Expr {
    within_marks(value, &|value| enum_place(value, categories.clone()))
}

/// What is computed of each value stands within the marks that say which rows there are, or whose.
fn within_marks(expr: Expr, computed: &dyn Fn(Expr) -> Expr) -> Expr {
    match expr {
        Expr::ScalarFunction(mut function) if passes_values(&function) => {
            let value = std::mem::take(&mut function.args[0]);
            function.args[0] = within_marks(value, computed);
            Expr::ScalarFunction(function)
        }
        other => computed(other),
    }
}

fn passes_values(function: &ScalarFunction) -> bool {
    !function.args.is_empty() && matches!(mark_of(function), Some(Mark::Keep | Mark::Items | Mark::Over { .. }))
}

/// Whether a field is of an Enum.
pub fn is_enum(field: &Field) -> bool {
    categories(field).is_some()
}

/// An Enum whose field has lost its metadata, or lists of one.
pub(crate) fn as_enum(value: Expr, categories: Vec<String>) -> Expr {
    enum_at(enum_place(value, categories.clone()), categories)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_that_goes_by_places_is_there_and_once() {
        let all: Vec<&str> = [VALUES, ORDER, TOGETHER, COMPARED, FOUND].concat();
        for (at, name) in all.iter().enumerate() {
            assert!(super::super::table::row(name).is_some(), "{name}");
            assert!(!all[..at].contains(name), "{name}");
        }
    }
}
