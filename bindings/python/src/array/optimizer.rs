//! Steps of optimisers.

use std::collections::HashMap;

use gradframe::Error;
use gradframe::array::rules::{Adagrad, Adam, AdamW, RmsProp, Sgd, UpdateRule};
use gradframe::array::{Array, Optimizer};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::PyArray;
use super::traced::arrays_of;
use crate::errors::OrRaise;

/// The private half of an optimiser: its rule, without parameters.
#[pyclass(name = "PyOptimizer", module = "gradframe._gradframe", frozen)]
pub struct PyOptimizer(Optimizer);

#[pymethods]
impl PyOptimizer {
    #[new]
    fn new(name: &str, options: HashMap<String, f64>) -> PyResult<Self> {
        let of = |option: &str| options.get(option).copied().unwrap_or(0.0);
        let adam = Adam { beta_1: of("beta_1"), beta_2: of("beta_2"), epsilon: of("epsilon") };
        let rule: Box<dyn UpdateRule> = match name {
            "sgd" => Box::new(Sgd { momentum: of("momentum"), nesterov: of("nesterov") != 0.0 }),
            "adam" => Box::new(adam),
            "adamw" => Box::new(AdamW { adam, weight_decay: of("weight_decay") }),
            "rmsprop" => Box::new(RmsProp { decay: of("decay"), momentum: of("momentum"), epsilon: of("epsilon") }),
            "adagrad" => Box::new(Adagrad { epsilon: of("epsilon") }),
            other => return Err(Error::plan("optimizer", format!("there is no rule `{other}`"))).or_raise(),
        };
        let penalty = if name == "adamw" { 0.0 } else { of("weight_decay") };
        Ok(PyOptimizer(Optimizer::new(rule, penalty)))
    }

    /// What it keeps beside each parameter.
    #[getter]
    fn slots(&self) -> Vec<&'static str> {
        self.0.slots().to_vec()
    }

    /// The next parameters and slots.
    fn step(
        &self,
        rate: f64,
        step: u64,
        parameters: &Bound<'_, PyList>,
        gradients: &Bound<'_, PyList>,
        slots: &Bound<'_, PyList>,
    ) -> PyResult<(Vec<PyArray>, Vec<PyArray>)> {
        let (parameters, gradients, slots) = (arrays_of(parameters)?, arrays_of(gradients)?, arrays_of(slots)?);
        let (next, kept) = self.0.step(rate, step, &parameters, &gradients, &slots).or_raise()?;
        let public = |arrays: Vec<Array>| arrays.into_iter().map(PyArray).collect();
        Ok((public(next), public(kept)))
    }
}
