//! What operators have in common that give their input with columns appended.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::concat;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::error::Result;
use datafusion::physical_expr::equivalence::ProjectionMapping;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, PhysicalExpr, PlanProperties};

/// The input's columns and the appended ones.
pub(super) fn schema(inner: &Schema, appended: impl Iterator<Item = FieldRef>) -> SchemaRef {
    let fields: Vec<_> = inner.fields().iter().cloned().chain(appended).collect();
    Arc::new(Schema::new_with_metadata(fields, inner.metadata().clone()))
}

/// What holds of the input's columns holds of them in the output.
pub(super) fn properties(input: &Arc<dyn ExecutionPlan>, schema: SchemaRef) -> Result<PlanProperties> {
    let passed: Vec<usize> = (0..input.schema().fields().len()).collect();
    let mapping = ProjectionMapping::from_indices(&passed, &input.schema())?;
    let equivalences = input.equivalence_properties().project(&mapping, schema);
    let partitioning = input.output_partitioning().project(&mapping, input.equivalence_properties());
    Ok(PlanProperties::new(equivalences, partitioning, input.pipeline_behavior(), input.boundedness()))
}

/// Nothing is known of the appended columns.
pub(super) fn statistics(input: &Statistics, appended: usize) -> Statistics {
    let mut statistics = input.clone();
    statistics.column_statistics.extend((0..appended).map(|_| ColumnStatistics::new_unknown()));
    statistics.total_byte_size = Precision::Absent;
    statistics
}

/// A batch of `schema`: the input's columns, then `appended`, of as many rows.
pub(super) fn batch(schema: &SchemaRef, batch: &RecordBatch, appended: Vec<ArrayRef>) -> Result<RecordBatch> {
    let columns = batch.columns().iter().cloned().chain(appended).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// An expression's values over batches, one after the other. Of one batch nothing is copied.
pub(super) fn evaluated(expr: &Arc<dyn PhysicalExpr>, batches: &[RecordBatch]) -> Result<ArrayRef> {
    let arrays = batches.iter().map(|batch| expr.evaluate(batch)?.into_array(batch.num_rows()));
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    Ok(concat(&arrays)?)
}

/// As [`batch`], for batches that `appended` goes over one after the other; nothing is copied.
pub(super) fn batches(schema: &SchemaRef, batches: &[RecordBatch], appended: &[ArrayRef]) -> Result<Vec<RecordBatch>> {
    let mut from = 0;
    let part = |given: &RecordBatch| {
        let columns = appended.iter().map(|column| column.slice(from, given.num_rows())).collect();
        from += given.num_rows();
        batch(schema, given, columns)
    };
    batches.iter().map(part).collect()
}
