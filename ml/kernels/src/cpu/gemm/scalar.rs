//! What matrices are of, and how a thread multiplies two of them.

use gradframe_ml_core::Result;

use super::super::bytes::Plain;
use super::super::tasks::Workers;
use super::{Matrix, Tile};
#[cfg(target_arch = "x86_64")]
use super::{laid, turned};
#[cfg(not(target_arch = "x86_64"))]
use never_laid as product_of_laid_f32;

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
        use super::super::inner::{Results, inner_products};
        use super::super::product::Factor;
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
    use super::super::simd::{Level, level};
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
    cfg!(target_arch = "x86_64") && super::super::simd::level() != super::super::simd::Level::Portable
}

/// By kernels of our own where there are such: they read the left side, and mostly the right one, where it lies.
fn product_of_f32(left: &Matrix<f32>, right: &Matrix<f32>, output: &mut Tile<f32>, adds: bool) {
    #[cfg(target_arch = "x86_64")]
    if has_own_kernels() {
        use super::super::product::{Factor, Target, product};
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
