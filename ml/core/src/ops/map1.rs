//! `Map1`: elementwise functions of one operand. Their derivatives are in `map1_derivatives.rs`.

use smallvec::SmallVec;

use super::wide::{self, Wide};
use super::{Batched, Linear, Realised, Rules, Site, arity, batch_elementwise, map1_derivatives, no_rule, only, special};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Fn1, Graph, Kind, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Map1`].
pub struct Map1(pub Fn1);

impl Rules for Map1 {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [x] = arity(self.name(), operands)?;
        let (accepted, wanted) = match self.0 {
            Fn1::Neg | Fn1::Abs | Fn1::Sign => (x.dtype != DType::Bool, "a number"),
            Fn1::Not => (!x.dtype.is_float(), "bool or an integer"),
            _ => (x.dtype.is_float(), "a float"),
        };
        if !accepted {
            return Err(Error::dtype(self.name(), format!("expected {wanted}, got {}", x.dtype)).hint("cast it"));
        }
        let dtype = if matches!(self.0, Fn1::IsNan | Fn1::IsFinite) { DType::Bool } else { x.dtype };
        Ok(Type::new(dtype, x.shape.clone()))
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [x] = arity(self.name(), operands)?;
        let values = match (wide::decode(x), self.0) {
            (Wide::Float(v), Fn1::IsNan) => Wide::Int(v.iter().map(|x| x.is_nan() as i128).collect()),
            (Wide::Float(v), Fn1::IsFinite) => Wide::Int(v.iter().map(|x| x.is_finite() as i128).collect()),
            (Wide::Float(v), f) => Wide::Float(v.into_iter().map(|x| of_float(f, x)).collect()),
            (Wide::Int(v), f) => Wide::Int(v.into_iter().map(|x| of_integer(f, x, x_is_bool(out))).collect()),
        };
        wide::encode(out.dtype, out.shape, &values)
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let Some(t) = tangents[0] else { return Ok(None) };
        if self.0 == Fn1::Neg {
            return g.neg(t).map(Some);
        }
        let slope = map1_derivatives::derivative(self.0, g, at.operands[0], at.value)?;
        slope.map(|slope| g.mul(t, slope)).transpose()
    }

    fn transpose(&self, g: &mut Graph, _: &Linear, cotangent: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        if self.0 != Fn1::Neg {
            return Err(no_rule(self.name(), "transpose"));
        }
        g.neg(cotangent).map(only)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        batch_elementwise(g, Kind::Map1(self.0), operands, size)
    }
}

fn x_is_bool(out: &Realised) -> bool {
    out.dtype == DType::Bool
}

/// The value of a function at a float. Predicates are elsewhere: they give bool.
fn of_float(f: Fn1, x: f64) -> f64 {
    match f {
        Fn1::Neg => -x,
        Fn1::Abs => x.abs(),
        Fn1::Sign => sign(x),
        Fn1::Exp => x.exp(),
        Fn1::Expm1 => x.exp_m1(),
        Fn1::Log => x.ln(),
        Fn1::Log1p => x.ln_1p(),
        Fn1::Sqrt => x.sqrt(),
        Fn1::Rsqrt => x.sqrt().recip(),
        Fn1::Sin => x.sin(),
        Fn1::Cos => x.cos(),
        Fn1::Tan => x.tan(),
        Fn1::Asin => x.asin(),
        Fn1::Acos => x.acos(),
        Fn1::Atan => x.atan(),
        Fn1::Sinh => x.sinh(),
        Fn1::Cosh => x.cosh(),
        Fn1::Tanh => x.tanh(),
        Fn1::Erf => libm::erf(x),
        Fn1::Erfc => libm::erfc(x),
        Fn1::Erfcx => special::erfcx(x),
        Fn1::Lgamma => libm::lgamma(x),
        Fn1::Digamma => statrs::function::gamma::digamma(x),
        Fn1::I0e => special::bessel_ie(0, x),
        Fn1::I1e => special::bessel_ie(1, x),
        Fn1::K0e => special::bessel_ke(0, x),
        Fn1::K1e => special::bessel_ke(1, x),
        Fn1::J0 => libm::j0(x),
        Fn1::J1 => libm::j1(x),
        Fn1::Y0 => libm::y0(x),
        Fn1::Y1 => libm::y1(x),
        Fn1::Floor => x.floor(),
        Fn1::Ceil => x.ceil(),
        Fn1::Round => x.round_ties_even(),
        Fn1::Trunc => x.trunc(),
        Fn1::Not | Fn1::IsNan | Fn1::IsFinite => x, // refused or answered before
    }
}

fn sign(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() { x } else { x.signum() }
}

/// The value of a function at an integer or a bool; wrapped to the type by the caller.
fn of_integer(f: Fn1, x: i128, is_bool: bool) -> i128 {
    match f {
        Fn1::Neg => -x,
        Fn1::Abs => x.abs(),
        Fn1::Sign => x.signum(),
        Fn1::Not if is_bool => 1 - x,
        Fn1::Not => !x,
        _ => x, // refused by the type rule
    }
}

#[cfg(test)]
pub mod rows {
    use crate::graph::Fn1;
    use crate::ops::proof::{Row, bools, given};

    /// One row a function, at points of its domain away from kinks.
    pub fn rows() -> Vec<Row> {
        Fn1::ALL.iter().map(|&f| row(f)).collect()
    }

    fn row(f: Fn1) -> Row {
        let points: &[f64] = match f {
            Fn1::Log | Fn1::Sqrt | Fn1::Rsqrt | Fn1::Lgamma | Fn1::K0e | Fn1::K1e | Fn1::Y0 | Fn1::Y1 => &[0.4, 1.3, 2.7],
            Fn1::Digamma => &[0.7, 1.3, 3.7],
            Fn1::Log1p => &[-0.4, 0.1, 1.7],
            Fn1::Asin | Fn1::Acos => &[-0.6, 0.1, 0.5],
            Fn1::Not => {
                return Row::new(f.name(), "of bool", [bools(&[2], &[true, false])], |g, x| g.not(x[0])).expect(&[0., 1.]);
            }
            _ => &[-1.3, 0.2, 1.7],
        };
        Row::new(f.name(), "elementwise", [given(points)], move |g, x| g.map1(f, x[0]))
    }
}
