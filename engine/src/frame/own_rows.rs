//! Rows from outside in the types that expressions know.

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, SchemaRef};
use gradframe_plan::own_types::{own_array, own_schema};

use super::Copied;
use crate::{Error, Result};

/// The operation's name in errors.
const OP: &str = "from_batches";

/// Rows with each column in its own type ([`gradframe_plan::own_types`]), and what was copied for it. Where all columns have theirs, rows
/// and schema are what was given.
///
/// ```
/// use std::sync::Arc;
///
/// use arrow::array::{ArrayRef, Decimal64Array, RecordBatch};
/// use arrow::datatypes::DataType;
/// use gradframe::own_rows;
///
/// let prices: ArrayRef = Arc::new(Decimal64Array::from(vec![150, 225]).with_precision_and_scale(12, 2)?);
/// let batch = RecordBatch::try_from_iter([("price", prices)])?;
/// let (schema, _, copied) = own_rows(batch.schema(), vec![batch])?;
/// assert_eq!(schema.field(0).data_type(), &DataType::Decimal128(12, 2));
/// assert_eq!((copied[0].column.as_str(), copied[0].bytes), ("price", 32));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Errors: `Execution` for a value that its own type does not hold, naming the column.
pub fn own_rows(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<(SchemaRef, Vec<RecordBatch>, Vec<Copied>)> {
    let mut copies: Vec<Copied> = vec![];
    let own = own_schema(&schema);
    let batches = batches.into_iter().map(|batch| own_batch(batch, &mut copies)).collect::<Result<_>>()?;
    Ok((own, batches, copies))
}

/// By its own schema, which may say more precisely than that of all rows what may be null.
fn own_batch(batch: RecordBatch, copies: &mut Vec<Copied>) -> Result<RecordBatch> {
    let own = own_schema(&batch.schema());
    if own == batch.schema() {
        return Ok(batch);
    }
    let columns = batch.columns().iter().zip(own.fields()).map(|(column, field)| own_column(column, field, copies));
    let columns = columns.collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(own, columns, &options).map_err(|error| Error::internal(OP, error.to_string()))
}

fn own_column(given: &ArrayRef, field: &FieldRef, copies: &mut Vec<Copied>) -> Result<ArrayRef> {
    if given.data_type() == field.data_type() {
        return Ok(given.clone());
    }
    let name = field.name();
    let own = own_array(given, field.data_type());
    let own = own.map_err(|error| Error::execution(OP, format!("column `{name}`: {error}")))?;
    let bytes = own.to_data().get_slice_memory_size().unwrap_or_default() as u64;
    match copies.iter_mut().find(|copied| copied.column == *name) {
        Some(copied) => copied.bytes += bytes,
        None => copies.push(Copied { column: name.clone(), bytes, why: why(given, field) }),
    }
    Ok(own)
}

fn why(given: &ArrayRef, field: &FieldRef) -> String {
    format!("{} is brought in as {}", given.data_type(), field.data_type())
}
