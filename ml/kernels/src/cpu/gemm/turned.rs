//! Products with vectors of 256 bits whose left side is laid once, for the threads that share the right side's rows. The right side, which a product of
//! few rows reads once, is read where it lies; bf16 is widened a few rows at a time, in the first cache.

use std::cell::RefCell;
use std::mem::take;

use gradframe_ml_core::Result;

use super::super::bytes::{Line, bytes_of_mut, typed_mut};
use super::super::product::laid::{PANEL, lay_panels, panels_length};
use super::super::product::turned::{Element, Lines, ROWS, product_turned};
use super::super::product::{Target, parts};
use super::super::simd::{Level, level};
use super::super::tasks::{self, Workers};
use super::laid::factor;
use super::{Matrix, Tile};

/// Rows of the left whose panels stay in the second-level cache while those of the right go by.
const GROUP: usize = 128;
/// Rows of the right in a task: fewer, and handing it out costs too much; more, and threads wait for the last.
const COLUMNS: [usize; 2] = [4 * ROWS, 32 * ROWS];

/// Memory that a thread keeps for the next product, at most.
const KEPT_BYTES_MAX: usize = 16 << 20;

thread_local! {
    /// The left side as it is laid: kept from product to product, as new memory costs more than filling it.
    static LAID: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// `output[i, j] = sum_k left[i, k] right[j, k]` of two matrices. False, with nothing done, where rows of the right are not contiguous, a side is empty, or
/// the processor lacks the instructions.
pub fn multiply<E: Element>(left: &Matrix<f32>, right: &Matrix<E>, workers: Workers, output: &mut [f32]) -> Result<bool> {
    let is_empty = output.is_empty() || left.columns == 0;
    if level() == Level::Portable || right.column != 1 || is_empty || [left.batches, right.batches] != [1, 1] {
        return Ok(false);
    }
    assert!(left.is_inside() && right.is_inside() && left.columns == right.columns, "a matrix leaves its buffer");
    assert!(output.len() == left.rows * right.rows, "a result of another size");
    let mut memory = LAID.with_borrow_mut(take); // while this thread waits it may work on another product
    let result = parts(left.columns).try_for_each(|(first, depth)| {
        let columns = first..first + depth;
        let (left, right) = (left.part(0, 0..left.rows, columns.clone()), right.part(0, 0..right.rows, columns));
        part(&left, &right, workers, (output, first > 0), &mut memory)
    });
    if memory.len() * Line::BYTES <= KEPT_BYTES_MAX {
        LAID.with_borrow_mut(|kept| *kept = memory);
    }
    result.map(|()| true)
}

/// Lays the left side, then multiplies; adds to the output if `adds`.
fn part<E: Element>(
    left: &Matrix<f32>,
    right: &Matrix<E>,
    workers: Workers,
    (output, adds): (&mut [f32], bool),
    memory: &mut Vec<Line>,
) -> Result<()> {
    let (rows, columns, depth) = (left.rows, right.rows, left.columns);
    let a_task = tasks::share(workers, columns.div_ceil(ROWS), 1) * ROWS;
    let sides = (rows.div_ceil(rows.div_ceil(GROUP)).next_multiple_of(PANEL), a_task.clamp(COLUMNS[0], COLUMNS[1]));
    let (length, all) = (panels_length(sides.0, depth), panels_length(rows, depth));
    memory.resize(memory.len().max((all * size_of::<f32>()).div_ceil(Line::BYTES)), Line::default());
    let panels: &mut [f32] = &mut typed_mut(bytes_of_mut(memory))[..all];
    tasks::for_each_chunk(workers, panels, length, |group, to| {
        let rows = left.some_rows(group * sides.0..rows.min((group + 1) * sides.0));
        // SAFETY: all elements are inside their buffer; the instructions were found.
        unsafe { lay_panels(factor(&rows), (rows.rows, depth), to) };
        Ok(())
    })?;

    let panels: &[f32] = panels;
    tasks::for_each(workers, Tile::all(output, columns, sides).collect(), |mut tile: Tile<f32>| {
        let (row_range, column_range) = (tile.row_range(), tile.column_range());
        let lines = right.some_rows(column_range.clone());
        let right = Lines { values: lines.values[lines.first..].as_ptr(), row: lines.row };
        let target = Target { values: tile.pointer(), stride: tile.stride() as isize, adds };
        let panels = &panels[row_range.start / sides.0 * length..];
        // SAFETY: the left side is laid for these rows, all elements are inside their buffers; the instructions were found.
        unsafe { product_turned([row_range.len(), column_range.len(), depth], panels, right, target) };
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::super::super::product::product;
    use super::*;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let number =
            |i: u32| (i.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 16) as f32 / 32768.0 - 1.0;
        (0..count as u32).map(number).collect()
    }

    /// Sums in f64.
    fn expected(left: &[f32], right: &[f32], depth: usize) -> Vec<f64> {
        let one = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        left.chunks_exact(depth).flat_map(|x| right.chunks_exact(depth).map(move |y| one(x, y))).collect()
    }

    /// What both sides are read from has gaps between rows.
    fn spread<T: Copy>(values: &[T], depth: usize, gap: usize) -> Vec<T> {
        values.chunks_exact(depth).flat_map(|row| row.iter().chain(std::iter::repeat_n(&row[0], gap))).copied().collect()
    }

    fn check(sizes @ [rows, columns, depth]: [usize; 3]) {
        let (left, halves) = (numbers(rows * depth, 1), numbers(columns * depth, 2));
        let halves: Vec<bf16> = halves.into_iter().map(bf16::from_f32).collect();
        let right: Vec<f32> = halves.iter().map(|x| x.to_f32()).collect();
        let gap = depth % 3;
        let a_values = spread(&left, depth, gap);
        let (b_values, c_values) = (spread(&right, depth, gap), spread(&halves, depth, gap));
        let a = Matrix { row: (depth + gap) as isize, ..Matrix::dense(&a_values, [1, rows, depth]) };
        let b = Matrix { row: (depth + gap) as isize, ..Matrix::dense(&b_values, [1, columns, depth]) };
        let c = Matrix { row: (depth + gap) as isize, ..Matrix::dense(&c_values, [1, columns, depth]) };

        let mut same = vec![f32::NAN; rows * columns];
        let target = Target { values: same.as_mut_ptr(), stride: columns as isize, adds: false };
        // SAFETY: both operands are inside their vectors, the result has its size; `multiply` has found the instructions.
        unsafe { product(sizes, factor(&a), factor(&b), target) };
        for workers in [Workers::One, Workers::Pool] {
            let mut output = [vec![f32::NAN; rows * columns], vec![f32::NAN; rows * columns]];
            assert!(multiply(&a, &b, workers, &mut output[0]).unwrap());
            assert!(multiply(&a, &c, workers, &mut output[1]).unwrap());
            for output in &output {
                assert!(output.iter().zip(&same).all(|(x, y)| x.to_bits() == y.to_bits()), "{sizes:?}");
            }
        }
        for (found, expected) in same.iter().zip(expected(&left, &right, depth)) {
            assert!((f64::from(*found) - expected).abs() <= 1e-6 * depth as f64, "{found} for {expected} of {sizes:?}");
        }
    }

    #[test]
    fn sums_are_those_of_other_products_to_the_bit_whatever_the_threads() {
        if level() == Level::Portable {
            return;
        }
        for rows in 1..=40 {
            check([rows, 1 + rows * 7 % 50, 3 + rows * 11 % 70]);
        }
        for sizes in [[1, 1, 1], [2, 6, 512], [16, 513, 40], [17, 5, 2050], [33, 200, 1376], [150, 31, 17], [300, 40, 1500]] {
            check(sizes);
        }
    }

    #[test]
    fn columns_that_are_not_contiguous_and_empty_sides_are_left_to_others() {
        let values = numbers(64, 1);
        let (a, b) = (Matrix::dense(&values, [1, 8, 8]), Matrix::dense(&values, [1, 8, 8]));
        let mut output = vec![0.0; 64];
        assert!(!multiply(&a, &Matrix { row: 1, column: 8, ..b }, Workers::One, &mut output).unwrap());
        assert!(!multiply(&Matrix { columns: 0, ..a }, &Matrix { columns: 0, ..b }, Workers::One, &mut output).unwrap());
        assert!(!multiply(&a, &Matrix { rows: 0, ..b }, Workers::One, &mut []).unwrap());
    }
}
