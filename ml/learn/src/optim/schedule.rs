//! The learning rate as a function of the step, as a graph.

use gradframe_ml_core::{DType, Graph, NodeId, Result};

/// A learning rate over a training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The highest rate.
    pub rate: f64,
    /// Updates over which the rate rises evenly from `rate / warmup_steps`; what follows is counted after them.
    pub warmup_steps: f64,
    pub decay: Decay,
}

/// How the rate falls after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decay {
    /// Not at all.
    Constant,
    /// Times `factor` after each `every` steps, at once.
    Step { every: f64, factor: f64 },
    /// Times `factor` over `every` steps, evenly.
    Exponential { every: f64, factor: f64 },
    /// To 0 over `steps`, in a straight line.
    Linear { steps: f64 },
    /// To 0 over `steps`, along half a cosine. Source: Loshchilov and Hutter 2017, without restarts.
    Cosine { steps: f64 },
}

impl Schedule {
    /// The same rate all along.
    pub const fn constant(rate: f64) -> Self {
        Schedule { rate, warmup_steps: 0.0, decay: Decay::Constant }
    }

    /// The rate of the update after `done` others: f64 [] -> f64 []. Errors: those of building the graph.
    pub fn at(&self, g: &mut Graph, done: NodeId) -> Result<NodeId> {
        let (top, zero, one) = (number(g, self.rate)?, number(g, 0.0)?, number(g, 1.0)?);
        let warmup = number(g, self.warmup_steps)?;
        let decaying = g.sub(done, warmup)?;
        let decaying = g.max(decaying, zero)?;
        let factor = self.decay.factor(g, decaying)?;
        let decayed = g.mul(top, factor)?;
        if self.warmup_steps == 0.0 {
            return Ok(decayed);
        }
        let next = g.add(done, one)?;
        let part = g.div(next, warmup)?;
        let rising = g.mul(top, part)?;
        let warm = g.ge(done, warmup)?;
        g.select(warm, decayed, rising)
    }
}

impl Decay {
    fn factor(self, g: &mut Graph, step: NodeId) -> Result<NodeId> {
        match self {
            Decay::Constant => number(g, 1.0),
            Decay::Step { every, factor } => {
                let periods = part(g, step, every)?;
                let whole = g.floor(periods)?;
                power(g, factor, whole)
            }
            Decay::Exponential { every, factor } => {
                let periods = part(g, step, every)?;
                power(g, factor, periods)
            }
            Decay::Linear { steps } => left(g, step, steps),
            Decay::Cosine { steps } => {
                let left = left(g, step, steps)?; // (1 - cos(pi left)) / 2
                let (pi, half) = (number(g, std::f64::consts::PI)?, number(g, 0.5)?);
                let angle = g.mul(pi, left)?;
                let cosine = g.cos(angle)?;
                let scaled = g.mul(half, cosine)?;
                g.sub(half, scaled)
            }
        }
    }
}

fn number(g: &mut Graph, value: f64) -> Result<NodeId> {
    g.scalar(DType::F64, value)
}

fn part(g: &mut Graph, step: NodeId, steps: f64) -> Result<NodeId> {
    let steps = number(g, steps)?;
    g.div(step, steps)
}

fn power(g: &mut Graph, factor: f64, exponent: NodeId) -> Result<NodeId> {
    let factor = number(g, factor)?;
    g.pow(factor, exponent)
}

/// The part of `steps` that is left, 1 to 0.
fn left(g: &mut Graph, step: NodeId, steps: f64) -> Result<NodeId> {
    let done = part(g, step, steps.max(1.0))?;
    let (zero, one) = (number(g, 0.0)?, number(g, 1.0)?);
    let left = g.sub(one, done)?;
    g.max(left, zero)
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::graph::Type;
    use gradframe_ml_core::transform::evaluate;
    use gradframe_ml_core::{Function, Shape, Tensor};

    use super::*;

    fn rates(warmup_steps: f64, decay: Decay, steps: &[f64]) -> Vec<f64> {
        let mut g = Graph::new();
        let done = g.input("done", Type::new(DType::F64, Shape::scalar()));
        let rate = Schedule { rate: 0.5, warmup_steps, decay }.at(&mut g, done).unwrap();
        let function = Function::new(g, vec![rate]).unwrap();
        let at = |&step: &f64| evaluate(&function, &[Tensor::scalar(step)]).unwrap()[0].values::<f64>().unwrap()[0];
        steps.iter().map(at).collect()
    }

    fn assert_rates(warmup_steps: f64, decay: Decay, expected: &[(f64, f64)]) {
        let (steps, expected): (Vec<f64>, Vec<f64>) = expected.iter().copied().unzip();
        let rates = rates(warmup_steps, decay, &steps);
        assert!(rates.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12), "{decay:?}: {rates:?}, expected {expected:?}");
    }

    #[test]
    fn each_schedule_falls_as_it_says() {
        assert_rates(0.0, Decay::Constant, &[(0.0, 0.5), (1e6, 0.5)]);
        assert_rates(0.0, Decay::Step { every: 10.0, factor: 0.1 }, &[(9.0, 0.5), (10.0, 0.05), (25.0, 0.005)]);
        assert_rates(0.0, Decay::Exponential { every: 10.0, factor: 0.25 }, &[(0.0, 0.5), (5.0, 0.25), (10.0, 0.125)]);
        assert_rates(0.0, Decay::Linear { steps: 10.0 }, &[(0.0, 0.5), (5.0, 0.25), (10.0, 0.0), (11.0, 0.0)]);
        assert_rates(0.0, Decay::Cosine { steps: 10.0 }, &[(0.0, 0.5), (5.0, 0.25), (10.0, 0.0), (12.0, 0.0)]);
    }

    #[test]
    fn a_warm_up_rises_evenly_and_the_decay_begins_after_it() {
        assert_rates(4.0, Decay::Linear { steps: 10.0 }, &[(0.0, 0.125), (3.0, 0.5), (4.0, 0.5), (9.0, 0.25)]);
    }
}
