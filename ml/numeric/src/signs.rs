//! One choice of sign for what has two.

use faer::{Mat, MatMut};

/// Turns each column so that its first element of at least half the largest size is positive; -1 for those turned.
pub fn fixed(columns: &mut Mat<f64>) -> Vec<f64> {
    (0..columns.ncols()).map(|j| fix_column(columns.as_mut(), j)).collect()
}

fn fix_column(mut x: MatMut<'_, f64>, j: usize) -> f64 {
    let rows = x.nrows();
    let largest = (0..rows).fold(0.0f64, |most, i| most.max(x[(i, j)].abs()));
    let first = (0..rows).map(|i| x[(i, j)]).find(|v| v.abs() >= 0.5 * largest);
    if first.is_none_or(|v| v >= 0.0) {
        return 1.0;
    }
    (0..rows).for_each(|i| x[(i, j)] = -x[(i, j)]);
    -1.0
}
