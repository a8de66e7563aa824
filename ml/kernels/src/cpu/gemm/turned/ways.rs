//! Ways of multiplying laid rows, by the processor's vectors.

use std::marker::PhantomData;

use half::bf16;

use super::Matrix;
use crate::cpu::gemm::laid::factor;
use crate::cpu::product::turned::{Element, Lines, product_turned};
use crate::cpu::product::wide::{lay, product_wide};
use crate::cpu::product::{Target, laid, turned, wide};
use crate::cpu::simd::{Level, level};

/// How both sides are read.
pub trait Way {
    /// What the left side is of.
    type Left: Copy + Sync;
    /// What the right side is of.
    type Right: Copy + Sync;
    /// Rows of a panel of the left.
    const PANEL: usize;
    /// Rows of the right that are multiplied at once.
    const ROWS: usize;

    /// True if the processor has the instructions.
    fn is_there() -> bool;

    /// Lays rows of the left in panels.
    ///
    /// # Safety
    /// The processor has the instructions; all elements are inside their memory.
    unsafe fn lay(rows: &Matrix<Self::Left>, to: &mut [f32]);

    /// `target[i, j] = sum_k left[i, k] right[j, k]` for `[rows, columns, depth]`, at most [`GROUP`](super::GROUP) rows, the depth one of [`parts`].
    ///
    /// # Safety
    /// As [`Way::lay`], and nobody else reaches the result's elements.
    unsafe fn product(sizes: [usize; 3], left: &[f32], right: Lines<Self::Right>, target: Target);
}

/// By vectors of 256 bits.
pub struct Short<E>(PhantomData<E>);

impl<E: Element> Way for Short<E> {
    type Left = f32;
    type Right = E;
    const PANEL: usize = laid::PANEL;
    const ROWS: usize = turned::ROWS;

    fn is_there() -> bool {
        level() != Level::Portable
    }

    unsafe fn lay(rows: &Matrix<f32>, to: &mut [f32]) {
        // SAFETY: the caller's condition.
        unsafe { laid::lay_panels_avx2(factor(rows), (rows.rows, rows.columns), to) }
    }

    unsafe fn product(sizes: [usize; 3], left: &[f32], right: Lines<E>, target: Target) {
        // SAFETY: the caller's condition.
        unsafe { product_turned(sizes, left, right, target) }
    }
}

/// By vectors of 512 bits.
pub struct Wide;

impl Way for Wide {
    type Left = bf16;
    type Right = bf16;
    const PANEL: usize = wide::PANEL;
    const ROWS: usize = wide::ROWS;

    fn is_there() -> bool {
        level() == Level::Avx512
    }

    unsafe fn lay(rows: &Matrix<bf16>, to: &mut [f32]) {
        let from = Lines { values: rows.values[rows.first..].as_ptr(), row: rows.row };
        // SAFETY: the caller's condition.
        unsafe { lay(from, rows.column, (rows.rows, rows.columns), to) }
    }

    unsafe fn product(sizes: [usize; 3], left: &[f32], right: Lines<bf16>, target: Target) {
        // SAFETY: the caller's condition.
        unsafe { product_wide(sizes, left, right, target) }
    }
}
