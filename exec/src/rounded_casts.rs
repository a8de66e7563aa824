//! Casts in filters that round, hidden from DataFusion's estimates.
//!
//! DataFusion 55 estimates what a filter keeps by casting bounds of columns back and forth. Where that rounds (`CAST(ts AS DATE) < day`), the
//! bounds get wider than they were, and it ends the query with an internal error. Functions it does not look into. They are put in
//! when a plan becomes a physical one: rules over logical plans know what a cast means.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExprSchemable, Filter, LogicalPlan};
use gradframe_plan::functions::rounded_cast;

/// The plan with functions in the place of casts that round, in filters.
pub(crate) fn hidden(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_down_with_subqueries(|node| match node {
        LogicalPlan::Filter(filter) => in_filter(filter),
        other => Ok(Transformed::no(other)),
    })
    .data()
}

fn in_filter(filter: Filter) -> Result<Transformed<LogicalPlan>> {
    let schema = Arc::clone(filter.input.schema());
    let predicate = filter.predicate.clone().transform_up(|expr| {
        let Expr::Cast(cast) = &expr else { return Ok(Transformed::no(expr)) };
        let to = cast.field.data_type();
        if !rounds(&cast.expr.get_type(&schema)?, to) {
            return Ok(Transformed::no(expr));
        }
        Ok(Transformed::yes(rounded_cast(to).call(vec![cast.expr.as_ref().clone()])))
    })?;
    if !predicate.transformed {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    }
    Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate.data, filter.input)?)))
}

/// Whether two numbers, or two moments, can become one.
fn rounds(from: &DataType, to: &DataType) -> bool {
    let number = |of: &DataType| of.is_numeric();
    let moment = |of: &DataType| of.is_temporal();
    if number(from) && number(to) {
        return !(from.is_integer() && (to.is_integer() || holds(from, to)) || from == to);
    }
    moment(from) && moment(to) && grain(from).zip(grain(to)).is_none_or(|(from, to)| from < to)
}

/// Whether a float or decimal has each value of an integer.
fn holds(from: &DataType, to: &DataType) -> bool {
    let bits = from.primitive_width().map_or(64, |bytes| bytes * 8);
    match to {
        DataType::Float64 => bits <= 32,
        DataType::Float32 => bits <= 16,
        to => to.is_decimal(),
    }
}

/// What part of a second lies between two moments of a type; a day has many.
fn grain(of: &DataType) -> Option<i64> {
    use arrow::datatypes::TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    Some(match of {
        DataType::Timestamp(Nanosecond, _) => 1,
        DataType::Timestamp(Microsecond, _) => 1_000,
        DataType::Timestamp(Millisecond, _) | DataType::Date64 => 1_000_000,
        DataType::Timestamp(Second, _) => 1_000_000_000,
        DataType::Date32 => 86_400_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn casts_round_where_two_values_can_become_one() {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        for (from, to, expected) in [
            (DataType::Int32, DataType::Int64, false),
            (DataType::Int64, DataType::Int32, false),
            (DataType::Int32, DataType::Float64, false),
            (DataType::Int64, DataType::Float64, true),
            (DataType::Float64, DataType::Int32, true),
            (DataType::Float64, DataType::Float32, true),
            (DataType::Float64, DataType::Float64, false),
            (DataType::Decimal128(10, 2), DataType::Int64, true),
            (DataType::Int64, DataType::Decimal128(20, 0), false),
            (micros.clone(), DataType::Date32, true),
            (DataType::Date32, micros.clone(), false),
            (micros.clone(), DataType::Timestamp(TimeUnit::Second, None), true),
            (micros.clone(), micros, false),
            (DataType::Utf8, DataType::Int64, false),
        ] {
            assert_eq!(rounds(&from, &to), expected, "{from} to {to}");
        }
    }
}
