//! Windows: over groups, and over rows in their order.
//!
//! A window that is sorted by [`by_row`] sees rows in the frame's order, within the group of an `over` or `group_by` around it.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNode;
use datafusion::functions::math::expr_fn as math;
use datafusion::functions_aggregate::expr_fn as aggregate_fn;
use datafusion::functions_window::expr_fn::{lag, lead};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::{Expr, SortExpr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition};
use datafusion::scalar::ScalarValue;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::column::window;
use gradframe_plan::functions::sum as checked_sum;
use gradframe_plan::functions::{max as greatest, min as least};

use super::super::call::Call;
use super::super::resolve::shown;
use super::super::structure::{Mapping, Mark, by_row, keep, length, mark_of, marked, position, tuple, where_there_is_one};
use super::super::table::FunctionRow;
use super::super::{IntoExpr, lit};
use super::{cast, deferred_call, fill_null};
use crate::{Error, Result};

/// Windows over groups, and over rows in their order.
pub trait Windows: Into<Expr> + Sized {
    /// The value within each group of equal keys, on each row: `col("fare").mean().over(["city"])`.
    fn over(self, partition_by: impl IntoIterator<Item = impl IntoExpr>) -> Expr {
        let parts = partition_by.into_iter().map(IntoExpr::into_expr).collect();
        deferred_call!("over", [self.into(), tuple(parts)])
    }

    /// [`Windows::over`] with the rows of a group in another order than the frame's.
    fn over_ordered(
        self,
        partition_by: impl IntoIterator<Item = impl IntoExpr>,
        order_by: impl IntoIterator<Item = impl IntoExpr>,
    ) -> Expr {
        let parts = partition_by.into_iter().map(IntoExpr::into_expr).collect();
        let order = order_by.into_iter().map(IntoExpr::into_expr).collect();
        deferred_call!("over", [self.into(), tuple(parts), tuple(order)])
    }

    /// The value of `n` rows before; after, if `n` is negative. Null where there is no such row.
    ///
    /// ```
    /// use gradframe::{Session, expr::prelude::*};
    ///
    /// let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1), ('b', 2), ('a', 5)) AS t(k, x)"))?;
    /// let steps = frame.with_columns([(col("x") - col("x").shift(1)).over(["k"]).alias("step")])?;
    /// assert_eq!(session.block_on(steps.filter(col("step").eq(lit(4)))?.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    fn shift(self, n: i64) -> Expr {
        deferred_call!("shift", [self.into()], n = n)
    }

    /// [`Windows::shift`] by a number of rows that is computed: one for the frame or group.
    ///
    /// ```
    /// use gradframe::{Session, expr::prelude::*};
    ///
    /// let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT value AS x FROM generate_series(1, 3)"))?;
    /// let moved = frame.select([col("x").shift_by(col("x").min())])?;
    /// assert_eq!(session.block_on(moved.filter(col("x").is_null())?.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    fn shift_by(self, n: impl IntoExpr) -> Expr {
        deferred_call!("shift", [self.into(), n.into_expr()])
    }

    /// The value less that of `n` rows before.
    fn diff(self, n: i64) -> Expr {
        deferred_call!("diff", [self.into()], n = n)
    }

    /// The sum of the rows so far; null where the value is null.
    fn cum_sum(self, reverse: bool) -> Expr {
        deferred_call!("cum_sum", [self.into()], reverse = reverse)
    }
}

impl Windows for Expr {}

fn over(value: Expr, parts: Vec<Expr>, order: Vec<Expr>, mapping: Mapping, descending: bool, nulls_last: bool) -> Expr {
    marked(Mark::Over { descending, nulls_last, mapping }, vec![value, tuple(parts), tuple(order)])
}

/// A window over the rows in their order.
pub(in crate::expr) fn rows_in_order(window: Expr) -> Expr {
    match window {
        Expr::WindowFunction(mut window) => {
            window.params.order_by = vec![by_row()];
            Expr::WindowFunction(window)
        }
        other => other,
    }
}

/// An aggregate over these rows around each row, in their order.
pub(super) fn over_rows(aggregate: Expr, start: WindowFrameBound, end: WindowFrameBound) -> Result<Expr> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = aggregate else {
        return Err(Error::internal("window", format!("{aggregate} is no aggregate")));
    };
    let mut window = WindowFunction::new(WindowFunctionDefinition::AggregateUDF(func), params.args);
    window.params.order_by = vec![by_row()];
    window.params.window_frame = WindowFrame::new_bounds(WindowFrameUnits::Rows, start, end);
    window.params.filter = params.filter;
    window.params.null_treatment = params.null_treatment;
    Ok(Expr::from(window))
}

/// So many rows before; all of them without a number.
pub(super) fn preceding(rows: Option<u64>) -> WindowFrameBound {
    WindowFrameBound::Preceding(ScalarValue::UInt64(rows))
}

/// So many rows after; all of them without a number.
pub(super) fn following(rows: Option<u64>) -> WindowFrameBound {
    WindowFrameBound::Following(ScalarValue::UInt64(rows))
}

/// An aggregate of the rows so far, this one included; or, in reverse, from this one on.
pub(in crate::expr) fn so_far(aggregate: Expr, reverse: bool) -> Result<Expr> {
    let (start, end) =
        if reverse { (WindowFrameBound::CurrentRow, following(None)) } else { (preceding(None), WindowFrameBound::CurrentRow) };
    over_rows(aggregate, start, end)
}

fn shifted(value: Expr, n: i64) -> Expr {
    match n {
        0 => value,
        n if n > 0 => rows_in_order(lag(value, Some(n), None)),
        n => rows_in_order(lead(value, Some(n.saturating_neg()), None)),
    }
}

/// The window within these parts of its group, in this order.
pub(super) fn partitioned(window: Expr, partition_by: Vec<Expr>, order_by: Vec<SortExpr>) -> Expr {
    match window {
        Expr::WindowFunction(mut window) => {
            window.params.partition_by = partition_by;
            window.params.order_by = order_by;
            Expr::WindowFunction(window)
        }
        other => other,
    }
}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::typed("over", over_row),
    FunctionRow::typed("shift", shift_row),
    FunctionRow::typed("diff", diff),
    FunctionRow::typed("cum_sum", cum_sum),
    FunctionRow::typed("cum_min", |call| cum_extreme(call, least, false)),
    FunctionRow::typed("cum_max", |call| cum_extreme(call, greatest, true)),
    FunctionRow::typed("cum_count", |call| {
        let value = call.expr("the expression")?;
        so_far(aggregate_fn::count(value), call.flag("reverse", false)?)
    }),
];

const MAPPINGS: [(&str, Mapping); 3] = [("group_to_rows", Mapping::Rows), ("join", Mapping::Join), ("explode", Mapping::Explode)];

fn over_row(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let parts = super::super::structure::tuple_items(call.expr("the keys")?);
    let order = call.optional_expr().map(super::super::structure::tuple_items).unwrap_or_default();
    let mapping = call.choice("mapping_strategy", &MAPPINGS)?;
    if parts.is_empty() && order.is_empty() {
        return Err(call.wrong("got neither keys nor an order, expected one of them"));
    }
    let (descending, nulls_last) = (call.flag("descending", false)?, call.flag("nulls_last", false)?);
    let parts = parts.iter().map(|key| call.identity(key)).collect::<Result<Vec<_>>>()?;
    let order = order.iter().map(|key| call.sort_key(key, descending, nulls_last)).collect::<Result<Vec<_>>>()?;
    Ok(over(value, parts, order, mapping, descending, nulls_last))
}

/// With a value for rows that have no row `n` before them.
fn shift_row(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let Some(n) = call.optional_int("n")? else { return shift_by(call, value) };
    let moved = shifted(value.clone(), n);
    let Some(fill) = call.optional_expr() else { return Ok(moved) };
    let is_there = fill_null(shifted(super::super::when(value.is_null()).then(lit(true)).otherwise(lit(true)), n), lit(false));
    super::arithmetic::case(is_there, moved, fill)
}

/// By a number that is computed, of the first row.
fn shift_by(call: &mut Call, value: Expr) -> Result<Expr> {
    let by = call.optional_expr().ok_or_else(|| call.wrong("`n` is missing"))?;
    let own = call.type_of(&by)?;
    if !(own.is_integer() || own.is_null()) {
        return Err(Error::dtype(call.name(), format!("`{}` is {own}, expected a whole number of rows", shown(&by))));
    }
    let fill = call.optional_expr().unwrap_or(Expr::Literal(ScalarValue::Null, None));
    Ok(rows_in_order(window("shift_by", vec![value, by, fill], vec![])))
}

/// Unsigned numbers may differ by a negative one.
fn diff(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let n = call.optional_int("n")?.unwrap_or(1);
    let value = match call.type_of(&value)? {
        DataType::UInt8 => cast(value, DataType::Int16),
        DataType::UInt16 => cast(value, DataType::Int32),
        DataType::UInt32 | DataType::UInt64 => cast(value, DataType::Int64),
        _ => value,
    };
    let drops = call.choice("null_behavior", &[("ignore", false), ("drop", true)])?;
    let difference = value.clone() - shifted(value, n);
    if !drops {
        return Ok(difference);
    }
    let (place, rows) = (position(difference.clone()), length(difference.clone()));
    Ok(keep(difference, if n < 0 { place.lt(rows + lit(n)) } else { place.gt_eq(lit(n)) }))
}

/// The type is that of a sum; null where the value is null.
fn cum_sum(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let reverse = call.flag("reverse", false)?;
    let own = call.type_of(&value)?;
    let value = match own {
        DataType::Boolean | DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => cast(value, DataType::Int64),
        DataType::Duration(_) => value,
        DataType::Null => return Err(super::arithmetic::not_numeric(call, &value, &own)),
        ref own => {
            super::arithmetic::require_number(call, &value, own)?;
            value
        }
    };
    let so_far = where_there_is_one(so_far(checked_sum(value), reverse)?);
    Ok(if own == DataType::Float32 { cast(so_far, own) } else { so_far })
}

/// An extreme of the rows so far. NaN is none, unless there was nothing else.
fn cum_extreme(call: &mut Call, extreme: fn(Expr) -> Expr, is_greatest: bool) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let reverse = call.flag("reverse", false)?;
    if is_of_columns(&value)? {
        return Ok(rows_in_order(window("extreme_so_far", vec![value], vec![is_greatest.into(), reverse.into()])));
    }
    let all = so_far(extreme(value.clone()), reverse)?;
    if !call.type_of(&value)?.is_floating() {
        return Ok(where_there_is_one(all));
    }
    let numbers = extreme(super::super::when(!math::isnan(value.clone())).then(value.clone()).end());
    let of_numbers = super::coalesce([so_far(numbers, reverse)?, all]);
    Ok(super::super::when(value.is_not_null()).then(of_numbers).end())
}

/// Whether it is computed of whole columns, and so is too large to be written several times.
fn is_of_columns(value: &Expr) -> Result<bool> {
    let is_one = |part: &Expr| match part {
        Expr::AggregateFunction(_) | Expr::WindowFunction(_) => true,
        Expr::ScalarFunction(function) => mark_of(function).is_some(),
        _ => false,
    };
    value.exists(|part| Ok(is_one(part))).map_err(from_datafusion)
}
