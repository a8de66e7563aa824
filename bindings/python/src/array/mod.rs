//! Arrays: one private class over the engine's, and one function that calls operations by name. The public class is
//! Python's, in `gradframe/_array`.

mod convert;
mod indexing;
pub mod module;
mod optimizer;
mod step;
mod traced;

use gradframe::array::{Array, Number, WeakArray, realise_all};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use pyo3_arrow::buffer::PyArrowBuffer;

use crate::errors::OrRaise;
use convert::{arg, array_of, element, operand};

/// An array of numbers of one type.
#[pyclass(name = "PyArray", module = "gradframe._gradframe", frozen)]
pub struct PyArray(pub Array);

/// A handle that does not keep the array.
#[pyclass(name = "PyWeakArray", module = "gradframe._gradframe", frozen)]
pub struct PyWeakArray(WeakArray);

#[pymethods]
impl PyWeakArray {
    /// The array, or None if nobody holds it any more.
    fn get(&self) -> Option<PyArray> {
        self.0.upgrade().map(PyArray)
    }
}

#[pymethods]
impl PyArray {
    /// Sizes, outermost axis first.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.shape())
    }

    /// How many axes it has.
    #[getter]
    fn ndim(&self) -> usize {
        self.0.shape().len()
    }

    /// How many elements it has.
    #[getter]
    fn size(&self) -> usize {
        self.0.ty().len()
    }

    /// The element type's name.
    #[getter]
    fn dtype(&self) -> &'static str {
        self.0.element().name()
    }

    /// Whether it stands for a value of a function that is being traced.
    #[getter]
    fn is_traced(&self) -> bool {
        self.0.is_traced()
    }

    /// Whether it stands for a number of Python's, which takes the type of what it meets.
    #[getter]
    fn is_weak(&self) -> bool {
        self.0.is_weak()
    }

    /// The operation that gave its elements, whatever their shape.
    #[getter]
    fn made_by(&self) -> Option<String> {
        self.0.made_by()
    }

    /// Whether gradients are taken with respect to it.
    #[getter]
    fn is_watched(&self) -> bool {
        self.0.is_watched()
    }

    /// Whether it was computed from an array that is watched.
    #[getter]
    fn is_tracked(&self) -> bool {
        self.0.is_tracked()
    }

    /// Whether its values are in memory.
    #[getter]
    fn is_realised(&self) -> bool {
        self.0.is_realised()
    }

    /// Tells arrays apart that are equal.
    #[getter]
    fn identity(&self) -> usize {
        self.0.identity()
    }

    /// A handle that does not keep it.
    fn weak(&self) -> PyWeakArray {
        PyWeakArray(self.0.downgrade())
    }

    /// Whether some element is this number, of integers that are known.
    fn has_integer(&self, py: Python<'_>, number: i64) -> PyResult<bool> {
        py.detach(|| self.0.has_integer(number)).or_raise()
    }

    /// The bytes, row-major, not copied.
    fn buffer(&self, py: Python<'_>) -> PyResult<PyArrowBuffer> {
        let value = py.detach(|| self.0.tensor()).or_raise()?;
        Ok(PyArrowBuffer::new(value.into_buffer()))
    }

    /// The single element as a Python number.
    fn item(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let value = py.detach(|| self.0.tensor()).or_raise()?;
        convert::item(py, self.0.element(), &value)
    }

    /// The same values, with respect to which gradients can be taken.
    fn watched(&self, py: Python<'_>) -> PyResult<Self> {
        py.detach(|| self.0.watched()).map(PyArray).or_raise()
    }

    /// The same values, through which no gradient flows.
    fn detached(&self, py: Python<'_>) -> PyResult<Self> {
        py.detach(|| self.0.detached()).map(PyArray).or_raise()
    }

    /// The watched arrays that this is computed from, and its gradient in each; it goes no further than to `ends`, which get one too.
    #[pyo3(signature = (cotangent=None, ends=None))]
    fn backward(&self, cotangent: Option<&PyArray>, ends: Option<&Bound<'_, PyList>>) -> PyResult<Vec<(PyArray, PyArray)>> {
        let ends = ends.map(traced::arrays_of).transpose()?.unwrap_or_default();
        let gradients = gradframe::array::backward_to(&self.0, cotangent.map(|c| &c.0), &ends).or_raise()?;
        Ok(gradients.into_iter().map(|(of, gradient)| (PyArray(of), PyArray(gradient))).collect())
    }

    /// Which of these it is computed from, by their numbers: each before what it is computed from itself.
    fn made_of(&self, arrays: &Bound<'_, PyList>) -> PyResult<Vec<usize>> {
        self.0.made_of(&traced::arrays_of(arrays)?).or_raise()
    }
}

/// From now on what this thread computes keeps its history, or not; gives what was before.
#[pyfunction]
fn array_keep_history(kept: bool) -> bool {
    gradframe::array::keep_history(kept)
}

/// Whether what this thread computes keeps its history.
#[pyfunction]
fn array_keeps_history() -> bool {
    gradframe::array::keeps_history()
}

/// An array over memory of somebody else, which must not change.
#[pyfunction]
fn array_from_buffer(buffer: PyArrowBuffer, dtype: &str, shape: Vec<usize>) -> PyResult<PyArray> {
    array_of(buffer.into_inner(), dtype, &shape).map(PyArray).or_raise()
}

/// An array of shape () of a Python number.
#[pyfunction]
#[pyo3(signature = (number, dtype=None))]
fn array_from_number(number: &Bound<'_, PyAny>, dtype: Option<&str>) -> PyResult<PyArray> {
    let number = convert::number(number)?;
    let element = dtype.map(element).transpose().or_raise()?.unwrap_or(number.own());
    Array::number("asarray", number, element).map(PyArray).or_raise()
}

/// A float that a function is given, which takes the type of what it meets.
#[pyfunction]
fn array_of_float(x: f64) -> PyArray {
    PyArray(Array::weak(x))
}

/// The operation of this name on arrays and numbers: an array, or a tuple if it has several results.
#[pyfunction]
fn array_call<'py>(
    py: Python<'py>,
    name: &str,
    operands: &Bound<'py, PyTuple>,
    args: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut given = Vec::with_capacity(operands.len());
    for one in operands.iter_borrowed() {
        given.push(operand(name, &one)?);
    }
    let mut rest = gradframe::array::Args::new();
    for one in args.iter_borrowed() {
        rest.push(arg(name, &one)?);
    }
    // A look at places may compute them.
    let results = match gradframe::array::ops::picks(name) {
        true => py.detach(|| Array::call(name, &given, rest)),
        false => Array::call(name, &given, rest),
    };
    several(py, results.or_raise()?)
}

fn several<'py>(py: Python<'py>, results: impl IntoIterator<Item = Array>) -> PyResult<Bound<'py, PyAny>> {
    let mut results = results.into_iter();
    let (first, second) = (results.next(), results.next());
    match (first, second) {
        (Some(only), None) => Ok(Bound::new(py, PyArray(only))?.into_any()),
        (first, second) => {
            let all = first.into_iter().chain(second).chain(results);
            let all = all.map(|a| Bound::new(py, PyArray(a))).collect::<PyResult<Vec<_>>>()?;
            Ok(PyTuple::new(py, all)?.into_any())
        }
    }
}

/// Computes all of these at once.
#[pyfunction]
fn array_realise(py: Python<'_>, arrays: &Bound<'_, PyList>) -> PyResult<()> {
    let arrays = arrays.iter().map(|a| Ok(a.cast::<PyArray>()?.get().0.clone())).collect::<PyResult<Vec<Array>>>()?;
    py.detach(|| realise_all(&arrays)).or_raise()
}

/// The type that holds both, by name.
#[pyfunction]
fn array_promote(op: &str, a: &str, b: &str) -> PyResult<&'static str> {
    let (a, b) = (element(a).or_raise()?, element(b).or_raise()?);
    gradframe::array::promote::promote(op, a, b).map(|e| e.name()).or_raise()
}

/// The type of a Python number beside arrays of a type.
#[pyfunction]
fn array_weak(number: &Bound<'_, PyAny>, beside: &str) -> PyResult<&'static str> {
    let number: Number = convert::number(number)?;
    Ok(gradframe::array::promote::weak(&number, element(beside).or_raise()?).name())
}

/// The number of programs that were compiled, and of those that are kept.
#[pyfunction]
fn array_programs() -> (u64, usize) {
    let programs = gradframe::array::programs();
    (programs.compiled(), programs.kept())
}

/// Adds the classes and functions of arrays.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    gradframe::limit_arrays_to_memory();
    module.add_class::<PyArray>()?;
    module.add_class::<PyWeakArray>()?;
    module.add_class::<optimizer::PyOptimizer>()?;
    module.add_class::<optimizer::PyLbfgs>()?;
    module.add_class::<traced::PyTracing>()?;
    module.add_class::<traced::PyTraced>()?;
    module.add_class::<step::PyStep>()?;
    module.add_class::<module::PyRowFunction>()?;
    module.add_class::<module::PyModuleEstimator>()?;
    module.add_function(wrap_pyfunction!(module::probe_rows, module)?)?;
    module.add_function(wrap_pyfunction!(array_keep_history, module)?)?;
    module.add_function(wrap_pyfunction!(array_keeps_history, module)?)?;
    module.add_function(wrap_pyfunction!(array_from_buffer, module)?)?;
    module.add_function(wrap_pyfunction!(array_from_number, module)?)?;
    module.add_function(wrap_pyfunction!(array_of_float, module)?)?;
    module.add_function(wrap_pyfunction!(array_call, module)?)?;
    module.add_function(wrap_pyfunction!(array_realise, module)?)?;
    module.add_function(wrap_pyfunction!(array_promote, module)?)?;
    module.add_function(wrap_pyfunction!(array_weak, module)?)?;
    module.add_function(wrap_pyfunction!(array_programs, module)?)?;
    module.add_function(wrap_pyfunction!(indexing::array_index, module)?)?;
    module.add_function(wrap_pyfunction!(indexing::array_nonzero, module)?)?;
    module.add_function(wrap_pyfunction!(indexing::array_unique, module)?)
}
