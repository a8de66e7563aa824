//! Filters that name the outer row, above all of their subquery, with what they compare.
//!
//! `SELECT v FROM (SELECT v FROM i WHERE f(i.k) = o.k LIMIT 2)` is `SELECT v FROM (i with its first two rows of each f(k)) WHERE
//! f(k) = o.k`. What a filter compares is a column from there up; groups, windows, distinct rows and limits go by it as well.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::logical_plan::{Filter, Projection};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, Subquery};

use super::is_correlated;
use super::pull::{Pull, Pulled, equality, with_input};

/// The subquery with its filters above, where the place of a filter matters and it can be moved.
pub(super) fn above(subquery: Subquery) -> Result<Transformed<Subquery>> {
    if !is_correlated(&subquery.subquery) {
        return Ok(Transformed::no(subquery));
    }
    match below_one_row(&subquery.subquery)? {
        Some(plan) => Ok(Transformed::yes(subquery.with_plan(Arc::new(plan)))),
        None => Ok(Transformed::no(subquery)),
    }
}

/// The plan with its filters above, or below its aggregate if that is of all rows: it has a row whatever the filter says.
fn below_one_row(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    let Some(input) = above_one_row(plan) else {
        return if places_matter(plan, false) { pulled_up(plan) } else { Ok(None) };
    };
    let below = if let LogicalPlan::Aggregate(_) = plan {
        if places_matter(input, true) { pulled_up(input)? } else { None }
    } else {
        below_one_row(input)?
    };
    below.map(|input| with_input(plan, input)).transpose()
}

/// What is below a node on the way to an aggregate of all rows.
fn above_one_row(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    let leads = |plan: &LogicalPlan| above_one_row(plan).is_some();
    match plan {
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => Some(&aggregate.input),
        LogicalPlan::Projection(projection) => Some(projection.input.as_ref()).filter(|input| leads(input)),
        LogicalPlan::Filter(filter) => Some(filter.input.as_ref()).filter(|input| leads(input)),
        LogicalPlan::SubqueryAlias(alias) => Some(alias.input.as_ref()).filter(|input| leads(input)),
        LogicalPlan::Sort(sort) => Some(sort.input.as_ref()).filter(|input| leads(input)),
        LogicalPlan::Limit(limit) => Some(limit.input.as_ref()).filter(|input| leads(input)),
        _ => None,
    }
}

/// Whether it matters where a filter stands that names the outer row: `grouped` says that an aggregate is above.
fn places_matter(plan: &LogicalPlan, grouped: bool) -> bool {
    let correlated = is_correlated(plan);
    match plan {
        // One beside the filter would go, too.
        LogicalPlan::Limit(_) => true,
        LogicalPlan::Window(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Distinct(_) | LogicalPlan::Sort(_)
            if correlated =>
        {
            true
        }
        LogicalPlan::Join(join) if correlated && join.join_type != JoinType::Inner => true,
        LogicalPlan::Filter(filter) if grouped && !compares_columns(&filter.predicate) => true,
        // DataFusion takes columns of one name for one, whosever they are.
        LogicalPlan::Filter(filter) if filter.predicate.contains_outer() && has_namesakes(filter.input.schema()) => true,
        LogicalPlan::Aggregate(_) => plan.inputs().into_iter().any(|input| places_matter(input, true)),
        other => other.inputs().into_iter().any(|input| places_matter(input, grouped)),
    }
}

/// Whether two columns have one name, as those of two tables may.
fn has_namesakes(schema: &DFSchema) -> bool {
    let mut names = HashSet::new();
    schema.fields().iter().any(|field| !names.insert(field.name()))
}

/// Whether a filter names the outer row in equalities with columns alone.
fn compares_columns(predicate: &Expr) -> bool {
    let parts = split_conjunction_owned(predicate.clone());
    parts
        .into_iter()
        .filter(Expr::contains_outer)
        .all(|part| equality(&part).is_some_and(|(inner, _, _)| matches!(inner, Expr::Column(_))))
}

/// The columns of the plan where the filters hold; none if one of them cannot be moved.
fn pulled_up(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    let columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let Some(Pulled { plan, conditions, .. }) = Pull::default().up(plan)? else { return Ok(None) };
    let Some(condition) = conjunction(conditions.into_iter().map(|condition| condition.predicate)) else { return Ok(None) };
    let filtered = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(plan))?);
    Ok(Some(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(filtered))?)))
}
