//! What of correlated subqueries would still be answered wrongly: an error.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::logical_plan::{Filter, Join};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Distinct, Expr, JoinType, LogicalPlan};
use gradframe_ml_core::Error;

use super::{is_correlated, subquery_of};
use crate::error::to_datafusion;

/// Refuses a plan with a subquery whose filters that name the outer row would be taken past what they come before.
pub(super) fn checked(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Subquery(subquery) = node {
            known(&subquery.subquery, One::Row)?;
        }
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Some(subquery) = subquery_of(part) {
                    let scalar = matches!(part, Expr::ScalarSubquery(_));
                    known(&subquery.subquery, if scalar { One::Row } else { One::Refused })?;
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

/// What an aggregate of all rows is here.
#[derive(Clone, Copy)]
enum One {
    /// DataFusion gives its row where there are none.
    Row,
    /// It forgets it.
    Refused,
}

fn known(plan: &LogicalPlan, one: One) -> Result<()> {
    if !is_correlated(plan) {
        return Ok(());
    }
    let below = match plan {
        LogicalPlan::Limit(_) => return Err(refused("LIMIT or OFFSET")),
        LogicalPlan::Window(window) if is_correlated(&window.input) => return Err(refused("a window function")),
        LogicalPlan::Distinct(Distinct::On(_)) => return Err(refused("DISTINCT ON")),
        LogicalPlan::Aggregate(aggregate) => match (aggregate.group_expr.as_slice(), one) {
            ([], One::Refused) => return Err(refused("an aggregate without GROUP BY")),
            (groups, _) if groups.iter().any(|group| matches!(group, Expr::GroupingSet(_))) => {
                return Err(refused("ROLLUP, CUBE or GROUPING SETS"));
            }
            _ => One::Refused,
        },
        LogicalPlan::Filter(filter) if reads_a_namesake(filter) => return Err(refused("columns of one name")),
        LogicalPlan::Join(join) if depends_on_matches(plan, join)? => return Err(refused("an outer, semi or anti join")),
        // DataFusion takes limits away beside a filter, too.
        LogicalPlan::Join(_) | LogicalPlan::Union(_) if limits(plan)? => return Err(refused("LIMIT or OFFSET")),
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Sort(_) => one,
        _ => One::Refused,
    };
    plan.inputs().into_iter().try_for_each(|input| known(input, below))
}

/// Whether a part that names the outer row reads a column beside which there is another of its name: DataFusion takes them for one.
fn reads_a_namesake(filter: &Filter) -> bool {
    let fields = filter.input.schema().fields();
    let has_namesake = |name: &str| fields.iter().filter(|field| field.name() == name).count() > 1;
    let outer = split_conjunction(&filter.predicate).into_iter().filter(|part| part.contains_outer());
    outer.flat_map(Expr::column_refs).any(|column| has_namesake(&column.name))
}

/// Whether the outer row says which rows of a join match, where rows without a match count as well.
fn depends_on_matches(plan: &LogicalPlan, join: &Join) -> Result<bool> {
    let (left, right) = match join.join_type {
        JoinType::Inner => return Ok(false),
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => (false, true),
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => (true, false),
        JoinType::Full => (true, true),
    };
    let in_sides = left && names_outer(&join.left)? || right && names_outer(&join.right)?;
    Ok(in_sides || plan.contains_outer_reference())
}

/// Whether the rows depend on the outer row. What LATERAL stands for depends on another one.
fn names_outer(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        if matches!(node, LogicalPlan::Subquery(_)) {
            return Ok(TreeNodeRecursion::Jump);
        }
        found |= node.contains_outer_reference();
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn limits(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::Limit(_))))
}

fn refused(what: &str) -> DataFusionError {
    let what = format!("a subquery with {what} over rows that depend on the outer row cannot be planned here");
    let hint = "let the subquery depend on the outer row by equality of columns, or write a join";
    to_datafusion(Error::not_implemented("query", what).hint(hint))
}
