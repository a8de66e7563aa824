//! `params` of `sql`: Python values in the places of placeholders.

use datafusion::scalar::ScalarValue;
use gradframe::BoundValues;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::constants::scalar;

/// A dictionary gives values to `$name`, any other sequence to `?` and `$1`. Errors: TypeError for what is neither, and for a value that SQL has no type
/// for, with its place.
pub fn bound_values(params: Option<&Bound<'_, PyAny>>) -> PyResult<BoundValues> {
    let Some(params) = params else { return Ok(BoundValues::NONE) };
    if let Ok(named) = params.cast::<PyDict>() {
        let values = named.iter().map(|(name, value)| {
            let name = name.str()?.to_string();
            value_of(&value, &format!("`{name}`")).map(|value| (name, value))
        });
        return Ok(BoundValues::Named(values.collect::<PyResult<_>>()?));
    }
    if params.is_instance_of::<PyString>() || params.try_iter().is_err() {
        let got = params.get_type().name()?;
        return Err(PyTypeError::new_err(format!("sql: params is {got}, expected a list of values, or a dict of them by name")));
    }
    let values = params.try_iter()?.enumerate().map(|(at, value)| value_of(&value?, &format!("`${}`", at + 1)));
    Ok(BoundValues::Listed(values.collect::<PyResult<_>>()?))
}

fn value_of(value: &Bound<'_, PyAny>, place: &str) -> PyResult<ScalarValue> {
    let own = value.get_type().name()?.to_string();
    // What stands for a missing value in pandas, and NumPy's moments, of which `item` gives numbers.
    if matches!(own.as_str(), "NaTType" | "NAType") {
        return Ok(ScalarValue::Null);
    }
    let plain = match own.as_str() {
        "datetime64" | "timedelta64" => value.call_method1("astype", (format!("{own}[us]"),))?.call_method0("item")?,
        "ndarray" | "Series" => value.call_method0("tolist")?,
        _ => value.clone(),
    };
    scalar(&plain).map_err(|error| {
        let said = error.value(value.py()).to_string();
        let said = said.strip_prefix("lit: ").unwrap_or(&said);
        PyErr::from_type(error.get_type(value.py()), format!("sql: the value of {place}: {said}"))
    })
}
