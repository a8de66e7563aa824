//! Training data on the disk: sorted runs of raw rows, through the session's disk manager and within its limit.

use std::fmt;
use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamDecoder;
use bytes::Bytes;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SpillFile, TaskContext};
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::metrics::SpillMetrics;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::from_datafusion;

use super::OP;
use super::rows::{Place, RawBatch};
use crate::columns::arrow_error;
use crate::spill::map;

/// Most rows of a batch of a run: few enough that reading one is nothing much.
pub(super) const BATCH_ROWS: usize = 4096;

/// Where a training puts what does not fit in memory. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    env: Arc<RuntimeEnv>,
    metrics: SpillMetrics,
}

impl Disk {
    /// The session's disk; `metrics` counts what is written.
    pub fn new(context: &TaskContext, metrics: SpillMetrics) -> Self {
        Disk { env: context.runtime_env(), metrics }
    }

    /// A new file. Errors: `Resources` if none can be made.
    pub fn create(&self, what: &str) -> Result<Arc<dyn SpillFile>> {
        let file = self.env.disk_manager.create_tmp_file(what).map_err(from_datafusion)?;
        self.metrics.spill_file_count.add(1);
        Ok(file)
    }

    /// Counts what was written to a file of `create`.
    pub fn wrote(&self, rows: usize, bytes: usize) {
        self.metrics.spilled_rows.add(rows);
        self.metrics.spilled_bytes.add(bytes);
    }

    /// Writes the rows at these places, which are in order. Errors: as `write_run`.
    pub fn write_places(&self, batches: &[Arc<RawBatch>], places: &[Place]) -> Result<Run> {
        let schema = batches.first().ok_or_else(|| Error::internal(OP, "a run without rows"))?.schema();
        self.write_run(&schema, places.chunks(BATCH_ROWS).map(|places| RawBatch::gather(batches, places)))
    }

    /// Writes batches one after the other; they are in order. Errors: theirs; `Resources` if the disk or its limit is
    /// full, after which nothing is left of the file.
    pub fn write_run(&self, schema: &SchemaRef, batches: impl Iterator<Item = Result<RawBatch>>) -> Result<Run> {
        let manager = SpillManager::new(Arc::clone(&self.env), self.metrics.clone(), Arc::clone(schema));
        let mut file = manager.create_in_progress_file("training rows").map_err(from_datafusion)?;
        for batch in batches {
            file.append_batch(&batch?.to_record_batch(schema)?).map_err(from_datafusion)?;
        }
        let file = file.finish().map_err(from_datafusion)?.ok_or_else(|| Error::internal(OP, "a run without rows"))?;
        Ok(Run { bytes: map(file.as_ref())?, _file: file })
    }
}

/// Sorted rows on the disk, in Arrow's IPC format. Gone with its last copy.
#[derive(Clone)]
pub(super) struct Run {
    bytes: Bytes,
    /// Counts against the limit as long as it is there.
    _file: Arc<dyn SpillFile>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Run({} bytes)", self.bytes.len())
    }
}

impl Run {
    /// The run's batches from the first on.
    pub fn read(&self) -> RunReader {
        RunReader { decoder: StreamDecoder::new(), rest: self.bytes.clone().into() }
    }
}

/// Reads a run. The columns of its batches lie in the mapped file.
#[derive(Debug)]
pub(super) struct RunReader {
    decoder: StreamDecoder,
    rest: Buffer,
}

impl RunReader {
    /// The next batch. Errors: `Execution` if the file is damaged.
    pub fn next(&mut self) -> Result<Option<RawBatch>> {
        let batch = self.decoder.decode(&mut self.rest).map_err(arrow_error)?;
        batch.as_ref().map(RawBatch::from_record_batch).transpose()
    }
}
