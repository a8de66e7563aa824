//! Leaving out the files that a filter on partition columns excludes.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema};
use datafusion::catalog::Session;
use datafusion::common::DFSchema;
use datafusion::common::cast::as_boolean_array;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, utils::conjunction};
use datafusion::scalar::ScalarValue;

/// True if the filter speaks of partition columns alone, so that leaving out files answers it exactly.
pub(super) fn is_exact(fields: &[FieldRef], filter: &Expr) -> bool {
    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    !names.is_empty() && !filter.column_refs().is_empty() && expr_applicable_for_cols(&names, filter)
}

/// The files whose partition values pass all filters that [`is_exact`].
pub(super) fn prune(
    session: &dyn Session,
    fields: &[FieldRef],
    files: Vec<PartitionedFile>,
    filters: &[Expr],
) -> Result<Vec<PartitionedFile>> {
    let exact = filters.iter().filter(|filter| is_exact(fields, filter)).cloned();
    let Some(predicate) = conjunction(exact).filter(|_| !files.is_empty()) else { return Ok(files) };
    let rows = partition_rows(fields, &files)?;
    let predicate = session.create_physical_expr(predicate, &DFSchema::try_from(rows.schema())?)?;
    let passed = predicate.evaluate(&rows)?.into_array(files.len())?;
    let passed: &BooleanArray = as_boolean_array(&passed)?;
    Ok(files.into_iter().zip(passed.iter()).filter(|(_, pass)| *pass == Some(true)).map(|(file, _)| file).collect())
}

/// One row a file.
fn partition_rows(fields: &[FieldRef], files: &[PartitionedFile]) -> Result<RecordBatch> {
    let column = |i: usize| ScalarValue::iter_to_array(files.iter().map(|file| file.partition_values[i].clone()));
    let columns = (0..fields.len()).map(column).collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(files.len()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields.to_vec())), columns, &options)?)
}

/// The file with the statistics of its columns; DataFusion adds those of partition values and takes none to be null.
pub(super) fn with_statistics(file: PartitionedFile, statistics: Statistics) -> PartitionedFile {
    let (rows, file_columns) = (statistics.num_rows, statistics.column_statistics.len());
    let mut file = file.with_statistics(Arc::new(statistics));
    let null_columns = file.partition_values.iter().enumerate().filter(|(_, value)| value.is_null());
    let null_columns: Vec<usize> = null_columns.map(|(i, _)| file_columns + i).collect();
    if let Some(statistics) = file.statistics.as_mut().map(Arc::make_mut) {
        for column in null_columns {
            statistics.column_statistics[column] = ColumnStatistics { null_count: rows, ..ColumnStatistics::new_unknown() };
        }
    }
    file
}
