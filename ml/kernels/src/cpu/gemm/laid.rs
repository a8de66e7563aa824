//! Large products of f32: each operand is laid once in the order in which it is read, then all threads multiply tiles. A tile that lays its own
//! operands spends as long on a turned one as on multiplying.

use std::cell::RefCell;
use std::mem::take;
use std::ops::Range;

use gradframe_ml_core::Result;

use super::super::bytes::{Line, bytes_of_mut, typed_mut};
use super::super::product::laid::{Panels, block_rows, lay_panels, lay_rows, panels_length, product_of_laid};
use super::super::product::{Factor, Rows, Target, is_copied, panel, parts};
use super::super::simd::{Level, level};
use super::super::tasks::{self, Workers};
use super::{Matrix, Tile, rows_alone};

/// Multiply-adds of a tile, about: some ten thousandths of a second.
const TILE_PRODUCTS: usize = 2_000_000;
/// Columns of a tile, about: their panels stay in the second-level cache while rows go by.
const TILE_COLUMNS: usize = 128;
/// Tiles of a product, about, from which on they grow with it.
const TILES: usize = 32;
/// Rows of a tile, at most.
const TILE_ROWS_MAX: usize = 512;
/// Blocks of rows for which laying the columns pays.
const BLOCKS_MIN: usize = 4;

/// Multiply-adds for which it pays with vectors of 512 bits, where rows of the left have to be copied.
const WIDE_COPIES_MIN: usize = 8_000_000;
/// The same where they are read where they lie: of fewer, each tile turns what it reads of the right in less time than it waits for others.
const WIDE_PRODUCTS_MIN: usize = 64_000_000;

/// Numbers of a line of the caches, which two threads should not write at the same time.
const LINE: usize = Line::BYTES / size_of::<f32>();

thread_local! {
    /// Both operands as they are laid: kept from product to product, as new memory costs more than filling it.
    static LAID: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// A part of one operand, and where it is laid.
enum Piece<'a> {
    /// The rows of tiles of this number.
    Rows(usize, &'a mut [f32]),
    /// The columns of a panel of this number.
    Columns(usize, &'a mut [f32]),
}

/// `output[i, j] = sum_k left[i, k] right[j, k]` of two matrices. False, with nothing done, of others and where it does not
/// pay.
pub fn multiply(left: &Matrix<f32>, right: &Matrix<f32>, workers: Workers, output: &mut [f32]) -> Result<bool> {
    if left.batches > 1 || goes_alone(workers) || !pays(left, right) {
        return Ok(false);
    }
    assert!(left.is_inside() && right.is_inside() && output.len() == left.rows * right.rows, "a matrix leaves its buffer");
    let mut memory = LAID.with_borrow_mut(take); // while this thread waits it may work on another product
    let result = parts(left.columns).try_for_each(|(first, depth)| {
        let columns = first..first + depth;
        let (left, right) = (left.part(0, 0..left.rows, columns.clone()), right.part(0, 0..right.rows, columns));
        part(&left, &right, workers, (output, first > 0), &mut memory)
    });
    LAID.with_borrow_mut(|kept| *kept = memory);
    result.map(|()| true)
}

/// True of a thread with vectors of 512 bits that works alone: it lays a panel at a time, which then is in its first caches.
fn goes_alone(workers: Workers) -> bool {
    matches!(workers, Workers::One) && level() == Level::Avx512
}

/// True if it takes longer to lay operands for each tile than for all of them at once.
fn pays(left: &Matrix<f32>, right: &Matrix<f32>) -> bool {
    let products = left.rows * right.rows * left.columns;
    let is_large = left.rows >= BLOCKS_MIN * block_rows() && right.rows > panel() && products >= 2 * TILE_PRODUCTS;
    match level() {
        Level::Avx512 => {
            let least = if is_copied(factor(left), left.rows, right.rows) { WIDE_COPIES_MIN } else { WIDE_PRODUCTS_MIN };
            is_large && products >= least
        }
        Level::Avx2 => is_large,
        Level::Portable => false,
    }
}

/// Lays the operands, then multiplies them; adds to the output if `adds`.
fn part(
    left: &Matrix<f32>,
    right: &Matrix<f32>,
    workers: Workers,
    (output, adds): (&mut [f32], bool),
    memory: &mut Vec<Line>,
) -> Result<()> {
    let (width, depth, sides) = (right.rows, left.columns, sides([left.rows, right.rows, left.columns]));
    let copies = is_copied(factor(left), left.rows, right.rows);
    let lengths = [if copies { (sides.0 * depth).next_multiple_of(LINE) } else { 0 }, panels_length(sides.1, depth, panel())];
    let in_rows = lengths[0] * left.rows.div_ceil(sides.0);
    let all = in_rows + panels_length(width, depth, panel());
    memory.resize(memory.len().max((all * size_of::<f32>()).div_ceil(Line::BYTES)), Line::default());
    let memory: &mut [f32] = &mut typed_mut(bytes_of_mut(memory))[..all];

    let (rows, columns) = memory.split_at_mut(in_rows);
    let rows = rows.chunks_mut(lengths[0].max(1)).enumerate().map(|(i, to)| Piece::Rows(i, to));
    let columns = columns.chunks_mut(panel() * depth).enumerate().map(|(i, to)| Piece::Columns(i, to));
    tasks::for_each(workers, rows.chain(columns).collect(), |piece| {
        lay(left, right, sides.0, piece);
        Ok(())
    })?;

    let (rows, columns) = memory.split_at(in_rows);
    let rows = |range: Range<usize>| match copies {
        true => Rows::Packed(rows[range.start / sides.0 * lengths[0]..].as_ptr()),
        false => Rows::Lying(factor(&left.some_rows(range))),
    };
    let panels = Panels { values: columns, pitch: panel() * depth };
    tiles(workers, ([width, depth], sides), (rows, panels), (output, adds))
}

/// `output[i, j] = sum_k left[i, k] right[j, k]`, where so many columns of the right are kept in panels.
pub fn multiply_by_panels(
    left: &Matrix<f32>,
    (right, columns): (Panels, usize),
    workers: Workers,
    output: &mut [f32],
) -> Result<()> {
    assert!(left.is_inside() && right.hold(columns, left.columns), "a matrix leaves its buffer");
    assert!(left.batches == 1 && output.len() == left.rows * columns, "a result of another size");
    parts(left.columns).try_for_each(|(first, depth)| {
        let left = left.part(0, 0..left.rows, first..first + depth);
        let rows = |range: Range<usize>| Rows::Lying(factor(&left.some_rows(range)));
        let sides = match workers {
            Workers::One => (rows_alone::<f32>(left.rows, depth), columns),
            _ => sides([left.rows, columns, depth]),
        };
        tiles(workers, ([columns, depth], sides), (rows, right.moved(0, first)), (&mut *output, first > 0))
    })
}

/// Multiplies rows, found by their range, by panels, tile by tile; adds to the output if `adds`.
fn tiles(
    workers: Workers,
    ([width, depth], sides): ([usize; 2], (usize, usize)),
    (rows, panels): (impl Fn(Range<usize>) -> Rows + Sync + Send, Panels),
    (output, adds): (&mut [f32], bool),
) -> Result<()> {
    tasks::for_each(workers, Tile::all(output, width, sides).collect(), |mut tile: Tile<f32>| {
        let (row_range, column_range) = (tile.row_range(), tile.column_range());
        let sizes = [row_range.len(), column_range.len(), depth];
        let target = Target { values: tile.pointer(), stride: tile.stride() as isize, adds };
        // SAFETY: the operands are laid for these sides, or lie inside their buffer; the instructions were found.
        unsafe { product_of_laid(sizes, rows(row_range), panels.moved(column_range.start / panel(), 0), target) };
        Ok(())
    })
}

fn lay(left: &Matrix<f32>, right: &Matrix<f32>, side: usize, piece: Piece) {
    let range = |i: usize, side: usize, all: usize| i * side..all.min((i + 1) * side);
    // SAFETY: `multiply` has checked that all elements are inside their buffers; the instructions were found.
    unsafe {
        match piece {
            Piece::Rows(i, to) => {
                let rows = left.some_rows(range(i, side, left.rows));
                lay_rows(factor(&rows), (rows.rows, rows.columns), to);
            }
            Piece::Columns(i, to) => {
                let columns = right.some_rows(range(i, panel(), right.rows));
                lay_panels(factor(&columns), (columns.rows, columns.columns), to);
            }
        }
    }
}

/// A matrix as an operand.
pub fn factor(m: &Matrix<f32>) -> Factor {
    Factor { values: m.values[m.first..].as_ptr(), row: m.row, column: m.column }
}

/// Rows and columns of tiles: whole blocks and panels, from the shape alone.
fn sides([rows, columns, depth]: [usize; 3]) -> (usize, usize) {
    let (products, panels) = ((rows * columns * depth / TILES).max(TILE_PRODUCTS), columns.div_ceil(panel()));
    let columns = panels.div_ceil(panels.div_ceil(TILE_COLUMNS / panel())) * panel();
    let most = (products / (columns * depth)).clamp(BLOCKS_MIN * block_rows(), TILE_ROWS_MAX);
    (rows.div_ceil(rows.div_ceil(most)).next_multiple_of(block_rows()), columns)
}

#[cfg(test)]
mod tests {
    use super::super::super::product::product;
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        let number = |i: usize| ((i * 7 + seed) as u32).wrapping_mul(2_654_435_761) >> 16;
        (0..count).map(|i| number(i) as f32 / 32768.0 - 1.0).collect()
    }

    /// A matrix of these sizes, kept column by column if it lies across.
    fn matrix(values: &[f32], [rows, columns]: [usize; 2], across: bool) -> Matrix<'_, f32> {
        let dense = Matrix::dense(values, [1, rows, columns]);
        if across { Matrix { row: 1, column: rows as isize, ..dense } } else { dense }
    }

    #[test]
    fn sums_are_those_of_products_of_what_lies_to_the_bit_whatever_the_threads() {
        let mut is_laid = false;
        let shapes = [[512, 128, 768], [128, 512, 768], [130, 97, 1100], [384, 67, 2050], [257, 33, 1024], [500, 600, 300]];
        for (sizes @ [rows, columns, depth], across) in shapes.into_iter().flat_map(|s| [(s, true), (s, false)]) {
            let (a, b) = (numbers(rows * depth, 1), numbers(columns * depth, 2));
            let (left, right) = (matrix(&a, [rows, depth], across), matrix(&b, [columns, depth], across));
            let mut same = vec![f32::NAN; rows * columns];
            let target = Target { values: same.as_mut_ptr(), stride: columns as isize, adds: false };
            if level() != Level::Portable {
                // SAFETY: both operands are inside their vectors, the result has its size; the instructions were found.
                unsafe { product(sizes, factor(&left), factor(&right), target) };
            }
            for workers in [Workers::One, Workers::Pool] {
                let mut output = vec![f32::NAN; rows * columns];
                if multiply(&left, &right, workers, &mut output).unwrap() {
                    is_laid = true;
                    assert!(output.iter().zip(&same).all(|(x, y)| x.to_bits() == y.to_bits()), "{sizes:?}, across: {across}");
                }
            }
        }
        assert!(is_laid || level() == Level::Portable);
    }
}
