//! Expressions. The public class and its methods are Python (`gradframe/_expr`); here is what they are made of: one private
//! class, and one function that calls a frame function by name.

use datafusion::logical_expr::SortExpr;
use gradframe::Error;
use gradframe::expr::prelude::Names;
use gradframe::expr::{self, Expr};
use gradframe::ml_functions;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use std::sync::Arc;

use crate::constants::constants;
pub use crate::constants::scalar;
use crate::errors::{OrRaise, raise_later};
use crate::values;

/// Adds the class and the functions that make expressions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyExpr>()?;
    module.add_function(wrap_pyfunction!(lit, module)?)?;
    module.add_function(wrap_pyfunction!(call, module)?)?;
    module.add_function(wrap_pyfunction!(function_names, module)?)?;
    module.add_function(wrap_pyfunction!(name_map, module)?)?;
    module.add_function(wrap_pyfunction!(ml_function, module)?)?;
    module.add_function(wrap_pyfunction!(feature_cross, module)?)
}

/// A computation over columns. Users hold a `gradframe.Expr`, whose `_expr` this is.
#[pyclass(name = "PyExpr", module = "gradframe._gradframe", frozen)]
#[derive(Clone)]
pub struct PyExpr(pub Expr, Option<Arc<Made>>);

/// The name of a function of the extension, and its arguments.
type Made = (&'static str, Py<PyTuple>);

impl PyExpr {
    /// An expression that keeps how Python made it, by which it is pickled: a function and its arguments.
    fn made_by(expr: Expr, maker: &'static str, args: Bound<'_, PyTuple>) -> Self {
        PyExpr(expr, Some(Arc::new((maker, args.unbind()))))
    }
}

impl From<Expr> for PyExpr {
    fn from(expr: Expr) -> Self {
        PyExpr(expr, None)
    }
}

#[pymethods]
impl PyExpr {
    fn __repr__(&self) -> String {
        expr::written(&self.0)
    }

    /// The name of the result.
    fn output_name(&self) -> String {
        expr::output_name(&self.0)
    }

    /// The columns that the expression reads, from left to right.
    fn root_names(&self) -> Vec<String> {
        expr::root_names(&self.0)
    }

    /// How Python makes it again. Errors: `UnsupportedError` for what holds functions that cannot travel.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let unsupported = || {
            let error = Error::not_implemented("pickle", format!("`{}` cannot be kept as bytes", self.__repr__()));
            error.hint("functions of Python and of arrays travel with the program that has them")
        };
        let (maker, args) = self.1.as_deref().ok_or_else(unsupported).or_raise()?;
        let maker = py.import("gradframe._gradframe")?.getattr(*maker)?;
        PyTuple::new(py, [maker, args.bind(py).clone().into_any()])
    }

    /// An expression does not change.
    fn __copy__(&self) -> Self {
        self.clone()
    }

    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> Self {
        self.clone()
    }

    /// Whether both are the same expression.
    fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// A constant.
#[pyfunction]
fn lit(value: &Bound<'_, PyAny>) -> PyResult<PyExpr> {
    Ok(PyExpr::made_by(operand(value)?, "lit", PyTuple::new(value.py(), [value])?))
}

/// Calls a frame function: expressions (or constants in their place), and its named arguments.
#[pyfunction]
fn call(name: &Bound<'_, PyString>, exprs: &Bound<'_, PyList>, kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<PyExpr> {
    let operands = exprs.iter().map(|value| operand(&value)).collect::<PyResult<Vec<_>>>()?;
    let called = expr::call(&name.to_cow()?, operands, constants(kwargs)?).or_raise()?;
    Ok(PyExpr::made_by(called, "call", (name, exprs, kwargs).into_pyobject(name.py())?))
}

/// The names of all frame functions.
#[pyfunction]
fn function_names() -> Vec<&'static str> {
    expr::function_names()
}

/// The expression under the name that a function makes of its first column's. An exception is raised where a frame takes the name.
#[pyfunction]
fn name_map(expr: &Bound<'_, PyAny>, function: Py<PyAny>) -> PyResult<PyExpr> {
    let made = move |name: &str| {
        let made = Python::attach(|py| function.bind(py).call1((name,))?.extract::<String>());
        made.unwrap_or_else(|error| {
            raise_later(error);
            name.to_owned()
        })
    };
    Ok(operand(expr)?.name_map(made).into())
}

/// A function of the schema ML by its name in lower case; what comes after the column are constants. See `gradframe.ml`.
#[pyfunction]
#[pyo3(signature = (name, column, *parameters))]
fn ml_function(name: &str, column: &Bound<'_, PyAny>, parameters: Vec<Bound<'_, PyAny>>) -> PyResult<PyExpr> {
    let py = column.py();
    let made = [PyString::new(py, name).into_any(), column.clone()].into_iter().chain(parameters.iter().cloned());
    let made = PyTuple::new(py, made.collect::<Vec<_>>())?;
    let column = self::column(column)?;
    if name == "bucketize" {
        let points: Vec<f64> = parameters.first().map(|points| points.extract()).transpose()?.unwrap_or_default();
        return Ok(PyExpr::made_by(ml_functions::bucketize(column, &points), "ml_function", made));
    }
    let parameters = parameters.iter().map(scalar).collect::<PyResult<Vec<_>>>()?;
    let call = ml_functions::by_name(name, column, parameters);
    let call = call.ok_or_else(|| PyTypeError::new_err(format!("ml: there is no function {name}")))?;
    Ok(PyExpr::made_by(call, "ml_function", made))
}

/// Several categories as one: their values joined by `_`. See `gradframe.ml.feature_cross`.
#[pyfunction]
#[pyo3(signature = (*columns))]
fn feature_cross(columns: &Bound<'_, PyTuple>) -> PyResult<PyExpr> {
    let crossed = ml_functions::feature_cross(self::columns(&columns.iter().collect::<Vec<_>>())?);
    Ok(PyExpr::made_by(crossed, "feature_cross", columns.clone()))
}

/// An expression, public or private, or values that are there already (a Series, an array); None for anything else.
fn expression(value: &Bound<'_, PyAny>) -> PyResult<Option<Expr>> {
    if is_plain(value) {
        return Ok(None);
    }
    match own_expression(value)? {
        Some(expr) => Ok(Some(expr)),
        None => values::given(value),
    }
}

/// Constants of every day, which are asked for nothing: an attribute that is not there is an exception each time.
pub fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    let exact = value.is_exact_instance_of::<PyInt>() || value.is_exact_instance_of::<PyFloat>();
    exact || value.is_exact_instance_of::<PyString>() || value.is_none()
}

/// An expression, public or private; None for anything else.
pub fn own_expression(value: &Bound<'_, PyAny>) -> PyResult<Option<Expr>> {
    if let Ok(private) = value.cast::<PyExpr>() {
        return Ok(Some(private.get().0.clone()));
    }
    let private = value.getattr_opt(intern!(value.py(), "_expr"))?;
    Ok(private.and_then(|private| private.cast::<PyExpr>().ok().map(|private| private.get().0.clone())))
}

/// An expression as itself, a Python value as a constant.
fn operand(value: &Bound<'_, PyAny>) -> PyResult<Expr> {
    match expression(value)? {
        Some(expr) => Ok(expr),
        None => scalar(value).map(|value| Expr::Literal(value, None)),
    }
}

/// What a frame's method takes: an expression, a column's name or a pattern of names, or a constant.
pub fn column(value: &Bound<'_, PyAny>) -> PyResult<Expr> {
    match value.cast::<PyString>() {
        Ok(name) => Ok(expr::by_pattern(&name.extract::<String>()?)),
        Err(_) => operand(value),
    }
}

/// Several of them, given one by one or as lists.
pub fn columns(values: &[Bound<'_, PyAny>]) -> PyResult<Vec<Expr>> {
    let mut exprs = Vec::with_capacity(values.len());
    for value in values {
        if value.is_instance_of::<PyString>() {
            exprs.push(column(value)?);
        } else if let Some(expr) = expression(value)? {
            exprs.push(expr);
        } else if let Ok(items) = value.try_iter() {
            exprs.extend(columns(&items.collect::<PyResult<Vec<_>>>()?)?);
        } else {
            exprs.push(column(value)?);
        }
    }
    Ok(exprs)
}

/// A sort key; nulls come first unless asked otherwise.
pub fn sort_key(key: Expr, descending: bool, nulls_last: bool) -> SortExpr {
    SortExpr::new(key, !descending, !nulls_last)
}
