//! Batches of a stream, taken together until they are worth a device's while.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use datafusion::error::Result;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::stream::{self, Fuse};
use futures::{Stream, StreamExt};

use crate::memory::{Memory, batch_bytes};

/// Rows that are computed together, at least.
const ROWS: usize = 1 << 20;
/// Bytes that a partition takes for that, at most.
const BYTES_MAX: usize = 256 << 20;

/// What `compute` makes of batches, which it is given many at a time, in their order, never none.
///
/// What is held is taken from the session's memory, with as much again for what is computed of it; where there is no more, fewer
/// rows are computed together.
pub(crate) fn gathered<F>(
    input: SendableRecordBatchStream,
    memory: Memory,
    compute: F,
) -> impl Stream<Item = Result<RecordBatch>> + Send
where
    F: FnMut(&[RecordBatch]) -> Result<Vec<RecordBatch>> + Send,
{
    let gatherer = Gatherer { input: input.fuse(), pending: None, memory, compute, ready: VecDeque::new() };
    stream::try_unfold(gatherer, |mut gatherer| async move {
        let next = gatherer.next().await?;
        Ok(next.map(|batch| (batch, gatherer)))
    })
}

struct Gatherer<F> {
    input: Fuse<SendableRecordBatchStream>,
    /// The first batch of the next piece.
    pending: Option<RecordBatch>,
    memory: Memory,
    compute: F,
    ready: VecDeque<RecordBatch>,
}

impl<F: FnMut(&[RecordBatch]) -> Result<Vec<RecordBatch>>> Gatherer<F> {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while self.ready.is_empty() {
            let piece = self.piece().await?;
            if piece.is_empty() {
                return Ok(None);
            }
            self.ready.extend((self.compute)(&piece)?);
        }
        Ok(self.ready.pop_front())
    }

    /// The batches that are computed next; none at the end.
    async fn piece(&mut self) -> Result<Vec<RecordBatch>> {
        let (mut piece, mut rows) = (vec![], 0);
        self.memory.free();
        while let Some(batch) = self.batch().await? {
            let bytes = 2 * batch_bytes(&batch);
            let has_room = self.memory.bytes() + bytes <= BYTES_MAX && self.memory.try_grow(bytes);
            if !has_room && !piece.is_empty() {
                self.pending = Some(batch);
                return Ok(piece);
            }
            rows += batch.num_rows();
            piece.push(batch);
            if !has_room || rows >= ROWS {
                return Ok(piece);
            }
        }
        Ok(piece)
    }

    async fn batch(&mut self) -> Result<Option<RecordBatch>> {
        match self.pending.take() {
            Some(batch) => Ok(Some(batch)),
            None => self.input.next().await.transpose(),
        }
    }
}
