//! Adadelta: steps as long as the last ones were, for gradients as large as the last ones were.

use gradframe_ml_core::{Graph, NodeId, Result};

use super::rule::{Moment, Parameter, Setting, UpdateRule, Updated, blend, descend, shift};

/// `v' = decay v + (1 - decay) gradient^2;  d = sqrt(u + epsilon) / sqrt(v' + epsilon) * gradient;  x' = x - rate * d`, then
/// `u' = decay u + (1 - decay) d^2`.  Source: Zeiler 2012, in PyTorch's form, which has a rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adadelta {
    pub decay: Setting,
    pub epsilon: Setting,
}

impl UpdateRule for Adadelta {
    fn slots(&self) -> &'static [&'static str] {
        &["square", "squared_step"]
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let squared = g.mul(gradient, gradient)?;
        let square = blend(g, self.decay, slots[0], squared)?;
        let (wanted, found) = (self.size(g, slots[1])?, self.size(g, square)?);
        let scale = g.div(wanted, found)?;
        let direction = g.mul(scale, gradient)?;
        let squared = g.mul(direction, direction)?;
        let steps = blend(g, self.decay, slots[1], squared)?;
        Ok(Updated { value: descend(g, value, at.rate, direction)?, slots: vec![square, steps] })
    }
}

impl Adadelta {
    /// `sqrt(x + epsilon)`.
    fn size(&self, g: &mut Graph, square: NodeId) -> Result<NodeId> {
        let raised = shift(g, square, self.epsilon)?;
        g.sqrt(raised)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

    #[test]
    fn follows_the_published_formula() {
        let (mut x, mut v, mut u) = (1.0f64, 0.0f64, 0.0f64);
        let step = |_| {
            let gradient = 2.0 * x;
            v = 0.9 * v + 0.1 * gradient * gradient;
            let d = (u + 1e-6).sqrt() / (v + 1e-6).sqrt() * gradient;
            u = 0.9 * u + 0.1 * d * d;
            x -= 0.5 * d;
            x
        };
        let expected: Vec<f64> = (0..10).map(step).collect();
        assert_path(&path(&Adadelta { decay: 0.9.into(), epsilon: 1e-6.into() }, 0.5, 2.0, 10), &expected);
    }
}
