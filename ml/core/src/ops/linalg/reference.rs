//! The plain meaning of each factorization, row-major in f64: the textbook's algorithm, as short as it can be.

mod orthogonal;
mod spectral;
mod triangular;

use crate::graph::Linalg;

/// A row-major matrix.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f64>,
}

/// The packed result for `a` [m, n] and, for solvers, `b` [m, k].
pub fn apply(op: Linalg, a: &[f64], [m, n]: [usize; 2], b: &[f64], k: usize) -> Vec<f64> {
    let a = Matrix { rows: m, columns: n, values: a.to_vec() };
    let right = || Matrix { rows: m, columns: k, values: b.to_vec() };
    match op {
        Linalg::Cholesky => triangular::cholesky(&a).values,
        Linalg::Triangular { upper, transposed, unit } => triangular::solve(&a, right(), upper, transposed, unit).values,
        Linalg::Solve { transposed } => triangular::solve_any(&a, right(), transposed).values,
        Linalg::LogDet => triangular::log_det(&a),
        Linalg::Lu => triangular::packed_lu(&a),
        Linalg::Qr => orthogonal::packed_qr(&a),
        Linalg::Eigh => spectral::packed_eigh(&a),
        Linalg::Svd => spectral::packed_svd(&a),
        Linalg::Pinv { rtol } => spectral::pseudoinverse(&a, f64::from_bits(rtol)).values,
    }
}

impl Matrix {
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Matrix { rows, columns, values: vec![0.0; rows * columns] }
    }

    pub fn identity(n: usize) -> Self {
        let mut one = Self::zeros(n, n);
        (0..n).for_each(|i| one.set(i, i, 1.0));
        one
    }

    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.columns + j]
    }

    pub fn set(&mut self, i: usize, j: usize, value: f64) {
        self.values[i * self.columns + j] = value;
    }

    pub fn transposed(&self) -> Self {
        let mut turned = Self::zeros(self.columns, self.rows);
        for i in 0..self.rows {
            (0..self.columns).for_each(|j| turned.set(j, i, self.at(i, j)));
        }
        turned
    }

    pub fn swap_rows(&mut self, i: usize, j: usize) {
        (0..self.columns).for_each(|k| self.values.swap(i * self.columns + k, j * self.columns + k));
    }

    /// The inner product of two columns.
    pub fn columns_dot(&self, p: usize, q: usize) -> f64 {
        (0..self.rows).map(|i| self.at(i, p) * self.at(i, q)).sum()
    }

    /// Columns p and q turned by an angle of this cosine and sine.
    pub fn rotate_columns(&mut self, p: usize, q: usize, cosine: f64, sine: f64) {
        for i in 0..self.rows {
            let (x, y) = (self.at(i, p), self.at(i, q));
            self.set(i, p, cosine * x - sine * y);
            self.set(i, q, sine * x + cosine * y);
        }
    }
}
