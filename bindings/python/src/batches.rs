//! The rows of a running query, a part at a time.

use std::sync::Mutex;

use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use gradframe::{Session, from_datafusion};
use pyo3::prelude::*;

use crate::dataframe::PyDataFrame;
use crate::wait::wait;

/// An iterator over the rows of a running query: DataFrames of one batch each. Dropping it cancels the query.
#[pyclass(name = "PyBatches", module = "gradframe", frozen)]
pub struct PyBatches {
    session: Session,
    /// Away while a batch is awaited, and for good at the end, after an error, or after Ctrl-C.
    stream: Mutex<Option<SendableRecordBatchStream>>,
}

impl PyBatches {
    /// The batches of this stream.
    pub fn new(session: Session, stream: SendableRecordBatchStream) -> Self {
        PyBatches { session, stream: Mutex::new(Some(stream)) }
    }

    fn take(&self) -> Option<SendableRecordBatchStream> {
        self.stream.lock().ok()?.take()
    }

    fn put_back(&self, stream: SendableRecordBatchStream) {
        if let Ok(mut place) = self.stream.lock() {
            *place = Some(stream);
        }
    }
}

#[pymethods]
impl PyBatches {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<PyDataFrame>> {
        let Some(mut stream) = self.take() else { return Ok(None) };
        let next = wait(py, async move {
            let batch = stream.next().await.transpose().map_err(from_datafusion)?;
            Ok(batch.map(|batch| (batch, stream)))
        });
        Ok(next?.map(|(batch, stream)| {
            self.put_back(stream);
            PyDataFrame::new(self.session.clone(), batch.schema(), vec![batch])
        }))
    }
}
