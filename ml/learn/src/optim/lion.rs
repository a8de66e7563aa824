//! Lion: the sign of a blend of the gradient and its running mean.

use gradframe_ml_core::graph::Fn1;
use gradframe_ml_core::{Graph, NodeId, Result};

use super::rule::{Moment, Parameter, Setting, UpdateRule, Updated, blend, descend, scale, without_traces};

/// `x' = x - rate * (sign(beta_1 * m + (1 - beta_1) * gradient) + weight_decay * x)`, then
/// `m' = beta_2 * m + (1 - beta_2) * gradient`.  Source: Chen et al. 2023, algorithm 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lion {
    pub beta_1: Setting,
    pub beta_2: Setting,
    pub weight_decay: Setting,
}

impl UpdateRule for Lion {
    fn slots(&self) -> &'static [&'static str] {
        &["mean"]
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, decayed } = parameter;
        let mean = slots[0];
        let blended = blend(g, self.beta_1, mean, gradient)?;
        let mut direction = g.map1(Fn1::Sign, blended)?;
        if decayed && !self.weight_decay.is_none() {
            let pull = scale(g, value, self.weight_decay)?;
            direction = g.add(direction, pull)?;
        }
        let mean = blend(g, self.beta_2, mean, gradient)?;
        let mean = without_traces(g, mean)?;
        Ok(Updated { value: descend(g, value, at.rate, direction)?, slots: vec![mean] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

    fn lion(weight_decay: f64) -> Lion {
        Lion { beta_1: 0.9.into(), beta_2: 0.99.into(), weight_decay: weight_decay.into() }
    }

    #[test]
    fn every_step_has_the_size_of_the_rate_whatever_the_slope() {
        let lion = lion(0.0);
        assert_path(&path(&lion, 0.1, 2.0, 3), &[0.9, 0.8, 0.7]);
        assert_path(&path(&lion, 0.1, 2000.0, 3), &[0.9, 0.8, 0.7]);
    }

    #[test]
    fn decay_pulls_beside_the_sign() {
        let lion = lion(0.5);
        assert_path(&path(&lion, 0.1, 2.0, 2), &[1.0 - 0.1 * 1.5, 0.85 - 0.1 * (1.0 + 0.425)]);
    }
}
