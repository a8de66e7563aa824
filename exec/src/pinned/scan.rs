//! PinnedScanExec: the rows of a table in memory. Aggregates that a device computes stand on it, and run it only where the CPU has to compute after all.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::statistics::StatisticsContext;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions, SendableRecordBatchStream,
    StatisticsArgs,
};
use gradframe_ml_core::Error;

use super::Pinned;

/// Some columns of a table, from the CPU's memory.
#[derive(Debug)]
pub(crate) struct PinnedScanExec {
    table: Arc<Pinned>,
    /// The table's columns, by number.
    columns: Vec<usize>,
    rows: Arc<dyn ExecutionPlan>,
    /// Why the CPU reads them, where the device might have.
    reason: Option<String>,
}

impl PinnedScanExec {
    /// `rows` gives these columns.
    pub fn new(table: Arc<Pinned>, columns: Vec<usize>, rows: Arc<dyn ExecutionPlan>) -> Self {
        PinnedScanExec { table, columns, rows, reason: None }
    }

    /// What lies on a device of the table.
    pub fn table(&self) -> &Arc<Pinned> {
        &self.table
    }

    /// The same, saying why the CPU reads it.
    pub fn read_by_cpu(&self, reason: &Error) -> Self {
        let (table, columns, rows) = (Arc::clone(&self.table), self.columns.clone(), Arc::clone(&self.rows));
        PinnedScanExec { table, columns, rows, reason: Some(reason.detail().what.clone()) }
    }

    /// What reads them from the CPU's memory: no input of this operator, so that nothing is put between the two.
    pub fn rows(&self) -> &Arc<dyn ExecutionPlan> {
        &self.rows
    }

    /// The table's columns, by number.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }
}

impl DisplayAs for PinnedScanExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let schema = self.rows.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let place = self.table.placement.shown(format);
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "table={}\ncached on={place}", self.table.name),
            _ => write!(f, "PinnedScanExec: table={}, cached on={place}, columns=[{}]", self.table.name, names.join(", ")),
        }?;
        match &self.reason {
            Some(reason) if !matches!(format, DisplayFormatType::TreeRender) => write!(f, ", read by cpu ({reason})"),
            _ => Ok(()),
        }
    }
}

impl ExecutionPlan for PinnedScanExec {
    fn name(&self) -> &str {
        "PinnedScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.rows.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn statistics_from_inputs(&self, _inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        StatisticsContext::new().compute(self.rows.as_ref(), args)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.rows.metrics()
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.rows.execute(partition, context)
    }
}
