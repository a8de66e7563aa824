//! Products of matrices on fixed tiles, each by one thread: the same bits whatever the number of threads.

#[cfg(target_arch = "x86_64")]
mod laid;
mod tile;
#[cfg(target_arch = "x86_64")]
pub mod turned;

use gradframe_ml_core::Result;

use super::bytes::Plain;
use super::tasks::{self, Workers};
#[cfg(not(target_arch = "x86_64"))]
use never_laid as product_of_laid_f32;
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
/// Contracted elements of a chunk, where the result is small and the contraction long.
const CHUNK_COLUMNS: usize = 8192;
/// The largest result of which each chunk gets a copy.
const CHUNKED_RESULT_MAX: usize = 64 * 1024;

/// A batch of matrices: element (b, i, k) is at `first + batch(b) + i row + k column`.
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
    /// Where matrices are.
    pub batch: Batch<'a>,
    /// Distance between rows.
    pub row: isize,
    /// Distance between columns.
    pub column: isize,
}

/// Where the matrices of a batch begin, from the first on.
#[derive(Clone, Copy)]
pub enum Batch<'a> {
    /// So far apart.
    Even(isize),
    /// Anywhere.
    Places(&'a [isize]),
}

impl Batch<'_> {
    fn place(&self, matrix: usize) -> isize {
        match self {
            Batch::Even(distance) => matrix as isize * distance,
            Batch::Places(places) => places[matrix],
        }
    }
}

impl<'a, T> Matrix<'a, T> {
    /// Row-major matrices one after the other.
    pub fn dense(values: &'a [T], [batches, rows, columns]: [usize; 3]) -> Self {
        Matrix {
            values,
            first: 0,
            batches,
            rows,
            columns,
            batch: Batch::Even((rows * columns) as isize),
            row: columns as isize,
            column: 1,
        }
    }

    /// A part of one matrix.
    fn part(&self, batch: usize, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> Self {
        let first =
            self.first + self.batch.place(batch) as usize + rows.start * self.row as usize + columns.start * self.column as usize;
        Matrix { first, batches: 1, rows: rows.len(), columns: columns.len(), ..*self }
    }

    /// One of the matrices.
    pub fn one(&self, matrix: usize) -> Self {
        self.part(matrix, 0..self.rows, 0..self.columns)
    }

    /// Some rows of one matrix.
    pub fn some_rows(&self, rows: std::ops::Range<usize>) -> Self {
        self.part(0, rows, 0..self.columns)
    }

    /// True if all elements of the first matrix are inside `values`.
    pub fn is_inside(&self) -> bool {
        let strides_fit = self.row >= 0 && self.column >= 0;
        let last = self.first + (self.rows - 1) * self.row as usize + (self.columns - 1) * self.column as usize;
        strides_fit && last < self.values.len()
    }
}

/// Rows of the left for which turning the right side does not pay.
#[cfg(target_arch = "x86_64")]
const FEW_ROWS: usize = 8;

/// Rows of the left, at most, for which it alone is laid: so many stay in the second-level cache.
#[cfg(target_arch = "x86_64")]
const LAID_ROWS_MAX: usize = 128;
/// Multiply-adds of a product for which it pays that all threads share what is laid.
#[cfg(target_arch = "x86_64")]
const LAID_PRODUCTS_MIN: usize = 64 * 1024;

/// An element type of which matrices are multiplied.
pub trait Scalar: Plain {
    /// `a * b`; integers wrap.
    fn times(self, other: Self) -> Self;
    /// `a + b`; integers wrap.
    fn plus(self, other: Self) -> Self;
    /// `output[i, j] = sum_k left[i, k] right[j, k]`, by this thread alone; added to what is there if `adds`. No side is
    /// empty.
    fn product(left: &Matrix<Self>, right: &Matrix<Self>, output: &mut Tile<Self>, adds: bool);
    /// The product of few rows with many by inner products; false, with nothing done, where that does not pay. Its bits are not those
    /// of `product`.
    fn product_of_few(_left: &Matrix<Self>, _right: &Matrix<Self>, _output: &mut Tile<Self>) -> bool {
        false
    }
    /// A large product whose operands are laid once for all threads; false, with nothing done, where that does not pay.
    fn product_of_laid(_left: &Matrix<Self>, _right: &Matrix<Self>, _workers: Workers, _output: &mut [Self]) -> Result<bool> {
        Ok(false)
    }
    /// True if a product needs no copies of its operands, so that small tiles cost nothing.
    fn reads_in_place() -> bool {
        false
    }
}

macro_rules! float_scalars {
    ($($t:ty, $product:ident, $product_of_few:ident, $product_of_laid:ident, $reads_in_place:expr;)*) => { $(impl Scalar for $t {
        #[inline(always)]
        fn times(self, other: Self) -> Self { self * other }
        #[inline(always)]
        fn plus(self, other: Self) -> Self { self + other }
        fn product(left: &Matrix<Self>, right: &Matrix<Self>, output: &mut Tile<Self>, adds: bool) {
            assert!(left.is_inside() && right.is_inside() && output.fits(left, right), "a matrix leaves its buffer");
            $product(left, right, output, adds);
        }
        fn product_of_few(left: &Matrix<Self>, right: &Matrix<Self>, output: &mut Tile<Self>) -> bool {
            assert!(left.is_inside() && right.is_inside() && output.fits(left, right), "a matrix leaves its buffer");
            $product_of_few(left, right, output)
        }
        fn product_of_laid(left: &Matrix<Self>, right: &Matrix<Self>, workers: Workers, output: &mut [Self]) -> Result<bool> {
            $product_of_laid(left, right, workers, output)
        }
        fn reads_in_place() -> bool { $reads_in_place }
    })* };
}

float_scalars! {
    f32, product_of_f32, product_of_few_f32, product_of_laid_f32, has_own_kernels();
    f64, product_of_f64, never, never_laid, false;
}

fn never<T>(_: &Matrix<T>, _: &Matrix<T>, _: &mut Tile<T>) -> bool {
    false
}

fn never_laid<T>(_: &Matrix<T>, _: &Matrix<T>, _: Workers, _: &mut [T]) -> Result<bool> {
    Ok(false)
}

/// By inner products, where the rows of both sides are contiguous and turning the right side would cost more than multiplying.
fn product_of_few_f32(left: &Matrix<f32>, right: &Matrix<f32>, output: &mut Tile<f32>) -> bool {
    #[cfg(target_arch = "x86_64")]
    if has_own_kernels() && left.rows <= FEW_ROWS && left.column == 1 && right.column == 1 {
        use super::inner::{Results, inner_products};
        use super::product::Factor;
        let factor = |m: &Matrix<f32>| Factor { values: m.values[m.first..].as_ptr(), row: m.row, column: m.column };
        let results = Results { values: output.values, stride: output.stride as isize };
        // SAFETY: `product_of_few` has checked that every element is inside its slice; the instructions were found.
        unsafe { inner_products([left.rows, right.rows, left.columns], factor(left), factor(right), results) };
        return true;
    }
    let _ = (left, right, output);
    false
}

/// Few rows of the left are laid alone, if those of the right can be read where they lie.
#[cfg(target_arch = "x86_64")]
fn product_of_laid_f32(left: &Matrix<f32>, right: &Matrix<f32>, workers: Workers, output: &mut [f32]) -> Result<bool> {
    use super::simd::{Level, level};
    use turned::Short;
    let is_large = left.rows * right.rows * left.columns >= LAID_PRODUCTS_MIN;
    let lays_left = level() == Level::Avx2 && is_large && left.rows <= LAID_ROWS_MAX && left.rows < right.rows;
    Ok(lays_left && turned::multiply::<Short<f32>>(left, right, workers, output)?
        || laid::multiply(left, right, workers, output)?)
}

fn product_of_f64(left: &Matrix<f64>, right: &Matrix<f64>, output: &mut Tile<f64>, adds: bool) {
    product_by_crate(left, right, output, adds, [0.0, 1.0]);
}

/// True where there are kernels of our own.
pub fn has_own_kernels() -> bool {
    cfg!(target_arch = "x86_64") && super::simd::level() != super::simd::Level::Portable
}

/// By kernels of our own where there are such: they read the left side, and mostly the right one, where it lies.
fn product_of_f32(left: &Matrix<f32>, right: &Matrix<f32>, output: &mut Tile<f32>, adds: bool) {
    #[cfg(target_arch = "x86_64")]
    if has_own_kernels() {
        use super::product::{Factor, Target, product};
        let factor = |m: &Matrix<f32>| Factor { values: m.values[m.first..].as_ptr(), row: m.row, column: m.column };
        let target = Target { values: output.values, stride: output.stride as isize, adds };
        // SAFETY: `product` has checked that every element is inside its slice; the instructions were found.
        return unsafe { product([left.rows, right.rows, left.columns], factor(left), factor(right), target) };
    }
    product_by_crate(left, right, output, adds, [0.0, 1.0]);
}

fn product_by_crate<T: Scalar>(left: &Matrix<T>, right: &Matrix<T>, output: &mut Tile<T>, adds: bool, [zero, one]: [T; 2]) {
    let (rows, columns) = (left.rows, right.rows);
    // SAFETY: `product` has checked that every element that is read or written is inside its slice.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            left.columns,
            output.values,
            1,
            output.stride as isize,
            adds,
            left.values.as_ptr().add(left.first),
            left.column,
            left.row,
            right.values.as_ptr().add(right.first),
            right.row,
            right.column,
            if adds { one } else { zero },
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
        fn product(left: &Matrix<Self>, right: &Matrix<Self>, output: &mut Tile<Self>, adds: bool) {
            product_by_loops(left, right, output, adds);
        }
    })* };
}

integer_scalars! { i64 u64 }

fn product_by_loops<T: Scalar>(left: &Matrix<T>, right: &Matrix<T>, output: &mut Tile<T>, adds: bool) {
    for i in 0..left.rows {
        let row = output.row(i);
        if !adds {
            row.fill(T::default());
        }
        for k in 0..left.columns {
            let a = left.values[left.first + i * left.row as usize + k * left.column as usize];
            let start = right.first + k * right.column as usize;
            row.iter_mut().enumerate().for_each(|(j, o)| *o = o.plus(a.times(right.values[start + j * right.row as usize])));
        }
    }
}

/// `output[b, i, j] = sum_k left[b, i, k] right[b, j, k]`. No side is empty.
pub fn multiply<T: Scalar>(left: &Matrix<T>, right: &Matrix<T>, workers: Workers, output: &mut [T]) -> Result<()> {
    let result = left.rows * right.rows;
    if goes_by_chunks(left, right) {
        return multiply_in_chunks(left, right, workers, output);
    }
    if T::product_of_laid(left, right, workers, output)? {
        return Ok(());
    }
    let sides = if T::reads_in_place() { small_sides(left, right) } else { tile_sides(left.rows, right.rows, left.columns) };
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
