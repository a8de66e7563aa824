//! The derivative of each function of one operand, itself a graph.

use crate::error::Result;
use crate::graph::{Fn1, Graph, NodeId};

/// `f'(x)`, where `y = f(x)` may be used; None where it is zero wherever it exists. At kinks (`abs` at 0): 0.
pub fn derivative(f: Fn1, g: &mut Graph, x: NodeId, y: NodeId) -> Result<Option<NodeId>> {
    let slope = match f {
        Fn1::Neg => g.scalar_like(x, -1.0)?,
        Fn1::Abs => g.sign(x)?,
        Fn1::Exp => y,
        Fn1::Expm1 => g.exp(x)?,
        Fn1::Log => reciprocal(g, x)?,
        Fn1::Log1p => one_plus(g, x).and_then(|d| reciprocal(g, d))?,
        Fn1::Sqrt => reciprocal(g, y).and_then(|r| scaled(g, 0.5, r))?,
        Fn1::Rsqrt => cube(g, y).and_then(|c| scaled(g, -0.5, c))?,
        Fn1::Sin => g.cos(x)?,
        Fn1::Cos => g.sin(x).and_then(|s| g.neg(s))?,
        Fn1::Tan => square(g, y).and_then(|s| one_plus(g, s))?,
        Fn1::Asin => one_minus_square(g, x).and_then(|d| g.rsqrt(d))?,
        Fn1::Acos => one_minus_square(g, x).and_then(|d| g.rsqrt(d)).and_then(|r| g.neg(r))?,
        Fn1::Atan => square(g, x).and_then(|s| one_plus(g, s)).and_then(|d| reciprocal(g, d))?,
        Fn1::Sinh => g.cosh(x)?,
        Fn1::Cosh => g.sinh(x)?,
        Fn1::Tanh => one_minus_square(g, y)?,
        Fn1::Erf => bell(g, x).and_then(|b| scaled(g, std::f64::consts::FRAC_2_SQRT_PI, b))?,
        Fn1::Erfc => bell(g, x).and_then(|b| scaled(g, -std::f64::consts::FRAC_2_SQRT_PI, b))?,
        Fn1::Erfcx => {
            let (double, edge) = (g.add(x, x)?, g.scalar_like(x, std::f64::consts::FRAC_2_SQRT_PI)?);
            g.mul(double, y).and_then(|p| g.sub(p, edge))?
        }
        Fn1::I0e => g.sign(x).and_then(|s| g.mul(s, y)).and_then(|p| g.i1e(x).and_then(|i| g.sub(i, p)))?,
        Fn1::I1e => {
            let (lower, sign) = (g.i0e(x)?, g.sign(x)?);
            let scaled = g.mul(sign, y)?;
            let slope = order_one(g, lower, y, x)?;
            g.sub(slope, scaled)?
        }
        Fn1::K0e => g.k1e(x).and_then(|k| g.sub(y, k))?,
        Fn1::K1e => {
            let lower = g.k0e(x)?;
            let (gap, ratio) = (g.sub(y, lower)?, g.div(y, x)?);
            g.sub(gap, ratio)?
        }
        Fn1::J0 => g.j1(x).and_then(|s| g.neg(s))?,
        Fn1::J1 => g.j0(x).and_then(|lower| order_one(g, lower, y, x))?,
        Fn1::Y0 => g.y1(x).and_then(|s| g.neg(s))?,
        Fn1::Y1 => g.y0(x).and_then(|lower| order_one(g, lower, y, x))?,
        Fn1::Lgamma => g.digamma(x)?,
        Fn1::Digamma => g.trigamma(x)?,
        Fn1::Sign | Fn1::Floor | Fn1::Ceil | Fn1::Round | Fn1::Trunc => return Ok(None),
        Fn1::Not | Fn1::IsNan | Fn1::IsFinite => return Ok(None),
    };
    Ok(Some(slope))
}

fn scaled(g: &mut Graph, factor: f64, x: NodeId) -> Result<NodeId> {
    let factor = g.scalar_like(x, factor)?;
    g.mul(factor, x)
}

fn reciprocal(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let one = g.scalar_like(x, 1.0)?;
    g.div(one, x)
}

fn one_plus(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let one = g.scalar_like(x, 1.0)?;
    g.add(one, x)
}

fn square(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    g.mul(x, x)
}

fn cube(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let square = square(g, x)?;
    g.mul(square, x)
}

fn one_minus_square(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (one, square) = (g.scalar_like(x, 1.0)?, square(g, x)?);
    g.sub(one, square)
}

/// `exp(-x^2)`.
fn bell(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let square = square(g, x)?;
    let exponent = g.neg(square)?;
    g.exp(exponent)
}

/// `lower - y / x`, the recurrence of order 1; 1/2 at 0, where that is the limit.
fn order_one(g: &mut Graph, lower: NodeId, y: NodeId, x: NodeId) -> Result<NodeId> {
    let (zero, one, half) = (g.scalar_like(x, 0.0)?, g.scalar_like(x, 1.0)?, g.scalar_like(x, 0.5)?);
    let at_zero = g.eq(x, zero)?;
    let held = g.select(at_zero, one, x)?;
    let ratio = g.div(y, held)?;
    let slope = g.sub(lower, ratio)?;
    g.select(at_zero, half, slope)
}
