//! RMSprop: steps divided by a running root mean square of the gradient.

use gradframe_ml_core::{Graph, NodeId, Result};

use super::rule::{Moment, Parameter, UpdateRule, Updated, blend, descend, root, scale};

/// `v' = decay v + (1 - decay) gradient^2;  x' = x - rate * gradient / (sqrt(v') + epsilon)`, the quotient with
/// momentum added up as in [`super::Sgd`].  Source: Tieleman and Hinton 2012, in PyTorch's form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsProp {
    pub decay: f64,
    pub momentum: f64,
    pub epsilon: f64,
}

impl UpdateRule for RmsProp {
    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &["square"] } else { &["square", "momentum"] }
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let squared = g.mul(gradient, gradient)?;
        let square = blend(g, self.decay, slots[0], squared)?;
        let size = root(g, square, self.epsilon)?;
        let quotient = g.div(gradient, size)?;
        let Some(&velocity) = slots.get(1) else {
            return Ok(Updated { value: descend(g, value, at.rate, quotient)?, slots: vec![square] });
        };
        let kept = scale(g, velocity, self.momentum)?;
        let velocity = g.add(kept, quotient)?;
        Ok(Updated { value: descend(g, value, at.rate, velocity)?, slots: vec![square, velocity] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

    fn by_hand(momentum: f64, steps: usize) -> Vec<f64> {
        let (mut x, mut v, mut b) = (1.0f64, 0.0f64, 0.0);
        let step = |_| {
            v = 0.99 * v + 0.01 * (2.0 * x) * (2.0 * x);
            b = momentum * b + 2.0 * x / (v.sqrt() + 1e-8);
            x -= 0.01 * b;
            x
        };
        (0..steps).map(step).collect()
    }

    #[test]
    fn follows_the_published_formula() {
        for momentum in [0.0, 0.9] {
            let rule = RmsProp { decay: 0.99, momentum, epsilon: 1e-8 };
            assert_path(&path(&rule, 0.01, 2.0, 10), &by_hand(momentum, 10));
        }
    }
}
