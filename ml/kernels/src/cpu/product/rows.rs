//! The left side of a product: rows where they lie, or laid in blocks.

use super::{Factor, Words, panel};
use crate::cpu::simd::{Level, level};
use crate::cpu::vector::Vector;

/// Bytes between columns of which a multiple puts all of them into few places of a small cache.
const COLLISION_BYTES: isize = 512;
/// Rows for which copying pays.
const ROWS_MIN: usize = 4;

/// True of a left side whose rows are columns of memory so far apart that they fall into few places of a cache, if it is read often enough.
pub fn is_copied(left: Factor, rows: usize, columns: usize) -> bool {
    let is_far_apart = left.row == 1 && left.column * 4 % COLLISION_BYTES == 0;
    level() != Level::Portable && is_far_apart && rows >= ROWS_MIN && columns > panel()
}

/// Elements of the depth whose rows are copied before the next ones.
const TOGETHER: usize = 8;

/// Blocks of up to `most` rows that differ by one at most.
pub fn blocks(rows: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let blocks = rows.div_ceil(most);
    (0..blocks).map(move |block| (block * rows / blocks, (block + 1) * rows / blocks))
}

/// The left side of a part.
#[derive(Clone, Copy)]
pub enum Rows {
    /// Where it lies.
    Lying(Factor),
    /// A block after the other: of each element of the depth, all rows.
    Packed(*const f32),
}

impl Rows {
    /// Rows `from .. end`.
    #[inline(always)]
    pub fn block(self, (from, end): (usize, usize), depth: usize) -> Factor {
        match self {
            Rows::Lying(left) => left.moved(from, 0),
            Rows::Packed(values) => Factor { values: values.wrapping_add(from * depth), row: 1, column: (end - from) as isize },
        }
    }
}

/// Lays the left side in blocks, as [`Rows::Packed`]. Its rows are neighbours in memory.
///
/// # Safety
/// The processor has the instructions; all elements are inside their memory.
#[inline(always)]
pub unsafe fn pack_rows<W: Words>(left: Factor, (rows, depth): (usize, usize), to: &mut [f32]) {
    assert!(to.len() >= rows * depth);
    for first in (0..depth).step_by(TOGETHER) {
        let end = depth.min(first + TOGETHER);
        for (from, to_row) in blocks(rows, W::ROWS) {
            let (count, to) = (to_row - from, to.as_mut_ptr().wrapping_add(from * depth));
            let whole = (depth + 1).saturating_sub(W::Register::LANES.div_ceil(count)).clamp(first, end);
            // SAFETY: the elements are inside their memory; what is written too much is this block's, and is written again.
            unsafe {
                for k in first..whole {
                    W::Register::load_part(left.moved(from, k).values, count).store(to.add(k * count));
                }
                for k in whole..end {
                    W::Register::load_part(left.moved(from, k).values, count).store_part(to.add(k * count), count);
                }
            }
        }
    }
}
