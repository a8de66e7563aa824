//! The input in slices that a model takes at once: few rows at first, so that who wants few waits little, more later, so that rows
//! of a length are found together.

use arrow::array::RecordBatch;
use datafusion::error::Result;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::stream::{self, BoxStream, StreamExt};
use gradframe_plan::ops::text::TextTask;

/// Rows of the first slice, and of the largest.
fn sizes(task: TextTask) -> [usize; 2] {
    match task {
        TextTask::Generate => [16, 256],
        TextTask::Embed | TextTask::Classify | TextTask::Answer => [64, 1024],
    }
}

/// The rows of the input, in order.
pub fn of(input: SendableRecordBatchStream, task: TextTask) -> BoxStream<'static, Result<RecordBatch>> {
    let [first, most] = sizes(task);
    let state = (input, RecordBatch::new_empty(std::sync::Arc::new(arrow::datatypes::Schema::empty())), first);
    let next = move |(mut input, mut left, size): (SendableRecordBatchStream, RecordBatch, usize)| async move {
        while left.num_rows() == 0 {
            match input.next().await? {
                Ok(batch) => left = batch,
                Err(error) => return Some((Err(error), (input, left, size))),
            }
        }
        let rows = size.min(left.num_rows());
        let (slice, rest) = (left.slice(0, rows), left.slice(rows, left.num_rows() - rows));
        Some((Ok(slice), (input, rest, (2 * size).min(most))))
    };
    stream::unfold(state, next).boxed()
}
