//! Steps of optimisers: the rules of `ml/learn`, for all parameters in one function.

use std::fmt;
use std::sync::Arc;

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Error, Function, Graph, NodeId, Result, Shape};
use gradframe_ml_learn::optim::{Moment, Parameter, UpdateRule};
use hashbrown::HashMap;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

use crate::array::Array;
use crate::element::{ArrayType, Element};
use crate::number::Number;
use crate::trace::{Closed, apply};

/// An optimiser: its rule, and the functions that it has become for parameters of some types.
pub struct Optimizer {
    rule: Box<dyn UpdateRule>,
    /// Added to the gradient, times the parameter: the penalty of the squares. Rules that decay by themselves have 0.
    penalty: f64,
    known: Mutex<HashMap<Vec<ArrayType>, Arc<Closed>, FxBuildHasher>>,
}

impl fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Optimizer({:?})", self.rule)
    }
}

impl Optimizer {
    /// The optimiser of this rule; `penalty` times each parameter is added to its gradient.
    pub fn new(rule: Box<dyn UpdateRule>, penalty: f64) -> Self {
        Optimizer { rule, penalty, known: Mutex::default() }
    }

    /// What it keeps beside each parameter, by name: zeros before the first step.
    pub fn slots(&self) -> &'static [&'static str] {
        self.rule.slots()
    }

    /// Update number `step` (from 1) of all parameters: the next parameters, and the next slots, a parameter after the other.
    /// Errors: `Shape` or `DType` if a gradient is not of its parameter's type; `Plan` unless there is one of each.
    pub fn step(
        &self,
        rate: f64,
        step: u64,
        parameters: &[Array],
        gradients: &[Array],
        slots: &[Array],
    ) -> Result<(Vec<Array>, Vec<Array>)> {
        let each = self.slots().len();
        if gradients.len() != parameters.len() || slots.len() != each * parameters.len() {
            let what = format!("{} parameters, {} gradients, {} slots", parameters.len(), gradients.len(), slots.len());
            return Err(Error::plan("optimizer", what));
        }
        for (number, (parameter, gradient)) in parameters.iter().zip(gradients).enumerate() {
            if parameter.ty() != gradient.ty() {
                let what = format!("parameter {number} is {}, its gradient {}", parameter.ty(), gradient.ty());
                return Err(Error::shape("optimizer", what));
            }
        }
        let types: Vec<ArrayType> = parameters.iter().map(|p| p.ty().clone()).collect();
        let closed = self.function(types)?;
        let number = |x: f64| Array::number("optimizer", Number::Float(x), Element::Real(DType::F64));
        let moment = [number(rate)?, number(step as f64)?];
        let mut results = apply(&closed, moment.iter().chain(parameters).chain(gradients).chain(slots))?.into_vec();
        let slots = results.split_off(parameters.len());
        Ok((results, slots))
    }

    fn function(&self, types: Vec<ArrayType>) -> Result<Arc<Closed>> {
        if let Some(known) = self.known.lock().get(&types) {
            return Ok(Arc::clone(known));
        }
        let slots = types.iter().flat_map(|ty| std::iter::repeat_n(ty.clone(), self.slots().len()));
        let results = types.iter().cloned().chain(slots).collect();
        let closed = Arc::new(Closed { name: "optimizer".to_owned(), function: self.built(&types)?, results });
        self.known.lock().insert(types, Arc::clone(&closed));
        Ok(closed)
    }

    fn built(&self, types: &[ArrayType]) -> Result<Function> {
        let mut g = Graph::new();
        let number = || Type::new(DType::F64, Shape::scalar());
        let at = Moment { rate: g.input("rate", number()), step: g.input("step", number()) };
        let mut inputs = |name: &str, each: usize| -> Vec<NodeId> {
            let named = types.iter().flat_map(|ty| std::iter::repeat_n(ty, each)).enumerate();
            named.map(|(i, ty)| g.input(&format!("{name}{i}"), ty.stored())).collect()
        };
        let each = self.slots().len();
        let (values, gradients, slots) = (inputs("p", 1), inputs("g", 1), inputs("s", each));
        let (mut next, mut kept) = (Vec::new(), Vec::new());
        for (i, &value) in values.iter().enumerate() {
            let gradient = if self.penalty == 0.0 {
                gradients[i]
            } else {
                let pull = g.scaled_by(value, self.penalty)?;
                g.add(gradients[i], pull)?
            };
            let parameter = Parameter { value, gradient, decayed: true };
            let updated = self.rule.update(&mut g, &at, parameter, &slots[i * each..(i + 1) * each])?;
            next.push(updated.value);
            kept.extend(updated.slots);
        }
        next.extend(kept);
        Function::new(g, next)
    }
}
