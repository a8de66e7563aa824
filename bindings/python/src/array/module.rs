//! A module that Python has traced, as an estimator.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use gradframe::Error;
use gradframe::array::{RowFunction, RowProgram, Traced};
use gradframe::ml::Estimator;
use gradframe::ml::traced::{Module, ModuleFunction, ModuleGroup, ModuleInput, NamedRule, Task};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::PyArray;
use super::traced::{PyTraced, arrays_of};
use crate::errors::OrRaise;

/// A function of arrays for any number of rows.
#[pyclass(name = "PyRowFunction", module = "gradframe._gradframe", frozen)]
pub struct PyRowFunction {
    pub function: RowFunction,
    /// What it was made of.
    traces: [Traced; 3],
    program: OnceLock<gradframe::Result<RowProgram>>,
}

#[pymethods]
impl PyRowFunction {
    /// The function that was traced at each of `probe_rows()`.
    #[new]
    fn new(py: Python<'_>, a: &PyTraced, b: &PyTraced, c: &PyTraced) -> PyResult<Self> {
        let function = py.detach(|| RowFunction::new([&a.0, &b.0, &c.0])).or_raise()?;
        Ok(PyRowFunction { function, traces: [a.0.clone(), b.0.clone(), c.0.clone()], program: OnceLock::new() })
    }

    /// Whether it is what a function is that was traced at this number of rows, too.
    fn holds_at(&self, py: Python<'_>, own: &PyTraced, rows: usize) -> PyResult<bool> {
        py.detach(|| RowFunction::holds_at(self.traces.each_ref(), &own.0, rows)).or_raise()
    }

    /// Its results for these arrays, computed at once by a program that serves every number of rows.
    fn run(&self, py: Python<'_>, arrays: &Bound<'_, PyList>) -> PyResult<Vec<PyArray>> {
        let arrays = arrays_of(arrays)?;
        let run = || match self.program.get_or_init(|| RowProgram::new(&self.function)) {
            Ok(program) => program.run(&arrays),
            Err(error) => Err(Error::internal("trace", error.to_string())),
        };
        Ok(py.detach(run).or_raise()?.into_iter().map(PyArray).collect())
    }
}

/// The numbers of rows at which a function is traced.
#[pyfunction]
pub fn probe_rows() -> [usize; 3] {
    gradframe::ml::graph::transform::PROBE_ROWS
}

/// A traced module with its options, as `fit` takes it.
#[pyclass(name = "PyModuleEstimator", module = "gradframe._gradframe", frozen)]
pub struct PyModuleEstimator(pub Estimator);

/// An input: the argument's name, its columns, the sizes after its rows.
type Input = (String, Vec<String>, Vec<usize>);
/// A rule's name and numbers, the part of the learning rate, the parameters by place.
type Group = (String, BTreeMap<String, f64>, f64, Vec<usize>);

#[pymethods]
impl PyModuleEstimator {
    #[new]
    fn new(
        py: Python<'_>,
        title: String,
        classification: bool,
        inputs: Vec<Input>,
        parameters: Vec<(String, Py<PyArray>)>,
        buffers: Vec<(String, Py<PyArray>)>,
        functions: (Py<PyRowFunction>, Py<PyRowFunction>, Py<PyRowFunction>),
        groups: Vec<Group>,
    ) -> PyResult<Self> {
        let tensor = |(name, array): (String, Py<PyArray>)| Ok((name, py.detach(|| array.get().0.tensor()).or_raise()?));
        let function = |traced: &Py<PyRowFunction>| {
            let RowFunction { function, captures, .. } = traced.get().function.clone();
            ModuleFunction { function, captures }
        };
        let group = |(name, numbers, rate, members)| ModuleGroup { rule: NamedRule { name, numbers }, rate, members };
        let module = Module {
            title,
            task: if classification { Task::Classification } else { Task::Regression },
            inputs: inputs.into_iter().map(|(name, columns, shape)| ModuleInput { name, columns, shape }).collect(),
            parameters: parameters.into_iter().map(tensor).collect::<PyResult<_>>()?,
            buffers: buffers.into_iter().map(tensor).collect::<PyResult<_>>()?,
            training: function(&functions.0),
            evaluation: function(&functions.1),
            forward: function(&functions.2),
            groups: groups.into_iter().map(group).collect(),
        };
        Ok(PyModuleEstimator(Estimator::module(module)))
    }
}
