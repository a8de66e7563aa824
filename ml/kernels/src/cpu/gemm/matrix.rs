//! Matrices of a product: where their elements lie.

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
    pub(super) fn part(&self, batch: usize, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> Self {
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

    /// The matrices whose rows are these ones' columns.
    pub fn turned(self) -> Self {
        Matrix { rows: self.columns, columns: self.rows, row: self.column, column: self.row, ..self }
    }

    /// True if all elements of the first matrix are inside `values`.
    pub fn is_inside(&self) -> bool {
        let strides_fit = self.row >= 0 && self.column >= 0;
        let last = self.first + (self.rows - 1) * self.row as usize + (self.columns - 1) * self.column as usize;
        strides_fit && last < self.values.len()
    }
}
