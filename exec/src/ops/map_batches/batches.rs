//! The batches that a function is called for: large enough that a call costs nothing beside its rows.

use arrow::array::RecordBatch;
use arrow::compute::{BatchCoalescer, concat_batches};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryLimit;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::Count;
use futures::{StreamExt, stream};
use gradframe_plan::ops::map_batches::MapOptions;

use crate::memory::batch_bytes;
use crate::ops::input::with_config;

/// Bytes of a batch, about: a call wakes a thread, some tenths of a millisecond, in which a core adds up a megabyte.
const BATCH_BYTES: usize = 16 << 20;
/// The part of the session's memory that the batches of all partitions may take.
const MEMORY_SHARE: usize = 16;
/// Most rows of a batch, and most that memory is taken for before they are there.
const ROWS_MAX: usize = 1 << 21;
/// Batches of fewer rows are put together, up to as many.
const ROWS_WORTH_A_CALL: usize = 1 << 16;
/// What a value of no fixed width is taken for, in bytes.
const TEXT_BYTES: usize = 32;

/// How many rows a function is called for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// What the input is asked for.
    rows: usize,
    /// Smaller batches are put together to this.
    worth_a_call: usize,
    /// Exactly `rows`, but for the last batch.
    exact: bool,
}

impl Size {
    /// What the options say, else as many rows as make a few megabytes; fewer where memory is short.
    pub fn new(options: &MapOptions, schema: &SchemaRef, partitions: usize, context: &TaskContext) -> Self {
        if let Some(rows) = options.batch_rows {
            return Size { rows, worth_a_call: rows, exact: true };
        }
        let bytes = match context.memory_pool().memory_limit() {
            MemoryLimit::Finite(limit) => (limit / MEMORY_SHARE / partitions.max(1)).min(BATCH_BYTES),
            _ => BATCH_BYTES,
        };
        let width: usize = schema.fields().iter().map(|field| width_bytes(field.data_type())).sum();
        let least = context.session_config().batch_size().min(ROWS_MAX);
        let rows = (bytes / width.max(1)).clamp(least, ROWS_MAX);
        Size { rows, worth_a_call: rows.min(ROWS_WORTH_A_CALL), exact: false }
    }

    /// The context in which the input makes batches of this size where it can.
    pub fn of_context(self, context: &TaskContext) -> TaskContext {
        with_config(context, |config| config.with_batch_size(self.rows.clamp(1, ROWS_MAX)))
    }
}

fn width_bytes(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| width_bytes(field.data_type())).sum(),
        DataType::FixedSizeList(item, length) => width_bytes(item.data_type()) * (*length).max(0) as usize,
        DataType::FixedSizeBinary(length) => (*length).max(0) as usize,
        other => other.primitive_width().unwrap_or(TEXT_BYTES),
    }
}

/// The rows in batches of this size. `copied` counts the bytes of small batches that are put together.
pub(super) fn coalesced(
    input: SendableRecordBatchStream,
    size: Size,
    copied: Count,
) -> stream::BoxStream<'static, Result<RecordBatch>> {
    if size.rows > ROWS_MAX {
        return gathered(input, size.rows, copied);
    }
    let mut coalescer = BatchCoalescer::new(input.schema(), size.worth_a_call);
    if !size.exact {
        coalescer = coalescer.with_biggest_coalesce_batch_size(Some(size.worth_a_call / 2));
    }
    let state = (input, coalescer, size, copied);
    stream::try_unfold(state, |(mut input, mut coalescer, size, copied)| async move {
        loop {
            if let Some(batch) = coalescer.next_completed_batch() {
                return Ok(Some((batch, (input, coalescer, size, copied))));
            }
            match input.next().await.transpose()? {
                Some(batch) if size.exact && coalescer.is_empty() && batch.num_rows() == size.rows => {
                    return Ok(Some((batch, (input, coalescer, size, copied))));
                }
                Some(batch) => push(&mut coalescer, batch, size, &copied)?,
                None if coalescer.is_empty() => return Ok(None),
                None => coalescer.finish_buffered_batch()?,
            }
        }
    })
    .boxed()
}

/// Batches of so many rows exactly, put together when all of them are there.
fn gathered(input: SendableRecordBatchStream, rows: usize, copied: Count) -> stream::BoxStream<'static, Result<RecordBatch>> {
    let schema = input.schema();
    stream::try_unfold((input.fuse(), None::<RecordBatch>), move |(mut input, mut rest)| {
        let (schema, copied) = (schema.clone(), copied.clone());
        async move {
            let (mut parts, mut wanted) = (vec![], rows);
            while wanted > 0 {
                let next = match rest.take() {
                    Some(batch) => Some(batch),
                    None => input.next().await.transpose()?,
                };
                let Some(batch) = next else { break };
                let taken = batch.num_rows().min(wanted);
                rest = (taken < batch.num_rows()).then(|| batch.slice(taken, batch.num_rows() - taken));
                wanted -= taken;
                parts.extend((taken > 0).then(|| batch.slice(0, taken)));
            }
            let whole = match parts.as_slice() {
                [] => return Ok(None),
                [only] => only.clone(),
                parts => {
                    copied.add(parts.iter().map(batch_bytes).sum());
                    concat_batches(&schema, parts)?
                }
            };
            Ok(Some((whole, (input, rest))))
        }
    })
    .boxed()
}

/// A large batch passes as it is, after the rows before it.
fn push(coalescer: &mut BatchCoalescer, batch: RecordBatch, size: Size, copied: &Count) -> Result<()> {
    if !size.exact && batch.num_rows() > size.worth_a_call / 2 {
        coalescer.finish_buffered_batch()?;
    } else {
        copied.add(batch_bytes(&batch));
    }
    Ok(coalescer.push_batch(batch)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::{Field, Int64Type, Schema};
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use futures::TryStreamExt;

    use super::*;

    fn input(sizes: &[i64]) -> SendableRecordBatchStream {
        let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, false)]));
        let mut from = 0;
        let batches: Vec<_> = sizes
            .iter()
            .map(|size| {
                let column = Arc::new(Int64Array::from_iter_values(from..from + size)) as ArrayRef;
                from += size;
                RecordBatch::try_new(Arc::clone(&schema), vec![column]).map_err(Into::into)
            })
            .collect();
        Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches)))
    }

    async fn sizes(given: &[i64], size: Size) -> (Vec<usize>, Vec<i64>, usize) {
        let copied = Count::new();
        let batches: Vec<_> = coalesced(input(given), size, copied.clone()).try_collect().await.unwrap();
        let values = batches.iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
        (batches.iter().map(RecordBatch::num_rows).collect(), values, copied.value())
    }

    #[tokio::test]
    async fn small_batches_are_put_together_and_large_ones_pass() {
        let size = Size { rows: 100, worth_a_call: 10, exact: false };
        let (found, values, copied) = sizes(&[100, 3, 4, 5, 100], size).await;
        assert_eq!(found, [100, 10, 2, 100]);
        assert_eq!(values, (0..212).collect::<Vec<_>>());
        assert!(copied > 0);
        assert_eq!(sizes(&[100, 100], size).await.2, 0);
    }

    #[tokio::test]
    async fn batches_of_a_given_size_have_it() {
        let size = Size { rows: 7, worth_a_call: 7, exact: true };
        let (found, values, _) = sizes(&[20, 1, 3], size).await;
        assert_eq!(found, [7, 7, 7, 3]);
        assert_eq!(values, (0..24).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn sizes_that_no_memory_has_take_all_rows() {
        for rows in [ROWS_MAX + 1, usize::MAX] {
            let size = Size { rows, worth_a_call: rows, exact: true };
            let (found, values, copied) = sizes(&[20, 0, 3], size).await;
            assert_eq!(found, [23]);
            assert_eq!(values, (0..23).collect::<Vec<_>>());
            assert!(copied > 0);
            assert!(sizes(&[], size).await.0.is_empty());
        }
        let size = Size { rows: ROWS_MAX + 1, worth_a_call: ROWS_MAX + 1, exact: true };
        let found = sizes(&[ROWS_MAX as i64, 3, ROWS_MAX as i64], size).await.0;
        assert_eq!(found, [ROWS_MAX + 1, ROWS_MAX + 1, 1]);
    }
}
