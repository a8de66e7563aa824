//! Where rows that stay go.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{BatchCoalescer, filter_record_batch};
use arrow::datatypes::SchemaRef;
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use datafusion::physical_plan::metrics::{BaselineMetrics, RecordOutput};
use tokio::sync::mpsc::Sender;

use super::super::divided::{Stored, Writing};

/// The reader above, in batches of about as many rows as batches have.
pub(super) struct Output {
    coalescer: BatchCoalescer,
    reader: Sender<Result<RecordBatch>>,
    metrics: BaselineMetrics,
}

impl Output {
    pub fn new(schema: &SchemaRef, batch_rows: usize, reader: Sender<Result<RecordBatch>>, metrics: BaselineMetrics) -> Self {
        let coalescer = BatchCoalescer::new(Arc::clone(schema), batch_rows);
        Output { coalescer: coalescer.with_biggest_coalesce_batch_size(Some(batch_rows / 2)), reader, metrics }
    }

    /// Gives on the rows that are marked. Errors: `Execution` if nobody reads any more.
    pub async fn push(&mut self, batch: RecordBatch, stays: &BooleanArray) -> Result<()> {
        match stays.true_count() {
            0 => return Ok(()),
            all if all == batch.num_rows() => self.coalescer.push_batch(batch)?,
            _ => self.coalescer.push_batch_with_filter(batch, stays)?,
        }
        self.send_completed().await
    }

    /// Gives on all rows.
    pub async fn push_all(&mut self, batch: RecordBatch) -> Result<()> {
        self.coalescer.push_batch(batch)?;
        self.send_completed().await
    }

    /// Gives on what is left. Errors: as `push`.
    pub async fn finish(&mut self) -> Result<()> {
        self.coalescer.finish_buffered_batch()?;
        self.send_completed().await
    }

    async fn send_completed(&mut self) -> Result<()> {
        while let Some(batch) = self.coalescer.next_completed_batch() {
            let batch = batch.record_output(&self.metrics);
            self.reader.send(Ok(batch)).await.map_err(|_| exec_datafusion_err!("unique: nobody reads its rows"))?;
        }
        Ok(())
    }
}

/// The reader, or a file from which rows are put in order later.
pub(super) enum Target<'a> {
    Reader(&'a mut Output),
    File(Writing),
}

impl Target<'_> {
    /// Gives on the rows that are marked. Errors: as `Output::push`; `Resources` if the disk is full.
    pub async fn push(&mut self, batch: RecordBatch, stays: &BooleanArray) -> Result<()> {
        match self {
            Target::Reader(output) => output.push(batch, stays).await,
            Target::File(file) if stays.true_count() > 0 => file.append(&filter_record_batch(&batch, stays)?),
            Target::File(_) => Ok(()),
        }
    }

    /// The file's rows, if it is one.
    pub fn finish(self) -> Result<Option<Stored>> {
        match self {
            Target::Reader(_) => Ok(None),
            Target::File(file) => file.finish().map(Some),
        }
    }
}
