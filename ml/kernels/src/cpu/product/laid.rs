//! Products of operands that were laid before, with vectors of 256 bits.

use std::arch::x86_64::__m256;

use super::panels::{Lanes, pack};
use super::rows::{Rows, pack_rows};
use super::{Columns, Factor, Singles, Target, Words};

type Word = Singles<__m256>;

/// Columns of a panel.
pub const PANEL: usize = __m256::PANEL;
/// Rows of a block.
pub const ROWS: usize = Word::ROWS;

/// Numbers that rows take as they are laid.
pub fn rows_length(rows: usize, depth: usize) -> usize {
    (rows * depth).next_multiple_of(PANEL)
}

/// Numbers that columns take as they are laid.
pub fn panels_length(columns: usize, depth: usize) -> usize {
    columns.div_ceil(PANEL) * PANEL * depth
}

/// Lays rows in blocks.
///
/// # Safety
/// The processor has AVX2 and FMA. All elements are inside their memory; rows are neighbours there.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn lay_rows(left: Factor, (rows, depth): (usize, usize), to: &mut [f32]) {
    // SAFETY: the function's own condition.
    unsafe { pack_rows::<Word>(left, (rows, depth), to) }
}

/// Lays columns in panels, one after the other.
///
/// # Safety
/// The processor has AVX2 and FMA. All elements are inside their memory.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn lay_panels(right: Factor, (columns, depth): (usize, usize), to: &mut [f32]) {
    assert!(to.len() >= panels_length(columns, depth));
    for (first, to) in (0..columns).step_by(PANEL).zip(to.chunks_exact_mut(PANEL * depth)) {
        // SAFETY: the function's own condition; the panel has room for all of the depth.
        unsafe { pack::<__m256>(right.moved(first, 0), PANEL.min(columns - first), to.as_mut_ptr(), depth) };
    }
}

/// `target[i, j] = sum_k left[i, k] right[j, k]` for `[rows, columns, depth]`, where the right side was laid by [`lay_panels`], and the left one by
/// [`lay_rows`] if it is packed.
///
/// # Safety
/// The processor has AVX2 and FMA. All elements are inside their memory, and nobody else reaches the result's.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn product_of_laid([rows, columns, depth]: [usize; 3], left: Rows, right: &[f32], target: Target) {
    assert!(right.len() >= panels_length(columns, depth));
    for (first, panel) in (0..columns).step_by(PANEL).zip(right.chunks_exact(PANEL * depth)) {
        let panel = Columns { values: panel.as_ptr(), stride: PANEL as isize, width: PANEL.min(columns - first), depth };
        // SAFETY: the function's own condition.
        unsafe { panel.all_rows::<Word>(rows, left, target.moved(0, first)) };
    }
}
