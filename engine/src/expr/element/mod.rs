//! Expressions over the elements of lists: `list.eval`, `list.agg`, `list.filter`.
//!
//! Inside, [`element`] is a column of one list's elements. What looks at one element by itself is computed over those of all lists
//! at once; anything else is a query of groups, a group for each list.

mod function;
mod lists;
mod program;
mod words;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::Expr;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::column::window;
use gradframe_plan::functions::{enum_at, enum_place};

use self::function::{Gives, over_elements};
use self::program::{Computed, Program};
use super::call::{Call, Constants};
use super::functions::windows::rows_in_order;
use super::table::FunctionRow;
use super::{Constant, as_enum, col, lit, resolve, structure, table, when};
use crate::{Error, Result};
use gradframe_plan::names::type_name;

pub(crate) use self::function::word;
pub(crate) use self::words::named;

/// The column of elements.
pub(crate) const ELEMENT: &str = "__element";

/// An element of the list over which `list.eval` and its kin compute.
///
/// ```
/// use gradframe::{Session, expr::{element, prelude::*}};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT [3, 1, 2] AS scores"))?;
/// let made = frame.select([
///     col("scores").list().eval(element() * lit(10)).alias("tenfold"),
///     col("scores").list().filter(element().gt(lit(1))).alias("large"),
///     col("scores").list().agg(element().max() - element().min()).alias("span"),
/// ])?;
/// let spans = made.filter(col("span").eq(lit(2)))?;
/// assert_eq!(session.block_on(spans.count())?, 1);
/// # Ok::<(), gradframe::Error>(())
/// ```
pub fn element() -> Expr {
    col(ELEMENT)
}

/// Whether an expression has elements in it, and no other column.
pub(crate) fn of_element(expr: &Expr) -> bool {
    let names = resolve::root_names(expr);
    !names.is_empty() && names.iter().all(|name| name == ELEMENT)
}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::new("element", |_| Ok(element())),
    FunctionRow::typed("list.eval", |call| evaluated(call, Gives::Lists)),
    FunctionRow::typed("arr.eval", |call| {
        let DataType::FixedSizeList(_, width) = call.first_type()? else { return evaluated(call, Gives::Lists) };
        let lists = evaluated(call, Gives::Lists)?;
        Ok(gradframe_plan::functions::frame::call("list.to_array", vec![lists, lit(i64::from(width))]))
    }),
    FunctionRow::typed("list.agg", |call| evaluated(call, Gives::Values)),
    FunctionRow::typed("list.filter", |call| evaluated(call, Gives::Filtered)),
    FunctionRow::typed("cumulative_eval", cumulative),
];

/// A deferred call of one of these, for the methods of namespaces.
pub(super) fn deferred(name: &'static str, list: Expr, inner: Expr) -> Expr {
    let constants = Constants::from([("expr".to_owned(), Constant::Expr(Box::new(inner)))]);
    super::deferred::deferred(name, vec![list], constants)
}

fn evaluated(call: &mut Call, gives: Gives) -> Result<Expr> {
    let list = call.expr("the list")?;
    let inner = call.inner("expr")?;
    match call.categories(&list) {
        Some(categories) => of_enums(call, list, &inner, categories, gives),
        None => over_list(call, list, inner, gives),
    }
}

/// Over Enums: the elements are places among the categories, of which the expression sees Enums.
fn of_enums(call: &Call, list: Expr, inner: &Expr, categories: Vec<String>, gives: Gives) -> Result<Expr> {
    let seen = inner.clone().transform_up(|node| {
        let is_element = node == element();
        Ok(if is_element { Transformed::yes(enum_at(node, categories.clone())) } else { Transformed::no(node) })
    });
    let seen = seen.map_err(from_datafusion)?.data;
    let places = Schema::new(vec![Field::new(ELEMENT, DataType::UInt32, true)]);
    let schema = DFSchema::try_from(places).map_err(from_datafusion)?;
    let kind = match gives {
        Gives::Filtered => None,
        _ => resolve::typed(call.name(), vec![seen.clone()], &schema, &schema)?.pop().and_then(|named| named.categories),
    };
    let made = over_list(call, enum_place(list, categories.clone()), seen, gives)?;
    Ok(match (gives, kind) {
        (Gives::Filtered, _) => enum_at(made, categories),
        (_, Some(kind)) => as_enum(made, kind),
        (_, None) => made,
    })
}

fn over_list(call: &Call, list: Expr, inner: Expr, gives: Gives) -> Result<Expr> {
    let data_type = call.type_of(&list)?;
    let Some(element) = element_type(&data_type) else {
        return Err(Error::dtype(
            call.name(),
            format!("`{}` is {data_type}, expected a list", resolve::shown(&list), data_type = type_name(&data_type)),
        ));
    };
    // Of elements that are nothing but nulls, functions of numbers have something to say.
    let element = if element.is_null() { DataType::Int64 } else { element };
    let inner = if gives == Gives::Filtered { only_where(call, inner, &element)? } else { inner };
    Ok(over_elements(Program::new(table_name(call)?, inner, element)?, gives, list))
}

fn table_name(call: &Call) -> Result<&'static str> {
    table::row(call.name()).map(|row| row.name).ok_or_else(|| Error::internal("element", "left the table of functions"))
}

fn element_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item.data_type().clone()),
        DataType::Null => Some(DataType::Null),
        _ => None,
    }
}

/// The elements for which a condition is true. Errors: `DType` for what is no condition.
fn only_where(call: &Call, predicate: Expr, element_type: &DataType) -> Result<Expr> {
    let condition = Program::new(table_name(call)?, predicate.clone(), element_type.clone())?;
    if !matches!(condition.data_type, DataType::Boolean | DataType::Null) {
        let what = format!("`{}` is {}, expected true or false", resolve::shown(&predicate), type_name(&condition.data_type));
        return Err(Error::dtype(call.name(), what));
    }
    Ok(structure::keep(element(), predicate))
}

/// The value of an expression over the rows so far.
fn cumulative(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let inner = call.inner("expr")?;
    let least = call.optional_count("min_samples")?.unwrap_or(1);
    let own = call.type_of(&value)?;
    let program = Program::new(table_name(call)?, inner, own)?;
    if !program.is_value() {
        return Err(call.wrong("the expression must give one value for the rows so far").hint("take an aggregate of it"));
    }
    let so_far = rows_in_order(window("rows_so_far", vec![value.clone()], vec![]));
    let computed = over_elements(program, Gives::Values, so_far);
    let present = super::functions::windows::so_far(datafusion::functions_aggregate::expr_fn::count(value), false)?;
    Ok(when(present.gt_eq(lit(least as i64))).then(computed).end())
}
