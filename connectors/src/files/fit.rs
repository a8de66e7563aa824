//! Batches of a file as batches of its table.

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{FieldRef, SchemaRef};
use arrow::error::ArrowError;
use gradframe_plan::own_types::{own_array, own_type};

/// The columns of `output` by name, each of its type; null where the batch has no such column.
/// Errors: a value that its type does not hold, naming the column.
pub(super) fn fit(batch: &RecordBatch, output: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if batch.schema_ref() == output {
        return Ok(batch.clone());
    }
    let columns = output.fields().iter().map(|field| column(batch, field)).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(output.clone(), columns, &options)
}

fn column(batch: &RecordBatch, field: &FieldRef) -> Result<arrow::array::ArrayRef, ArrowError> {
    let Some(column) = batch.column_by_name(field.name()) else {
        return Ok(new_null_array(field.data_type(), batch.num_rows()));
    };
    if column.data_type() == field.data_type() {
        return Ok(column.clone());
    }
    let unfit = |e: ArrowError| ArrowError::CastError(format!("column `{}`: {e}", field.name()));
    if own_type(column.data_type()) == *field.data_type() {
        return own_array(column, field.data_type()).map_err(unfit);
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, field.data_type(), &options).map_err(unfit)
}
