//! [`super::turned`] with vectors of 512 bits, of bf16: while rows of the right are multiplied, those that come next are widened and those behind them
//! fetched, so that neither is waited for. Each sum is made as [`super::product`] makes it of widened numbers, to the bit.

#![allow(clippy::needless_range_loop)] // several arrays of registers go by one index, and have to be written out whole

mod feed;
mod lay;

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use half::bf16;

use super::panels::{Lanes, crossed};
use super::turned::Lines;
use super::{DEPTH, Target};
use crate::cpu::vector::Vector;
use feed::{Feed, Piece};
pub use lay::{lay, panels_length};

/// Rows of the left in a panel: two vectors.
pub const PANEL: usize = __m512::PANEL;
/// Panels of the left, at most.
pub const PANELS: usize = 4;
/// Rows of the right that are multiplied at once.
pub const ROWS: usize = LANES;

/// Lanes of a vector.
const LANES: usize = __m512::LANES;
/// Elements of a row that are widened at once: those of even place in one vector, the odd ones in the other.
const UNIT: usize = 2 * LANES;
/// Elements of a row, at most, that are widened before they are multiplied.
const CHUNK: usize = 4 * UNIT;
/// Numbers from row to row of a chunk: not so many that all rows fall into few places of a cache.
const PITCH: usize = CHUNK + LANES;
/// Chunks of the right that are fetched before the one that is widened.
const AHEAD: usize = 1;

/// A chunk in f32: of each unit of a row the even elements, then the odd ones.
#[repr(align(64))]
struct Chunk(MaybeUninit<[f32; ROWS * PITCH]>);

/// The sums of a panel: of each row of the right, one for each row of the left.
#[repr(align(64))]
struct Sums([[f32; PANEL]; ROWS]);

/// A product of `rows` of the left, laid in panels.
struct Wide<'a> {
    rows: usize,
    columns: usize,
    depth: usize,
    /// Elements of a chunk.
    chunk: usize,
    left: &'a [f32],
    right: Lines<bf16>,
    target: Target,
}

/// `target[i, j] = sum_k left[i, k] right[j, k]` for `[rows, columns, depth]`, at most [`PANELS`] panels of rows, the depth one of [`super::parts`],
/// where the left side was laid by [`lay`].
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, and FMA. All elements are inside their memory, and nobody else reaches the result's.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,fma")]
pub unsafe fn product_wide([rows, columns, depth]: [usize; 3], left: &[f32], right: Lines<bf16>, target: Target) {
    assert!(left.len() >= panels_length(rows, depth) && rows <= PANELS * PANEL && (1..=DEPTH).contains(&depth));
    let chunk = depth.div_ceil(depth.div_ceil(CHUNK)).next_multiple_of(UNIT);
    // SAFETY: the function's own condition.
    unsafe { Wide { rows, columns, depth, chunk, left, right, target }.all() };
}

impl Wide<'_> {
    #[inline(always)]
    unsafe fn all(&self) {
        let mut chunks = [const { Chunk(MaybeUninit::uninit()) }; 2];
        let [mut here, mut next] = chunks.each_mut().map(|chunk| chunk.0.as_mut_ptr().cast::<f32>());
        let mut sums = [const { Sums([[0.0; PANEL]; ROWS]) }; PANELS];
        let each = self.depth.div_ceil(self.chunk);
        let steps = self.columns.div_ceil(ROWS) * each;
        // SAFETY: the caller's condition; what is multiplied was widened in the step before, behind the last one the last again.
        unsafe {
            self.fetch();
            Feed { next: self.piece(0), to: here, ahead: self.start(1), done: 0 }.rest();
            for step in 0..steps {
                let next_piece = self.piece((step + 1).min(steps - 1));
                let mut feed = Feed { next: next_piece, to: next, ahead: self.start(step + 1 + AHEAD), done: 0 };
                self.step(step % each * self.chunk, here, &mut feed, &mut sums);
                feed.rest();
                if step % each + 1 == each {
                    self.write(&sums, step / each * ROWS);
                }
                (here, next) = (next, here);
            }
        }
    }

    /// Where the chunk of a step begins; behind the last one, rows that another task multiplies.
    #[inline(always)]
    fn start(&self, step: usize) -> *const bf16 {
        let each = self.depth.div_ceil(self.chunk);
        self.right.moved(step / each * ROWS).values.wrapping_add(step % each * self.chunk)
    }

    /// The chunk of a step.
    #[inline(always)]
    fn piece(&self, step: usize) -> Piece {
        let each = self.depth.div_ceil(self.chunk);
        let rows = (self.columns - step / each * ROWS).min(ROWS);
        let depth = self.chunk.min(self.depth - step % each * self.chunk);
        Piece { lines: Lines { values: self.start(step), ..self.right }, rows, depth }
    }

    /// Fetches what is widened first, all at once.
    #[inline(always)]
    unsafe fn fetch(&self) {
        for row in 0..ROWS.min(self.columns) {
            for first in (0..self.depth.min((1 + AHEAD) * self.chunk)).step_by(UNIT) {
                let there = self.right.moved(row).values.wrapping_add(first);
                // SAFETY: only a hint.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(there.cast()) };
            }
        }
    }

    /// Multiplies a chunk, which begins at element `first`, by all panels.
    #[inline(always)]
    unsafe fn step(&self, first: usize, chunk: *const f32, feed: &mut Feed, sums: &mut [Sums; PANELS]) {
        const HALF: usize = ROWS / 2;
        let (depth, lower) = (self.chunk.min(self.depth - first), chunk.wrapping_add(HALF * PITCH));
        let panels = self.left.chunks_exact(PANEL * self.depth).zip(sums);
        for ((panel, sums), row) in panels.zip((0..self.rows).step_by(PANEL)) {
            let panel = &panel[first * PANEL..][..depth * PANEL];
            let (above, below) = sums.0.split_at_mut(HALF);
            // SAFETY: the caller's condition.
            unsafe {
                match (self.rows - row > LANES, row == 0) {
                    (false, true) => block::<ROWS, 1, true>(chunk, panel, first > 0, &mut sums.0, feed),
                    (false, false) => block::<ROWS, 1, false>(chunk, panel, first > 0, &mut sums.0, feed),
                    (true, true) => {
                        block::<HALF, 2, true>(chunk, panel, first > 0, above, feed);
                        block::<HALF, 2, false>(lower, panel, first > 0, below, feed);
                    }
                    (true, false) => {
                        block::<HALF, 2, false>(chunk, panel, first > 0, above, feed);
                        block::<HALF, 2, false>(lower, panel, first > 0, below, feed);
                    }
                }
            }
        }
    }

    /// Columns of the result from `column` on.
    #[inline(always)]
    unsafe fn write(&self, sums: &[Sums; PANELS], column: usize) {
        let width = ROWS.min(self.columns - column);
        for row in (0..self.rows).step_by(LANES) {
            let sums = &sums[row / PANEL].0;
            // SAFETY: the caller's condition.
            unsafe {
                let mut vectors = [_mm512_setzero_ps(); ROWS];
                for j in 0..ROWS {
                    vectors[j] = __m512::load(sums[j][row % PANEL..].as_ptr());
                }
                for (i, sums) in crossed(vectors).into_iter().enumerate().take(self.rows - row) {
                    let to = self.target.moved(row + i, column).values;
                    let sums = if self.target.adds { __m512::add(__m512::load_part(to, width), sums) } else { sums };
                    sums.store_part(to, width);
                }
            }
        }
    }
}

/// Adds `R` rows of a chunk by `N` vectors of a panel to the sums, or begins them; of the feed goes a unit of all rows for as many elements of the depth.
#[inline(always)]
unsafe fn block<const R: usize, const N: usize, const FEEDS: bool>(
    chunk: *const f32,
    panel: &[f32],
    adds: bool,
    to: &mut [[f32; PANEL]],
    feed: &mut Feed,
) {
    assert!(to.len() == R);
    let (depth, row) = (panel.len() / PANEL, feed.next.lines.row);
    // SAFETY: the caller's condition.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); N]; R];
        if adds {
            for j in 0..R {
                for n in 0..N {
                    sums[j][n] = __m512::load(to[j].as_ptr().add(n * LANES));
                }
            }
        }
        let mut left = panel.as_ptr();
        for first in (0..depth).step_by(UNIT) {
            let (right, pairs) = (chunk.add(first), (depth - first).min(UNIT) / 2);
            match feed.unit() {
                Some(mut unit) if FEEDS && pairs == ROWS => {
                    for pair in 0..ROWS {
                        unit = unit.widen(row);
                        multiply_add_pair::<R, N>(right.add(pair), left.add(2 * pair * PANEL), &mut sums);
                    }
                    feed.done += 1;
                }
                _ => {
                    for pair in 0..pairs {
                        multiply_add_pair::<R, N>(right.add(pair), left.add(2 * pair * PANEL), &mut sums);
                    }
                }
            }
            left = left.add(2 * pairs * PANEL);
        }
        if depth % 2 == 1 {
            multiply_add::<R, N>(chunk.add(depth / UNIT * UNIT + depth % UNIT / 2), left, &mut sums);
        }
        for j in 0..R {
            for n in 0..N {
                sums[j][n].store(to[j].as_mut_ptr().add(n * LANES));
            }
        }
    }
}

/// Two elements of each of `R` rows of a chunk, of which one is even, by those of a panel.
#[inline(always)]
unsafe fn multiply_add_pair<const R: usize, const N: usize>(right: *const f32, left: *const f32, sums: &mut [[__m512; N]; R]) {
    unsafe {
        multiply_add::<R, N>(right, left, sums);
        multiply_add::<R, N>(right.add(LANES), left.add(PANEL), sums);
    }
}

/// An element of each of `R` rows of a chunk, by those of a panel.
#[inline(always)]
unsafe fn multiply_add<const R: usize, const N: usize>(right: *const f32, left: *const f32, sums: &mut [[__m512; N]; R]) {
    unsafe {
        let mut vectors = [_mm512_setzero_ps(); N];
        for n in 0..N {
            vectors[n] = __m512::load(left.add(n * LANES));
        }
        for j in 0..R {
            let factor = __m512::splat(*right.add(j * PITCH));
            for n in 0..N {
                sums[j][n] = __m512::multiply_add(factor, vectors[n], sums[j][n]);
            }
        }
    }
}
