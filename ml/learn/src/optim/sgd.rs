//! Stochastic gradient descent, with momentum or Nesterov's.

use gradframe_ml_core::{Graph, NodeId, Result};

use super::rule::{Moment, Parameter, UpdateRule, Updated, descend, scale};

/// `b' = momentum * b + gradient;  x' = x - rate * b'`, and with Nesterov `x' = x - rate * (gradient + momentum * b')`.
/// Source: Sutskever et al. 2013, in PyTorch's form: the rate is outside of `b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// The part of the last step that goes on; 0 is none.
    pub momentum: f64,
    pub nesterov: bool,
}

impl UpdateRule for Sgd {
    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum"] }
    }

    fn update(&self, g: &mut Graph, at: &Moment, parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        let Parameter { value, gradient, .. } = parameter;
        let Some(&velocity) = slots.first() else {
            return Ok(Updated { value: descend(g, value, at.rate, gradient)?, slots: vec![] });
        };
        let kept = scale(g, velocity, self.momentum)?;
        let velocity = g.add(kept, gradient)?;
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

    #[test]
    fn plain_descent_shrinks_geometrically() {
        let sgd = Sgd { momentum: 0.0, nesterov: false };
        assert_path(&path(&sgd, 0.1, 1.0, 3), &[0.9, 0.81, 0.729]);
    }

    /// x' = x - 0.1 b', b' = 0.5 b + x: 0.9; b = 1.4, 0.76; b = 1.46, 0.614.
    #[test]
    fn momentum_carries_on() {
        assert_path(&path(&Sgd { momentum: 0.5, nesterov: false }, 0.1, 1.0, 3), &[0.9, 0.76, 0.614]);
    }

    /// x' = x - 0.1 (x + 0.5 b'): 0.85; b = 1.35, 0.6975; b = 1.3725, 0.559125.
    #[test]
    fn nesterov_looks_ahead() {
        assert_path(&path(&Sgd { momentum: 0.5, nesterov: true }, 0.1, 1.0, 3), &[0.85, 0.6975, 0.559_125]);
    }
}
