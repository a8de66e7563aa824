//! Two arithmetic functions in one pass over a block. Each is rounded by itself, so the bits are those of two passes.

use std::ops::{Add, Div, Mul, Sub};

use gradframe_ml_core::graph::Fn2;
use gradframe_ml_core::{DType, Error, Result};

use super::bytes::{Plain, typed_mut};
use super::map2::Argument;
use super::simd::{Operand, vectorized};
use crate::schedule::Pair;

/// `dst[i] = outer(inner(a[i], b[i]), c[i])`, or with the inner one second.
/// Errors: `Internal` for a type or function that is not paired.
pub fn pair(pair: &Pair, dtype: DType, [a, b, c]: [Argument; 3], dst: &mut [u8]) -> Result<()> {
    let known = match dtype {
        DType::F32 => by_inner::<f32>(pair, [a.typed(), b.typed(), c.typed()], typed_mut(dst)),
        DType::F64 => by_inner::<f64>(pair, [a.typed(), b.typed(), c.typed()], typed_mut(dst)),
        _ => false,
    };
    if known { Ok(()) } else { Err(Error::internal(pair.inner.name(), format!("is not paired in {dtype}"))) }
}

trait Float: Plain + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> {}

impl Float for f32 {}
impl Float for f64 {}

fn by_inner<T: Float>(pair: &Pair, operands: [Operand<T>; 3], dst: &mut [T]) -> bool {
    match pair.inner {
        Fn2::Add => by_outer(
            pair,
            operands,
            dst,
            #[inline(always)]
            |a, b| a + b,
        ),
        Fn2::Sub => by_outer(
            pair,
            operands,
            dst,
            #[inline(always)]
            |a, b| a - b,
        ),
        Fn2::Mul => by_outer(
            pair,
            operands,
            dst,
            #[inline(always)]
            |a, b| a * b,
        ),
        _ => false,
    }
}

fn by_outer<T: Float>(pair: &Pair, operands: [Operand<T>; 3], dst: &mut [T], inner: impl Fn(T, T) -> T) -> bool {
    match (pair.outer, pair.is_second) {
        (Fn2::Add, _) => pass(
            operands,
            dst,
            #[inline(always)]
            |a, b, c| inner(a, b) + c,
        ),
        (Fn2::Mul, _) => pass(
            operands,
            dst,
            #[inline(always)]
            |a, b, c| inner(a, b) * c,
        ),
        (Fn2::Sub, false) => pass(
            operands,
            dst,
            #[inline(always)]
            |a, b, c| inner(a, b) - c,
        ),
        (Fn2::Sub, true) => pass(
            operands,
            dst,
            #[inline(always)]
            |a, b, c| c - inner(a, b),
        ),
        (Fn2::Div, false) => pass(
            operands,
            dst,
            #[inline(always)]
            |a, b, c| inner(a, b) / c,
        ),
        (Fn2::Div, true) => pass(
            operands,
            dst,
            #[inline(always)]
            |a, b, c| c / inner(a, b),
        ),
        _ => return false,
    }
    true
}

fn pass<T: Float>([a, b, c]: [Operand<T>; 3], dst: &mut [T], f: impl Fn(T, T, T) -> T) {
    use Operand::{Block, One};
    vectorized(
        #[inline(always)]
        || match (a, b, c) {
            (Block(a), Block(b), Block(c)) => {
                dst.iter_mut().zip(a.iter().zip(b).zip(c)).for_each(|(d, ((&a, &b), &c))| *d = f(a, b, c));
            }
            (Block(a), Block(b), One(c)) => dst.iter_mut().zip(a.iter().zip(b)).for_each(|(d, (&a, &b))| *d = f(a, b, c)),
            (Block(a), One(b), Block(c)) => dst.iter_mut().zip(a.iter().zip(c)).for_each(|(d, (&a, &c))| *d = f(a, b, c)),
            (One(a), Block(b), Block(c)) => dst.iter_mut().zip(b.iter().zip(c)).for_each(|(d, (&b, &c))| *d = f(a, b, c)),
            (Block(a), One(b), One(c)) => dst.iter_mut().zip(a).for_each(|(d, &a)| *d = f(a, b, c)),
            (One(a), Block(b), One(c)) => dst.iter_mut().zip(b).for_each(|(d, &b)| *d = f(a, b, c)),
            (a, b, c) => dst.iter_mut().enumerate().for_each(|(i, d)| *d = f(a.at(i), b.at(i), c.at(i))),
        },
    );
}
