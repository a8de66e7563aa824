//! Moving windows of rows, rows filled from their neighbours, ranks and runs.

use arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn as aggregate_fn;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::functions_window::nth_value::{first_value_udwf, last_value_udwf};
use datafusion::logical_expr::expr::{NullTreatment, WindowFunction};
use datafusion::logical_expr::{Expr, SortExpr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition};
use datafusion::scalar::ScalarValue;
use gradframe_plan::functions::column::window;
use gradframe_plan::functions::sum as checked_sum;

use super::super::call::Call;
use super::super::resolve::shown;
use super::super::structure::{by_row, keep, length, position};
use super::super::table::{FunctionRow, Takes};
use super::super::{lit, when};
use super::windows::{Windows, following, over_rows, partitioned, preceding, rows_in_order, so_far};
use super::{cast, deferred_call};
use crate::Result;
use gradframe_plan::names::type_name;

/// Moving windows of rows, and rows filled from their neighbours.
///
/// ```
/// use gradframe::{Session, expr::{prelude::*}};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 4, 2.5)) AS t(k, n, x)"))?;
/// let rows = frame.select([col("n").rolling_sum(2), col("x").forward_fill(), col("k").rank().alias("rank")])?;
/// assert_eq!(session.block_on(rows.filter(col("n").eq(lit(6)).and(col("x").eq(lit(2.5))))?.count())?, 1);
/// # Ok::<(), gradframe::Error>(())
/// ```
pub trait Moving: Into<Expr> + Sized {
    /// The mean of the `window_size` rows up to this one; null where there are not so many values.
    fn rolling_mean(self, window_size: i64) -> Expr {
        deferred_call!("rolling", [self.into()], statistic = "mean", window_size = window_size)
    }

    /// The sum of the `window_size` rows up to this one; null where there are not so many values.
    fn rolling_sum(self, window_size: i64) -> Expr {
        deferred_call!("rolling", [self.into()], statistic = "sum", window_size = window_size)
    }

    /// The least of the `window_size` rows up to this one; null where there are not so many values.
    fn rolling_min(self, window_size: i64) -> Expr {
        deferred_call!("rolling", [self.into()], statistic = "min", window_size = window_size)
    }

    /// The greatest of the `window_size` rows up to this one; null where there are not so many values.
    fn rolling_max(self, window_size: i64) -> Expr {
        deferred_call!("rolling", [self.into()], statistic = "max", window_size = window_size)
    }

    /// Nulls become the value before them.
    fn forward_fill(self) -> Expr {
        filled(self.into(), None, true).unwrap_or_else(|_| lit(ScalarValue::Null))
    }

    /// The rank of each value, from 1; equal ones share the mean of theirs.
    fn rank(self) -> Expr {
        deferred_call!("rank", [self.into()])
    }
}

impl Moving for Expr {}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::typed("rolling", rolling),
    FunctionRow::typed("forward_fill", |call| fill(call, true)),
    FunctionRow::typed("backward_fill", |call| fill(call, false)),
    FunctionRow::typed("interpolate", |call| {
        let value = call.expr("the expression")?;
        let own = call.type_of(&value)?;
        let kernel = call.choice("method", &[("linear", "interpolate"), ("nearest", "interpolate_nearest")])?;
        if matches!(own, DataType::Boolean | DataType::Null) {
            return Ok(value);
        }
        if !own.is_temporal() {
            super::arithmetic::require_number(call, &value, &own)?;
        }
        Ok(rows_in_order(window(kernel, vec![value], vec![])))
    }),
    FunctionRow::typed("interpolate_by", |call| {
        Ok(rows_in_order(window("interpolate_by", vec![call.expr("the expression")?, call.expr("the places")?], vec![])))
    }),
    FunctionRow::typed("rank", ranked),
    FunctionRow::typed("ewm", exponential),
    FunctionRow::typed("cum_prod", |call| {
        let value = call.expr("the expression")?;
        let own = call.type_of(&value)?;
        if own.is_decimal() || own.is_null() {
            let what = format!("`{}` is {own}, expected integers, floats or booleans", shown(&value), own = type_name(&own));
            return Err(crate::Error::dtype("cum_prod", what).hint("cast it first"));
        }
        Ok(rows_in_order(window("cum_prod", vec![value], vec![call.flag("reverse", false)?.into()])))
    })
    .takes(Takes::ANumber),
    FunctionRow::typed("pct_change", |call| {
        let value = call.expr("the expression")?;
        let n = call.optional_int("n")?.unwrap_or(1);
        let float = if call.type_of(&value)? == DataType::Float32 { DataType::Float32 } else { DataType::Float64 };
        let (value, before) = (cast(value.clone(), float.clone()), cast(value.shift(n), float));
        // Not the quotient less 1, which an infinity before makes -1.
        Ok((value - before.clone()) / before)
    })
    .takes(Takes::ANumber),
    FunctionRow::typed("rle_id", run_number),
    FunctionRow::typed("peak_max", |call| peak(call, true)),
    FunctionRow::typed("peak_min", |call| peak(call, false)),
    FunctionRow::typed("is_first_distinct", |call| occurrence(call, true)),
    FunctionRow::typed("is_last_distinct", |call| occurrence(call, false)),
    FunctionRow::typed("is_duplicated", |call| Ok(alike(call)?.gt(lit(1_i64)))),
    FunctionRow::typed("is_unique", |call| Ok(alike(call)?.eq(lit(1_i64)))),
    FunctionRow::typed("unique", |call| {
        let value = call.expr("the expression")?;
        let first = number_among_equals(&call.identity(&value)?, by_row())?.eq(lit(1_u64));
        Ok(keep(value, first))
    }),
    FunctionRow::typed("unique_counts", |call| {
        let value = call.expr("the expression")?;
        let value = call.identity(&value)?;
        let first = number_among_equals(&value, by_row())?.eq(lit(1_u64));
        Ok(keep(count_of_equals(&value)?, first))
    }),
];

fn rolling(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let size = call.count("window_size")?;
    if size == 0 {
        return Err(call.wrong("`window_size` is 0, expected 1 or more"));
    }
    let least = call.optional_count("min_samples")?.unwrap_or(size);
    if least > size {
        return Err(call.wrong(format!("`min_samples` is {least} and `window_size` {size}, in which there are never as many")));
    }
    let center = call.flag("center", false)?;
    let statistic = call.text("statistic")?;
    let own_constants = call.values("constants")?;
    let own = call.type_of(&value)?;
    let constants = [(size as i64).into(), (least as i64).into(), center.into(), statistic.as_str().into()];
    let constants: Vec<ScalarValue> = constants.into_iter().chain(own_constants).collect();
    let moved = |value: Expr| rows_in_order(window("rolling", vec![value], constants.clone()));
    if let Some(moments) = super::moments::moving_moments(&value, &own, &statistic, moved) {
        return Ok(moments);
    }
    if !(own.is_numeric() || own.is_null() || own == DataType::Boolean) {
        return Err(crate::Error::dtype(
            call.name(),
            format!("`{}` is {own}, expected numbers", shown(&value), own = type_name(&own)),
        ));
    }
    Ok(moved(if own.is_integer() && statistic == "sum" { summed(value, &own) } else { value }))
}

/// What a moving sum adds up: integers of up to 16 bits and booleans as Int64, of 32 bits as those of 64.
pub(super) fn summed(value: Expr, own: &DataType) -> Expr {
    match own {
        DataType::Boolean | DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 | DataType::Int32 => {
            cast(value, DataType::Int64)
        }
        DataType::UInt32 => cast(value, DataType::UInt64),
        _ => value,
    }
}

fn fill(call: &mut Call, forward: bool) -> Result<Expr> {
    let value = call.expr("the expression")?;
    filled(value, call.optional_count("limit")?, forward)
}

/// The nearest value before (or after) that is not null, at most `limit` rows away.
pub(super) fn filled(value: Expr, limit: Option<usize>, forward: bool) -> Result<Expr> {
    if limit.is_none() {
        return Ok(rows_in_order(window("fill", vec![value], vec![ScalarValue::from(forward)])));
    }
    let limit = limit.map(|limit| limit as u64);
    let (end_of_frame, start, end) = if forward {
        (last_value_udwf(), preceding(limit), WindowFrameBound::CurrentRow)
    } else {
        (first_value_udwf(), WindowFrameBound::CurrentRow, following(limit))
    };
    let mut window = WindowFunction::new(WindowFunctionDefinition::WindowUDF(end_of_frame), vec![value]);
    window.params.order_by = vec![by_row()];
    window.params.window_frame = WindowFrame::new_bounds(WindowFrameUnits::Rows, start, end);
    window.params.null_treatment = Some(NullTreatment::IgnoreNulls);
    Ok(Expr::from(window))
}

/// Among the values that are not null.
fn ranked(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let descending = call.flag("descending", false)?;
    let methods = ["average", "min", "max", "dense", "ordinal", "random"].map(|method| (method, method));
    let method = call.choice("method", &methods)?;
    let seed = call.optional_int("seed")?.unwrap_or(0);
    let mut values = vec![call.ordered(call.identity(&value)?)];
    if method == "random" {
        values.push(gradframe_plan::functions::column::per_row("hash_value", vec![by_row().expr], vec![seed.into()]));
    }
    Ok(rows_in_order(window("rank_of", values, vec![method.into(), descending.into()])))
}

fn exponential(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    super::arithmetic::require_number(call, &value, &call.type_of(&value)?)?;
    let alpha = call.float("alpha")?;
    if !(alpha > 0.0 && alpha <= 1.0) {
        return Err(call.wrong(format!("`alpha` is {alpha}, expected a number above 0 and at most 1")));
    }
    let constants = vec![
        alpha.into(),
        call.flag("adjust", true)?.into(),
        call.flag("ignore_nulls", false)?.into(),
        (call.optional_count("min_samples")?.unwrap_or(1) as i64).into(),
        call.text("statistic")?.as_str().into(),
        call.flag("bias", false)?.into(),
    ];
    Ok(rows_in_order(window("ewm", vec![value], constants)))
}

/// How many runs of equal values began before.
fn run_number(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let is_first = position(value.clone()).eq(lit(0_i64));
    let before = value.clone().shift(1);
    let differs = datafusion::logical_expr::binary_expr(value, datafusion::logical_expr::Operator::IsDistinctFrom, before);
    let begins = when(is_first).then(lit(0_i64)).otherwise(cast(differs, DataType::Int64));
    so_far(checked_sum(begins), false)
}

/// Beyond both neighbours; beside the ends stands a 0, as in Polars.
fn peak(call: &mut Call, is_greatest: bool) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    if own.is_integer() || own.is_floating() {
        return Ok(rows_in_order(window("peaks", vec![value], vec![is_greatest.into()])));
    }
    let beyond: fn(Expr, Expr) -> Expr = if is_greatest { Expr::gt } else { Expr::lt };
    let (place, last) = (position(value.clone()), length(value.clone()) - lit(1_i64));
    let beyond_zero = beyond(value.clone(), lit(0_i64));
    let next = beyond(value.clone(), value.clone().shift(-1));
    let beyond_next = when(place.clone().eq(last)).then(beyond_zero.clone()).otherwise(next);
    let beyond_last = when(place.eq(lit(0_i64))).then(beyond_zero).otherwise(beyond(value.clone(), value.shift(1)));
    Ok(beyond_last.and(beyond_next))
}

/// The number of the row among the rows of the same value, from 1.
fn number_among_equals(value: &Expr, order: SortExpr) -> Result<Expr> {
    Ok(partitioned(row_number(), vec![value.clone()], vec![order]))
}

fn count_of_equals(value: &Expr) -> Result<Expr> {
    let all = over_rows(aggregate_fn::count(lit(1_i64)), preceding(None), following(None))?;
    Ok(partitioned(all, vec![value.clone()], vec![by_row()]))
}

fn occurrence(call: &mut Call, first: bool) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let order = if first { by_row() } else { SortExpr { asc: false, ..by_row() } };
    Ok(number_among_equals(&call.identity(&value)?, order)?.eq(lit(1_u64)))
}

fn alike(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    count_of_equals(&call.identity(&value)?)
}
