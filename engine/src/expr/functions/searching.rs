//! Where values would stand in a column that is in order.

use arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn as aggregate_fn;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use gradframe_plan::functions::column::window;
use gradframe_plan::names::type_name;

use super::super::call::Call;
use super::super::lit;
use super::super::resolve::{cast_to, common_moment, common_number, require_comparable, shown, widest_number};
use super::super::structure::length;
use super::super::table::FunctionRow;
use super::ordering::is_one_value;
use super::windows::rows_in_order;
use crate::{Error, Result};

pub(super) const TABLE: &[FunctionRow] = &[FunctionRow::typed("search_sorted", search_sorted)];

/// How many values come before the element, or each of them. Nulls are all before the values or all after them, as the first one says.
fn search_sorted(call: &mut Call) -> Result<Expr> {
    let (value, element) = (call.expr("the expression")?, call.expr("the element")?);
    let descending = call.flag("descending", false)?;
    let right = call.choice("side", &[("any", false), ("left", false), ("right", true)])?;
    if !is_one_value(&element) {
        let both = comparable(call, value, element)?;
        return Ok(rows_in_order(window("places_among", both, vec![descending.into(), right.into()])));
    }
    let before = match (descending, right) {
        (false, false) => value.clone().lt(element.clone()),
        (false, true) => value.clone().lt_eq(element.clone()),
        (true, false) => value.clone().gt(element.clone()),
        (true, true) => value.clone().gt_eq(element.clone()),
    };
    let count = |condition: Expr| aggregate_fn::count(super::super::when(condition).then(lit(true)).end());
    let nulls = || count(value.clone().is_null());
    let nulls_first = || super::first(value.clone()).is_null();
    let (of_null_first, of_null_last) =
        if right { (nulls(), length(value.clone())) } else { (lit(0_i64), aggregate_fn::count(value.clone())) };
    let all_before = nulls_first().or(nulls().eq(lit(0_i64)));
    let of_null = super::super::when(all_before).then(of_null_first).otherwise(of_null_last);
    let skipped = super::super::when(nulls_first()).then(nulls()).otherwise(lit(0_i64));
    let of_value = count(before) + skipped;
    Ok(match element {
        Expr::Literal(constant, _) if !constant.is_null() => of_value,
        element => super::super::when(element.is_null()).then(of_null).otherwise(of_value),
    })
}

/// Both in the type in which they are compared. Errors: `DType` for what cannot be compared.
fn comparable(call: &Call, value: Expr, element: Expr) -> Result<Vec<Expr>> {
    let (own, theirs) = (call.type_of(&value)?, call.type_of(&element)?);
    require_comparable(&value, &own, &element, &theirs)?;
    let known: Vec<(&Expr, &DataType)> =
        [(&value, &own), (&element, &theirs)].into_iter().filter(|(_, own)| !own.is_null()).collect();
    let types = [own.clone(), theirs.clone()];
    let are_numbers = widest_number(known.iter().map(|(_, own)| *own)).is_some();
    let number = are_numbers.then(|| common_number(&known)).flatten();
    let common = number.or_else(|| common_moment(&types)).or_else(|| comparison_coercion(&own, &theirs));
    let Some(common) = common.filter(|_| known.len() < 2 || is_time(&own) == is_time(&theirs)) else {
        let (own, theirs) = (type_name(&own), type_name(&theirs));
        let what = format!("`{}` is {own} and `{}` is {theirs}, which cannot be compared", shown(&value), shown(&element));
        return Err(Error::dtype(call.name(), what).hint("cast one of them"));
    };
    Ok(vec![cast_to(value, &own, &common), cast_to(element, &theirs, &common)])
}

/// A time of day, which has no date.
fn is_time(own: &DataType) -> bool {
    matches!(own, DataType::Time32(_) | DataType::Time64(_))
}
