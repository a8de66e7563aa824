//! Rprop: each element has a step of its own, longer as long as the gradient's sign stays, shorter where it changed.

use gradframe_ml_core::{DType, Graph, NodeId, Result};

use super::rule::{Moment, Parameter, Setting, UpdateRule, Updated, number_like};

/// `s' = s * (grow if gradient * before > 0, shrink if it is below, else 1)` within `least` and `most`, where the first `s` is the
/// rate; `x' = x - sign(gradient) * s'`. Where the sign changed, the gradient counts as 0, also as the next one's `before`.
/// Source: Riedmiller and Braun 1993, in PyTorch's form. It is for gradients of all rows: those of batches change their signs by chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rprop {
    pub shrink: Setting,
    pub grow: Setting,
    pub least: Setting,
    pub most: Setting,
}

impl Rprop {
    /// The steps of the elements, before they are grown or shrunk.
    fn sizes(g: &mut Graph, at: &Moment, kept: NodeId) -> Result<NodeId> {
        let one = g.scalar(DType::F64, 1.0)?;
        let (is_first, rate) = (g.eq(at.step, one)?, number_like(g, at.rate, kept)?);
        g.select(is_first, rate, kept)
    }
}

impl UpdateRule for Rprop {
    fn slots(&self) -> &'static [&'static str] {
        &["gradient", "size"]
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let product = g.mul(gradient, slots[0])?;
        let (zero, one) = (g.scalar_like(product, 0.0)?, g.scalar_like(product, 1.0)?);
        let (stays, turns) = (g.gt(product, zero)?, g.lt(product, zero)?);
        let (grow, shrink) = (self.grow.like(g, product)?, self.shrink.like(g, product)?);
        let factor = g.select(turns, shrink, one)?;
        let factor = g.select(stays, grow, factor)?;
        let size = Self::sizes(g, at, slots[1])?;
        let (least, most) = (self.least.like(g, size)?, self.most.like(g, size)?);
        let size = g.mul(size, factor)?;
        let size = g.max(size, least)?;
        let size = g.min(size, most)?;
        let gradient = g.select(turns, zero, gradient)?;
        let sign = g.sign(gradient)?;
        let step = g.mul(sign, size)?;
        Ok(Updated { value: g.sub(value, step)?, slots: vec![gradient, size] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

    /// From 1: 0.4 by the rate; grown to 0.72, beyond 0; shrunk to 0.36, and the gradient forgotten; 0.36 back; and so on.
    #[test]
    fn steps_grow_and_shrink_by_signs() {
        let rprop = Rprop { shrink: 0.5.into(), grow: 1.2.into(), least: 1e-6.into(), most: 50.0.into() };
        assert_path(&path(&rprop, 0.6, 2.0, 5), &[0.4, -0.32, -0.32, 0.04, 0.04]);
    }

    #[test]
    fn steps_stay_within_bounds() {
        let rprop = Rprop { shrink: 0.5.into(), grow: 3.0.into(), least: 0.2.into(), most: 0.25.into() };
        assert_path(&path(&rprop, 0.1, 1.0, 3), &[0.8, 0.55, 0.3]);
    }
}
