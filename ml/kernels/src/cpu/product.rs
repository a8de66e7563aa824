//! Products of f32 matrices in registers of 512 bits: eight rows by two vectors of the result at a time.
//!
//! The left matrix is read where it lies, an element for all lanes. The right one is read where it lies too, if its rows are
//! contiguous; else a panel of 32 columns is turned first. Each element of the result is the sum over `k` in order, in fixed
//! parts, however the result is cut into tiles: its bits do not depend on that.
//!
//! Products of bf16 are the same of words of two: a word of the left times a word of the right adds two products to an f32.

#![allow(clippy::needless_range_loop)] // several arrays of registers go by one index, and have to be written out whole

use std::arch::x86_64::*;
use std::cell::RefCell;
use std::mem::transmute;

use super::bytes::{Line, bytes_of_mut, typed_mut};
use super::vector::Vector;

/// Rows of a block of the result.
const ROWS: usize = 8;
/// Columns of one: two vectors.
pub const PANEL: usize = 32;
/// Contracted elements that are gone through before the next columns: a panel of so many stays in the second-level cache.
const DEPTH: usize = 1024;
/// Words that are fetched ahead of those that are turned.
const AHEAD: usize = 64;
/// Bytes between rows of which a multiple puts all of them into the same few places of a cache.
const COLLISION_BYTES: isize = 4096;

/// How a word of four bytes of the left is multiplied by 16 of the right, and added.
pub trait Words {
    /// Bytes of a word of the right, as it lies.
    const RIGHT_BYTES: usize = 4;
    /// `sum + a b`, lane by lane. The processor has the instructions.
    unsafe fn multiply_add(a: __m512, b: __m512, sum: __m512) -> __m512;

    /// The word of the right that is so many words behind another.
    #[inline(always)]
    fn right_at(from: *const f32, words: usize) -> *const f32 {
        from.wrapping_byte_add(words * Self::RIGHT_BYTES)
    }

    /// The 16 words of the right from there on, those of other lanes zeros. They can be read; the processor has the instructions.
    #[inline(always)]
    unsafe fn right(from: *const f32, lanes: __mmask16) -> __m512 {
        unsafe { _mm512_maskz_loadu_ps(lanes, from) }
    }
}

/// A word is an f32.
pub struct Singles;

impl Words for Singles {
    #[inline(always)]
    unsafe fn multiply_add(a: __m512, b: __m512, sum: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, sum) }
    }
}

/// A word is two bf16.
pub struct Pairs;

impl Words for Pairs {
    #[inline(always)]
    unsafe fn multiply_add(a: __m512, b: __m512, sum: __m512) -> __m512 {
        // SAFETY: vectors of the same size, of which all bits are values.
        unsafe { _mm512_dpbf16_ps(sum, transmute::<__m512, __m512bh>(a), transmute::<__m512, __m512bh>(b)) }
    }
}

/// A word is an f32; those of the right lie as bf16, and are widened in the register.
pub struct Widened;

impl Words for Widened {
    const RIGHT_BYTES: usize = 2;

    #[inline(always)]
    unsafe fn multiply_add(a: __m512, b: __m512, sum: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, sum) }
    }

    #[inline(always)]
    unsafe fn right(from: *const f32, lanes: __mmask16) -> __m512 {
        unsafe {
            let halves = _mm256_maskz_loadu_epi16(lanes, from.cast());
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
        }
    }
}

/// One operand: word (free, contracted) is at `free * row + contracted * column`. Words need not be aligned.
#[derive(Clone, Copy)]
pub struct Factor {
    pub values: *const f32,
    pub row: isize,
    pub column: isize,
}

/// Where the result lies: element (i, j) at `i * stride + j`.
#[derive(Clone, Copy)]
pub struct Target {
    pub values: *mut f32,
    pub stride: isize,
    /// True if the product is added to what is there.
    pub adds: bool,
}

thread_local! {
    /// The panel that a thread works on.
    static PANELS: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// `target[i, j] = sum_k left[i, k] right[j, k]` for `[rows, columns, depth]`, none of which is 0.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL. All elements are inside their memory, and nobody else reaches the result's.
pub unsafe fn product(sizes: [usize; 3], left: Factor, right: Factor, target: Target) {
    // SAFETY: the function's own condition.
    unsafe { in_parts(sizes, left, right, target, part_of_singles) }
}

/// As [`product`] of f32, for words of two bf16: `target[i, j] = sum_k left[i, k] right[j, k]` where each word counts twice.
///
/// # Safety
/// As [`product`]; and the processor has AVX-512 BF16.
pub unsafe fn product_of_pairs(sizes: [usize; 3], left: Factor, right: Factor, target: Target) {
    // SAFETY: the function's own condition.
    unsafe { in_parts(sizes, left, right, target, part_of_pairs) }
}

/// As [`product`], where the right is bf16 in rows of `sizes[1]` columns, a multiple of [`PANEL`]: element (j, k) is `j` elements behind
/// `right.values` moved by `k * right.column` words.
///
/// # Safety
/// As [`product`].
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
pub unsafe fn product_with_widened([rows, columns, depth]: [usize; 3], left: Factor, right: Factor, target: Target) {
    for first in (0..columns).step_by(PANEL) {
        let panel = Columns { values: Widened::right_at(right.values, first), stride: right.column, width: PANEL, depth };
        for row in (0..rows).step_by(ROWS) {
            let to = Target { values: target.values.wrapping_offset(row as isize * target.stride).wrapping_add(first), ..target };
            // SAFETY: the function's own condition; all columns of the panel are there.
            unsafe { panel.rows::<Widened>(ROWS.min(rows - row), left.moved(row, 0), to) };
        }
    }
}

type PartOf = unsafe fn([usize; 3], Factor, Factor, Target, &mut [f32]);

unsafe fn in_parts([rows, columns, depth]: [usize; 3], left: Factor, right: Factor, target: Target, part_of: PartOf) {
    let parts = depth.div_ceil(DEPTH);
    let part = depth.div_ceil(parts);
    PANELS.with_borrow_mut(|panels| {
        panels.resize(part * PANEL * 4 / Line::BYTES, Line::default());
        let panel: &mut [f32] = typed_mut(bytes_of_mut(panels));
        for first in (0..depth).step_by(part) {
            let depth = part.min(depth - first);
            let (left, right) = (left.moved(0, first), right.moved(0, first));
            let target = Target { adds: target.adds || first > 0, ..target };
            // SAFETY: the function's own condition; the panel has room for this part.
            unsafe { part_of([rows, columns, depth], left, right, target, panel) };
        }
    });
}

impl Factor {
    /// The operand from another element on.
    #[inline(always)]
    pub fn moved(self, free: usize, contracted: usize) -> Self {
        let at = free as isize * self.row + contracted as isize * self.column;
        Factor { values: self.values.wrapping_offset(at), ..self }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
unsafe fn part_of_singles(sizes: [usize; 3], left: Factor, right: Factor, target: Target, panel: &mut [f32]) {
    // SAFETY: the function's own condition.
    unsafe { part_of::<Singles>(sizes, left, right, target, panel) }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512bf16,fma")]
unsafe fn part_of_pairs(sizes: [usize; 3], left: Factor, right: Factor, target: Target, panel: &mut [f32]) {
    // SAFETY: the function's own condition.
    unsafe { part_of::<Pairs>(sizes, left, right, target, panel) }
}

#[inline(always)]
unsafe fn part_of<W: Words>([rows, columns, depth]: [usize; 3], left: Factor, right: Factor, target: Target, panel: &mut [f32]) {
    for first in (0..columns).step_by(PANEL) {
        let width = PANEL.min(columns - first);
        let there = right.moved(first, 0);
        let collides = rows >= 4 * ROWS && (right.column * 4) % COLLISION_BYTES == 0;
        let (values, stride) = if right.row == 1 && width == PANEL && !collides {
            (there.values, right.column)
        } else {
            // SAFETY: the function's own condition.
            unsafe { pack(there, width, panel.as_mut_ptr(), depth) };
            (panel.as_ptr(), PANEL as isize)
        };
        let columns = Columns { values, stride, width, depth };
        for row in (0..rows).step_by(ROWS) {
            let to = Target { values: target.values.wrapping_offset(row as isize * target.stride).wrapping_add(first), ..target };
            // SAFETY: the function's own condition.
            unsafe { columns.rows::<W>(ROWS.min(rows - row), left.moved(row, 0), to) };
        }
    }
}

/// A panel: `depth` rows of [`PANEL`] numbers, of which `width` count.
struct Columns {
    values: *const f32,
    stride: isize,
    width: usize,
    depth: usize,
}

impl Columns {
    #[inline(always)]
    unsafe fn rows<W: Words>(&self, count: usize, left: Factor, to: Target) {
        unsafe {
            match (count, self.width > 16) {
                (8, true) => self.block::<W, 8, 2>(left, to),
                (7, true) => self.block::<W, 7, 2>(left, to),
                (6, true) => self.block::<W, 6, 2>(left, to),
                (5, true) => self.block::<W, 5, 2>(left, to),
                (4, true) => self.block::<W, 4, 2>(left, to),
                (3, true) => self.block::<W, 3, 2>(left, to),
                (2, true) => self.block::<W, 2, 2>(left, to),
                (_, true) => self.block::<W, 1, 2>(left, to),
                (8, _) => self.block::<W, 8, 1>(left, to),
                (7, _) => self.block::<W, 7, 1>(left, to),
                (6, _) => self.block::<W, 6, 1>(left, to),
                (5, _) => self.block::<W, 5, 1>(left, to),
                (4, _) => self.block::<W, 4, 1>(left, to),
                (3, _) => self.block::<W, 3, 1>(left, to),
                (2, _) => self.block::<W, 2, 1>(left, to),
                (_, _) => self.block::<W, 1, 1>(left, to),
            }
        }
    }

    /// `M` rows by `N` vectors of the result.
    #[inline(always)]
    unsafe fn block<W: Words, const M: usize, const N: usize>(&self, left: Factor, to: Target) {
        unsafe {
            let mut sums = [[_mm512_setzero_ps(); N]; M];
            let (mut a, mut b) = (left.values, self.values);
            for _ in 0..self.depth {
                let mut vectors = [_mm512_setzero_ps(); N];
                for j in 0..N {
                    vectors[j] = W::right(W::right_at(b, 16 * j), !0);
                }
                for i in 0..M {
                    let factor = _mm512_set1_ps(a.offset(i as isize * left.row).read_unaligned());
                    for j in 0..N {
                        sums[i][j] = W::multiply_add(factor, vectors[j], sums[i][j]);
                    }
                }
                a = a.wrapping_offset(left.column);
                b = b.wrapping_offset(self.stride);
            }
            for i in 0..M {
                for j in 0..N {
                    let (to_here, count) = (to.values.offset(i as isize * to.stride).add(16 * j), self.width - 16 * j);
                    let before = if to.adds { __m512::load_part(to_here, count) } else { _mm512_setzero_ps() };
                    _mm512_add_ps(before, sums[i][j]).store_part(to_here, count);
                }
            }
        }
    }
}

/// Lays `width` columns side by side as a panel of `depth` rows, zeros beside them.
///
/// # Safety
/// As [`product`]; the panel has room for [`PANEL`] columns of all rows.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
pub unsafe fn panel_of(from: Factor, width: usize, panel: *mut f32, depth: usize) {
    // SAFETY: the function's own condition.
    unsafe { pack(from, width, panel, depth) }
}

#[inline(always)]
unsafe fn pack(from: Factor, width: usize, panel: *mut f32, depth: usize) {
    unsafe {
        if from.row == 1 {
            for k in 0..depth {
                let row = from.values.offset(k as isize * from.column);
                __m512::load_part(row, width).store(panel.add(k * PANEL));
                let rest = if width > 16 { __m512::load_part(row.add(16), width - 16) } else { _mm512_setzero_ps() };
                rest.store(panel.add(k * PANEL + 16));
            }
            return;
        }
        let mut done = 0;
        while from.column == 1 && done + 16 <= depth {
            for half in [0, 16] {
                for i in half..half + 16 {
                    // The processor sees no streams in so many lines at once. Only a hint, also behind the end.
                    _mm_prefetch::<_MM_HINT_T0>(from.moved(i, done + AHEAD).values.cast());
                }
                turn(from.moved(half, done), width.saturating_sub(half), panel.add(done * PANEL + half));
            }
            done += 16;
        }
        for k in done..depth {
            for j in 0..PANEL {
                let there = from.moved(j, k).values;
                *panel.add(k * PANEL + j) = if j < width { there.read_unaligned() } else { 0.0 };
            }
        }
    }
}

/// 16 elements of each of up to 16 lines, as 16 rows of a panel.
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
            let rows = [
                (l, _mm512_shuffle_f32x4::<0b10_00_10_00>(low, low_2)),
                (4 + l, _mm512_shuffle_f32x4::<0b10_00_10_00>(high, high_2)),
                (8 + l, _mm512_shuffle_f32x4::<0b11_01_11_01>(low, low_2)),
                (12 + l, _mm512_shuffle_f32x4::<0b11_01_11_01>(high, high_2)),
            ];
            for (k, row) in rows {
                row.store(to.add(k * PANEL));
            }
        }
    }
}
