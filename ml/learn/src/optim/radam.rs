//! RAdam: Adam that does not scale its steps before the mean of squares is worth something.

use gradframe_ml_core::{DType, Graph, NodeId, Result};

use super::rule::{
    Moment, Parameter, Setting, UpdateRule, Updated, blend, descend, number_like, root, weight_so_far, without_traces,
};

/// Adam's running means `m'` and `v'`, and the length of the second one, `n(t) = n - 2 t b2^t / (1 - b2^t)` of at most
/// `n = 2 / (1 - b2) - 1`. `x' = x - rate / (1 - b1^t) * m' * r`, where `r` is 1 up to a length of 5, and from then on
/// `sqrt((n(t) - 4) (n(t) - 2) n / ((n - 4) (n - 2) n(t))) * sqrt(1 - b2^t) / (sqrt(v') + epsilon)`.
/// Source: Liu et al. 2020, in PyTorch's form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RAdam {
    pub beta_1: Setting,
    pub beta_2: Setting,
    pub epsilon: Setting,
}

/// The length from which the mean of squares counts.
const LENGTH_LEAST: f64 = 5.0;

impl RAdam {
    /// The greatest length of the mean of squares, and the length at this step: f64 [].
    fn lengths(&self, g: &mut Graph, at: &Moment) -> Result<(NodeId, NodeId)> {
        let (one, two) = (g.scalar(DType::F64, 1.0)?, g.scalar(DType::F64, 2.0)?);
        let rest = self.beta_2.rest(g)?.number(g)?;
        let double = g.div(two, rest)?;
        let most = g.sub(double, one)?;
        let weight = weight_so_far(g, self.beta_2, at)?;
        let forgotten = g.sub(one, weight)?;
        let steps = g.mul(two, at.step)?;
        let above = g.mul(steps, forgotten)?;
        let missing = g.div(above, weight)?;
        Ok((most, g.sub(most, missing)?))
    }

    /// `sqrt((n(t) - 4) (n(t) - 2) n / ((n - 4) (n - 2) n(t)) (1 - b2^t))`, f64 [].
    fn rectified(&self, g: &mut Graph, at: &Moment, most: NodeId, length: NodeId) -> Result<NodeId> {
        let (above, below) = (falling(g, length)?, falling(g, most)?);
        let (above, below) = (g.mul(above, most)?, g.mul(below, length)?);
        let weight = weight_so_far(g, self.beta_2, at)?;
        let quotient = g.div(above, below)?;
        let square = g.mul(quotient, weight)?;
        g.sqrt(square)
    }
}

/// `(x - 4) (x - 2)`.
fn falling(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (four, two) = (g.scalar(DType::F64, 4.0)?, g.scalar(DType::F64, 2.0)?);
    let (a, b) = (g.sub(x, four)?, g.sub(x, two)?);
    g.mul(a, b)
}

impl UpdateRule for RAdam {
    fn slots(&self) -> &'static [&'static str] {
        &["mean", "square"]
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let mean = blend(g, self.beta_1, slots[0], gradient)?;
        let mean = without_traces(g, mean)?;
        let squared = g.mul(gradient, gradient)?;
        let square = blend(g, self.beta_2, slots[1], squared)?;
        let (most, length) = self.lengths(g, at)?;
        let rectified = self.rectified(g, at, most, length)?;
        let rectified = number_like(g, rectified, value)?;
        let size = root(g, square, self.epsilon)?;
        let scale = g.div(rectified, size)?;
        let least = g.scalar(DType::F64, LENGTH_LEAST)?;
        let (counts, one) = (g.gt(length, least)?, g.scalar_like(scale, 1.0)?);
        let scale = g.select(counts, scale, one)?;
        let direction = g.mul(mean, scale)?;
        let weight = weight_so_far(g, self.beta_1, at)?;
        let rate = g.div(at.rate, weight)?;
        Ok(Updated { value: descend(g, value, rate, direction)?, slots: vec![mean, square] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

    fn by_hand(beta_2: f64, steps: i32) -> Vec<f64> {
        let (mut x, mut m, mut v) = (1.0f64, 0.0f64, 0.0f64);
        let most = 2.0 / (1.0 - beta_2) - 1.0;
        let step = |t: i32| {
            let gradient = 2.0 * x;
            m = 0.9 * m + 0.1 * gradient;
            v = beta_2 * v + (1.0 - beta_2) * gradient * gradient;
            let weight = 1.0 - beta_2.powi(t);
            let length = most - 2.0 * f64::from(t) * beta_2.powi(t) / weight;
            let of = |n: f64| (n - 4.0) * (n - 2.0);
            let rectified = (of(length) * most / (of(most) * length)).sqrt() * weight.sqrt() / (v.sqrt() + 1e-8);
            x -= 0.1 * m / (1.0 - 0.9f64.powi(t)) * if length > 5.0 { rectified } else { 1.0 };
            x
        };
        (1..=steps).map(step).collect()
    }

    #[test]
    fn follows_the_published_formula_before_and_after_squares_count() {
        for beta_2 in [0.999, 0.9, 0.5] {
            let radam = RAdam { beta_1: 0.9.into(), beta_2: beta_2.into(), epsilon: 1e-8.into() };
            assert_path(&path(&radam, 0.1, 2.0, 20), &by_hand(beta_2, 20));
        }
    }
}
