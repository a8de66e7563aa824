//! ASGD: descent by a falling rate, and the mean of what the parameters were.

use gradframe_ml_core::{DType, Graph, NodeId, Result};

use super::rule::{Moment, Parameter, Setting, UpdateRule, Updated, descend, number_like};

/// `r(t) = rate / (1 + lambda * rate * (t - 1))^alpha;  x' = (1 - lambda r(t)) x - r(t) gradient;`
/// `a' = a + (x' - a) / max(1, t - 1 - start)`: the mean of what the parameter was after the step `start`.
/// Source: Polyak and Juditsky 1992, in PyTorch's form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asgd {
    pub lambda: Setting,
    pub alpha: Setting,
    pub start: Setting,
}

impl Asgd {
    /// `r(t)`, f64 [].
    fn rate(&self, g: &mut Graph, at: &Moment, before: NodeId) -> Result<NodeId> {
        let (lambda, alpha, one) = (self.lambda.number(g)?, self.alpha.number(g)?, g.scalar(DType::F64, 1.0)?);
        let slope = g.mul(lambda, at.rate)?;
        let fallen = g.mul(slope, before)?;
        let base = g.add(one, fallen)?;
        let divisor = g.pow(base, alpha)?;
        g.div(at.rate, divisor)
    }

    /// What the new value weighs in the mean, f64 [].
    fn weight(&self, g: &mut Graph, before: NodeId) -> Result<NodeId> {
        let (start, one) = (self.start.number(g)?, g.scalar(DType::F64, 1.0)?);
        let since = g.sub(before, start)?;
        let count = g.max(since, one)?;
        g.div(one, count)
    }
}

impl UpdateRule for Asgd {
    fn slots(&self) -> &'static [&'static str] {
        &["average"]
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let one = g.scalar(DType::F64, 1.0)?;
        let before = g.sub(at.step, one)?;
        let (rate, lambda) = (self.rate(g, at, before)?, self.lambda.number(g)?);
        let pull = g.mul(lambda, rate)?;
        let kept = g.sub(one, pull)?;
        let kept = number_like(g, kept, value)?;
        let value = g.mul(value, kept)?;
        let value = descend(g, value, rate, gradient)?;
        let weight = self.weight(g, before)?;
        let (weight, change) = (number_like(g, weight, value)?, g.sub(value, slots[0])?);
        let change = g.mul(change, weight)?;
        Ok(Updated { value, slots: vec![g.add(slots[0], change)?] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

    #[test]
    fn the_rate_falls_as_published() {
        let mut x = 1.0f64;
        let step = |t: i32| {
            let rate = 0.1 / (1.0 + 0.5 * 0.1 * f64::from(t - 1)).powf(0.75);
            x = x * (1.0 - 0.5 * rate) - rate * 2.0 * x;
            x
        };
        let expected: Vec<f64> = (1..=10).map(step).collect();
        let asgd = Asgd { lambda: 0.5.into(), alpha: 0.75.into(), start: 1e6.into() };
        assert_path(&path(&asgd, 0.1, 2.0, 10), &expected);
    }
}
