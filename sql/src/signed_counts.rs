//! Windows and aggregates that count give 64-bit integers with a sign, as `count` does.
//!
//! DataFusion 55 gives UInt64: `row_number() OVER () / 2` was 0.5, a difference of two could not be negative, and -1 was no default for `lag` of one.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr, RawWindowExpr};
use datafusion::logical_expr::{Expr, cast};

/// Those whose results are UInt64.
pub const SIGNED_COUNTS: [&str; 6] = ["row_number", "rank", "dense_rank", "ntile", "approx_distinct", "regr_count"];

/// See the module.
#[derive(Debug)]
pub(crate) struct SignedCounts;

impl ExprPlanner for SignedCounts {
    fn plan_window(&self, raw: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        if !SIGNED_COUNTS.contains(&raw.func_def.name()) {
            return Ok(PlannerResult::Original(raw));
        }
        let RawWindowExpr { func_def: fun, args, partition_by, order_by, window_frame, filter, null_treatment, distinct } = raw;
        let params = WindowFunctionParams { args, partition_by, order_by, window_frame, filter, null_treatment, distinct };
        Ok(PlannerResult::Planned(signed(Expr::WindowFunction(Box::new(WindowFunction { fun, params })))))
    }

    fn plan_aggregate(&self, raw: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        if !SIGNED_COUNTS.contains(&raw.func.name()) {
            return Ok(PlannerResult::Original(raw));
        }
        let RawAggregateExpr { func, args, distinct, filter, order_by, null_treatment } = raw;
        let params = AggregateFunctionParams { args, distinct, filter, order_by, null_treatment };
        Ok(PlannerResult::Planned(signed(Expr::AggregateFunction(AggregateFunction { func, params }))))
    }
}

fn signed(count: Expr) -> Expr {
    cast(count, DataType::Int64)
}
