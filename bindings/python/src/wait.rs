//! Waiting for the engine: without the interpreter lock, and answering Ctrl-C.

use std::time::Duration;

use gradframe::{Error, Result};
use pyo3::prelude::*;
use tokio::time::timeout;

use crate::errors::OrRaise;
use crate::progress::Artist;
use crate::runtime::{STACK_BYTES, runtime};

/// How long a Ctrl-C may go unnoticed.
pub const SIGNAL_CHECK: Duration = Duration::from_millis(50);

/// Runs the future on the engine's threads until it is done. Other Python threads run meanwhile; Ctrl-C drops the
/// future, which cancels the query, and raises KeyboardInterrupt.
pub fn wait<F, T>(py: Python<'_>, work: F) -> PyResult<T>
where
    F: Future<Output = Result<T>> + Send + 'static,
    T: Send + 'static,
{
    wait_and_draw(py, None, work)
}

/// The same, and draws meanwhile how far the work is.
pub fn wait_and_draw<F, T>(py: Python<'_>, artist: Option<Artist>, work: F) -> PyResult<T>
where
    F: Future<Output = Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let mut artist = artist;
    let answer = wait_drawing(py, &mut artist, work);
    let cleared = artist.map_or(Ok(()), |mut artist| artist.finish(py));
    answer.and_then(|answer| cleared.map(|()| answer))
}

fn wait_drawing<F, T>(py: Python<'_>, artist: &mut Option<Artist>, work: F) -> PyResult<T>
where
    F: Future<Output = Result<T>> + Send + 'static,
    T: Send + 'static,
{
    if tokio::runtime::Handle::try_current().is_ok() {
        return wait_inside(py, work);
    }
    let runtime = runtime()?;
    let mut task = runtime.spawn(work);
    loop {
        match py.detach(|| runtime.block_on(async { timeout(SIGNAL_CHECK, &mut task).await })) {
            Ok(Ok(answer)) => return answer.or_raise(),
            Ok(Err(panicked)) => {
                return Err(Error::internal("gradframe", format!("the engine's task failed: {panicked}"))).or_raise();
            }
            Err(_elapsed) => {
                let drawn = py.check_signals().and_then(|()| artist.as_mut().map_or(Ok(()), |artist| artist.draw(py)));
                drawn.inspect_err(|_| task.abort())?;
            }
        }
    }
}

/// Waits in a function of the user's that the engine calls on one of its own threads, which may all be waiting so: the work is done
/// on a thread of its own.
fn wait_inside<F, T>(py: Python<'_>, work: F) -> PyResult<T>
where
    F: Future<Output = Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let failed = |what: String| Error::external("gradframe", what);
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| failed(format!("cannot start a thread: {error}")))?.block_on(work)
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run);
    let thread = thread.map_err(|error| failed(format!("cannot start a thread: {error}"))).or_raise()?;
    let answer = py.detach(|| thread.join());
    answer.unwrap_or_else(|_| Err(Error::internal("gradframe", "a thread panicked"))).or_raise()
}
