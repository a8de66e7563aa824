//! Predictions that nobody reads are not computed, and a Predict without any is no operator at all.
//!
//! DataFusion's own projection rule prunes the input of an extension node but cannot take away its outputs. This rule
//! starts where a plan states what it reads (Projection, Aggregate, Evaluate) and walks down through the operators that pass
//! columns on by position, to the Predicts (and Embeds, Generates and Classifys) below.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, SubqueryAlias, UserDefinedLogicalNode};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::ops::evaluate::EvaluateNode;
use crate::ops::predict::PredictNode;
use crate::ops::text::TextNode;

/// See the module.
#[derive(Debug)]
pub struct PruneModelRule;

/// Indices into a schema.
type Needed = BTreeSet<usize>;

impl OptimizerRule for PruneModelRule {
    fn name(&self) -> &str {
        "prune_model"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if !states_what_it_reads(&plan) {
            return Ok(Transformed::no(plan));
        }
        let [input] = plan.inputs()[..] else { return Ok(Transformed::no(plan)) };
        let Some(needed) = read(&plan.expressions(), input.schema()) else { return Ok(Transformed::no(plan)) };
        match prune(input, &needed)? {
            None => Ok(Transformed::no(plan)),
            Some(pruned) => Ok(Transformed::yes(plan.with_new_exprs(plan.expressions(), vec![pruned])?)),
        }
    }
}

fn states_what_it_reads(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => true,
        LogicalPlan::Extension(extension) => extension.node.as_any().is::<EvaluateNode>(),
        _ => false,
    }
}

/// The columns of `schema` that the expressions read; None where that cannot be told (a correlated subquery).
fn read(exprs: &[Expr], schema: &DFSchema) -> Option<Needed> {
    if exprs.iter().any(holds_correlated_subquery) {
        return None;
    }
    exprs.iter().flat_map(Expr::column_refs).map(|column| schema.maybe_index_of_column(column)).collect()
}

fn holds_correlated_subquery(expr: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    let correlated = |e: &Expr| match e {
        Expr::ScalarSubquery(q) => !q.outer_ref_columns.is_empty(),
        Expr::Exists(e) => !e.subquery.outer_ref_columns.is_empty(),
        Expr::InSubquery(e) => !e.subquery.outer_ref_columns.is_empty(),
        Expr::SetComparison(e) => !e.subquery.outer_ref_columns.is_empty(),
        _ => false,
    };
    expr.exists(|e| Ok(correlated(e))).unwrap_or(true)
}

/// The plan with fewer predictions, given the columns that are read of it; None if nothing changes.
fn prune(plan: &LogicalPlan, needed: &Needed) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => prune_below(plan, needed),
        LogicalPlan::SubqueryAlias(alias) => prune_alias(alias, needed),
        LogicalPlan::Extension(extension) => match Appends::of(extension.node.as_ref()) {
            Some(node) => prune_appending(&node, needed),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Operators whose schema is their input's.
fn prune_below(plan: &LogicalPlan, needed: &Needed) -> Result<Option<LogicalPlan>> {
    let [input] = plan.inputs()[..] else { return Ok(None) };
    let Some(own) = read(&plan.expressions(), input.schema()) else { return Ok(None) };
    let needed = needed.union(&own).copied().collect();
    let pruned = prune(input, &needed)?;
    pruned.map(|input| plan.with_new_exprs(plan.expressions(), vec![input])).transpose()
}

fn prune_alias(alias: &SubqueryAlias, needed: &Needed) -> Result<Option<LogicalPlan>> {
    let pruned = prune(&alias.input, needed)?;
    let renamed = |input| SubqueryAlias::try_new(Arc::new(input), alias.alias.clone()).map(LogicalPlan::SubqueryAlias);
    pruned.map(renamed).transpose()
}

/// An operator that gives its input with columns appended.
enum Appends<'a> {
    Predict(&'a PredictNode),
    Text(&'a TextNode),
}

impl<'a> Appends<'a> {
    fn of(node: &'a dyn UserDefinedLogicalNode) -> Option<Self> {
        let node = node.as_any();
        node.downcast_ref().map(Appends::Predict).or_else(|| node.downcast_ref().map(Appends::Text))
    }

    fn input(&self) -> &LogicalPlan {
        match self {
            Appends::Predict(node) => node.input(),
            Appends::Text(node) => node.input(),
        }
    }

    /// What it reads of its input.
    fn reads(&self) -> Vec<Expr> {
        match self {
            Appends::Predict(node) => node.features().to_vec(),
            Appends::Text(node) => node.texts().to_vec(),
        }
    }

    fn outputs(&self) -> usize {
        match self {
            Appends::Predict(node) => node.outputs().len(),
            Appends::Text(node) => node.outputs().len(),
        }
    }

    /// The same of another input, with the outputs of these numbers.
    fn rebuilt(&self, input: LogicalPlan, kept: &[usize]) -> Result<LogicalPlan> {
        match self {
            Appends::Predict(node) => node.rebuilt(input, kept.iter().map(|&i| node.outputs()[i]).collect()),
            Appends::Text(node) => node.rebuilt(input, kept.iter().map(|&i| node.outputs()[i].clone()).collect()),
        }
    }
}

fn prune_appending(node: &Appends, needed: &Needed) -> Result<Option<LogicalPlan>> {
    let passed = node.input().schema().fields().len();
    let kept: Vec<usize> = (0..node.outputs()).filter(|at| needed.contains(&(passed + at))).collect();
    let input = prune_input(node, needed, passed, kept.is_empty())?;
    if input.is_none() && kept.len() == node.outputs() {
        return Ok(None);
    }
    node.rebuilt(input.unwrap_or_else(|| node.input().clone()), &kept).map(Some)
}

/// One below another: what it appends may be what the one above reads.
fn prune_input(node: &Appends, needed: &Needed, passed: usize, reads_fall: bool) -> Result<Option<LogicalPlan>> {
    let mut below: Needed = needed.range(..passed).copied().collect();
    if !reads_fall {
        let Some(own) = read(&node.reads(), node.input().schema()) else { return Ok(None) };
        below.extend(own);
    }
    prune(node.input(), &below)
}
