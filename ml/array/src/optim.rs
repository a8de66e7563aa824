//! Steps of optimisers: the rules of `ml/learn`, for all parameters in one function.

use std::fmt;
use std::sync::Arc;

use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Error, Function, Graph, NodeId, Result, Shape};
use gradframe_ml_learn::optim::{Moment, NamedRule, Parameter};
use hashbrown::HashMap;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

use crate::array::Array;
use crate::element::{ArrayType, Element};
use crate::number::Number;
use crate::trace::{Closed, apply};

/// Functions kept, at most: one for each form of a rule and types of parameters.
const KNOWN_MAX: usize = 64;

/// An optimiser: the functions that rules have become for parameters of some types. A rule's numbers are arguments of its
/// function: other ones at each step need no other. What is 0 is left out of it ([`NamedRule::form`]).
#[derive(Default)]
pub struct Optimizer {
    known: Mutex<HashMap<Key, Arc<Closed>, FxBuildHasher>>,
}

/// The rule's name and form, the parameters' types.
type Key = (String, Vec<String>, Vec<ArrayType>);

/// When an update happens.
#[derive(Debug, Clone, Copy)]
pub struct When {
    /// The learning rate.
    pub rate: f64,
    /// The number of this update, from 1.
    pub step: u64,
}

/// What is updated.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// The parameters.
    pub parameters: &'a [Array],
    /// The gradient in each.
    pub gradients: &'a [Array],
    /// What the rule keeps beside each, zeros before the first step: a parameter after the other.
    pub slots: &'a [Array],
}

impl fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Optimizer({} functions)", self.known.lock().len())
    }
}

impl Optimizer {
    /// One that has not made a step.
    pub fn new() -> Self {
        Optimizer::default()
    }

    /// The next parameters, and the next slots, a parameter after the other.
    /// Errors: `Shape` or `DType` if a gradient is not of its parameter's type; `Plan` unless there is one of each, or for
    /// a rule that there is not.
    pub fn step(&self, rule: &NamedRule, when: When, of: &Update<'_>) -> Result<(Vec<Array>, Vec<Array>)> {
        self.step_given(rule, &numbers_of_step(rule, when)?, of)
    }

    /// As [`Optimizer::step`] with [`numbers_of_step`] that are arrays: a function that is traced has stand-ins of them, and is given others at each call.
    /// Errors: as there; `Plan` for another number of them.
    pub fn step_given(&self, rule: &NamedRule, numbers: &[Array], of: &Update<'_>) -> Result<(Vec<Array>, Vec<Array>)> {
        let each = rule.rule()?.slots().len();
        check(of, each)?;
        let expected = 2 + rule.arguments().count();
        if numbers.len() != expected {
            return Err(Error::plan("optimizer", format!("{} numbers, expected {expected}", numbers.len())));
        }
        let types: Vec<ArrayType> = of.parameters.iter().map(|p| p.ty().clone()).collect();
        let closed = self.function(rule, types, each)?;
        let operands = numbers.iter().chain(of.parameters).chain(of.gradients).chain(of.slots);
        let mut results = apply(&closed, operands)?.into_vec();
        let slots = results.split_off(of.parameters.len());
        Ok((results, slots))
    }

    fn function(&self, rule: &NamedRule, types: Vec<ArrayType>, each: usize) -> Result<Arc<Closed>> {
        let key: Key = (rule.name.clone(), rule.form().into_iter().map(String::from).collect(), types);
        if let Some(known) = self.known.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let types = &key.2;
        let slots = types.iter().flat_map(|ty| std::iter::repeat_n(ty.clone(), each));
        let results = types.iter().cloned().chain(slots).collect();
        let closed = Arc::new(Closed { name: "optimizer".to_owned(), function: built(rule, types)?, results });
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(key, Arc::clone(&closed));
        Ok(closed)
    }
}

/// The numbers of a step, f64 [] each: the rate, the number of the step, those of the rule.
pub fn numbers_of_step(rule: &NamedRule, when: When) -> Result<Vec<Array>> {
    let number = |x: f64| Array::number("optimizer", Number::Float(x), Element::Real(DType::F64));
    [when.rate, when.step as f64].into_iter().chain(rule.arguments().map(|(_, x)| x)).map(number).collect()
}

fn check(of: &Update<'_>, each: usize) -> Result<()> {
    let Update { parameters, gradients, slots } = of;
    if gradients.len() != parameters.len() || slots.len() != each * parameters.len() {
        let what = format!("{} parameters, {} gradients, {} slots", parameters.len(), gradients.len(), slots.len());
        return Err(Error::plan("optimizer", what));
    }
    for (number, (parameter, gradient)) in parameters.iter().zip(*gradients).enumerate() {
        if parameter.ty() != gradient.ty() {
            let what = format!("parameter {number} is {}, its gradient {}", parameter.ty(), gradient.ty());
            return Err(Error::shape("optimizer", what));
        }
    }
    Ok(())
}

/// `(rate, step, numbers.., parameters.., gradients.., slots..) -> (parameters.., slots..)`.
fn built(rule: &NamedRule, types: &[ArrayType]) -> Result<Function> {
    let mut g = Graph::new();
    let mut number = |name: &str| g.input(name, Type::new(DType::F64, Shape::scalar()));
    let at = Moment { rate: number("rate"), step: number("step") };
    let arguments: Vec<NodeId> = rule.arguments().map(|(name, _)| number(name)).collect();
    let rule = rule.rule_given(&arguments)?;
    let each = rule.slots().len();
    let mut inputs = |name: &str, each: usize| -> Vec<NodeId> {
        let named = types.iter().flat_map(|ty| std::iter::repeat_n(ty, each)).enumerate();
        named.map(|(i, ty)| g.input(&format!("{name}{i}"), ty.stored())).collect()
    };
    let (values, gradients, slots) = (inputs("p", 1), inputs("g", 1), inputs("s", each));
    let (mut next, mut kept) = (Vec::new(), Vec::new());
    for (i, (&value, &gradient)) in values.iter().zip(&gradients).enumerate() {
        let parameter = Parameter { value, gradient, decayed: true };
        let updated = rule.update(&mut g, &at, parameter, &slots[i * each..(i + 1) * each])?;
        next.push(updated.value);
        kept.extend(updated.slots);
    }
    next.extend(kept);
    Function::new(g, next)
}
