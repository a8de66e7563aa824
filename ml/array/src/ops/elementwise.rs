//! Functions of each element by itself.

use gradframe_ml_core::complex::Complex;
use gradframe_ml_core::graph::{Fn1, Fn2};
use gradframe_ml_core::{DType, Error, Graph, NodeId, Result};

use super::arguments::{element, float};
use super::power::{complex_inverse, integer_power, power};
use super::value::{Value, floats, numbers, operands, promoted};
use super::{Row, Values, one, row};
use crate::element::Element;

/// A function of floats that the graph has, and its meaning for complex numbers, if there is one.
macro_rules! float_functions {
    ($($name:literal: $real:ident $(, $complex:expr)?;)*) => {
        &[$(row($name, |g, x, _| {
            let [x] = operands($name, x)?;
            match floats(g, $name, &[x])?[0] {
                Value::Real(x) => one(Value::Real(g.$real(x)?)),
                $(Value::Complex(z) => {
                    let function: fn(Complex, &mut Graph) -> Result<Complex> = $complex;
                    one(Value::Complex(function(z, g)?))
                })?
                #[allow(unreachable_patterns)]
                other => one(Value::Real(other.real($name, g)?)),
            }
        }),)*]
    };
}

/// Functions of floats by what they are called.
pub const FLOATS: &[Row] = float_functions! {
    "acos": acos, |z, g| complex_inverse::acos(g, z);
    "acosh": acosh, |z, g| complex_inverse::acosh(g, z);
    "asin": asin, |z, g| complex_inverse::asin(g, z);
    "asinh": asinh, |z, g| complex_inverse::asinh(g, z);
    "atan": atan, |z, g| complex_inverse::atan(g, z);
    "atanh": atanh, |z, g| complex_inverse::atanh(g, z);
    "cos": cos, Complex::cos;
    "cosh": cosh, Complex::cosh;
    "exp": exp, Complex::exp;
    "exp2": exp2;
    "expm1": expm1, |z, g| complex_inverse::expm1(g, z);
    "log": log, Complex::log;
    "log1p": log1p, |z, g| complex_inverse::log1p(g, z);
    "log2": log2, |z, g| complex_inverse::log_to(g, z, 2.0);
    "log10": log10, |z, g| complex_inverse::log_to(g, z, 10.0);
    "rsqrt": rsqrt;
    "sin": sin, Complex::sin;
    "sinh": sinh, Complex::sinh;
    "sqrt": sqrt, Complex::sqrt;
    "tan": tan, Complex::tan;
    "tanh": tanh, Complex::tanh;
    "erf": erf;
    "erfc": erfc;
    "erfinv": erfinv;
    "lgamma": lgamma;
    "digamma": digamma;
    "sigmoid": sigmoid;
    "log_sigmoid": log_sigmoid;
    "softplus": softplus;
    "relu": relu;
    "gelu": gelu;
    "gelu_tanh": gelu_tanh;
    "silu": silu;
    "mish": mish;
    "sinc": sinc;
};

/// Every other function of each element.
pub const ROWS: &[Row] = &[
    row("abs", |g, x, _| {
        let [x] = operands("abs", x)?;
        match numbers(g, "abs", &[x])?[0] {
            Value::Real(x) => one(Value::Real(g.abs(x)?)),
            Value::Complex(z) => one(Value::Real(z.abs(g)?)),
        }
    }),
    row("negative", |g, x, _| {
        let [x] = operands("negative", x)?;
        let x = numbers(g, "negative", &[x])?[0];
        one(x.each(g, |g, x| g.neg(x))?)
    }),
    row("positive", |g, x, _| one(numbers(g, "positive", &operands::<1>("positive", x)?)?[0])),
    row("sign", |g, x, _| {
        let [x] = operands("sign", x)?;
        match numbers(g, "sign", &[x])?[0] {
            Value::Real(x) => one(Value::Real(g.sign(x)?)),
            Value::Complex(z) => one(Value::Complex(z.sign(g)?)),
        }
    }),
    row("square", |g, x, _| {
        let [x] = operands("square", x)?;
        let x = numbers(g, "square", &[x])?[0];
        arithmetic(g, "multiply", Fn2::Mul, &[x, x])
    }),
    row("reciprocal", |g, x, _| {
        let [x] = operands("reciprocal", x)?;
        match floats(g, "reciprocal", &[x])?[0] {
            Value::Real(x) => one(Value::Real(g.reciprocal(x)?)),
            Value::Complex(z) => one(Value::Complex(z.reciprocal(g)?)),
        }
    }),
    row("ceil", |g, x, _| whole(g, "ceil", x, Fn1::Ceil)),
    row("floor", |g, x, _| whole(g, "floor", x, Fn1::Floor)),
    row("trunc", |g, x, _| whole(g, "trunc", x, Fn1::Trunc)),
    row("round", |g, x, _| whole(g, "round", x, Fn1::Round)),
    row("isnan", |g, x, _| tested(g, "isnan", x, false, |g, x| g.isnan(x), Fn2::Or)),
    row("isinf", |g, x, _| tested(g, "isinf", x, false, |g, x| g.isinf(x), Fn2::Or)),
    row("isfinite", |g, x, _| tested(g, "isfinite", x, true, |g, x| g.isfinite(x), Fn2::And)),
    row("signbit", |g, x, _| {
        let [x] = operands("signbit", x)?;
        let x = x.real("signbit", g)?;
        if g.ty(x).dtype.is_signed() { one(Value::Real(g.signbit(x)?)) } else { constant_like(g, x, false) }
    }),
    row("real", |_, x, _| {
        let [x] = operands("real", x)?;
        one(Value::Real(x.node()))
    }),
    row("imag", |g, x, _| {
        let [x] = operands("imag", x)?;
        match x {
            Value::Real(x) => one(Value::Real(g.full_like(x, 0.0)?)),
            Value::Complex(z) => one(Value::Real(z.im)),
        }
    }),
    row("conj", |g, x, _| {
        let [x] = operands("conj", x)?;
        match x {
            Value::Real(_) => one(x),
            Value::Complex(z) => one(Value::Complex(z.conj(g)?)),
        }
    }),
    row("angle", |g, x, _| {
        let [x] = operands("angle", x)?;
        let part = x.element(g).part();
        let complex = if part == DType::F64 { ("complex128", DType::F64) } else { ("complex64", DType::F32) };
        let ty = Element::named(complex.0).unwrap_or(Element::COMPLEX);
        match x.cast(g, ty)? {
            Value::Complex(z) => one(Value::Real(z.angle(g)?)),
            other => one(other),
        }
    }),
    row("astype", |g, x, args| {
        let [x] = operands("astype", x)?;
        let to = element("astype", args, 0)?.unwrap_or(Element::FLOAT);
        one(x.cast(g, to)?)
    }),
    row("stop_gradient", |g, x, _| {
        let [x] = operands("stop_gradient", x)?;
        one(x.each(g, |g, x| g.stop_gradient(x))?)
    }),
    row("add", |g, x, _| arithmetic(g, "add", Fn2::Add, x)),
    row("subtract", |g, x, _| arithmetic(g, "subtract", Fn2::Sub, x)),
    row("multiply", |g, x, _| arithmetic(g, "multiply", Fn2::Mul, x)),
    row("divide", |g, x, _| {
        let x = floats(g, "divide", &operands::<2>("divide", x)?)?;
        arithmetic(g, "divide", Fn2::Div, &x)
    }),
    row("floor_divide", |g, x, _| {
        real2(g, "floor_divide", x, |g, a, b| {
            if !g.ty(a).dtype.is_float() {
                return g.floor_div(a, b);
            }
            // By the remainder, which is exact: 0.9 // 0.1 is 8, though 0.9 / 0.1 rounds to 9.
            let rest = g.floor_mod(a, b)?;
            let less = g.sub(a, rest)?;
            let quotient = g.div(less, b)?;
            let nearest = g.round(quotient)?;
            let (zero, plain) = (g.scalar_like(b, 0.0)?, g.div(a, b)?);
            let (by_zero, finite) = (g.eq(b, zero)?, g.isfinite(quotient)?);
            let floor = g.floor(plain)?;
            let sound = g.not(by_zero)?;
            let sound = g.and(sound, finite)?;
            g.select(sound, nearest, floor)
        })
    }),
    row("remainder", |g, x, _| real2(g, "remainder", x, |g, a, b| g.floor_mod(a, b))),
    row("pow", |g, x, _| {
        let x = numbers(g, "pow", &operands::<2>("pow", x)?)?;
        one(power(g, x[0], x[1])?)
    }),
    row("integer_power", |g, x, args| {
        let [x] = operands("pow", x)?;
        let x = numbers(g, "pow", &[x])?[0];
        one(integer_power(g, x, super::arguments::integer("pow", args, 0)?.unwrap_or(1))?)
    }),
    row("atan2", |g, x, _| float2(g, "atan2", x, |g, a, b| g.atan2(a, b))),
    row("copysign", |g, x, _| float2(g, "copysign", x, |g, a, b| g.copysign(a, b))),
    row("hypot", |g, x, _| float2(g, "hypot", x, |g, a, b| g.hypot(a, b))),
    row("logaddexp", |g, x, _| float2(g, "logaddexp", x, |g, a, b| g.logaddexp(a, b))),
    row("nextafter", |g, x, _| float2(g, "nextafter", x, |g, a, b| g.nextafter(a, b))),
    row("xlogy", |g, x, _| float2(g, "xlogy", x, |g, a, b| g.xlogy(a, b))),
    row("maximum", |g, x, _| real2(g, "maximum", x, |g, a, b| g.max(a, b))),
    row("minimum", |g, x, _| real2(g, "minimum", x, |g, a, b| g.min(a, b))),
    row("gcd", |g, x, _| real2(g, "gcd", x, |g, a, b| g.gcd(a, b))),
    row("bitwise_and", |g, x, _| bits2(g, "bitwise_and", x, Fn2::And)),
    row("bitwise_or", |g, x, _| bits2(g, "bitwise_or", x, Fn2::Or)),
    row("bitwise_xor", |g, x, _| bits2(g, "bitwise_xor", x, Fn2::Xor)),
    row("bitwise_left_shift", |g, x, _| bits2(g, "bitwise_left_shift", x, Fn2::Shl)),
    row("bitwise_right_shift", |g, x, _| bits2(g, "bitwise_right_shift", x, Fn2::Shr)),
    row("bitwise_invert", |g, x, _| {
        let [x] = operands("bitwise_invert", x)?;
        let x = x.real("bitwise_invert", g)?;
        one(Value::Real(g.not(x)?))
    }),
    row("logical_and", |g, x, _| logical(g, "logical_and", x, Fn2::And)),
    row("logical_or", |g, x, _| logical(g, "logical_or", x, Fn2::Or)),
    row("logical_xor", |g, x, _| logical(g, "logical_xor", x, Fn2::Xor)),
    row("logical_not", |g, x, _| {
        let [x] = operands("logical_not", x)?;
        let Value::Real(x) = x.cast(g, Element::BOOL)? else { return one(x) };
        one(Value::Real(g.not(x)?))
    }),
    row("equal", |g, x, _| equality(g, "equal", x)),
    row("not_equal", |g, x, _| {
        let same = equality(g, "not_equal", x)?[0];
        one(same.each(g, |g, x| g.not(x))?)
    }),
    row("less", |g, x, _| compared(g, "less", x, Fn2::Lt)),
    row("less_equal", |g, x, _| compared(g, "less_equal", x, Fn2::Le)),
    row("greater", |g, x, _| compared(g, "greater", x, Fn2::Gt)),
    row("greater_equal", |g, x, _| compared(g, "greater_equal", x, Fn2::Ge)),
    row("where", |g, x, _| {
        let [condition, a, b] = operands("where", x)?;
        let Value::Real(condition) = condition.cast(g, Element::BOOL)? else { return one(condition) };
        let x = promoted(g, "where", &[a, b])?;
        g.broadcast_shape("where", &[condition, x[0].node(), x[1].node()])?;
        match (x[0], x[1]) {
            (Value::Complex(a), Value::Complex(b)) => {
                let (re, im) = (g.select(condition, a.re, b.re)?, g.select(condition, a.im, b.im)?);
                one(Value::Complex(Complex::new(g, re, im)?))
            }
            (a, b) => {
                let (a, b) = (a.real("where", g)?, b.real("where", g)?);
                one(Value::Real(g.select(condition, a, b)?))
            }
        }
    }),
    row("leaky_relu", |g, x, args| {
        let [x] = operands("leaky_relu", x)?;
        let x = floats(g, "leaky_relu", &[x])?[0].real("leaky_relu", g)?;
        one(Value::Real(g.leaky_relu(x, float("leaky_relu", args, 0)?.unwrap_or(0.01))?))
    }),
    row("elu", |g, x, args| {
        let [x] = operands("elu", x)?;
        let x = floats(g, "elu", &[x])?[0].real("elu", g)?;
        one(Value::Real(g.elu(x, float("elu", args, 0)?.unwrap_or(1.0))?))
    }),
];

/// Sums, differences, products and quotients of numbers of one type.
pub fn arithmetic(g: &mut Graph, op: &str, f: Fn2, x: &[Value]) -> Result<Values> {
    let x = numbers(g, op, &operands::<2>(op, x)?)?;
    g.broadcast_shape(op, &[x[0].node(), x[1].node()])?; // its error names the operation as the user knows it
    match (x[0], x[1]) {
        (Value::Complex(a), Value::Complex(b)) => one(Value::Complex(match f {
            Fn2::Add => a.add(g, b)?,
            Fn2::Sub => a.sub(g, b)?,
            Fn2::Mul => a.mul(g, b)?,
            _ => a.div(g, b)?,
        })),
        (a, b) => {
            let (a, b) = (a.real(op, g)?, b.real(op, g)?);
            one(Value::Real(g.map2(f, a, b)?))
        }
    }
}

/// A function of two real operands of one type.
fn real2(g: &mut Graph, op: &str, x: &[Value], f: fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>) -> Result<Values> {
    let x = numbers(g, op, &operands::<2>(op, x)?)?;
    let (a, b) = (x[0].real(op, g)?, x[1].real(op, g)?);
    applied2(g, op, a, b, f)
}

/// A function of two real floats.
fn float2(g: &mut Graph, op: &str, x: &[Value], f: fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>) -> Result<Values> {
    let x = floats(g, op, &operands::<2>(op, x)?)?;
    let (a, b) = (x[0].real(op, g)?, x[1].real(op, g)?);
    applied2(g, op, a, b, f)
}

/// Composites want operands of one shape.
fn applied2(
    g: &mut Graph,
    op: &str,
    a: NodeId,
    b: NodeId,
    f: fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>,
) -> Result<Values> {
    let shape = g.broadcast_shape(op, &[a, b])?;
    let (a, b) = (g.broadcast_to(a, &shape)?, g.broadcast_to(b, &shape)?);
    one(Value::Real(f(g, a, b)?))
}

fn bits2(g: &mut Graph, op: &str, x: &[Value], f: Fn2) -> Result<Values> {
    let x = promoted(g, op, &operands::<2>(op, x)?)?;
    let (a, b) = (x[0].real(op, g)?, x[1].real(op, g)?);
    if g.ty(a).dtype.is_float() {
        return Err(Error::dtype(op, format!("expected integers or bool, got {}", x[0].element(g))));
    }
    g.broadcast_shape(op, &[a, b])?;
    one(Value::Real(g.map2(f, a, b)?))
}

fn logical(g: &mut Graph, op: &str, x: &[Value], f: Fn2) -> Result<Values> {
    let [a, b] = operands(op, x)?;
    let (a, b) = (a.cast(g, Element::BOOL)?.real(op, g)?, b.cast(g, Element::BOOL)?.real(op, g)?);
    g.broadcast_shape(op, &[a, b])?;
    one(Value::Real(g.map2(f, a, b)?))
}

fn equality(g: &mut Graph, op: &str, x: &[Value]) -> Result<Values> {
    let x = promoted(g, op, &operands::<2>(op, x)?)?;
    g.broadcast_shape(op, &[x[0].node(), x[1].node()])?;
    match (x[0], x[1]) {
        (Value::Complex(a), Value::Complex(b)) => one(Value::Real(a.eq(g, b)?)),
        (a, b) => {
            let (a, b) = (a.real(op, g)?, b.real(op, g)?);
            one(Value::Real(g.eq(a, b)?))
        }
    }
}

fn compared(g: &mut Graph, op: &str, x: &[Value], f: Fn2) -> Result<Values> {
    let x = promoted(g, op, &operands::<2>(op, x)?)?;
    let (a, b) = (x[0].real(op, g)?, x[1].real(op, g)?);
    g.broadcast_shape(op, &[a, b])?;
    one(Value::Real(g.map2(f, a, b)?))
}

/// Roundings: integers are whole already.
fn whole(g: &mut Graph, op: &str, x: &[Value], f: Fn1) -> Result<Values> {
    let [x] = operands(op, x)?;
    let x = numbers(g, op, &[x])?[0];
    if !x.element(g).is_differentiable() {
        return one(x);
    }
    if f != Fn1::Round {
        x.real(op, g)?;
    }
    one(x.each(g, |g, x| g.map1(f, x))?)
}

/// Tests of floats; integers all answer the same.
fn tested(
    g: &mut Graph,
    op: &str,
    x: &[Value],
    of_integers: bool,
    f: fn(&mut Graph, NodeId) -> Result<NodeId>,
    parts: Fn2,
) -> Result<Values> {
    let [x] = operands(op, x)?;
    match x {
        Value::Real(x) if g.ty(x).dtype.is_float() => one(Value::Real(f(g, x)?)),
        Value::Real(x) => constant_like(g, x, of_integers),
        Value::Complex(z) => {
            let (re, im) = (f(g, z.re)?, f(g, z.im)?);
            one(Value::Real(g.map2(parts, re, im)?))
        }
    }
}

fn constant_like(g: &mut Graph, x: NodeId, answer: bool) -> Result<Values> {
    let ty = gradframe_ml_core::graph::Type::new(DType::Bool, g.ty(x).shape.clone());
    one(Value::Real(g.full(&ty, f64::from(u8::from(answer)))?))
}
