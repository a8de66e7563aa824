//! Reading a child whole, the same rows in the same partitions each time.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};

/// A partition of the child. File partitions do not steal work from each other, which would move rows between them
/// from one execution to the next.
pub(super) fn ordered_partition(
    input: &Arc<dyn ExecutionPlan>,
    partition: usize,
    context: &TaskContext,
) -> Result<SendableRecordBatchStream> {
    input.execute(partition, Arc::new(without_work_stealing(context)))
}

fn without_work_stealing(context: &TaskContext) -> TaskContext {
    let mut config = context.session_config().clone();
    config.options_mut().execution.enable_file_stream_work_stealing = false;
    TaskContext::new(
        context.task_id(),
        context.session_id(),
        config,
        context.scalar_functions().clone(),
        context.higher_order_functions().clone(),
        context.aggregate_functions().clone(),
        context.window_functions().clone(),
        context.runtime_env(),
    )
}
