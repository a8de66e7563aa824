//! Products of bf16 matrices with results in f32, two elements a word.
//!
//! Each product of two elements is exact in f32, and sums are f32. Only the order of additions, and numbers below 1e-38 that one
//! instruction takes for zeros, tell the processor's own instructions from the portable way.

#[cfg(target_arch = "x86_64")]
mod x86;

use gradframe_ml_core::Result;
use half::bf16;

use super::gemm::{Matrix, Tile};
use super::simd::{has_fast_pairs, has_pairs, vectorized};
use super::tasks::{self, TASK_BYTES_MIN, Workers};
#[cfg(target_arch = "x86_64")]
use super::{
    gemm::goes_by_chunks,
    gemm::turned::{self, Short, Wide},
    simd::{Level, level, unary},
};

/// Columns of a panel of the result.
const PANEL: usize = 32;
/// Rows of a tile, at most: of the left side so many stay in the second-level cache.
const TILE_ROWS_MAX: usize = 512;
/// Multiply-adds of a tile, about: less, and handing it out costs too much.
const TILE_PRODUCTS: usize = 4_000_000;
/// Rows of the left, at most, for which products of words pay wherever there are such: so few do not fill a vector.
const FEW_ROWS: usize = 8;
/// Rows of a matrix that a product with a vector goes through at once.
const ROWS: usize = 4;

/// `output[i, j] = sum_k left[i, k] right[j, k]`. False, with nothing done, where the matrices do not lie so that words can be read:
/// nor are widened here: the caller widens them.
pub fn multiply(left: &Matrix<bf16>, right: &Matrix<bf16>, workers: Workers, output: &mut [f32]) -> Result<bool> {
    if left.batches != 1 || output.is_empty() || left.columns == 0 {
        return Ok(false);
    }
    if right.rows == 1 && left.column == 1 {
        rows_times_vector(left, right, workers, output)?;
        return Ok(true);
    }
    if left.rows == 1 && right.column == 1 {
        rows_times_vector(right, left, workers, output)?;
        return Ok(true);
    }
    let pays = has_fast_pairs() || (has_pairs() && left.rows <= FEW_ROWS);
    match pays && has_words(left) && has_words(right) {
        true => multiply_words(left, right, workers, output).map(|()| true),
        false => multiply_widened(left, right, workers, output),
    }
}

/// Both sides are widened, of the right a few rows at a time. False, with nothing done, where its rows are not contiguous, the contraction is long
/// for its result, or vectors have not 256 bits.
#[cfg(target_arch = "x86_64")]
fn multiply_widened(left: &Matrix<bf16>, right: &Matrix<bf16>, workers: Workers, output: &mut [f32]) -> Result<bool> {
    if right.column != 1 || goes_by_chunks(left, right) {
        return Ok(false);
    }
    match level() {
        Level::Avx512 => turned::multiply::<Wide>(left, right, workers, output),
        Level::Avx2 => {
            let wide = left_widened(left, workers)?;
            turned::multiply::<Short<bf16>>(&Matrix::dense(&wide, [1, left.rows, left.columns]), right, workers, output)
        }
        Level::Portable => Ok(false),
    }
}

/// All rows, one after the other.
#[cfg(target_arch = "x86_64")]
fn left_widened(left: &Matrix<bf16>, workers: Workers) -> Result<Vec<f32>> {
    let columns = left.columns;
    let mut wide = vec![0f32; left.rows * columns];
    let a_task = (TASK_BYTES_MIN / columns).max(1);
    tasks::for_each_chunk(workers, &mut wide, a_task * columns, |task, wide| {
        for (i, to) in wide.chunks_exact_mut(columns).enumerate() {
            let start = left.first + (task * a_task + i) * left.row as usize;
            let at = |k: usize| widened(left.values[start + k * left.column as usize]);
            match left.column {
                1 => unary(&left.values[start..start + columns], to, widened),
                _ => to.iter_mut().enumerate().for_each(|(k, x)| *x = at(k)),
            }
        }
        Ok(())
    })?;
    Ok(wide)
}

#[cfg(not(target_arch = "x86_64"))]
fn multiply_widened(_: &Matrix<bf16>, _: &Matrix<bf16>, _: Workers, _: &mut [f32]) -> Result<bool> {
    Ok(false)
}

/// True if rows are whole words.
fn has_words(matrix: &Matrix<bf16>) -> bool {
    matrix.column == 1 && matrix.columns.is_multiple_of(2) && matrix.row % 2 == 0
}

#[cfg(target_arch = "x86_64")]
fn multiply_words(left: &Matrix<bf16>, right: &Matrix<bf16>, workers: Workers, output: &mut [f32]) -> Result<()> {
    let sides = tile_sides(left.rows, right.rows, left.columns);
    let tiles: Vec<Tile<f32>> = Tile::all(output, right.rows, sides).collect();
    tasks::for_each(workers, tiles, |mut tile| {
        x86::product(&left.some_rows(tile.row_range()), &right.some_rows(tile.column_range()), &mut tile);
        Ok(())
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn multiply_words(_: &Matrix<bf16>, _: &Matrix<bf16>, _: Workers, _: &mut [f32]) -> Result<()> {
    Err(gradframe_ml_core::Error::internal("dot", "words of two bf16 need a processor that multiplies them"))
}

/// As many rows as pay for turning a panel of the right side; of columns whole panels. They follow from the shape alone.
fn tile_sides(rows: usize, columns: usize, contracted: usize) -> (usize, usize) {
    let rows = rows.div_ceil(rows.div_ceil(TILE_ROWS_MAX)).next_multiple_of(8);
    let panels = TILE_PRODUCTS / (rows * contracted * PANEL).max(1);
    (rows, (panels.max(1) * PANEL).min(columns))
}

/// `output[i] = sum_k matrix[i, k] vector[0, k]` at the speed of memory; rows of the matrix are contiguous.
fn rows_times_vector(matrix: &Matrix<bf16>, vector: &Matrix<bf16>, workers: Workers, output: &mut [f32]) -> Result<()> {
    let at = |k: usize| vector.values[vector.first + k * vector.column as usize];
    let x: Vec<bf16> = (0..vector.columns).map(at).collect();
    let wide: Vec<f32> = if has_pairs() { Vec::new() } else { x.iter().map(|x| x.to_f32()).collect() };
    let per_task = (TASK_BYTES_MIN / size_of_val(x.as_slice())).max(1).next_multiple_of(ROWS);
    tasks::for_each_chunk(workers, output, per_task, |task, output| {
        let first = matrix.first + task * per_task * matrix.row as usize;
        let row = |i: usize| {
            let start = first + i * matrix.row as usize;
            &matrix.values[start..start + x.len()]
        };
        #[cfg(target_arch = "x86_64")]
        if has_pairs() {
            x86::inner_products(row, &x, output);
            return Ok(());
        }
        output.iter_mut().enumerate().for_each(|(i, sum)| *sum = inner_product(row(i), &wide));
        Ok(())
    })
}

/// The portable way.
pub fn inner_product(row: &[bf16], x: &[f32]) -> f32 {
    const LANES: usize = 32;
    vectorized(
        #[inline(always)]
        || {
            let mut lanes = [0f32; LANES];
            let ((rows, row_rest), (xs, x_rest)) = (row.as_chunks::<LANES>(), x.as_chunks::<LANES>());
            for (row, x) in rows.iter().zip(xs) {
                for i in 0..LANES {
                    lanes[i] += widened(row[i]) * x[i];
                }
            }
            let rest: f32 = row_rest.iter().zip(x_rest).map(|(&a, x)| widened(a) * x).sum();
            let mut width = LANES / 2;
            while width > 0 {
                for i in 0..width {
                    lanes[i] += lanes[i + width];
                }
                width /= 2;
            }
            lanes[0] + rest
        },
    )
}

/// A bf16 is the upper half of an f32.
#[inline(always)]
pub fn widened(x: bf16) -> f32 {
    f32::from_bits(u32::from(x.to_bits()) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u32) -> Vec<bf16> {
        let number =
            |i: u32| (i.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 16) as f32 / 32768.0 - 1.0;
        (0..count as u32).map(|i| bf16::from_f32(number(i))).collect()
    }

    fn expected(left: &[bf16], right: &[bf16], [rows, columns, depth]: [usize; 3]) -> Vec<f64> {
        let element =
            |i: usize, j: usize| (0..depth).map(|k| left[i * depth + k].to_f64() * right[j * depth + k].to_f64()).sum::<f64>();
        (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))).map(|(i, j)| element(i, j)).collect()
    }

    fn close(ours: &[f32], theirs: &[f64], depth: usize) {
        for (a, b) in ours.iter().zip(theirs) {
            assert!((f64::from(*a) - b).abs() <= 1e-6 * depth as f64, "{a} for {b}");
        }
    }

    /// Each way that this processor has, of any maker.
    fn all_ways(left: &Matrix<bf16>, right: &Matrix<bf16>) -> Vec<Vec<f32>> {
        let one = |way: &dyn Fn(&mut [f32]) -> Result<bool>| {
            let mut output = vec![f32::NAN; left.rows * right.rows];
            way(&mut output).unwrap().then_some(output)
        };
        let mut found = Vec::new();
        for workers in [Workers::One, Workers::Pool] {
            found.push(one(&|output| multiply(left, right, workers, output)));
            found.push(one(&|output| multiply_widened(left, right, workers, output)));
            #[cfg(target_arch = "x86_64")]
            found.push(one(&|output| {
                let wide = left_widened(left, workers)?;
                turned::multiply::<Short<bf16>>(&Matrix::dense(&wide, [1, left.rows, left.columns]), right, workers, output)
            }));
            if has_pairs() && has_words(left) && has_words(right) {
                found.push(one(&|output| multiply_words(left, right, workers, output).map(|()| true)));
            }
        }
        found.into_iter().flatten().collect()
    }

    #[test]
    fn products_are_those_of_the_rounded_numbers_whatever_the_shape_and_the_way() {
        for sizes in [
            [1, 5, 7],
            [3, 1, 66],
            [2, 33, 34],
            [8, 50, 130],
            [9, 40, 64],
            [16, 70, 513],
            [17, 100, 2050],
            [33, 47, 512],
            [128, 31, 45],
            [600, 70, 6],
        ] {
            let [rows, columns, depth] = sizes;
            let (left, right) = (numbers(rows * depth, 1), numbers(columns * depth, 2));
            let expected = expected(&left, &right, sizes);
            for output in all_ways(&Matrix::dense(&left, [1, rows, depth]), &Matrix::dense(&right, [1, columns, depth])) {
                close(&output, &expected, depth);
            }
        }
    }

    #[test]
    fn rows_have_the_same_bits_in_batches_of_any_size_beyond_a_few() {
        let (depth, columns) = (200, 37);
        let (left, right) = (numbers(200 * depth, 1), numbers(columns * depth, 2));
        let right = Matrix::dense(&right, [1, columns, depth]);
        let product = |rows: usize| {
            let mut output = vec![f32::NAN; rows * columns];
            multiply_widened(&Matrix::dense(&left, [1, rows, depth]), &right, Workers::One, &mut output)
                .unwrap()
                .then_some(output)
        };
        let Some(whole) = product(200) else { return };
        for rows in [1, 2, 9, 16, 17, 32, 33, 128, 129] {
            assert_eq!(product(rows).as_deref(), Some(&whole[..rows * columns]), "{rows}");
        }
    }

    #[test]
    fn the_portable_way_agrees() {
        for depth in [1, 31, 32, 33, 500] {
            let (left, right) = (numbers(depth, 3), numbers(depth, 4));
            let wide: Vec<f32> = right.iter().map(|x| x.to_f32()).collect();
            close(&[inner_product(&left, &wide)], &expected(&left, &right, [1, 1, depth]), depth);
        }
    }
}
