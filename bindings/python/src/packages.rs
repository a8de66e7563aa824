//! The interpreter and its packages, which the engine keeps with each training.

use pyo3::prelude::*;

/// Has the engine ask Python for them at its first training.
pub fn tell() {
    gradframe::packages::list(|| {
        // An interpreter that shuts down lists nothing any more; one that cannot list keeps no training from its work.
        let listed = Python::try_attach(|py| {
            listed(py).unwrap_or_else(|error| {
                error.write_unraisable(py, None);
                vec![]
            })
        });
        listed.unwrap_or_default()
    });
}

fn listed(py: Python<'_>) -> PyResult<Vec<(String, String, String)>> {
    py.import("gradframe._run")?.call_method0("environment")?.extract()
}
