//! Rows in memory as the start of a plan, shared with whoever gave them, and an account of what had to be copied first.

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties, SendableRecordBatchStream,
    StatisticsArgs,
};

use gradframe_plan::functions::{null_keys_in_rows, one_nan_in_rows};

/// A copy that was made when rows came in, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The column.
    pub column: String,
    /// Bytes written.
    pub bytes: u64,
    /// Why the memory that was there could not be used.
    pub why: String,
}

/// Rows in memory, in the batches in which they came.
#[derive(Debug)]
pub(crate) struct InMemory {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// The same with one NaN, once somebody reads them.
    plain: OnceLock<Vec<RecordBatch>>,
    rows: usize,
    copies: Vec<Copied>,
}

impl InMemory {
    /// Errors: `Plan` for a batch of another schema.
    pub(crate) fn new(schema: SchemaRef, batches: Vec<RecordBatch>, copies: Vec<Copied>) -> crate::Result<Self> {
        for batch in &batches {
            if !schema.contains(&batch.schema()) {
                let what = format!("a batch has the schema {}, expected {schema}", batch.schema());
                return Err(crate::Error::plan("from_batches", what));
            }
        }
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        Ok(InMemory { schema, batches, plain: OnceLock::new(), rows, copies })
    }

    /// The batches as they came.
    pub(super) fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// The batches as plans take them: only those that hold a NaN with a sign, or a null among a dictionary's values, are others.
    fn plain(&self) -> &[RecordBatch] {
        self.plain.get_or_init(|| self.batches.iter().cloned().map(one_nan_in_rows).map(null_keys_in_rows).collect())
    }

    /// The rows for several threads: consecutive parts of about as many rows each, not copied.
    fn partitions(&self, session: &dyn Session) -> Vec<Vec<RecordBatch>> {
        let config = session.config();
        match self.rows > config.batch_size() {
            true => consecutive(self.plain(), self.rows, config.target_partitions()),
            // A batch without rows brings nothing, and DataFusion's last_value counts one back from its end.
            false => vec![self.plain().iter().filter(|batch| batch.num_rows() > 0).cloned().collect()],
        }
    }
}

/// The batches in just as many parts of about as many rows each, in order and not copied: threads work side by side on them, and rows stay
/// where they are. With fewer parts than threads, DataFusion would deal the batches out anew, by their size.
fn consecutive(batches: &[RecordBatch], rows: usize, parts: usize) -> Vec<Vec<RecordBatch>> {
    let parts = parts.max(1);
    let mut split: Vec<Vec<RecordBatch>> = vec![vec![]; parts];
    let (mut part, mut before) = (0, 0);
    for batch in batches {
        let mut from = 0;
        while from < batch.num_rows() {
            let end = end_of(part, rows, parts);
            if before == end {
                part += 1;
                continue;
            }
            let taken = (end - before).min(batch.num_rows() - from);
            split[part].push(batch.slice(from, taken));
            (from, before) = (from + taken, before + taken);
        }
    }
    split
}

/// How many of the rows are in this part and those before it.
fn end_of(part: usize, rows: usize, parts: usize) -> usize {
    let (each, left) = (rows / parts, rows % parts);
    (part + 1) * each + left.min(part + 1)
}

#[async_trait]
impl TableProvider for InMemory {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(Statistics { num_rows: Precision::Exact(self.rows), ..Statistics::new_unknown(&self.schema) })
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions = self.partitions(session);
        let source = MemorySourceConfig::try_new(&partitions, self.schema(), projection.cloned())?;
        let source = source.with_limit(limit).with_show_sizes(session.config_options().explain.show_sizes);
        let input: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(source);
        let read = input.schema();
        let copies: Vec<Copied> = self.copies.iter().filter(|copied| read.index_of(&copied.column).is_ok()).cloned().collect();
        Ok(if copies.is_empty() { input } else { Arc::new(ImportedExec { input, copies: copies.into() }) })
    }
}

/// Passes rows through; [`DataFrame::profile`](super::DataFrame::profile) reads from it what was copied.
#[derive(Debug, Clone)]
pub(super) struct ImportedExec {
    input: Arc<dyn ExecutionPlan>,
    copies: Arc<[Copied]>,
}

impl ImportedExec {
    pub(super) fn copied_bytes(&self) -> u64 {
        self.copies.iter().map(|copied| copied.bytes).sum()
    }

    pub(super) fn why(&self) -> String {
        let each: Vec<String> = self.copies.iter().map(|copied| format!("{}: {}", copied.column, copied.why)).collect();
        each.join("; ")
    }
}

impl DisplayAs for ImportedExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let columns: Vec<&str> = self.copies.iter().map(|copied| copied.column.as_str()).collect();
        write!(f, "ImportedExec: copied=[{}]", columns.join(", "))
    }
}

impl ExecutionPlan for ImportedExec {
    fn name(&self) -> &str {
        "ImportedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn repartitioned(&self, partitions: usize, config: &ConfigOptions) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let input = self.input.repartitioned(partitions, config)?;
        Ok(input.map(|input| Arc::new(ImportedExec { input, ..self.clone() }) as Arc<dyn ExecutionPlan>))
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(ImportedExec { input: children.swap_remove(0), ..self.as_ref().clone() }))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&inputs[0]))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.input.metrics()
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;

    fn batches(sizes: &[i64]) -> Vec<RecordBatch> {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let mut from = 0;
        let each = sizes.iter().map(|size| {
            let values = Arc::new(Int64Array::from_iter_values(from..from + size));
            from += size;
            RecordBatch::try_new(Arc::clone(&schema), vec![values]).unwrap()
        });
        each.collect()
    }

    #[test]
    fn rows_are_in_just_as_many_parts_in_their_order() {
        for sizes in [&[2, 1, 6][..], &[0, 9, 0], &[1; 9], &[5, 4], &[2]] {
            let rows = sizes.iter().sum::<i64>();
            for parts in [1, 2, 4, 7, 8, 9, 12] {
                let split = consecutive(&batches(sizes), rows as usize, parts);
                assert_eq!(split.len(), parts, "{sizes:?}");
                let each: Vec<usize> = split.iter().map(|part| part.iter().map(RecordBatch::num_rows).sum()).collect();
                assert!(each.iter().max().unwrap() - each.iter().min().unwrap() <= 1, "{each:?}");
                let values =
                    split.iter().flatten().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec());
                assert_eq!(values.collect::<Vec<_>>(), (0..rows).collect::<Vec<_>>());
            }
        }
    }
}
