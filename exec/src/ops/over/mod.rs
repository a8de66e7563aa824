//! OverExec: windows over rows as they come.
//!
//! DataFusion's window operators want the rows of a partition together, so that its plans sort by the keys first and back again
//! after; and they compute a value a row at a time. This one leaves rows where they are. Keys become numbers of groups by a hash, and each
//! window is a [`functions::Function`] of columns: running sums and shifts keep a state for each group and give their values with
//! the batch; aggregates of whole groups, and kernels that want a group's rows together, hold the batches until the last row was
//! seen, within the session's memory or on the disk; where groups are too many for memory, rows are divided by their keys ([`divided`]). [`crate::rules`] says which windows are planned so.

mod divided;
mod functions;
mod grouping;
mod held;
mod stream;

use std::fmt;
use std::sync::Arc;

use arrow::compute::SortOptions;
use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_expr::{Distribution, LexOrdering, OrderingRequirements, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::{
    ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr,
    PlanProperties, ReplaceChildrenOptions, SendableRecordBatchStream, StatisticsArgs, apply_expression_roots,
};

use self::functions::Kind;
use self::stream::Asked;
use super::appended;

/// Over: one row out for each row in, in order, with a column for each window.
#[derive(Debug, Clone)]
pub struct OverExec {
    input: Arc<dyn ExecutionPlan>,
    /// All over the same groups in the same order.
    windows: Vec<Arc<dyn WindowExpr>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl OverExec {
    /// These windows over the input's rows as they come; None where one of them is for DataFusion's operators: of another kind, or
    /// over rows in another order than the input has.
    pub fn of(windows: &[Arc<dyn WindowExpr>], input: &Arc<dyn ExecutionPlan>) -> Result<Option<Self>> {
        let Some((first, others)) = windows.split_first() else { return Ok(None) };
        let alike =
            |other: &Arc<dyn WindowExpr>| other.partition_by() == first.partition_by() && other.order_by() == first.order_by();
        let kinds: Option<Vec<Kind>> = windows.iter().map(Kind::of).collect();
        let Some(kinds) = kinds.filter(|_| others.iter().all(alike)) else { return Ok(None) };
        let in_order = match LexOrdering::new(first.order_by().iter().cloned()) {
            Some(order) => input.equivalence_properties().ordering_satisfy(order)?,
            // A sort may be put below what asks for no order: rows would have other numbers.
            None => kinds.iter().all(|kind| *kind == Kind::Aggregated),
        };
        if !in_order {
            return Ok(None);
        }
        Self::assemble(windows.to_vec(), Arc::clone(input)).map(Some)
    }

    fn assemble(windows: Vec<Arc<dyn WindowExpr>>, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let properties = Arc::new(properties(&windows, &input)?);
        Ok(OverExec { input, windows, properties, metrics: ExecutionPlanMetricsSet::new() })
    }

    /// What is computed.
    pub fn windows(&self) -> &[Arc<dyn WindowExpr>] {
        &self.windows
    }

    /// Whether each batch comes out before all rows were seen.
    pub fn streams(&self) -> bool {
        self.windows.iter().all(|window| Kind::of(window).is_some_and(|kind| kind.streams(!self.keys().is_empty())))
    }

    fn keys(&self) -> &[Arc<dyn PhysicalExpr>] {
        self.windows[0].partition_by()
    }

    fn order(&self) -> Option<LexOrdering> {
        LexOrdering::new(self.windows[0].order_by().to_vec())
    }
}

fn properties(windows: &[Arc<dyn WindowExpr>], input: &Arc<dyn ExecutionPlan>) -> Result<PlanProperties> {
    let inner = input.schema();
    let fields = windows.iter().map(|window| window.field()).collect::<Result<Vec<_>>>()?;
    let appended = appended::properties(input, appended::schema(&inner, fields.iter().cloned()))?;
    let mut equivalences = appended.eq_properties.clone();
    // The numbers of all rows grow with them.
    let numbers = windows.iter().position(|window| window.partition_by().is_empty() && Kind::of(window) == Some(Kind::Number));
    if let Some(at) = numbers {
        let number = Arc::new(Column::new(fields[at].name(), inner.fields().len() + at)) as Arc<dyn PhysicalExpr>;
        equivalences.add_ordering([PhysicalSortExpr::new(number, SortOptions { descending: false, nulls_first: false })]);
    }
    Ok(appended.with_eq_properties(equivalences))
}

impl DisplayAs for OverExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let windows: Vec<&str> = self.windows.iter().map(|window| window.name()).collect();
        let keys: Vec<String> = self.keys().iter().map(ToString::to_string).collect();
        let how = if self.streams() { "streaming" } else { "held" };
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "windows={}\nrows={how}", windows.join(", ")),
            _ => write!(f, "OverExec: windows=[{}], keys=[{}], rows={how}", windows.join(", "), keys.join(", ")),
        }
    }
}

impl ExecutionPlan for OverExec {
    fn name(&self) -> &str {
        "OverExec"
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

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.order().map(OrderingRequirements::from)]
    }

    /// Groups in no order may be apart, whole; an order is that of all rows.
    fn required_input_distribution(&self) -> Vec<Distribution> {
        let apart = !self.keys().is_empty() && self.order().is_none();
        vec![if apart { Distribution::KeyPartitioned(self.keys().to_vec()) } else { Distribution::SinglePartition }]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let all = self.windows.iter().flat_map(|window| {
            let all = window.all_expressions();
            all.args.into_iter().chain(all.partition_by_exprs).chain(all.order_by_exprs)
        });
        apply_expression_roots(&all.collect::<Vec<_>>(), f)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.swap_remove(0);
        Ok(Arc::new(match options.children_properties {
            ChildrenPropertiesMode::Keep => OverExec { input, metrics: ExecutionPlanMetricsSet::new(), ..Self::clone(&self) },
            ChildrenPropertiesMode::Recompute => Self::assemble(self.windows.clone(), input)?,
        }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::new(appended::statistics(&inputs[0], self.windows.len())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let (windows, metrics) = (self.windows.clone(), self.metrics.clone());
        let baseline = BaselineMetrics::new(&metrics, partition);
        stream::started(Asked { schema: self.schema(), windows, metrics, baseline, partition, context, depth: 0 }, input)
    }
}
