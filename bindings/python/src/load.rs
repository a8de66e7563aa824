//! Batches for training loops: made ahead on the engine's threads while the loop is at work.

use std::sync::Mutex;

use arrow::record_batch::RecordBatch;
use gradframe::{Error, LoadOptions, Result, Session};
use pyo3::prelude::*;
use tokio::sync::mpsc::{self, Receiver, error::TryRecvError};
use tokio::task::JoinHandle;

use crate::dataframe::PyDataFrame;
use crate::errors::OrRaise;
use crate::lazyframe::PyLazyFrame;
use crate::runtime::runtime;
use crate::wait::wait;

/// Batches that wait for the loop.
const AHEAD: usize = 4;

/// The rows in the order of a hash of their contents with this seed.
#[pyfunction]
pub fn shuffle(frame: PyLazyFrame, seed: u64) -> PyResult<PyLazyFrame> {
    frame.0.shuffle(seed).or_raise().map(PyLazyFrame)
}

/// The steps of the plan, a line each, by which a saved position knows it again.
#[pyfunction]
pub fn outline(frame: PyLazyFrame) -> Vec<String> {
    frame.0.outline()
}

/// One epoch of a training loop's batches. Dropping it cancels the query.
#[pyclass(name = "PyLoader", module = "gradframe._gradframe", frozen)]
pub struct PyLoader {
    session: Session,
    batches: Mutex<Option<Receiver<Result<RecordBatch>>>>,
    task: JoinHandle<()>,
}

#[pymethods]
impl PyLoader {
    /// The batches that a loop gets; see `LazyFrame.iter_batches`.
    #[new]
    #[pyo3(signature = (frame, *, batch_size, shuffle_seed, epoch, rank, world_size, worker, workers, drop_last, skip_batches, own_memory))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        frame: PyLazyFrame,
        batch_size: usize,
        shuffle_seed: Option<u64>,
        epoch: u64,
        rank: usize,
        world_size: usize,
        worker: usize,
        workers: usize,
        drop_last: bool,
        skip_batches: u64,
        own_memory: bool,
    ) -> PyResult<Self> {
        let options = LoadOptions {
            batch_rows: batch_size,
            shuffle: shuffle_seed,
            epoch,
            rank,
            world_size,
            worker,
            workers,
            drop_last,
            skip_batches,
        };
        let session = frame.0.session().clone();
        let (send, batches) = mpsc::channel(AHEAD);
        let task = runtime()?.spawn(async move {
            let mut loader = match frame.0.load(&options).await {
                Ok(loader) if own_memory => loader.in_own_memory(),
                Ok(loader) => loader,
                Err(error) => return drop(send.send(Err(error)).await),
            };
            while let Some(next) = loader.next().await.transpose() {
                if send.send(next).await.is_err() {
                    return;
                }
            }
        });
        Ok(PyLoader { session, batches: Mutex::new(Some(batches)), task })
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<PyDataFrame>> {
        let batch = match self.ready() {
            Some(batch) => batch,
            None => return Ok(None),
        };
        let batch = match batch {
            Ready::Batch(batch) => Some(batch.or_raise()?),
            Ready::Later(batches) => self.wait_for_next(py, batches)?,
        };
        Ok(batch.map(|batch| PyDataFrame::new(self.session.clone(), batch.schema(), vec![batch])))
    }
}

/// What there is without waiting.
enum Ready {
    Batch(Result<RecordBatch>),
    Later(Receiver<Result<RecordBatch>>),
}

impl PyLoader {
    /// None at the end.
    fn ready(&self) -> Option<Ready> {
        let mut place = self.batches.lock().ok()?;
        let mut batches = place.take()?;
        match batches.try_recv() {
            Ok(Ok(batch)) => {
                *place = Some(batches);
                Some(Ready::Batch(Ok(batch)))
            }
            Ok(Err(error)) => Some(Ready::Batch(Err(error))),
            Err(TryRecvError::Empty) => Some(Ready::Later(batches)),
            Err(TryRecvError::Disconnected) => None,
        }
    }

    fn wait_for_next(&self, py: Python<'_>, mut batches: Receiver<Result<RecordBatch>>) -> PyResult<Option<RecordBatch>> {
        let (batch, batches) = wait(py, async move {
            let batch = batches.recv().await.transpose()?;
            Ok((batch, batches))
        })?;
        if batch.is_some() {
            let mut place = self.batches.lock().map_err(|_| Error::internal("iter_batches", "a thread panicked")).or_raise()?;
            *place = Some(batches);
        }
        Ok(batch)
    }
}

impl Drop for PyLoader {
    fn drop(&mut self) {
        self.task.abort();
    }
}
