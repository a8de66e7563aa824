//! Products of matrices on fixed tiles, each by one thread: the same bits whatever the number of threads.

use gradframe_ml_core::Result;

use super::bytes::Plain;
use super::tasks::{self, Threads};

/// Rows of a tile.
const TILE_ROWS: usize = 256;
/// Contracted elements of a chunk, where the result is small and the contraction long.
const CHUNK_COLUMNS: usize = 8192;
/// The largest result of which each chunk gets a copy.
const CHUNKED_RESULT_MAX: usize = 64 * 1024;

/// A batch of matrices: element (b, i, k) is at `first + b batch + i row + k column`.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    /// All elements.
    pub values: &'a [T],
    /// Where the first one is.
    pub first: usize,
    /// Number of matrices.
    pub batches: usize,
    /// Rows: the free side.
    pub rows: usize,
    /// Columns: the contracted side.
    pub columns: usize,
    /// Distance between matrices.
    pub batch: isize,
    /// Distance between rows.
    pub row: isize,
    /// Distance between columns.
    pub column: isize,
}

impl<'a, T> Matrix<'a, T> {
    /// Row-major matrices one after the other.
    pub fn dense(values: &'a [T], [batches, rows, columns]: [usize; 3]) -> Self {
        Matrix { values, first: 0, batches, rows, columns, batch: (rows * columns) as isize, row: columns as isize, column: 1 }
    }

    /// A part of one matrix.
    fn part(&self, batch: usize, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> Self {
        let first =
            self.first + batch * self.batch as usize + rows.start * self.row as usize + columns.start * self.column as usize;
        Matrix { first, batches: 1, rows: rows.len(), columns: columns.len(), ..*self }
    }

    /// True if all elements of the first matrix are inside `values`.
    fn is_inside(&self) -> bool {
        let strides_fit = self.row >= 0 && self.column >= 0;
        let last = self.first + (self.rows - 1) * self.row as usize + (self.columns - 1) * self.column as usize;
        strides_fit && last < self.values.len()
    }
}

/// An element type of which matrices are multiplied.
pub trait Scalar: Plain {
    /// `a * b`; integers wrap.
    fn times(self, other: Self) -> Self;
    /// `a + b`; integers wrap.
    fn plus(self, other: Self) -> Self;
    /// `output[i, j] = sum_k left[i, k] right[j, k]`, by this thread alone. No side is empty.
    fn product(left: &Matrix<Self>, right: &Matrix<Self>, output: &mut [Self]);
}

macro_rules! float_scalars {
    ($($t:ty)*) => { $(impl Scalar for $t {
        #[inline(always)]
        fn times(self, other: Self) -> Self { self * other }
        #[inline(always)]
        fn plus(self, other: Self) -> Self { self + other }
        fn product(left: &Matrix<Self>, right: &Matrix<Self>, output: &mut [Self]) {
            product_by_crate(left, right, output, 0.0, 1.0);
        }
    })* };
}

float_scalars! { f32 f64 }

fn product_by_crate<T: Scalar>(left: &Matrix<T>, right: &Matrix<T>, output: &mut [T], zero: T, one: T) {
    let (rows, columns) = (left.rows, right.rows);
    assert!(left.is_inside() && right.is_inside() && output.len() == rows * columns, "a matrix leaves its buffer");
    // SAFETY: the assertion holds every element that is read or written inside its slice.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            left.columns,
            output.as_mut_ptr(),
            1,
            columns as isize,
            false,
            left.values.as_ptr().add(left.first),
            left.column,
            left.row,
            right.values.as_ptr().add(right.first),
            right.row,
            right.column,
            zero,
            one,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

macro_rules! integer_scalars {
    ($($t:ty)*) => { $(impl Scalar for $t {
        #[inline(always)]
        fn times(self, other: Self) -> Self { self.wrapping_mul(other) }
        #[inline(always)]
        fn plus(self, other: Self) -> Self { self.wrapping_add(other) }
        fn product(left: &Matrix<Self>, right: &Matrix<Self>, output: &mut [Self]) {
            product_by_loops(left, right, output);
        }
    })* };
}

integer_scalars! { i64 u64 }

fn product_by_loops<T: Scalar>(left: &Matrix<T>, right: &Matrix<T>, output: &mut [T]) {
    for (i, row) in output.chunks_exact_mut(right.rows).enumerate() {
        row.fill(T::default());
        for k in 0..left.columns {
            let a = left.values[left.first + i * left.row as usize + k * left.column as usize];
            let start = right.first + k * right.column as usize;
            row.iter_mut().enumerate().for_each(|(j, o)| *o = o.plus(a.times(right.values[start + j * right.row as usize])));
        }
    }
}

/// `output[b, i, j] = sum_k left[b, i, k] right[b, j, k]`. No side is empty.
pub fn multiply<T: Scalar>(left: &Matrix<T>, right: &Matrix<T>, threads: Threads, output: &mut [T]) -> Result<()> {
    let result = left.rows * right.rows;
    if left.batches == 1 && result <= CHUNKED_RESULT_MAX && left.columns >= 4 * CHUNK_COLUMNS {
        return multiply_in_chunks(left, right, threads, output);
    }
    let mut tasks = Vec::new();
    for (batch, output) in output.chunks_exact_mut(result).enumerate() {
        tasks.extend(output.chunks_mut(TILE_ROWS * right.rows).enumerate().map(|(tile, output)| (batch, tile, output)));
    }
    tasks::for_each(threads, tasks, |(batch, tile, output)| {
        let first = tile * TILE_ROWS;
        let tile = left.part(batch, first..first + output.len() / right.rows, 0..left.columns);
        T::product(&tile, &right.part(batch, 0..right.rows, 0..right.columns), output);
        Ok(())
    })
}

/// A small result of a long contraction: chunks of it, added in order.
fn multiply_in_chunks<T: Scalar>(left: &Matrix<T>, right: &Matrix<T>, threads: Threads, output: &mut [T]) -> Result<()> {
    let chunks = left.columns.div_ceil(CHUNK_COLUMNS);
    let mut partials = vec![T::default(); chunks * output.len()];
    tasks::for_each_chunk(threads, &mut partials, output.len(), |chunk, partial| {
        let columns = chunk * CHUNK_COLUMNS..left.columns.min((chunk + 1) * CHUNK_COLUMNS);
        T::product(&left.part(0, 0..left.rows, columns.clone()), &right.part(0, 0..right.rows, columns), partial);
        Ok(())
    })?;
    let mut partials = partials.chunks_exact(output.len());
    if let Some(first) = partials.next() {
        output.copy_from_slice(first);
    }
    partials.for_each(|p| output.iter_mut().zip(p).for_each(|(o, &p)| *o = o.plus(p)));
    Ok(())
}
