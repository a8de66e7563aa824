//! Products of matrices on fixed tiles, each by one thread: the same bits whatever the number of threads.

#[cfg(target_arch = "x86_64")]
pub mod laid;
mod matrix;
mod scalar;
mod tile;
#[cfg(target_arch = "x86_64")]
pub mod turned;

use gradframe_ml_core::Result;

use super::tasks::{self, Workers};
pub use matrix::{Batch, Matrix};
pub use scalar::{Scalar, has_own_kernels};
pub use tile::Tile;

/// Operations of a tile: less, and packing its operands costs too much.
const TILE_FLOPS_MIN: usize = 12_000_000;
/// Multiply-adds of a tile where no operands are copied: less, and handing it out costs too much.
const SMALL_TILE_FLOPS_MIN: usize = 1_500_000;
/// Such tiles of a product, about, from which on they grow with it.
const SMALL_TILES_MAX: usize = 64;
/// The shorter side of a tile, at least.
const TILE_SIDE_MIN: usize = 64;
/// The longer side of a tile, at most.
const TILE_SIDE_MAX: usize = 512;
/// Bytes of the rows of a tile of a thread that works alone.
const ALONE_BYTES: usize = 768 * 1024;
/// Contracted elements that are gone through before the next ones, at most.
const ALONE_DEPTH_MAX: usize = 1024;
/// Contracted elements of a chunk, where the result is small and the contraction long.
const CHUNK_COLUMNS: usize = 8192;
/// The largest result of which each chunk gets a copy.
const CHUNKED_RESULT_MAX: usize = 64 * 1024;

/// `output[b, i, j] = sum_k left[b, i, k] right[b, j, k]`. No side is empty.
pub fn multiply<T: Scalar>(left: &Matrix<T>, right: &Matrix<T>, workers: Workers, output: &mut [T]) -> Result<()> {
    let result = left.rows * right.rows;
    if goes_by_chunks(left, right) {
        return multiply_in_chunks(left, right, workers, output);
    }
    if T::product_of_laid(left, right, workers, output)? {
        return Ok(());
    }
    let sides = match workers {
        Workers::One if T::reads_in_place() => (rows_alone::<T>(left.rows, left.columns), right.rows),
        _ if T::reads_in_place() => small_sides(left, right),
        _ => tile_sides(left.rows, right.rows, left.columns),
    };
    let is_batch = left.batches > 1;
    let mut tasks = Vec::new();
    for (batch, output) in output.chunks_exact_mut(result).enumerate() {
        tasks.extend(Tile::all(output, right.rows, sides).map(|tile| (batch, tile)));
    }
    tasks::for_each(workers, tasks, |(batch, mut tile)| {
        let left = left.part(batch, tile.row_range(), 0..left.columns);
        let right = right.part(batch, tile.column_range(), 0..right.columns);
        // Rows of one matrix alone may be rows of a table, of which any number has the same bits; those of many are parts of one row.
        if !(is_batch && T::product_of_few(&left, &right, &mut tile)) {
            T::product(&left, &right, &mut tile, false);
        }
        Ok(())
    })
}

/// Rows and columns of the tiles of a result. They follow from its shape alone, so the bits do not depend on threads.
fn tile_sides(rows: usize, columns: usize, contracted: usize) -> (usize, usize) {
    let mut sides = [rows.min(TILE_SIDE_MAX), columns.min(TILE_SIDE_MAX)];
    while sides[0] * sides[1] * contracted >= TILE_FLOPS_MIN {
        let longer = usize::from(sides[1] > sides[0]);
        if sides[longer] < 2 * TILE_SIDE_MIN {
            break;
        }
        sides[longer] = (sides[longer] / 2).next_multiple_of(TILE_SIDE_MIN / 4);
    }
    (even(rows, sides[0]), even(columns, sides[1]))
}

/// Of so many rows those that a thread alone multiplies by all columns before the next ones: they stay in the second-level cache, while the other side goes by a panel
/// at a time.
fn rows_alone<T>(rows: usize, contracted: usize) -> usize {
    even(rows, (ALONE_BYTES / (size_of::<T>() * contracted.min(ALONE_DEPTH_MAX))).max(TILE_SIDE_MIN))
}

/// As [`tile_sides`], where operands are read in place or a panel at a time: rows are shared out before columns, as other kernels share them out, so
/// that most of what a thread reads is in its own cache; of both so many that what a tile copies is read often.
fn small_sides<T>(left: &Matrix<T>, right: &Matrix<T>) -> (usize, usize) {
    const PANEL: usize = 32; // whole panels of any vectors
    let all = left.rows * right.rows * left.columns;
    let products = SMALL_TILE_FLOPS_MIN.max(all / SMALL_TILES_MAX);
    let rows_min = if right.row == 1 { 2 * PANEL } else { 4 * PANEL };
    let mut sides = [left.rows, right.rows];
    for least in [[rows_min, 4 * PANEL], [rows_min, PANEL], [PANEL, PANEL]] {
        for side in [0, 1] {
            while sides[0] * sides[1] * left.columns >= 2 * products && sides[side] >= 2 * least[side] {
                sides[side] = (sides[side] / 2).next_multiple_of(if side == 0 { 8 } else { PANEL });
            }
        }
    }
    (sides[0], sides[1])
}

/// The length of pieces, at most about `most`, that divide `whole` evenly.
fn even(whole: usize, most: usize) -> usize {
    whole.div_ceil(whole.div_ceil(most)).next_multiple_of(4)
}

/// A small result of a long contraction: threads share the contraction, not the result.
pub fn goes_by_chunks<T>(left: &Matrix<T>, right: &Matrix<T>) -> bool {
    left.batches == 1 && left.rows * right.rows <= CHUNKED_RESULT_MAX && left.columns >= 4 * CHUNK_COLUMNS
}

/// A small result of a long contraction: chunks of it, added in order.
fn multiply_in_chunks<T: Scalar>(left: &Matrix<T>, right: &Matrix<T>, workers: Workers, output: &mut [T]) -> Result<()> {
    let chunks = left.columns.div_ceil(CHUNK_COLUMNS);
    let mut partials = vec![T::default(); chunks * output.len()];
    tasks::for_each_chunk(workers, &mut partials, output.len(), |chunk, partial| {
        let columns = chunk * CHUNK_COLUMNS..left.columns.min((chunk + 1) * CHUNK_COLUMNS);
        let (left, right) = (left.part(0, 0..left.rows, columns.clone()), right.part(0, 0..right.rows, columns));
        T::product(&left, &right, &mut Tile::whole(partial, right.rows), false);
        Ok(())
    })?;
    let mut partials = partials.chunks_exact(output.len());
    if let Some(first) = partials.next() {
        output.copy_from_slice(first);
    }
    partials.for_each(|p| output.iter_mut().zip(p).for_each(|(o, &p)| *o = o.plus(p)));
    Ok(())
}
