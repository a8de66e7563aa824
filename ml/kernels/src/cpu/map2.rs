//! Functions of two operands over blocks.

use gradframe_ml_core::graph::Fn2;
use gradframe_ml_core::ops::special;
use gradframe_ml_core::{DType, Error, Result};

use super::bytes::{Plain, typed, typed_mut};
use super::simd::{Operand, binary};

/// `dst[i] = f(a[i], b[i])` for operands of `dtype`, one of those that are computed in.
/// Errors: `Internal` for a function that the type does not have.
pub fn map2(f: Fn2, dtype: DType, a: Argument, b: Argument, dst: &mut [u8]) -> Result<()> {
    if f.is_comparison() {
        match dtype {
            DType::F32 => compare::<f32>(f, a, b, dst),
            DType::F64 => compare::<f64>(f, a, b, dst),
            DType::I64 => compare::<i64>(f, a, b, dst),
            DType::U64 => compare::<u64>(f, a, b, dst),
            _ => compare::<u8>(f, a, b, dst),
        }
        return Ok(());
    }
    let known = match dtype {
        DType::F32 => of_f32(f, a.typed(), b.typed(), typed_mut(dst)),
        DType::F64 => of_f64(f, a.typed(), b.typed(), typed_mut(dst)),
        DType::I64 => of_i64(f, a.typed(), b.typed(), typed_mut(dst)),
        DType::U64 => of_u64(f, a.typed(), b.typed(), typed_mut(dst)),
        _ => of_bool(f, a.typed(), b.typed(), dst),
    };
    if known { Ok(()) } else { Err(Error::internal(f.name(), format!("is not computed in {dtype}"))) }
}

/// An operand whose type is not known here.
#[derive(Clone, Copy)]
pub enum Argument<'a> {
    /// One number an element.
    Block(&'a [u8]),
    /// One number for all.
    One(&'a [u8]),
    /// One number for each row of so many elements.
    Rows(&'a [u8], usize),
}

impl<'a> Argument<'a> {
    /// As an operand of this type.
    #[inline(always)]
    pub fn typed<T: Plain>(self) -> Operand<'a, T> {
        match self {
            Argument::Block(values) => Operand::Block(typed(values)),
            Argument::One(value) => Operand::One(typed::<T>(value)[0]),
            Argument::Rows(values, row) => Operand::Rows(typed(values), row),
        }
    }
}

fn compare<T: Plain + PartialOrd>(f: Fn2, a: Argument, b: Argument, dst: &mut [u8]) {
    let (a, b) = (a.typed::<T>(), b.typed::<T>());
    match f {
        Fn2::Eq => binary(a, b, dst, |a, b| (a == b) as u8),
        Fn2::Ne => binary(a, b, dst, |a, b| (a != b) as u8),
        Fn2::Lt => binary(a, b, dst, |a, b| (a < b) as u8),
        Fn2::Le => binary(a, b, dst, |a, b| (a <= b) as u8),
        Fn2::Gt => binary(a, b, dst, |a, b| (a > b) as u8),
        _ => binary(a, b, dst, |a, b| (a >= b) as u8),
    }
}

macro_rules! float_functions {
    ($of:ident, $float:ident) => {
        fn $of(f: Fn2, a: Operand<$float>, b: Operand<$float>, dst: &mut [$float]) -> bool {
            match f {
                Fn2::Add => binary(a, b, dst, |a, b| a + b),
                Fn2::Sub => binary(a, b, dst, |a, b| a - b),
                Fn2::Mul => binary(a, b, dst, |a, b| a * b),
                Fn2::Div => binary(a, b, dst, |a, b| a / b),
                Fn2::Rem => binary(a, b, dst, |a, b| a % b),
                Fn2::Pow => power(a, b, dst),
                Fn2::Atan2 => binary(a, b, dst, |a, b| (a as f64).atan2(b as f64) as $float),
                Fn2::Zeta => binary(a, b, dst, |a, b| special::zeta(a as f64, b as f64) as $float),
                Fn2::Igamma => binary(a, b, dst, |a, b| special::igamma(a as f64, b as f64) as $float),
                Fn2::Igammac => binary(a, b, dst, |a, b| special::igammac(a as f64, b as f64) as $float),
                Fn2::Max => binary(
                    a,
                    b,
                    dst,
                    #[inline(always)]
                    |a, b| Extreme::larger(a, b),
                ),
                Fn2::Min => binary(
                    a,
                    b,
                    dst,
                    #[inline(always)]
                    |a, b| Extreme::smaller(a, b),
                ),
                _ => return false,
            }
            true
        }
    };
}

float_functions!(of_f32, f32);
float_functions!(of_f64, f64);

/// Powers through f64; squares, which gradients are full of, by multiplication.
fn power<T: Plain + std::ops::Mul<Output = T> + PartialEq + Into<f64> + FromF64>(a: Operand<T>, b: Operand<T>, dst: &mut [T]) {
    let is_square = match b {
        Operand::Block(b) | Operand::Rows(b, _) => b.iter().all(|&e| e.into() == 2.0),
        Operand::One(b) => b.into() == 2.0,
    };
    if is_square {
        binary(a, a, dst, |a, _| a * a);
    } else {
        binary(a, b, dst, |a, b| T::rounded(a.into().powf(b.into())));
    }
}

/// Rounding from f64.
trait FromF64 {
    fn rounded(value: f64) -> Self;
}

impl FromF64 for f32 {
    fn rounded(value: f64) -> Self {
        value as f32
    }
}

impl FromF64 for f64 {
    fn rounded(value: f64) -> Self {
        value
    }
}

/// Larger and smaller of two; NaN if either is.
pub trait Extreme: Copy + PartialOrd {
    /// The larger.
    #[inline(always)]
    #[allow(clippy::eq_op)] // only NaN differs from itself
    fn larger(a: Self, b: Self) -> Self {
        if a > b || a != a { a } else { b }
    }

    /// The smaller.
    #[inline(always)]
    #[allow(clippy::eq_op)] // only NaN differs from itself
    fn smaller(a: Self, b: Self) -> Self {
        if a < b || a != a { a } else { b }
    }
}

impl<T: Copy + PartialOrd> Extreme for T {}

macro_rules! integer_functions {
    ($of:ident, $int:ident) => {
        fn $of(f: Fn2, a: Operand<$int>, b: Operand<$int>, dst: &mut [$int]) -> bool {
            match f {
                Fn2::Add => binary(a, b, dst, |a, b| a.wrapping_add(b)),
                Fn2::Sub => binary(a, b, dst, |a, b| a.wrapping_sub(b)),
                Fn2::Mul => binary(a, b, dst, |a, b| a.wrapping_mul(b)),
                Fn2::Div => binary(a, b, dst, |a, b| if b == 0 { 0 } else { a.wrapping_div(b) }),
                Fn2::Rem => binary(a, b, dst, |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) }),
                Fn2::Pow => binary(a, b, dst, |a, b| integer_power(a as i128, b as i128) as $int),
                Fn2::Gcd => binary(a, b, dst, |a, b| special::gcd(a as i128, b as i128) as $int),
                Fn2::Max => binary(a, b, dst, |a, b| a.max(b)),
                Fn2::Min => binary(a, b, dst, |a, b| a.min(b)),
                Fn2::And => binary(a, b, dst, |a, b| a & b),
                Fn2::Or => binary(a, b, dst, |a, b| a | b),
                Fn2::Xor => binary(a, b, dst, |a, b| a ^ b),
                Fn2::Shl => binary(a, b, dst, |a, b| if (b as u64) < 64 { a << b } else { 0 }),
                Fn2::Shr => binary(a, b, dst, |a, b| if (b as u64) < 64 { a >> b } else { (a >> 63) >> 1 }),
                _ => return false,
            }
            true
        }
    };
}

integer_functions!(of_i64, i64);
integer_functions!(of_u64, u64);

/// `a^b` modulo 2^64; a negative exponent truncates: 0 unless the base is 1 or -1.
fn integer_power(a: i128, b: i128) -> i128 {
    if b < 0 {
        return if a == 1 || (a == -1 && b & 1 == 0) { 1 } else { -((a == -1) as i128) };
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

fn of_bool(f: Fn2, a: Operand<u8>, b: Operand<u8>, dst: &mut [u8]) -> bool {
    match f {
        Fn2::And | Fn2::Min => binary(a, b, dst, |a, b| a & b),
        Fn2::Or | Fn2::Max => binary(a, b, dst, |a, b| a | b),
        Fn2::Xor => binary(a, b, dst, |a, b| a ^ b),
        _ => return false,
    }
    true
}
