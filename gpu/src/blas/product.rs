//! Contractions as products of matrices: what BLAS can be asked for, found out from index maps and sizes alone.

use gradframe_ml_core::{DType, Result, Sizes};
use gradframe_ml_kernels::schedule::{Dot, Schedule};

use super::axes::{Axis, Side, merged};

/// Calls into which a product is cut, at most, where its batch has no single stride.
const CALLS_MAX: usize = 64;
/// What the library counts sizes with.
const SIZE_MAX: usize = i32::MAX as usize;

/// `result = first . second`, of m x k and k x n, for each of a batch; matrices lie column by column, as BLAS has them.
///
/// The row-major result of a contraction, rows x columns, is the column-major one of m = columns x n = rows: the right
/// operand comes first. Distances are in elements.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Product {
    /// Rows of the first matrix and of the result.
    pub m: usize,
    /// Columns of the second matrix and of the result.
    pub n: usize,
    /// Columns of the first matrix, rows of the second.
    pub k: usize,
    /// Products of one call.
    pub batch: usize,
    /// The right operand.
    pub first: Matrix,
    /// The left operand.
    pub second: Matrix,
    /// The result.
    pub result: Matrix,
    /// Further batches, outermost first: a call for each of their places.
    pub calls: Vec<Calls>,
}

/// A matrix in memory, column by column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Matrix {
    /// Element type.
    pub dtype: DType,
    /// Rows, as it lies.
    pub rows: usize,
    /// Columns, as it lies.
    pub columns: usize,
    /// From a column to the next one.
    pub leading: usize,
    /// True if what lies there is the transposed matrix.
    pub is_transposed: bool,
    /// The first element.
    pub start: usize,
    /// From a matrix of the batch to the next one; 0 repeats it.
    pub distance: usize,
}

/// A batch that no call can take.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Calls {
    /// How many.
    pub count: usize,
    /// From one to the next: of the first matrix, the second, the result.
    pub distances: [usize; 3],
}

impl Product {
    /// The product that a kernel computes with these sizes. None for element types that BLAS has not, for views that are no
    /// matrices with strides, and where there is nothing to compute or to add up.
    /// Errors: `Shape` for a size that is not known.
    pub fn of(schedule: &Schedule, kernel: &Dot, sizes: &Sizes) -> Result<Option<Self>> {
        let dtype = |buffer: gradframe_ml_kernels::schedule::BufferId| schedule.buffers[buffer.index()].dtype;
        let dtypes = [dtype(kernel.left.buffer), dtype(kernel.right.buffer), dtype(kernel.output)];
        let left = Side::of(&kernel.left, &kernel.left_shape, sizes)?;
        let right = Side::of(&kernel.right, &kernel.right_shape, sizes)?;
        let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
        Ok(if are_supported(dtypes) {
            Groups::of(kernel, &left, &right).product(dtypes, [left.start, right.start])
        } else {
            None
        })
    }

    /// Where the matrices of each call begin, from the starts of their arrays: first, second, result.
    pub fn places(&self) -> Vec<[usize; 3]> {
        let mut places = vec![[self.first.start, self.second.start, self.result.start]];
        for calls in &self.calls {
            let moved = |place: &[usize; 3], i: usize| [0, 1, 2].map(|matrix| place[matrix] + i * calls.distances[matrix]);
            places = places.iter().flat_map(|place| (0..calls.count).map(move |i| moved(place, i))).collect();
        }
        places
    }

    /// Distances between matrices that lie in one array: of the first, the second, the result.
    pub fn distances(&self) -> impl Iterator<Item = [usize; 3]> {
        let within = (self.batch > 1).then(|| [&self.first, &self.second, &self.result].map(|m| m.distance));
        within.into_iter().chain(self.calls.iter().map(|calls| calls.distances))
    }
}

/// Left, right and result.
fn are_supported(dtypes: [DType; 3]) -> bool {
    use DType::{BF16, F16, F32, F64};
    matches!(dtypes, [F16, F16, F16 | F32] | [BF16, BF16, BF16 | F32] | [F32, F32, F32] | [F64, F64, F64])
}

/// The axes of a contraction by what they do, neighbours merged that can be walked as one.
struct Groups {
    batch: Vec<Axis>,
    rows: Vec<Axis>,
    columns: Vec<Axis>,
    contracted: Vec<Axis>,
}

impl Groups {
    fn of(kernel: &Dot, left: &Side, right: &Side) -> Self {
        let dims = &kernel.dims;
        let pair =
            |&(l, r): &(usize, usize)| Axis { size: left.sizes[l], left: left.strides[l], right: right.strides[r], result: 0 };
        let free_left = dims.free_left(left.sizes.len()).into_iter();
        let free_right = dims.free_right(right.sizes.len()).into_iter();
        let mut batch: Vec<Axis> = dims.batch.iter().map(pair).collect();
        let mut rows: Vec<Axis> =
            free_left.map(|l| Axis { size: left.sizes[l], left: left.strides[l], right: 0, result: 0 }).collect();
        let mut columns: Vec<Axis> =
            free_right.map(|r| Axis { size: right.sizes[r], left: 0, right: right.strides[r], result: 0 }).collect();
        let mut contracted: Vec<Axis> = dims.contract.iter().map(pair).collect();
        let mut distance = 1; // the result is dense, and has its axes in this order
        for axis in batch.iter_mut().chain(&mut rows).chain(&mut columns).rev() {
            axis.result = distance;
            distance *= axis.size;
        }
        contracted.sort_by_key(|axis| std::cmp::Reverse((axis.left, axis.right))); // sums may be taken in any order
        Groups { batch: merged(batch), rows: merged(rows), columns: merged(columns), contracted: merged(contracted) }
    }

    /// The first choice of one group of rows and one of columns that makes matrices, large ones first; the others are batches.
    fn product(&self, dtypes: [DType; 3], starts: [usize; 2]) -> Option<Product> {
        let [depth] = self.contracted[..] else {
            let is_one = self.contracted.is_empty();
            return is_one.then(|| self.choice(dtypes, starts, Axis::ONE)).flatten();
        };
        self.choice(dtypes, starts, depth)
    }

    fn choice(&self, dtypes: [DType; 3], starts: [usize; 2], depth: Axis) -> Option<Product> {
        let is_empty = self.batch.iter().chain(&self.rows).chain(&self.columns).any(|axis| axis.size == 0);
        if is_empty || depth.size == 0 {
            return None;
        }
        choices(&self.rows).find_map(|row| {
            choices(&self.columns).find_map(|column| {
                let rest = |axes: &[Axis], taken: Option<usize>| {
                    axes.iter().enumerate().filter(|(i, _)| Some(*i) != taken).map(|(_, a)| *a).collect::<Vec<_>>()
                };
                let batches = [self.batch.clone(), rest(&self.rows, row), rest(&self.columns, column)].concat();
                let taken = |axes: &[Axis], at: Option<usize>| at.map_or(Axis::ONE, |i| axes[i]);
                product(taken(&self.rows, row), taken(&self.columns, column), depth, batches, dtypes, starts)
            })
        })
    }
}

/// The places of the axes, large ones first; None where there are none.
fn choices(axes: &[Axis]) -> impl Iterator<Item = Option<usize>> {
    let mut places: Vec<usize> = (0..axes.len()).collect();
    places.sort_by_key(|&i| std::cmp::Reverse(axes[i].size));
    let none = places.is_empty().then_some(None);
    places.into_iter().map(Some).chain(none)
}

fn product(
    row: Axis,
    column: Axis,
    depth: Axis,
    mut batches: Vec<Axis>,
    [left, right, output]: [DType; 3],
    [left_start, right_start]: [usize; 2],
) -> Option<Product> {
    batches.sort_by_key(|axis| axis.size); // the largest is the one that calls take
    let batch = batches.pop().unwrap_or(Axis::ONE);
    let calls: usize = batches.iter().map(|axis| axis.size).product();
    let (m, n, k) = (column.size, row.size, depth.size);
    if calls > CALLS_MAX || [m, n, k, batch.size].iter().any(|&size| size > SIZE_MAX) {
        return None;
    }
    let first = Matrix::of(right, (m, column.right), (k, depth.right), right_start, batch.right)?;
    let second = Matrix::of(left, (k, depth.left), (n, row.left), left_start, batch.left)?;
    let result = Matrix::of(output, (m, column.result), (n, row.result), 0, batch.result)?;
    let calls = batches.iter().map(|axis| Calls { count: axis.size, distances: [axis.right, axis.left, axis.result] });
    let product = Product { m, n, k, batch: batch.size, first, second, result, calls: calls.collect() };
    (!product.result.is_transposed).then_some(product)
}

impl Matrix {
    /// The matrix of so many rows and columns with these strides; None if it lies neither column by column nor row by row.
    fn of(dtype: DType, rows: (usize, usize), columns: (usize, usize), start: usize, distance: usize) -> Option<Self> {
        let lying = |inner: (usize, usize), outer: (usize, usize), is_transposed: bool| {
            let leading = if outer.0 == 1 { inner.0 } else { outer.1 };
            let is_matrix = (inner.0 == 1 || inner.1 == 1) && leading >= inner.0;
            is_matrix.then_some(Matrix { dtype, rows: inner.0, columns: outer.0, leading, is_transposed, start, distance })
        };
        lying(rows, columns, false).or_else(|| lying(columns, rows, true))
    }
}
