//! Reading a child whole, the same rows in the same partitions each time.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use datafusion::prelude::SessionConfig;

/// A partition of the child. File partitions do not steal work from each other, which would move rows between them
/// from one execution to the next.
pub(super) fn ordered_partition(
    input: &Arc<dyn ExecutionPlan>,
    partition: usize,
    context: &TaskContext,
) -> Result<SendableRecordBatchStream> {
    input.execute(partition, Arc::new(with_config(context, without_work_stealing)))
}

fn without_work_stealing(mut config: SessionConfig) -> SessionConfig {
    config.options_mut().execution.enable_file_stream_work_stealing = false;
    config
}

/// The same context with another configuration.
pub(super) fn with_config(context: &TaskContext, change: impl FnOnce(SessionConfig) -> SessionConfig) -> TaskContext {
    let config = change(context.session_config().clone());
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
