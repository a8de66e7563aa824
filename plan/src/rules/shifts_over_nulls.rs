//! `LEAD(v, 2) IGNORE NULLS` and its like look at all rows of a partition at once.
//!
//! Row by row, DataFusion 55 loses count of the nulls behind the last value that it has seen. Its computation of a whole partition is right.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr::NullTreatment;
use datafusion::logical_expr::{Expr, LogicalPlan, WindowFunctionDefinition, WindowUDF};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression::rewritten;
use crate::functions::WholeShift;

/// See the module.
#[derive(Debug)]
pub struct ShiftsOverNulls;

impl AnalyzerRule for ShiftsOverNulls {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |expr| shift(expr).is_some(), of_whole_partitions)
    }

    fn name(&self) -> &str {
        "shifts_over_nulls"
    }
}

/// DataFusion's function of a shift that skips nulls.
fn shift(expr: &Expr) -> Option<&Arc<WindowUDF>> {
    let Expr::WindowFunction(call) = expr else { return None };
    let WindowFunctionDefinition::WindowUDF(function) = &call.fun else { return None };
    let skips = call.params.null_treatment == Some(NullTreatment::IgnoreNulls);
    (skips && matches!(function.name(), "lead" | "lag") && !function.inner().is::<WholeShift>()).then_some(function)
}

fn of_whole_partitions(mut expr: Expr) -> Result<Transformed<Expr>> {
    let whole = shift(&expr).map(|function| WindowUDF::new_from_impl(WholeShift::new(Arc::clone(function))));
    match (whole, &mut expr) {
        (Some(whole), Expr::WindowFunction(call)) => {
            call.fun = WindowFunctionDefinition::WindowUDF(Arc::new(whole));
            Ok(Transformed::yes(expr))
        }
        _ => Ok(Transformed::no(expr)),
    }
}
