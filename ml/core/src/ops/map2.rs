//! `Map2`: elementwise functions of two operands. Their derivatives are in `map2_derivatives.rs`.

use smallvec::SmallVec;

use super::wide::{self, Wide};
use super::{
    Batched, Linear, Realised, Rules, Site, arity, batch_elementwise, check_same_dtype, check_same_shape, map2_derivatives,
    no_rule, special,
};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Fn2, Graph, Kind, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Map2`].
pub struct Map2(pub Fn2);

impl Rules for Map2 {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [a, b] = arity(self.name(), operands)?;
        check_same_dtype(self.name(), a, b)?;
        check_same_shape(self.name(), a, b)?;
        let (accepted, wanted) = accepts(self.0, a.dtype);
        if !accepted {
            return Err(Error::dtype(self.name(), format!("expected {wanted}, got {}", a.dtype)).hint("cast both"));
        }
        let dtype = if self.0.is_comparison() { DType::Bool } else { a.dtype };
        Ok(Type::new(dtype, a.shape.clone()))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [a, b] = arity(self.name(), operands)?;
        let values = match (wide::decode(a), wide::decode(b)) {
            (Wide::Float(a), Wide::Float(b)) if self.0.is_comparison() => {
                Wide::Int(a.iter().zip(&b).map(|(a, b)| compare(self.0, a, b) as i128).collect())
            }
            (Wide::Float(a), Wide::Float(b)) => Wide::Float(a.iter().zip(&b).map(|(&a, &b)| of_floats(self.0, a, b)).collect()),
            (Wide::Int(v), Wide::Int(w)) => {
                let bits = wide::bits(a.dtype());
                Wide::Int(v.iter().zip(&w).map(|(&a, &b)| of_integers(self.0, a, b, bits)).collect())
            }
            _ => return Err(Error::internal(self.name(), format!("operands of {} and {}", a.dtype(), b.dtype()))),
        };
        wide::encode(out.dtype, out.shape, &values)
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let [a, b] = *arity(self.name(), at.operands)?;
        map2_derivatives::tangent(self.0, g, (a, b, at.value), (tangents[0], tangents[1]))
    }

    /// Add and sub are linear in both operands together, mul in either, div in its first.
    fn transpose(&self, g: &mut Graph, at: &Linear, ct: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let ([a, b], [in_a, in_b]) = (*arity(self.name(), at.operands)?, *arity(self.name(), at.linear)?);
        let (a, b) = match (self.0, in_a, in_b) {
            (Fn2::Add, true, true) => (Some(ct), Some(ct)),
            (Fn2::Sub, true, true) => (Some(ct), Some(g.neg(ct)?)),
            (Fn2::Mul, true, false) => (Some(g.mul(ct, b)?), None),
            (Fn2::Mul, false, true) => (None, Some(g.mul(ct, a)?)),
            (Fn2::Div, true, false) => (Some(g.div(ct, b)?), None),
            _ => return Err(no_rule(self.name(), "transpose").hint("it is not linear in these operands")),
        };
        Ok(SmallVec::from_iter([a, b]))
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        batch_elementwise(g, Kind::Map2(self.0), operands, size)
    }
}

impl Fn2 {
    /// True for the functions that give bool whatever they take.
    pub const fn is_comparison(self) -> bool {
        matches!(self, Fn2::Eq | Fn2::Ne | Fn2::Lt | Fn2::Le | Fn2::Gt | Fn2::Ge)
    }
}

fn accepts(f: Fn2, dtype: DType) -> (bool, &'static str) {
    match f {
        Fn2::Atan2 | Fn2::Zeta | Fn2::Igamma | Fn2::Igammac => (dtype.is_float(), "floats"),
        Fn2::Gcd => (dtype.is_integer(), "integers"),
        Fn2::And | Fn2::Or | Fn2::Xor => (!dtype.is_float(), "bool or integers"),
        Fn2::Shl | Fn2::Shr => (dtype.is_integer(), "integers"),
        Fn2::Max | Fn2::Min => (true, ""),
        f if f.is_comparison() => (true, ""),
        _ => (dtype != DType::Bool, "numbers"),
    }
}

fn of_floats(f: Fn2, a: f64, b: f64) -> f64 {
    match f {
        Fn2::Add => a + b,
        Fn2::Sub => a - b,
        Fn2::Mul => a * b,
        Fn2::Div => a / b,
        Fn2::Rem => a % b,
        Fn2::Pow => a.powf(b),
        Fn2::Atan2 => a.atan2(b),
        Fn2::Zeta => special::zeta(a, b),
        Fn2::Igamma => special::igamma(a, b),
        Fn2::Igammac => special::igammac(a, b),
        Fn2::Max if a.is_nan() || b.is_nan() => f64::NAN,
        Fn2::Min if a.is_nan() || b.is_nan() => f64::NAN,
        Fn2::Max => a.max(b),
        Fn2::Min => a.min(b),
        _ => f64::NAN, // refused by the type rule
    }
}

/// Wrapped to the type, of `bits` bits, by the caller.
fn of_integers(f: Fn2, a: i128, b: i128, bits: i128) -> i128 {
    match f {
        Fn2::Add => a + b,
        Fn2::Sub => a - b,
        Fn2::Mul => a.wrapping_mul(b),
        Fn2::Div => a.checked_div(b).unwrap_or(0),
        Fn2::Rem => a.checked_rem(b).unwrap_or(0),
        Fn2::Pow => power(a, b),
        Fn2::Gcd => special::gcd(a, b),
        Fn2::Max => a.max(b),
        Fn2::Min => a.min(b),
        Fn2::And => a & b,
        Fn2::Or => a | b,
        Fn2::Xor => a ^ b,
        Fn2::Shl if (0..bits).contains(&b) => a << b,
        Fn2::Shl => 0,
        Fn2::Shr => a >> if (0..bits).contains(&b) { b } else { bits },
        comparison => compare(comparison, &a, &b) as i128,
    }
}

/// `a^b` modulo 2^128; a negative exponent truncates: 0 unless the base is 1 or -1.
fn power(a: i128, b: i128) -> i128 {
    if b < 0 {
        return match a {
            1 => 1,
            -1 => 1 - 2 * (b & 1),
            _ => 0,
        };
    }
    let (mut result, mut base, mut rest) = (1i128, a, b);
    while rest > 0 {
        if rest & 1 == 1 {
            result = result.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        rest >>= 1;
    }
    result
}

fn compare<T: PartialOrd>(f: Fn2, a: &T, b: &T) -> bool {
    match f {
        Fn2::Eq => a == b,
        Fn2::Ne => a != b,
        Fn2::Lt => a < b,
        Fn2::Le => a <= b,
        Fn2::Gt => a > b,
        _ => a >= b,
    }
}

#[cfg(test)]
pub mod rows {
    use crate::graph::Fn2;
    use crate::ops::proof::{Row, given, ints};

    /// One row a function, at points of its domain away from kinks; and what integers and ties do.
    pub fn rows() -> Vec<Row> {
        let mut rows: Vec<Row> = Fn2::ALL.iter().map(|&f| row(f)).collect();
        let tied = [given(&[1.0, 2.0]), given(&[1.0, 2.0])];
        rows.push(Row::new("max", "ties", tied.clone(), |g, x| g.max(x[0], x[1])).slopes(&[0.5, 0.5, 0.5, 0.5]));
        rows.push(Row::new("min", "ties", tied, |g, x| g.min(x[0], x[1])).slopes(&[0.5, 0.5, 0.5, 0.5]));
        rows.push(Row::new("div", "of integers", integers(), |g, x| g.div(x[0], x[1])).expect(&[-3., 0., 2.]));
        rows.push(Row::new("rem", "of integers", integers(), |g, x| g.rem(x[0], x[1])).expect(&[-1., 0., 1.]));
        rows.push(Row::new("pow", "at zero", [given(&[0.0]), given(&[2.0])], |g, x| g.pow(x[0], x[1])).slopes(&[0.0, 0.0]));
        let (infinite, nan) = (f64::INFINITY, f64::NAN);
        let edges = || [given(&[0.0, 0.0, infinite, nan]), given(&[0.0, -1.0, 0.0, 0.0])];
        let slopes = [0.0, -infinite, 0.0, 0.0, 0.0, -infinite, infinite, nan];
        rows.push(Row::new("pow", "at its edges", edges(), |g, x| g.pow(x[0], x[1])).slopes(&slopes));
        rows
    }

    fn integers() -> [crate::Tensor; 2] {
        [ints(&[3], &[-7, 5, 5]), ints(&[3], &[2, 0, 2])]
    }

    fn row(f: Fn2) -> Row {
        let build = move |g: &mut crate::Graph, x: &[_]| g.map2(f, x[0], x[1]);
        match f {
            Fn2::And | Fn2::Or | Fn2::Xor | Fn2::Shl | Fn2::Shr | Fn2::Gcd => {
                Row::new(f.name(), "of integers", [ints(&[3], &[6, 5, -3]), ints(&[3], &[3, 1, 2])], build)
            }
            Fn2::Zeta | Fn2::Igamma | Fn2::Igammac => {
                Row::new(f.name(), "in the second operand", [given(&[0.7, 1.4, 2.2])], move |g: &mut crate::Graph, x: &[_]| {
                    let two = g.scalar_like(x[0], 2.5)?;
                    g.map2(f, two, x[0])
                })
            }
            Fn2::Pow => Row::new(f.name(), "elementwise", [given(&[0.5, 1.4, 2.2]), given(&[1.3, -0.7, 2.4])], build),
            Fn2::Rem => Row::new(f.name(), "elementwise", [given(&[5.3, -5.3, 1.4]), given(&[2.1, 2.1, -0.9])], build),
            _ => Row::new(f.name(), "elementwise", [given(&[0.5, -1.4, 2.2]), given(&[1.3, -0.7, 1.4])], build),
        }
    }
}
