//! Scalar functions over blocks: one tight loop a function, which the compiler turns into SIMD where it can.

use gradframe_ml_core::graph::{Fn1, Fn2, ReduceOp};
use gradframe_ml_core::ops::scalar;

use super::register::unary;

#[inline(always)]
fn binary<T: Copy, O>(a: &[T], b: &[T], o: &mut [O], f: impl Fn(T, T) -> O) {
    for ((&a, &b), o) in a.iter().zip(b).zip(o) {
        *o = f(a, b);
    }
}

/// `e^x` by range reduction to |r| <= ln 2 / 2 and a Taylor polynomial of degree 13: within 1 ulp, no branches.
/// Source: Muller, Elementary Functions, 3rd edition, chapter 6.
#[inline(always)]
fn exp(x: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // Adding and taking away 1.5 * 2^52 rounds to an integer, which then stands in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let bounded = x.clamp(-746.0, 710.0);
    let shifted = bounded * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (bounded - n * LN2_HIGH) - n * LN2_LOW;
    const C: [f64; 14] = [
        1.0,
        1.0,
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5040.0,
        1.0 / 40320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
        1.0 / 479_001_600.0,
        1.0 / 6_227_020_800.0,
    ];
    let mut p = C[13];
    for c in C[..13].iter().rev() {
        p = p * r + c;
    }
    // Two factors, so that results below the normal range are reached without overflow of the exponent.
    let exponent = (shifted.to_bits() as i64).wrapping_shl(12) >> 12;
    let half = (exponent.wrapping_sub(ROUND.to_bits() as i64 & 0x000f_ffff_ffff_ffff)) >> 1;
    let rest = exponent.wrapping_sub(ROUND.to_bits() as i64 & 0x000f_ffff_ffff_ffff) - half;
    let power = |n: i64| f64::from_bits(((n + 1023) as u64) << 52);
    if x.is_nan() { x } else { p * power(half) * power(rest) }
}

/// A float function over a block: the commonest by loops of their own, the others by their plain definition.
pub fn map1_f64(f: Fn1, x: &[f64], o: &mut [f64]) {
    match f {
        Fn1::Neg => unary(x, o, |x| -x),
        Fn1::Abs => unary(x, o, f64::abs),
        Fn1::Exp => unary(x, o, exp),
        Fn1::Sqrt => unary(x, o, f64::sqrt),
        Fn1::Rsqrt => unary(x, o, |x| 1.0 / x.sqrt()),
        Fn1::Floor => unary(x, o, f64::floor),
        Fn1::Ceil => unary(x, o, f64::ceil),
        Fn1::Trunc => unary(x, o, f64::trunc),
        Fn1::Log => unary(x, o, f64::ln),
        Fn1::Log1p => unary(x, o, f64::ln_1p),
        Fn1::Tanh => unary(x, o, f64::tanh),
        other => unary(x, o, |x| scalar::float1(other, x)),
    }
}

/// As [`map1_f64`]; the rarer functions are computed in f64 and rounded once.
pub fn map1_f32(f: Fn1, x: &[f32], o: &mut [f32]) {
    match f {
        Fn1::Neg => unary(x, o, |x| -x),
        Fn1::Abs => unary(x, o, f32::abs),
        Fn1::Exp => unary(x, o, |x| exp(x as f64) as f32),
        Fn1::Sqrt => unary(x, o, f32::sqrt),
        Fn1::Log => unary(x, o, f32::ln),
        Fn1::Log1p => unary(x, o, f32::ln_1p),
        Fn1::Tanh => unary(x, o, f32::tanh),
        other => unary(x, o, |x| scalar::float1(other, x as f64) as f32),
    }
}

/// A float function of two operands over a block.
pub fn map2_f64(f: Fn2, a: &[f64], b: &[f64], o: &mut [f64]) {
    match f {
        Fn2::Add => binary(a, b, o, |a, b| a + b),
        Fn2::Sub => binary(a, b, o, |a, b| a - b),
        Fn2::Mul => binary(a, b, o, |a, b| a * b),
        Fn2::Div => binary(a, b, o, |a, b| a / b),
        Fn2::Max => binary(a, b, o, max_f64),
        Fn2::Min => binary(a, b, o, min_f64),
        other => binary(a, b, o, |a, b| scalar::float2(other, a, b)),
    }
}

/// As [`map2_f64`].
pub fn map2_f32(f: Fn2, a: &[f32], b: &[f32], o: &mut [f32]) {
    match f {
        Fn2::Add => binary(a, b, o, |a, b| a + b),
        Fn2::Sub => binary(a, b, o, |a, b| a - b),
        Fn2::Mul => binary(a, b, o, |a, b| a * b),
        Fn2::Div => binary(a, b, o, |a, b| a / b),
        other => binary(a, b, o, |a, b| scalar::float2(other, a as f64, b as f64) as f32),
    }
}

#[inline(always)]
fn max_f64(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

#[inline(always)]
fn min_f64(a: f64, b: f64) -> f64 {
    if a < b || a.is_nan() { a } else { b }
}

macro_rules! integers {
    ($($t:ty: $map1:ident $map2:ident $fold:ident;)*) => { $(
        /// An integer function over a block.
        pub fn $map1(f: Fn1, x: &[$t], o: &mut [$t]) {
            unary(x, o, |x| scalar::integer1(f, x as i128, false) as $t)
        }

        /// An integer function of two operands over a block; wraps.
        pub fn $map2(f: Fn2, a: &[$t], b: &[$t], o: &mut [$t]) {
            match f {
                Fn2::Add => binary(a, b, o, <$t>::wrapping_add),
                Fn2::Sub => binary(a, b, o, <$t>::wrapping_sub),
                Fn2::Mul => binary(a, b, o, <$t>::wrapping_mul),
                Fn2::Max => binary(a, b, o, <$t>::max),
                Fn2::Min => binary(a, b, o, <$t>::min),
                other => binary(a, b, o, |a, b| scalar::integer2(other, a as i128, b as i128, <$t>::BITS as i128) as $t),
            }
        }

        /// Folds integers into `start`; sums and products wrap.
        pub fn $fold(op: ReduceOp, start: $t, x: &[$t]) -> $t {
            match op {
                ReduceOp::Sum => x.iter().fold(start, |a, &b| a.wrapping_add(b)),
                ReduceOp::Prod => x.iter().fold(start, |a, &b| a.wrapping_mul(b)),
                ReduceOp::Max => x.iter().fold(start, |a, &b| a.max(b)),
                ReduceOp::Min => x.iter().fold(start, |a, &b| a.min(b)),
                ReduceOp::All => x.iter().fold(start, |a, &b| (a != 0 && b != 0) as $t),
                ReduceOp::Any => x.iter().fold(start, |a, &b| (a != 0 || b != 0) as $t),
            }
        }
    )* };
}

integers! {
    i64: map1_i64 map2_i64 fold_i64;
    i32: map1_i32 map2_i32 fold_i32;
}

/// Comparisons of numbers.
pub fn compare<T: Copy + PartialOrd>(f: Fn2, a: &[T], b: &[T], o: &mut [u8]) {
    match f {
        Fn2::Eq => binary(a, b, o, |a, b| (a == b) as u8),
        Fn2::Ne => binary(a, b, o, |a, b| (a != b) as u8),
        Fn2::Lt => binary(a, b, o, |a, b| (a < b) as u8),
        Fn2::Le => binary(a, b, o, |a, b| (a <= b) as u8),
        Fn2::Gt => binary(a, b, o, |a, b| (a > b) as u8),
        _ => binary(a, b, o, |a, b| (a >= b) as u8),
    }
}

/// Functions of two bools.
pub fn map2_bool(f: Fn2, a: &[u8], b: &[u8], o: &mut [u8]) {
    match f {
        Fn2::And | Fn2::Min => binary(a, b, o, |a, b| a & b),
        Fn2::Or | Fn2::Max => binary(a, b, o, |a, b| a | b),
        Fn2::Xor => binary(a, b, o, |a, b| a ^ b),
        comparison => compare(comparison, a, b, o),
    }
}

/// The neutral element of a fold over floats.
pub fn neutral_f64(op: ReduceOp) -> f64 {
    match op {
        ReduceOp::Prod | ReduceOp::All => 1.0,
        ReduceOp::Max => f64::NEG_INFINITY,
        ReduceOp::Min => f64::INFINITY,
        ReduceOp::Sum | ReduceOp::Any => 0.0,
    }
}

/// The neutral element of a fold over integers of this range.
pub fn neutral_i64(op: ReduceOp, low: i64, high: i64) -> i64 {
    match op {
        ReduceOp::Prod | ReduceOp::All => 1,
        ReduceOp::Max => low,
        ReduceOp::Min => high,
        ReduceOp::Sum | ReduceOp::Any => 0,
    }
}

macro_rules! float_folds {
    ($($t:ty: $fold:ident;)*) => { $(
        /// Folds floats into `start`, in eight lanes that are folded in a fixed order at the end.
        pub fn $fold(op: ReduceOp, start: $t, x: &[$t]) -> $t {
            match op {
                ReduceOp::Sum => start + lanes(x, 0.0, |a: $t, b| a + b),
                ReduceOp::Prod => start * lanes(x, 1.0, |a: $t, b| a * b),
                ReduceOp::Max => x.iter().fold(start, |a, &b| if a > b || a.is_nan() { a } else { b }),
                ReduceOp::Min => x.iter().fold(start, |a, &b| if a < b || a.is_nan() { a } else { b }),
                ReduceOp::All => (start != 0.0 && x.iter().all(|&v| v != 0.0)) as u8 as $t,
                ReduceOp::Any => (start != 0.0 || x.iter().any(|&v| v != 0.0)) as u8 as $t,
            }
        }
    )* };
}

float_folds! {
    f64: fold_f64;
    f32: fold_f32;
}

#[inline(always)]
fn lanes<T: Copy>(x: &[T], neutral: T, f: impl Fn(T, T) -> T) -> T {
    let mut sums = [neutral; 8];
    let (chunks, rest) = x.as_chunks::<8>();
    for chunk in chunks {
        for (sum, &v) in sums.iter_mut().zip(chunk) {
            *sum = f(*sum, v);
        }
    }
    let total = sums.into_iter().fold(neutral, &f);
    rest.iter().fold(total, |a, &b| f(a, b))
}

/// Folds bools into `start`.
pub fn fold_bool(op: ReduceOp, start: u8, x: &[u8]) -> u8 {
    match op {
        ReduceOp::All | ReduceOp::Min | ReduceOp::Prod => x.iter().fold(start, |a, &b| a & b),
        ReduceOp::Any | ReduceOp::Max | ReduceOp::Sum => x.iter().fold(start, |a, &b| a | b),
    }
}
