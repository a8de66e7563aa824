//! What the engine has to say though nothing has failed, as Python's warnings.

use std::ffi::CString;

use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;

/// From who calls `gradframe.run` to the function that begins the run.
const STACK_LEVEL: i32 = 3;

/// Shows notices from now on, unless the command line does.
pub fn show() {
    gradframe::notices::listen(|what| {
        let message = CString::new(what.replace('\0', " ")).unwrap_or_default();
        // An interpreter that shuts down shows no warnings any more.
        let warned = Python::try_attach(|py| {
            let category = py.get_type::<PyUserWarning>();
            if let Err(error) = PyErr::warn(py, &category, &message, STACK_LEVEL) {
                // Where warnings are errors, what was to be said of is done all the same.
                error.write_unraisable(py, None);
            }
        });
        if warned.is_none() {
            eprintln!("note: {what}");
        }
    });
}
