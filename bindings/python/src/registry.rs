//! What the store keeps, in Python's hands: artifacts, aliases of models, runs on their way elsewhere.

use std::path::PathBuf;

use pyo3::prelude::*;

use crate::errors::OrRaise;
use crate::lazyframe::PyLazyFrame;
use crate::session::PySession;
use crate::wait::wait;

/// The file that holds an artifact.
#[pyfunction]
pub fn artifact(py: Python<'_>, session: &PySession, run: String, path: String) -> PyResult<PathBuf> {
    py.detach(|| session.engine().artifact(&run, &path)).or_raise()
}

/// The rows of an artifact that is a table.
#[pyfunction]
pub fn read_artifact(py: Python<'_>, session: &PySession, run: String, path: String) -> PyResult<PyLazyFrame> {
    let session = session.engine().clone();
    wait(py, async move { session.read_artifact(&run, &path).await }).map(PyLazyFrame)
}

/// Lets an alias name a version of a model.
#[pyfunction]
pub fn set_alias(py: Python<'_>, session: &PySession, model: String, alias: String, version: u64) -> PyResult<()> {
    py.detach(|| session.engine().set_alias(&model, &alias, version)).or_raise()
}

/// Lets one alias name what another means.
#[pyfunction]
pub fn promote(py: Python<'_>, session: &PySession, model: String, from: String, to: String) -> PyResult<u64> {
    py.detach(|| session.engine().promote(&model, &from, &to)).or_raise()
}

/// Takes an alias back to what it named before.
#[pyfunction]
pub fn roll_back(py: Python<'_>, session: &PySession, model: String, alias: String) -> PyResult<u64> {
    py.detach(|| session.engine().roll_back(&model, &alias)).or_raise()
}

/// Forgets an alias.
#[pyfunction]
pub fn remove_alias(py: Python<'_>, session: &PySession, model: String, alias: String) -> PyResult<bool> {
    py.detach(|| session.engine().remove_alias(&model, &alias)).or_raise()
}

/// Sets tags of a version of a model.
#[pyfunction]
pub fn tag_model(py: Python<'_>, session: &PySession, model: String, version: u64, tags: Vec<(String, String)>) -> PyResult<()> {
    let set = || session.engine().set_model_tags(&model, version, tags.iter().map(|(name, value)| (&**name, &**value)));
    py.detach(set).or_raise()
}

/// A model's card.
#[pyfunction]
pub fn model_card(py: Python<'_>, session: &PySession, model: String) -> PyResult<String> {
    py.detach(|| session.engine().model_card(&model)).or_raise()
}

/// Forgets a run.
#[pyfunction]
pub fn remove_run(py: Python<'_>, session: &PySession, run: String) -> PyResult<()> {
    py.detach(|| session.engine().remove_run(&run)).or_raise()
}

/// Removes what nothing points to: numbers of contents, bytes, versions of models.
#[pyfunction]
pub fn collect_garbage(py: Python<'_>, session: &PySession, keep_versions: Option<u64>) -> PyResult<(u64, u64, usize)> {
    let garbage = py.detach(|| session.engine().collect_garbage(keep_versions)).or_raise()?;
    Ok((garbage.objects, garbage.bytes, garbage.versions.len()))
}

/// Copies a run into a store of its own, or packs it into one file.
#[pyfunction]
pub fn export_run(py: Python<'_>, session: &PySession, run: String, target: PathBuf, data: bool) -> PyResult<String> {
    let session = session.engine().clone();
    wait(py, async move { session.export_run(&run, &target, data).await })
}

/// Writes a run as an event file of TensorBoard's; gives the file.
#[pyfunction]
pub fn export_tensorboard(py: Python<'_>, session: &PySession, run: String, directory: PathBuf) -> PyResult<PathBuf> {
    py.detach(|| session.engine().export_tensorboard(&run, &directory)).or_raise()
}

/// Takes in the runs that are at a path.
#[pyfunction]
pub fn import_runs(py: Python<'_>, session: &PySession, path: PathBuf) -> PyResult<Vec<String>> {
    py.detach(|| session.engine().import_runs(&path)).or_raise()
}

/// Does once more what a run did: the new run, how many values were compared, what differs, and what could not be compared.
#[pyfunction]
#[pyo3(signature = (session, run, frame, program))]
pub fn replay_run(
    py: Python<'_>,
    session: &PySession,
    run: String,
    frame: Option<PyLazyFrame>,
    program: bool,
) -> PyResult<(String, usize, PyLazyFrame, Vec<String>)> {
    let session = session.engine().clone();
    let replayed = wait(py, async move {
        let replay = match program {
            true => session.replay_program(&run).await?,
            false => session.replay_run_over(&run, frame.as_ref().map(|frame| &frame.0)).await?,
        };
        let differences = session.differences(&replay.differences)?;
        Ok((replay.again, replay.values, differences, replay.unknown))
    });
    replayed.map(|(again, values, differences, unknown)| (again, values, PyLazyFrame(differences), unknown))
}

/// The rows of the batch that a run had in its loop at a step.
#[pyfunction]
#[pyo3(signature = (session, run, step, frame=None))]
pub fn batch_rows(
    py: Python<'_>,
    session: &PySession,
    run: String,
    step: u64,
    frame: Option<PyLazyFrame>,
) -> PyResult<PyLazyFrame> {
    let session = session.engine().clone();
    wait(py, async move { session.batch_rows(&run, step, frame.as_ref().map(|frame| &frame.0)).await }).map(PyLazyFrame)
}

/// Adds all of these.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(artifact, module)?)?;
    module.add_function(wrap_pyfunction!(read_artifact, module)?)?;
    module.add_function(wrap_pyfunction!(set_alias, module)?)?;
    module.add_function(wrap_pyfunction!(promote, module)?)?;
    module.add_function(wrap_pyfunction!(roll_back, module)?)?;
    module.add_function(wrap_pyfunction!(remove_alias, module)?)?;
    module.add_function(wrap_pyfunction!(tag_model, module)?)?;
    module.add_function(wrap_pyfunction!(model_card, module)?)?;
    module.add_function(wrap_pyfunction!(remove_run, module)?)?;
    module.add_function(wrap_pyfunction!(collect_garbage, module)?)?;
    module.add_function(wrap_pyfunction!(export_run, module)?)?;
    module.add_function(wrap_pyfunction!(export_tensorboard, module)?)?;
    module.add_function(wrap_pyfunction!(replay_run, module)?)?;
    module.add_function(wrap_pyfunction!(batch_rows, module)?)?;
    module.add_function(wrap_pyfunction!(import_runs, module)?)
}
