//! Products whose left side is laid in panels, while rows of the right are read where they lie, an element for all lanes: the right side, which a
//! product of few rows reads once, is neither turned nor copied. Each sum is made as [`super::product`] makes it, to the bit.

#![allow(clippy::needless_range_loop)] // several arrays of registers go by one index, and have to be written out whole

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use half::bf16;

use super::laid::{PANEL, panels_length};
use super::{DEPTH, Target};
use crate::cpu::bytes::Line;
use crate::cpu::vector::Vector;

/// Rows of the right that are multiplied at once: with two registers each, as many as the processor has registers for.
pub const ROWS: usize = 6;

/// Memory for so many rows in f32.
type Wide = MaybeUninit<[f32; ROWS * DEPTH]>;

/// Rows of the right: element (j, k) is `j * row + k` elements behind `values`.
#[derive(Clone, Copy)]
pub struct Lines<E> {
    pub values: *const E,
    pub row: isize,
}

impl<E> Lines<E> {
    /// The rows from another one on.
    #[inline(always)]
    pub fn moved(self, row: usize) -> Self {
        Lines { values: self.values.wrapping_offset(row as isize * self.row), ..self }
    }
}

/// What the right side is of.
pub trait Element: Copy + Send + Sync {
    /// `count` rows of `depth` elements as rows of f32: where they lie, or widened into `wide`.
    ///
    /// # Safety
    /// The processor has AVX2. The rows are inside their memory; `count` is at most [`ROWS`], `depth` at most [`DEPTH`].
    unsafe fn rows(from: Lines<Self>, count: usize, depth: usize, wide: &mut Wide) -> Lines<f32>;
}

impl Element for f32 {
    #[inline(always)]
    unsafe fn rows(from: Lines<f32>, _count: usize, _depth: usize, _wide: &mut Wide) -> Lines<f32> {
        from
    }
}

impl Element for bf16 {
    #[inline(always)]
    unsafe fn rows(from: Lines<bf16>, count: usize, depth: usize, wide: &mut Wide) -> Lines<f32> {
        let wide = wide.as_mut_ptr().cast::<f32>();
        for j in 0..count {
            // SAFETY: the function's own condition.
            unsafe { widen(from.moved(j).values, depth, wide.add(j * depth)) };
        }
        Lines { values: wide, row: depth as isize }
    }
}

/// A bf16 is the upper half of an f32.
#[inline(always)]
unsafe fn widen(from: *const bf16, count: usize, to: *mut f32) {
    unsafe {
        let whole = count / __m256::LANES * __m256::LANES;
        for k in (0..whole).step_by(__m256::LANES) {
            let halves = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.add(k).cast()));
            _mm256_storeu_si256(to.add(k).cast(), _mm256_slli_epi32::<16>(halves));
        }
        for k in whole..count {
            *to.add(k) = f32::from_bits(u32::from((*from.add(k)).to_bits()) << 16);
        }
    }
}

/// A product of `rows` of the left, laid in panels, for each of which `depth` elements are contracted.
struct Turned<'a, E> {
    rows: usize,
    depth: usize,
    left: &'a [f32],
    right: Lines<E>,
    target: Target,
}

/// `target[i, j] = sum_k left[i, k] right[j, k]` for `[rows, columns, depth]`, the depth one of [`super::parts`], where the left side was laid by
/// [`super::laid::lay_panels_avx2`].
///
/// # Safety
/// The processor has AVX2 and FMA. All elements are inside their memory, and nobody else reaches the result's.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn product_turned<E: Element>([rows, columns, depth]: [usize; 3], left: &[f32], right: Lines<E>, target: Target) {
    assert!(left.len() >= panels_length(rows, depth, PANEL) && depth <= DEPTH);
    let product = Turned { rows, depth, left, right, target };
    let mut wide = Wide::uninit();
    let rest = if columns < ROWS { columns } else { 0 };
    for column in 0..rest {
        // SAFETY: the function's own condition.
        unsafe { product.columns::<1>(column, 0, &mut wide) };
    }
    for done in (rest..columns).step_by(ROWS) {
        let first = done.min(columns - ROWS); // the last ones may be some of those before again
        // SAFETY: the function's own condition.
        unsafe { product.columns::<ROWS>(first, done - first, &mut wide) };
    }
}

impl<E: Element> Turned<'_, E> {
    /// `C` columns of the result from `first` on, of which `known` are there already.
    #[inline(always)]
    unsafe fn columns<const C: usize>(&self, first: usize, known: usize, wide: &mut Wide) {
        let here = self.right.moved(first);
        let ahead = here.moved(C);
        // SAFETY: the caller's condition.
        let lines = unsafe { E::rows(here, C, self.depth, wide) };
        for (panel, row) in self.left.chunks_exact(PANEL * self.depth).zip((0..self.rows).step_by(PANEL)) {
            let width = PANEL.min(self.rows - row);
            let mut sums = [[0f32; PANEL]; C];
            // SAFETY: the caller's condition.
            unsafe {
                match (row == 0, width > __m256::LANES) {
                    // The rows of the right that come next are fetched while those here are first multiplied.
                    (true, true) => block::<E, C, 2, true>(lines, panel, ahead, &mut sums),
                    (true, false) => block::<E, C, 1, true>(lines, panel, ahead, &mut sums),
                    (false, true) => block::<E, C, 2, false>(lines, panel, ahead, &mut sums),
                    (false, false) => block::<E, C, 1, false>(lines, panel, ahead, &mut sums),
                }
                self.write(&sums[known..], [row, width], first + known);
            }
        }
    }

    /// Columns of the result from `column` on, each with its elements of `width` rows from `row` on.
    #[inline(always)]
    unsafe fn write(&self, sums: &[[f32; PANEL]], [row, width]: [usize; 2], column: usize) {
        for i in 0..width {
            let to = self.target.values.wrapping_offset((row + i) as isize * self.target.stride).wrapping_add(column);
            for (j, column) in sums.iter().enumerate() {
                // SAFETY: the caller's condition.
                unsafe { *to.add(j) = if self.target.adds { *to.add(j) + column[i] } else { column[i] } };
            }
        }
    }
}

/// `C` rows of the right by `N` vectors of a panel of the left.
#[inline(always)]
unsafe fn block<E: Copy, const C: usize, const N: usize, const FETCHES: bool>(
    right: Lines<f32>,
    panel: &[f32],
    ahead: Lines<E>,
    to: &mut [[f32; PANEL]; C],
) {
    let (depth, a_line) = (panel.len() / PANEL, Line::BYTES / size_of::<E>());
    unsafe {
        let mut sums = [[__m256::splat(0.0); N]; C];
        // Rows are found from every third one: one from the other, and each would wait for the address before.
        let mut heads = [0, 3].map(|row| right.values.wrapping_offset(row * right.row));
        let mut left = panel.as_ptr();
        for first in (0..depth).step_by(a_line) {
            if FETCHES {
                for j in 0..C {
                    // Only a hint, also behind the end.
                    _mm_prefetch::<_MM_HINT_T0>(ahead.moved(j).values.wrapping_add(first).cast());
                }
            }
            for _ in first..depth.min(first + a_line) {
                let mut vectors = [__m256::splat(0.0); N];
                for n in 0..N {
                    vectors[n] = __m256::load(left.add(n * __m256::LANES));
                }
                for j in 0..C {
                    let factor = __m256::splat(*heads[j / 3].wrapping_offset((j % 3) as isize * right.row));
                    for n in 0..N {
                        sums[j][n] = __m256::multiply_add(factor, vectors[n], sums[j][n]);
                    }
                }
                heads = heads.map(|head| head.wrapping_add(1));
                left = left.add(PANEL);
            }
        }
        for j in 0..C {
            for n in 0..N {
                sums[j][n].store(to[j].as_mut_ptr().add(n * __m256::LANES));
            }
        }
    }
}
