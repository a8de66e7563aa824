//! Aggregates, as Polars computes them: nulls are left out, a sum of nothing is 0, NaN is no extreme.

use arrow::datatypes::DataType;
use datafusion::functions::math::expr_fn as math;
use datafusion::functions_aggregate::expr_fn as aggregate_fn;
use datafusion::logical_expr::{Expr, SortExpr};
use datafusion::scalar::ScalarValue;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::{first_value, max as greatest, min as least, sum as checked_sum};

use super::super::call::Call;
use super::super::resolve::shown;
use super::super::structure::{by_row, by_row_reversed, keep, row_count};
use super::super::table::FunctionRow;
use super::super::{IntoExpr, lit};
use super::{cast, coalesce, deferred_call, fill_null, unary};
use crate::Result;
use gradframe_plan::names::type_name;

/// Aggregates of a column. Alone in `select` they give one row; beside columns they are repeated on each row; in `agg` they
/// give one value a group.
///
/// ```
/// use gradframe::{Session, expr::{prelude::*}};
///
/// let session = Session::builder().in_memory().build()?;
/// let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 4, 2.5)) AS t(k, n, x)"))?;
/// let rows = frame.group_by(["k"]).agg([col("n").sum(), col("x").mean().alias("mean"), col("x").null_count().alias("nulls")])?;
/// let a = rows.filter(col("k").eq(lit("a")).and(col("n").eq(lit(5))).and(col("mean").eq(lit(2.0))))?;
/// assert_eq!(session.block_on(a.count())?, 1);
/// # Ok::<(), gradframe::Error>(())
/// ```
pub trait Aggregates: Into<Expr> + Sized {
    /// The sum of the non-null values; 0 where there are none.
    fn sum(self) -> Expr {
        sum(self.into())
    }

    /// The mean of the non-null values; null where there are none.
    fn mean(self) -> Expr {
        mean(self.into())
    }

    /// The least non-null value; NaN only where there is nothing else.
    fn min(self) -> Expr {
        min(self.into())
    }

    /// The greatest non-null value; NaN only where there is nothing else.
    fn max(self) -> Expr {
        max(self.into())
    }

    /// The median of the non-null values.
    fn median(self) -> Expr {
        median(self.into())
    }

    /// The standard deviation with divisor n - `ddof`; null for n <= `ddof` values.
    fn std(self, ddof: i64) -> Expr {
        deferred_call!("std", [self.into()], ddof = ddof)
    }

    /// The variance with divisor n - `ddof`; null for n <= `ddof` values.
    fn var(self, ddof: i64) -> Expr {
        deferred_call!("var", [self.into()], ddof = ddof)
    }

    /// How many values are not null.
    fn count(self) -> Expr {
        count(self.into())
    }

    /// How many different values there are; null is one of them.
    fn n_unique(self) -> Expr {
        n_unique(self.into())
    }

    /// How many values are null.
    fn null_count(self) -> Expr {
        deferred_call!("null_count", [self.into()])
    }

    /// The value of the first row.
    fn first(self) -> Expr {
        first(self.into())
    }

    /// The value of the last row.
    fn last(self) -> Expr {
        last(self.into())
    }

    /// The values as one list, in the order of the rows.
    fn implode(self) -> Expr {
        deferred_call!("implode", [self.into()])
    }

    /// Only the rows for which the predicate is true: `col("fare").filter(col("late")).mean()`.
    fn filter(self, predicate: impl IntoExpr) -> Expr {
        keep(self.into(), predicate.into_expr())
    }
}

impl Aggregates for Expr {}

/// The sum of the non-null values; 0 where there are none. An `Execution` error if it does not fit in its type.
pub fn sum(expr: impl IntoExpr) -> Expr {
    deferred_call!("sum", [expr.into_expr()])
}

/// The mean of the non-null values; null where there are none.
pub fn mean(expr: impl IntoExpr) -> Expr {
    deferred_call!("mean", [expr.into_expr()])
}

/// The least non-null value; NaN only where there is nothing else.
pub fn min(expr: impl IntoExpr) -> Expr {
    deferred_call!("min", [expr.into_expr()])
}

/// The greatest non-null value; NaN only where there is nothing else.
pub fn max(expr: impl IntoExpr) -> Expr {
    deferred_call!("max", [expr.into_expr()])
}

/// The median of the non-null values.
pub fn median(expr: impl IntoExpr) -> Expr {
    deferred_call!("median", [expr.into_expr()])
}

/// The sample standard deviation (divisor n - 1); null for fewer than two values.
pub fn std(expr: impl IntoExpr) -> Expr {
    expr.into_expr().std(1)
}

/// The sample variance (divisor n - 1); null for fewer than two values.
pub fn var(expr: impl IntoExpr) -> Expr {
    expr.into_expr().var(1)
}

/// How many values are not null.
pub fn count(expr: impl IntoExpr) -> Expr {
    aggregate_fn::count(expr.into_expr())
}

/// How many rows there are, nulls included; the column is named `len`.
pub fn len() -> Expr {
    row_count().alias("len")
}

/// How many different values there are; null is one of them, as in Polars.
pub fn n_unique(expr: impl IntoExpr) -> Expr {
    deferred_call!("n_unique", [expr.into_expr()])
}

/// The value of the first row.
pub fn first(expr: impl IntoExpr) -> Expr {
    deferred_call!("first", [expr.into_expr()])
}

/// The value of the last row.
pub fn last(expr: impl IntoExpr) -> Expr {
    deferred_call!("last", [expr.into_expr()])
}

/// The aggregate of the rows for which a predicate is true.
pub(super) fn of_rows(aggregate: Expr, predicate: Expr) -> Expr {
    match aggregate {
        Expr::AggregateFunction(mut aggregate) => {
            aggregate.params.filter = Some(Box::new(predicate));
            Expr::AggregateFunction(aggregate)
        }
        other => other,
    }
}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::typed("sum", sum_of),
    FunctionRow::typed("min", |call| extreme(call, least)),
    FunctionRow::typed("max", |call| extreme(call, greatest)),
    unary!("count", |x| count(x)),
    FunctionRow::typed("n_unique", |call| {
        let value = call.expr("the expression")?;
        let one_if_null = super::super::when(value.clone().is_null()).then(lit(1_i64)).otherwise(lit(0_i64));
        let values = call.identity(&value)?;
        Ok(aggregate_fn::count_distinct(values) + fill_null(aggregate_fn::max(one_if_null), lit(0_i64)))
    }),
    FunctionRow::typed("null_count", |call| {
        let is_null = call.expr("the expression")?.is_null();
        Ok(aggregate_fn::count(super::super::when(is_null).then(lit(true)).end()))
    }),
    FunctionRow::typed("first", |call| end_of_rows(call, by_row())),
    // DataFusion's own last value does not take a batch without rows.
    FunctionRow::typed("last", |call| end_of_rows(call, by_row_reversed())),
    FunctionRow::typed("implode", |call| {
        let value = call.expr("the expression")?;
        call.imploded(value)
    }),
    FunctionRow::new("filter", |call| {
        let value = call.expr("the expression")?;
        let predicate = call.rest().into_iter().reduce(Expr::and).unwrap_or_else(|| lit(true));
        Ok(keep(value, predicate))
    }),
    FunctionRow::new("len", |call| {
        Ok(match call.optional_expr() {
            Some(value) => super::super::structure::length(value),
            None => len(),
        })
    }),
];

/// Booleans are counted; integers of up to 16 bits are summed as Int64; a Float32 stays one.
fn sum_of(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    let zero_if_none = |value: Expr, zero: ScalarValue| coalesce([checked_sum(value), Expr::Literal(zero, None)]);
    Ok(match own {
        DataType::Boolean | DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => {
            zero_if_none(cast(value, DataType::Int64), ScalarValue::from(0_i64))
        }
        DataType::Float32 => cast(zero_if_none(value, ScalarValue::from(0.0)), DataType::Float32),
        DataType::Float16 | DataType::Float64 => zero_if_none(value, ScalarValue::from(0.0)),
        own @ DataType::Duration(_) => zero_if_none(value, ScalarValue::new_zero(&own).map_err(from_datafusion)?),
        DataType::Null => nothing(value),
        own if own.is_numeric() => zero_if_none(value, ScalarValue::from(0_i64)),
        own => return Err(not_summable(call, &value, &own)),
    })
}

pub(super) fn not_summable(call: &Call, value: &Expr, own: &DataType) -> crate::Error {
    let what = format!("`{}` is {own}, expected numbers, booleans or durations", shown(value), own = type_name(own));
    crate::Error::dtype(call.name(), what)
}

/// A null of a column that has no type.
pub(super) fn nothing(value: Expr) -> Expr {
    first_value(value, vec![])
}

/// An extreme of the values that are no NaN; NaN where there are none but NaNs.
fn extreme(call: &mut Call, aggregate: fn(Expr) -> Expr) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    if let DataType::Dictionary(_, values) = &own {
        return Ok(cast(aggregate(cast(value, values.as_ref().clone())), own));
    }
    if own.is_nested() {
        let what = format!("`{}` is {own}, expected values that have an order", shown(&value), own = type_name(&own));
        return Err(crate::Error::dtype(call.name(), what));
    }
    if !own.is_floating() {
        return Ok(aggregate(value));
    }
    let numbers = of_rows(aggregate(value.clone()), !math::isnan(value.clone()));
    Ok(coalesce([numbers, aggregate(value)]))
}

fn end_of_rows(call: &mut Call, order: SortExpr) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let ignore_nulls = call.flag("ignore_nulls", false)?;
    let value = if ignore_nulls { keep(value.clone(), value.is_not_null()) } else { value };
    Ok(first_value(value, vec![order]))
}
