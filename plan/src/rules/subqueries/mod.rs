//! Subqueries that DataFusion 55 would answer wrongly without a word, written so that it answers them as SQL has it; the rest of
//! them refused.
//!
//! DataFusion makes joins of subqueries by pulling the filters that name the outer row above all that stands over them. That
//! loses what a null means in joins that mark rows or correlate, the row that an aggregate has of no rows, and what a limit, a
//! window, or a group by a cast counts. So an `IN` whose nulls matter becomes two-valued tests, one over the only row of an
//! aggregate a comparison with it, and filters that name the outer row are pulled up here, with what they compare, first.

mod one_row;
mod pull;
mod pulled_up;
mod refused;
mod three_valued;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::Exists;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::logical_plan::Filter;
use datafusion::logical_expr::utils::{conjunction, merge_schema, split_conjunction_owned};
use datafusion::logical_expr::{Distinct, Expr, FetchType, JoinType, LogicalPlan, SkipType, Subquery};
use datafusion::optimizer::AnalyzerRule;

use self::three_valued::Tests;

/// See the module. Comes after types were coerced: both sides of a test have one.
#[derive(Debug)]
pub struct SubqueryAnswers;

impl AnalyzerRule for SubqueryAnswers {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        if !has_subqueries(&plan)? {
            return Ok(plan);
        }
        plan.transform_up_with_subqueries(unlimited)?.data.transform_up_with_subqueries(answered).data()
    }

    fn name(&self) -> &str {
        "subquery_answers"
    }
}

/// See the module. Comes after all rules that write subqueries.
#[derive(Debug)]
pub struct RefusedSubqueries;

impl AnalyzerRule for RefusedSubqueries {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        refused::checked(&plan)?;
        Ok(plan)
    }

    fn name(&self) -> &str {
        "refused_subqueries"
    }
}

fn has_subqueries(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::Subquery(_)) || tests_subqueries(node)))
}

fn tests_subqueries(node: &LogicalPlan) -> bool {
    node.expressions().iter().any(|expr| expr.exists(|part| Ok(subquery_of(part).is_some())).unwrap_or(false))
}

/// The subquery that an expression is about.
fn subquery_of(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::Exists(test) => Some(&test.subquery),
        Expr::InSubquery(test) => Some(&test.subquery),
        Expr::SetComparison(test) => Some(&test.subquery),
        Expr::ScalarSubquery(subquery) => Some(subquery),
        _ => None,
    }
}

fn is_correlated(plan: &LogicalPlan) -> bool {
    !plan.all_out_ref_exprs().is_empty()
}

/// Whether rows exist is asked without orders and limits that take none away.
fn unlimited(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if !tests_subqueries(&node) {
        return Ok(Transformed::no(node));
    }
    let names = NamePreserver::new(&node);
    node.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|expr| match expr {
            Expr::Exists(Exists { subquery, negated }) => {
                let subquery = subquery.with_plan(any_rows(&subquery.subquery)?);
                Ok(Transformed::yes(Expr::Exists(Exists { subquery, negated })))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })
}

fn any_rows(rows: &Arc<LogicalPlan>) -> Result<Arc<LogicalPlan>> {
    match rows.as_ref() {
        LogicalPlan::Distinct(Distinct::All(input)) => any_rows(input),
        LogicalPlan::Sort(sort) if sort.fetch.is_none_or(|fetch| fetch > 0) => any_rows(&sort.input),
        LogicalPlan::Limit(limit) => match (limit.get_skip_type()?, limit.get_fetch_type()?) {
            (SkipType::Literal(0), FetchType::Literal(fetch)) if fetch.is_none_or(|fetch| fetch > 0) => any_rows(&limit.input),
            _ => Ok(Arc::clone(rows)),
        },
        _ => Ok(Arc::clone(rows)),
    }
}

fn answered(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if let LogicalPlan::Subquery(subquery) = node {
        return Ok(pulled_up::above(subquery)?.update_data(LogicalPlan::Subquery));
    }
    let filters = match &node {
        LogicalPlan::Filter(_) | LogicalPlan::Join(_) => true,
        LogicalPlan::Projection(_) => false,
        _ => return Ok(Transformed::no(node)),
    };
    if !tests_subqueries(&node) && !names_outer_in_a_join(&node) {
        return Ok(Transformed::no(node));
    }
    let node = above_a_join(node)?;
    let input = &merge_schema(&node.inputs());
    let names = NamePreserver::new(&node);
    node.map_expressions(|expr| {
        let name = names.save(&expr);
        let told = Tests { filters, input }.told(expr)?;
        Ok(Transformed::yes(name.restore(told)))
    })?
    .map_data(LogicalPlan::recompute_schema)
}

fn names_outer_in_a_join(node: &LogicalPlan) -> bool {
    matches!(node, LogicalPlan::Join(_)) && node.contains_outer_reference()
}

/// What the condition of an inner join says of subqueries and of the outer row, as a filter of its rows: a join has to know which side a part is
/// about, and joins are made of filters alone.
fn above_a_join(node: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Join(mut join) = node else { return Ok(node) };
    if join.join_type != JoinType::Inner {
        return Ok(LogicalPlan::Join(join));
    }
    let parts = join.filter.take().map(split_conjunction_owned).unwrap_or_default();
    let is_above = |part: &Expr| part.contains_outer() || part.exists(|part| Ok(subquery_of(part).is_some())).unwrap_or(false);
    let (above, own): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_above);
    join.filter = conjunction(own);
    let join = LogicalPlan::Join(join);
    match conjunction(above) {
        Some(above) => Ok(LogicalPlan::Filter(Filter::try_new(above, Arc::new(join))?)),
        None => Ok(join),
    }
}
