//! Adam: steps scaled by running means of the gradient and of its square.

use gradframe_ml_core::{DType, Graph, NodeId, Result};

use super::rule::{
    Moment, Parameter, Setting, UpdateRule, Updated, blend, descend, number_like, root, weight_so_far, without_traces,
};

/// `m' = b1 m + (1 - b1) gradient;  v' = b2 v + (1 - b2) gradient^2;`
/// `x' = x - rate / (1 - b1^t) * m' / (sqrt(v' / (1 - b2^t)) + epsilon)`.  Source: Kingma and Ba 2015.
/// AMSGrad puts the largest `v'` so far in its place.  Source: Reddi, Kale and Kumar 2018, in PyTorch's form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    pub beta_1: Setting,
    pub beta_2: Setting,
    pub epsilon: Setting,
    pub amsgrad: bool,
}

impl Adam {
    /// With the numbers of the publication.
    pub const PUBLISHED: Adam =
        Adam { beta_1: Setting::Known(0.9), beta_2: Setting::Known(0.999), epsilon: Setting::Known(1e-8), amsgrad: false };
}

impl UpdateRule for Adam {
    fn slots(&self) -> &'static [&'static str] {
        if self.amsgrad { &["mean", "square", "largest"] } else { &["mean", "square"] }
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let mean = blend(g, self.beta_1, slots[0], gradient)?;
        let mean = without_traces(g, mean)?;
        let squared = g.mul(gradient, gradient)?;
        let square = blend(g, self.beta_2, slots[1], squared)?;
        let mut kept = vec![mean, square];
        if let Some(&largest) = slots.get(2) {
            kept.push(g.max(largest, square)?);
        }
        let (mean_weight, square_weight) = (weight_so_far(g, self.beta_1, at)?, weight_so_far(g, self.beta_2, at)?);
        let one = g.scalar(DType::F64, 1.0)?;
        let scale = g.div(one, square_weight)?; // once a step, for a quotient each element
        let scale = number_like(g, scale, value)?;
        let unbiased = g.mul(kept[kept.len() - 1], scale)?;
        let size = root(g, unbiased, self.epsilon)?;
        let direction = g.div(mean, size)?;
        let rate = g.div(at.rate, mean_weight)?;
        Ok(Updated { value: descend(g, value, rate, direction)?, slots: kept })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

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
        assert_path(&path(&Adam::PUBLISHED, 0.1, 2.0, 20), &by_hand(0.1, 2.0, 20));
    }

    #[test]
    fn the_first_step_is_the_rate_whatever_the_gradient() {
        for slope in [1e-3, 1.0, 1e6] {
            assert!((path(&Adam::PUBLISHED, 0.1, slope, 1)[0] - 0.9).abs() < 1e-5);
        }
    }

    /// The formula written out with numbers, where gradients become smaller.
    #[test]
    fn amsgrad_divides_by_the_largest_square_so_far() {
        let quick = Adam { beta_1: Setting::NONE, beta_2: Setting::Known(0.5), epsilon: Setting::NONE, amsgrad: true };
        let (slope, rate) = (2.0, 0.4);
        let (mut x, mut v, mut top, mut expected) = (1.0f64, 0.0f64, 0.0f64, vec![]);
        for t in 1..=5 {
            let gradient = slope * x;
            v = 0.5 * v + 0.5 * gradient * gradient;
            top = top.max(v);
            x -= rate * gradient / (top / (1.0 - 0.5f64.powi(t))).sqrt();
            expected.push(x);
        }
        assert!(top > v, "the largest is another than the last");
        assert_path(&path(&quick, rate, slope, 5), &expected);
    }
}
