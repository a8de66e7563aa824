//! Products whose left side is laid once in panels, for the threads that share the right side's rows. The right side, which a product of few rows reads
//! once, is read where it lies; bf16 is widened a few rows at a time, in the first cache.

mod ways;

use std::cell::RefCell;
use std::mem::take;
use std::ops::Range;

use gradframe_ml_core::Result;

use super::super::bytes::{Line, bytes_of_mut, typed_mut};
use super::super::product::turned::Lines;
use super::super::product::{Target, parts, wide};
use super::super::tasks::{self, Workers};
use super::{Matrix, Tile};
pub use ways::{Short, Way, Wide};

/// Rows of the left whose panels stay in the second-level cache while those of the right go by.
const GROUP: usize = wide::PANELS * wide::PANEL;
/// Blocks of rows of the right in a task: fewer, and handing it out costs too much; more, and threads wait for the last.
const BLOCKS: [usize; 2] = [4, 32];

/// Memory that a thread keeps for the next product, at most.
const KEPT_BYTES_MAX: usize = 16 << 20;

thread_local! {
    /// The left side as it is laid: kept from product to product, as new memory costs more than filling it.
    static LAID: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// `output[i, j] = sum_k left[i, k] right[j, k]` of two matrices. False, with nothing done, where rows of the right are not contiguous, a side is empty, or
/// the processor lacks the instructions.
pub fn multiply<W: Way>(left: &Matrix<W::Left>, right: &Matrix<W::Right>, workers: Workers, output: &mut [f32]) -> Result<bool> {
    let is_empty = output.is_empty() || left.columns == 0;
    if !W::is_there() || right.column != 1 || is_empty || [left.batches, right.batches] != [1, 1] {
        return Ok(false);
    }
    assert!(left.is_inside() && right.is_inside() && left.columns == right.columns, "a matrix leaves its buffer");
    assert!(output.len() == left.rows * right.rows, "a result of another size");
    parts(left.columns).try_for_each(|(first, depth)| {
        let columns = first..first + depth;
        let (left, right) = (left.part(0, 0..left.rows, columns.clone()), right.part(0, 0..right.rows, columns));
        let groups = left.rows.div_ceil(GROUP);
        let each = left.rows.div_ceil(groups).next_multiple_of(W::PANEL);
        let (product, target) = (Product::<W> { left, right, each, adds: first > 0 }, &mut *output);
        match tasks::share(workers, groups, 1) > 1 {
            true => product.by_groups(workers, target),
            false => product.shared(workers, target),
        }
    })?;
    Ok(true)
}

/// One part of a product.
struct Product<'a, W: Way> {
    left: Matrix<'a, W::Left>,
    right: Matrix<'a, W::Right>,
    /// Rows of the left in a group.
    each: usize,
    /// True if it is added to what is there.
    adds: bool,
}

impl<W: Way> Product<'_, W> {
    /// Many groups: who takes one lays it, and multiplies it while it is in the second-level cache.
    fn by_groups(&self, workers: Workers, output: &mut [f32]) -> Result<()> {
        let tiles = Tile::all(output, self.right.rows, (self.each, self.right.rows)).collect();
        tasks::for_each(workers, tiles, |mut tile: Tile<f32>| {
            with_memory(self.each * self.left.columns, |panels| {
                self.lay(tile.row_range(), panels);
                self.multiply(&mut tile, panels);
                Ok(())
            })
        })
    }

    /// Few groups: all threads lay them, then share the rows of the right.
    fn shared(&self, workers: Workers, output: &mut [f32]) -> Result<()> {
        let (rows, columns, depth) = (self.left.rows, self.right.rows, self.left.columns);
        let blocks = tasks::share(workers, columns.div_ceil(W::ROWS), 1).clamp(BLOCKS[0], BLOCKS[1]);
        let (length, sides) = (self.each * depth, (self.each, blocks * W::ROWS));
        with_memory(rows.next_multiple_of(W::PANEL) * depth, |panels| {
            tasks::for_each_chunk(workers, panels, length, |group, to| {
                self.lay(group * self.each..rows.min((group + 1) * self.each), to);
                Ok(())
            })?;
            let panels: &[f32] = panels;
            tasks::for_each(workers, Tile::all(output, columns, sides).collect(), |mut tile: Tile<f32>| {
                let group = tile.row_range().start / self.each;
                self.multiply(&mut tile, &panels[group * length..]);
                Ok(())
            })
        })
    }

    fn lay(&self, rows: Range<usize>, to: &mut [f32]) {
        // SAFETY: `multiply` has checked that all elements are inside their buffer; the instructions were found.
        unsafe { W::lay(&self.left.some_rows(rows), to) };
    }

    fn multiply(&self, tile: &mut Tile<f32>, panels: &[f32]) {
        let lines = self.right.some_rows(tile.column_range());
        let right = Lines { values: lines.values[lines.first..].as_ptr(), row: lines.row };
        let target = Target { values: tile.pointer(), stride: tile.stride() as isize, adds: self.adds };
        let sizes = [tile.row_range().len(), tile.column_range().len(), self.left.columns];
        // SAFETY: the left side is laid for these rows, all elements are inside their buffers; the instructions were found.
        unsafe { W::product(sizes, panels, right, target) };
    }
}

/// So many numbers of memory that this thread keeps, and does without while it waits in `work`: it may take part in another product then.
fn with_memory(length: usize, work: impl FnOnce(&mut [f32]) -> Result<()>) -> Result<()> {
    let mut memory = LAID.with_borrow_mut(take);
    memory.resize(memory.len().max((length * size_of::<f32>()).div_ceil(Line::BYTES)), Line::default());
    let result = work(&mut typed_mut(bytes_of_mut(&mut memory))[..length]);
    if memory.len() * Line::BYTES <= KEPT_BYTES_MAX {
        LAID.with_borrow_mut(|kept| *kept = memory);
    }
    result
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::super::super::product::product;
    use super::super::super::simd::{Level, level};
    use super::super::laid::factor;
    use super::*;

    fn numbers(count: usize, seed: u32) -> Vec<bf16> {
        let number =
            |i: u32| (i.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 16) as f32 / 32768.0 - 1.0;
        (0..count as u32).map(|i| bf16::from_f32(number(i))).collect()
    }

    fn widened(values: &[bf16]) -> Vec<f32> {
        values.iter().map(|x| x.to_f32()).collect()
    }

    /// Sums in f64.
    fn expected(left: &[f32], right: &[f32], depth: usize) -> Vec<f64> {
        let one = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        left.chunks_exact(depth).flat_map(|x| right.chunks_exact(depth).map(move |y| one(x, y))).collect()
    }

    /// A matrix between whose rows there are gaps.
    struct Spread<T> {
        values: Vec<T>,
        sizes: [usize; 2],
        gap: usize,
    }

    impl<T: Copy> Spread<T> {
        fn new(values: &[T], sizes: [usize; 2], gap: usize) -> Self {
            let rows = values.chunks_exact(sizes[1]);
            let values = rows.flat_map(|row| row.iter().chain(std::iter::repeat_n(&row[0], gap))).copied().collect();
            Spread { values, sizes, gap }
        }

        fn matrix(&self) -> Matrix<'_, T> {
            let [rows, columns] = self.sizes;
            Matrix { row: (columns + self.gap) as isize, ..Matrix::dense(&self.values, [1, rows, columns]) }
        }
    }

    /// The same matrix, kept column by column.
    fn across(values: &[bf16], [rows, columns]: [usize; 2]) -> Vec<bf16> {
        (0..columns).flat_map(|k| (0..rows).map(move |i| values[i * columns + k])).collect()
    }

    fn outputs<W: Way>(left: &Matrix<W::Left>, right: &Matrix<W::Right>) -> Vec<Vec<f32>> {
        let one = |workers| {
            let mut output = vec![f32::NAN; left.rows * right.rows];
            assert!(multiply::<W>(left, right, workers, &mut output).unwrap());
            output
        };
        if W::is_there() { [Workers::One, Workers::Pool].map(one).into() } else { Vec::new() }
    }

    fn check(sizes @ [rows, columns, depth]: [usize; 3]) {
        let (left_halves, right_halves) = (numbers(rows * depth, 1), numbers(columns * depth, 2));
        let (left, right) = (widened(&left_halves), widened(&right_halves));
        let gap = depth % 3;
        let (a, a_halves) = (Spread::new(&left, [rows, depth], gap), Spread::new(&left_halves, [rows, depth], gap));
        let (b, b_halves) = (Spread::new(&right, [columns, depth], gap), Spread::new(&right_halves, [columns, depth], gap));
        let across = across(&left_halves, [rows, depth]);
        let a_across = Matrix { row: 1, column: rows as isize, ..Matrix::dense(&across, [1, rows, depth]) };

        let mut same = vec![f32::NAN; rows * columns];
        let target = Target { values: same.as_mut_ptr(), stride: columns as isize, adds: false };
        // SAFETY: both operands are inside their vectors, the result has its size; `check`'s callers have found the instructions.
        unsafe { product(sizes, factor(&a.matrix()), factor(&b.matrix()), target) };
        let mut all = outputs::<Short<f32>>(&a.matrix(), &b.matrix());
        all.extend(outputs::<Short<bf16>>(&a.matrix(), &b_halves.matrix()));
        all.extend(outputs::<Wide>(&a_halves.matrix(), &b_halves.matrix()));
        all.extend(outputs::<Wide>(&a_across, &b_halves.matrix()));
        for (which, output) in all.iter().enumerate() {
            assert!(output.iter().zip(&same).all(|(x, y)| x.to_bits() == y.to_bits()), "{sizes:?}, {which}");
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
        for depth in (1..=70).chain([127, 128, 129, 159, 160, 161, 255, 257, 300]) {
            check([1 + depth % 35, 1 + depth * 5 % 40, depth]);
        }
        for sizes in [
            [1, 1, 1],
            [2, 6, 512],
            [16, 513, 40],
            [16, 1030, 688],
            [17, 5, 2050],
            [33, 200, 1376],
            [128, 90, 513],
            [150, 31, 17],
            [300, 40, 1500],
            [1300, 21, 40],
            [1100, 18, 1030],
        ] {
            check(sizes);
        }
    }

    #[test]
    fn zeros_keep_their_signs_and_what_is_no_number_stays_where_it_is() {
        if !Wide::is_there() {
            return;
        }
        for depth in [1, 2, 31, 33] {
            let (mut left, right) = (vec![bf16::NEG_ZERO; 3 * depth], vec![bf16::ONE; 20 * depth]);
            left[depth - 1] = bf16::INFINITY;
            left[2 * depth - 1] = bf16::NAN;
            for output in outputs::<Wide>(&Matrix::dense(&left, [1, 3, depth]), &Matrix::dense(&right, [1, 20, depth])) {
                let (first, rest) = output.split_at(20);
                assert!(first.iter().all(|&x| x == f32::INFINITY), "{first:?}");
                assert!(rest[..20].iter().all(|x| x.is_nan()) && rest[20..].iter().all(|&x| x == 0.0), "{rest:?}");
            }
        }
    }

    #[test]
    fn columns_that_are_not_contiguous_and_empty_sides_are_left_to_others() {
        let values = widened(&numbers(64, 1));
        let (a, b) = (Matrix::dense(&values, [1, 8, 8]), Matrix::dense(&values, [1, 8, 8]));
        let mut output = vec![0.0; 64];
        let is_done =
            |a: &Matrix<f32>, b: &Matrix<f32>, output: &mut [f32]| multiply::<Short<f32>>(a, b, Workers::One, output).unwrap();
        assert!(!is_done(&a, &Matrix { row: 1, column: 8, ..b }, &mut output));
        assert!(!is_done(&Matrix { columns: 0, ..a }, &Matrix { columns: 0, ..b }, &mut output));
        assert!(!is_done(&a, &Matrix { rows: 0, ..b }, &mut []));
    }
}
