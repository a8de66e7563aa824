//! RMSprop: steps divided by a running root mean square of the gradient.

use gradframe_ml_core::{Graph, NodeId, Result};

use super::rule::{Moment, Parameter, Setting, UpdateRule, Updated, blend, descend, root, scale};

/// `v' = decay v + (1 - decay) gradient^2;  x' = x - rate * gradient / (sqrt(v') + epsilon)`, the quotient with
/// momentum added up as in [`super::Sgd`].  Source: Tieleman and Hinton 2012, in PyTorch's form.
/// Centered: divided by a running standard deviation.  Source: Graves 2013.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsProp {
    pub decay: Setting,
    pub momentum: Setting,
    pub epsilon: Setting,
    pub centered: bool,
}

impl RmsProp {
    /// `square - average^2`; rounding makes nothing of it negative.
    fn variance(g: &mut Graph, square: NodeId, average: NodeId) -> Result<NodeId> {
        let of_average = g.mul(average, average)?;
        let spread = g.sub(square, of_average)?;
        let zero = g.scalar_like(spread, 0.0)?;
        g.max(spread, zero)
    }
}

impl UpdateRule for RmsProp {
    fn slots(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum.is_none()) {
            (false, true) => &["square"],
            (false, false) => &["square", "momentum"],
            (true, true) => &["square", "average"],
            (true, false) => &["square", "average", "momentum"],
        }
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let squared = g.mul(gradient, gradient)?;
        let square = blend(g, self.decay, slots[0], squared)?;
        let (mut kept, mut spread) = (vec![square], square);
        if self.centered {
            let average = blend(g, self.decay, slots[1], gradient)?;
            kept.push(average);
            spread = Self::variance(g, square, average)?;
        }
        let size = root(g, spread, self.epsilon)?;
        let mut direction = g.div(gradient, size)?;
        if let Some(&velocity) = slots.get(kept.len()) {
            let before = scale(g, velocity, self.momentum)?;
            direction = g.add(before, direction)?;
            kept.push(direction);
        }
        Ok(Updated { value: descend(g, value, at.rate, direction)?, slots: kept })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

    fn by_hand(momentum: f64, centered: bool, steps: usize) -> Vec<f64> {
        let (mut x, mut v, mut a, mut b) = (1.0f64, 0.0f64, 0.0f64, 0.0);
        let step = |_| {
            v = 0.99 * v + 0.01 * (2.0 * x) * (2.0 * x);
            a = 0.99 * a + 0.01 * (2.0 * x);
            let spread = if centered { v - a * a } else { v };
            b = momentum * b + 2.0 * x / (spread.sqrt() + 1e-8);
            x -= 0.01 * b;
            x
        };
        (0..steps).map(step).collect()
    }

    #[test]
    fn follows_the_published_formulas() {
        for (momentum, centered) in [(0.0, false), (0.9, false), (0.0, true), (0.9, true)] {
            let rule = RmsProp { decay: 0.99.into(), momentum: momentum.into(), epsilon: 1e-8.into(), centered };
            assert_path(&path(&rule, 0.01, 2.0, 10), &by_hand(momentum, centered, 10));
        }
    }
}
