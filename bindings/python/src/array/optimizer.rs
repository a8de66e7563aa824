//! Steps of optimisers.

use std::collections::BTreeMap;

use gradframe::array::rules::{Lbfgs, LbfgsOptions, NamedRule, Next};
use gradframe::array::{Array, Optimizer, Update};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::PyArray;
use super::traced::arrays_of;
use crate::errors::OrRaise;
use parking_lot::Mutex;

/// The private half of an optimiser: the functions that its rule became, without parameters.
#[pyclass(name = "PyOptimizer", module = "gradframe._gradframe", frozen)]
pub struct PyOptimizer {
    rule: String,
    optimizer: Optimizer,
}

/// The numbers of a rule, by name.
type Numbers = BTreeMap<String, f64>;

impl PyOptimizer {
    fn named(&self, numbers: Numbers) -> NamedRule {
        NamedRule { name: self.rule.clone(), numbers }
    }
}

#[pymethods]
impl PyOptimizer {
    #[new]
    fn new(rule: String) -> Self {
        PyOptimizer { rule, optimizer: Optimizer::new() }
    }

    /// What the rule keeps beside each parameter with these numbers.
    fn slots(&self, numbers: Numbers) -> PyResult<Vec<&'static str>> {
        Ok(self.named(numbers).rule().or_raise()?.slots().to_vec())
    }

    /// The next parameters and slots.
    fn step(
        &self,
        numbers: Numbers,
        moment: (f64, u64),
        parameters: &Bound<'_, PyList>,
        gradients: &Bound<'_, PyList>,
        slots: &Bound<'_, PyList>,
    ) -> PyResult<(Vec<PyArray>, Vec<PyArray>)> {
        let (parameters, gradients, slots) = (arrays_of(parameters)?, arrays_of(gradients)?, arrays_of(slots)?);
        let ((rate, step), rule) = (moment, self.named(numbers));
        let at = Update { rate, step, parameters: &parameters, gradients: &gradients, slots: &slots };
        let (next, kept) = self.optimizer.step(&rule, &at).or_raise()?;
        let public = |arrays: Vec<Array>| arrays.into_iter().map(PyArray).collect();
        Ok((public(next), public(kept)))
    }
}

/// A minimisation by L-BFGS, which asks for losses and gradients over all parameters, one after the other.
#[pyclass(name = "PyLbfgs", module = "gradframe._gradframe", frozen)]
pub struct PyLbfgs(Mutex<Lbfgs>);

#[pymethods]
impl PyLbfgs {
    #[new]
    fn new(start: Vec<f64>, iterations_max: u64, tolerance: f64, memory: usize) -> Self {
        PyLbfgs(Mutex::new(Lbfgs::new(start, LbfgsOptions { iterations_max, tolerance, memory })))
    }

    /// Takes the loss and the gradient at `trial`; false if it is done.
    fn step(&self, py: Python<'_>, loss: f64, gradient: Vec<f64>) -> bool {
        py.detach(|| self.0.lock().step(loss, gradient) == Next::Evaluate)
    }

    /// Where to evaluate next.
    fn trial(&self) -> Vec<f64> {
        self.0.lock().trial().to_vec()
    }

    /// The parameters of the least loss, and that.
    fn best(&self) -> (Vec<f64>, f64) {
        let own = self.0.lock();
        (own.parameters().to_vec(), own.loss())
    }
}
