//! PredictExec: streams its input through, with the model's answer appended.

mod predictor;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use datafusion::common::Statistics;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, apply_expression_roots};
use datafusion::physical_plan::filter_pushdown::{ChildFilterDescription, FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream, StatisticsArgs,
};
use futures::StreamExt;
use gradframe_plan::error::to_datafusion;
use gradframe_plan::ops::predict::PredictNode;

use self::predictor::Predictor;
use super::appended;

/// Predict: one row out for each row in, in order.
#[derive(Debug, Clone)]
pub struct PredictExec {
    input: Arc<dyn ExecutionPlan>,
    predictor: Arc<Predictor>,
    /// The used features, in the model's order.
    features: Vec<Arc<dyn PhysicalExpr>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl PredictExec {
    /// The operator of a logical node, its features planned over `input`.
    pub fn try_new(node: &PredictNode, features: Vec<Arc<dyn PhysicalExpr>>, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let predictor = Predictor::new(Arc::clone(node.model()), node.options(), node.outputs().to_vec());
        Self::assemble(Arc::new(predictor), features, input)
    }

    fn assemble(predictor: Arc<Predictor>, features: Vec<Arc<dyn PhysicalExpr>>, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let properties = Arc::new(appended::properties(&input, appended::schema(&input.schema(), predictor.fields()))?);
        Ok(PredictExec { input, predictor, features, properties, metrics: ExecutionPlanMetricsSet::new() })
    }

    fn passed_columns(&self) -> HashSet<usize> {
        (0..self.input.schema().fields().len()).collect()
    }
}

impl DisplayAs for PredictExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let features: Vec<String> = self.features.iter().map(|e| e.to_string()).collect();
        let outputs: Vec<String> = self.predictor.fields().map(|field| field.name().clone()).collect();
        let (features, outputs) = (features.join(", "), outputs.join(", "));
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "model={}\noutputs={outputs}", self.predictor.title()),
            _ => write!(f, "PredictExec: model={}, features=[{features}], outputs=[{outputs}]", self.predictor.title()),
        }
    }
}

impl ExecutionPlan for PredictExec {
    fn name(&self) -> &str {
        "PredictExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(&self.features, f)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.swap_remove(0);
        Ok(Arc::new(match options.children_properties {
            ChildrenPropertiesMode::Keep => {
                let properties = Arc::clone(&self.properties);
                let (predictor, features) = (Arc::clone(&self.predictor), self.features.clone());
                PredictExec { input, predictor, features, properties, metrics: ExecutionPlanMetricsSet::new() }
            }
            ChildrenPropertiesMode::Recompute => Self::assemble(Arc::clone(&self.predictor), self.features.clone(), input)?,
        }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let child = ChildFilterDescription::from_child_with_allowed_indices(&filters, self.passed_columns(), &self.input)?;
        Ok(FilterDescription::new().with_child(child))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::new(appended::statistics(&inputs[0], self.predictor.fields().count())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let this = self.clone();
        let batches = input.map(move |batch| {
            let _timer = metrics.elapsed_compute().timer();
            this.append(&batch?).record_output(&metrics)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

impl PredictExec {
    fn append(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let features = self.features.iter().map(|e| e.evaluate(batch)?.into_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let predictions = self.predictor.predict(&features, rows).map_err(to_datafusion)?;
        appended::batch(&self.schema(), batch, predictions)
    }
}
