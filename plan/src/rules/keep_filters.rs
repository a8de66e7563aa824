//! `push_down_filter`, which leaves filters without columns above operators that keep them, and above aggregates of all rows; and
//! all filters above aggregates by keys that differ each time they are computed.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::ops::drawn::DrawnNode;
use crate::ops::map_batches::MapBatchesNode;

/// DataFusion's rule asks an operator of ours which columns' filters it keeps above it; a filter such as
/// `random() < 0.1` reads none and would always pass. Here it stays where the operator says so.
///
/// It stays above an aggregate of all rows, too: that has a row where nothing is left below, and the filter is to drop it.
///
/// Below an aggregate the filter would compute a key such as `random() < 0.5` once more, and keep other rows.
#[derive(Debug)]
pub struct KeepFiltersRule {
    inner: Arc<dyn OptimizerRule + Send + Sync>,
}

impl KeepFiltersRule {
    /// Around DataFusion's rule.
    pub fn new(inner: Arc<dyn OptimizerRule + Send + Sync>) -> Self {
        KeepFiltersRule { inner }
    }
}

impl OptimizerRule for KeepFiltersRule {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.inner.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if stays(&plan) { Ok(Transformed::no(plan)) } else { self.inner.rewrite(plan, config) }
    }
}

fn stays(plan: &LogicalPlan) -> bool {
    let LogicalPlan::Filter(filter) = plan else { return false };
    if let LogicalPlan::Aggregate(aggregate) = filter.input.as_ref()
        && aggregate.group_expr.iter().any(Expr::is_volatile)
    {
        return true;
    }
    let keeps = match filter.input.as_ref() {
        LogicalPlan::Extension(below) => {
            let below = below.node.as_any();
            below.is::<DrawnNode>() || below.downcast_ref::<MapBatchesNode>().is_some_and(MapBatchesNode::keeps_filters_above)
        }
        LogicalPlan::Aggregate(aggregate) => {
            aggregate.group_expr.is_empty() || aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_)))
        }
        _ => false,
    };
    keeps && split_conjunction(&filter.predicate).iter().any(|part| part.column_refs().is_empty())
}
