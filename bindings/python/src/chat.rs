//! Templates of conversations, given what Python has.

use gradframe::Error;
use gradframe::models::text::{ChatTemplate, Variable};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::errors::OrRaise;

/// Lists in lists, at most.
const DEPTH_MAX: usize = 64;

/// What a template makes of its variables: none, booleans, numbers, texts, and lists and dictionaries of such.
/// Errors: `TypeError` for other things; those of the template.
#[pyfunction]
pub fn render_chat(py: Python<'_>, template: &str, variables: &Bound<'_, PyDict>) -> PyResult<String> {
    let variables = entries(variables, DEPTH_MAX)?;
    py.detach(|| ChatTemplate::new(template, &[]).render_with(variables)).or_raise()
}

fn entries(dictionary: &Bound<'_, PyDict>, depth: usize) -> PyResult<Vec<(String, Variable)>> {
    let entry = |(name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| Ok((name.str()?.to_string(), variable(&value, depth)?));
    dictionary.iter().map(entry).collect()
}

fn variable(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Variable> {
    let Some(inside) = depth.checked_sub(1) else {
        return Err(Error::plan("apply_chat_template", format!("lists in lists are {DEPTH_MAX} deep, at most"))).or_raise();
    };
    let items = |items: Vec<Bound<'_, PyAny>>| -> PyResult<Variable> {
        Ok(Variable::List(items.iter().map(|item| variable(item, inside)).collect::<PyResult<_>>()?))
    };
    if value.is_none() {
        Ok(Variable::Nothing)
    } else if let Ok(flag) = value.cast::<PyBool>() {
        Ok(Variable::Flag(flag.is_true()))
    } else if let Ok(text) = value.cast::<PyString>() {
        Ok(Variable::Text(text.to_str()?.to_owned()))
    } else if value.is_instance_of::<PyInt>() {
        value.extract::<i64>().map(Variable::Whole).or_else(|_| value.extract::<f64>().map(Variable::Number))
    } else if value.is_instance_of::<PyFloat>() {
        value.extract().map(Variable::Number)
    } else if let Ok(list) = value.cast::<PyList>() {
        items(list.iter().collect())
    } else if let Ok(list) = value.cast::<PyTuple>() {
        items(list.iter().collect())
    } else if let Ok(dictionary) = value.cast::<PyDict>() {
        entries(dictionary, inside).map(Variable::Map)
    } else {
        let what = format!("expected texts, numbers, lists and dictionaries, got {}", value.get_type().name()?);
        Err(Error::dtype("apply_chat_template", what)).or_raise()
    }
}
