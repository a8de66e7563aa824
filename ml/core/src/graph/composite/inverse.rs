//! Inverses of special functions.

use crate::error::Result;
use crate::graph::{Graph, NodeId};

/// Steps of Halley's method: each triples the digits, from about three.
const STEPS: usize = 3;

impl Graph {
    /// The number whose error function is x, for x in (-1, 1); infinite at the ends, NaN beyond.
    /// A closed estimate (Winitzki 2008) made exact by Halley's method.
    pub fn erfinv(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("erfinv", &[x], |g, x| {
            let one = g.scalar_like(x[0], 1.0)?;
            let size = g.abs(x[0])?;
            let inside = g.lt(size, one)?;
            let zero = g.scalar_like(x[0], 0.0)?;
            let held = g.select(inside, x[0], zero)?; // the iteration never sees an infinity
            let mut y = g.erfinv_estimate(held)?;
            for _ in 0..STEPS {
                y = g.erfinv_step(held, y)?;
            }
            // Infinite at the ends and NaN beyond: x / 0 and 0 / 0 of what is left over.
            let left = g.sub(one, size)?;
            let beyond = g.sqrt(left)?;
            let outside = g.div(x[0], beyond)?;
            g.select(inside, y, outside)
        })
    }

    /// `sign(x) sqrt(sqrt(b^2 - l / a) - b)` with l = log(1 - x^2), b = 2 / (pi a) + l / 2.
    fn erfinv_estimate(&mut self, x: NodeId) -> Result<NodeId> {
        const A: f64 = 0.147;
        let (inverse, shift) = (self.scalar_like(x, 1.0 / A)?, self.scalar_like(x, 2.0 / (std::f64::consts::PI * A))?);
        let (half, tiny) = (self.scalar_like(x, 0.5)?, self.scalar_like(x, 1e-30)?);
        let square = self.mul(x, x)?;
        let negated = self.neg(square)?;
        let log = self.log1p(negated)?;
        let halved = self.mul(half, log)?;
        let b = self.add(shift, halved)?;
        let (b_square, ratio) = (self.mul(b, b)?, self.mul(log, inverse)?);
        let below = self.sub(b_square, ratio)?;
        let root = self.sqrt(below)?;
        let rest = self.sub(root, b)?;
        let rest = self.max(rest, tiny)?;
        let size = self.sqrt(rest)?;
        let sign = self.sign(x)?;
        self.mul(sign, size)
    }

    /// `y - e / (1 + y e)` with e = (erf y - x) sqrt(pi) e^(y^2) / 2.
    fn erfinv_step(&mut self, x: NodeId, y: NodeId) -> Result<NodeId> {
        let (one, scale) = (self.scalar_like(x, 1.0)?, self.scalar_like(x, std::f64::consts::PI.sqrt() / 2.0)?);
        let (erf, square) = (self.erf(y)?, self.mul(y, y)?);
        let (gap, growth) = (self.sub(erf, x)?, self.exp(square)?);
        let scaled = self.mul(gap, scale)?;
        let e = self.mul(scaled, growth)?;
        let product = self.mul(y, e)?;
        let below = self.add(one, product)?;
        let change = self.div(e, below)?;
        self.sub(y, change)
    }
}
