//! What a training learns from is the same bits each time it is computed: below a training float aggregates are exact.
//!
//! Plain ones add up in the order in which threads bring the rows, so that the rows of `SELECT g, avg(x) ... GROUP BY g` would be other
//! ones in the last bits each time. Queries outside of a training keep them: they are faster.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, Extension, LogicalPlan, WindowFunctionDefinition};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::{EXACT_RESULT, exact_form};
use crate::ops::train::TrainNode;

/// See the module.
#[derive(Debug)]
pub struct ReproducibleTraining;

impl AnalyzerRule for ReproducibleTraining {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_down_with_subqueries(|node| match is_to_repeat(&node) {
            true => with_exact_aggregates(node).map(Transformed::yes),
            false => Ok(Transformed::no(node)),
        })
        .data()
    }

    fn name(&self) -> &str {
        "reproducible_training"
    }
}

fn is_to_repeat(plan: &LogicalPlan) -> bool {
    let LogicalPlan::Extension(Extension { node }) = plan else { return false };
    node.as_any().downcast_ref::<TrainNode>().is_some_and(|training| training.job().reproducible)
}

/// The plan, each aggregate of floats that has an exact form in that form, in windows and subqueries too.
pub fn with_exact_aggregates(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_down_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        node.map_expressions(|expr| expr.transform_down(|part| exact(part, &schema)))
    })
    .data()
}

fn exact(mut expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let plain = match &expr {
        Expr::AggregateFunction(call) => &call.func,
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(function) => function,
            WindowFunctionDefinition::WindowUDF(_) => return Ok(Transformed::no(expr)),
        },
        _ => return Ok(Transformed::no(expr)),
    };
    let Some(form) = exact_form(plain).filter(|_| expr.get_type(schema).is_ok_and(|result| result == EXACT_RESULT)) else {
        return Ok(Transformed::no(expr));
    };
    match &mut expr {
        Expr::AggregateFunction(call) => call.func = form,
        Expr::WindowFunction(call) => call.fun = WindowFunctionDefinition::AggregateUDF(form),
        _ => {}
    }
    Ok(Transformed::yes(expr))
}
