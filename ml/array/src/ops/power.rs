//! Powers; and the complex functions that are made of the logarithm.

use gradframe_ml_core::{Error, Graph, NodeId, Result};

use super::value::{Value, full};

/// The largest exponent that is written out as products.
const WRITTEN_OUT_MAX: u64 = 64;

/// `a^b`, broadcast. Integers by repeated squaring; a negative exponent of an integer gives 0 (1 and -1 stay).
pub fn power(g: &mut Graph, a: Value, b: Value) -> Result<Value> {
    let shape = g.broadcast_shape("pow", &[a.node(), b.node()])?;
    let (a, b) = (a.broadcast(g, &shape)?, b.broadcast(g, &shape)?);
    match (a, b) {
        (Value::Complex(a), Value::Complex(b)) => a.pow(g, b).map(Value::Complex),
        (a, b) => {
            let (a, b) = (a.real("pow", g)?, b.real("pow", g)?);
            let is_float = g.ty(a).dtype.is_float();
            if is_float { g.pow(a, b).map(Value::Real) } else { of_integers(g, a, b).map(Value::Real) }
        }
    }
}

fn of_integers(g: &mut Graph, a: NodeId, b: NodeId) -> Result<NodeId> {
    let (zero, one) = (g.scalar_like(b, 0.0)?, g.scalar_like(b, 1.0)?);
    let (mut result, mut square, mut rest) = (g.full_like(a, 1.0)?, a, b);
    for _ in 0..7 {
        let bit = g.and(rest, one)?; // larger exponents overflow for all but 0, 1 and -1, for which the low bits suffice
        let odd = g.ne(bit, zero)?;
        let product = g.mul(result, square)?;
        result = g.select(odd, product, result)?;
        square = g.mul(square, square)?;
        rest = g.shr(rest, one)?;
    }
    let negative = g.lt(b, zero)?;
    let inverse = {
        let (one, unit) = (g.scalar_like(a, 1.0)?, g.abs(a)?);
        let is_unit = g.eq(unit, one)?;
        let zero = g.scalar_like(a, 0.0)?;
        g.select(is_unit, result, zero)?
    };
    g.select(negative, inverse, result)
}

/// `x^n` for an exponent that is part of the structure: products, and one division if it is negative.
pub fn integer_power(g: &mut Graph, x: Value, n: i64) -> Result<Value> {
    if n < 0 && !x.element(g).is_differentiable() {
        return Err(Error::plan("pow", format!("{} to the power {n} is no integer", x.element(g))).hint("cast with astype"));
    }
    if n == 0 {
        let ty = x.ty(g)?;
        return full(g, &ty, 1.0);
    }
    if n.unsigned_abs() > WRITTEN_OUT_MAX {
        let ty = x.ty(g)?;
        let exponent = full(g, &ty, n as f64)?;
        return power(g, x, exponent);
    }
    let (mut rest, mut square, mut result) = (n.unsigned_abs(), x, None);
    loop {
        if rest & 1 == 1 {
            result = Some(match result {
                Some(so_far) => product(g, so_far, square)?,
                None => square,
            });
        }
        rest >>= 1;
        if rest == 0 {
            break;
        }
        square = product(g, square, square)?;
    }
    match (result.unwrap_or(x), n < 0) {
        (value, false) => Ok(value),
        (Value::Real(x), true) => g.reciprocal(x).map(Value::Real),
        (Value::Complex(z), true) => z.reciprocal(g).map(Value::Complex),
    }
}

fn product(g: &mut Graph, a: Value, b: Value) -> Result<Value> {
    match (a, b) {
        (Value::Complex(a), Value::Complex(b)) => a.mul(g, b).map(Value::Complex),
        (a, b) => {
            let (a, b) = (a.real("pow", g)?, b.real("pow", g)?);
            g.mul(a, b).map(Value::Real)
        }
    }
}

/// Complex functions by logarithms and roots. Source: Abramowitz and Stegun 4.4, 4.6; branch cuts as in C99.
pub mod complex_inverse {
    use gradframe_ml_core::complex::Complex;
    use gradframe_ml_core::{Graph, Result};

    fn number(g: &mut Graph, z: Complex, re: f64, im: f64) -> Result<Complex> {
        Ok(Complex { re: g.full_like(z.re, re)?, im: g.full_like(z.im, im)? })
    }

    /// `-i z`.
    fn turned_back(g: &mut Graph, z: Complex) -> Result<Complex> {
        Ok(Complex { re: z.im, im: g.neg(z.re)? })
    }

    /// `i z`.
    fn turned(g: &mut Graph, z: Complex) -> Result<Complex> {
        Ok(Complex { re: g.neg(z.im)?, im: z.re })
    }

    /// `log(z + sqrt(z + 1) sqrt(z - 1))`.
    pub fn acosh(g: &mut Graph, z: Complex) -> Result<Complex> {
        let one = number(g, z, 1.0, 0.0)?;
        let (more, less) = (z.add(g, one)?.sqrt(g)?, z.sub(g, one)?.sqrt(g)?);
        let product = more.mul(g, less)?;
        z.add(g, product)?.log(g)
    }

    /// `log(z + sqrt(1 + z^2))`, mirrored where the real part is negative, so that nothing cancels.
    pub fn asinh(g: &mut Graph, z: Complex) -> Result<Complex> {
        let negative = g.signbit(z.re)?;
        let mirrored = z.neg(g)?;
        let w = mirrored.select(g, negative, z)?;
        let (one, square) = (number(g, w, 1.0, 0.0)?, w.mul(g, w)?);
        let root = square.add(g, one)?.sqrt(g)?;
        let value = w.add(g, root)?.log(g)?;
        let back = value.neg(g)?;
        back.select(g, negative, value)
    }

    /// `(log(1 + z) - log(1 - z)) / 2`.
    pub fn atanh(g: &mut Graph, z: Complex) -> Result<Complex> {
        let one = number(g, z, 1.0, 0.0)?;
        let (more, less) = (one.add(g, z)?.log(g)?, one.sub(g, z)?.log(g)?);
        more.sub(g, less)?.scaled(g, 0.5)
    }

    /// `-i asinh(i z)`.
    pub fn asin(g: &mut Graph, z: Complex) -> Result<Complex> {
        let turned = turned(g, z)?;
        let value = asinh(g, turned)?;
        turned_back(g, value)
    }

    /// `pi / 2 - asin(z)`.
    pub fn acos(g: &mut Graph, z: Complex) -> Result<Complex> {
        let (quarter, value) = (number(g, z, std::f64::consts::FRAC_PI_2, 0.0)?, asin(g, z)?);
        quarter.sub(g, value)
    }

    /// `-i atanh(i z)`.
    pub fn atan(g: &mut Graph, z: Complex) -> Result<Complex> {
        let turned = turned(g, z)?;
        let value = atanh(g, turned)?;
        turned_back(g, value)
    }

    /// `e^z - 1`: `expm1(x) cos y - 2 sin^2(y / 2)`, and `e^x sin y`, exact near 0.
    pub fn expm1(g: &mut Graph, z: Complex) -> Result<Complex> {
        let (less, cosine) = (g.expm1(z.re)?, g.cos(z.im)?);
        let half = g.scaled_by(z.im, 0.5)?;
        let sine = g.sin(half)?;
        let square = g.mul(sine, sine)?;
        let (scaled, twice) = (g.mul(less, cosine)?, g.scaled_by(square, 2.0)?);
        let (size, sine) = (g.exp(z.re)?, g.sin(z.im)?);
        Ok(Complex { re: g.sub(scaled, twice)?, im: g.mul(size, sine)? })
    }

    /// `log(1 + z)`: `log1p(x (2 + x) + y^2) / 2`, exact near 0.
    pub fn log1p(g: &mut Graph, z: Complex) -> Result<Complex> {
        let one = g.full_like(z.re, 1.0)?;
        let shifted = Complex { re: g.add(z.re, one)?, im: z.im };
        let more = g.plus_number(z.re, 2.0)?;
        let (left, right) = (g.mul(z.re, more)?, g.mul(z.im, z.im)?);
        let inner = g.add(left, right)?;
        let near = g.log1p(inner)?;
        let near = g.scaled_by(near, 0.5)?;
        let far = shifted.log(g)?;
        let size = g.abs(inner)?;
        let limit = g.scalar_like(size, 0.5)?;
        let is_near = g.lt(size, limit)?;
        Ok(Complex { re: g.select(is_near, near, far.re)?, im: far.im })
    }

    /// The logarithm to a base.
    pub fn log_to(g: &mut Graph, z: Complex, base: f64) -> Result<Complex> {
        z.log(g)?.scaled(g, 1.0 / base.ln())
    }
}
