//! Steps of optimisers.

use std::collections::BTreeMap;

use gradframe::array::rules::{Lbfgs, LbfgsOptions, NamedRule, Next};
use gradframe::array::{Array, Optimizer, Update, When, numbers_of_step};
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

    /// Which parts a step with these numbers has: one of other parts is compiled anew.
    fn form(&self, numbers: Numbers) -> Vec<String> {
        self.named(numbers).form().into_iter().map(String::from).collect()
    }

    /// The numbers of a step at this rate, of this number, as arrays: what a step in a function that is traced is given.
    fn numbers(&self, numbers: Numbers, moment: (f64, u64)) -> PyResult<Vec<PyArray>> {
        let arrays = numbers_of_step(&self.named(numbers), when(moment)).or_raise()?;
        Ok(arrays.into_iter().map(PyArray).collect())
    }

    /// The next parameters and slots; at the rate and the number that `moment` says, or at numbers that are `given` as arrays.
    #[pyo3(signature = (numbers, moment, parameters, gradients, slots, given=None))]
    fn step(
        &self,
        numbers: Numbers,
        moment: (f64, u64),
        parameters: &Bound<'_, PyList>,
        gradients: &Bound<'_, PyList>,
        slots: &Bound<'_, PyList>,
        given: Option<&Bound<'_, PyList>>,
    ) -> PyResult<(Vec<PyArray>, Vec<PyArray>)> {
        let (parameters, gradients, slots) = (arrays_of(parameters)?, arrays_of(gradients)?, arrays_of(slots)?);
        let (rule, of) = (self.named(numbers), Update { parameters: &parameters, gradients: &gradients, slots: &slots });
        let (next, kept) = match given {
            Some(given) => self.optimizer.step_given(&rule, &arrays_of(given)?, &of),
            None => self.optimizer.step(&rule, when(moment), &of),
        }
        .or_raise()?;
        let public = |arrays: Vec<Array>| arrays.into_iter().map(PyArray).collect();
        Ok((public(next), public(kept)))
    }
}

fn when((rate, step): (f64, u64)) -> When {
    When { rate, step }
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
