//! Functions of several columns, row by row.

use arrow::datatypes::DataType;
use datafusion::functions::core::expr_fn as core_fn;
use datafusion::functions::string::expr_fn as string_fn;
use datafusion::functions_nested::expr_fn as nested_fn;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit as literal};
use datafusion::scalar::ScalarValue;

use super::super::call::Call;
use super::super::depth::reduced;
use super::super::resolve::{cast_to, common_moment, common_number, item_of, output_name, shown, widest_number, zones_differ};
use super::super::structure::items;
use super::super::table::{FunctionRow, Takes};
use super::super::{lit, when};
use super::windows::rows_in_order;
use super::{cast, coalesce};
use crate::Result;
use gradframe_plan::functions::required;
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
    FunctionRow::new("struct", structure).spread(0),
    FunctionRow::typed("repeat_by", |call| {
        let (value, times) = (call.expr("the expression")?, call.expr("the number")?);
        match &times {
            Expr::Literal(number, _)
                if number.cast_to(&DataType::Int64).is_ok_and(|n| n < ScalarValue::from(0_i64) && !n.is_null()) =>
            {
                Err(call.wrong(format!("`by` is {number}, expected 0 or more")))
            }
            Expr::Literal(..) => Ok(nested_fn::array_repeat(value, cast(times, DataType::Int64))),
            _ => {
                let error = crate::Error::execution("repeat_by", format!("`{}` has a negative number", shown(&times)));
                let times = cast(times, DataType::Int64);
                let is_number =
                    required(error.hint("clip(0) makes it 0"), times.clone().is_null().or(times.clone().gt_eq(lit(0_i64))));
                Ok(nested_fn::array_repeat(value, when(is_number).then(times).end()))
            }
        }
    }),
    FunctionRow::typed("row_index", |_| Ok(row_index())),
    FunctionRow::typed("int_range", |call| {
        let (start, end) = (call.expr("the start")?, call.expr("the end")?);
        let step = call.optional_int("step")?.unwrap_or(1);
        if step == 0 {
            return Err(call.wrong("`step` is 0"));
        }
        if let (Some(first), 1) = (integer(&start), step)
            && beyond_row_count(&end) == Some(first)
        {
            return Ok(if first == 0 { row_index() } else { row_index() + lit(first) });
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

/// The values as fields, by their names.
fn structure(call: &mut Call) -> Result<Expr> {
    let fields: Vec<(String, Expr)> = call.rest().into_iter().map(|expr| (output_name(&expr), without_aliases(expr))).collect();
    if let Some(at) = (1..fields.len()).find(|at| fields[..*at].iter().any(|(name, _)| *name == fields[*at].0)) {
        let what = format!("two fields have the name `{}`", fields[at].0);
        return Err(call.wrong(what).hint("give one of them another name with `alias`"));
    }
    Ok(core_fn::named_struct(fields.into_iter().flat_map(|(name, value)| [literal(name), value]).collect()))
}

/// DataFusion looks twice at what stands below an alias, four times below two.
fn without_aliases(expr: Expr) -> Expr {
    match expr {
        Expr::Alias(alias) => without_aliases(*alias.expr),
        other => other,
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

/// How much more than the number of rows it is: of `len() + 1`, which ends a range from 1, one.
fn beyond_row_count(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus, right }) if is_row_count(left) => integer(right),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus, right }) if is_row_count(right) => integer(left),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right }) if is_row_count(left) => integer(right)?.checked_neg(),
        _ => is_row_count(expr).then_some(0),
    }
}

fn integer(expr: &Expr) -> Option<i64> {
    let Expr::Literal(value, _) = expr else { return None };
    match value.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(number)) if value.data_type().is_integer() => number,
        _ => None,
    }
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

pub(super) fn any_null(exprs: &[Expr]) -> Option<Expr> {
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

/// Whether it is text, how it was written, and its type.
type Kind = (bool, String, DataType);

/// Errors: `DType` for texts beside what is none, and for moments of one time zone beside those of none or of another.
pub(super) fn require_alike(call: &Call, exprs: &[Expr]) -> Result<()> {
    let mut kinds: Vec<Kind> = vec![];
    for expr in exprs {
        let own = call.type_of(expr)?;
        kinds.extend((!own.is_null()).then(|| (is_text(item_of(&own)), shown(expr), own)));
    }
    let Some((first, other)) = of_two_kinds(&kinds).or_else(|| of_two_zones(&kinds)) else { return Ok(()) };
    let what = format!(
        "`{}` is {} and `{}` is {}, expected types that go together",
        first.1,
        type_name(&first.2),
        other.1,
        type_name(&other.2)
    );
    Err(crate::Error::dtype(call.name(), what).hint("cast one of them"))
}

fn of_two_kinds(kinds: &[Kind]) -> Option<(&Kind, &Kind)> {
    let first = kinds.first()?;
    kinds.iter().find(|other| other.0 != first.0).map(|other| (first, other))
}

fn of_two_zones(kinds: &[Kind]) -> Option<(&Kind, &Kind)> {
    let first = kinds.iter().find(|kind| matches!(item_of(&kind.2), DataType::Timestamp(..)))?;
    kinds.iter().find(|other| zones_differ([&first.2, &other.2].into_iter().map(item_of))).map(|other| (first, other))
}

fn is_text(own: &DataType) -> bool {
    own.is_string() || matches!(own, DataType::Dictionary(_, values) if values.is_string())
}

/// Numbers, and dates beside moments of a time zone, in the type that holds all of them; other values as they are.
fn of_one_type(call: &Call, exprs: Vec<Expr>) -> Result<Vec<Expr>> {
    let types = exprs.iter().map(|expr| call.type_of(expr)).collect::<Result<Vec<_>>>()?;
    let known: Vec<_> = exprs.iter().zip(&types).filter(|(_, own)| !own.is_null()).collect();
    let are_numbers = widest_number(known.iter().map(|(_, own)| *own)).is_some();
    let number = are_numbers.then(|| common_number(&known)).flatten();
    let moment = || common_moment(&known.iter().map(|(_, own)| (*own).clone()).collect::<Vec<_>>());
    let Some(common) = number.or_else(moment) else { return Ok(exprs) };
    Ok(exprs.into_iter().zip(&types).map(|(expr, own)| cast_to(expr, own, &common)).collect())
}

/// A NaN is no extreme, unless there is nothing else.
fn extreme(call: &mut Call, extreme: fn(Vec<Expr>) -> Expr) -> Result<Expr> {
    let exprs = call.rest();
    if exprs.is_empty() {
        return Err(call.wrong("got no column, expected at least one"));
    }
    require_alike(call, &exprs)?;
    let exprs = of_one_type(call, exprs)?;
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
