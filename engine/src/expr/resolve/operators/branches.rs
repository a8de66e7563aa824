//! Values of which one is taken, by a condition or because it is not null: they have one type.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::type_coercion::other::get_coerce_type_for_case_expression;

use super::super::names::shown;
use super::kind::Kind;
use super::numbers::{cast_to, common_number};
use super::{CAST, require_condition, type_of};
use crate::{Error, Result};
use gradframe_plan::names::type_name;

/// A case whose conditions are conditions, and whose values have their common type: until a plan is analysed, DataFusion
/// takes the first value's for the whole.
pub(super) fn of_case(mut case: Case, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if case.expr.is_none() {
        for (condition, _) in &case.when_then_expr {
            require_condition("when", condition, schema)?;
        }
    }
    let values = case.when_then_expr.iter_mut().map(|(_, then)| then.as_mut());
    let values = values.chain(case.else_expr.iter_mut().map(AsMut::as_mut)).collect();
    let changed = of_one_type("when", values, schema)?;
    Ok(Transformed::new_transformed(Expr::Case(case), changed))
}

/// The first value that is not null.
pub(super) fn of_coalesce(mut function: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let changed = of_one_type("coalesce", function.args.iter_mut().collect(), schema)?;
    Ok(Transformed::new_transformed(Expr::ScalarFunction(function), changed))
}

/// Casts the values to their common type; whether one had another. Errors: `DType` where there is none; a date that is to be a
/// number has none.
fn of_one_type(op: &str, values: Vec<&mut Expr>, schema: &DFSchema) -> Result<bool> {
    let types = values.iter().map(|value| type_of(value, schema)).collect::<Result<Vec<_>>>()?;
    let known: Vec<(&Expr, &DataType)> =
        values.iter().map(|value| &**value).zip(&types).filter(|(_, own)| !own.is_null()).collect();
    if known.windows(2).all(|pair| pair[0].1 == pair[1].1) {
        return Ok(false);
    }
    let numbers = known.iter().all(|(_, own)| Kind::of(own).is_number()).then(|| common_number(&known)).flatten();
    let own: Vec<DataType> = known.iter().map(|(_, own)| (*own).clone()).collect();
    let is_any = |of: fn(Kind) -> bool| own.iter().any(|own| of(Kind::of(own)));
    let mixed = is_any(Kind::is_moment) && is_any(Kind::is_number);
    let common = numbers.or_else(|| get_coerce_type_for_case_expression(&own, None)).filter(|_| !mixed);
    let Some(common) = common else { return Err(without_common_type(op, &known)) };
    for (value, own) in values.into_iter().zip(&types).filter(|(_, own)| !own.is_null() && **own != common) {
        *value = cast_to(std::mem::take(value), own, &common);
    }
    Ok(true)
}

fn without_common_type(op: &str, values: &[(&Expr, &DataType)]) -> Error {
    let each: Vec<String> =
        values.iter().map(|(value, own)| format!("`{}` is {own}", shown(value), own = type_name(own))).collect();
    Error::dtype(op, format!("{}, which have no common type", each.join(" and "))).hint(CAST)
}
