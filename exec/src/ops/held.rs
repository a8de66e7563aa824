//! HeldExec: accounts, in the session's memory, for the rows that the operator above it holds.
//!
//! DataFusion's window operator keeps all rows of its input until it has read them, and asks nobody. What passes here on the
//! way to it is reserved until the operator is done; where there is not enough, the query fails and says why, and the process
//! goes on.

use std::fmt;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties, SendableRecordBatchStream,
    StatisticsArgs,
};
use futures::StreamExt;
use gradframe_plan::error::to_datafusion;

use crate::memory::{Memory, batch_bytes};

/// Held: its input's rows, accounted for until the stream is dropped.
#[derive(Debug)]
pub struct HeldExec {
    input: Arc<dyn ExecutionPlan>,
    /// Who holds the rows.
    holder: &'static str,
}

impl HeldExec {
    /// Accounts for what `holder` holds of this input.
    pub fn new(input: Arc<dyn ExecutionPlan>, holder: &'static str) -> Self {
        HeldExec { input, holder }
    }
}

impl DisplayAs for HeldExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "by={}", self.holder),
            _ => write!(f, "HeldExec: by {}", self.holder),
        }
    }
}

impl ExecutionPlan for HeldExec {
    fn name(&self) -> &str {
        "HeldExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(HeldExec::new(children.swap_remove(0), self.holder)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&inputs[0]))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let memory = Memory::new(self.holder, &context);
        let input = self.input.execute(partition, context)?;
        let held = input.map(move |batch| {
            let batch: RecordBatch = batch?;
            memory.grow(batch_bytes(&batch), "the rows that it holds").map_err(to_datafusion)?;
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), held)))
    }
}
