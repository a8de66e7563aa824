//! What an optimiser of mini-batches is: a rule that turns a parameter and its gradient into the next parameter.

use std::fmt::Debug;

use gradframe_ml_core::{DType, Graph, NodeId, Result};

/// An optimiser of mini-batches, as a builder of graphs.
pub trait UpdateRule: Send + Sync + Debug {
    /// The names of what it keeps beside each parameter, of the parameter's shape, zeros before the first step.
    fn slots(&self) -> &'static [&'static str];

    /// The next parameter and slots. `decayed` says whether the parameter is one that weight decay pulls to zero.
    /// Errors: those of building the graph.
    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated>;
}

/// When an update happens: both f64, shape [].
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The learning rate.
    pub rate: NodeId,
    /// The number of this update, from 1.
    pub step: NodeId,
}

/// A parameter and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its value.
    pub value: NodeId,
    /// The gradient in it, of the same type.
    pub gradient: NodeId,
    /// True if weight decay pulls it to zero.
    pub decayed: bool,
}

/// A number of a rule, such as a momentum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Setting {
    /// Known when the program is made, which holds it as a constant.
    Known(f64),
    /// An argument of the program, f64 []: another number at each step is no other program.
    Given(NodeId),
}

impl From<f64> for Setting {
    fn from(number: f64) -> Self {
        Setting::Known(number)
    }
}

impl Setting {
    /// Nothing: what it would weigh is no part of the program.
    pub const NONE: Setting = Setting::Known(0.0);

    /// True if it is [`Setting::NONE`].
    pub fn is_none(self) -> bool {
        self == Setting::NONE
    }

    /// As f64 [].
    pub(super) fn number(self, g: &mut Graph) -> Result<NodeId> {
        match self {
            Setting::Known(number) => g.scalar(DType::F64, number),
            Setting::Given(number) => Ok(number),
        }
    }

    /// `1 - self`.
    pub(super) fn rest(self, g: &mut Graph) -> Result<Setting> {
        match self {
            Setting::Known(number) => Ok(Setting::Known(1.0 - number)),
            Setting::Given(number) => {
                let one = g.scalar(DType::F64, 1.0)?;
                g.sub(one, number).map(Setting::Given)
            }
        }
    }

    /// In the element type of `x`.
    pub(super) fn like(self, g: &mut Graph, x: NodeId) -> Result<NodeId> {
        match self {
            Setting::Known(number) => g.scalar_like(x, number),
            Setting::Given(number) => number_like(g, number, x),
        }
    }
}

/// What an update leaves.
#[derive(Debug, Clone)]
pub struct Updated {
    pub value: NodeId,
    pub slots: Vec<NodeId>,
}

/// `kept * old + (1 - kept) * new`.
pub(super) fn blend(g: &mut Graph, kept: Setting, old: NodeId, new: NodeId) -> Result<NodeId> {
    let rest = kept.rest(g)?;
    let (old, new) = (scale(g, old, kept)?, scale(g, new, rest)?);
    g.add(old, new)
}

/// A running mean in which what is hardly more than the smallest normal number has become 0, and larger numbers are as they were but for
/// rounding there. A gradient that stays 0 would leave a mean that shrinks until it is subnormal, and processors take ten times as long for
/// such numbers (decision 225).
pub(super) fn without_traces(g: &mut Graph, mean: NodeId) -> Result<NodeId> {
    let Some(unit) = trace_unit(g.ty(mean).dtype) else { return Ok(mean) };
    let unit = g.scalar_like(mean, unit)?;
    let rounded = g.add(mean, unit)?;
    g.sub(rounded, unit)
}

/// A number whose last binary place is a normal number, by some powers of two.
fn trace_unit(dtype: DType) -> Option<f64> {
    match dtype {
        DType::F32 | DType::BF16 => Some(2f64.powi(-100)),
        DType::F64 => Some(2f64.powi(-960)),
        _ => None,
    }
}

/// `factor * x`.
pub(super) fn scale(g: &mut Graph, x: NodeId, factor: Setting) -> Result<NodeId> {
    let factor = factor.like(g, x)?;
    g.mul(factor, x)
}

/// `x + more`.
pub(super) fn shift(g: &mut Graph, x: NodeId, more: Setting) -> Result<NodeId> {
    let more = more.like(g, x)?;
    g.add(x, more)
}

/// `sqrt(x) + epsilon`.
pub(super) fn root(g: &mut Graph, x: NodeId, epsilon: Setting) -> Result<NodeId> {
    let root = g.sqrt(x)?;
    shift(g, root, epsilon)
}

/// `1 - beta^step`, f64 []: what the weights in a running mean that began at zero add up to.
pub(super) fn weight_so_far(g: &mut Graph, beta: Setting, at: &Moment) -> Result<NodeId> {
    let (beta, one) = (beta.number(g)?, g.scalar(DType::F64, 1.0)?);
    let forgotten = g.pow(beta, at.step)?;
    g.sub(one, forgotten)
}

/// `x - rate * direction`, the rate f64 [].
pub(super) fn descend(g: &mut Graph, x: NodeId, rate: NodeId, direction: NodeId) -> Result<NodeId> {
    let rate = number_like(g, rate, x)?;
    let step = g.mul(rate, direction)?;
    g.sub(x, step)
}

/// A number in the element type of `x`. It is computed once, not again for each element that it meets.
pub(super) fn number_like(g: &mut Graph, number: NodeId, x: NodeId) -> Result<NodeId> {
    let dtype = g.ty(x).dtype;
    let number = g.cast(number, dtype)?;
    g.barrier(number)
}

#[cfg(test)]
pub(super) mod testing {
    use gradframe_ml_core::graph::Type;
    use gradframe_ml_core::transform::evaluate;
    use gradframe_ml_core::{Function, Shape, Tensor};

    use super::*;

    /// The parameter after each of `steps` updates from 1, the gradient being the parameter itself times `slope`.
    pub fn path(rule: &dyn UpdateRule, rate: f64, slope: f64, steps: usize) -> Vec<f64> {
        let function = step(rule, rate, slope);
        let mut state = vec![Tensor::scalar(1.0); 1 + rule.slots().len()];
        state[1..].fill(Tensor::scalar(0.0));
        (1..=steps)
            .map(|step| {
                let mut arguments = state.clone();
                arguments.push(Tensor::scalar(step as f64));
                state = evaluate(&function, &arguments).unwrap();
                state[0].values::<f64>().unwrap()[0]
            })
            .collect()
    }

    fn step(rule: &dyn UpdateRule, rate: f64, slope: f64) -> Function {
        let mut g = Graph::new();
        let number = || Type::new(DType::F64, Shape::scalar());
        let value = g.input("x", number());
        let slots: Vec<NodeId> = rule.slots().iter().map(|name| g.input(name, number())).collect();
        let step = g.input("step", number());
        let rate = g.scalar(DType::F64, rate).unwrap();
        let gradient = g.scaled_by(value, slope).unwrap();
        let parameter = Parameter { value, gradient, decayed: true };
        let updated = rule.update(&mut g, &Moment { rate, step }, parameter, &slots).unwrap();
        let outputs = std::iter::once(updated.value).chain(updated.slots).collect();
        Function::new(g, outputs).unwrap()
    }

    /// Fails unless both agree to 1e-12.
    pub fn assert_path(path: &[f64], expected: &[f64]) {
        let close = path.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close && path.len() == expected.len(), "{path:?}, expected {expected:?}");
    }
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::graph::Type;
    use gradframe_ml_core::tensor::Element;
    use gradframe_ml_core::transform::evaluate;
    use gradframe_ml_core::{Function, Shape, Tensor};

    use super::*;

    fn settled<T: Element>(number: T) -> T {
        let mut g = Graph::new();
        let mean = g.input("mean", Type::new(T::DTYPE, Shape::scalar()));
        let settled = without_traces(&mut g, mean).unwrap();
        let function = Function::new(g, vec![settled]).unwrap();
        evaluate(&function, &[Tensor::scalar(number)]).unwrap()[0].values::<T>().unwrap()[0]
    }

    #[test]
    fn what_is_hardly_a_normal_number_goes_and_what_is_more_stays() {
        for traces in [0.0, f32::MIN_POSITIVE / 3.0, -f32::MIN_POSITIVE / 3.0, f32::MIN_POSITIVE, 1e-45] {
            assert_eq!(settled(traces), 0.0);
        }
        for number in [1e-20f32, -1e-10, 0.3, -7.0, 1e30, f32::INFINITY] {
            assert_eq!(settled(number), number);
        }
        assert!((settled(1e-30f32) / 1e-30 - 1.0).abs() < 1e-6 && settled(f32::NAN).is_nan());
        assert_eq!(settled(f64::MIN_POSITIVE / 3.0), 0.0);
        assert_eq!([1e-200, -1e-100, 0.3].map(settled::<f64>), [1e-200, -1e-100, 0.3]);
    }

    #[test]
    fn no_mean_is_ever_subnormal() {
        let mut mean = 1e-4f32;
        for _ in 0..2000 {
            mean = settled(0.9 * mean);
            assert!(mean == 0.0 || mean.is_normal(), "{mean:e}");
        }
        assert!(mean < 1e-36, "{mean:e}"); // a few units, of which 0.9 rounds to as many
    }
}
