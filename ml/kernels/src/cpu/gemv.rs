//! A matrix times a vector, at the speed of memory: what linear models spend their time on.

use gradframe_ml_core::Result;

use super::gemm::{Matrix, Scalar};
use super::simd::vectorized;
use super::tasks::{self, TASK_BYTES_MIN, Workers};

/// Elements of the matrix in a chunk of a fold over its rows. Fixed, so that sums do not depend on threads.
const CHUNK_ELEMENTS: usize = 32 * 1024;
/// Elements of the result that a task holds in the first-level cache.
const RESULT_BLOCK: usize = 2048;

/// `output[i] = sum_k matrix[i, k] vector[0, k]`. False, with nothing done, if neither rows nor columns of the matrix
/// are contiguous.
pub fn multiply_vector<T: Scalar>(matrix: &Matrix<T>, vector: &Matrix<T>, workers: Workers, output: &mut [T]) -> Result<bool> {
    let at = |k: usize| vector.values[vector.first + k * vector.column as usize];
    let packed: Vec<T>;
    let x = if vector.column == 1 {
        &vector.values[vector.first..vector.first + vector.columns]
    } else {
        packed = (0..vector.columns).map(at).collect();
        &packed
    };
    if matrix.column == 1 {
        rows_times_vector(matrix, x, workers, output)?;
    } else if matrix.row == 1 {
        sum_of_columns(matrix, x, workers, output)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Contiguous rows: one product of vectors a row.
fn rows_times_vector<T: Scalar>(matrix: &Matrix<T>, x: &[T], workers: Workers, output: &mut [T]) -> Result<()> {
    let per_task = (TASK_BYTES_MIN / size_of_val(x)).max(1);
    tasks::for_each_chunk(workers, output, per_task, |task, output| {
        vectorized(
            #[inline(always)]
            || {
                for (i, o) in output.iter_mut().enumerate() {
                    let start = matrix.first + (task * per_task + i) * matrix.row as usize;
                    let row = &matrix.values[start..start + x.len()];
                    *o = if x.len() < 64 { inner_product::<T, 8>(row, x) } else { inner_product::<T, 32>(row, x) };
                }
            },
        );
        Ok(())
    })
}

#[inline(always)]
fn inner_product<T: Scalar, const LANES: usize>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::default(); LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            lanes[i] = lanes[i].plus(a[i].times(b[i]));
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = lanes[i].plus(lanes[i + width]);
        }
        width /= 2;
    }
    a_rest.iter().zip(b_rest).fold(lanes[0], |sum, (&a, &b)| sum.plus(a.times(b)))
}

/// Contiguous columns: the columns' weighted sum, in fixed chunks of columns.
fn sum_of_columns<T: Scalar>(matrix: &Matrix<T>, x: &[T], workers: Workers, output: &mut [T]) -> Result<()> {
    if output.len() > RESULT_BLOCK {
        return tasks::for_each_chunk(workers, output, RESULT_BLOCK, |block, output| {
            output.fill(T::default());
            add_columns(matrix, block * RESULT_BLOCK, 0, x, output);
            Ok(())
        });
    }
    let per_chunk = (CHUNK_ELEMENTS / output.len()).max(64);
    let mut partials = vec![T::default(); x.len().div_ceil(per_chunk) * output.len()];
    tasks::for_each_chunk(workers, &mut partials, output.len(), |chunk, partial| {
        let first = chunk * per_chunk;
        add_columns(matrix, 0, first, &x[first..x.len().min(first + per_chunk)], partial);
        Ok(())
    })?;
    output.fill(T::default());
    for partial in partials.chunks_exact(output.len()) {
        output.iter_mut().zip(partial).for_each(|(o, &p)| *o = o.plus(p));
    }
    Ok(())
}

/// Adds `x[k]` times rows `first_row ..` of column `first_column + k`, four columns at a time.
fn add_columns<T: Scalar>(matrix: &Matrix<T>, first_row: usize, first_column: usize, x: &[T], output: &mut [T]) {
    let (fours, rest) = x.as_chunks::<4>();
    vectorized(
        #[inline(always)]
        || add_fours(matrix, matrix.first + first_row + first_column * matrix.column as usize, fours, output),
    );
    let done = fours.len() * 4;
    for (k, &x) in rest.iter().enumerate() {
        let start = matrix.first + first_row + (first_column + done + k) * matrix.column as usize;
        let column = &matrix.values[start..start + output.len()];
        output.iter_mut().zip(column).for_each(|(o, &a)| *o = o.plus(x.times(a)));
    }
}

#[inline(always)]
fn add_fours<T: Scalar>(matrix: &Matrix<T>, start: usize, fours: &[[T; 4]], output: &mut [T]) {
    let (stride, len) = (matrix.column as usize, output.len());
    for (k, x) in fours.iter().enumerate() {
        let at = start + 4 * k * stride;
        let column = |j: usize| &matrix.values[at + j * stride..at + j * stride + len];
        let columns = column(0).iter().zip(column(1)).zip(column(2).iter().zip(column(3)));
        for (o, ((&a, &b), (&c, &d))) in output.iter_mut().zip(columns) {
            let pairs = (x[0].times(a).plus(x[1].times(b))).plus(x[2].times(c).plus(x[3].times(d)));
            *o = o.plus(pairs);
        }
    }
}
