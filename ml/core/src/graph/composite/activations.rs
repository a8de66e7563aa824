//! Activation functions beyond those that `composite.rs` holds.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

use crate::error::Result;
use crate::graph::{Graph, NodeId};

impl Graph {
    /// `x Phi(x)`, Phi the normal distribution function. Source: Hendrycks and Gimpel 2016.
    pub fn gelu(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("gelu", &[x], |g, x| {
            let (half, root) = (g.scalar_like(x[0], 0.5)?, g.scalar_like(x[0], FRAC_1_SQRT_2)?);
            let scaled = g.mul(x[0], root)?;
            let erf = g.erf(scaled)?;
            let halved = g.mul(half, erf)?;
            let phi = g.add(half, halved)?;
            g.mul(x[0], phi)
        })
    }

    /// `gelu` with `Phi(x) = (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2`. Source: Hendrycks and Gimpel 2016.
    pub fn gelu_tanh(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("gelu_tanh", &[x], |g, x| {
            let (half, cubic) = (g.scalar_like(x[0], 0.5)?, g.scalar_like(x[0], 0.044715)?);
            let scale = g.scalar_like(x[0], FRAC_2_PI.sqrt())?;
            let square = g.mul(x[0], x[0])?;
            let cube = g.mul(square, x[0])?;
            let bent = g.mul(cubic, cube)?;
            let sum = g.add(x[0], bent)?;
            let scaled = g.mul(scale, sum)?;
            let tanh = g.tanh(scaled)?;
            let halved = g.mul(half, tanh)?;
            let phi = g.add(half, halved)?;
            g.mul(x[0], phi)
        })
    }

    /// `x sigmoid(x)`, also called swish. Source: Elfwing, Uchibe and Doya 2018.
    pub fn silu(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("silu", &[x], |g, x| {
            let gate = g.sigmoid(x[0])?;
            g.mul(x[0], gate)
        })
    }

    /// `x` where it is positive, else `slope x`.
    pub fn leaky_relu(&mut self, x: NodeId, slope: f64) -> Result<NodeId> {
        self.call("leaky_relu", &[x], |g, x| {
            let (zero, slope) = (g.scalar_like(x[0], 0.0)?, g.scalar_like(x[0], slope)?);
            let (on, low) = (g.gt(x[0], zero)?, g.mul(slope, x[0])?);
            g.select(on, x[0], low)
        })
    }

    /// `x` where it is positive, else `alpha (e^x - 1)`. Source: Clevert, Unterthiner and Hochreiter 2016.
    pub fn elu(&mut self, x: NodeId, alpha: f64) -> Result<NodeId> {
        self.call("elu", &[x], |g, x| {
            let (zero, alpha) = (g.scalar_like(x[0], 0.0)?, g.scalar_like(x[0], alpha)?);
            let off = g.le(x[0], zero)?;
            let held = g.select(off, x[0], zero)?; // no overflow on the side that is not taken
            let below = g.expm1(held)?;
            let scaled = g.mul(alpha, below)?;
            g.select(off, scaled, x[0])
        })
    }

    /// Softplus's smooth gate: `x tanh(softplus(x))`. Source: Misra 2019.
    pub fn mish(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("mish", &[x], |g, x| {
            let plus = g.softplus(x[0])?;
            let gate = g.tanh(plus)?;
            g.mul(x[0], gate)
        })
    }
}
