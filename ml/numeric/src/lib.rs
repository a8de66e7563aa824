//! Factorizations of dense matrices (on faer) and Fourier transforms (on rustfft), of row-major slices of f64.
//!
//! A package of its own so that these libraries are built once, not with every change of a kernel. It knows no graph:
//! what each result means, signs included, is said at the node kinds (`gradframe_ml_core::graph::Linalg`).
//! Results of several parts are packed as there. Nothing here panics on numbers: what has no answer is NaN.

mod factors;
mod fourier;
mod signs;
mod solvers;

pub use factors::{cholesky, eigh, lu, pinv, qr, svd};
pub use fourier::fft;
pub use solvers::{log_det, solve, solve_triangular};

use faer::{Mat, MatRef};

fn matrix(values: &[f64], [m, n]: [usize; 2]) -> MatRef<'_, f64> {
    MatRef::from_row_major_slice(values, m, n)
}

/// The elements row after row.
fn row_major(x: MatRef<'_, f64>) -> Vec<f64> {
    (0..x.nrows()).flat_map(|i| (0..x.ncols()).map(move |j| x[(i, j)])).collect()
}

fn owned(values: &[f64], shape: [usize; 2]) -> Mat<f64> {
    matrix(values, shape).to_owned()
}

fn is_finite(values: &[f64]) -> bool {
    values.iter().all(|v| v.is_finite())
}
