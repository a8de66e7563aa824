//! Engine errors as Python exceptions: one class a variant, defined in `gradframe/errors.py`.

use std::cell::Cell;

use gradframe::{Error, SharedCause};
use pyo3::exceptions::{PyException, PyKeyboardInterrupt};
use pyo3::prelude::*;

use crate::hints::in_python;

/// The Python exception for an engine error.
pub fn to_python(error: &Error) -> PyErr {
    if let Error::Cancelled(_) = error {
        return PyKeyboardInterrupt::new_err(error.to_string());
    }
    Python::attach(|py| {
        let cause = cause(error);
        // Ctrl-C and exit() inside a function of the user's are not errors of it.
        if let Some(cause) = cause.filter(|cause| !cause.is_instance_of::<PyException>(py)) {
            return cause.clone_ref(py);
        }
        match exception(py, class_name(error), in_python(error.to_string())) {
            Ok(exception) => {
                let raised = PyErr::from_value(exception);
                raised.set_cause(py, cause.map(|cause| cause.clone_ref(py)));
                raised
            }
            Err(import) => import,
        }
    })
}

/// The exception of the user's that the error comes from.
fn cause(error: &Error) -> Option<&PyErr> {
    error.detail().source.as_ref()?.downcast_ref::<SharedCause>()?.0.downcast_ref::<PyErr>()
}

fn exception<'py>(py: Python<'py>, class: &str, message: String) -> PyResult<Bound<'py, PyAny>> {
    py.import("gradframe.errors")?.getattr(class)?.call1((message,))
}

fn class_name(error: &Error) -> &'static str {
    match error {
        Error::Plan(_) => "PlanError",
        Error::Shape(_) => "ShapeError",
        Error::OutOfBounds(_) => "OutOfBoundsError",
        Error::DType(_) => "DTypeError",
        Error::Execution(_) => "ExecutionError",
        Error::Resources(_) => "ResourcesError",
        Error::NoDevice(_) => "NoDeviceError",
        Error::NotImplemented(_) => "UnsupportedError",
        Error::External(_) => "ExternalError",
        Error::Internal(_) | Error::Cancelled(_) => "InternalError",
    }
}

/// Turns an engine result into a Python one.
pub trait OrRaise<T> {
    /// The value, or the exception to raise.
    fn or_raise(self) -> PyResult<T>;
}

impl<T> OrRaise<T> for gradframe::Result<T> {
    fn or_raise(self) -> PyResult<T> {
        match LATER.take() {
            Some(exception) => Err(exception),
            None => self.map_err(|error| to_python(&error)),
        }
    }
}

thread_local! {
    /// An exception of a function of the user's that the engine called where nothing can fail.
    static LATER: Cell<Option<PyErr>> = const { Cell::new(None) };
}

/// Keeps an exception for the end of the engine's call that goes on on this thread.
pub fn raise_later(exception: PyErr) {
    LATER.set(Some(exception));
}
