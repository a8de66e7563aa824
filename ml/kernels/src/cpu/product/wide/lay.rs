//! The left side of a product in panels: of each element of the depth those of all rows, widened.

#![allow(clippy::needless_range_loop)] // arrays of registers go by an index, and have to be written out whole

use std::arch::x86_64::*;

use half::bf16;

use super::feed::{load, widened};
use super::{LANES, PANEL, UNIT};
use crate::cpu::product::panels::crossed;
use crate::cpu::product::turned::Lines;
use crate::cpu::vector::Vector;

/// Numbers that rows take as they are laid.
pub fn panels_length(rows: usize, depth: usize) -> usize {
    rows.next_multiple_of(PANEL) * depth
}

/// Lays rows in panels, widened: element (i, k) is at `values + i * row + k * column`.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL. All elements are inside their memory.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
pub unsafe fn lay(from: Lines<bf16>, column: isize, (rows, depth): (usize, usize), to: &mut [f32]) {
    assert!(to.len() >= panels_length(rows, depth));
    for first in (0..rows).step_by(LANES) {
        let to = &mut to[first / PANEL * PANEL * depth + first % PANEL..];
        let from = from.moved(first);
        let count = LANES.min(rows - first);
        // SAFETY: the function's own condition; the panel has room for all of the depth.
        unsafe {
            match column {
                1 => lay_pairs(from, (count, depth), to),
                _ => lay_singly(from, column, (count, depth), to),
            }
        }
    }
}

/// Two elements of each row are turned as one word.
#[inline(always)]
unsafe fn lay_pairs(from: Lines<bf16>, (count, depth): (usize, usize), to: &mut [f32]) {
    for first in (0..depth).step_by(UNIT) {
        let width = UNIT.min(depth - first);
        // SAFETY: the caller's condition; zeros in place of rows and elements that are not there.
        unsafe {
            let mut words = [_mm512_setzero_ps(); LANES];
            for i in 0..count {
                words[i] = _mm512_castsi512_ps(load(from.moved(i).values.wrapping_add(first), width));
            }
            for (pair, words) in crossed(words).into_iter().enumerate().take(width.div_ceil(2)) {
                let k = first + 2 * pair;
                let (even, odd) = widened(_mm512_castps_si512(words));
                even.store_part(to[k * PANEL..].as_mut_ptr(), LANES);
                if k + 1 < depth {
                    odd.store_part(to[(k + 1) * PANEL..].as_mut_ptr(), LANES);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn lay_singly(from: Lines<bf16>, column: isize, (count, depth): (usize, usize), to: &mut [f32]) {
    for k in 0..depth {
        for (i, to) in to[k * PANEL..][..LANES].iter_mut().enumerate() {
            // SAFETY: the caller's condition.
            *to = if i < count { unsafe { (*from.moved(i).values.wrapping_offset(k as isize * column)).to_f32() } } else { 0.0 };
        }
    }
}
