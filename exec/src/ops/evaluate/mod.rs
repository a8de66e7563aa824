//! EvaluateExec: compares predictions with the label, one row.

mod accumulator;

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, CardinalityEffect, EmissionType, apply_expression_roots};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput, Time};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr, PlanProperties,
    SendableRecordBatchStream,
};
use futures::{TryStreamExt, stream};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::metrics::NamedValue;
use gradframe_plan::NamedModel;
use gradframe_plan::error::to_datafusion;
use gradframe_plan::ops::evaluate::EvaluateNode;
use gradframe_plan::ops::predict::PredictOptions;

use self::accumulator::Accumulator;
use crate::columns::arrow_error;
use crate::memory::Memory;
use crate::ops::input::ordered_partition;

/// The operator's name in errors.
const OP: &str = "ml.evaluate";

/// Evaluate: the whole input in, one row of metrics out.
#[derive(Debug, Clone)]
pub struct EvaluateExec {
    input: Arc<dyn ExecutionPlan>,
    model: Arc<NamedModel>,
    options: PredictOptions,
    /// The label, then the prediction.
    columns: Vec<Arc<dyn PhysicalExpr>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl EvaluateExec {
    /// The operator of a logical node, its columns planned over `input`.
    pub fn try_new(
        node: &EvaluateNode,
        columns: Vec<Arc<dyn PhysicalExpr>>,
        input: Arc<dyn ExecutionPlan>,
    ) -> DataFusionResult<Self> {
        use datafusion::logical_expr::UserDefinedLogicalNodeCore;
        let schema: SchemaRef = Arc::clone(node.schema().inner());
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        ));
        let (model, options) = (Arc::clone(node.model()), node.options());
        Ok(EvaluateExec { input, model, options, columns, properties, metrics: ExecutionPlanMetricsSet::new() })
    }
}

impl DisplayAs for EvaluateExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let (model, label) = (&self.model, &self.model.model.spec.label.name);
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "model={}@{}\nlabel={label}", model.name, model.version),
            _ => write!(f, "EvaluateExec: model={}@{}, label={label}", model.name, model.version),
        }
    }
}

impl ExecutionPlan for EvaluateExec {
    fn name(&self) -> &str {
        "EvaluateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    // Its child does the work and repartitions for itself where that pays.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::LowerEqual
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        apply_expression_roots(&self.columns, f)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let input = children.swap_remove(0);
        Ok(Arc::new(EvaluateExec { input, metrics: ExecutionPlanMetricsSet::new(), ..self.as_ref().clone() }))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DataFusionResult<SendableRecordBatchStream> {
        let (this, schema) = (self.clone(), self.schema());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let row = async move {
            let time = metrics.elapsed_compute().clone();
            this.evaluate(context, time).await.map(|row| row.record_output(&metrics))
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::once(row))))
    }
}

impl EvaluateExec {
    /// Partitions are read side by side, and merged in their order.
    async fn evaluate(self, context: Arc<TaskContext>, time: Time) -> DataFusionResult<RecordBatch> {
        let partitions = 0..self.input.output_partitioning().partition_count();
        let start = |p| SpawnedTask::spawn(self.clone().accumulate(p, Arc::clone(&context), time.clone()));
        let tasks: Vec<_> = partitions.map(start).collect();
        let mut parts = Vec::with_capacity(tasks.len());
        for task in tasks {
            parts.push(task.join_unwind().await.map_err(|e| DataFusionError::ExecutionJoin(Box::new(e)))??);
        }
        let _timer = time.timer();
        let merged = parts.into_iter().reduce(Accumulator::merge);
        let merged = merged.ok_or_else(|| to_datafusion(Error::internal(OP, "the input has no partition")))?;
        merged.finish().and_then(|values| self.row(&values)).map_err(to_datafusion)
    }

    async fn accumulate(self, partition: usize, context: Arc<TaskContext>, time: Time) -> DataFusionResult<Accumulator> {
        let memory = Memory::new(OP, &context);
        let mut accumulator = Accumulator::new(Arc::clone(&self.model), self.options, memory).map_err(to_datafusion)?;
        let mut batches = ordered_partition(&self.input, partition, &context)?;
        while let Some(batch) = batches.try_next().await? {
            let _timer = time.timer();
            let [label, prediction] = self.evaluate_columns(&batch)?;
            accumulator.update(&label, &prediction).map_err(to_datafusion)?;
        }
        Ok(accumulator)
    }

    fn evaluate_columns(&self, batch: &RecordBatch) -> DataFusionResult<[ArrayRef; 2]> {
        let column = |i: usize| self.columns[i].evaluate(batch)?.into_array(batch.num_rows());
        Ok([column(0)?, column(1)?])
    }

    fn row(&self, values: &[NamedValue]) -> Result<RecordBatch> {
        let columns = values.iter().map(|(_, value)| Arc::new(Float64Array::from(vec![*value])) as ArrayRef).collect();
        RecordBatch::try_new(self.schema(), columns).map_err(arrow_error)
    }
}
