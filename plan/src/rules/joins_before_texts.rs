//! Rows that a join drops go through no model: below an operator over texts, a semi join keeps those that the join above has a use for.
//!
//! The join itself stays where it is, since it may double rows; what it joins with is computed twice, which is nothing beside a
//! model. It is not moved where that could be something else the second time, or does more than read. Decision 161.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinConstraint, JoinType, Result};
use datafusion::logical_expr::{Expr, Join, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::prelude::col;

use super::above_texts::AboveTexts;

/// The name of what is wanted below.
const WANTED: &str = "__wanted";

/// See the module.
#[derive(Debug)]
pub struct JoinsBeforeTexts;

impl OptimizerRule for JoinsBeforeTexts {
    fn name(&self) -> &str {
        "joins_before_texts"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Join(join) = &plan else { return Ok(Transformed::no(plan)) };
        let (mut left, mut right) = (None, None);
        if drops_left(join) {
            left = reduced(join, true)?;
        }
        if drops_right(join) && left.is_none() {
            right = reduced(join, false)?;
        }
        if left.is_none() && right.is_none() {
            return Ok(Transformed::no(plan));
        }
        let sides = [left, right].into_iter().zip([&join.left, &join.right]);
        let inputs = sides.map(|(new, old)| new.unwrap_or_else(|| old.as_ref().clone())).collect();
        Ok(Transformed::yes(plan.with_new_exprs(plan.expressions(), inputs)?))
    }
}

/// True if a row of the left that has no partner is in no result.
fn drops_left(join: &Join) -> bool {
    matches!(join.join_type, JoinType::Inner | JoinType::LeftSemi | JoinType::Right)
}

fn drops_right(join: &Join) -> bool {
    matches!(join.join_type, JoinType::Inner | JoinType::RightSemi | JoinType::Left)
}

/// A side with the rows alone that have a partner, as far as keys tell that the model does not make; None if there is no model, or
/// none of these keys.
fn reduced(join: &Join, of_left: bool) -> Result<Option<LogicalPlan>> {
    let (own, other) = if of_left { (&join.left, &join.right) } else { (&join.right, &join.left) };
    let Some(above) = AboveTexts::of(own, true) else { return Ok(None) };
    if !only_reads(other) || is_reduced(above.input()) {
        return Ok(None);
    }
    let sides = |(l, r): &(Expr, Expr)| if of_left { (l.clone(), r.clone()) } else { (r.clone(), l.clone()) };
    let keys = join.on.iter().map(sides).filter_map(|(own, other)| Some((above.lowered(&own)?, other)));
    let (own_keys, other_keys): (Vec<Expr>, Vec<Expr>) = keys.unzip();
    if own_keys.is_empty() {
        return Ok(None);
    }
    let name = |at: usize| format!("{WANTED}_{at}");
    let wanted = other_keys.into_iter().enumerate().map(|(at, key)| key.alias(name(at)));
    let wanted = LogicalPlanBuilder::from(other.as_ref().clone()).project(wanted)?.alias(WANTED)?.build()?;
    let on = own_keys.into_iter().enumerate().map(|(at, key)| (col(format!("{WANTED}.{}", name(at))), key)).collect();
    // What is wanted is kept in a table, and the rows stream by it in their order.
    let (left, right) = (Arc::new(wanted), Arc::new(above.input().clone()));
    let semi = Join::try_new(left, right, on, None, JoinType::RightSemi, JoinConstraint::On, join.null_equality, false)?;
    above.over(LogicalPlan::Join(semi)).map(Some)
}

/// True if this rule was here already.
fn is_reduced(input: &LogicalPlan) -> bool {
    let is_wanted = |plan: &LogicalPlan| matches!(plan, LogicalPlan::SubqueryAlias(alias) if alias.alias.table() == WANTED);
    input.exists(|plan| Ok(is_wanted(plan))).unwrap_or(true)
}

/// True of what gives the same rows each time, and does nothing else.
fn only_reads(plan: &LogicalPlan) -> bool {
    let is_plain = |plan: &LogicalPlan| {
        let is_known = matches!(
            plan,
            LogicalPlan::Projection(_)
                | LogicalPlan::Filter(_)
                | LogicalPlan::Aggregate(_)
                | LogicalPlan::Join(_)
                | LogicalPlan::Union(_)
                | LogicalPlan::Distinct(_)
                | LogicalPlan::SubqueryAlias(_)
                | LogicalPlan::TableScan(_)
                | LogicalPlan::EmptyRelation(_)
                | LogicalPlan::Values(_)
        );
        is_known && !plan.expressions().iter().any(Expr::is_volatile)
    };
    !plan.exists(|plan| Ok(!is_plain(plan))).unwrap_or(true)
}
