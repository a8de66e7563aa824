//! Means, medians, deviations and variances.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::functions::math::expr_fn as math;
use datafusion::functions_aggregate::expr_fn as aggregate_fn;
use datafusion::logical_expr::Expr;
use gradframe_plan::functions::column::per_row;
use gradframe_plan::functions::{avg, median, stddev, stddev_pop, sum, var_pop, var_sample};

use super::super::call::Call;
use super::super::lit;
use super::super::table::FunctionRow;
use super::aggregates::{not_summable, nothing};
use super::cast;
use crate::Result;

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::typed("mean", mean_of),
    FunctionRow::typed("median", median_of),
    FunctionRow::typed("std", |call| as_float(call, |x, ddof| deviation(x, ddof, true))),
    FunctionRow::typed("var", |call| as_float(call, |x, ddof| deviation(x, ddof, false))),
];

fn mean_of(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    if let Some(mean) = between_moments(&value, &own, avg) {
        return Ok(mean);
    }
    Ok(match own {
        DataType::Boolean => avg(cast(value, DataType::Int64)),
        DataType::Float32 => cast(avg(value), own),
        DataType::Null => nothing(value),
        DataType::Decimal128(digits, _) if digits <= DIGITS_OF_EXACT_MEAN => mean_of_decimals(value),
        own if own.is_numeric() => avg(cast(value, DataType::Float64)),
        own => return Err(not_summable(call, &value, &own)),
    })
}

/// Of so many digits as many rows as there can be have a sum of 38.
const DIGITS_OF_EXACT_MEAN: u8 = 19;

/// The exact sum by the number of values: a float is made once a group, not once a row.
fn mean_of_decimals(value: Expr) -> Expr {
    // Of no value the sum is null. One function of both: a cast that several means share would be a projection of its own.
    per_row("mean_of_sum", vec![sum(value.clone()), aggregate_fn::count(value)], vec![])
}

/// A statistic that lies between the values, of moments and durations: computed of their numbers of units, of a date by its
/// midnight. None of anything else.
pub(super) fn between_moments(value: &Expr, own: &DataType, statistic: impl FnOnce(Expr) -> Expr) -> Option<Expr> {
    use DataType::{Date32, Duration, Int64, Time32, Time64, Timestamp};
    let moment = match own {
        Date32 => Timestamp(TimeUnit::Microsecond, None),
        Time32(_) | Time64(_) | Timestamp(..) | Duration(_) => own.clone(),
        _ => return None,
    };
    let units = cast(cast(cast(value.clone(), moment.clone()), Int64), DataType::Float64);
    Some(cast(cast(statistic(units), Int64), moment))
}

/// What a moving window gives of moments and durations: an extreme is one of them, and a mean or quantile lies between them. None of
/// anything else.
pub(super) fn moving_moments(value: &Expr, own: &DataType, statistic: &str, moving: impl FnOnce(Expr) -> Expr) -> Option<Expr> {
    match statistic {
        "min" | "max" => {
            let units = match own {
                DataType::Date32 | DataType::Time32(_) => DataType::Int32,
                DataType::Time64(_) | DataType::Timestamp(..) | DataType::Duration(_) => DataType::Int64,
                _ => return None,
            };
            Some(cast(moving(cast(value.clone(), units)), own.clone()))
        }
        "mean" | "quantile" => between_moments(value, own, moving),
        _ => None,
    }
}

fn median_of(call: &mut Call) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    match between_moments(&value, &own, median) {
        Some(median) => Ok(median),
        None => of_floats(call, value, own, |x, _| Ok(median(x))),
    }
}

fn as_float(call: &mut Call, aggregate: fn(Expr, i64) -> Result<Expr>) -> Result<Expr> {
    let value = call.expr("the expression")?;
    let own = call.type_of(&value)?;
    of_floats(call, value, own, aggregate)
}

/// Computed in Float64; of Float32 the result is one again.
fn of_floats(call: &mut Call, value: Expr, own: DataType, aggregate: fn(Expr, i64) -> Result<Expr>) -> Result<Expr> {
    let ddof = call.optional_int("ddof")?.unwrap_or(1);
    if own.is_null() {
        return Ok(nothing(value));
    }
    if !(own.is_numeric() || own == DataType::Boolean) {
        return Err(not_summable(call, &value, &own));
    }
    let value = if own == DataType::Boolean { cast(value, DataType::Int64) } else { value };
    let computed = aggregate(cast(value, DataType::Float64), ddof)?;
    Ok(if own == DataType::Float32 { cast(computed, own) } else { computed })
}

/// With divisor n: the population's; with n - 1: the sample's; else by the sum of squares, n times the population's variance.
fn deviation(value: Expr, ddof: i64, root: bool) -> Result<Expr> {
    Ok(match (ddof, root) {
        (0, true) => stddev_pop(value),
        (0, false) => var_pop(value),
        (1, true) => stddev(value),
        (1, false) => var_sample(value),
        _ => {
            let n = cast(aggregate_fn::count(value.clone()), DataType::Float64);
            let squares = var_pop(value) * n.clone();
            let divisor = n - lit(ddof as f64);
            let variance = super::super::when(divisor.clone().gt(lit(0.0))).then(squares / divisor).end();
            if root { math::sqrt(variance) } else { variance }
        }
    })
}
