//! Special functions made of the scalar ones: of the normal distribution, of entropy, Bessel functions, polygamma.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use crate::error::Result;
use crate::graph::{Graph, NodeId};

impl Graph {
    /// `x log y`; 0 where x is 0, unless y is NaN.
    pub fn xlogy(&mut self, x: NodeId, y: NodeId) -> Result<NodeId> {
        let log = self.log(y)?;
        self.product_or_zero(x, y, log)
    }

    /// `x log(1 + y)`; 0 where x is 0, unless y is NaN.
    pub fn xlog1py(&mut self, x: NodeId, y: NodeId) -> Result<NodeId> {
        let log = self.log1p(y)?;
        self.product_or_zero(x, y, log)
    }

    fn product_or_zero(&mut self, x: NodeId, y: NodeId, log: NodeId) -> Result<NodeId> {
        let (product, zero) = (self.mul(x, log)?, self.scalar_like(x, 0.0)?);
        let (nothing, nan) = (self.eq(x, zero)?, self.isnan(y)?);
        let there = self.not(nan)?;
        let silent = self.and(nothing, there)?;
        self.select(silent, zero, product)
    }

    /// `-x log x`; 0 at 0, minus infinity below.
    pub fn entr(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("entr", &[x], |g, x| {
            let (zero, low) = (g.scalar_like(x[0], 0.0)?, g.scalar_like(x[0], f64::NEG_INFINITY)?);
            let log = g.log(x[0])?;
            let product = g.mul(x[0], log)?;
            let negated = g.neg(product)?;
            let (at_zero, below) = (g.eq(x[0], zero)?, g.lt(x[0], zero)?);
            let inside = g.select(at_zero, zero, negated)?;
            g.select(below, low, inside)
        })
    }

    /// `log(x / (1 - x))`, x first held within `epsilon` and 1 - `epsilon` if one is given.
    pub fn logit(&mut self, x: NodeId, epsilon: Option<f64>) -> Result<NodeId> {
        let held = match epsilon {
            Some(epsilon) => {
                let (low, high) = (self.scalar_like(x, epsilon)?, self.scalar_like(x, 1.0 - epsilon)?);
                let (below, above) = (self.lt(x, low)?, self.gt(x, high)?);
                let raised = self.select(below, low, x)?;
                self.select(above, high, raised)?
            }
            None => x,
        };
        let negated = self.neg(held)?;
        let (log, rest) = (self.log(held)?, self.log1p(negated)?);
        self.sub(log, rest)
    }

    /// The normal distribution function `erfc(-x / sqrt 2) / 2`.
    pub fn ndtr(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("ndtr", &[x], |g, x| {
            let scaled = g.scaled_by(x[0], -FRAC_1_SQRT_2)?;
            let tail = g.erfc(scaled)?;
            g.scaled_by(tail, 0.5)
        })
    }

    /// The logarithm of `ndtr`, exact far below 0.
    pub fn log_ndtr(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("log_ndtr", &[x], |g, x| {
            let (edge, zero) = (g.scalar_like(x[0], -1.0)?, g.scalar_like(x[0], 0.0)?);
            let low = g.lt(x[0], edge)?;
            let (below, above) = (g.select(low, x[0], edge)?, g.select(low, zero, x[0])?);
            let tail = g.log_tail(below)?;
            let scaled = g.scaled_by(above, FRAC_1_SQRT_2)?;
            let missing = g.erfc(scaled)?;
            let half = g.scaled_by(missing, -0.5)?;
            let near = g.log1p(half)?;
            g.select(low, tail, near)
        })
    }

    /// `log(erfcx(-x / sqrt 2) / 2) - x^2 / 2`.
    fn log_tail(&mut self, x: NodeId) -> Result<NodeId> {
        let scaled = self.scaled_by(x, -FRAC_1_SQRT_2)?;
        let tail = self.erfcx(scaled)?;
        let half = self.scaled_by(tail, 0.5)?;
        let (log, square) = (self.log(half)?, self.mul(x, x)?);
        let drop = self.scaled_by(square, 0.5)?;
        self.sub(log, drop)
    }

    /// The inverse of `ndtr`: the normal quantile of x in (0, 1); infinite at the ends, NaN beyond.
    pub fn ndtri(&mut self, x: NodeId) -> Result<NodeId> {
        let doubled = self.scaled_by(x, 2.0)?;
        let centred = self.plus_number(doubled, -1.0)?;
        let inverse = self.erfinv(centred)?;
        self.scaled_by(inverse, SQRT_2)
    }

    /// The modified Bessel function I_0.
    pub fn i0(&mut self, x: NodeId) -> Result<NodeId> {
        let (scaled, size) = (self.i0e(x)?, self.abs(x)?);
        let growth = self.exp(size)?;
        self.mul(scaled, growth)
    }

    /// The modified Bessel function I_1.
    pub fn i1(&mut self, x: NodeId) -> Result<NodeId> {
        let (scaled, size) = (self.i1e(x)?, self.abs(x)?);
        let growth = self.exp(size)?;
        self.mul(scaled, growth)
    }

    /// The modified Bessel function K_0.
    pub fn k0(&mut self, x: NodeId) -> Result<NodeId> {
        let (scaled, negated) = (self.k0e(x)?, self.neg(x)?);
        let decay = self.exp(negated)?;
        self.mul(scaled, decay)
    }

    /// The modified Bessel function K_1.
    pub fn k1(&mut self, x: NodeId) -> Result<NodeId> {
        let (scaled, negated) = (self.k1e(x)?, self.neg(x)?);
        let decay = self.exp(negated)?;
        self.mul(scaled, decay)
    }

    /// The spherical Bessel function `sin x / x`; 1 at 0.
    pub fn spherical_j0(&mut self, x: NodeId) -> Result<NodeId> {
        let turns = self.scaled_by(x, std::f64::consts::FRAC_1_PI)?;
        self.sinc(turns)
    }

    /// The n-th derivative of `digamma`: `(-1)^(n+1) n! zeta(n + 1, x)`. For n > 0 and x <= 0 see [`Graph::zeta`].
    pub fn polygamma(&mut self, n: u32, x: NodeId) -> Result<NodeId> {
        match n {
            0 => self.digamma(x),
            1 => self.trigamma(x),
            _ => {
                let order = self.scalar_like(x, f64::from(n) + 1.0)?;
                let value = self.zeta(order, x)?;
                let factorial: f64 = (1..=n).map(f64::from).product();
                self.scaled_by(value, if n.is_multiple_of(2) { -factorial } else { factorial })
            }
        }
    }

    /// The logarithm of the multivariate gamma function: `p (p - 1) / 4 log pi + sum_j lgamma(x - j / 2)`, j below p.
    pub fn multigammaln(&mut self, x: NodeId, p: u32) -> Result<NodeId> {
        let start = f64::from(p) * (f64::from(p) - 1.0) / 4.0 * std::f64::consts::PI.ln();
        let mut total = self.full_like(x, start)?;
        for j in 0..p {
            let shifted = self.plus_number(x, -f64::from(j) / 2.0)?;
            let term = self.lgamma(shifted)?;
            total = self.add(total, term)?;
        }
        Ok(total)
    }
}
