//! BatchRowsExec: the rows that one step of a training learned from, read again.
//!
//! The training's input is read as it was, its rows are put in their order by the same keys, and of that order the places of the
//! batch are taken: a batch is never kept, since the order is.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt, stream};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::minibatch::batch_places;
use gradframe_plan::error::to_datafusion;
use gradframe_plan::services::BatchOrder;

use super::cache;
use super::metrics::TrainMetrics;
use super::order::OrderedRows;
use super::rows::{Piece, Place, RawBatch};
use super::split::SplitRule;
use super::task::Shares;
use super::{CHUNK_ROWS, TrainExec};
use crate::columns::arrow_error;

const OP: &str = "batch_rows";

/// A step of a training, and what is known of the rows that it learned from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingStep {
    /// The run, for messages.
    pub run: String,
    /// From 1.
    pub step: u64,
    /// None of a training that learns from all rows in each step.
    pub batches: Option<BatchOrder>,
    /// The digest of the training rows as they were, if it is known.
    pub digest: Option<String>,
}

/// The rows of a step: the features, the label, then weight and split column if any, in the order of the batch.
#[derive(Debug, Clone)]
pub struct BatchRowsExec {
    training: TrainExec,
    step: TrainingStep,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl BatchRowsExec {
    /// Of the training in a physical plan. Errors: `Internal` if there is none.
    pub fn try_new(plan: &Arc<dyn ExecutionPlan>, step: TrainingStep) -> Result<Self> {
        let training = training_in(plan).ok_or_else(|| Error::internal(OP, "the plan holds no training"))?;
        let schema = training.inputs.schema(&training.input)?;
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Ok(BatchRowsExec { training, step, properties, metrics: ExecutionPlanMetricsSet::new() })
    }
}

fn training_in(plan: &Arc<dyn ExecutionPlan>) -> Option<TrainExec> {
    let mut found = None;
    let visited = plan.apply(|node| {
        found = node.downcast_ref::<TrainExec>().cloned();
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    visited.ok().and(found)
}

/// Reads the rows. Dropping the future stops it.
async fn rows(
    training: TrainExec,
    step: TrainingStep,
    schema: SchemaRef,
    context: Arc<TaskContext>,
    metrics: TrainMetrics,
) -> Result<Vec<RecordBatch>> {
    let TrainExec { input, job, inputs, transform, .. } = training;
    let inputs = match transform {
        Some(transform) => Arc::new(transform.fit(&inputs, &context).await?.0),
        None => inputs,
    };
    let (raw, digest) = cache::read(&input, &inputs, &context, job.seed, &metrics, Arc::new(|_| ())).await?;
    if step.digest.as_ref().is_some_and(|before| *before != digest.text()) {
        let what = format!("the rows that run `{}` was trained on have changed since", step.run);
        return Err(Error::execution(OP, what).hint("gradframe.dataset_files says which files it read, and how they were"));
    }
    let shares = Shares::new(&context, &metrics);
    let picked = tokio::task::spawn_blocking(move || {
        let split = SplitRule::new(job.split, inputs.split, &raw, &shares.encode.disk, shares.split)?;
        pick(&OrderedRows::new(raw, split)?, &step, &schema)
    });
    picked.await.map_err(|error| gradframe_plan::error::from_datafusion(DataFusionError::ExecutionJoin(Box::new(error))))?
}

/// The rows of the step, out of all in their order.
fn pick(rows: &OrderedRows, step: &TrainingStep, schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
    let Some(batches) = step.batches else {
        let mut all = Vec::new();
        for_each_piece(rows, |_, piece| {
            all.push(record_batch(piece, &piece.places, schema)?);
            Ok(())
        })?;
        return Ok(all);
    };
    let sizes: Vec<usize> =
        (0..batches.rows as usize).step_by(CHUNK_ROWS).map(|first| CHUNK_ROWS.min(batches.rows as usize - first)).collect();
    let (epoch, skip, count) = batches.place(step.step);
    let wanted = batch_places(batches.key, epoch, &sizes, skip as usize, count as usize);
    let mut found: Vec<Option<RecordBatch>> = vec![None; wanted.len()];
    for_each_piece(rows, |chunk, piece| {
        for (place, (of, rows)) in wanted.iter().enumerate() {
            if *of == chunk {
                let places = rows.iter().filter_map(|row| piece.places.get(*row as usize).copied()).collect::<Vec<_>>();
                found[place] = Some(record_batch(piece, &places, schema)?);
            }
        }
        Ok(())
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// Each chunk of rows to learn from, with its number.
fn for_each_piece(rows: &OrderedRows, mut look: impl FnMut(usize, &Piece) -> Result<()>) -> Result<()> {
    let (mut pass, mut chunk) = (rows.pass()?, 0);
    loop {
        let pieces = pass.next(1)?;
        if pieces.is_empty() {
            return Ok(());
        }
        for piece in pieces.iter().filter(|piece| !piece.eval) {
            look(chunk, piece)?;
            chunk += 1;
        }
    }
}

fn record_batch(piece: &Piece, places: &[Place], schema: &SchemaRef) -> Result<RecordBatch> {
    let gathered = RawBatch::gather(&piece.batches, places)?;
    RecordBatch::try_new(Arc::clone(schema), gathered.columns).map_err(arrow_error)
}

impl DisplayAs for BatchRowsExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "BatchRowsExec: run={}, step={}", self.step.run, self.step.step)
    }
}

impl ExecutionPlan for BatchRowsExec {
    fn name(&self) -> &str {
        "BatchRowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.training.children()
    }

    // Rows are put in an order of their own after reading.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.children().len()]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        self.training.apply_expressions(f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(BatchRowsExec { training: self.training.over(children), ..self.as_ref().clone() }))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DataFusionResult<SendableRecordBatchStream> {
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let metrics = TrainMetrics::new(&self.metrics, &baseline);
        let reading = rows(self.training.clone(), self.step.clone(), self.schema(), context, metrics);
        let batches = stream::once(async move { reading.await.map_err(to_datafusion) })
            .map_ok(|batches| stream::iter(batches.into_iter().map(Ok)))
            .try_flatten()
            .map(move |batch: DataFusionResult<RecordBatch>| batch.record_output(&baseline));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}
