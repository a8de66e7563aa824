//! Parts of a result matrix, each for one task.

use std::marker::PhantomData;

use super::Matrix;

/// A part of one result matrix that one task writes.
pub struct Tile<'a, T> {
    /// Its first element.
    pub(super) values: *mut T,
    /// Distance between rows.
    pub(super) stride: usize,
    first_row: usize,
    rows: usize,
    first_column: usize,
    columns: usize,
    of: PhantomData<&'a mut [T]>,
}

// SAFETY: a tile is the only one to reach its elements, like a mutable slice.
unsafe impl<T: Send> Send for Tile<'_, T> {}

impl<'a, T> Tile<'a, T> {
    /// The tiles of a row-major matrix with rows of `width`.
    pub fn all(matrix: &'a mut [T], width: usize, (rows, columns): (usize, usize)) -> impl Iterator<Item = Tile<'a, T>> {
        let (height, values) = (matrix.len() / width, matrix.as_mut_ptr());
        let firsts = (0..height).step_by(rows).flat_map(move |r| (0..width).step_by(columns).map(move |c| (r, c)));
        firsts.map(move |(first_row, first_column)| Tile {
            values: values.wrapping_add(first_row * width + first_column),
            stride: width,
            first_row,
            rows: rows.min(height - first_row),
            first_column,
            columns: columns.min(width - first_column),
            of: PhantomData,
        })
    }

    /// Some columns of a row-major matrix with rows of `width`.
    pub fn of_columns(matrix: &'a mut [T], width: usize, (first_column, columns): (usize, usize)) -> Self {
        assert!(first_column + columns <= width, "columns outside their matrix");
        let (values, rows) = (matrix.as_mut_ptr().wrapping_add(first_column), matrix.len() / width);
        Tile { values, stride: width, first_row: 0, rows, first_column, columns, of: PhantomData }
    }

    /// A matrix that is one tile.
    pub fn whole(matrix: &'a mut [T], width: usize) -> Self {
        let (values, rows) = (matrix.as_mut_ptr(), matrix.len() / width);
        Tile { values, stride: width, first_row: 0, rows, first_column: 0, columns: width, of: PhantomData }
    }

    /// Its rows in the matrix.
    pub fn row_range(&self) -> std::ops::Range<usize> {
        self.first_row..self.first_row + self.rows
    }

    /// Its columns in the matrix.
    pub fn column_range(&self) -> std::ops::Range<usize> {
        self.first_column..self.first_column + self.columns
    }

    /// Its first element.
    pub fn pointer(&mut self) -> *mut T {
        self.values
    }

    /// Distance between rows.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// True if it has the shape of the product.
    pub(super) fn fits(&self, left: &Matrix<T>, right: &Matrix<T>) -> bool {
        (self.rows, self.columns) == (left.rows, right.rows)
    }

    /// Its part of a row of the matrix, by number in the tile.
    pub fn row(&mut self, i: usize) -> &mut [T] {
        assert!(i < self.rows, "a row outside its tile");
        // SAFETY: `all`, `of_columns` and `whole` lay tiles inside their matrix, each element in one of them.
        unsafe { std::slice::from_raw_parts_mut(self.values.add(i * self.stride), self.columns) }
    }
}
