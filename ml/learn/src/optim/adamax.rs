//! Adamax: Adam whose steps are scaled by the largest gradient, which is forgotten slowly.

use gradframe_ml_core::{Graph, NodeId, Result};

use super::rule::{Moment, Parameter, Setting, UpdateRule, Updated, blend, descend, scale, shift, weight_so_far, without_traces};

/// `m' = b1 m + (1 - b1) gradient;  u' = max(b2 u, |gradient| + epsilon);  x' = x - rate / (1 - b1^t) * m' / u'`.
/// Source: Kingma and Ba 2015, algorithm 2, in PyTorch's form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adamax {
    pub beta_1: Setting,
    pub beta_2: Setting,
    pub epsilon: Setting,
}

impl UpdateRule for Adamax {
    fn slots(&self) -> &'static [&'static str] {
        &["mean", "largest"]
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let mean = blend(g, self.beta_1, slots[0], gradient)?;
        let mean = without_traces(g, mean)?;
        let size = g.abs(gradient)?;
        let (size, faded) = (shift(g, size, self.epsilon)?, scale(g, slots[1], self.beta_2)?);
        let largest = g.max(faded, size)?;
        let direction = g.div(mean, largest)?;
        let weight = weight_so_far(g, self.beta_1, at)?;
        let rate = g.div(at.rate, weight)?;
        Ok(Updated { value: descend(g, value, rate, direction)?, slots: vec![mean, largest] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

    #[test]
    fn follows_the_published_formula() {
        let (mut x, mut m, mut u) = (1.0f64, 0.0f64, 0.0f64);
        let step = |t| {
            let gradient = 2.0 * x;
            m = 0.9 * m + 0.1 * gradient;
            u = (0.5 * u).max(gradient.abs() + 1e-8);
            x -= 0.3 / (1.0 - 0.9f64.powi(t)) * m / u;
            x
        };
        let expected: Vec<f64> = (1..=10).map(step).collect();
        let adamax = Adamax { beta_1: 0.9.into(), beta_2: 0.5.into(), epsilon: 1e-8.into() };
        assert_path(&path(&adamax, 0.3, 2.0, 10), &expected);
    }
}
