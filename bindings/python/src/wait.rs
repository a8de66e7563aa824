//! Waiting for the engine: without the interpreter lock, and answering Ctrl-C.

use std::time::Duration;

use gradframe::{Error, Result};
use pyo3::prelude::*;
use tokio::time::timeout;

use crate::errors::OrRaise;
use crate::progress::Artist;
use crate::runtime::runtime;

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
    if let Some(mut artist) = artist {
        artist.finish(py);
    }
    answer
}

fn wait_drawing<F, T>(py: Python<'_>, artist: &mut Option<Artist>, work: F) -> PyResult<T>
where
    F: Future<Output = Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let runtime = runtime()?;
    let mut task = runtime.spawn(work);
    loop {
        match py.detach(|| runtime.block_on(async { timeout(SIGNAL_CHECK, &mut task).await })) {
            Ok(Ok(answer)) => return answer.or_raise(),
            Ok(Err(panicked)) => {
                return Err(Error::internal("gradframe", format!("the engine's task failed: {panicked}"))).or_raise();
            }
            Err(_elapsed) => {
                py.check_signals().inspect_err(|_| task.abort())?;
                if let Some(artist) = artist {
                    artist.draw(py);
                }
            }
        }
    }
}
