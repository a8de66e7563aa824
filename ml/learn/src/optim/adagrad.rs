//! Adagrad: steps divided by the root of the sum of all squared gradients.

use gradframe_ml_core::{Graph, NodeId, Result};

use super::rule::{Moment, Parameter, UpdateRule, Updated, descend, root};

/// `s' = s + gradient^2;  x' = x - rate * gradient / (sqrt(s') + epsilon)`.  Source: Duchi, Hazan and Singer 2011.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adagrad {
    pub epsilon: f64,
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
        Ok(Updated { value: descend(g, value, at.rate, quotient)?, slots: vec![sum] })
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
        assert_path(&path(&Adagrad { epsilon: 0.0 }, 0.5, 1.0, 2), &expected);
    }
}
