//! Inner products by vectors of 256 bits: four rows by two at a time.

#![allow(clippy::needless_range_loop)] // arrays of registers go by the index of several

use std::arch::x86_64::*;

use super::Results;
use crate::cpu::product::Factor;
use crate::cpu::vector::Vector;

/// Rows of the left and of the right that are multiplied at once.
const SIDES: [usize; 2] = [4, 2];

/// As [`super::inner_products`], where the processor has AVX2 and FMA.
///
/// # Safety
/// The processor has them; else as [`super::inner_products`].
#[target_feature(enable = "avx2,fma")]
pub unsafe fn inner_products_avx2([rows, columns, depth]: [usize; 3], left: Factor, right: Factor, results: Results) {
    for column in (0..columns).step_by(SIDES[1]) {
        let b: [*const f32; SIDES[1]] = std::array::from_fn(|j| right.moved((column + j).min(columns - 1), 0).values);
        for row in (0..rows).step_by(SIDES[0]) {
            let a: [*const f32; SIDES[0]] = std::array::from_fn(|i| left.moved((row + i).min(rows - 1), 0).values);
            // SAFETY: the function's own condition; rows beyond the last are the last again, and not written.
            unsafe {
                let sums = block(a, b, depth);
                for i in 0..SIDES[0].min(rows - row) {
                    for j in 0..SIDES[1].min(columns - column) {
                        *results.values.offset((row + i) as isize * results.stride).add(column + j) = total(sums[i][j]);
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn block(a: [*const f32; SIDES[0]], b: [*const f32; SIDES[1]], depth: usize) -> [[__m256; SIDES[1]]; SIDES[0]] {
    unsafe {
        let mut sums = [[_mm256_setzero_ps(); SIDES[1]]; SIDES[0]];
        for k in (0..depth).step_by(__m256::LANES) {
            let right = [__m256::load_part(b[0].add(k), depth - k), __m256::load_part(b[1].add(k), depth - k)];
            for i in 0..SIDES[0] {
                let left = __m256::load_part(a[i].add(k), depth - k);
                for j in 0..SIDES[1] {
                    sums[i][j] = __m256::multiply_add(left, right[j], sums[i][j]);
                }
            }
        }
        sums
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
