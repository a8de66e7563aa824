//! Columns of a matrix laid side by side, as products read them.

#![allow(clippy::needless_range_loop)] // several arrays of registers go by one index, and have to be written out whole

use std::arch::x86_64::*;

use super::Factor;
use crate::cpu::vector::Vector;

/// Words that are fetched ahead of those that are turned.
const AHEAD: usize = 64;

/// A register of f32, of which two are the width of a panel.
pub trait Lanes: Vector<Element = f32> {
    /// Columns of a panel.
    const PANEL: usize = 2 * Self::LANES;

    /// [`Vector::LANES`] elements of each of up to as many lines, as so many rows of a panel; zeros in place of lines that are missing.
    ///
    /// # Safety
    /// The processor has the instructions. All elements are inside their memory, and the panel has room for so many rows.
    unsafe fn turn(from: Factor, lines: usize, to: *mut f32);
}

/// Lays `width` columns side by side as a panel of `depth` rows, zeros beside them.
///
/// # Safety
/// The processor has the instructions. The columns are inside their memory; the panel has room for [`Lanes::PANEL`] columns of all rows.
#[inline(always)]
pub unsafe fn pack<V: Lanes>(from: Factor, width: usize, panel: *mut f32, depth: usize) {
    unsafe {
        if from.row == 1 {
            for k in 0..depth {
                let row = from.values.offset(k as isize * from.column);
                V::load_part(row, width).store(panel.add(k * V::PANEL));
                let rest = if width > V::LANES { V::load_part(row.add(V::LANES), width - V::LANES) } else { V::splat(0.0) };
                rest.store(panel.add(k * V::PANEL + V::LANES));
            }
            return;
        }
        let mut done = 0;
        while from.column == 1 && done + V::LANES <= depth {
            for half in [0, V::LANES] {
                for i in half..half + V::LANES {
                    // The processor sees no streams in so many lines at once. Only a hint, also behind the end.
                    _mm_prefetch::<_MM_HINT_T0>(from.moved(i, done + AHEAD).values.cast());
                }
                V::turn(from.moved(half, done), width.saturating_sub(half), panel.add(done * V::PANEL + half));
            }
            done += V::LANES;
        }
        for k in done..depth {
            for j in 0..V::PANEL {
                let there = from.moved(j, k).values;
                *panel.add(k * V::PANEL + j) = if j < width { there.read_unaligned() } else { 0.0 };
            }
        }
    }
}

impl Lanes for __m512 {
    #[inline(always)]
    unsafe fn turn(from: Factor, lines: usize, to: *mut f32) {
        unsafe {
            let mut a = [_mm512_setzero_ps(); 16];
            if lines >= 16 {
                for i in 0..16 {
                    a[i] = _mm512_loadu_ps(from.values.offset(i as isize * from.row));
                }
            } else {
                for i in 0..lines {
                    a[i] = _mm512_loadu_ps(from.values.offset(i as isize * from.row));
                }
            }
            for (k, row) in crossed(a).into_iter().enumerate() {
                row.store(to.add(k * Self::PANEL));
            }
        }
    }
}

/// Lane `i` of vector `k` is lane `k` of the vector `i`.
///
/// # Safety
/// The processor has AVX-512 F.
#[inline(always)]
pub unsafe fn crossed(mut a: [__m512; 16]) -> [__m512; 16] {
    unsafe {
        let mut b = a;
        for i in 0..8 {
            b[2 * i] = _mm512_unpacklo_ps(a[2 * i], a[2 * i + 1]);
            b[2 * i + 1] = _mm512_unpackhi_ps(a[2 * i], a[2 * i + 1]);
        }
        // Of each four lines, in each part of four lanes: lane 0, 1, 2, 3 of all four.
        for i in 0..4 {
            for half in 0..2 {
                let (p, q) = (_mm512_castps_pd(b[4 * i + half]), _mm512_castps_pd(b[4 * i + 2 + half]));
                a[4 * i + 2 * half] = _mm512_castpd_ps(_mm512_unpacklo_pd(p, q));
                a[4 * i + 2 * half + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(p, q));
            }
        }
        // a[4 i + l] has in part p: lanes 4 p + l of lines 4 i .. 4 i + 4.
        for l in 0..4 {
            let low = _mm512_shuffle_f32x4::<0b10_00_10_00>(a[l], a[4 + l]); // parts 0 2 | 0 2
            let high = _mm512_shuffle_f32x4::<0b11_01_11_01>(a[l], a[4 + l]); // parts 1 3 | 1 3
            let low_2 = _mm512_shuffle_f32x4::<0b10_00_10_00>(a[8 + l], a[12 + l]);
            let high_2 = _mm512_shuffle_f32x4::<0b11_01_11_01>(a[8 + l], a[12 + l]);
            b[l] = _mm512_shuffle_f32x4::<0b10_00_10_00>(low, low_2);
            b[4 + l] = _mm512_shuffle_f32x4::<0b10_00_10_00>(high, high_2);
            b[8 + l] = _mm512_shuffle_f32x4::<0b11_01_11_01>(low, low_2);
            b[12 + l] = _mm512_shuffle_f32x4::<0b11_01_11_01>(high, high_2);
        }
        b
    }
}

impl Lanes for __m256 {
    #[inline(always)]
    unsafe fn turn(from: Factor, lines: usize, to: *mut f32) {
        unsafe {
            let mut a = [_mm256_setzero_ps(); 8];
            if lines >= 8 {
                for i in 0..8 {
                    a[i] = _mm256_loadu_ps(from.values.offset(i as isize * from.row));
                }
            } else {
                for i in 0..lines {
                    a[i] = _mm256_loadu_ps(from.values.offset(i as isize * from.row));
                }
            }
            let mut b = a;
            for i in 0..4 {
                b[2 * i] = _mm256_unpacklo_ps(a[2 * i], a[2 * i + 1]);
                b[2 * i + 1] = _mm256_unpackhi_ps(a[2 * i], a[2 * i + 1]);
            }
            // Of each four lines, in each part of four lanes: lane 0, 1, 2, 3 of all four.
            for i in 0..2 {
                for half in 0..2 {
                    let (p, q) = (_mm256_castps_pd(b[4 * i + half]), _mm256_castps_pd(b[4 * i + 2 + half]));
                    a[4 * i + 2 * half] = _mm256_castpd_ps(_mm256_unpacklo_pd(p, q));
                    a[4 * i + 2 * half + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(p, q));
                }
            }
            for l in 0..4 {
                _mm256_permute2f128_ps::<0x20>(a[l], a[4 + l]).store(to.add(l * Self::PANEL));
                _mm256_permute2f128_ps::<0x31>(a[l], a[4 + l]).store(to.add((4 + l) * Self::PANEL));
            }
        }
    }
}
