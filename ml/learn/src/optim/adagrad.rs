//! Adagrad: steps divided by the root of the sum of all squared gradients.

use gradframe_ml_core::{DType, Graph, NodeId, Result};

use super::rule::{Moment, Parameter, Setting, UpdateRule, Updated, descend, root};

/// `s' = s + gradient^2;  x' = x - rate / (1 + (t - 1) rate_decay) * gradient / (sqrt(s') + epsilon)`.
/// Source: Duchi, Hazan and Singer 2011, in PyTorch's form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adagrad {
    /// How fast the rate falls by itself.
    pub rate_decay: Setting,
    pub epsilon: Setting,
}

impl Adagrad {
    /// The rate of an update.
    fn rate(&self, g: &mut Graph, at: &Moment) -> Result<NodeId> {
        if self.rate_decay.is_none() {
            return Ok(at.rate);
        }
        let (one, decay) = (g.scalar(DType::F64, 1.0)?, self.rate_decay.number(g)?);
        let before = g.sub(at.step, one)?;
        let fallen = g.mul(before, decay)?;
        let divisor = g.add(one, fallen)?;
        g.div(at.rate, divisor)
    }
}

impl UpdateRule for Adagrad {
    fn slots(&self) -> &'static [&'static str] {
        &["sum"]
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let squared = g.mul(gradient, gradient)?;
        let sum = g.add(slots[0], squared)?;
        let size = root(g, sum, self.epsilon)?;
        let quotient = g.div(gradient, size)?;
        let rate = self.rate(g, at)?;
        Ok(Updated { value: descend(g, value, rate, quotient)?, slots: vec![sum] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

    /// With slope 1 and rate 1/2: 1 -> 1/2; s = 1.25, 1/2 - 1/4 / sqrt(1.25).
    #[test]
    fn remembers_every_gradient() {
        let expected = [0.5, 0.5 - 0.25 / 1.25f64.sqrt()];
        assert_path(&path(&Adagrad { rate_decay: Setting::NONE, epsilon: Setting::NONE }, 0.5, 1.0, 2), &expected);
    }

    /// The second step is half as long.
    #[test]
    fn the_rate_falls_with_the_steps() {
        let expected = [0.5, 0.5 - 0.25 / 1.25f64.sqrt() / 2.0];
        assert_path(&path(&Adagrad { rate_decay: Setting::Known(1.0), epsilon: Setting::NONE }, 0.5, 1.0, 2), &expected);
    }
}
