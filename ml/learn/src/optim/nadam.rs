//! NAdam: Adam with Nesterov's momentum.

use gradframe_ml_core::{DType, Graph, NodeId, Result};

use super::rule::{
    Moment, Parameter, Setting, UpdateRule, Updated, blend, descend, number_like, root, weight_so_far, without_traces,
};

/// `m' = b1 m + (1 - b1) gradient;  v' = b2 v + (1 - b2) gradient^2;  mu(t) = b1 (1 - 0.96^(t momentum_decay) / 2);`
/// `d = mu(t+1) / (1 - mu(1) .. mu(t+1)) * m' + (1 - mu(t)) / (1 - mu(1) .. mu(t)) * gradient;`
/// `x' = x - rate * d / (sqrt(v' / (1 - b2^t)) + epsilon)`.
/// Source: Dozat 2016, in PyTorch's form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NAdam {
    pub beta_1: Setting,
    pub beta_2: Setting,
    pub epsilon: Setting,
    /// How fast the momentum comes up to `beta_1`.
    pub momentum_decay: Setting,
}

impl NAdam {
    /// `mu(step)`, f64 [].
    fn momentum(&self, g: &mut Graph, step: NodeId) -> Result<NodeId> {
        let (beta, decay) = (self.beta_1.number(g)?, self.momentum_decay.number(g)?);
        let (base, half, one) = (g.scalar(DType::F64, 0.96)?, g.scalar(DType::F64, 0.5)?, g.scalar(DType::F64, 1.0)?);
        let exponent = g.mul(step, decay)?;
        let power = g.pow(base, exponent)?;
        let missing = g.mul(half, power)?;
        let part = g.sub(one, missing)?;
        g.mul(beta, part)
    }
}

impl UpdateRule for NAdam {
    /// `weight` is `1 - mu(1) .. mu(t)`, the same for every element: it begins at zero, as slots do.
    fn slots(&self) -> &'static [&'static str] {
        &["mean", "square", "weight"]
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let mean = blend(g, self.beta_1, slots[0], gradient)?;
        let mean = without_traces(g, mean)?;
        let squared = g.mul(gradient, gradient)?;
        let square = blend(g, self.beta_2, slots[1], squared)?;
        let weight_of_square = weight_so_far(g, self.beta_2, at)?;
        let weight_of_square = number_like(g, weight_of_square, value)?;
        let unbiased = g.div(square, weight_of_square)?;
        let size = root(g, unbiased, self.epsilon)?;

        let one = g.scalar(DType::F64, 1.0)?;
        let following = g.add(at.step, one)?;
        let (now, next) = (self.momentum(g, at.step)?, self.momentum(g, following)?);
        let rest = g.sub(one, now)?;
        let rest = number_like(g, rest, value)?;
        let ones = g.full_like(slots[2], 1.0)?;
        let weight = blend(g, Setting::Given(now), slots[2], ones)?;
        let ahead = blend(g, Setting::Given(next), weight, ones)?;
        let next = number_like(g, next, value)?;
        let (of_gradient, of_mean) = (g.div(rest, weight)?, g.div(next, ahead)?);
        let (of_gradient, of_mean) = (g.mul(of_gradient, gradient)?, g.mul(of_mean, mean)?);
        let sum = g.add(of_gradient, of_mean)?;
        let direction = g.div(sum, size)?;
        Ok(Updated { value: descend(g, value, at.rate, direction)?, slots: vec![mean, square, weight] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

    #[test]
    fn follows_the_published_formula() {
        let (mut x, mut m, mut v, mut product) = (1.0f64, 0.0f64, 0.0f64, 1.0f64);
        let mu = |t: i32| 0.9 * (1.0 - 0.5 * 0.96f64.powf(f64::from(t) * 0.04));
        let step = |t| {
            let gradient = 2.0 * x;
            product *= mu(t);
            m = 0.9 * m + 0.1 * gradient;
            v = 0.99 * v + 0.01 * gradient * gradient;
            let size = (v / (1.0 - 0.99f64.powi(t))).sqrt() + 1e-8;
            x -= 0.1 * (1.0 - mu(t)) / (1.0 - product) * gradient / size;
            x -= 0.1 * mu(t + 1) / (1.0 - product * mu(t + 1)) * m / size;
            x
        };
        let expected: Vec<f64> = (1..=20).map(step).collect();
        let nadam = NAdam { beta_1: 0.9.into(), beta_2: 0.99.into(), epsilon: 1e-8.into(), momentum_decay: 0.04.into() };
        assert_path(&path(&nadam, 0.1, 2.0, 20), &expected);
    }
}
