//! Folds of blocks. The order of additions depends on the number of elements only, so the bits do not depend on threads.

use gradframe_ml_core::DType;
use gradframe_ml_core::graph::ReduceOp;

use super::bytes::{Plain, as_bytes};
use super::map2::Extreme;
use super::simd::{fetch, vectorized};

/// Partial results side by side, so that a fold is as wide as the vectors.
pub const LANES: usize = 16;

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
    /// The sum of four. Of f32 in f32, by pairs: a fourth of the work, and three roundings beside the result's own.
    #[inline(always)]
    fn sum_of_four([a, b, c, d]: [Self; 4]) -> Self::Acc {
        (a.widen().plus(b.widen())).plus(c.widen().plus(d.widen()))
    }
    /// What a NaN is; of integers never asked for.
    const NAN: Self;
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
    ($($t:ty => $acc:ty, $nan:expr $(, $sum_of_four:item)?;)*) => { $(impl Folded for $t {
        type Acc = $acc;
        const NAN: Self = $nan;
        #[inline(always)]
        fn widen(self) -> $acc { self as $acc }
        #[inline(always)]
        fn narrow(acc: $acc) -> Self { acc as $t }
        $($sum_of_four)?
    })* };
}

folded! {
    f32 => f64, f32::NAN,
        #[inline(always)]
        fn sum_of_four([a, b, c, d]: [f32; 4]) -> f64 { ((a + b) + (c + d)) as f64 };
    f64 => f64, f64::NAN;
    i64 => i64, 0;
    u64 => u64, 0;
    u8 => u64, 0;
}

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
        ReduceOp::Max | ReduceOp::Any => extremes(op, values, row, store, |a, b| a > b),
        ReduceOp::Min | ReduceOp::All => extremes(op, values, row, store, |a, b| a < b),
        ReduceOp::Sum => sums(values, row, store),
        ReduceOp::Prod => products(values, row, store),
    }
}

#[inline]
fn sums<T: Folded>(values: &[T], row: usize, mut store: impl FnMut(usize, T::Acc)) {
    vectorized(
        #[inline(always)]
        || {
            for (i, row) in values.chunks_exact(row).enumerate() {
                store(i, sum(row));
            }
        },
    );
}

#[inline(always)]
fn sum<T: Folded>(values: &[T]) -> T::Acc {
    let mut lanes = [T::Acc::neutral(ReduceOp::Sum); LANES];
    let (fours, rest) = values.as_chunks::<{ 4 * LANES }>();
    for four in fours {
        for i in 0..LANES {
            lanes[i] = lanes[i].plus(T::sum_of_four([four[i], four[LANES + i], four[2 * LANES + i], four[3 * LANES + i]]));
        }
    }
    for few in rest.chunks(LANES) {
        lanes.iter_mut().zip(few).for_each(|(lane, &v)| *lane = lane.plus(v.widen()));
    }
    together(lanes, &|a: T::Acc, b| a.plus(b))
}

#[inline]
fn products<T: Folded>(values: &[T], row: usize, mut store: impl FnMut(usize, T::Acc)) {
    let one = T::Acc::neutral(ReduceOp::Prod);
    vectorized(
        #[inline(always)]
        || {
            for (i, row) in values.chunks_exact(row).enumerate() {
                store(i, in_lanes(row, one, T::widen, &|a: T::Acc, b| a.times(b)));
            }
        },
    );
}

/// Found in the elements' own type: widening changes nothing about which is larger.
#[inline]
fn extremes<T: Folded>(
    op: ReduceOp,
    values: &[T],
    row: usize,
    mut store: impl FnMut(usize, T::Acc),
    wins: impl Fn(T, T) -> bool,
) {
    vectorized(
        #[inline(always)]
        || {
            let start = T::narrow(neutral::<T>(op));
            for (i, values) in values.chunks_exact(row).enumerate() {
                let found = extreme(values, start, &wins);
                store(i, found.widen());
            }
        },
    );
}

/// In two sets of lanes, whose steps need not wait for each other. A NaN never wins: that there was one is noted apart, by one
/// comparison for two elements.
#[inline(always)]
#[allow(clippy::eq_op)] // only NaN differs from itself
fn extreme<T: Folded>(values: &[T], start: T, wins: &impl Fn(T, T) -> bool) -> T {
    let (mut even, mut odd, mut nan) = ([start; LANES], [start; LANES], [start; LANES]);
    let (pairs, rest) = values.as_chunks::<{ 2 * LANES }>();
    for pair in pairs {
        for i in 0..LANES {
            let (a, b) = (pair[i], pair[LANES + i]);
            even[i] = if wins(a, even[i]) { a } else { even[i] };
            odd[i] = if wins(b, odd[i]) { b } else { odd[i] };
            nan[i] = if a != a || b != b { T::NAN } else { nan[i] };
        }
    }
    let better = |a: T, b: T| if wins(a, b) || a != a { a } else { b };
    for i in 0..LANES {
        even[i] = better(nan[i], better(even[i], odd[i]));
    }
    for few in rest.chunks(LANES) {
        even.iter_mut().zip(few).for_each(|(lane, &v)| *lane = better(v, *lane));
    }
    together(even, &better)
}

/// Folds each row of a block into `totals`, element by element; four rows at a time, where there are as many.
pub fn columns<T: Folded>(op: ReduceOp, values: &[T], totals: &mut [T::Acc]) {
    let width = totals.len();
    let fours = values.chunks_exact(4 * width);
    let rest = fours.remainder();
    let mut fours = fours.map(|four| {
        let (a, b) = four.split_at(2 * width);
        let ((a, b), (c, d)) = (a.split_at(width), b.split_at(width));
        [a, b, c, d]
    });
    let mut next = fours.next();
    while let Some(four) = next {
        next = fours.next();
        four_rows(op, four, next.unwrap_or([&[]; 4]), totals);
    }
    with_op!(op, f => vectorized(#[inline(always)] || {
        for row in rest.chunks_exact(width) {
            totals.iter_mut().zip(row).for_each(|(t, v)| *t = f(*t, v.widen()));
        }
    }));
}

/// Elements of four rows that are folded while the same ones of the next four are fetched.
const PIECE: usize = 256;

/// Folds four rows into `totals`, element by element; `next` are rows that follow, or empty ones.
pub fn four_rows<T: Folded>(op: ReduceOp, rows: [&[T]; 4], next: [&[T]; 4], totals: &mut [T::Acc]) {
    for (i, totals) in totals.chunks_mut(PIECE).enumerate() {
        let piece = |row: &[T]| (i * PIECE).min(row.len())..((i + 1) * PIECE).min(row.len());
        for row in next {
            fetch(as_bytes(&row[piece(row)]));
        }
        four_pieces(op, rows.map(|row| &row[piece(row)]), totals);
    }
}

fn four_pieces<T: Folded>(op: ReduceOp, rows: [&[T]; 4], totals: &mut [T::Acc]) {
    match op {
        ReduceOp::Sum => join_four(rows, totals, |t, four| t.plus(T::sum_of_four(four))),
        ReduceOp::Prod => join_four(rows, totals, |t, four| four.into_iter().fold(t, |t, v| t.times(v.widen()))),
        ReduceOp::Max | ReduceOp::Any => {
            join_four(rows, totals, |t, four| Extreme::larger(t, best_of(four, |a, b| a > b).widen()))
        }
        ReduceOp::Min | ReduceOp::All => {
            join_four(rows, totals, |t, four| Extreme::smaller(t, best_of(four, |a, b| a < b).widen()))
        }
    }
}

/// The one that wins; NaN if one is.
#[inline(always)]
#[allow(clippy::eq_op)] // only NaN differs from itself
fn best_of<T: Folded>([a, b, c, d]: [T; 4], wins: impl Fn(T, T) -> bool) -> T {
    let best = |a, b| if wins(a, b) { a } else { b };
    let found = best(best(a, b), best(c, d));
    let is_nan = (a != a || b != b) | (c != c || d != d);
    if is_nan { T::NAN } else { found }
}

#[inline]
fn join_four<T: Folded>([a, b, c, d]: [&[T]; 4], totals: &mut [T::Acc], f: impl Fn(T::Acc, [T; 4]) -> T::Acc) {
    vectorized(
        #[inline(always)]
        || {
            let rows = a.iter().zip(b).zip(c.iter().zip(d));
            totals.iter_mut().zip(rows).for_each(|(t, ((&a, &b), (&c, &d)))| *t = f(*t, [a, b, c, d]));
        },
    );
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
    together(lanes, f)
}

/// All lanes by halves.
#[inline(always)]
pub fn together<A: Copy>(mut lanes: [A; LANES], f: &impl Fn(A, A) -> A) -> A {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = f(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}
