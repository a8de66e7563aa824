//! Rows of a collected frame by their places.

use arrow::array::{Array, AsArray};
use arrow::compute::{cast, interleave_record_batch, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef, UInt64Type};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

/// The rows at these places, which count through all batches. Errors: for a place that is not there.
pub fn take_rows(schema: &SchemaRef, batches: &[RecordBatch], places: &dyn Array) -> Result<RecordBatch, ArrowError> {
    let places = cast(places, &DataType::UInt64)?;
    match batches {
        [] => Ok(RecordBatch::new_empty(schema.clone())),
        [only] => take_record_batch(only, &places),
        many => {
            let starts = starts(many);
            let rows: Vec<(usize, usize)> =
                places.as_primitive::<UInt64Type>().values().iter().map(|place| within(&starts, *place as usize)).collect();
            interleave_record_batch(&many.iter().collect::<Vec<_>>(), &rows)
        }
    }
}

/// The place of each batch's first row.
fn starts(batches: &[RecordBatch]) -> Vec<usize> {
    let mut next = 0;
    let start = |batch: &RecordBatch| {
        let start = next;
        next += batch.num_rows();
        start
    };
    batches.iter().map(start).collect()
}

/// The batch of a row, and its place there.
fn within(starts: &[usize], place: usize) -> (usize, usize) {
    let batch = starts.partition_point(|start| *start <= place).saturating_sub(1);
    (batch, place - starts[batch])
}
