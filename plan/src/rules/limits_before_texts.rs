//! Rows that an OFFSET skips go through no model: `LIMIT 3 OFFSET 10` above an operator over texts is cut below it, and so is a limit of
//! rows sorted by what the model does not make.
//!
//! DataFusion puts a limit of 13 below, since it moves what is fetched alone. Operators over texts keep rows one to one and in order.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Limit, LogicalPlan, Sort, SortExpr};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::above_texts::AboveTexts;

/// See the module.
#[derive(Debug)]
pub struct LimitsBeforeTexts;

impl OptimizerRule for LimitsBeforeTexts {
    fn name(&self) -> &str {
        "limits_before_texts"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Limit(limit) = &plan else { return Ok(Transformed::no(plan)) };
        let lower = match limit.input.as_ref() {
            LogicalPlan::Sort(sort) => sorted(limit, sort)?,
            input => skipped(limit, input)?,
        };
        Ok(lower.map_or_else(|| Transformed::no(plan), Transformed::yes))
    }
}

/// What is skipped is skipped below.
fn skipped(limit: &Limit, input: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    let Some(above) = limit.skip.as_ref().and_then(|_| AboveTexts::of(input, false)) else { return Ok(None) };
    let limit = Limit { input: Arc::new(above.input().clone()), ..limit.clone() };
    above.over(LogicalPlan::Limit(limit)).map(Some)
}

/// Rows are sorted and cut below, and those that are left sorted again above: what reads them asks for their order.
fn sorted(limit: &Limit, sort: &Sort) -> Result<Option<LogicalPlan>> {
    let Some(above) = limit.fetch.as_ref().and_then(|_| AboveTexts::of(&sort.input, false)) else { return Ok(None) };
    let lowered = |key: &SortExpr| Some(SortExpr { expr: above.lowered(&key.expr)?, ..key.clone() });
    let Some(keys) = sort.expr.iter().map(lowered).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let below = Sort { expr: keys, input: Arc::new(above.input().clone()), fetch: None };
    let limit = Limit { input: Arc::new(LogicalPlan::Sort(below)), ..limit.clone() };
    let cut = above.over(LogicalPlan::Limit(limit))?;
    Ok(Some(LogicalPlan::Sort(Sort { expr: sort.expr.clone(), input: Arc::new(cut), fetch: None })))
}
