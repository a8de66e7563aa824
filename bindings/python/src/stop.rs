//! Queries that another thread may stop: what an event loop cancels runs on a thread of its own, which hears of it so.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::asyncio::CancelledError;
use pyo3::prelude::*;

thread_local! {
    /// What may stop the queries of this thread.
    static OF_THREAD: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Stops, when asked to, the queries of a function that runs on another thread.
#[pyclass(frozen, module = "gradframe._gradframe")]
#[derive(Default)]
pub struct PyStop(Arc<AtomicBool>);

#[pymethods]
impl PyStop {
    #[new]
    fn new() -> Self {
        PyStop::default()
    }

    /// Calls a function on this thread, and gives what it gives. Raises CancelledError in the place of what was stopped.
    fn run<'py>(&self, function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let outer = OF_THREAD.replace(Some(Arc::clone(&self.0)));
        let answer = function.call0();
        OF_THREAD.set(outer);
        answer
    }

    /// Stops what runs, and what begins later.
    fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whether this thread's queries may go on. Errors: `CancelledError` if they were stopped.
pub fn may_go_on() -> PyResult<()> {
    let stopped = OF_THREAD.with_borrow(|stop| stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed)));
    if stopped { Err(CancelledError::new_err("the query was cancelled")) } else { Ok(()) }
}
