//! The rows of a plan's partitions, one partition after another, while the next ones are computed ahead.

use std::collections::VecDeque;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::StreamExt;
use gradframe_exec::batch_bytes;
use gradframe_exec::counted::keeps_order;
use gradframe_plan::error::{from_datafusion, to_datafusion};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::OP;
use crate::Result;
use crate::panics::guard;

/// Partitions for each thread, so that little is computed ahead before its turn comes.
const PARTITIONS_A_THREAD: usize = 4;
/// Partitions under way for each thread: partitions differ in size, and the thread of one that is done waits for no other.
const RUNNING_A_THREAD: usize = 2;
/// Most bytes that are computed ahead.
const AHEAD_BYTES_MAX: usize = 256 << 20;
/// The part of the session's memory that may be computed ahead.
const MEMORY_SHARE: usize = 8;
/// Permits are counted in these, since there can be only so many.
const PERMIT_BYTES: usize = 1 << 10;
/// Batches of a partition that wait for their turn, at most.
const BATCHES_MAX: usize = 1 << 16;

/// A plan's batches are made as large as the loop's, up to so many rows, unless memory is short.
const PLAN_BATCH_ROWS: RangeInclusive<usize> = 1 << 13..=1 << 16;

/// The state in which a plan has batches for a loop's, and partitions enough to be computed ahead in its order.
pub(super) fn state(mut state: SessionState, plan: &LogicalPlan, batch_rows: usize) -> SessionState {
    let plan_rows = state.config().batch_size();
    if plan_rows >= *PLAN_BATCH_ROWS.start() {
        let rows = batch_rows.min(*PLAN_BATCH_ROWS.end()).max(plan_rows);
        *state.config_mut() = state.config().clone().with_batch_size(rows);
    }
    if keeps_order(plan) {
        let options = state.config_mut().options_mut();
        options.execution.target_partitions = options.execution.target_partitions.saturating_mul(PARTITIONS_A_THREAD);
    }
    state
}

/// A batch, and its part of what may wait.
type Waiting = (datafusion::error::Result<RecordBatch>, Option<OwnedSemaphorePermit>);

/// A partition under way.
struct Running {
    batches: mpsc::Receiver<Waiting>,
    /// Ends with the receiver.
    _task: SpawnedTask<()>,
}

/// Partitions in their order.
pub(super) struct InOrder {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    /// The partition that is started next.
    next: usize,
    running: VecDeque<Running>,
    /// How many run at once, and what each may compute ahead.
    at_once: usize,
    ahead_each: usize,
    _memory: MemoryReservation,
}

impl InOrder {
    /// Nothing runs before the first batch is asked for.
    pub(super) fn new(plan: Arc<dyn ExecutionPlan>, state: &SessionState) -> Self {
        let context = Arc::new(TaskContext::from(state));
        let partitions = plan.output_partitioning().partition_count();
        let threads = state.config().target_partitions().div_ceil(PARTITIONS_A_THREAD);
        let memory = MemoryConsumer::new(OP).register(context.memory_pool());
        let ahead = match context.memory_pool().memory_limit() {
            MemoryLimit::Finite(limit) => (limit / MEMORY_SHARE).min(AHEAD_BYTES_MAX),
            _ => AHEAD_BYTES_MAX,
        };
        // With a single partition, or without memory, no partition runs ahead of another.
        let at_once =
            if partitions > 1 && memory.try_grow(ahead).is_ok() { (threads * RUNNING_A_THREAD).min(partitions) } else { 1 };
        let ahead_each = ahead / at_once;
        InOrder { plan, context, next: 0, running: VecDeque::new(), at_once, ahead_each, _memory: memory }
    }

    /// The next rows; None after the last. Errors: those of the query, after which nothing more comes.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            self.start_more();
            let Some(first) = self.running.front_mut() else { return Ok(None) };
            match first.batches.recv().await {
                Some((Ok(batch), _permit)) if batch.num_rows() == 0 => {}
                Some((Ok(batch), _permit)) => return Ok(Some(batch)),
                Some((Err(error), _permit)) => {
                    self.stop();
                    return Err(from_datafusion(error));
                }
                None => drop(self.running.pop_front()),
            }
        }
    }

    fn start_more(&mut self) {
        let partitions = self.plan.output_partitioning().partition_count();
        while self.next < partitions && self.running.len() < self.at_once {
            let (send, batches) = mpsc::channel(BATCHES_MAX);
            let ended = send.clone();
            let rows = compute(Arc::clone(&self.plan), self.next, Arc::clone(&self.context), self.ahead_each, send);
            let work = async move {
                // A partition that panics is not one that is at its end.
                let ended_well = async move {
                    rows.await;
                    Ok(())
                };
                if let Err(error) = guard(OP, ended_well).await {
                    let _ = ended.send((Err(to_datafusion(error)), None)).await;
                }
            };
            self.running.push_back(Running { batches, _task: SpawnedTask::spawn(work) });
            self.next += 1;
        }
    }

    fn stop(&mut self) {
        self.running.clear();
        self.next = self.plan.output_partitioning().partition_count();
    }
}

/// Computes a partition until it is done, or so many bytes wait.
async fn compute(
    plan: Arc<dyn ExecutionPlan>,
    partition: usize,
    context: Arc<TaskContext>,
    ahead_bytes: usize,
    send: mpsc::Sender<Waiting>,
) {
    let permits_max = u32::try_from(ahead_bytes / PERMIT_BYTES).unwrap_or(u32::MAX).max(1);
    let room = Arc::new(Semaphore::new(permits_max as usize));
    let mut rows = match plan.execute(partition, context) {
        Ok(rows) => rows,
        Err(error) => return drop(send.send((Err(error), None)).await),
    };
    while let Some(batch) = rows.next().await {
        let permits = u32::try_from(batch.as_ref().map_or(0, batch_bytes) / PERMIT_BYTES).unwrap_or(u32::MAX);
        let permit = Arc::clone(&room).acquire_many_owned(permits.min(permits_max)).await;
        let closed = permit.is_err();
        if closed || send.send((batch, permit.ok())).await.is_err() {
            return;
        }
    }
}

impl fmt::Debug for InOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InOrder").field("next", &self.next).field("at_once", &self.at_once).finish_non_exhaustive()
    }
}
