//! The gamma distribution, and those made of it.

use super::{normal, nth, split, uniform_open};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::shape::{Dim, Shape};

/// Proposals a number: each is taken with probability above 0.95, so that one in 10^10 takes the last one unasked.
const PROPOSALS: usize = 8;

/// Gamma distributed numbers of shape `alpha` > 0 (which broadcasts to `shape`) and scale 1; NaN for other `alpha`.
/// No gradient flows to `alpha`. Errors: `DType` unless `alpha` is f32 or f64; `Shape` if it does not broadcast.
/// Source: Marsaglia and Tsang 2000; below 1 by a power of a uniform number.
pub fn gamma(g: &mut Graph, key: NodeId, alpha: NodeId, shape: &Shape) -> Result<NodeId> {
    let dtype = g.ty(alpha).dtype;
    let alpha = g.broadcast_to(alpha, shape)?;
    let alpha = g.stop_gradient(alpha)?;
    let keys = split(g, key, &Dim::fixed(2 * PROPOSALS + 1))?;
    let one = g.scalar(dtype, 1.0)?;
    let (small, raised) = (g.lt(alpha, one)?, g.add(alpha, one)?);
    let order = g.select(small, raised, alpha)?;
    let d = g.plus_number(order, -1.0 / 3.0)?;
    let nine = g.scaled_by(d, 9.0)?;
    let c = g.rsqrt(nine)?;
    let mut taken = d; // replaced by the first proposal that is accepted
    let mut open = g.eq(d, d)?;
    for n in 0..PROPOSALS {
        let (first, second) = (nth(g, keys, 2 * n)?, nth(g, keys, 2 * n + 1)?);
        let (x, u) = (normal(g, first, dtype, shape)?, uniform_open(g, second, dtype, shape)?);
        let (value, accepted) = proposal(g, (d, c), x, u)?;
        let now = g.and(open, accepted)?;
        taken = g.select(now, value, taken)?;
        let refused = g.not(accepted)?;
        open = g.and(open, refused)?;
    }
    let last = nth(g, keys, 2 * PROPOSALS)?;
    let u = uniform_open(g, last, dtype, shape)?;
    let exponent = g.reciprocal(alpha)?;
    let power = g.pow(u, exponent)?;
    let factor = g.select(small, power, one)?;
    g.mul(taken, factor)
}

/// `d v` with v = (1 + c x)^3, taken if v > 0 and log u < x^2 / 2 + d - d v + d log v.
fn proposal(g: &mut Graph, (d, c): (NodeId, NodeId), x: NodeId, u: NodeId) -> Result<(NodeId, NodeId)> {
    let (zero, one) = (g.scalar_like(x, 0.0)?, g.scalar_like(x, 1.0)?);
    let scaled = g.mul(c, x)?;
    let base = g.add(one, scaled)?;
    let square = g.square(base)?;
    let v = g.mul(square, base)?;
    let positive = g.gt(v, zero)?;
    let held = g.select(positive, v, one)?;
    let (value, log, square) = (g.mul(d, held)?, g.log(held)?, g.square(x)?);
    let (half, weighted) = (g.scaled_by(square, 0.5)?, g.mul(d, log)?);
    let (start, rest) = (g.add(half, d)?, g.sub(weighted, value)?);
    let (bound, chance) = (g.add(start, rest)?, g.log(u)?);
    let below = g.lt(chance, bound)?;
    Ok((value, g.and(positive, below)?))
}

/// Beta distributed numbers in (0, 1) of shapes `a` and `b` > 0, which broadcast to `shape`. Errors: as for [`gamma`].
pub fn beta(g: &mut Graph, key: NodeId, a: NodeId, b: NodeId, shape: &Shape) -> Result<NodeId> {
    let (first, second) = super::pair(g, key)?;
    let (x, y) = (gamma(g, first, a, shape)?, gamma(g, second, b, shape)?);
    let sum = g.add(x, y)?;
    g.div(x, sum)
}

/// Numbers that sum to 1 along the last axis, distributed by Dirichlet with concentrations `alpha` [.., K] > 0: [.., K].
/// Errors: `Shape` for a single number; otherwise as for [`gamma`].
pub fn dirichlet(g: &mut Graph, key: NodeId, alpha: NodeId) -> Result<NodeId> {
    let shape = g.ty(alpha).shape.clone();
    let last = shape.rank().checked_sub(1);
    let last = last.ok_or_else(|| Error::shape("dirichlet", "expected concentrations [.., K], got a single number"))?;
    let parts = gamma(g, key, alpha, &shape)?;
    let total = g.sum_keep(parts, &[last])?;
    g.div(parts, total)
}
