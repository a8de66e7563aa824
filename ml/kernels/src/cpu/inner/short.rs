//! Inner products by vectors of 256 bits: eight at a time, of as many rows of the left as there are, up to four.

#![allow(clippy::needless_range_loop)] // arrays of registers go by the index of several

use std::arch::x86_64::*;

use super::Results;
use crate::cpu::product::{Factor, Singles, Widened, Words};
use crate::cpu::vector::Vector;

/// Blocks of rows of the right that are fetched before they are multiplied.
const AHEAD: usize = 2;

/// As [`super::inner_products`], where the processor has AVX2 and FMA.
///
/// # Safety
/// The processor has them; else as [`super::inner_products`].
#[target_feature(enable = "avx2,fma")]
pub unsafe fn inner_products_avx2(sizes: [usize; 3], left: Factor, right: Factor, results: Results) {
    // SAFETY: the function's own condition.
    unsafe { all::<Singles<__m256>>(sizes, left, right, results) }
}

/// As [`super::inner_products_with_widened`], where the processor has AVX2 and FMA.
///
/// # Safety
/// The processor has them; else as [`super::inner_products_with_widened`].
#[target_feature(enable = "avx2,fma")]
pub unsafe fn inner_products_with_widened_avx2(sizes: [usize; 3], left: Factor, right: Factor, results: Results) {
    // SAFETY: the function's own condition.
    unsafe { all::<Widened<__m256>>(sizes, left, right, results) }
}

#[inline(always)]
unsafe fn all<W: Words<Register = __m256>>(sizes: [usize; 3], left: Factor, right: Factor, results: Results) {
    // SAFETY: the caller's condition.
    unsafe {
        match sizes[0] {
            1 => by_blocks::<W, 1, 8>(sizes, left, right, results),
            2 => by_blocks::<W, 2, 4>(sizes, left, right, results),
            _ => by_blocks::<W, 4, 2>(sizes, left, right, results),
        }
    }
}

/// `R` rows of the left by `C` of the right at a time.
#[inline(always)]
unsafe fn by_blocks<W: Words<Register = __m256>, const R: usize, const C: usize>(
    [rows, columns, depth]: [usize; 3],
    left: Factor,
    right: Factor,
    results: Results,
) {
    for column in (0..columns).step_by(C) {
        let b: [*const f32; C] = std::array::from_fn(|j| right.moved((column + j).min(columns - 1), 0).values);
        for row in (0..rows).step_by(R) {
            let a: [*const f32; R] = std::array::from_fn(|i| left.moved((row + i).min(rows - 1), 0).values);
            // The rows of the right that come next are fetched while the first of the left are multiplied: of heads that lie side by side, rows are
            // far apart, and the processor sees no streams in them.
            let ahead = if row == 0 { (C * AHEAD) as isize * right.row } else { 0 };
            // SAFETY: the function's own condition; rows beyond the last are the last again, and not written.
            unsafe {
                let sums = block::<W, R, C>(a, b, depth, ahead);
                for i in 0..R.min(rows - row) {
                    for j in 0..C.min(columns - column) {
                        *results.values.offset((row + i) as isize * results.stride).add(column + j) = total(sums[i][j]);
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn block<W: Words<Register = __m256>, const R: usize, const C: usize>(
    a: [*const f32; R],
    b: [*const f32; C],
    depth: usize,
    ahead: isize,
) -> [[__m256; C]; R] {
    unsafe {
        let mut sums = [[_mm256_setzero_ps(); C]; R];
        let whole = depth / __m256::LANES * __m256::LANES;
        for k in (0..whole).step_by(__m256::LANES) {
            if ahead != 0 {
                for j in 0..C {
                    // Only a hint, also behind the end.
                    _mm_prefetch::<_MM_HINT_T0>(W::right_at(b[j], k).wrapping_offset(ahead).cast());
                }
            }
            add::<W, R, C>(a, b, (k, __m256::LANES), &mut sums);
        }
        if whole < depth {
            add::<W, R, C>(a, b, (whole, depth - whole), &mut sums);
        }
        sums
    }
}

/// Adds the products of `count` elements from `k` on.
#[inline(always)]
unsafe fn add<W: Words<Register = __m256>, const R: usize, const C: usize>(
    a: [*const f32; R],
    b: [*const f32; C],
    (k, count): (usize, usize),
    sums: &mut [[__m256; C]; R],
) {
    unsafe {
        let mut right = [_mm256_setzero_ps(); C];
        for j in 0..C {
            right[j] = W::right(W::right_at(b[j], k), count);
        }
        for i in 0..R {
            let left = __m256::load_part(a[i].add(k), count);
            for j in 0..C {
                sums[i][j] = W::multiply_add(left, right[j], sums[i][j]);
            }
        }
    }
}

/// The sum of all lanes, by halves.
#[inline(always)]
unsafe fn total(lanes: __m256) -> f32 {
    unsafe {
        let fours = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
        let twos = _mm_add_ps(fours, _mm_movehl_ps(fours, fours));
        _mm_cvtss_f32(_mm_add_ss(twos, _mm_movehdup_ps(twos)))
    }
}
