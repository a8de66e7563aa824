//! Arithmetic of lists and arrays, item by item, and of structs, field by field.

use arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::functions::core::expr_fn::{get_field, named_struct};
use datafusion::logical_expr::{Expr, ExprSchemable, cast, lit, when};
use gradframe_exec::rules::as_in_plans;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::{ItemArg, OfItems, item_column, over_items};

use super::super::types::resolve_types;
use super::{Kind, Typed};
use crate::Result;

/// An operation of two values.
pub(crate) type Operation<'a> = &'a dyn Fn(Expr, Expr) -> Expr;

/// The operation where a side is a list, an array or a struct of numbers; None where it means nothing: for other sides, and for
/// arrays or structs of different widths. A side that is a single value goes with each item or field. Null where a side is null.
/// Errors: those of the operation; when run, `Execution` for lists of a row that differ in length.
pub(crate) fn computed(left: Typed, right: Typed, schema: &DFSchema, operation: Operation<'_>) -> Result<Option<Expr>> {
    let is_struct = |own: &DataType| matches!(own, DataType::Struct(_));
    if is_struct(&left.1) || is_struct(&right.1) {
        return by_field(&left, &right, schema, operation);
    }
    by_item(left, right, operation)
}

fn item(list: &DataType) -> Option<&DataType> {
    match list {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item.data_type()),
        _ => None,
    }
}

fn is_number(data_type: &DataType) -> bool {
    matches!(Kind::of(data_type), Kind::Boolean | Kind::Integer | Kind::Float | Kind::Null)
}

/// The width that the result has: that of the arrays among the sides. Err for two of them that differ.
fn width(left: &DataType, right: &DataType) -> std::result::Result<Option<i32>, ()> {
    match (left, right) {
        (DataType::FixedSizeList(_, own), DataType::FixedSizeList(_, other)) if own != other => Err(()),
        (DataType::FixedSizeList(_, own), other) | (other, DataType::FixedSizeList(_, own)) => {
            if matches!(other, DataType::List(_) | DataType::LargeList(_)) { Ok(None) } else { Ok(Some(*own)) }
        }
        _ => Ok(None),
    }
}

fn by_item(left: Typed, right: Typed, operation: Operation<'_>) -> Result<Option<Expr>> {
    let numbers = [&left.1, &right.1].map(|own| is_number(item(own).unwrap_or(own)));
    let Ok(width) = width(&left.1, &right.1) else { return Ok(None) };
    if numbers.contains(&false) || item(&left.1).or(item(&right.1)).is_none() {
        return Ok(None);
    }
    let nulls = [&left, &right].into_iter().filter(|(_, own)| item(own).is_some()).map(|(side, _)| side.clone().is_null());
    let nulls = nulls.reduce(Expr::or).unwrap_or_else(|| lit(false));
    let both = item(&left.1).is_some() && item(&right.1).is_some();
    let (mut args, mut fields) = (vec![], vec![]);
    let mut sides = vec![];
    for (side, own) in [left, right] {
        if matches!(side, Expr::Literal(..)) && item(&own).is_none() {
            sides.push(side);
            continue;
        }
        fields.push(Field::new(format!("__item_{}", args.len()), item(&own).unwrap_or(&own).clone(), true));
        sides.push(item_column(args.len()));
        // A null has no items, and would differ in length from the list beside it.
        let is_list = item(&own).is_some();
        let value = if both { none_where(nulls.clone(), side, &own)? } else { side };
        args.push(ItemArg { value, is_list });
    }
    let items = DFSchema::try_from(Schema::new(fields)).map_err(from_datafusion)?;
    let (right, left) = (sides.pop().unwrap_or_default(), sides.pop().unwrap_or_default());
    let each = resolve_types(operation(left, right), &items)?;
    let result = DataType::new_list(each.get_type(&items).map_err(from_datafusion)?, true);
    let lists = none_where(nulls, over_items(OfItems::Each, each, args, as_in_plans), &result)?;
    Ok(Some(match (width, result) {
        (Some(width), DataType::List(item)) => cast(lists, DataType::FixedSizeList(item, width)),
        _ => lists,
    }))
}

/// The value, null where a condition is true.
fn none_where(condition: Expr, value: Expr, own: &DataType) -> Result<Expr> {
    let null = Expr::Literal(ScalarValue::try_new_null(own).map_err(from_datafusion)?, None);
    when(condition, null).otherwise(value).map_err(from_datafusion)
}

/// Fields by their place; the result has the names of the left struct.
fn by_field(left: &Typed, right: &Typed, schema: &DFSchema, operation: Operation<'_>) -> Result<Option<Expr>> {
    let fields = |own: &DataType| match own {
        DataType::Struct(fields) => Some(fields.clone()),
        _ => None,
    };
    let (own, other) = (fields(&left.1), fields(&right.1));
    let Some(names) = own.clone().or_else(|| other.clone()) else { return Ok(None) };
    let numeric = |fields: &Option<Fields>, own: &DataType| match fields {
        Some(fields) => fields.len() == names.len() && fields.iter().all(|field| is_number(field.data_type())),
        None => is_number(own),
    };
    if !numeric(&own, &left.1) || !numeric(&other, &right.1) {
        return Ok(None);
    }
    let part = |side: &Typed, fields: &Option<Fields>, at: usize| match fields {
        Some(fields) => get_field(side.0.clone(), fields[at].name().clone()),
        None => side.0.clone(),
    };
    let mut parts = vec![];
    for (at, name) in names.iter().enumerate() {
        let computed = operation(part(left, &own, at), part(right, &other, at));
        parts.extend([lit(name.name().clone()), resolve_types(computed, schema)?]);
    }
    let structs = named_struct(parts);
    let nulls = [(left, &own), (right, &other)].into_iter().filter(|(_, fields)| fields.is_some());
    let nulls = nulls.map(|((side, _), _)| side.clone().is_null()).reduce(Expr::or).unwrap_or_else(|| lit(false));
    let result = structs.get_type(schema).map_err(from_datafusion)?;
    none_where(nulls, structs, &result).map(Some)
}
