//! A run that Python logs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gradframe::{Error, LoadOptions, MetricRow, Run, RunOptions};
use pyo3::exceptions::{PyException, PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};

use crate::errors::OrRaise;
use crate::lazyframe::PyLazyFrame;
use crate::session::PySession;
use crate::wait::wait;

/// A run that goes on.
#[pyclass(name = "PyRun", module = "gradframe", frozen)]
pub struct PyRun(Arc<Run>);

/// The metric of a loader's batches, from 1 in each epoch.
const BATCH_METRIC: &str = "loader/batch";

/// Begins a run. `params`, `tags` and the environment's values are text; `code` is a directory in the code's repository.
#[pyfunction]
#[pyo3(signature = (session, title, *, experiment=None, params=vec![], tags=vec![], seed=None, environment=vec![], code=None, resources=None, program=None))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn start_run(
    py: Python<'_>,
    session: &PySession,
    title: String,
    experiment: Option<String>,
    params: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    seed: Option<u64>,
    environment: Vec<(String, String, String)>,
    code: Option<String>,
    resources: Option<f64>,
    program: Option<Vec<String>>,
) -> PyResult<PyRun> {
    let mut options = RunOptions::new(title);
    options = params.into_iter().fold(options, |options, (name, value)| options.param(name, value));
    options = tags.into_iter().fold(options, |options, (name, value)| options.tag(name, value));
    options = environment.into_iter().fold(options, |options, (kind, name, value)| options.environment(kind, name, value));
    options = match code {
        Some(directory) => options.code(directory),
        None => options.without_code(),
    };
    options = match resources {
        Some(seconds) => options.sampled_every(seconds_between_samples(seconds).or_raise()?),
        None => options.without_samples(),
    };
    options = experiment.into_iter().fold(options, RunOptions::experiment);
    options = seed.into_iter().fold(options, RunOptions::seed);
    options = program.into_iter().fold(options, RunOptions::program);
    py.detach(|| session.engine().start_run(options)).or_raise().map(|run| PyRun(Arc::new(run)))
}

#[pymethods]
impl PyRun {
    /// Its identifier, as in `gradframe.runs`.
    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    /// Adds a value of each of these metrics at one step; `time_us` is now unless it is given.
    /// `batch` is the epoch and the number of the batch that is in the loop.
    #[pyo3(signature = (metrics, step, epoch=None, time_us=None, batch=None))]
    fn log(
        &self,
        metrics: &Bound<'_, PyDict>,
        step: i64,
        epoch: Option<i64>,
        time_us: Option<i64>,
        batch: Option<(i64, i64)>,
    ) -> PyResult<()> {
        let mut names = Vec::with_capacity(metrics.len());
        for (name, value) in metrics {
            let number = number(&name, &value)?;
            let name = name.cast_into::<PyString>().map_err(|_| PyTypeError::new_err("log: the name of a metric is a str"))?;
            names.push((name, number));
        }
        let values = names.iter().map(|(name, value)| Ok((name.to_str()?, *value))).collect::<PyResult<Vec<_>>>()?;
        // A write of a few bytes into the system's memory: shorter than to let go of the interpreter and come back.
        let row = MetricRow { step, epoch, time_us, values: &values };
        match batch {
            None => self.0.log_row(&row).or_raise(),
            Some((epoch, batch)) => {
                let batch = [(BATCH_METRIC, batch as f64)];
                self.0.log_rows(&[row, MetricRow { step, epoch: Some(epoch), time_us, values: &batch }]).or_raise()
            }
        }
    }

    /// Says how the program's loop loads its batches.
    #[pyo3(signature = (frame, *, batch_size, shuffle_seed, rank, world_size, worker, workers))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn keep_loader(
        &self,
        py: Python<'_>,
        frame: PyLazyFrame,
        batch_size: usize,
        shuffle_seed: Option<u64>,
        rank: usize,
        world_size: usize,
        worker: usize,
        workers: usize,
    ) -> PyResult<()> {
        let options = LoadOptions { shuffle: shuffle_seed, rank, world_size, worker, workers, ..LoadOptions::new(batch_size) };
        let run = Arc::clone(&self.0);
        wait(py, async move { run.keep_loader(&frame.0, &options).await })
    }

    /// Says on which data the run works.
    fn log_input(&self, py: Python<'_>, frame: PyLazyFrame, name: String, role: String) -> PyResult<()> {
        let run = Arc::clone(&self.0);
        wait(py, async move { run.log_input(&frame.0, &name, &role).await })
    }

    /// Adds parameters.
    fn set_params(&self, py: Python<'_>, params: Vec<(String, String)>) -> PyResult<()> {
        py.detach(|| self.0.set_params(params.iter().map(|(name, value)| (name.as_str(), value.as_str())))).or_raise()
    }

    /// Sets tags.
    fn set_tags(&self, py: Python<'_>, tags: Vec<(String, String)>) -> PyResult<()> {
        py.detach(|| self.0.set_tags(tags.iter().map(|(name, value)| (name.as_str(), value.as_str())))).or_raise()
    }

    /// Keeps a file, or all files below a directory, under a name.
    fn log_artifact(&self, py: Python<'_>, name: String, source: PathBuf) -> PyResult<()> {
        py.detach(|| self.0.log_artifact(&name, source)).or_raise()
    }

    /// Keeps bytes under a name.
    #[pyo3(signature = (name, kind, step, content))]
    fn log_bytes(&self, py: Python<'_>, name: String, kind: String, step: Option<i64>, content: PyBackedBytes) -> PyResult<()> {
        py.detach(|| self.0.log_content(&name, &kind, step, &mut &content[..])).or_raise()
    }

    /// Makes what was logged survive a power cut.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.flush()).or_raise()
    }

    /// Ends the run: "finished", "failed" with a reason, or "cancelled".
    #[pyo3(signature = (status, why=None))]
    fn finish(&self, py: Python<'_>, status: &str, why: Option<String>) -> PyResult<()> {
        py.detach(|| match status {
            "finished" => self.0.finish(),
            "failed" => self.0.fail(why.unwrap_or_default()),
            "cancelled" => self.0.cancel(),
            other => Err(Error::plan("run", format!("status `{other}`, expected finished, failed or cancelled"))),
        })
        .or_raise()
    }
}

fn seconds_between_samples(seconds: f64) -> gradframe::Result<Duration> {
    let duration = Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| Error::plan("run", format!("resources is {seconds}, expected seconds between samples, or False")))
}

/// A float, integer or truth; NumPy's, PyTorch's and others' scalars by `__float__`. Texts are none, though `float` reads them.
fn number(name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(float.value());
    }
    let is_plain = value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>();
    if !is_plain && (value.is_instance_of::<PyString>() || !value.hasattr("__float__")?) {
        let class = value.get_type();
        return Err(PyTypeError::new_err(format!("log: metric {} is a {}, expected a number", name.repr()?, class.name()?)));
    }
    value.call_method0("__float__").and_then(|float| float.extract()).map_err(|error| no_number(name, value, error))
}

/// What an array of several values, a date and the like say when they are asked for a float, with the name of the metric. A program's
/// own end, such as Ctrl-C, stays what it is.
fn no_number(name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = name.py();
    if !error.is_instance_of::<PyException>(py) {
        return error;
    }
    if error.is_instance_of::<PyOverflowError>(py) {
        return PyOverflowError::new_err(format!("log: metric {name} is too large for a float of 64 bits"));
    }
    let class = value.get_type();
    let named = match (name.repr(), class.name()) {
        (Ok(name), Ok(class)) => {
            PyTypeError::new_err(format!("log: metric {name} is a {class}, expected a number: {}", error.value(py)))
        }
        (Err(error), _) | (_, Err(error)) => return error,
    };
    named.set_cause(py, Some(error));
    named
}
