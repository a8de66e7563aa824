//! Waiting for the engine: without the interpreter lock, answering Ctrl-C and whoever cancels.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use gradframe::{Error, Result};
use pyo3::prelude::*;

use crate::errors::OrRaise;
use crate::progress::Artist;
use crate::runtime::{STACK_BYTES, runtime};
use crate::stop::may_go_on;

/// How long a Ctrl-C or a cancellation may go unnoticed.
const SIGNAL_CHECK: Duration = Duration::from_millis(50);

/// Runs the future on the engine's threads until it is done. Other Python threads run meanwhile; Ctrl-C drops the
/// future, which cancels the query, and raises KeyboardInterrupt; so does [`PyStop`](crate::stop::PyStop), as CancelledError.
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
    may_go_on()?;
    let runtime = runtime()?;
    let (done, mut answers) = channel();
    // Nobody waits any more after Ctrl-C.
    let task = runtime.spawn(async move { drop(done.send(work.await)) });
    loop {
        match next_answer(py, &mut answers) {
            Ok(answer) => return answer.or_raise(),
            Err(RecvTimeoutError::Disconnected) => {
                let panicked = py.detach(|| runtime.block_on(task)).err().map_or_else(String::new, |error| error.to_string());
                return Err(Error::internal("gradframe", format!("the engine's task failed: {panicked}"))).or_raise();
            }
            Err(RecvTimeoutError::Timeout) => {
                let goes_on = py.check_signals().and_then(|()| may_go_on());
                let drawn = goes_on.and_then(|()| artist.as_mut().map_or(Ok(()), |artist| artist.draw(py)));
                drawn.inspect_err(|_| task.abort())?;
            }
        }
    }
}

/// By the system's clock: the runtime's is looked at by its threads, all of which may be in one long step.
fn next_answer<T: Send>(py: Python<'_>, answers: &mut Receiver<T>) -> std::result::Result<T, RecvTimeoutError> {
    py.detach(move || answers.recv_timeout(SIGNAL_CHECK))
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
