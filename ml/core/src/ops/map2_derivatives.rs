//! The tangent of each function of two operands, itself a graph.

use super::add_tangents;
use crate::error::{Error, Result};
use crate::graph::{Fn2, Graph, NodeId};

/// The tangent at `(a, b)`, where `y = f(a, b)`, for the operands' tangents (None: zero).
/// Where `max` and `min` tie, both sides get half.
pub fn tangent(
    f: Fn2,
    g: &mut Graph,
    (a, b, y): (NodeId, NodeId, NodeId),
    (ta, tb): (Option<NodeId>, Option<NodeId>),
) -> Result<Option<NodeId>> {
    let (from_a, from_b) = match f {
        Fn2::Add => (ta, tb),
        Fn2::Sub => return difference(g, ta, tb),
        Fn2::Mul => (scaled(g, ta, |_| Ok(b))?, scaled(g, tb, |_| Ok(a))?),
        Fn2::Div => {
            let along_b = scaled(g, tb, |g| g.div(y, b))?;
            return over(g, ta, b).and_then(|along_a| difference(g, along_a, along_b));
        }
        Fn2::Rem => {
            let along_b = scaled(g, tb, |g| g.div(a, b).and_then(|q| g.trunc(q)))?;
            return difference(g, ta, along_b);
        }
        Fn2::Pow => (scaled(g, ta, |g| pow_by_base(g, a, b))?, scaled(g, tb, |g| pow_by_exponent(g, (a, b), y))?),
        Fn2::Atan2 => {
            let (along_a, along_b) = (scaled(g, ta, |g| over_norm(g, b, a, b))?, scaled(g, tb, |g| over_norm(g, a, a, b))?);
            return difference(g, along_a, along_b);
        }
        Fn2::Max => (scaled(g, ta, |g| share(g, Fn2::Gt, a, b))?, scaled(g, tb, |g| share(g, Fn2::Gt, b, a))?),
        Fn2::Min => (scaled(g, ta, |g| share(g, Fn2::Lt, a, b))?, scaled(g, tb, |g| share(g, Fn2::Lt, b, a))?),
        Fn2::Zeta => (refused(f, ta)?, scaled(g, tb, |g| zeta_by_place(g, a, b))?),
        Fn2::Igamma => (refused(f, ta)?, scaled(g, tb, |g| gamma_density(g, a, b))?),
        Fn2::Igammac => {
            let density = scaled(g, tb, |g| gamma_density(g, a, b))?;
            return difference(g, refused(f, ta)?, density);
        }
        Fn2::Gcd => return Ok(None),
        Fn2::Eq | Fn2::Ne | Fn2::Lt | Fn2::Le | Fn2::Gt | Fn2::Ge => return Ok(None),
        Fn2::And | Fn2::Or | Fn2::Xor | Fn2::Shl | Fn2::Shr => return Ok(None),
    };
    add_tangents(g, from_a, from_b)
}

/// The tangent times a slope, which is only built where the tangent is not zero.
fn scaled(g: &mut Graph, tangent: Option<NodeId>, slope: impl FnOnce(&mut Graph) -> Result<NodeId>) -> Result<Option<NodeId>> {
    let Some(t) = tangent else { return Ok(None) };
    let slope = slope(g)?;
    g.mul(t, slope).map(Some)
}

fn over(g: &mut Graph, tangent: Option<NodeId>, divisor: NodeId) -> Result<Option<NodeId>> {
    tangent.map(|t| g.div(t, divisor)).transpose()
}

fn difference(g: &mut Graph, a: Option<NodeId>, b: Option<NodeId>) -> Result<Option<NodeId>> {
    match (a, b) {
        (Some(a), Some(b)) => g.sub(a, b).map(Some),
        (None, Some(b)) => g.neg(b).map(Some),
        (a, None) => Ok(a),
    }
}

/// `b a^(b-1)`, and 0 where b is 0, whatever a is.
fn pow_by_base(g: &mut Graph, a: NodeId, b: NodeId) -> Result<NodeId> {
    let (zero, one) = (g.scalar_like(b, 0.0)?, g.scalar_like(b, 1.0)?);
    let constant = g.eq(b, zero)?;
    let (base, exponent) = (g.select(constant, one, a)?, g.sub(b, one)?);
    let power = g.pow(base, exponent)?;
    g.mul(b, power)
}

/// `a^b log a`, and 0 at a = 0, where the limit is, unless b is negative.
fn pow_by_exponent(g: &mut Graph, (a, b): (NodeId, NodeId), y: NodeId) -> Result<NodeId> {
    let (zero, one) = (g.scalar_like(a, 0.0)?, g.scalar_like(a, 1.0)?);
    let (at_zero, grows) = (g.eq(a, zero)?, g.ge(b, zero)?);
    let is_flat = g.and(at_zero, grows)?;
    let base = g.select(is_flat, one, a)?;
    let log = g.log(base)?;
    g.mul(y, log)
}

/// `x / (a^2 + b^2)`.
fn over_norm(g: &mut Graph, x: NodeId, a: NodeId, b: NodeId) -> Result<NodeId> {
    let (aa, bb) = (g.mul(a, a)?, g.mul(b, b)?);
    let norm = g.add(aa, bb)?;
    g.div(x, norm)
}

/// 1 where `a` wins, 1/2 where both are equal, else 0.
fn share(g: &mut Graph, wins: Fn2, a: NodeId, b: NodeId) -> Result<NodeId> {
    let (one, half, zero) = (g.scalar_like(a, 1.0)?, g.scalar_like(a, 0.5)?, g.scalar_like(a, 0.0)?);
    let (won, tied) = (g.map2(wins, a, b)?, g.eq(a, b)?);
    let otherwise = g.select(tied, half, zero)?;
    g.select(won, one, otherwise)
}

/// None, if the operand has no tangent. Errors: `NotImplemented` if it has one.
fn refused(f: Fn2, tangent: Option<NodeId>) -> Result<Option<NodeId>> {
    match tangent {
        None => Ok(None),
        Some(_) => Err(Error::not_implemented(f.name(), "has no derivative in its first operand")
            .hint("hold it constant with stop_gradient")),
    }
}

/// `-s zeta(s + 1, q)`.
fn zeta_by_place(g: &mut Graph, s: NodeId, q: NodeId) -> Result<NodeId> {
    let one = g.scalar_like(s, 1.0)?;
    let next = g.add(s, one)?;
    let (value, factor) = (g.zeta(next, q)?, g.neg(s)?);
    g.mul(factor, value)
}

/// `x^(a-1) e^-x / gamma(a)`.
fn gamma_density(g: &mut Graph, a: NodeId, x: NodeId) -> Result<NodeId> {
    let one = g.scalar_like(a, 1.0)?;
    let (less, log, norm) = (g.sub(a, one)?, g.log(x)?, g.lgamma(a)?);
    let growth = g.mul(less, log)?;
    let decay = g.sub(growth, x)?;
    let exponent = g.sub(decay, norm)?;
    g.exp(exponent)
}
