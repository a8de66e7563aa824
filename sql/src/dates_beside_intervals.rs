//! A date plus hours is a moment: `DATE '2024-01-31' + INTERVAL '12 hours'`.
//!
//! DataFusion 55 gives a date, and drops the hours: `p BETWEEN DATE '2024-01-01' AND DATE '2024-01-02' - INTERVAL '1 second'` kept the rows of the second
//! day. Where the interval is not one of whole months and days, the date is the moment at which it begins, as in PostgreSQL and DuckDB.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, cast};
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// See the module.
#[derive(Debug)]
pub(crate) struct DatesBesideIntervals;

impl ExprPlanner for DatesBesideIntervals {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let op = match raw.op {
            BinaryOperator::Plus => Operator::Plus,
            BinaryOperator::Minus => Operator::Minus,
            _ => return Ok(PlannerResult::Original(raw)),
        };
        let of = |expr: &Expr| expr.get_type(schema).unwrap_or(DataType::Null);
        let (left, right) = (of(&raw.left), of(&raw.right));
        if is_date(&left) && has_hours(&raw.right, &right) {
            return Ok(PlannerResult::Planned(binary(moment(raw.left), op, raw.right)));
        }
        if op == Operator::Plus && is_date(&right) && has_hours(&raw.left, &left) {
            return Ok(PlannerResult::Planned(binary(raw.left, op, moment(raw.right))));
        }
        Ok(PlannerResult::Original(raw))
    }
}

fn is_date(own: &DataType) -> bool {
    matches!(own, DataType::Date32)
}

/// Whether an interval may have more than months and days.
fn has_hours(interval: &Expr, own: &DataType) -> bool {
    match interval {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _) => interval.nanoseconds != 0,
        Expr::Literal(ScalarValue::IntervalDayTime(Some(interval)), _) => interval.milliseconds != 0,
        Expr::Negative(inner) => has_hours(inner, own),
        _ => matches!(own, DataType::Interval(_)),
    }
}

fn moment(date: Expr) -> Expr {
    cast(date, DataType::Timestamp(TimeUnit::Nanosecond, None))
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}
