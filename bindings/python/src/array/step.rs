//! Traced functions that change what they are given: called again and again, at once.

use std::sync::OnceLock;

use gradframe::Error;
use gradframe::array::{Array, Compiled};
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyList};

use super::PyArray;
use super::traced::{PyTraced, arrays_of};
use crate::errors::OrRaise;

/// Who holds an argument that a result may take the place of: the list of all arguments, what it belongs to, and who asks.
const HOLDERS_MAX: isize = 3;

/// A traced function, some of whose results are the next values of arguments.
#[pyclass(name = "PyStep", module = "gradframe._gradframe", frozen)]
pub struct PyStep {
    traced: Py<PyTraced>,
    compiled: OnceLock<gradframe::Result<Compiled>>,
    /// The numbers of results and of the arguments whose next values they are.
    successors: Vec<(usize, usize)>,
}

#[pymethods]
impl PyStep {
    #[new]
    fn new(traced: Py<PyTraced>, successors: Vec<(usize, usize)>) -> Self {
        PyStep { traced, compiled: OnceLock::new(), successors }
    }

    /// Computes the results for these arrays and adds them to `results`, an empty list, all together: None for one that its argument has
    /// for a value from then on, as nobody holds that but the list and one more.
    fn run(&self, py: Python<'_>, arrays: &Bound<'_, PyList>, results: &Bound<'_, PyList>) -> PyResult<()> {
        let given = arrays_of(arrays)?;
        let mut successors = Vec::with_capacity(self.successors.len());
        for &(result, argument) in &self.successors {
            if is_held_by_two(&arrays.get_item(argument)?)? {
                successors.push((result, argument));
            }
        }
        let found = py.detach(move || self.computed(&given, &successors)).or_raise()?;
        for array in found {
            results.append(array.map(|array| Bound::new(py, PyArray(array))).transpose()?)?;
        }
        Ok(())
    }
}

impl PyStep {
    fn computed(&self, given: &[Array], successors: &[(usize, usize)]) -> gradframe::Result<Vec<Option<Array>>> {
        match self.compiled.get_or_init(|| Compiled::new(&self.traced.get().0)) {
            Ok(compiled) => compiled.run(given, successors),
            Err(error) => Err(Error::internal("jit", error.to_string())),
        }
    }
}

/// Whether Python holds an argument nowhere else: it would see that the value changes.
#[expect(deprecated, reason = "what is to be used in the place of `get_refcnt` is unsafe")]
fn is_held_by_two(argument: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(argument.cast::<PyArray>()?.get_refcnt() <= HOLDERS_MAX)
}
