//! DrawnExec: the rows of its input, computed once for all copies of it in a plan.
//!
//! The first copy that is asked starts to read the input, in a task of its own: no copy waits for another to be read on. The rows stay in memory, and
//! accounted for, as long as the plan lives.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
    SendableRecordBatchStream,
};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use gradframe_plan::error::to_datafusion;
use gradframe_plan::ops::drawn::DrawnNode;
use parking_lot::Mutex;

use crate::memory::{Memory, batch_bytes};

/// The operator's name in errors.
const OP: &str = "WITH";

/// See the module.
#[derive(Debug)]
pub struct DrawnExec {
    name: String,
    input: Arc<dyn ExecutionPlan>,
    rows: Arc<Rows>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl DrawnExec {
    /// One of the copies; [`shared`] makes copies of them.
    pub fn new(node: &DrawnNode, input: Arc<dyn ExecutionPlan>) -> Self {
        Self::reading(node.shared_name().to_owned(), input, Arc::default())
    }

    fn reading(name: String, input: Arc<dyn ExecutionPlan>, rows: Arc<Rows>) -> Self {
        let equivalences = EquivalenceProperties::new(input.schema());
        let one = Partitioning::UnknownPartitioning(1);
        let properties = PlanProperties::new(equivalences, one, EmissionType::Final, Boundedness::Bounded);
        DrawnExec { name, input, rows, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }
}

/// The plan in which copies of one name read the same rows.
pub(crate) fn shared(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let mut rows: HashMap<String, Arc<Rows>> = HashMap::new();
    plan.transform_up(|node| {
        let Some(drawn) = node.downcast_ref::<DrawnExec>() else { return Ok(Transformed::no(node)) };
        let rows = Arc::clone(rows.entry(drawn.name.clone()).or_default());
        let copy = DrawnExec::reading(drawn.name.clone(), Arc::clone(&drawn.input), rows);
        Ok(Transformed::yes(Arc::new(copy) as _))
    })
    .data()
}

/// All rows, and the memory that they take.
struct Held {
    batches: Vec<RecordBatch>,
    _memory: Memory,
}

type Reading = Shared<BoxFuture<'static, Result<Arc<Held>, Arc<DataFusionError>>>>;

/// Rows that are read once.
#[derive(Default)]
struct Rows(Mutex<Option<Reading>>);

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rows").field(&self.0.lock().is_some()).finish()
    }
}

impl Rows {
    /// What the first that asked has begun to read.
    fn of(&self, input: &Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<Reading> {
        let mut begun = self.0.lock();
        if let Some(reading) = begun.as_ref() {
            return Ok(reading.clone());
        }
        let memory = Memory::new(OP, &context);
        let task = SpawnedTask::spawn(read(input.execute(0, context)?, memory));
        let reading = async move {
            let read = task.join().await.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)));
            read.and_then(|read| read).map(Arc::new).map_err(Arc::new)
        };
        Ok(begun.insert(reading.boxed().shared()).clone())
    }
}

async fn read(mut input: SendableRecordBatchStream, memory: Memory) -> Result<Held> {
    let mut batches = vec![];
    while let Some(batch) = input.try_next().await? {
        memory.grow(batch_bytes(&batch), "rows that draw numbers and are read more than once").map_err(to_datafusion)?;
        batches.push(batch);
    }
    Ok(Held { batches, _memory: memory })
}

impl DisplayAs for DrawnExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        match format {
            DisplayFormatType::TreeRender => Ok(()),
            _ => write!(f, "DrawnExec: once"),
        }
    }
}

impl ExecutionPlan for DrawnExec {
    fn name(&self) -> &str {
        "DrawnExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::reading(self.name.clone(), children.swap_remove(0), Arc::clone(&self.rows))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (reading, metrics) = (self.rows.of(&self.input, context)?, BaselineMetrics::new(&self.metrics, partition));
        let batches = stream::once(reading).map_err(DataFusionError::Shared).map_ok(|held| {
            let places = 0..held.batches.len();
            stream::iter(places).map(move |place| Ok(held.batches[place].clone()))
        });
        let given = batches.try_flatten().map(move |batch: Result<RecordBatch>| batch.record_output(&metrics));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), given)))
    }
}
