//! A temporary file of rows.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::spill_file::SpillFile;
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::sorts::streaming_merge::SortedSpillFile;
use datafusion::physical_plan::stream::EmptyRecordBatchStream;

/// A file that is being written. DataFusion does not name the type of its writer: it is kept as what it does.
pub(in crate::ops) struct Writing {
    manager: SpillManager,
    step: Box<dyn FnMut(Step) -> Result<Finished> + Send>,
    batch_bytes_max: usize,
}

/// The file, once it is done and if anything was written.
type Finished = Option<Arc<dyn SpillFile>>;

enum Step<'a> {
    Append(&'a RecordBatch, &'a mut usize),
    Finish,
}

impl Writing {
    /// An empty file of `what`. Errors: `Resources` if none can be made.
    pub fn new(manager: &SpillManager, what: &str) -> Result<Self> {
        let mut file = manager.create_in_progress_file(what)?;
        let step = move |step: Step| match step {
            Step::Append(batch, bytes) => {
                *bytes = file.append_batch(batch)?;
                Ok(None)
            }
            Step::Finish => file.finish(),
        };
        Ok(Writing { manager: manager.clone(), step: Box::new(step), batch_bytes_max: 0 })
    }

    /// Writes rows behind those that are there. Errors: `Resources` if the disk or its limit is full.
    pub fn append(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut bytes = 0;
        (self.step)(Step::Append(batch, &mut bytes))?;
        self.batch_bytes_max = self.batch_bytes_max.max(bytes);
        Ok(())
    }

    /// What was written.
    pub fn finish(mut self) -> Result<Stored> {
        let file = (self.step)(Step::Finish)?;
        Ok(Stored { manager: self.manager, file, batch_bytes_max: self.batch_bytes_max })
    }
}

/// Rows in a file; none, if there is no file.
pub(in crate::ops) struct Stored {
    manager: SpillManager,
    file: Option<Arc<dyn SpillFile>>,
    batch_bytes_max: usize,
}

impl Stored {
    /// The file for a merge of several; None without rows.
    pub fn into_sorted(self) -> Option<SortedSpillFile> {
        self.file.map(|file| SortedSpillFile { file, max_record_batch_memory: self.batch_bytes_max })
    }

    /// The rows in the order in which they were written; the file goes with the stream.
    pub fn read(self) -> Result<SendableRecordBatchStream> {
        match self.file {
            Some(file) => self.manager.read_spill_as_stream(file, None),
            None => Ok(Box::pin(EmptyRecordBatchStream::new(Arc::clone(self.manager.schema())))),
        }
    }
}
