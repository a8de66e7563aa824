//! Adam: steps scaled by running means of the gradient and of its square.

use gradframe_ml_core::{DType, Graph, NodeId, Result};

use super::rule::{Moment, Parameter, UpdateRule, Updated, blend, descend, number_like, root};

/// `m' = b1 m + (1 - b1) gradient;  v' = b2 v + (1 - b2) gradient^2;`
/// `x' = x - rate / (1 - b1^t) * m' / (sqrt(v' / (1 - b2^t)) + epsilon)`.  Source: Kingma and Ba 2015.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    pub beta_1: f64,
    pub beta_2: f64,
    pub epsilon: f64,
}

impl UpdateRule for Adam {
    fn slots(&self) -> &'static [&'static str] {
        &["mean", "square"]
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let mean = blend(g, self.beta_1, slots[0], gradient)?;
        let squared = g.mul(gradient, gradient)?;
        let square = blend(g, self.beta_2, slots[1], squared)?;
        let (mean_weight, square_weight) = (weight_so_far(g, self.beta_1, at)?, weight_so_far(g, self.beta_2, at)?);
        let one = g.scalar(DType::F64, 1.0)?;
        let scale = g.div(one, square_weight)?; // once a step, for a quotient each element
        let scale = number_like(g, scale, value)?;
        let unbiased = g.mul(square, scale)?;
        let size = root(g, unbiased, self.epsilon)?;
        let direction = g.div(mean, size)?;
        let rate = g.div(at.rate, mean_weight)?;
        Ok(Updated { value: descend(g, value, rate, direction)?, slots: vec![mean, square] })
    }
}

/// `1 - beta^step`: what the weights in a running mean that began at zero add up to.
fn weight_so_far(g: &mut Graph, beta: f64, at: &Moment) -> Result<NodeId> {
    let (beta, one) = (g.scalar(DType::F64, beta)?, g.scalar(DType::F64, 1.0)?);
    let forgotten = g.pow(beta, at.step)?;
    g.sub(one, forgotten)
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

    const ADAM: Adam = Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8 };

    /// The formula written out with numbers.
    fn by_hand(rate: f64, slope: f64, steps: i32) -> Vec<f64> {
        let (mut x, mut m, mut v) = (1.0f64, 0.0, 0.0);
        let step = |t| {
            let gradient = slope * x;
            m = 0.9 * m + 0.1 * gradient;
            v = 0.999 * v + 0.001 * gradient * gradient;
            let (m_hat, v_hat): (f64, f64) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
            x -= rate * m_hat / (v_hat.sqrt() + 1e-8);
            x
        };
        (1..=steps).map(step).collect()
    }

    #[test]
    fn follows_the_published_formula() {
        assert_path(&path(&ADAM, 0.1, 2.0, 20), &by_hand(0.1, 2.0, 20));
    }

    #[test]
    fn the_first_step_is_the_rate_whatever_the_gradient() {
        for slope in [1e-3, 1.0, 1e6] {
            assert!((path(&ADAM, 0.1, slope, 1)[0] - 0.9).abs() < 1e-5);
        }
    }
}
