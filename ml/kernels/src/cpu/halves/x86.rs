//! Words of two bf16 multiplied and added by one instruction.

use std::arch::x86_64::*;
use std::mem::transmute;

use half::bf16;

use super::ROWS;
use crate::cpu::gemm::{Matrix, Tile};
use crate::cpu::inner::{Results, inner_products_of_pairs};
use crate::cpu::product::{Factor, Target, product_of_pairs};
use crate::cpu::simd::has_pairs;

/// Rows of the left for which turning the right side does not pay.
const FEW_ROWS: usize = 32;
/// Elements of a vector.
const LANES: usize = 32;

/// `output[i, j] = sum_k left[i, k] right[j, k]` of matrices whose rows are whole words.
pub fn product(left: &Matrix<bf16>, right: &Matrix<bf16>, output: &mut Tile<f32>) {
    assert!(left.is_inside() && right.is_inside() && left.columns == right.columns, "a matrix leaves its buffer");
    assert!((output.row_range().len(), output.column_range().len()) == (left.rows, right.rows) && has_pairs());
    let factor = |m: &Matrix<bf16>| Factor { values: m.values[m.first..].as_ptr().cast(), row: m.row / 2, column: 1 };
    let (sizes, values, stride) = ([left.rows, right.rows, left.columns / 2], output.pointer(), output.stride() as isize);
    // SAFETY: every element is inside its slice, the tile is the only one to reach its own; the instructions were found.
    unsafe {
        match left.rows <= FEW_ROWS {
            true => inner_products_of_pairs(sizes, factor(left), factor(right), Results { values, stride }),
            false => product_of_pairs(sizes, factor(left), factor(right), Target { values, stride, adds: false }),
        }
    }
}

/// `output[i] = sum_k row(i)[k] x[k]`.
pub fn inner_products<'m>(row: impl Fn(usize) -> &'m [bf16], x: &[bf16], output: &mut [f32]) {
    assert!(has_pairs());
    let mut first = 0;
    for sums in output.chunks_mut(ROWS) {
        if let Ok(sums) = <&mut [f32; ROWS]>::try_from(&mut *sums) {
            let rows: [&[bf16]; ROWS] = std::array::from_fn(|i| row(first + i));
            // SAFETY: the instructions were found.
            unsafe { several(rows, x, sums) };
        } else {
            for (i, sum) in sums.iter_mut().enumerate() {
                // SAFETY: as above.
                unsafe { several([row(first + i)], x, std::array::from_mut(sum)) };
            }
        }
        first += ROWS;
    }
}

/// A few rows at once, so that none waits for its own sums.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512bf16")]
fn several<const N: usize>(rows: [&[bf16]; N], x: &[bf16], output: &mut [f32; N]) {
    assert!(rows.iter().all(|row| row.len() == x.len()));
    let mut sums = [_mm512_setzero_ps(); N];
    for first in (0..x.len()).step_by(LANES) {
        let count = (x.len() - first).min(LANES);
        // SAFETY: `count` elements from `first` on are inside `x` and each row.
        unsafe {
            let part = load(x.as_ptr().add(first), count);
            for i in 0..N {
                sums[i] = _mm512_dpbf16_ps(sums[i], load(rows[i].as_ptr().add(first), count), part);
            }
        }
    }
    for i in 0..N {
        output[i] = _mm512_reduce_add_ps(sums[i]);
    }
}

/// The first `count` elements; zeros behind.
///
/// # Safety
/// So many can be read from there.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn load(from: *const bf16, count: usize) -> __m512bh {
    let lanes = if count >= LANES { !0 } else { (1 << count) - 1 };
    // SAFETY: the caller's condition; vectors of the same size, of which all bits are values.
    unsafe { transmute::<__m512i, __m512bh>(_mm512_maskz_loadu_epi16(lanes, from.cast())) }
}
