//! SQL over frames that it has names for.

use gradframe::DataFrame;
use pyo3::prelude::*;

use crate::bound_values::bound_values;
use crate::errors::OrRaise;
use crate::hints::of_sql;
use crate::lazyframe::PyLazyFrame;
use crate::progress::Artist;
use crate::session::PySession;
use crate::wait::wait_and_draw;

/// `Session.sql` in which frames have names.
#[pyfunction]
#[pyo3(signature = (session, query, frames, run=None, params=None))]
pub fn sql_with(
    py: Python<'_>,
    session: &PySession,
    query: String,
    frames: Vec<(String, PyLazyFrame)>,
    run: Option<String>,
    params: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyLazyFrame> {
    let values = bound_values(params)?;
    let session = session.engine().clone();
    let session = run.map_or_else(|| session.clone(), |run| session.in_run(&run));
    let artist = session.shows_progress().then(|| Artist::new(None));
    let frames: Vec<_> = frames.into_iter().map(|(name, frame)| (name, frame.0)).collect();
    let work = async move { session.sql_with_bound(&query, frames, &values).await.map(DataFrame::out_of_run) };
    of_sql(|| wait_and_draw(py, artist, work)).map(PyLazyFrame)
}

/// The session of a frame.
#[pyfunction]
pub fn session_of(frame: &PyLazyFrame) -> PySession {
    PySession::over(frame.0.session().clone())
}

/// Whether a frame is of a session.
#[pyfunction]
pub fn is_of_session(frame: &PyLazyFrame, session: &PySession) -> bool {
    frame.0.session().is_same(session.engine())
}

/// Names in FROM that nothing in the catalog stands behind.
#[pyfunction]
pub fn unknown_tables(session: &PySession, query: &str) -> PyResult<Vec<String>> {
    session.engine().unknown_tables(query).or_raise()
}
