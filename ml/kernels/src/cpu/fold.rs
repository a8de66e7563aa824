//! Folds of blocks. The order of additions depends on the number of elements only, so the bits do not depend on threads.

use std::convert::identity;

use gradframe_ml_core::DType;
use gradframe_ml_core::graph::ReduceOp;

use super::bytes::Plain;
use super::map2::Extreme;
use super::simd::vectorized;

/// Partial results side by side, so that a fold is as wide as the vectors.
const LANES: usize = 16;

/// What folds are computed in: f64, i64 or u64.
pub trait Accumulator: Plain + PartialOrd {
    /// The fold's result over nothing.
    fn neutral(op: ReduceOp) -> Self;
    /// Sum; integers wrap.
    fn plus(self, other: Self) -> Self;
    /// Product; integers wrap.
    fn times(self, other: Self) -> Self;
    /// The number, where the type holds it.
    fn from_i64(value: i64) -> Self;
}

/// What is folded. Narrow floats are folded in f64 and rounded once; bool counts as 0 and 1.
pub trait Folded: Plain + PartialOrd {
    /// The type in which it is folded.
    type Acc: Accumulator;
    /// Exact.
    fn widen(self) -> Self::Acc;
    /// Rounded.
    fn narrow(acc: Self::Acc) -> Self;
}

macro_rules! accumulators {
    ($($t:ty, $lowest:expr, $highest:expr, $plus:expr, $times:expr;)*) => { $(impl Accumulator for $t {
        #[inline(always)]
        fn neutral(op: ReduceOp) -> Self {
            match op {
                ReduceOp::Sum | ReduceOp::Any => 0 as $t,
                ReduceOp::Prod | ReduceOp::All => 1 as $t,
                ReduceOp::Max => $lowest,
                ReduceOp::Min => $highest,
            }
        }
        #[inline(always)]
        fn plus(self, other: Self) -> Self { $plus(self, other) }
        #[inline(always)]
        fn times(self, other: Self) -> Self { $times(self, other) }
        fn from_i64(value: i64) -> Self { value as $t }
    })* };
}

accumulators! {
    f64, f64::NEG_INFINITY, f64::INFINITY, std::ops::Add::add, std::ops::Mul::mul;
    i64, i64::MIN, i64::MAX, i64::wrapping_add, i64::wrapping_mul;
    u64, u64::MIN, u64::MAX, u64::wrapping_add, u64::wrapping_mul;
}

macro_rules! folded {
    ($($t:ty => $acc:ty),*) => { $(impl Folded for $t {
        type Acc = $acc;
        #[inline(always)]
        fn widen(self) -> $acc { self as $acc }
        #[inline(always)]
        fn narrow(acc: $acc) -> Self { acc as $t }
    })* };
}

folded! { f32 => f64, f64 => f64, i64 => i64, u64 => u64, u8 => u64 }

/// Calls `$body` with `$f` the fold's function of two accumulators.
macro_rules! with_op {
    ($op:expr, $f:ident => $body:expr) => {
        match $op {
            ReduceOp::Sum => {
                let $f = |a, b| Accumulator::plus(a, b);
                $body
            }
            ReduceOp::Prod => {
                let $f = |a, b| Accumulator::times(a, b);
                $body
            }
            ReduceOp::Max | ReduceOp::Any => {
                let $f = |a, b| Extreme::larger(a, b);
                $body
            }
            ReduceOp::Min | ReduceOp::All => {
                let $f = |a, b| Extreme::smaller(a, b);
                $body
            }
        }
    };
}

fn neutral<T: Folded>(op: ReduceOp) -> T::Acc {
    T::Acc::neutral(op)
}

/// What a fold over nothing gives: of a type narrower than its accumulator, the type's own lowest or highest value.
pub fn neutral_of<T: Folded>(op: ReduceOp, dtype: DType) -> T::Acc {
    let neutral = neutral::<T>(op);
    let (low, high) = match dtype {
        DType::Bool => (0, 1),
        DType::I8 => (i8::MIN as i64, i8::MAX as i64),
        DType::I16 => (i16::MIN as i64, i16::MAX as i64),
        DType::I32 => (i32::MIN as i64, i32::MAX as i64),
        DType::U8 => (0, u8::MAX as i64),
        DType::U16 => (0, u16::MAX as i64),
        DType::U32 => (0, u32::MAX as i64),
        _ => return neutral,
    };
    match op {
        ReduceOp::Max => T::Acc::from_i64(low),
        ReduceOp::Min => T::Acc::from_i64(high),
        _ => neutral,
    }
}

/// The fold of a block.
pub fn block<T: Folded>(op: ReduceOp, values: &[T]) -> T::Acc {
    let mut all = T::Acc::default();
    rows(op, values, values.len().max(1), |_, total| all = total);
    if values.is_empty() { neutral::<T>(op) } else { all }
}

/// The fold of each row of `row` elements.
pub fn rows<T: Folded>(op: ReduceOp, values: &[T], row: usize, store: impl FnMut(usize, T::Acc)) {
    match op {
        ReduceOp::Max | ReduceOp::Any => extremes(op, values, row, store, Extreme::larger),
        ReduceOp::Min | ReduceOp::All => extremes(op, values, row, store, Extreme::smaller),
        ReduceOp::Sum => totals(op, values, row, store, Accumulator::plus),
        ReduceOp::Prod => totals(op, values, row, store, Accumulator::times),
    }
}

#[inline]
fn totals<T: Folded>(
    op: ReduceOp,
    values: &[T],
    row: usize,
    mut store: impl FnMut(usize, T::Acc),
    f: impl Fn(T::Acc, T::Acc) -> T::Acc,
) {
    vectorized(
        #[inline(always)]
        || {
            for (i, row) in values.chunks_exact(row).enumerate() {
                store(i, in_lanes(row, neutral::<T>(op), T::widen, &f));
            }
        },
    );
}

/// Found in the elements' own type: widening changes nothing about which is larger.
#[inline]
fn extremes<T: Folded>(op: ReduceOp, values: &[T], row: usize, mut store: impl FnMut(usize, T::Acc), f: impl Fn(T, T) -> T) {
    vectorized(
        #[inline(always)]
        || {
            let start = T::narrow(neutral::<T>(op));
            for (i, values) in values.chunks_exact(row).enumerate() {
                let found = extreme(values, start, &f);
                store(i, found.widen());
            }
        },
    );
}

/// In two sets of lanes, whose steps need not wait for each other.
#[inline(always)]
fn extreme<T: Copy>(values: &[T], start: T, f: &impl Fn(T, T) -> T) -> T {
    let (mut even, mut odd) = ([start; LANES], [start; LANES]);
    let mut chunks = values.chunks_exact(2 * LANES);
    for chunk in &mut chunks {
        for i in 0..LANES {
            even[i] = f(even[i], chunk[i]);
        }
        for i in 0..LANES {
            odd[i] = f(odd[i], chunk[LANES + i]);
        }
    }
    for i in 0..LANES {
        even[i] = f(even[i], odd[i]);
    }
    f(in_lanes(&even, start, identity, f), in_lanes(chunks.remainder(), start, identity, f))
}

/// Folds each row of a block into `totals`, element by element.
pub fn columns<T: Folded>(op: ReduceOp, values: &[T], totals: &mut [T::Acc]) {
    with_op!(op, f => vectorized(#[inline(always)] || {
        for row in values.chunks_exact(totals.len()) {
            totals.iter_mut().zip(row).for_each(|(t, v)| *t = f(*t, v.widen()));
        }
    }));
}

/// Two partial results.
pub fn joined<A: Accumulator>(op: ReduceOp, a: A, b: A) -> A {
    with_op!(op, f => f(a, b))
}

#[inline(always)]
fn in_lanes<T: Copy, A: Copy>(values: &[T], neutral: A, widen: impl Fn(T) -> A, f: &impl Fn(A, A) -> A) -> A {
    let mut lanes = [neutral; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for i in 0..LANES {
            lanes[i] = f(lanes[i], widen(chunk[i]));
        }
    }
    lanes.iter_mut().zip(chunks.remainder()).for_each(|(l, &v)| *l = f(*l, widen(v)));
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = f(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}
