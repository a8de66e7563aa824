//! What a training learns from is the same bits each time it is computed: below a training float aggregates are exact.
//!
//! Plain ones add up in the order in which threads bring the rows, so that the rows of `SELECT g, avg(x) ... GROUP BY g` would be other
//! ones in the last bits each time. Queries outside of a training keep them: they are faster.
//!
//! A training over the time (`now()`) does not repeat. It is told so here, before the time is a constant like any other.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, Extension, LogicalPlan, Volatility, WindowFunctionDefinition};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::{EXACT_RESULT, exact_form};
use crate::ops::train::TrainNode;

/// See the module.
#[derive(Debug)]
pub struct ReproducibleTraining;

impl AnalyzerRule for ReproducibleTraining {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_down_with_subqueries(|node| {
            let Some(training) = training(&node) else { return Ok(Transformed::no(node)) };
            let (is_to_repeat, asks_clock) = (training.job().reproducible, !training.asks_clock() && asks_clock(&node)?);
            let told = asks_clock.then(|| LogicalPlan::Extension(Extension { node: Arc::new(training.asking_clock()) }));
            let (is_told, node) = (told.is_some(), told.unwrap_or(node));
            match is_to_repeat {
                true => with_exact_aggregates(node).map(Transformed::yes),
                false => Ok(Transformed::new_transformed(node, is_told)),
            }
        })
        .data()
    }

    fn name(&self) -> &str {
        "reproducible_training"
    }
}

fn training(plan: &LogicalPlan) -> Option<&TrainNode> {
    let LogicalPlan::Extension(Extension { node }) = plan else { return None };
    node.as_any().downcast_ref()
}

/// Whether a function of the plan gives another value in another query, as clocks do; and what is drawn in VALUES, which are rows before there is a
/// physical plan to look at.
fn asks_clock(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        let is_values = matches!(node, LogicalPlan::Values(_));
        node.apply_expressions(|expr| {
            found |= expr.exists(|part| Ok(is_stable(part)))? || is_values && expr.is_volatile();
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    })?;
    Ok(found)
}

fn is_stable(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if call.func.signature().volatility == Volatility::Stable)
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
