//! Products of f32 matrices in registers: some rows by two vectors of the result at a time.
//!
//! The left matrix is read where it lies, an element for all lanes. The right one is read where it lies too, if its rows are
//! contiguous and not too far apart; else a panel of columns is turned first. Each element of the result is the sum over `k` in order, in fixed
//! parts, however the result is cut into tiles: its bits do not depend on that.
//!
//! Products of bf16 are the same of words of two: a word of the left times a word of the right adds two products to an f32.

#![allow(clippy::needless_range_loop)] // several arrays of registers go by one index, and have to be written out whole

pub mod laid;
mod panels;
mod rows;
pub mod turned;
pub mod wide;
mod words;

use std::arch::x86_64::{__m256, __m512, _MM_HINT_T1, _mm_prefetch};
use std::cell::RefCell;

use super::bytes::{Line, bytes_of_mut, typed_mut};
use super::simd::{Level, level};
use super::vector::Vector;
pub use panels::{Lanes, pack};
pub use rows::{Rows, is_copied};
use rows::{blocks, pack_rows};
pub use words::{Pairs, Singles, Widened, Words};

/// Contracted elements that are gone through before the next columns: a panel of so many stays in the second-level cache.
const DEPTH: usize = 1024;
/// Blocks of rows that read a panel for which copying it pays.
const BLOCKS_MIN: usize = 4;
/// Bytes between rows of which a multiple puts all of them into the same few places of a cache.
const COLLISION_BYTES: isize = 4096;

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
    /// The panel that a thread works on, and behind it rows of the left side.
    static PANELS: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Columns of a panel of f32.
pub fn panel() -> usize {
    if level() == Level::Avx512 { __m512::PANEL } else { __m256::PANEL }
}

/// `target[i, j] = sum_k left[i, k] right[j, k]` for `[rows, columns, depth]`, none of which is 0.
///
/// # Safety
/// The processor's [`level`] is not `Portable`. All elements are inside their memory, and nobody else reaches the result's.
pub unsafe fn product(sizes: [usize; 3], left: Factor, right: Factor, target: Target) {
    // SAFETY: the function's own condition.
    unsafe {
        match level() {
            Level::Avx512 => in_parts(sizes, left, right, target, part_of_singles_avx512),
            _ => in_parts(sizes, left, right, target, part_of_singles_avx2),
        }
    }
}

/// As [`product`] of f32, for words of two bf16: `target[i, j] = sum_k left[i, k] right[j, k]` where each word counts twice.
///
/// # Safety
/// As [`product`]; and the processor has AVX-512 F, BW, DQ, VL and BF16.
pub unsafe fn product_of_pairs(sizes: [usize; 3], left: Factor, right: Factor, target: Target) {
    // SAFETY: the function's own condition.
    unsafe { in_parts(sizes, left, right, target, part_of_pairs) }
}

/// As [`product`], where the right is bf16 in rows of `sizes[1]` columns, a multiple of [`panel`]: element (j, k) is `j` elements behind `right.values`
/// moved by `k * right.column` words.
///
/// # Safety
/// As [`product`].
pub unsafe fn product_with_widened(sizes: [usize; 3], left: Factor, right: Factor, target: Target) {
    // SAFETY: the function's own condition.
    unsafe {
        match level() {
            Level::Avx512 => product_with_widened_avx512(sizes, left, right, target),
            _ => product_with_widened_avx2(sizes, left, right, target),
        }
    }
}

#[inline(always)]
unsafe fn with_widened<W: Words>([rows, columns, depth]: [usize; 3], left: Factor, right: Factor, target: Target) {
    for first in (0..columns).step_by(W::Register::PANEL) {
        let values = W::right_at(right.values, first);
        let panel = Columns { values, stride: right.column, width: W::Register::PANEL, depth, ahead: None };
        // SAFETY: the function's own condition; all columns of the panel are there.
        unsafe { panel.all_rows::<W>(rows, Rows::Lying(left), target.moved(0, first)) };
    }
}

/// The parts of which sums are added: where each begins, and how long it is. They follow from the depth alone.
pub fn parts(depth: usize) -> impl Iterator<Item = (usize, usize)> {
    let part = part_depth(depth);
    (0..depth).step_by(part).map(move |first| (first, part.min(depth - first)))
}

/// The longest part.
fn part_depth(depth: usize) -> usize {
    depth.div_ceil(depth.div_ceil(DEPTH))
}

type PartOf = unsafe fn([usize; 3], Factor, Factor, Target, &mut [f32]);

unsafe fn in_parts([rows, columns, depth]: [usize; 3], left: Factor, right: Factor, target: Target, part_of: PartOf) {
    let part = part_depth(depth);
    PANELS.with_borrow_mut(|panels| {
        let lines = |elements: usize| (elements * 4).div_ceil(Line::BYTES);
        let behind = if is_copied(left, rows, columns) { lines(part * rows) + 1 } else { 0 };
        panels.resize(lines(part * panel()) + behind, Line::default());
        let panel: &mut [f32] = typed_mut(bytes_of_mut(panels));
        for (first, depth) in parts(depth) {
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

impl Target {
    /// The result from another element on.
    #[inline(always)]
    fn moved(self, row: usize, column: usize) -> Self {
        Target { values: self.values.wrapping_offset(row as isize * self.stride).wrapping_add(column), ..self }
    }
}

/// [`part_of`] and [`with_widened`] with these instructions.
macro_rules! compiled {
    ($($name:ident: $of:ident<$words:ty>($($panel:ident)?), $features:literal;)*) => { $(
        #[target_feature(enable = $features)]
        unsafe fn $name(sizes: [usize; 3], left: Factor, right: Factor, target: Target, $($panel: &mut [f32])?) {
            // SAFETY: the function's own condition.
            unsafe { $of::<$words>(sizes, left, right, target, $($panel)?) }
        }
    )* };
}

compiled! {
    part_of_singles_avx512: part_of<Singles<__m512>>(panel), "avx512f,avx512dq,avx512vl,avx512bw,fma";
    part_of_singles_avx2: part_of<Singles<__m256>>(panel), "avx2,fma";
    part_of_pairs: part_of<Pairs>(panel), "avx512f,avx512dq,avx512vl,avx512bw,avx512bf16,fma";
    product_with_widened_avx512: with_widened<Widened<__m512>>(), "avx512f,avx512dq,avx512vl,avx512bw,fma";
    product_with_widened_avx2: with_widened<Widened<__m256>>(), "avx2,fma";
}

#[inline(always)]
unsafe fn part_of<W: Words>([rows, columns, depth]: [usize; 3], left: Factor, right: Factor, target: Target, panel: &mut [f32]) {
    let (panel, behind) = panel.split_at_mut(depth * W::Register::PANEL);
    let is_packed = is_copied(left, rows, columns);
    if is_packed {
        // SAFETY: the function's own condition; there is room for all rows.
        unsafe { pack_rows::<W>(left, (rows, depth), behind) };
    }
    let left = if is_packed { Rows::Packed(behind.as_ptr()) } else { Rows::Lying(left) };
    let is_read_often = rows >= BLOCKS_MIN * W::ROWS;
    let is_copied = is_read_often && (W::PACKS_OFTEN || (right.column * 4) % COLLISION_BYTES == 0);
    for first in (0..columns).step_by(W::Register::PANEL) {
        let width = W::Register::PANEL.min(columns - first);
        let there = right.moved(first, 0);
        let (values, stride) = if right.row == 1 && width == W::Register::PANEL && !is_copied {
            (there.values, right.column)
        } else {
            // SAFETY: the function's own condition.
            unsafe { pack::<W::Register>(there, width, panel.as_mut_ptr(), depth) };
            (panel.as_ptr(), W::Register::PANEL as isize)
        };
        let is_followed = is_copied && right.row == 1 && columns > first + W::Register::PANEL;
        let ahead = if is_followed { Some(right.moved(first + W::Register::PANEL, 0)) } else { None };
        let columns = Columns { values, stride, width, depth, ahead };
        // SAFETY: the function's own condition.
        unsafe { columns.all_rows::<W>(rows, left, target.moved(0, first)) };
    }
}

/// A panel: `depth` rows of [`Lanes::PANEL`] numbers, of which `width` count.
struct Columns {
    values: *const f32,
    stride: isize,
    width: usize,
    depth: usize,
    /// The panel that is copied after this one, where its rows lie: fetched meanwhile.
    ahead: Option<Factor>,
}

/// Elements of the depth in which one row of the panel ahead is fetched.
const STEP: usize = 16;

/// What a block fetches of the panel ahead: so many of its rows.
#[derive(Clone, Copy)]
struct Ahead {
    next: *const f32,
    stride: isize,
    rows: usize,
}

impl Ahead {
    /// Fetches the next row of so many words into the second-level cache.
    #[inline(always)]
    unsafe fn fetch(&mut self, words: usize) {
        for line in (0..words).step_by(Line::BYTES / 4) {
            // SAFETY: a hint; no address is wrong.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(self.next.wrapping_add(line).cast()) };
        }
        self.next = self.next.wrapping_offset(self.stride);
        self.rows -= 1;
    }
}

impl Columns {
    /// All rows of the result, in blocks that differ by one row at most: of a block of one or two, each sum would wait for itself.
    #[inline(always)]
    unsafe fn all_rows<W: Words>(&self, rows: usize, left: Rows, to: Target) {
        let each = self.depth.div_ceil(rows.div_ceil(W::ROWS));
        for (block, (from, end)) in blocks(rows, W::ROWS).enumerate() {
            let (left, ahead) = (left.block((from, end), self.depth), self.ahead(block * each, each));
            // SAFETY: the caller's condition.
            unsafe { self.rows::<W>(end - from, left, to.moved(from, 0), ahead) };
        }
    }

    /// So many rows of the panel ahead, from one of them on.
    #[inline(always)]
    fn ahead(&self, first: usize, count: usize) -> Ahead {
        match self.ahead {
            Some(panel) if first < self.depth => {
                let rows = count.min(self.depth - first);
                Ahead { next: panel.moved(0, first).values, stride: panel.column, rows }
            }
            _ => Ahead { next: self.values, stride: 0, rows: 0 },
        }
    }

    #[inline(always)]
    unsafe fn rows<W: Words>(&self, count: usize, left: Factor, to: Target, ahead: Ahead) {
        unsafe {
            match (count, self.width > W::Register::LANES) {
                (8, true) if W::ROWS >= 8 => self.block::<W, 8, 2>(left, to, ahead),
                (7, true) if W::ROWS >= 7 => self.block::<W, 7, 2>(left, to, ahead),
                (6, true) => self.block::<W, 6, 2>(left, to, ahead),
                (5, true) => self.block::<W, 5, 2>(left, to, ahead),
                (4, true) => self.block::<W, 4, 2>(left, to, ahead),
                (3, true) => self.block::<W, 3, 2>(left, to, ahead),
                (2, true) => self.block::<W, 2, 2>(left, to, ahead),
                (_, true) => self.block::<W, 1, 2>(left, to, ahead),
                (8, _) if W::ROWS >= 8 => self.block::<W, 8, 1>(left, to, ahead),
                (7, _) if W::ROWS >= 7 => self.block::<W, 7, 1>(left, to, ahead),
                (6, _) => self.block::<W, 6, 1>(left, to, ahead),
                (5, _) => self.block::<W, 5, 1>(left, to, ahead),
                (4, _) => self.block::<W, 4, 1>(left, to, ahead),
                (3, _) => self.block::<W, 3, 1>(left, to, ahead),
                (2, _) => self.block::<W, 2, 1>(left, to, ahead),
                (_, _) => self.block::<W, 1, 1>(left, to, ahead),
            }
        }
    }

    /// `M` rows by `N` vectors of the result.
    #[inline(always)]
    unsafe fn block<W: Words, const M: usize, const N: usize>(&self, left: Factor, to: Target, mut ahead: Ahead) {
        unsafe {
            let lanes = W::Register::LANES;
            let zero = W::Register::splat(0.0);
            let mut sums = [[zero; N]; M];
            let mut heads = [0, 3, 6].map(|row| left.moved(row, 0).values);
            let mut b = self.values;
            for k in 0..self.depth {
                if k % STEP == 0 && ahead.rows > 0 {
                    ahead.fetch(W::Register::PANEL);
                }
                let mut vectors = [zero; N];
                for j in 0..N {
                    vectors[j] = W::right(W::right_at(b, lanes * j), lanes);
                }
                for i in 0..M {
                    // Rows are found from every third one: one from the other, and each would wait for the address before.
                    let there = heads[i / 3].wrapping_offset((i % 3) as isize * left.row);
                    let factor = W::Register::splat(there.read_unaligned());
                    for j in 0..N {
                        sums[i][j] = W::multiply_add(factor, vectors[j], sums[i][j]);
                    }
                }
                for head in &mut heads {
                    *head = head.wrapping_offset(left.column);
                }
                b = b.wrapping_offset(self.stride);
            }
            for i in 0..M {
                for j in 0..N {
                    let (to_here, count) = (to.values.offset(i as isize * to.stride).add(lanes * j), self.width - lanes * j);
                    let before = if to.adds { W::Register::load_part(to_here, count) } else { zero };
                    W::Register::add(before, sums[i][j]).store_part(to_here, count);
                }
            }
        }
    }
}
