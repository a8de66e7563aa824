//! PredictExec: streams its input through, with the model's answer appended. On a device ([`crate::device`]) many batches are
//! computed together, and the weights stay there.

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
    ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr,
    PlanProperties, ReplaceChildrenOptions, SendableRecordBatchStream, StatisticsArgs,
};
use futures::StreamExt;
use gradframe_plan::error::to_datafusion;
use gradframe_plan::ops::predict::PredictNode;

use self::predictor::Predictor;
use super::appended;
use crate::device::{DeviceCounts, DeviceProgram, Placement, gathered};
use crate::memory::Memory;

/// Predict: one row out for each row in, in order.
#[derive(Debug, Clone)]
pub struct PredictExec {
    input: Arc<dyn ExecutionPlan>,
    predictor: Arc<Predictor>,
    /// The used features, in the model's order.
    features: Vec<Arc<dyn PhysicalExpr>>,
    placement: Placement,
    /// On the placement's device, the programs for batches without nulls and with; None on the CPU.
    on_device: Option<Arc<[DeviceProgram; 2]>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl PredictExec {
    /// The operator of a logical node, its features planned over `input`. The session's settings say on which device.
    /// Errors: `NoDevice` or `NotImplemented` if they demand one that is not there, or does not take the model.
    pub fn try_new(
        node: &PredictNode,
        features: Vec<Arc<dyn PhysicalExpr>>,
        input: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Self> {
        let predictor = Predictor::new(Arc::clone(node.model()), node.options(), node.outputs().to_vec());
        let endless = input.boundedness().is_unbounded();
        let placement = Placement::if_asked(config, endless, || predictor.program(false)).map_err(to_datafusion)?;
        let on_device = on_device(&placement);
        let properties = properties(&predictor, &input)?;
        let (predictor, metrics) = (Arc::new(predictor), ExecutionPlanMetricsSet::new());
        Ok(PredictExec { input, predictor, features, placement, on_device, properties, metrics })
    }

    /// The same on another device.
    pub(crate) fn placed_on(&self, placement: &Placement) -> Self {
        let (placement, on_device) = (placement.clone(), on_device(placement));
        PredictExec { placement, on_device, metrics: ExecutionPlanMetricsSet::new(), ..self.clone() }
    }

    fn passed_columns(&self) -> HashSet<usize> {
        (0..self.input.schema().fields().len()).collect()
    }
}

fn on_device(placement: &Placement) -> Option<Arc<[DeviceProgram; 2]>> {
    Some(Arc::new([DeviceProgram::of(placement)?, DeviceProgram::of(placement)?]))
}

fn properties(predictor: &Predictor, input: &Arc<dyn ExecutionPlan>) -> Result<Arc<PlanProperties>> {
    Ok(Arc::new(appended::properties(input, appended::schema(&input.schema(), predictor.fields()))?))
}

impl DisplayAs for PredictExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let features: Vec<String> = self.features.iter().map(|e| e.to_string()).collect();
        let outputs: Vec<String> = self.predictor.fields().map(|field| field.name().clone()).collect();
        let (features, outputs) = (features.join(", "), outputs.join(", "));
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "model={}\noutputs={outputs}", self.predictor.title())?,
            _ => write!(f, "PredictExec: model={}, features=[{features}], outputs=[{outputs}]", self.predictor.title())?,
        }
        match format {
            _ if !self.placement.is_news() => Ok(()),
            DisplayFormatType::TreeRender => writeln!(f, "device={}", self.placement.shown(format)),
            _ => write!(f, ", device={}", self.placement.shown(format)),
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
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(Arc::new(match options.children_properties {
            ChildrenPropertiesMode::Keep => PredictExec { input, metrics, ..Self::clone(&self) },
            ChildrenPropertiesMode::Recompute => {
                let properties = properties(&self.predictor, &input)?;
                PredictExec { input, properties, metrics, ..Self::clone(&self) }
            }
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
        let memory = Memory::new("ml.predict", &context);
        let input = self.input.execute(partition, context)?;
        match &self.on_device {
            Some(programs) => Ok(self.gathered(input, memory, Arc::clone(programs), partition)),
            None => Ok(self.streamed(input, partition)),
        }
    }
}

impl PredictExec {
    fn streamed(&self, input: SendableRecordBatchStream, partition: usize) -> SendableRecordBatchStream {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let this = self.clone();
        let batches = input.map(move |batch| {
            let _timer = metrics.elapsed_compute().timer();
            let batch = batch?;
            let features = this.features(std::slice::from_ref(&batch))?;
            let predict = this.predictor.predict(&features, batch.num_rows(), |program, _, inputs| program.run(inputs));
            appended::batch(&this.schema(), &batch, predict.map_err(to_datafusion)?).record_output(&metrics)
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches))
    }

    /// On the device.
    fn gathered(
        &self,
        input: SendableRecordBatchStream,
        memory: Memory,
        programs: Arc<[DeviceProgram; 2]>,
        partition: usize,
    ) -> SendableRecordBatchStream {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let counts = DeviceCounts::new(&self.metrics, partition);
        let this = self.clone();
        let batches = gathered(input, memory, move |batches| {
            let _timer = metrics.elapsed_compute().timer();
            let rows = batches.iter().map(RecordBatch::num_rows).sum();
            let predictions = this.predictor.predict(&this.features(batches)?, rows, |program, nullable, inputs| {
                programs[usize::from(nullable)].run(program, inputs, rows, &counts)
            });
            let batches = appended::batches(&this.schema(), batches, &predictions.map_err(to_datafusion)?)?;
            Ok(batches.into_iter().map(|batch| batch.record_output(&metrics)).collect())
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches))
    }

    /// The used features of batches taken together.
    fn features(&self, batches: &[RecordBatch]) -> Result<Vec<ArrayRef>> {
        self.features.iter().map(|feature| appended::evaluated(feature, batches)).collect()
    }
}
