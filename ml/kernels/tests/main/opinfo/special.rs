//! Special functions.

use gradframe_ml_core::graph::Fn1;
use gradframe_ml_core::{DType, Graph, NodeId, Result};

use super::arguments::{Arguments, unknown};

/// The counterpart of a special function.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Result<Vec<NodeId>> {
    let x = a.tensor(0, "")?;
    let name = op.strip_prefix("special.").unwrap_or(op);
    if let Some(f) = of_one(name) {
        return g.map1(f, x).map(|n| vec![n]);
    }
    if let Some(order) = polygamma_order(name) {
        // The sample's own first argument is not used: it is the order that the name says.
        let order = a.integer(1, "n", order)?;
        return g.polygamma(order as u32, x).map(|n| vec![n]);
    }
    if let Some(family) = name.split_once("_polynomial_") {
        return polynomial(family, g, x, a.tensor(1, "n")?).map(|n| vec![n]);
    }
    let value = match name {
        "i0" | "modified_bessel_i0" => g.i0(x)?,
        "i1" | "modified_bessel_i1" => g.i1(x)?,
        "modified_bessel_k0" => g.k0(x)?,
        "modified_bessel_k1" => g.k1(x)?,
        "spherical_bessel_j0" => g.spherical_j0(x)?,
        "log_ndtr" => g.log_ndtr(x)?,
        "ndtri" => g.ndtri(x)?,
        "zeta" => g.zeta(x, a.tensor(1, "other")?)?,
        "igamma" => g.igamma(x, a.tensor(1, "other")?)?,
        "igammac" => g.igammac(x, a.tensor(1, "other")?)?,
        "gcd" => g.gcd(x, a.tensor(1, "other")?)?,
        "lcm" => lcm(g, x, a.tensor(1, "other")?)?,
        "ldexp" => g.ldexp(x, a.tensor(1, "other")?)?,
        "frexp" => {
            let (mantissa, exponent) = g.frexp(x)?;
            return Ok(vec![mantissa, exponent]);
        }
        "isclose" => isclose(g, a, x)?,
        "allclose" => {
            let close = isclose(g, a, x)?;
            everywhere(g, close)?
        }
        "equal" => {
            let same = g.eq(x, a.tensor(1, "other")?)?;
            everywhere(g, same)?
        }
        "angle" => angle(g, x)?,
        _ if name.starts_with("mvlgamma") => g.multigammaln(x, a.integer(1, "p", 1)? as u32)?,
        _ => return Err(unknown()),
    };
    Ok(vec![value])
}

fn of_one(name: &str) -> Option<Fn1> {
    Some(match name {
        "i0e" => Fn1::I0e,
        "i1e" => Fn1::I1e,
        "scaled_modified_bessel_k0" => Fn1::K0e,
        "scaled_modified_bessel_k1" => Fn1::K1e,
        "bessel_j0" => Fn1::J0,
        "bessel_j1" => Fn1::J1,
        "bessel_y0" => Fn1::Y0,
        "bessel_y1" => Fn1::Y1,
        "erfcx" => Fn1::Erfcx,
        _ => return None,
    })
}

fn polygamma_order(name: &str) -> Option<i64> {
    let order = name.strip_prefix("polygamma.").and_then(|rest| rest.rsplit('_').next())?;
    order.parse().ok()
}

fn lcm(g: &mut Graph, x: NodeId, y: NodeId) -> Result<NodeId> {
    let (divisor, size) = (g.gcd(x, y)?, g.abs(y)?);
    let (quotient, size_of_x) = (g.div(size, divisor)?, g.abs(x)?);
    g.mul(size_of_x, quotient)
}

/// `|x - y| <= atol + rtol |y|`.
fn isclose(g: &mut Graph, a: &Arguments, x: NodeId) -> Result<NodeId> {
    let y = a.tensor(1, "other")?;
    let (rtol, atol) = (a.number(2, "rtol", 1e-5)?, a.number(3, "atol", 1e-8)?);
    let (gap, size) = (g.sub(x, y)?, g.abs(y)?);
    let (gap, scaled) = (g.abs(gap)?, g.scaled_by(size, rtol)?);
    let most = g.plus_number(scaled, atol)?;
    let (close, same) = (g.le(gap, most)?, g.eq(x, y)?);
    g.or(close, same)
}

fn everywhere(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let axes: Vec<usize> = (0..g.ty(x).shape.rank()).collect();
    g.all(x, &axes)
}

/// Pi for negative numbers, else 0, without slope.
fn angle(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (zero, pi) = (g.scalar_like(x, 0.0)?, g.scalar_like(x, std::f64::consts::PI)?);
    let (below, nan) = (g.lt(x, zero)?, g.isnan(x)?);
    let turned = g.select(below, pi, zero)?;
    g.select(nan, x, turned)
}

/// Orthogonal polynomials by their recurrence in the degree, which is an operand: degrees up to this one.
const DEGREE_MAX: usize = 20;

/// `p_n(x)` for n truncated; 0 for negative n, NaN beyond the largest degree.
fn polynomial((family, kind): (&str, &str), g: &mut Graph, x: NodeId, n: NodeId) -> Result<NodeId> {
    let shape = g.broadcast_shape("polynomial", &[x, n])?;
    let (x, n) = (g.broadcast_to(x, &shape)?, g.broadcast_to(n, &shape)?);
    let x = if family.starts_with("shifted") {
        let doubled = g.scaled_by(x, 2.0)?;
        g.plus_number(doubled, -1.0)?
    } else {
        x
    };
    let family = if kind == "he" { "hermite_e" } else { family };
    let degree = g.trunc(n)?;
    let double = g.scaled_by(x, 2.0)?;
    let (mut lower, mut value) = (g.full_like(x, 1.0)?, first(family, kind, g, x, double)?);
    let (zero, nan) = (g.full_like(x, 0.0)?, g.full_like(x, f64::NAN)?);
    let below = g.lt(degree, zero)?;
    let mut result = g.select(below, zero, nan)?;
    for k in 0..=DEGREE_MAX {
        let number = g.scalar(DType::F64, k as f64)?;
        let hit = g.eq(degree, number)?;
        result = g.select(hit, lower, result)?;
        let next = following(family, g, (x, double), (lower, value), (k + 1) as f64)?;
        (lower, value) = (value, next);
    }
    Ok(result)
}

/// `p_1`.
fn first(family: &str, kind: &str, g: &mut Graph, x: NodeId, double: NodeId) -> Result<NodeId> {
    match (family, kind) {
        ("chebyshev" | "shifted_chebyshev", "t") | ("legendre" | "hermite_e", _) => Ok(x),
        ("chebyshev" | "shifted_chebyshev", "u") | ("hermite", _) => Ok(double),
        ("chebyshev" | "shifted_chebyshev", "v") => g.plus_number(double, -1.0),
        ("chebyshev" | "shifted_chebyshev", "w") => g.plus_number(double, 1.0),
        ("laguerre", _) => {
            let negated = g.neg(x)?;
            g.plus_number(negated, 1.0)
        }
        _ => Err(unknown()),
    }
}

/// `p_(k+1)` from `p_(k-1)` and `p_k`.
fn following(
    family: &str,
    g: &mut Graph,
    (x, double): (NodeId, NodeId),
    (lower, value): (NodeId, NodeId),
    k: f64,
) -> Result<NodeId> {
    let (factor, weight, divisor) = match family {
        "chebyshev" | "shifted_chebyshev" => (double, 1.0, 1.0),
        "hermite" => (double, 2.0 * k, 1.0),
        "hermite_e" => (x, k, 1.0),
        "legendre" => (g.scaled_by(x, 2.0 * k + 1.0)?, k, k + 1.0),
        _ => {
            let negated = g.neg(x)?;
            (g.plus_number(negated, 2.0 * k + 1.0)?, k, k + 1.0)
        }
    };
    let (product, taken) = (g.mul(factor, value)?, g.scaled_by(lower, weight)?);
    let gap = g.sub(product, taken)?;
    g.scaled_by(gap, 1.0 / divisor)
}
