//! Aggregates of a whole table are answered by the statistics of what they read themselves.
//!
//! DataFusion's `aggregate_statistics` looks below an aggregate for the one that computes its parts, and goes on looking where that one has a FILTER: it took
//! the next below, of a subquery, for it. Here each aggregate is shown to it alone, with what it reads as a source.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode};

use super::fence::Plan;
use super::settled_limits::{Settled, opened, with_input};

/// DataFusion's rule, shown one aggregate at a time.
pub struct OwnStatistics {
    /// DataFusion's.
    pub rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
}

impl fmt::Debug for OwnStatistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnStatistics").field(&self.rule).finish()
    }
}

impl PhysicalOptimizerRule for OwnStatistics {
    fn optimize(&self, plan: Plan, config: &ConfigOptions) -> Result<Plan> {
        let answered = |node: Plan| match alone(&node)? {
            Some(alone) => {
                let answered = self.rule.optimize(Arc::clone(&alone), config)?;
                if answered.is::<AggregateExec>() { Ok(Transformed::no(node)) } else { Ok(Transformed::yes(opened(answered)?)) }
            }
            None => Ok(Transformed::no(node)),
        };
        plan.transform_up(answered).data()
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}

/// An aggregate of all rows, and the one of its parts, over a source. None for any other, and with a FILTER.
fn alone(node: &Plan) -> Result<Option<Plan>> {
    let Some(aggregate) = of_all_rows(node) else { return Ok(None) };
    let settled = |input: &Plan| Ok(Arc::new(Settled::new(Arc::clone(input), false)?) as Plan);
    if reads_rows(aggregate) {
        return with_input(node, settled).map(Some);
    }
    match of_all_rows(aggregate.input()) {
        Some(parts) if reads_rows(parts) => with_input(node, |parts| with_input(parts, settled)).map(Some),
        _ => Ok(None),
    }
}

fn of_all_rows(node: &Plan) -> Option<&AggregateExec> {
    let aggregate = node.downcast_ref::<AggregateExec>()?;
    let is_plain = aggregate.group_expr().is_empty() && aggregate.filter_expr().iter().all(Option::is_none);
    is_plain.then_some(aggregate)
}

fn reads_rows(aggregate: &AggregateExec) -> bool {
    aggregate.mode().input_mode() == AggregateInputMode::Raw
}
