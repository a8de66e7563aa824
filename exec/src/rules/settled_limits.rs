//! What a limit takes is settled before what stands above it is planned.
//!
//! DataFusion's `EnsureRequirements` puts the sort that an operator above a limit wants below the limit, which then takes other rows: the first of all that
//! are sorted, and fewer of them by those that it skips (apache/datafusion#24958, #25378). Here each limit is planned by itself, from the scans
//! upwards; for what is above it, it is a source. A sort that takes its first rows alone is a sort below a limit meanwhile: its number would
//! go down through aggregates with the wish for its order (#24927). A union is planned by itself too where one side has a column twice: sorted by
//! both, that side is sorted by one of them, and the union would not know that the other follows.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Statistics;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::statistics::StatisticsContext;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream, StatisticsArgs,
};

use super::fence::Plan;

/// The rule that puts sorts and partitions where operators want them, of a limit and of the rest one after the other.
pub struct SettledLimits {
    /// DataFusion's.
    pub rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
}

impl fmt::Debug for SettledLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SettledLimits").field(&self.rule).finish()
    }
}

impl PhysicalOptimizerRule for SettledLimits {
    fn optimize(&self, plan: Plan, config: &ConfigOptions) -> Result<Plan> {
        let settled = plan.transform_up(|node| {
            if has_equals(&node) {
                let settled = Settled::new(self.rule.optimize(node, config)?, false)?;
                return Ok(Transformed::yes(Arc::new(settled) as Plan));
            }
            let split = without_fetch(&node);
            let is_sort = split.is_some();
            let limit = split.unwrap_or_else(|| Arc::clone(&node));
            if !limit.is::<GlobalLimitExec>() {
                return Ok(Transformed::no(node));
            }
            let limit = if is_sort { limit } else { with_input(&limit, |input| self.in_order(input, config))? };
            let settled = Settled::new(self.rule.optimize(limit, config)?, is_sort)?;
            Ok(Transformed::yes(Arc::new(settled) as Plan))
        })?;
        let planned = self.rule.optimize(settled.data, config)?;
        if settled.transformed { opened(planned) } else { Ok(planned) }
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}

impl SettledLimits {
    /// What a limit reads, with the sort that puts it in order settled: the rule takes away one whose key a projection has dropped since.
    fn in_order(&self, plan: &Plan, config: &ConfigOptions) -> Result<Plan> {
        if plan.downcast_ref::<SortExec>().is_some_and(|sort| !sort.preserve_partitioning()) {
            return Ok(Arc::new(Settled::new(self.rule.optimize(Arc::clone(plan), config)?, false)?));
        }
        if plan.maintains_input_order() != [true] {
            return Ok(Arc::clone(plan));
        }
        with_input(plan, |input| self.in_order(input, config))
    }
}

/// The operator over what becomes of its one input.
pub(super) fn with_input(plan: &Plan, becomes: impl Fn(&Plan) -> Result<Plan>) -> Result<Plan> {
    let [input] = plan.children()[..] else { return Ok(Arc::clone(plan)) };
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Arc::clone(plan).replace_children(vec![becomes(input)?], options)
}

/// Whether it is a union with columns in one of its inputs that are equal to each other.
fn has_equals(node: &Plan) -> bool {
    let equal = |input: &&Plan| input.equivalence_properties().eq_group().iter().any(|class| !class.is_trivial());
    node.is::<UnionExec>() && node.children().iter().any(equal)
}

/// A sort of all rows below a limit, of one that takes its first rows alone.
fn without_fetch(node: &Plan) -> Option<Plan> {
    let sort = node.downcast_ref::<SortExec>().filter(|sort| !sort.preserve_partitioning())?;
    let fetch = sort.fetch()?;
    Some(Arc::new(GlobalLimitExec::new(Arc::new(sort.with_fetch(None)), 0, Some(fetch))))
}

/// A sort of the first rows again, in each partition if it came to be one of each; the limit where it came to be neither.
fn with_fetch(limit: &Plan) -> Plan {
    let fetched = || {
        let limit = limit.downcast_ref::<GlobalLimitExec>()?;
        let merge = limit.input().downcast_ref::<SortPreservingMergeExec>();
        let sort = merge.map_or_else(|| limit.input(), |merge| merge.input()).downcast_ref::<SortExec>()?;
        let sort: Plan = Arc::new(sort.with_fetch(limit.fetch()));
        Some(match merge {
            Some(merge) => Arc::new(SortPreservingMergeExec::new(merge.expr().clone(), sort).with_fetch(limit.fetch())),
            None => sort,
        })
    };
    fetched().unwrap_or_else(|| Arc::clone(limit))
}

/// The plan with what was settled.
pub(super) fn opened(plan: Plan) -> Result<Plan> {
    let open = |node: Plan| match node.downcast_ref::<Settled>() {
        Some(settled) if settled.is_sort => Ok(Transformed::yes(with_fetch(&settled.limit))),
        Some(settled) => Ok(Transformed::yes(Arc::clone(&settled.limit))),
        None => Ok(Transformed::no(node)),
    };
    plan.transform_down(open).data()
}

/// A limit, or another operator, and all below it, as a source. It is gone when the rule is done.
#[derive(Debug)]
pub(super) struct Settled {
    limit: Plan,
    /// Whether it was a sort.
    is_sort: bool,
    statistics: Arc<Statistics>,
}

impl Settled {
    pub(super) fn new(limit: Plan, is_sort: bool) -> Result<Self> {
        let statistics = StatisticsContext::new().compute(limit.as_ref(), &StatisticsArgs::new())?;
        Ok(Settled { limit, is_sort, statistics })
    }
}

impl DisplayAs for Settled {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Settled")
    }
}

impl ExecutionPlan for Settled {
    fn name(&self) -> &str {
        "Settled"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.limit.properties()
    }

    fn children(&self) -> Vec<&Plan> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Plan>) -> Result<Plan> {
        Ok(self)
    }

    fn statistics_from_inputs(&self, _inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&self.statistics))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.limit.execute(partition, context)
    }
}
