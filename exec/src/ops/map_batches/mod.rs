//! MapBatchesExec: calls a function of the user's for batches of its input.

mod batches;
mod result;

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, CardinalityEffect, EmissionType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet, RecordOutput, Time,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr, PlanProperties,
    SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt, stream};
use gradframe_plan::error::to_datafusion;
use gradframe_plan::ops::map_batches::{MapBatchesNode, MapFunction, MapOptions, OP, how};

use self::result::Expected;
use crate::memory::{Memory, batch_bytes};
use crate::ops::input::ordered_partition;

/// Map batches: batches in, what the function makes of them out.
#[derive(Clone)]
pub struct MapBatchesExec {
    input: Arc<dyn ExecutionPlan>,
    function: Arc<dyn MapFunction>,
    options: MapOptions,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl MapBatchesExec {
    /// The operator of a logical node.
    pub fn new(node: &MapBatchesNode, input: Arc<dyn ExecutionPlan>) -> Self {
        use datafusion::logical_expr::UserDefinedLogicalNodeCore;
        let schema = Arc::clone(node.schema().inner());
        Self::assemble(Arc::clone(node.function()), node.options().clone(), schema, input)
    }

    /// Whether it gives rows before it has read all of them.
    pub fn streams(&self) -> bool {
        self.options.streamable
    }

    fn assemble(function: Arc<dyn MapFunction>, options: MapOptions, schema: SchemaRef, input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = Arc::new(properties(&options, &schema, &input));
        MapBatchesExec { input, function, options, schema, properties, metrics: ExecutionPlanMetricsSet::new() }
    }
}

/// Nothing is known of what a function gives, its order included.
fn properties(options: &MapOptions, schema: &SchemaRef, input: &Arc<dyn ExecutionPlan>) -> PlanProperties {
    let equivalences = EquivalenceProperties::new(Arc::clone(schema));
    let (partitions, emission, boundedness) = match options.streamable {
        true => (input.output_partitioning().partition_count(), input.pipeline_behavior(), input.boundedness()),
        false => (1, EmissionType::Final, Boundedness::Bounded),
    };
    PlanProperties::new(equivalences, Partitioning::UnknownPartitioning(partitions), emission, boundedness)
}

impl DisplayAs for MapBatchesExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let (name, how) = (self.function.name(), how(&self.options));
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "function={name}{how}"),
            _ => write!(f, "MapBatchesExec: {name}{how}"),
        }
    }
}

impl fmt::Debug for MapBatchesExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapBatchesExec").field("function", &self.function.name()).field("options", &self.options).finish()
    }
}

impl ExecutionPlan for MapBatchesExec {
    fn name(&self) -> &str {
        "MapBatchesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![self.options.streamable]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Unknown
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let (function, schema) = (Arc::clone(&self.function), Arc::clone(&self.schema));
        Ok(Arc::new(Self::assemble(function, self.options.clone(), schema, children.swap_remove(0))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let call = Arc::new(Call::new(self, partition, &context));
        let rows = match self.options.streamable {
            true => self.in_batches(partition, &context, &call)?,
            false => stream::once(self.clone().all_rows(context)).boxed(),
        };
        let given = rows.map(move |rows| (rows, Arc::clone(&call))).then(|(rows, call)| async move { call.run(rows?).await });
        let given = given.map_ok(|batches| stream::iter(batches).map(Ok)).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), given)))
    }
}

type Rows = stream::BoxStream<'static, Result<RecordBatch>>;

impl MapBatchesExec {
    fn in_batches(&self, partition: usize, context: &Arc<TaskContext>, call: &Call) -> Result<Rows> {
        let partitions = self.input.output_partitioning().partition_count();
        let size = batches::Size::new(&self.options, &self.input.schema(), partitions, context);
        let input = self.input.execute(partition, Arc::new(size.of_context(context)))?;
        Ok(batches::coalesced(input, size, call.copied.clone()))
    }

    /// Partitions are read side by side, and put together in their order.
    async fn all_rows(self, context: Arc<TaskContext>) -> Result<RecordBatch> {
        let partitions = 0..self.input.output_partitioning().partition_count();
        let read = |p| SpawnedTask::spawn(read_partition(Arc::clone(&self.input), p, Arc::clone(&context)));
        let tasks: Vec<_> = partitions.map(read).collect();
        let (mut all, mut held) = (vec![], vec![]);
        for task in tasks {
            let (batches, memory) = task.join_unwind().await.map_err(|e| DataFusionError::ExecutionJoin(Box::new(e)))??;
            all.extend(batches);
            held.push(memory);
        }
        if let [only] = all.as_slice() {
            return Ok(only.clone());
        }
        let whole = Memory::new(OP, &context);
        let bytes = held.iter().map(Memory::bytes).sum();
        whole.grow(bytes, "putting all rows together").map_err(to_datafusion)?;
        Ok(concat_batches(&self.input.schema(), &all)?)
    }
}

async fn read_partition(
    input: Arc<dyn ExecutionPlan>,
    partition: usize,
    context: Arc<TaskContext>,
) -> Result<(Vec<RecordBatch>, Memory)> {
    let memory = Memory::new(OP, &context);
    let mut rows = ordered_partition(&input, partition, &context)?;
    let mut all = vec![];
    while let Some(batch) = rows.try_next().await? {
        memory.grow(batch_bytes(&batch), "a function that is called once with all rows").map_err(to_datafusion)?;
        all.push(batch);
    }
    Ok((all, memory))
}

/// Calls the function, and looks at what it gives.
struct Call {
    function: Arc<dyn MapFunction>,
    expected: Expected,
    context: Arc<TaskContext>,
    metrics: BaselineMetrics,
    time: Time,
    calls: Count,
    copied: Count,
}

impl Call {
    fn new(exec: &MapBatchesExec, partition: usize, context: &Arc<TaskContext>) -> Self {
        let metrics = &exec.metrics;
        Call {
            function: Arc::clone(&exec.function),
            expected: Expected::new(exec.function.name(), exec.schema()),
            context: Arc::clone(context),
            metrics: BaselineMetrics::new(metrics, partition),
            time: MetricBuilder::new(metrics).subset_time("function_time", partition),
            calls: MetricBuilder::new(metrics).counter("calls", partition),
            copied: MetricBuilder::new(metrics).counter("bytes_copied", partition),
        }
    }

    /// On a thread that may block: the function may wait, for an interpreter's lock or for the network.
    async fn run(self: Arc<Self>, rows: RecordBatch) -> Result<Vec<RecordBatch>> {
        let memory = Memory::new(OP, &self.context);
        memory.grow(batch_bytes(&rows), "a batch of rows").map_err(to_datafusion)?;
        let called = SpawnedTask::spawn_blocking(move || {
            let given = self.map(rows);
            drop(memory);
            given
        });
        called.join_unwind().await.map_err(|e| DataFusionError::ExecutionJoin(Box::new(e)))?
    }

    fn map(&self, rows: RecordBatch) -> Result<Vec<RecordBatch>> {
        let _timer = self.metrics.elapsed_compute().timer();
        self.calls.add(1);
        let started = std::time::Instant::now();
        let given = self.function.map(rows.clone());
        self.time.add_elapsed(started);
        let given = given.map_err(to_datafusion)?;
        let checked = |batch: RecordBatch| self.expected.take(&rows, batch, &self.copied).map_err(to_datafusion);
        given.into_iter().map(|batch| checked(batch).map(|batch| batch.record_output(&self.metrics))).collect()
    }
}
