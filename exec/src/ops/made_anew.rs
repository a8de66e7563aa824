//! MadeAnewExec: rows that may be asked for more than once.
//!
//! A nested loop join whose left side does not fit in memory reads it again, to write it to the disk. An exchange of rows among partitions gives each of
//! its partitions once: asked again, what is below is made anew.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{
    ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream, StatisticsArgs,
};

type Plan = Arc<dyn ExecutionPlan>;

/// One partition, shown as what gives it.
#[derive(Debug)]
pub(crate) struct MadeAnewExec {
    input: Plan,
    was_asked: AtomicBool,
}

impl MadeAnewExec {
    /// Rows of one partition.
    pub fn new(input: Plan) -> Self {
        MadeAnewExec { input, was_asked: AtomicBool::new(false) }
    }
}

impl DisplayAs for MadeAnewExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.input.fmt_as(format, f)
    }
}

impl ExecutionPlan for MadeAnewExec {
    fn name(&self) -> &str {
        self.input.name()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Plan> {
        self.input.children()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.input.maintains_input_order()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.input.apply_expressions(f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Plan>) -> Result<Plan> {
        let recomputed = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        Ok(Arc::new(Self::new(Arc::clone(&self.input).replace_children(children, recomputed)?)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.input.child_stats_requests(partition)
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        self.input.statistics_from_inputs(inputs, args)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.input.metrics()
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if self.was_asked.swap(true, Ordering::Relaxed) {
            return reset_plan_states(Arc::clone(&self.input))?.execute(partition, context);
        }
        self.input.execute(partition, context)
    }
}
