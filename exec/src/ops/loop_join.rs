//! LoopJoinExec: DataFusion's nested loop join without its way by the disk, where that loses rows.
//!
//! A nested loop join whose left side does not fit in memory takes it in parts, each partition by itself. Rows without a match are then those of a
//! part or of a partition: some are lost, others come several times (apache/datafusion#24745, #24675, mended after 55.2). Inner joins are right.
//! Here the join sees a session without temporary files, in which it says that memory does not suffice; what is below it sees its own.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{
    ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream, StatisticsArgs,
};

use super::input::with_config;

type Plan = Arc<dyn ExecutionPlan>;

/// See the module.
#[derive(Debug)]
pub struct LoopJoinExec {
    /// As it is shown.
    join: Plan,
    /// As it runs: its inputs have their own session.
    running: Plan,
}

impl LoopJoinExec {
    /// In the place of a nested loop join.
    pub fn instead_of(join: Plan) -> Result<Self> {
        let inputs = join.children().into_iter().map(|input| Arc::new(OwnSession(Arc::clone(input))) as Plan).collect();
        let running = Arc::clone(&join).replace_children(inputs, recomputed())?;
        Ok(LoopJoinExec { join, running })
    }
}

impl DisplayAs for LoopJoinExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.join.fmt_as(format, f)
    }
}

impl ExecutionPlan for LoopJoinExec {
    fn name(&self) -> &str {
        self.join.name()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.join.properties()
    }

    fn children(&self) -> Vec<&Plan> {
        self.join.children()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.join.maintains_input_order()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.join.apply_expressions(f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Plan>) -> Result<Plan> {
        Ok(Arc::new(Self::instead_of(Arc::clone(&self.join).replace_children(children, recomputed())?)?))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.join.child_stats_requests(partition)
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        self.join.statistics_from_inputs(inputs, args)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.running.metrics()
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.running.execute(partition, without_files(context)?)
    }
}

/// A session, for those who get another in its place.
struct Own(Arc<TaskContext>);

/// The same session without temporary files.
fn without_files(context: Arc<TaskContext>) -> Result<Arc<TaskContext>> {
    let disk_manager = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled).build()?;
    let runtime = RuntimeEnv { disk_manager: Arc::new(disk_manager), ..context.runtime_env().as_ref().clone() };
    let own = Arc::new(Own(Arc::clone(&context)));
    let context = with_config(&context, |config| config.with_extension(own));
    Ok(Arc::new(context.with_runtime(Arc::new(runtime))))
}

fn recomputed() -> ReplaceChildrenOptions {
    ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute)
}

/// An input of the join, in its own session.
#[derive(Debug)]
struct OwnSession(Plan);

impl DisplayAs for OwnSession {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt_as(format, f)
    }
}

impl ExecutionPlan for OwnSession {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn children(&self) -> Vec<&Plan> {
        self.0.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.0.apply_expressions(f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Plan>) -> Result<Plan> {
        Ok(Arc::new(OwnSession(Arc::clone(&self.0).replace_children(children, recomputed())?)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let own = context.session_config().get_extension::<Own>().map(|own| Arc::clone(&own.0));
        self.0.execute(partition, own.unwrap_or(context))
    }
}
