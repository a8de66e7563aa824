//! Functions of several columns, row by row.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::functions::core::expr_fn as core_fn;
use datafusion::functions::string::expr_fn as string_fn;
use datafusion::functions_nested::expr_fn as nested_fn;
use datafusion::logical_expr::{Expr, lit as literal};
use datafusion::scalar::ScalarValue;

use super::super::call::Call;
use super::super::depth::reduced;
use super::super::resolve::{cast_to, common_number, output_name, shown, widest_number};
use super::super::structure::items;
use super::super::table::{FunctionRow, Takes};
use super::super::{lit, when};
use super::windows::rows_in_order;
use super::{cast, coalesce};
use crate::Result;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names::type_name;

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::typed("sum_horizontal", |call| {
        let exprs = counted(call)?;
        let ignore = call.flag("ignore_nulls", true)?;
        let zero = |expr: Expr| if ignore { coalesce([expr, lit(0_i64)]) } else { expr };
        folded(call, exprs.into_iter().map(zero).collect(), |left, right| left + right)
    })
    .takes(Takes::Numbers)
    .spread(0),
    FunctionRow::typed("mean_horizontal", mean_horizontal).takes(Takes::Numbers).spread(0),
    FunctionRow::typed("min_horizontal", |call| extreme(call, core_fn::least)).spread(0),
    FunctionRow::typed("max_horizontal", |call| extreme(call, core_fn::greatest)).spread(0),
    FunctionRow::new("any_horizontal", |call| {
        let exprs = call.rest();
        folded(call, exprs, Expr::or)
    })
    .spread(0),
    FunctionRow::new("all_horizontal", |call| {
        let exprs = call.rest();
        folded(call, exprs, Expr::and)
    })
    .spread(0),
    FunctionRow::typed("concat_str", concat_str).spread(0),
    FunctionRow::new("struct", |call| {
        let fields = call.rest().into_iter().flat_map(|expr| [literal(output_name(&expr)), expr.unalias()]);
        Ok(core_fn::named_struct(fields.collect()))
    })
    .spread(0),
    FunctionRow::typed("concat_list", |call| {
        let mut lists = lists(call)?;
        if lists.len() == 1 {
            return Ok(lists.swap_remove(0));
        }
        let any_null = any_null(&lists).unwrap_or_else(|| lit(false));
        let together = nested_fn::array_concat(lists);
        Ok(when(!any_null).then(together).end())
    })
    .spread(0),
    FunctionRow::typed("concat_arr", concat_arr).spread(0),
    FunctionRow::new("fold", folded_by).spread(1),
    FunctionRow::new("reduce", folded_by).spread(0),
    FunctionRow::new("cum_fold", |call| {
        let include_init = call.flag("include_init", false)?;
        steps(call, include_init)
    })
    .spread(1),
    FunctionRow::new("cum_reduce", |call| steps(call, true)).spread(0),
    FunctionRow::typed("repeat_by", |call| {
        let (value, times) = (call.expr("the expression")?, call.expr("the number")?);
        Ok(nested_fn::array_repeat(value, cast(times, DataType::Int64)))
    }),
    FunctionRow::typed("row_index", |_| Ok(row_index())),
    FunctionRow::typed("int_range", |call| {
        let (start, end) = (call.expr("the start")?, call.expr("the end")?);
        let step = call.optional_int("step")?.unwrap_or(1);
        if step == 0 {
            return Err(call.wrong("`step` is 0"));
        }
        if is_row_count(&end) && matches!(&start, Expr::Literal(value, _) if *value == ScalarValue::from(0_i64)) && step == 1 {
            return Ok(row_index());
        }
        Ok(items(range(start, end, step)))
    }),
    FunctionRow::typed("int_ranges", |call| {
        let (start, end) = (call.expr("the start")?, call.expr("the end")?);
        Ok(range(start, end, call.optional_int("step")?.unwrap_or(1)))
    }),
    FunctionRow::typed("repeat", |call| {
        let (value, times) = (call.expr("the value")?, call.expr("the number")?);
        Ok(items(nested_fn::array_repeat(value, cast(times, DataType::Int64))))
    }),
];

/// The columns that stand in a function of two for what was computed so far, and for the next column.
const SO_FAR: &str = "__so_far";
const NEXT: &str = "__next";

/// What a function of two makes of the first expression and the others, one after the other.
fn folded_by(call: &mut Call) -> Result<Expr> {
    let (first, others, function) = to_fold(call)?;
    others.into_iter().try_fold(first.unalias(), |so_far, next| applied(&function, &so_far, &next.unalias()))
}

/// The same after each of them, as fields of a struct that are named as they are; the first by itself too, if it is one of them.
fn steps(call: &mut Call, with_first: bool) -> Result<Expr> {
    let (first, others, function) = to_fold(call)?;
    let name_of = |expr: &Expr| literal(output_name(expr));
    let mut fields = if with_first { vec![name_of(&first), first.clone().unalias()] } else { vec![] };
    let mut so_far = first.unalias();
    for next in others {
        let name = name_of(&next);
        so_far = applied(&function, &so_far, &next.unalias())?;
        fields.extend([name, so_far.clone()]);
    }
    Ok(core_fn::named_struct(fields))
}

fn to_fold(call: &mut Call) -> Result<(Expr, Vec<Expr>, Expr)> {
    let function = call.inner("function")?;
    let mut parts = call.rest().into_iter();
    let first = parts.next().ok_or_else(|| call.wrong("got no column, expected at least one"))?;
    Ok((first, parts.collect(), function))
}

fn applied(function: &Expr, so_far: &Expr, next: &Expr) -> Result<Expr> {
    let filled = function.clone().transform_up(|node| {
        let argument = match &node {
            Expr::Column(column) if column.name == SO_FAR => Some(so_far),
            Expr::Column(column) if column.name == NEXT => Some(next),
            _ => None,
        };
        Ok(argument.map_or_else(|| Transformed::no(node.clone()), |argument| Transformed::yes(argument.clone())))
    });
    Ok(filled.map_err(from_datafusion)?.data)
}

/// Each value and list as a list; numbers in the type that holds all of them.
fn lists(call: &mut Call) -> Result<Vec<Expr>> {
    let exprs = call.rest();
    require_alike(call, &exprs)?;
    let types = exprs.iter().map(|expr| call.type_of(expr)).collect::<Result<Vec<_>>>()?;
    let number = widest_number(types.iter().map(item_of).filter(|item| !item.is_null()));
    let list = |(expr, own): (Expr, &DataType)| match (own, &number) {
        // A column of nothing but nulls has no type that an array could be made of.
        (DataType::Null, None) => nested_fn::make_array(vec![cast(expr, DataType::Boolean)]),
        (own, Some(number)) if !is_list(own) => nested_fn::make_array(vec![cast_to(expr, own, number)]),
        (own, Some(number)) => cast_to(expr, own, &DataType::new_list(number.clone(), true)),
        (DataType::LargeList(item) | DataType::FixedSizeList(item, _), None) => cast(expr, DataType::List(item.clone())),
        (own, None) if is_list(own) => expr,
        _ => nested_fn::make_array(vec![expr]),
    };
    Ok(exprs.into_iter().zip(&types).map(list).collect())
}

fn is_list(own: &DataType) -> bool {
    matches!(own, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..))
}

fn item_of(own: &DataType) -> &DataType {
    match own {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => item.data_type(),
        own => own,
    }
}

/// Values and arrays one after another, as an array of all their lengths together; null where an array is.
fn concat_arr(call: &mut Call) -> Result<Expr> {
    let exprs = call.rest();
    require_alike(call, &exprs)?;
    let (mut width, mut item, mut arrays, mut parts) = (0_i32, None, vec![], vec![]);
    for expr in exprs {
        let own = call.type_of(&expr)?;
        let (length, own_item) = match &own {
            DataType::FixedSizeList(item, length) => (*length, item.data_type().clone()),
            own if own.is_nested() => {
                let what = format!("`{}` is {own}, expected arrays or values", shown(&expr));
                return Err(crate::Error::dtype(call.name(), what).hint("concat_list takes lists"));
            }
            own => (1, own.clone()),
        };
        let expected = item.get_or_insert_with(|| own_item.clone());
        if *expected != own_item {
            let what = format!("`{}` is {own}, expected {expected} or arrays of it as the first", shown(&expr));
            return Err(crate::Error::dtype(call.name(), what).hint("cast it first"));
        }
        width = width.saturating_add(length);
        let is_array = matches!(own, DataType::FixedSizeList(..));
        arrays.extend(is_array.then(|| expr.clone()));
        parts.push(if is_array { cast(expr, DataType::new_list(own_item, true)) } else { nested_fn::make_array(vec![expr]) });
    }
    let Some(item) = item else { return Err(call.wrong("got no column, expected at least one")) };
    let together = if parts.len() == 1 { parts.swap_remove(0) } else { nested_fn::array_concat(parts) };
    let array = cast(together, DataType::new_fixed_size_list(item, width, true));
    match any_null(&arrays) {
        Some(any_null) => Ok(when(!any_null).then(array).end()),
        None => Ok(array),
    }
}

/// The number of the row, from 0.
fn row_index() -> Expr {
    let number = rows_in_order(datafusion::functions_window::expr_fn::row_number());
    cast(number, DataType::Int64) - lit(1_i64)
}

/// `len()`
fn is_row_count(expr: &Expr) -> bool {
    *expr == super::len() || *expr == super::len().unalias()
}

fn range(start: Expr, end: Expr, step: i64) -> Expr {
    nested_fn::range(cast(start, DataType::Int64), cast(end, DataType::Int64), lit(step))
}

/// Booleans count as 0 and 1.
fn counted(call: &mut Call) -> Result<Vec<Expr>> {
    let exprs = call.rest();
    let number = |expr: Expr| Ok(if call.type_of(&expr)? == DataType::Boolean { cast(expr, DataType::Int64) } else { expr });
    exprs.into_iter().map(number).collect()
}

fn folded(call: &Call, exprs: Vec<Expr>, fold: fn(Expr, Expr) -> Expr) -> Result<Expr> {
    reduced(exprs, fold).ok_or_else(|| call.wrong("got no column, expected at least one"))
}

fn any_null(exprs: &[Expr]) -> Option<Expr> {
    reduced(exprs.iter().cloned().map(Expr::is_null), Expr::or)
}

/// Of the values of a row that are not null.
fn mean_horizontal(call: &mut Call) -> Result<Expr> {
    let exprs: Vec<Expr> = counted(call)?.into_iter().map(|expr| cast(expr, DataType::Float64)).collect();
    if !call.flag("ignore_nulls", true)? {
        let n = exprs.len() as f64;
        return Ok(folded(call, exprs, |left, right| left + right)? / lit(n));
    }
    let present = |expr: &Expr| cast(expr.clone().is_not_null(), DataType::Int64);
    let count = folded(call, exprs.iter().map(present).collect(), |left, right| left + right)?;
    let sum = folded(call, exprs.into_iter().map(|expr| coalesce([expr, lit(0.0)])).collect(), |left, right| left + right)?;
    Ok(when(count.clone().gt(lit(0_i64))).then(sum / cast(count, DataType::Float64)).end())
}

/// Errors: `DType` for texts beside what is none.
fn require_alike(call: &Call, exprs: &[Expr]) -> Result<()> {
    let mut texts = vec![];
    for expr in exprs {
        let own = call.type_of(expr)?;
        let is_text = match &own {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => item.data_type().is_string(),
            own => own.is_string() || matches!(own, DataType::Dictionary(_, values) if values.is_string()),
        };
        texts.extend((!own.is_null()).then_some((is_text, shown(expr), own)));
    }
    let Some((first, others)) = texts.split_first() else { return Ok(()) };
    let Some(other) = others.iter().find(|other| other.0 != first.0) else { return Ok(()) };
    let what = format!(
        "`{}` is {} and `{}` is {}, expected types that go together",
        first.1,
        type_name(&first.2),
        other.1,
        type_name(&other.2)
    );
    Err(crate::Error::dtype(call.name(), what).hint("cast one of them"))
}

/// Numbers in the type that holds all of them; other values as they are.
fn of_one_number(call: &Call, exprs: Vec<Expr>) -> Result<Vec<Expr>> {
    let types = exprs.iter().map(|expr| call.type_of(expr)).collect::<Result<Vec<_>>>()?;
    let known: Vec<_> = exprs.iter().zip(&types).filter(|(_, own)| !own.is_null()).collect();
    let are_numbers = widest_number(known.iter().map(|(_, own)| *own)).is_some();
    let Some(common) = are_numbers.then(|| common_number(&known)).flatten() else { return Ok(exprs) };
    Ok(exprs.into_iter().zip(&types).map(|(expr, own)| cast_to(expr, own, &common)).collect())
}

/// A NaN is no extreme, unless there is nothing else.
fn extreme(call: &mut Call, extreme: fn(Vec<Expr>) -> Expr) -> Result<Expr> {
    let exprs = call.rest();
    if exprs.is_empty() {
        return Err(call.wrong("got no column, expected at least one"));
    }
    require_alike(call, &exprs)?;
    let exprs = of_one_number(call, exprs)?;
    let is_nan = datafusion::functions::math::expr_fn::isnan;
    let mut numbers = vec![];
    for expr in &exprs {
        let is_float = call.type_of(expr)?.is_floating();
        numbers.push(if is_float { when(is_nan(expr.clone()).is_not_true()).then(expr.clone()).end() } else { expr.clone() });
    }
    Ok(if numbers == exprs { extreme(exprs) } else { coalesce([extreme(numbers), extreme(exprs)]) })
}

/// Null where a part is null, unless nulls are ignored.
fn concat_str(call: &mut Call) -> Result<Expr> {
    let parts = call.rest().into_iter().map(|expr| super::replacing::as_text(call, expr.unalias()));
    let exprs = parts.collect::<Result<Vec<Expr>>>()?;
    let separator = call.optional_text("separator")?.unwrap_or_default();
    let any_null = any_null(&exprs).ok_or_else(|| call.wrong("got no column, expected at least one"))?;
    let together = string_fn::concat_ws(lit(separator), exprs);
    Ok(if call.flag("ignore_nulls", false)? { together } else { when(!any_null).then(together).end() })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_number_of_rows_is_known_when_seen() {
        assert!(super::is_row_count(&super::super::len()));
        assert!(!super::is_row_count(&super::row_index()));
    }
}
