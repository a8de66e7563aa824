//! Contractions: matrix products by the `gemm` crate, matrix times vector by loops that run at memory speed.

use gradframe_ml_core::tensor::Element;
use gradframe_ml_core::{DType, Error, Result};
use rayon::prelude::*;

use super::memory::{Memory, Taken};
use super::strides::stride_of;
use crate::kernel::Dot;

/// Rows of the left matrix that one task takes: fixed, so that the bits do not depend on the number of threads.
const TILE_ROWS: usize = 256;
/// Elements that are summed as one piece when a tall matrix is contracted along its rows.
const PIECE: usize = 64 * 1024;

/// Runs the kernel.
pub fn run(dot: &Dot, memory: &mut Memory) -> Result<()> {
    let mut out = memory.take(dot.out)?;
    let done = match dot.dtype {
        DType::F64 => contract::<f64>(dot, memory, &mut out),
        DType::F32 => contract::<f32>(dot, memory, &mut out),
        other => Err(Error::internal("program", format!("dot of {other}"))),
    };
    memory.put(out);
    done
}

/// A float that matrices are made of.
trait Number: Element + Default + std::ops::Add<Output = Self> + std::ops::Mul<Output = Self> + std::ops::AddAssign {
    const ZERO: Self;
    const ONE: Self;
}

impl Number for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
}

impl Number for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
}

/// A matrix inside a buffer.
#[derive(Clone, Copy)]
struct Matrix<'a, T> {
    data: &'a [T],
    row_stride: usize,
    column_stride: usize,
}

/// Sizes of a product: `m x k` times `k x n`.
#[derive(Clone, Copy)]
struct Sizes {
    m: usize,
    n: usize,
    k: usize,
}

fn contract<T: Number>(dot: &Dot, memory: &Memory, out: &mut Taken) -> Result<()> {
    let (left, right) = (memory.eval(&dot.left_shape)?, memory.eval(&dot.right_shape)?);
    let batch: Vec<usize> = dot.batch.iter().map(|&(l, _)| left[l]).collect();
    let (batch_left, contract_left): (Vec<usize>, Vec<usize>) = (sides(&dot.batch).0, sides(&dot.contract).0);
    let (batch_right, contract_right): (Vec<usize>, Vec<usize>) = (sides(&dot.batch).1, sides(&dot.contract).1);
    let free_left = free(left.len(), &batch_left, &contract_left);
    let free_right = free(right.len(), &batch_right, &contract_right);
    // Each operand as [batch, free, contract], packed only if its axes do not already lie like that or transposed.
    let packed_left = arranged(memory.read::<T>(dot.left), &left, [&batch_left, &free_left, &contract_left]);
    let packed_right = arranged(memory.read::<T>(dot.right), &right, [&batch_right, &free_right, &contract_right]);
    let count = |shape: &[usize], axes: &[usize]| axes.iter().map(|&a| shape[a]).product::<usize>();
    let sizes = Sizes { m: count(&left, &free_left), n: count(&right, &free_right), k: count(&left, &contract_left) };
    let batches: usize = batch.iter().product();
    let data = &mut out.bytes.typed_data_mut::<T>()[..batches * sizes.m * sizes.n];
    for b in 0..batches {
        let into = &mut data[b * sizes.m * sizes.n..(b + 1) * sizes.m * sizes.n];
        product(packed_left.matrix(b), packed_right.matrix(b), sizes, into);
    }
    Ok(())
}

fn sides(pairs: &[(usize, usize)]) -> (Vec<usize>, Vec<usize>) {
    pairs.iter().copied().unzip()
}

fn free(rank: usize, batch: &[usize], contract: &[usize]) -> Vec<usize> {
    (0..rank).filter(|axis| !batch.contains(axis) && !contract.contains(axis)).collect()
}

/// An operand as one matrix a batch: rows are free, columns are contracted.
enum Arranged<'a, T> {
    InPlace { data: &'a [T], batch_stride: usize, row_stride: usize, column_stride: usize },
    Packed { data: Vec<T>, rows: usize, columns: usize },
}

impl<T: Copy> Arranged<'_, T> {
    fn matrix(&self, batch: usize) -> Matrix<'_, T> {
        match self {
            Arranged::InPlace { data, batch_stride, row_stride, column_stride } => Matrix {
                data: &data[(batch * batch_stride).min(data.len())..],
                row_stride: *row_stride,
                column_stride: *column_stride,
            },
            Arranged::Packed { data, rows, columns } => {
                Matrix { data: &data[batch * rows * columns..], row_stride: *columns, column_stride: 1 }
            }
        }
    }
}

fn arranged<'a, T: Number>(data: &'a [T], shape: &[usize], [batch, rows, columns]: [&[usize]; 3]) -> Arranged<'a, T> {
    match (stride_of_group(shape, batch), stride_of_group(shape, rows), stride_of_group(shape, columns)) {
        (Some(batch_stride), Some(row_stride), Some(column_stride)) => {
            Arranged::InPlace { data, batch_stride, row_stride, column_stride }
        }
        _ => packed(data, shape, [batch, rows, columns]),
    }
}

/// The one stride of neighbouring axes in row-major order; None if they do not lie one inside the other.
fn stride_of_group(shape: &[usize], axes: &[usize]) -> Option<usize> {
    let axes: Vec<usize> = axes.iter().copied().filter(|&a| shape[a] != 1).collect();
    let nested = axes.windows(2).all(|pair| stride_of(shape, pair[0]) == stride_of(shape, pair[1]) * shape[pair[1]] as isize);
    nested.then(|| axes.last().map_or(0, |&last| stride_of(shape, last) as usize))
}

fn packed<'a, T: Number>(data: &[T], shape: &[usize], [batch, rows, columns]: [&[usize]; 3]) -> Arranged<'a, T> {
    let order: Vec<usize> = [batch, rows, columns].concat();
    let total: usize = shape.iter().product();
    let mut copy = Vec::with_capacity(total);
    let mut position = vec![0; order.len()];
    for _ in 0..total {
        let at: usize = order.iter().zip(&position).map(|(&axis, &p)| stride_of(shape, axis) as usize * p).sum();
        copy.push(data[at]);
        advance(&mut position, &order, shape);
    }
    let size = |axes: &[usize]| axes.iter().map(|&a| shape[a]).product();
    Arranged::Packed { data: copy, rows: size(rows), columns: size(columns) }
}

fn advance(position: &mut [usize], order: &[usize], shape: &[usize]) {
    for (p, &axis) in position.iter_mut().zip(order).rev() {
        *p += 1;
        if *p < shape[axis] {
            return;
        }
        *p = 0;
    }
}

/// `out[m, n] = left[m, k] * right[n, k]^T`.
fn product<T: Number>(left: Matrix<T>, right: Matrix<T>, sizes: Sizes, out: &mut [T]) {
    match sizes {
        Sizes { k: 0, .. } => out.fill(T::ZERO),
        Sizes { m: 0, .. } | Sizes { n: 0, .. } => {}
        Sizes { n: 1, m, k } => times_vector(left, right, m, k, out),
        Sizes { m: 1, n, k } => times_vector(right, left, n, k, out),
        _ => tiles(left, right, sizes, out),
    }
}

/// `out[m] = matrix[m, k] * vector[k]`.
fn times_vector<T: Number>(matrix: Matrix<T>, vector: Matrix<T>, m: usize, k: usize, out: &mut [T]) {
    let vector: Vec<T> = (0..k).map(|i| vector.data[i * vector.column_stride]).collect();
    if matrix.column_stride == 1 || m == 1 {
        let task_rows = (PIECE / k.max(1)).max(1);
        out.par_chunks_mut(task_rows).enumerate().for_each(|(task, out)| {
            for (i, o) in out.iter_mut().enumerate() {
                let start = (task * task_rows + i) * matrix.row_stride;
                *o = inner(matrix, start, &vector);
            }
        });
        return;
    }
    weighted_rows(matrix, &vector, m, out);
}

/// The inner product of a matrix row, eight sums at a time.
fn inner<T: Number>(matrix: Matrix<T>, start: usize, vector: &[T]) -> T {
    if matrix.column_stride != 1 {
        return vector.iter().enumerate().fold(T::ZERO, |sum, (i, &v)| sum + matrix.data[start + i * matrix.column_stride] * v);
    }
    let row = &matrix.data[start..start + vector.len()];
    let (row, row_rest) = row.as_chunks::<8>();
    let (vector, vector_rest) = vector.as_chunks::<8>();
    let mut sums = [T::ZERO; 8];
    for (r, v) in row.iter().zip(vector) {
        for lane in 0..8 {
            sums[lane] += r[lane] * v[lane];
        }
    }
    let total = sums.into_iter().fold(T::ZERO, |a, b| a + b);
    row_rest.iter().zip(vector_rest).fold(total, |sum, (&a, &b)| sum + a * b)
}

/// The matrix lies transposed (its columns are memory's rows): rows of memory times their weight, in fixed pieces that
/// are added up in order.
fn weighted_rows<T: Number>(matrix: Matrix<T>, weights: &[T], m: usize, out: &mut [T]) {
    let piece_rows = (PIECE / m.max(1)).max(1);
    let partials: Vec<Vec<T>> = weights
        .par_chunks(piece_rows)
        .enumerate()
        .map(|(piece, weights)| {
            let mut sums = vec![T::ZERO; m];
            for (i, &weight) in weights.iter().enumerate() {
                let start = (piece * piece_rows + i) * matrix.column_stride;
                add_scaled(&mut sums, matrix, start, weight);
            }
            sums
        })
        .collect();
    out.fill(T::ZERO);
    for partial in partials {
        out.iter_mut().zip(partial).for_each(|(o, p)| *o += p);
    }
}

fn add_scaled<T: Number>(sums: &mut [T], matrix: Matrix<T>, start: usize, weight: T) {
    if matrix.row_stride == 1 {
        let row = &matrix.data[start..start + sums.len()];
        sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += value * weight);
    } else {
        sums.iter_mut().enumerate().for_each(|(i, sum)| *sum += matrix.data[start + i * matrix.row_stride] * weight);
    }
}

/// Tiles of rows, each by one single-threaded product.
fn tiles<T: Number>(left: Matrix<T>, right: Matrix<T>, sizes: Sizes, out: &mut [T]) {
    let Sizes { m, n, k } = sizes;
    assert!(fits(left, m, k) && fits(right, n, k) && out.len() == m * n, "a matrix reaches outside its buffer");
    out.par_chunks_mut(TILE_ROWS * n).enumerate().for_each(|(tile, out)| {
        let rows = out.len() / n;
        let first = tile * TILE_ROWS * left.row_stride;
        // SAFETY: `fits` has checked that every element of both operands lies in its slice, `out` holds rows x n
        // elements, and no other task has this part of `out`.
        unsafe {
            gemm::gemm(
                rows,
                n,
                k,
                out.as_mut_ptr(),
                1,
                n as isize,
                false,
                left.data.as_ptr().add(first),
                left.column_stride as isize,
                left.row_stride as isize,
                right.data.as_ptr(),
                right.row_stride as isize,
                right.column_stride as isize,
                T::ZERO,
                T::ONE,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    });
}

fn fits<T>(matrix: Matrix<T>, rows: usize, columns: usize) -> bool {
    rows == 0 || columns == 0 || (rows - 1) * matrix.row_stride + (columns - 1) * matrix.column_stride < matrix.data.len()
}
