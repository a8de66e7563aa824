//! Products of operands that were laid before, each once for all threads.

use std::arch::x86_64::{__m256, __m512};

use super::panels::{Lanes, pack};
use super::rows::{Rows, pack_rows};
use super::{Columns, Factor, Singles, Target, Words, panel};
use crate::cpu::simd::{Level, level};

/// Columns of a panel of vectors of 256 bits, as [`super::turned`] reads them.
pub const PANEL: usize = __m256::PANEL;

/// Rows of a block of the result.
pub fn block_rows() -> usize {
    if level() == Level::Avx512 { Singles::<__m512>::ROWS } else { Singles::<__m256>::ROWS }
}

/// Numbers that columns take as they are laid in panels of so many.
pub fn panels_length(columns: usize, depth: usize, panel: usize) -> usize {
    columns.next_multiple_of(panel) * depth
}

/// Lays rows in blocks. There is room for `rows * depth` numbers.
///
/// # Safety
/// The processor's [`level`] is not `Portable`. All elements are inside their memory; rows are neighbours there.
pub unsafe fn lay_rows(left: Factor, (rows, depth): (usize, usize), to: &mut [f32]) {
    // SAFETY: the function's own condition.
    unsafe {
        match level() {
            Level::Avx512 => lay_rows_avx512(left, (rows, depth), to),
            _ => lay_rows_avx2(left, (rows, depth), to),
        }
    }
}

/// Lays columns in panels of [`panel`], one after the other.
///
/// # Safety
/// The processor's [`level`] is not `Portable`. All elements are inside their memory.
pub unsafe fn lay_panels(right: Factor, (columns, depth): (usize, usize), to: &mut [f32]) {
    // SAFETY: the function's own condition.
    unsafe {
        match level() {
            Level::Avx512 => lay_panels_avx512(right, (columns, depth), to),
            _ => lay_panels_avx2(right, (columns, depth), to),
        }
    }
}

/// Columns in panels of [`panel`], as [`lay_panels`] lays them: of each element of the depth, all columns.
#[derive(Clone, Copy)]
pub struct Panels<'a> {
    /// From the first panel's first element on.
    pub values: &'a [f32],
    /// Numbers from one panel to the next.
    pub pitch: usize,
}

impl Panels<'_> {
    /// True if so many columns of this depth are there.
    pub fn hold(&self, columns: usize, depth: usize) -> bool {
        let (count, each) = (columns.div_ceil(panel()), depth * panel());
        each <= self.pitch && self.values.len() >= count.saturating_sub(1) * self.pitch + each
    }

    /// From another panel and element of the depth on.
    pub fn moved(self, panels: usize, contracted: usize) -> Self {
        Panels { values: &self.values[panels * self.pitch + contracted * panel()..], ..self }
    }
}

/// `target[i, j] = sum_k left[i, k] right[j, k]` for `[rows, columns, depth]`, where the left side was laid by [`lay_rows`] if it is packed.
///
/// # Safety
/// The processor's [`level`] is not `Portable`. All elements are inside their memory, and nobody else reaches the result's.
pub unsafe fn product_of_laid(sizes: [usize; 3], left: Rows, right: Panels, target: Target) {
    assert!(right.hold(sizes[1], sizes[2]), "a panel leaves its memory");
    // SAFETY: the function's own condition.
    unsafe {
        match level() {
            Level::Avx512 => product_of_laid_avx512(sizes, left, right, target),
            _ => product_of_laid_avx2(sizes, left, right, target),
        }
    }
}

#[inline(always)]
unsafe fn panels_laid<V: Lanes>(right: Factor, (columns, depth): (usize, usize), to: &mut [f32]) {
    assert!(to.len() >= panels_length(columns, depth, V::PANEL));
    for (first, to) in (0..columns).step_by(V::PANEL).zip(to.chunks_exact_mut(V::PANEL * depth)) {
        // SAFETY: the caller's condition; the panel has room for all of the depth.
        unsafe { pack::<V>(right.moved(first, 0), V::PANEL.min(columns - first), to.as_mut_ptr(), depth) };
    }
}

#[inline(always)]
unsafe fn multiplied<W: Words>([rows, columns, depth]: [usize; 3], left: Rows, right: Panels, target: Target) {
    let each = W::Register::PANEL;
    for (number, first) in (0..columns).step_by(each).enumerate() {
        let values = right.values[number * right.pitch..].as_ptr();
        let next = Factor { values: values.wrapping_add(right.pitch), row: 1, column: each as isize };
        let ahead = if first + each < columns { Some(next) } else { None };
        let panel = Columns { values, stride: each as isize, width: each.min(columns - first), depth, ahead };
        // SAFETY: the caller's condition.
        unsafe { panel.all_rows::<W>(rows, left, target.moved(0, first)) };
    }
}

/// The three with these instructions.
macro_rules! compiled {
    ($($lay_rows:ident $lay_panels:ident $product:ident: $vector:ty, $features:literal;)*) => { $(
        #[target_feature(enable = $features)]
        unsafe fn $lay_rows(left: Factor, sizes: (usize, usize), to: &mut [f32]) {
            // SAFETY: the function's own condition.
            unsafe { pack_rows::<Singles<$vector>>(left, sizes, to) }
        }

        /// As [`lay_panels`], in panels of these vectors.
        ///
        /// # Safety
        /// The processor has the instructions; all elements are inside their memory.
        #[target_feature(enable = $features)]
        pub unsafe fn $lay_panels(right: Factor, sizes: (usize, usize), to: &mut [f32]) {
            // SAFETY: the function's own condition.
            unsafe { panels_laid::<$vector>(right, sizes, to) }
        }

        #[target_feature(enable = $features)]
        unsafe fn $product(sizes: [usize; 3], left: Rows, right: Panels, target: Target) {
            // SAFETY: the function's own condition.
            unsafe { multiplied::<Singles<$vector>>(sizes, left, right, target) }
        }
    )* };
}

compiled! {
    lay_rows_avx512 lay_panels_avx512 product_of_laid_avx512: __m512, "avx512f,avx512dq,avx512vl,avx512bw,fma";
    lay_rows_avx2 lay_panels_avx2 product_of_laid_avx2: __m256, "avx2,fma";
}
