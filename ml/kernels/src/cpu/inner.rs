//! Products in which few rows meet many, all of them contiguous: inner products of four rows by four at a time.
//!
//! [`super::product`] turns the right side into panels first, which pays over many rows of the left. Here each row of the right is
//! read once, in the order in which it lies, at the speed of memory: a step of generation for a few texts is nothing else. Sixteen
//! sums a lane are added up by a tree, so the bits of an element do not depend on how many others there are.

#![allow(clippy::needless_range_loop)] // arrays of registers go by the index of several

mod short;

use std::arch::x86_64::*;

use super::product::{Factor, Pairs, Singles, Widened, Words};
use super::simd::{Level, level};
use short::{inner_products_avx2, inner_products_with_widened_avx2};

/// Rows of either side that are multiplied at once.
const SIDE: usize = 4;
/// Words of a vector.
const LANES: usize = 16;

/// Where the results lie: element (i, j) at `i * stride + j`.
#[derive(Clone, Copy)]
pub struct Results {
    pub values: *mut f32,
    pub stride: isize,
}

/// `results[i, j] = sum_k left[i, k] right[j, k]` for `[rows, columns, depth]`, none of which is 0.
///
/// # Safety
/// The processor's [`level`] is not `Portable`. Words of a row follow one another; all are inside their memory, and nobody else reaches
/// the results'.
pub unsafe fn inner_products(sizes: [usize; 3], left: Factor, right: Factor, results: Results) {
    // SAFETY: the function's own condition.
    unsafe {
        match level() {
            Level::Avx512 => inner_products_avx512(sizes, left, right, results),
            _ => inner_products_avx2(sizes, left, right, results),
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
unsafe fn inner_products_avx512(sizes: [usize; 3], left: Factor, right: Factor, results: Results) {
    // SAFETY: the function's own condition.
    unsafe { all::<Singles<__m512>>(sizes, left, right, results) }
}

/// As [`inner_products`], for words of two bf16, each of which counts twice.
///
/// # Safety
/// As [`inner_products`]; and the processor has AVX-512 F, BW, DQ, VL and BF16.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512bf16,fma")]
pub unsafe fn inner_products_of_pairs(sizes: [usize; 3], left: Factor, right: Factor, results: Results) {
    // SAFETY: the function's own condition.
    unsafe { all::<Pairs>(sizes, left, right, results) }
}

/// As [`inner_products`], where the right is bf16 whose rows are `right.row` words of four bytes apart.
///
/// # Safety
/// As [`inner_products`].
pub unsafe fn inner_products_with_widened(sizes: [usize; 3], left: Factor, right: Factor, results: Results) {
    // SAFETY: the function's own condition.
    unsafe {
        match level() {
            Level::Avx512 => inner_products_with_widened_avx512(sizes, left, right, results),
            _ => inner_products_with_widened_avx2(sizes, left, right, results),
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
unsafe fn inner_products_with_widened_avx512(sizes: [usize; 3], left: Factor, right: Factor, results: Results) {
    // SAFETY: the function's own condition.
    unsafe { all::<Widened<__m512>>(sizes, left, right, results) }
}

#[inline(always)]
unsafe fn all<W: Words<Register = __m512>>([rows, columns, depth]: [usize; 3], left: Factor, right: Factor, results: Results) {
    for column in (0..columns).step_by(SIDE) {
        let width = SIDE.min(columns - column);
        let b = pointers(right.moved(column, 0), width);
        for row in (0..rows).step_by(SIDE) {
            let count = SIDE.min(rows - row);
            let a = pointers(left.moved(row, 0), count);
            // The rows of the right that come next are fetched while the first of the left are multiplied.
            let ahead = if row == 0 { SIDE as isize * right.row } else { 0 };
            let to = results.values.wrapping_offset(row as isize * results.stride).wrapping_add(column);
            // SAFETY: the function's own condition.
            unsafe { store(block::<W>(a, b, depth, ahead), [count, width], to, results.stride) };
        }
    }
}

/// Where rows begin; the last again in place of those that are not there.
#[inline(always)]
fn pointers(from: Factor, count: usize) -> [*const f32; SIDE] {
    std::array::from_fn(|i| from.moved(i.min(count - 1), 0).values)
}

/// The sixteen inner products, row after row of the left.
#[inline(always)]
unsafe fn block<W: Words<Register = __m512>>(a: [*const f32; SIDE], b: [*const f32; SIDE], depth: usize, ahead: isize) -> __m512 {
    unsafe {
        let mut sums = [_mm512_setzero_ps(); SIDE * SIDE];
        let whole = depth / LANES * LANES;
        for k in (0..whole).step_by(LANES) {
            let mut right = [_mm512_setzero_ps(); SIDE];
            for j in 0..SIDE {
                right[j] = W::right(W::right_at(b[j], k), LANES);
                if ahead != 0 {
                    _mm_prefetch::<_MM_HINT_T0>(W::right_at(b[j], k).wrapping_offset(ahead).cast());
                }
            }
            for i in 0..SIDE {
                let left = _mm512_loadu_ps(a[i].add(k));
                for j in 0..SIDE {
                    sums[SIDE * i + j] = W::multiply_add(left, right[j], sums[SIDE * i + j]);
                }
            }
        }
        if whole < depth {
            let lanes: __mmask16 = (1 << (depth - whole)) - 1;
            let mut right = [_mm512_setzero_ps(); SIDE];
            for j in 0..SIDE {
                right[j] = W::right(W::right_at(b[j], whole), depth - whole);
            }
            for i in 0..SIDE {
                let left = _mm512_maskz_loadu_ps(lanes, a[i].add(whole));
                for j in 0..SIDE {
                    sums[SIDE * i + j] = W::multiply_add(left, right[j], sums[SIDE * i + j]);
                }
            }
        }
        totals(sums)
    }
}

/// Lane `i` is the sum of all lanes of vector `i`.
#[inline(always)]
unsafe fn totals(v: [__m512; LANES]) -> __m512 {
    unsafe {
        // Loops, not closures: where one is not written out in its place, its instructions become calls.
        // In each part of four lanes: two sums of the one vector and two of the other, in turns.
        let mut twos = [_mm512_setzero_ps(); 8];
        for i in 0..8 {
            let (p, q) = (v[2 * i], v[2 * i + 1]);
            twos[i] = _mm512_add_ps(_mm512_unpacklo_ps(p, q), _mm512_unpackhi_ps(p, q));
        }
        // In each part: one sum of each of four vectors.
        let mut fours = [_mm512_setzero_ps(); 4];
        for i in 0..4 {
            let (p, q) = (_mm512_castps_pd(twos[2 * i]), _mm512_castps_pd(twos[2 * i + 1]));
            let (low, high) = (_mm512_unpacklo_pd(p, q), _mm512_unpackhi_pd(p, q));
            fours[i] = _mm512_add_ps(_mm512_castpd_ps(low), _mm512_castpd_ps(high));
        }
        let low = parts_added(fours[0], fours[1]);
        let high = parts_added(fours[2], fours[3]);
        parts_added(low, high)
    }
}

/// Neighbouring parts of four lanes added: those of `p`, then those of `q`.
#[inline(always)]
unsafe fn parts_added(p: __m512, q: __m512) -> __m512 {
    unsafe {
        let even = _mm512_shuffle_f32x4::<0b10_00_10_00>(p, q);
        let odd = _mm512_shuffle_f32x4::<0b11_01_11_01>(p, q);
        _mm512_add_ps(even, odd)
    }
}

/// Writes `[count, width]` of the four rows of four.
#[inline(always)]
unsafe fn store(products: __m512, [count, width]: [usize; 2], to: *mut f32, stride: isize) {
    unsafe {
        let rows = [
            _mm512_extractf32x4_ps::<0>(products),
            _mm512_extractf32x4_ps::<1>(products),
            _mm512_extractf32x4_ps::<2>(products),
            _mm512_extractf32x4_ps::<3>(products),
        ];
        let lanes: __mmask8 = (1 << width) - 1;
        for i in 0..count {
            _mm_mask_storeu_ps(to.wrapping_offset(i as isize * stride), lanes, rows[i]);
        }
    }
}
