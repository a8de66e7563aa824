//! Stochastic gradient descent, with momentum or Nesterov's.

use gradframe_ml_core::{DType, Graph, NodeId, Result};

use super::rule::{Moment, Parameter, Setting, UpdateRule, Updated, descend, scale, without_traces};

/// `b' = momentum * b + (1 - dampening) * gradient;  x' = x - rate * b'`, and with Nesterov
/// `x' = x - rate * (gradient + momentum * b')`. The first gradient goes into `b` whole.
/// Source: Sutskever et al. 2013, in PyTorch's form: the rate is outside of `b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// The part of the last step that goes on.
    pub momentum: Setting,
    /// The part of the gradient that does not go into the momentum.
    pub dampening: Setting,
    pub nesterov: bool,
}

impl Sgd {
    /// Without momentum.
    pub const PLAIN: Sgd = Sgd { momentum: Setting::NONE, dampening: Setting::NONE, nesterov: false };

    /// The part of the gradient that goes into the momentum.
    fn taken(&self, g: &mut Graph, at: &Moment) -> Result<Setting> {
        let (one, rest) = (g.scalar(DType::F64, 1.0)?, self.dampening.rest(g)?);
        let (is_first, rest) = (g.eq(at.step, one)?, rest.number(g)?);
        g.select(is_first, one, rest).map(Setting::Given)
    }
}

impl UpdateRule for Sgd {
    fn slots(&self) -> &'static [&'static str] {
        if self.momentum.is_none() { &[] } else { &["momentum"] }
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let Some(&velocity) = slots.first() else {
            return Ok(Updated { value: descend(g, value, at.rate, gradient)?, slots: vec![] });
        };
        let kept = scale(g, velocity, self.momentum)?;
        let taken = if self.dampening.is_none() {
            gradient
        } else {
            let part = self.taken(g, at)?;
            scale(g, gradient, part)?
        };
        let velocity = g.add(kept, taken)?;
        let velocity = without_traces(g, velocity)?;
        let direction = if self.nesterov {
            let ahead = scale(g, velocity, self.momentum)?;
            g.add(gradient, ahead)?
        } else {
            velocity
        };
        Ok(Updated { value: descend(g, value, at.rate, direction)?, slots: vec![velocity] })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{assert_path, path};
    use super::*;

    const HALF: Sgd = Sgd { momentum: Setting::Known(0.5), ..Sgd::PLAIN };

    #[test]
    fn plain_descent_shrinks_geometrically() {
        assert_path(&path(&Sgd::PLAIN, 0.1, 1.0, 3), &[0.9, 0.81, 0.729]);
    }

    /// x' = x - 0.1 b', b' = 0.5 b + x: 0.9; b = 1.4, 0.76; b = 1.46, 0.614.
    #[test]
    fn momentum_carries_on() {
        assert_path(&path(&HALF, 0.1, 1.0, 3), &[0.9, 0.76, 0.614]);
    }

    /// x' = x - 0.1 (x + 0.5 b'): 0.85; b = 1.35, 0.6975; b = 1.3725, 0.559125.
    #[test]
    fn nesterov_looks_ahead() {
        assert_path(&path(&Sgd { nesterov: true, ..HALF }, 0.1, 1.0, 3), &[0.85, 0.6975, 0.559_125]);
    }

    /// b' = 0.5 b + 0.75 x from the second step on: 0.9; b = 1.175, 0.7825; b = 1.174375, 0.6650625.
    #[test]
    fn the_first_gradient_is_not_dampened() {
        let dampened = Sgd { dampening: Setting::Known(0.25), ..HALF };
        assert_path(&path(&dampened, 0.1, 1.0, 3), &[0.9, 0.7825, 0.665_062_5]);
    }
}
