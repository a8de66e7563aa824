//! Elementwise operators that are several of ours.

use gradframe_ml_core::graph::Fn1;
use gradframe_ml_core::{DType, Graph, NodeId, Result};

use super::arguments::{Argument, Arguments};
use super::pointwise::{folded, node_or_number};

/// An operator of one tensor.
pub fn unary(op: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Option<Result<NodeId>> {
    let number = |place: usize, name: &str, default: f64| a.get(place, name).number().unwrap_or(default);
    Some(match op {
        "acosh" => inverse_hyperbolic(g, x, -1.0),
        "asinh" => asinh(g, x),
        "atanh" => atanh(g, x),
        "isinf" => isinf(g, x),
        "isreal" => g.eq(x, x).and_then(|same| g.or(same, same)).and_then(|same| g.not(same)).and_then(|n| g.not(n)),
        "logit" if a.places() == 1 && a.named("eps").is_none() => logit(g, x),
        "nn.functional.hardsigmoid" => hard_sigmoid(g, x),
        "nn.functional.hardswish" => hard_sigmoid(g, x).and_then(|gate| g.mul(x, gate)),
        "nn.functional.selu" => selu(g, x),
        "nn.functional.celu" => celu(g, x, number(1, "alpha", 1.0)),
        "nn.functional.softplus" => softplus(g, x, number(1, "beta", 1.0), number(2, "threshold", 20.0)),
        "nn.functional.softshrink" => shrink(g, x, number(1, "lambd", 0.5), true),
        "nn.functional.hardshrink" => shrink(g, x, number(1, "lambd", 0.5), false),
        "nn.functional.threshold" => threshold(g, x, number(1, "threshold", 0.0), number(2, "value", 0.0)),
        "nn.functional.glu" => glu(g, x, a.get(1, "dim").integer().unwrap_or(-1)),
        "nan_to_num" if a.places() == 1 && a.names_are(&[]) => nan_to_num(g, x),
        "signbit" => signbit(g, x),
        "special.entr" => entropy(g, x),
        "special.ndtr" => ndtr(g, x),
        "sinc" => sinc(g, x),
        "clamp" => clamp(g, a, x)?,
        "norm" | "norm.fro" if a.places() == 1 && a.names_are(&[]) => {
            g.mul(x, x).and_then(|s| g.sum_all(s)).and_then(|s| g.sqrt(s))
        }
        _ => return None,
    })
}

/// An operator of two tensors, or of a tensor and a number.
pub fn binary(op: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Option<Result<NodeId>> {
    let y = node_or_number(g, &a.get(1, "other"), x)?.ok()?;
    if g.ty(x).dtype != g.ty(y).dtype {
        return None;
    }
    Some(match op {
        "clamp_min" => clip(g, x, Some(y), None),
        "clamp_max" => clip(g, x, None, Some(y)),
        "remainder" => remainder(g, x, y),
        "__rmod__" => remainder(g, y, x),
        "xlogy" | "special.xlog1py" => product_of_log(g, x, y, op == "xlogy"),
        "fmax" | "fmin" => beside_nan(g, x, y, op == "fmax"),
        "copysign" => copysign(g, x, y),
        "heaviside" => heaviside(g, x, y),
        "logaddexp" => logaddexp(g, x, y),
        "nn.functional.prelu" => prelu(g, x, y)?,
        "nn.functional.smooth_l1_loss" if a.named("beta").is_none() => g.huber(x, y, 1.0).and_then(|l| folded(g, l, a)),
        "nn.functional.soft_margin_loss" => soft_margin(g, x, y).and_then(|l| folded(g, l, a)),
        "nn.functional.poisson_nll_loss" if a.names_are(&["reduction"]) && a.places() == 2 => {
            poisson(g, x, y).and_then(|l| folded(g, l, a))
        }
        "dist" if a.places() == 2 => g.sub(x, y).and_then(|d| g.mul(d, d)).and_then(|s| g.sum_all(s)).and_then(|s| g.sqrt(s)),
        _ => return None,
    })
}

/// `log(x + sqrt(x^2 + shift))`.
fn inverse_hyperbolic(g: &mut Graph, x: NodeId, shift: f64) -> Result<NodeId> {
    let (square, shift) = (g.mul(x, x)?, g.scalar_like(x, shift)?);
    let inner = g.add(square, shift)?;
    let root = g.sqrt(inner)?;
    let sum = g.add(x, root)?;
    g.log(sum)
}

fn asinh(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let size = g.abs(x)?;
    let value = inverse_hyperbolic(g, size, 1.0)?;
    let (zero, negated) = (g.scalar_like(x, 0.0)?, g.neg(value)?);
    let below = g.lt(x, zero)?;
    g.select(below, negated, value)
}

fn atanh(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let negated = g.neg(x)?;
    let (above, below, half) = (g.log1p(x)?, g.log1p(negated)?, g.scalar_like(x, 0.5)?);
    let gap = g.sub(above, below)?;
    g.mul(half, gap)
}

fn isinf(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (size, infinite) = (g.abs(x)?, g.scalar_like(x, f64::INFINITY)?);
    g.eq(size, infinite)
}

fn logit(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let negated = g.neg(x)?;
    let (log, rest) = (g.log(x)?, g.log1p(negated)?);
    g.sub(log, rest)
}

/// Flat outside (-3, 3), and so without slope there.
fn hard_sigmoid(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (three, six, zero, one) =
        (g.scalar_like(x, 3.0)?, g.scalar_like(x, 6.0)?, g.scalar_like(x, 0.0)?, g.scalar_like(x, 1.0)?);
    let low = g.neg(three)?;
    let shifted = g.add(x, three)?;
    let inner = g.div(shifted, six)?;
    let (below, above) = (g.le(x, low)?, g.ge(x, three)?);
    let raised = g.select(below, zero, inner)?;
    g.select(above, one, raised)
}

fn selu(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let bent = g.elu(x, 1.673_263_242_354_377_2)?;
    let scale = g.scalar_like(x, 1.050_700_987_355_480_5)?;
    g.mul(bent, scale)
}

fn celu(g: &mut Graph, x: NodeId, alpha: f64) -> Result<NodeId> {
    let alpha_node = g.scalar_like(x, alpha)?;
    let scaled = g.div(x, alpha_node)?;
    let bent = g.elu(scaled, 1.0)?;
    g.mul(bent, alpha_node)
}

fn softplus(g: &mut Graph, x: NodeId, beta: f64, threshold: f64) -> Result<NodeId> {
    let (beta, threshold) = (g.scalar_like(x, beta)?, g.scalar_like(x, threshold)?);
    let scaled = g.mul(x, beta)?;
    let plus = g.softplus(scaled)?;
    let (bent, straight) = (g.div(plus, beta)?, g.gt(scaled, threshold)?);
    g.select(straight, x, bent)
}

fn shrink(g: &mut Graph, x: NodeId, lambda: f64, soft: bool) -> Result<NodeId> {
    let (zero, edge) = (g.scalar_like(x, 0.0)?, g.scalar_like(x, lambda)?);
    let (size, sign) = (g.abs(x)?, g.sign(x)?);
    let held = g.stop_gradient(sign)?;
    let shift = g.mul(held, edge)?;
    let moved = if soft { g.sub(x, shift)? } else { x };
    let outside = g.gt(size, edge)?;
    g.select(outside, moved, zero)
}

fn threshold(g: &mut Graph, x: NodeId, edge: f64, value: f64) -> Result<NodeId> {
    let (edge, value) = (g.scalar_like(x, edge)?, g.scalar_like(x, value)?);
    let above = g.gt(x, edge)?;
    g.select(above, x, value)
}

fn glu(g: &mut Graph, x: NodeId, dim: i64) -> Result<NodeId> {
    let shape = g.ty(x).shape.clone();
    let axis = super::arguments::axis(dim, shape.rank()).unwrap_or(0);
    let n = shape.dims()[axis].as_fixed().unwrap_or(0);
    let (value, gate) = (g.slice_axis(x, axis, 0, (n / 2).into())?, g.slice_axis(x, axis, n / 2, n.into())?);
    let gate = g.sigmoid(gate)?;
    g.mul(value, gate)
}

fn nan_to_num(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (zero, most, least) = (g.scalar_like(x, 0.0)?, g.scalar_like(x, f64::MAX)?, g.scalar_like(x, f64::MIN)?);
    let (nan, infinite) = (g.map1(Fn1::IsNan, x)?, isinf(g, x)?);
    let below = g.lt(x, zero)?;
    let end = g.select(below, least, most)?;
    let held = g.select(infinite, end, x)?;
    g.select(nan, zero, held)
}

fn signbit(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let bits = g.bitcast(x, DType::I64)?;
    let zero = g.scalar(DType::I64, 0.0)?;
    g.lt(bits, zero)
}

/// `-x log x`, 0 at 0 and minus infinity below.
fn entropy(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (zero, low) = (g.scalar_like(x, 0.0)?, g.scalar_like(x, f64::NEG_INFINITY)?);
    let log = g.log(x)?;
    let product = g.mul(x, log)?;
    let negated = g.neg(product)?;
    let (at_zero, below) = (g.eq(x, zero)?, g.lt(x, zero)?);
    let inside = g.select(at_zero, zero, negated)?;
    g.select(below, low, inside)
}

fn ndtr(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (scale, half) = (g.scalar_like(x, -std::f64::consts::FRAC_1_SQRT_2)?, g.scalar_like(x, 0.5)?);
    let scaled = g.mul(x, scale)?;
    let tail = g.erfc(scaled)?;
    g.mul(half, tail)
}

fn sinc(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (pi, zero, one) = (g.scalar_like(x, std::f64::consts::PI)?, g.scalar_like(x, 0.0)?, g.scalar_like(x, 1.0)?);
    let angle = g.mul(x, pi)?;
    let at_zero = g.eq(angle, zero)?;
    let held = g.select(at_zero, one, angle)?;
    let sine = g.sin(held)?;
    let ratio = g.div(sine, held)?;
    g.select(at_zero, one, ratio)
}

fn clamp(g: &mut Graph, a: &Arguments, x: NodeId) -> Option<Result<NodeId>> {
    let mut bound = |argument: Argument| match argument {
        Argument::None => Some(None),
        other => node_or_number(g, &other, x)?.ok().map(Some),
    };
    let (low, high) = (bound(a.get(1, "min"))?, bound(a.get(2, "max"))?);
    Some(clip(g, x, low, high))
}

/// The slope goes to x where it is inside, ends kept, else to the bound.
fn clip(g: &mut Graph, x: NodeId, low: Option<NodeId>, high: Option<NodeId>) -> Result<NodeId> {
    let raised = match low {
        Some(low) => {
            let below = g.lt(x, low)?;
            g.select(below, low, x)?
        }
        None => x,
    };
    match high {
        Some(high) => {
            let above = g.gt(raised, high)?;
            g.select(above, high, raised)
        }
        None => Ok(raised),
    }
}

/// With the sign of the divisor.
fn remainder(g: &mut Graph, x: NodeId, y: NodeId) -> Result<NodeId> {
    let quotient = g.div(x, y)?;
    let floor = g.floor(quotient)?;
    let part = g.mul(floor, y)?;
    g.sub(x, part)
}

/// `x log y` or `x log(1 + y)`; 0 where x is 0, unless y is NaN.
fn product_of_log(g: &mut Graph, x: NodeId, y: NodeId, plain: bool) -> Result<NodeId> {
    let log = if plain { g.log(y)? } else { g.log1p(y)? };
    let (product, zero) = (g.mul(x, log)?, g.scalar_like(x, 0.0)?);
    let (nothing, nan) = (g.eq(x, zero)?, g.map1(Fn1::IsNan, y)?);
    let there = g.not(nan)?;
    let silent = g.and(nothing, there)?;
    g.select(silent, zero, product)
}

/// The larger or smaller; the other one where one is NaN.
fn beside_nan(g: &mut Graph, x: NodeId, y: NodeId, larger: bool) -> Result<NodeId> {
    let (x_nan, y_nan) = (g.map1(Fn1::IsNan, x)?, g.map1(Fn1::IsNan, y)?);
    let chosen = if larger { g.ge(x, y)? } else { g.le(x, y)? };
    let first = g.or(chosen, y_nan)?;
    let picked = g.select(first, x, y)?;
    g.select(x_nan, y, picked)
}

fn copysign(g: &mut Graph, x: NodeId, y: NodeId) -> Result<NodeId> {
    let (size, held) = (g.abs(x)?, g.stop_gradient(y)?);
    let (negative, negated) = (signbit(g, held)?, g.neg(size)?);
    g.select(negative, negated, size)
}

fn heaviside(g: &mut Graph, x: NodeId, y: NodeId) -> Result<NodeId> {
    let (zero, one) = (g.scalar_like(x, 0.0)?, g.scalar_like(x, 1.0)?);
    let (at_zero, below) = (g.eq(x, zero)?, g.lt(x, zero)?);
    let step = g.select(below, zero, one)?;
    g.select(at_zero, y, step)
}

fn logaddexp(g: &mut Graph, x: NodeId, y: NodeId) -> Result<NodeId> {
    let pair = g.sub(y, x)?;
    let plus = g.softplus(pair)?;
    g.add(x, plus)
}

/// The weight lies along axis 1.
fn prelu(g: &mut Graph, x: NodeId, weight: NodeId) -> Option<Result<NodeId>> {
    let rank = g.ty(x).shape.rank();
    let count = g.ty(weight).shape.as_fixed()?.iter().product::<usize>();
    Some((|| {
        let mut sizes = vec![1; rank];
        if count > 1 {
            sizes[1] = count;
        }
        let weight = g.reshape(weight, &gradframe_ml_core::Shape::fixed(&sizes))?;
        let (zero, low) = (g.scalar_like(x, 0.0)?, g.mul(weight, x)?);
        let above = g.gt(x, zero)?;
        g.select(above, x, low)
    })())
}

fn soft_margin(g: &mut Graph, x: NodeId, y: NodeId) -> Result<NodeId> {
    let product = g.mul(x, y)?;
    let negated = g.neg(product)?;
    g.softplus(negated)
}

fn poisson(g: &mut Graph, x: NodeId, y: NodeId) -> Result<NodeId> {
    let (exp, product) = (g.exp(x)?, g.mul(y, x)?);
    g.sub(exp, product)
}
