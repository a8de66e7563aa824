//! Elementary functions that are several of the scalar ones: inverse hyperbolic, clipping, signs, bases, remainders.

use std::f64::consts::{LN_2, LOG2_E, LOG10_E, PI};

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};

/// Beyond it x^2 + 1 is x^2, in f64.
const HUGE: f64 = 1e9;

impl Graph {
    /// The inverse of `sinh`: `sign(x) log(|x| + sqrt(x^2 + 1))`. Narrow floats are computed in f64.
    pub fn asinh(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("asinh", &[x], |g, x| {
            g.in_f64(x[0], |g, x| {
                let (low, size) = g.below_and_size(x)?;
                let (far, held) = g.beyond(size, HUGE, 1.0)?;
                let (one, square) = (g.scalar_like(x, 1.0)?, g.mul(held, held)?);
                let inner = g.add(square, one)?;
                let root = g.sqrt(inner)?;
                // log1p(|x| + x^2 / (1 + root)) keeps its digits near 0.
                let below = g.add(one, root)?;
                let bent = g.div(square, below)?;
                let rest = g.add(held, bent)?;
                let near = g.log1p(rest)?;
                let value = g.log_of_double(size, far, near)?;
                let negated = g.neg(value)?;
                g.select(low, negated, value)
            })
        })
    }

    /// The inverse of `cosh`, for x of 1 or more; NaN below. Narrow floats are computed in f64.
    pub fn acosh(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("acosh", &[x], |g, x| {
            g.in_f64(x[0], |g, x| {
                let (far, held) = g.beyond(x, HUGE, 2.0)?;
                let one = g.scalar_like(x, 1.0)?;
                let (less, more) = (g.sub(held, one)?, g.add(held, one)?);
                let (less_root, more_root) = (g.sqrt(less)?, g.sqrt(more)?);
                let root = g.mul(less_root, more_root)?;
                let rest = g.add(less, root)?;
                let near = g.log1p(rest)?;
                g.log_of_double(x, far, near)
            })
        })
    }

    /// `f` of the argument in f64, rounded back.
    fn in_f64(&mut self, x: NodeId, f: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId>) -> Result<NodeId> {
        let dtype = self.ty(x).dtype;
        let wide = self.cast(x, DType::F64)?;
        let value = f(self, wide)?;
        self.cast(value, dtype)
    }

    /// Whether x is above `edge`, and x with `other` in place of what is.
    fn beyond(&mut self, x: NodeId, edge: f64, other: f64) -> Result<(NodeId, NodeId)> {
        let (edge, other) = (self.scalar_like(x, edge)?, self.scalar_like(x, other)?);
        let far = self.gt(x, edge)?;
        Ok((far, self.select(far, other, x)?))
    }

    /// `log(2 x)` where x is far, without overflow; else `near`.
    fn log_of_double(&mut self, x: NodeId, far: NodeId, near: NodeId) -> Result<NodeId> {
        let one = self.scalar_like(x, 1.0)?;
        let held = self.select(far, x, one)?;
        let log = self.log(held)?;
        let value = self.plus_number(log, LN_2)?;
        self.select(far, value, near)
    }

    /// The inverse of `tanh`, for |x| of at most 1; NaN beyond.
    pub fn atanh(&mut self, x: NodeId) -> Result<NodeId> {
        self.call("atanh", &[x], |g, x| {
            let (negated, half) = (g.neg(x[0])?, g.scalar_like(x[0], 0.5)?);
            let (above, below) = (g.log1p(x[0])?, g.log1p(negated)?);
            let gap = g.sub(above, below)?;
            g.mul(half, gap)
        })
    }

    /// `2^x`.
    pub fn exp2(&mut self, x: NodeId) -> Result<NodeId> {
        let two = self.scalar_like(x, 2.0)?;
        self.pow(two, x)
    }

    /// The logarithm to base 2.
    pub fn log2(&mut self, x: NodeId) -> Result<NodeId> {
        let log = self.log(x)?;
        self.scaled_by(log, LOG2_E)
    }

    /// The logarithm to base 10.
    pub fn log10(&mut self, x: NodeId) -> Result<NodeId> {
        let log = self.log(x)?;
        self.scaled_by(log, LOG10_E)
    }

    /// `x * factor`.
    pub fn scaled_by(&mut self, x: NodeId, factor: f64) -> Result<NodeId> {
        let factor = self.scalar_like(x, factor)?;
        self.mul(x, factor)
    }

    /// `x + number`.
    pub fn plus_number(&mut self, x: NodeId, number: f64) -> Result<NodeId> {
        let number = self.scalar_like(x, number)?;
        self.add(x, number)
    }

    /// `x * x`.
    pub fn square(&mut self, x: NodeId) -> Result<NodeId> {
        self.mul(x, x)
    }

    /// `1 / x`.
    pub fn reciprocal(&mut self, x: NodeId) -> Result<NodeId> {
        let one = self.scalar_like(x, 1.0)?;
        self.div(one, x)
    }

    /// True where x is infinite. Errors: `DType` unless x is a float.
    pub fn isinf(&mut self, x: NodeId) -> Result<NodeId> {
        let (size, infinite) = (self.abs(x)?, self.scalar_like(x, f64::INFINITY)?);
        self.eq(size, infinite)
    }

    /// True where x is negative or a negative zero (or a NaN with its sign set). Errors: `DType` for unsigned types.
    pub fn signbit(&mut self, x: NodeId) -> Result<NodeId> {
        let dtype = self.ty(x).dtype;
        let as_integer = match dtype {
            DType::F64 => DType::I64,
            DType::F32 => DType::I32,
            DType::F16 | DType::BF16 => DType::I16,
            other if other.is_signed() => other,
            other => return Err(Error::dtype("signbit", format!("expected a signed type, got {other}"))),
        };
        let bits = if as_integer == dtype { x } else { self.bitcast(x, as_integer)? };
        let zero = self.scalar(as_integer, 0.0)?;
        self.lt(bits, zero)
    }

    /// |x| with the sign of y.
    pub fn copysign(&mut self, x: NodeId, y: NodeId) -> Result<NodeId> {
        let (size, held) = (self.abs(x)?, self.stop_gradient(y)?);
        let (negative, negated) = (self.signbit(held)?, self.neg(size)?);
        self.select(negative, negated, size)
    }

    /// The next float after x towards y. Errors: `DType` unless both are f32 or f64.
    pub fn nextafter(&mut self, x: NodeId, y: NodeId) -> Result<NodeId> {
        let dtype = self.ty(x).dtype;
        let integer = match dtype {
            DType::F64 => DType::I64,
            DType::F32 => DType::I32,
            other => return Err(Error::dtype("nextafter", format!("expected f32 or f64, got {other}"))),
        };
        let (x, y) = (self.stop_gradient(x)?, self.stop_gradient(y)?);
        let (zero, one) = (self.scalar(dtype, 0.0)?, self.scalar(integer, 1.0)?);
        let bits = self.bitcast(x, integer)?;
        let (up, positive, at_zero) = (self.gt(y, x)?, self.gt(x, zero)?, self.eq(x, zero)?);
        let away = self.eq(up, positive)?; // a larger size has larger bits, whatever the sign
        let (more, less) = (self.add(bits, one)?, self.sub(bits, one)?);
        let moved = self.select(away, more, less)?;
        let moved = self.bitcast(moved, dtype)?;
        let least = self.bitcast(one, dtype)?;
        let below = self.neg(least)?;
        let from_zero = self.select(up, least, below)?;
        let moved = self.select(at_zero, from_zero, moved)?;
        let (same, sum) = (self.eq(x, y)?, self.add(x, y)?);
        let kept = self.select(same, y, moved)?;
        let nan = self.isnan(sum)?;
        self.select(nan, sum, kept)
    }

    /// x within `low` and `high`, each of which may be missing. The slope goes to x where it is inside (ends count), else
    /// to the bound.
    pub fn clip(&mut self, x: NodeId, low: Option<NodeId>, high: Option<NodeId>) -> Result<NodeId> {
        let mut clipped = x;
        if let Some(low) = low {
            let below = self.lt(clipped, low)?;
            clipped = self.select(below, low, clipped)?;
        }
        if let Some(high) = high {
            let above = self.gt(clipped, high)?;
            clipped = self.select(above, high, clipped)?;
        }
        Ok(clipped)
    }

    /// `sqrt(x^2 + y^2)`, without overflow; infinite where either is, also beside a NaN.
    pub fn hypot(&mut self, x: NodeId, y: NodeId) -> Result<NodeId> {
        self.call("hypot", &[x, y], |g, x| {
            let (a, b) = (g.abs(x[0])?, g.abs(x[1])?);
            let infinite = g.scalar_like(a, f64::INFINITY)?;
            let (first, second) = (g.eq(a, infinite)?, g.eq(b, infinite)?);
            let is_infinite = g.or(first, second)?;
            let top = g.max(a, b)?;
            let held = g.stop_gradient(top)?;
            let (zero, one) = (g.scalar_like(top, 0.0)?, g.scalar_like(top, 1.0)?);
            let (empty, finite) = (g.eq(held, zero)?, g.isfinite(held)?);
            let scale = g.select(empty, one, held)?;
            let scale = g.select(finite, scale, one)?;
            let (a, b) = (g.div(x[0], scale)?, g.div(x[1], scale)?);
            let (a, b) = (g.mul(a, a)?, g.mul(b, b)?);
            let sum = g.add(a, b)?;
            let root = g.sqrt(sum)?;
            let length = g.mul(root, scale)?;
            g.select(is_infinite, infinite, length)
        })
    }

    /// `log(e^x + e^y)`, without overflow; where both are the same the parts are those of x, so that derivatives of every order are right.
    pub fn logaddexp(&mut self, x: NodeId, y: NodeId) -> Result<NodeId> {
        self.call("logaddexp", &[x, y], |g, x| {
            let (top, gap) = (g.max(x[0], x[1])?, g.sub(x[1], x[0])?);
            let (same, finite) = (g.eq(x[0], x[1])?, g.isfinite(top)?);
            let is_infinite = g.not(finite)?;
            let both = g.and(same, is_infinite)?; // two equal infinities, of which each has a half
            let (above, apart) = (g.ge(x[0], x[1])?, g.not(both)?);
            let above = g.and(above, apart)?;
            let (turned, zero) = (g.neg(gap)?, g.scalar_like(gap, 0.0)?);
            let chosen = g.select(above, x[0], top)?;
            let exponent = g.select(above, gap, turned)?;
            let exponent = g.select(both, zero, exponent)?;
            let exp = g.exp(exponent)?;
            let rest = g.log1p(exp)?;
            g.add(chosen, rest)
        })
    }

    /// The remainder with the sign of y (Python's `%`); for integers 0 where y is 0.
    pub fn floor_mod(&mut self, x: NodeId, y: NodeId) -> Result<NodeId> {
        let rest = self.rem(x, y)?;
        let (zero, shifted) = (self.scalar_like(x, 0.0)?, self.add(rest, y)?);
        let (below, under) = (self.lt(rest, zero)?, self.lt(y, zero)?);
        let (there, apart) = (self.ne(rest, zero)?, self.ne(below, under)?);
        let wrong = self.and(there, apart)?;
        self.select(wrong, shifted, rest)
    }

    /// The quotient rounded down (Python's `//`); for integers 0 where y is 0.
    pub fn floor_div(&mut self, x: NodeId, y: NodeId) -> Result<NodeId> {
        if self.ty(x).dtype.is_float() {
            let quotient = self.div(x, y)?;
            return self.floor(quotient);
        }
        // By the quotient toward zero: x less its remainder may not fit the type.
        let (quotient, rest) = (self.div(x, y)?, self.rem(x, y)?);
        let (zero, one) = (self.scalar_like(x, 0.0)?, self.scalar_like(x, 1.0)?);
        let (below, under) = (self.lt(rest, zero)?, self.lt(y, zero)?);
        let (there, apart) = (self.ne(rest, zero)?, self.ne(below, under)?);
        let (wrong, less) = (self.and(there, apart)?, self.sub(quotient, one)?);
        self.select(wrong, less, quotient)
    }

    /// The larger of x and y; the other one where one is NaN.
    pub fn fmax(&mut self, x: NodeId, y: NodeId) -> Result<NodeId> {
        let chosen = self.ge(x, y)?;
        self.beside_nan(x, y, chosen)
    }

    /// The smaller of x and y; the other one where one is NaN.
    pub fn fmin(&mut self, x: NodeId, y: NodeId) -> Result<NodeId> {
        let chosen = self.le(x, y)?;
        self.beside_nan(x, y, chosen)
    }

    fn beside_nan(&mut self, x: NodeId, y: NodeId, chosen: NodeId) -> Result<NodeId> {
        let (x_nan, y_nan) = (self.isnan(x)?, self.isnan(y)?);
        let first = self.or(chosen, y_nan)?;
        let picked = self.select(first, x, y)?;
        self.select(x_nan, y, picked)
    }

    /// 0 below 0, 1 above, y at 0.
    pub fn heaviside(&mut self, x: NodeId, y: NodeId) -> Result<NodeId> {
        let (zero, one) = (self.scalar_like(x, 0.0)?, self.scalar_like(x, 1.0)?);
        let (at_zero, below) = (self.eq(x, zero)?, self.lt(x, zero)?);
        let step = self.select(below, zero, one)?;
        self.select(at_zero, y, step)
    }

    /// x with a number in place of each NaN and each infinity.
    pub fn nan_to_num(&mut self, x: NodeId, nan: f64, above: f64, below: f64) -> Result<NodeId> {
        let (zero, most, least) = (self.scalar_like(x, nan)?, self.scalar_like(x, above)?, self.scalar_like(x, below)?);
        let (is_nan, infinite, origin) = (self.isnan(x)?, self.isinf(x)?, self.scalar_like(x, 0.0)?);
        let negative = self.lt(x, origin)?;
        let end = self.select(negative, least, most)?;
        let held = self.select(infinite, end, x)?;
        self.select(is_nan, zero, held)
    }

    /// `start + weight (end - start)`.
    pub fn lerp(&mut self, start: NodeId, end: NodeId, weight: NodeId) -> Result<NodeId> {
        let gap = self.sub(end, start)?;
        let part = self.mul(weight, gap)?;
        self.add(start, part)
    }

    /// `sin(pi x) / (pi x)`; 1 at 0.
    pub fn sinc(&mut self, x: NodeId) -> Result<NodeId> {
        let angle = self.scaled_by(x, PI)?;
        let (zero, one) = (self.scalar_like(x, 0.0)?, self.scalar_like(x, 1.0)?);
        let at_zero = self.eq(angle, zero)?;
        let held = self.select(at_zero, one, angle)?;
        let sine = self.sin(held)?;
        let ratio = self.div(sine, held)?;
        self.select(at_zero, one, ratio)
    }

    /// `x 2^n`.
    pub fn ldexp(&mut self, x: NodeId, n: NodeId) -> Result<NodeId> {
        let power = self.exp2(n)?;
        self.mul(x, power)
    }

    /// x as m 2^n with |m| in [1/2, 1): m, and n as i32. Zeros, infinities and NaNs are their own m, with n = 0.
    /// Errors: `DType` unless x is f32 or f64.
    pub fn frexp(&mut self, x: NodeId) -> Result<(NodeId, NodeId)> {
        let dtype = self.ty(x).dtype;
        if !matches!(dtype, DType::F32 | DType::F64) {
            return Err(Error::dtype("frexp", format!("expected f32 or f64, got {dtype}")));
        }
        let wide = self.cast(x, DType::F64)?;
        let held = self.stop_gradient(wide)?;
        let zero = self.scalar(DType::F64, 0.0)?;
        let (there, finite) = (self.ne(held, zero)?, self.isfinite(held)?);
        let usual = self.and(there, finite)?;
        let scale = self.scalar(DType::F64, 2f64.powi(64))?; // lifts subnormal numbers
        let lifted = self.mul(held, scale)?;
        let bits = self.bitcast(lifted, DType::U64)?;
        let (shift, mask) = (self.scalar(DType::U64, 52.0)?, self.scalar(DType::U64, 2047.0)?);
        let high = self.shr(bits, shift)?;
        let biased = self.and(high, mask)?;
        let biased = self.cast(biased, DType::I32)?;
        let bias = self.scalar(DType::I32, 1022.0 + 64.0)?;
        let exponent = self.sub(biased, bias)?;
        let none = self.scalar(DType::I32, 0.0)?;
        let exponent = self.select(usual, exponent, none)?;
        // The mantissa's own bits under the exponent of [1/2, 1); x times a power of two, so that slopes are kept.
        let (one, top) = (self.scalar(DType::F64, 1.0)?, self.scalar(DType::U64, 2f64.powi(52) * 2047.0)?);
        let (kept, half) = (self.not(top)?, self.scalar(DType::U64, 2f64.powi(52) * 1022.0)?);
        let digits = self.and(bits, kept)?;
        let digits = self.or(digits, half)?;
        let size = self.bitcast(digits, DType::F64)?;
        let below = self.select(usual, lifted, one)?;
        let factor = self.div(size, below)?;
        let factor = self.abs(factor)?;
        let risen = self.mul(wide, scale)?;
        let mantissa = self.mul(risen, factor)?;
        let mantissa = self.select(usual, mantissa, wide)?;
        Ok((self.cast(mantissa, dtype)?, exponent))
    }
}
