//! What a graph knows of dense matrices: factorizations and solvers of the last two axes; all others are batch axes.

/// A factorization or a solver. A result of several parts is packed into one array; the builders take it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Linalg {
    /// L lower triangular with L L' = A, for A [n, n] symmetric and positive definite, of which only the lower triangle
    /// is read: [n, n]. NaN where A is not positive definite.
    Cholesky,
    /// X with T X = B, or T' X = B: T [n, n] triangular, B [n, k] -> [n, k]. The other triangle is not read, nor the
    /// diagonal where it is known to be 1.
    Triangular {
        /// T is an upper triangle.
        upper: bool,
        /// Solve with T' in place of T.
        transposed: bool,
        /// T has ones on its diagonal.
        unit: bool,
    },
    /// X with A X = B, or A' X = B: A [n, n], B [n, k] -> [n, k]. Infinite or NaN where A is singular.
    Solve {
        /// Solve with A' in place of A.
        transposed: bool,
    },
    /// The sign and the logarithm of the size of the determinant: [n, n] -> [2].
    LogDet,
    /// P A = L U with rows exchanged for the largest pivot: [m, n] -> [m, n + 2]. U lies in the upper triangle, L below
    /// it (its diagonal is 1); the next column has the row of A that stands in each place, the last the LAPACK pivots
    /// (row exchanged with, from 0).
    Lu,
    /// A = Q R with k = min(m, n) orthonormal columns and no negative number on R's diagonal: [m, n] -> flat, Q [m, k]
    /// then R [k, n]. Unique where A has full rank.
    Qr,
    /// A = V diag(w) V' for A [n, n] symmetric, of which only the lower triangle is read: -> [n, n + 1], the columns of V
    /// and then w, ascending. In each column the first element of at least half the largest size is positive.
    Eigh,
    /// A = U diag(s) V' with k = min(m, n): [m, n] -> flat, U [m, k], s [k] descending, V' [k, n]. The columns of U have
    /// signs as those of `Eigh`.
    Svd,
    /// The pseudoinverse, where singular values of at most `rtol` (bits of an f64) times the largest count as zero:
    /// [m, n] -> [n, m].
    Pinv {
        /// `f64::to_bits` of the tolerance.
        rtol: u64,
    },
}

impl Linalg {
    /// One of each, so that tables can be checked for completeness.
    pub const ALL: &'static [Linalg] = &[
        Linalg::Cholesky,
        Linalg::Triangular { upper: false, transposed: false, unit: false },
        Linalg::Solve { transposed: false },
        Linalg::LogDet,
        Linalg::Lu,
        Linalg::Qr,
        Linalg::Eigh,
        Linalg::Svd,
        Linalg::Pinv { rtol: 0 },
    ];

    /// Its name in printed graphs, proofs and errors.
    pub const fn name(self) -> &'static str {
        match self {
            Linalg::Cholesky => "cholesky",
            Linalg::Triangular { .. } => "solve_triangular",
            Linalg::Solve { .. } => "solve",
            Linalg::LogDet => "slogdet",
            Linalg::Lu => "lu",
            Linalg::Qr => "qr",
            Linalg::Eigh => "eigh",
            Linalg::Svd => "svd",
            Linalg::Pinv { .. } => "pinv",
        }
    }
}
