//! Named composites: `Call`s whose bodies say what they mean, in a numerically stable form.

mod activations;
mod attention;
mod attention_heads;
mod attention_texts;
mod conv_transpose;
mod dropout;
mod einsum;
mod elementary;
mod inverse;
mod linalg;
mod losses;
mod matrices;
mod matrix_functions;
mod norms;
mod padding;
mod places;
mod recurrent;
mod resample;
#[cfg(test)]
pub mod rows;
mod scattering;
mod special;
mod windows;

pub use attention::Attention;
pub use linalg::LuParts;
pub use matrix_functions::MatrixNorm;
pub use padding::Padding;
pub use places::{Picking, PlaceRange};
pub use recurrent::CellWeights;
pub use resample::Interpolation;
pub use windows::Window;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Type};
use crate::shape::{Dim, Shape};

impl Graph {
    /// `1 / (1 + e^-x)`: no overflow for large |x|.
    pub fn sigmoid(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("sigmoid", &[x], |g, x| {
            let half = g.scalar_like(x[0], 0.5)?;
            let scaled = g.mul(half, x[0])?;
            let tanh = g.tanh(scaled)?;
            let halved = g.mul(half, tanh)?;
            g.add(half, halved)
        })
    }

    /// `log(1 + e^x) = max(x, 0) + log1p(e^-|x|)`, whose two parts take one side of 0 there, so that derivatives of every order are right.
    pub fn softplus(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("softplus", &[x], |g, x| {
            let (zero, negated) = (g.scalar_like(x[0], 0.0)?, g.neg(x[0])?);
            let positive = g.gt(x[0], zero)?;
            let (top, exponent) = (g.select(positive, x[0], zero)?, g.select(positive, negated, x[0])?);
            let exp = g.exp(exponent)?;
            let rest = g.log1p(exp)?;
            g.add(top, rest)
        })
    }

    /// `log(sigmoid(x)) = -softplus(-x)`.
    pub fn log_sigmoid(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("log_sigmoid", &[x], |g, x| {
            let negated = g.neg(x[0])?;
            let plus = g.softplus(negated)?;
            g.neg(plus)
        })
    }

    /// Whether x is below 0, and its size, whose derivative at 0 is 1: what is even in the size has the right ones of every order.
    fn below_and_size(&mut self, x: NodeId) -> Result<(NodeId, NodeId)> {
        let (zero, negated) = (self.scalar_like(x, 0.0)?, self.neg(x)?);
        let below = self.lt(x, zero)?;
        Ok((below, self.select(below, negated, x)?))
    }

    /// `x` where it is positive, else 0; its derivative at 0 is 0. NaN stays NaN.
    pub fn relu(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("relu", &[x], |g, x| {
            let zero = g.scalar_like(x[0], 0.0)?;
            let off = g.le(x[0], zero)?;
            g.select(off, zero, x[0])
        })
    }

    /// Softmax over `axis`: `y_i = exp(x_i - max x) / sum_j exp(x_j - max x)`.
    /// Errors: `Shape` if `axis` >= rank. Source: Blanchard, Higham and Higham 2021, shifted form.
    pub fn softmax(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.softmax_over(x, axis, |_, total| Ok(total))
    }

    /// As [`Graph::softmax`], but zeros, not NaN, where all along the axis is -inf.
    fn softmax_or_zeros(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.softmax_over(x, axis, |g, total| {
            let (zero, one) = (g.scalar_like(total, 0.0)?, g.scalar_like(total, 1.0)?);
            let is_none = g.eq(total, zero)?;
            g.select(is_none, one, total)
        })
    }

    fn softmax_over(
        &mut self,
        x: NodeId,
        axis: usize,
        divisor: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId>,
    ) -> Result<NodeId> {
        let body = |g: &mut Graph, x: &[NodeId]| {
            let shifted = g.below_max(x[0], axis)?;
            let exp = g.exp(shifted)?;
            let total = g.sum_keep(exp, &[axis])?;
            let divisor = divisor(g, total)?;
            g.div(exp, divisor)
        };
        // y (t - sum y t): the quotient's own derivative divides each element twice more.
        let tangent = |g: &mut Graph, _: &[NodeId], y: NodeId, t: &[NodeId]| {
            let product = g.mul(y, t[0])?;
            let total = g.sum_keep(product, &[axis])?;
            let negated = g.neg(total)?; // a number of the row: a difference would be turned back element by element
            let centred = g.add(t[0], negated)?;
            g.mul(y, centred)
        };
        self.call_with_tangent("softmax", &[x], body, tangent)
    }

    /// The logarithm of `softmax`: `x_i - max x - log sum_j exp(x_j - max x)`. Errors: `Shape` if `axis` >= rank.
    pub fn log_softmax(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.call("log_softmax", &[x], |g, x| {
            let shifted = g.below_max(x[0], axis)?;
            let exp = g.exp(shifted)?;
            let total = g.sum_keep(exp, &[axis])?;
            let log = g.log(total)?;
            g.sub(shifted, log)
        })
    }

    /// `log sum_j exp(x_j)` over `axis`, which goes away: `max x + log sum_j exp(x_j - max x)`.
    /// Errors: `Shape` if `axis` >= rank.
    pub fn logsumexp(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        self.call("logsumexp", &[x], |g, x| {
            let top = g.finite_max(x[0], axis)?;
            let shifted = g.sub(x[0], top)?;
            let exp = g.exp(shifted)?;
            let total = g.sum(exp, &[axis])?;
            let log = g.log(total)?;
            let shape = g.ty(log).shape.clone();
            let top = g.reshape(top, &shape)?;
            g.add(log, top)
        })
    }

    /// 1 at each index (i32 or i64, shape I) along a new last axis of size `classes`, else 0: I -> [I.., classes].
    /// An index outside 0..classes gives a row of zeros.
    pub fn one_hot(&mut self, indices: NodeId, classes: &Dim, dtype: DType) -> Result<NodeId> {
        if !self.ty(indices).dtype.is_integer() {
            return Err(Error::dtype("one_hot", format!("expected indices of an integer type, got {}", self.ty(indices).dtype)));
        }
        let classes = classes.clone();
        self.call("one_hot", &[indices], move |g, x| {
            let Type { dtype: own, shape } = g.ty(x[0]).clone();
            let column = g.insert_axis(x[0], shape.rank())?;
            let numbers = g.iota(own, &Shape::new([classes]), 0)?;
            let hit = g.eq(column, numbers)?;
            g.cast(hit, dtype)
        })
    }

    /// The second derivative of `lgamma`. Twelve steps of the recurrence carry x to where the asymptotic series holds;
    /// below 1/2 by reflection. Source: Abramowitz and Stegun 6.4.6, 6.4.7, 6.4.12.
    pub fn trigamma(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("trigamma", &[x], |g, x| {
            let (half, one) = (g.scalar_like(x[0], 0.5)?, g.scalar_like(x[0], 1.0)?);
            let low = g.lt(x[0], half)?;
            let mirrored = g.sub(one, x[0])?;
            let z = g.select(low, mirrored, x[0])?;
            let value = g.trigamma_above_half(z)?;
            let pi = g.scalar_like(x[0], std::f64::consts::PI)?;
            let angle = g.mul(pi, x[0])?;
            let sine = g.sin(angle)?;
            let ratio = g.div(pi, sine)?;
            let square = g.mul(ratio, ratio)?;
            let reflected = g.sub(square, value)?;
            g.select(low, reflected, value)
        })
    }

    /// `x - max x` over `axis`. The shift is a constant for derivatives: they do not depend on it.
    fn below_max(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        let top = self.finite_max(x, axis)?;
        self.sub(x, top)
    }

    /// The largest along `axis`, kept as size 1; 0 where that is infinite, so that no infinity is subtracted from itself.
    fn finite_max(&mut self, x: NodeId, axis: usize) -> Result<NodeId> {
        let top = self.max_keep(x, &[axis])?;
        let held = self.stop_gradient(top)?;
        let (finite, zero) = (self.isfinite(held)?, self.scalar_like(x, 0.0)?);
        self.select(finite, held, zero)
    }

    fn trigamma_above_half(&mut self, mut z: NodeId) -> Result<NodeId> {
        const STEPS: usize = 12;
        let one = self.scalar_like(z, 1.0)?;
        let mut total = self.full_like(z, 0.0)?;
        for _ in 0..STEPS {
            let square = self.mul(z, z)?;
            let term = self.div(one, square)?;
            total = self.add(total, term)?;
            z = self.add(z, one)?;
        }
        let tail = self.trigamma_series(z)?;
        self.add(total, tail)
    }

    /// `1/z + 1/(2 z^2) + sum_k B_2k / z^(2k+1)`, for z > 12.
    fn trigamma_series(&mut self, z: NodeId) -> Result<NodeId> {
        const BERNOULLI: [f64; 6] = [1.0 / 6.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 5.0 / 66.0, -691.0 / 2730.0];
        let (one, half) = (self.scalar_like(z, 1.0)?, self.scalar_like(z, 0.5)?);
        let inverse = self.div(one, z)?;
        let square = self.mul(inverse, inverse)?;
        let mut sum = self.full_like(z, 0.0)?;
        for number in BERNOULLI.iter().rev() {
            let number = self.scalar_like(z, *number)?;
            let inner = self.mul(sum, square)?;
            sum = self.add(inner, number)?;
        }
        let series = self.mul(sum, square)?; // B_2 / z^2 + B_4 / z^4 ...
        let first = self.mul(half, inverse)?;
        let bracket = self.add(series, first)?;
        let whole = self.add(bracket, one)?;
        self.mul(whole, inverse)
    }
}
