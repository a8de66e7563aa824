//! Models over texts in expressions become columns of operators below: `SELECT embed(content)` reads the column that an Embed appends.
//!
//! Equal calls of a node are one column, and a filter on cheaper columns still goes below the operator. Calls in calls
//! (`generate(..)` that is embedded) make one operator above the other.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, HashSet};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::AnalyzerRule;
use gradframe_ml_core::Error;

use crate::error::to_datafusion;
use crate::ops::text::{TextCall, TextColumn, TextNode};

/// See the module. Comes after types were coerced.
#[derive(Debug)]
pub struct TextCalls;

impl AnalyzerRule for TextCalls {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(planned).data()
    }

    fn name(&self) -> &str {
        "text_calls"
    }
}

fn planned(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if !node.expressions().iter().any(has_call) {
        return Ok(Transformed::no(node));
    }
    let names = NamePreserver::new(&node);
    let mut exprs = node.expressions();
    let saved: Vec<_> = exprs.iter().map(|expr| names.save(expr)).collect();
    let mut inputs: Vec<LogicalPlan> = node.inputs().into_iter().cloned().collect();
    while exprs.iter().any(has_call) {
        let columns = appended(&exprs, &mut inputs)?;
        exprs = exprs.into_iter().map(|expr| replaced(expr, &columns)).collect::<Result<_>>()?;
    }
    let exprs = saved.into_iter().zip(exprs).map(|(name, expr)| name.restore(expr)).collect();
    let above = node.with_new_exprs(exprs, inputs)?;
    only(above, node.schema()).map(Transformed::yes)
}

fn has_call(expr: &Expr) -> bool {
    expr.exists(|e| Ok(TextCall::of(e).is_some())).unwrap_or(false)
}

/// Appends to the inputs what the innermost calls give; the columns by their calls.
fn appended(exprs: &[Expr], inputs: &mut [LogicalPlan]) -> Result<HashMap<Expr, Expr>> {
    let mut calls = Vec::new();
    for expr in exprs {
        expr.apply(|e| {
            if let Some((_, texts)) = TextCall::of(e)
                && !texts.iter().any(has_call)
                && !calls.contains(e)
            {
                calls.push(e.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    let mut columns = HashMap::new();
    for call in calls {
        let Some((own, texts)) = TextCall::of(&call) else { continue };
        let read: HashSet<&Column> = texts.iter().flat_map(Expr::column_refs).collect();
        let side = inputs.iter_mut().find(|input| read.iter().all(|column| input.schema().has_column(column)));
        let side = side.ok_or_else(|| to_datafusion(no_side(own)))?;
        let column = column(own, side.schema());
        columns.insert(call.clone(), Expr::Column(Column::new_unqualified(&*column.name)));
        *side = TextNode::of_call(side.clone(), own, texts.to_vec(), column).map_err(to_datafusion)?;
    }
    Ok(columns)
}

fn no_side(call: &TextCall) -> Error {
    let what = "reads columns of both sides of a join, or of another query";
    Error::plan(call.task.op(), what).hint("join first, and compute it in a step above")
}

/// The column of a call, under a name that the input does not have: `__embed_1`.
fn column(call: &TextCall, schema: &DFSchema) -> TextColumn {
    let stem = call.task.name().to_lowercase();
    let free = |name: &String| schema.fields().iter().all(|field| field.name() != name);
    let name = (1..).map(|i| format!("__{stem}_{i}")).find(free).unwrap_or(stem.clone());
    TextColumn { output: call.output.clone(), name: Arc::from(name) }
}

fn replaced(expr: Expr, columns: &HashMap<Expr, Expr>) -> Result<Expr> {
    let column = |e: Expr| match columns.get(&e) {
        Some(column) => Ok(Transformed::yes(column.clone())),
        None => Ok(Transformed::no(e)),
    };
    expr.transform_up(column).data()
}

/// The plan with the columns of this schema alone.
fn only(plan: LogicalPlan, schema: &DFSchema) -> Result<LogicalPlan> {
    if plan.schema().fields().len() == schema.fields().len() {
        return Ok(plan);
    }
    let columns = schema.columns().into_iter().map(Expr::Column);
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}
