//! Solvers.

use faer::prelude::*;

use super::factors::pivots_of;
use super::{matrix, owned, row_major};

/// X with A X = B (or A' X = B): A [n, n], B [n, k] -> [n, k].
pub fn solve(a: &[f64], n: usize, b: &[f64], k: usize, transposed: bool) -> Vec<f64> {
    if n * k == 0 {
        return Vec::new();
    }
    let (a, b) = (matrix(a, [n, n]), matrix(b, [n, k]));
    let turned = if transposed { a.transpose().to_owned() } else { a.to_owned() };
    row_major(turned.partial_piv_lu().solve(b).as_ref())
}

/// X with T X = B (or T' X = B) for T triangular; the diagonal is not read if `unit`.
pub fn solve_triangular(t: &[f64], n: usize, b: &[f64], k: usize, [upper, transposed, unit]: [bool; 3]) -> Vec<f64> {
    if n * k == 0 {
        return Vec::new();
    }
    let (t, mut x) = (matrix(t, [n, n]), owned(b, [n, k]));
    let t = if transposed { t.transpose() } else { t };
    match (upper != transposed, unit) {
        (false, false) => t.solve_lower_triangular_in_place(x.as_mut()),
        (false, true) => t.solve_unit_lower_triangular_in_place(x.as_mut()),
        (true, false) => t.solve_upper_triangular_in_place(x.as_mut()),
        (true, true) => t.solve_unit_upper_triangular_in_place(x.as_mut()),
    }
    row_major(x.as_ref())
}

/// The sign of the determinant (0 where it is 0) and the logarithm of its size.
pub fn log_det(a: &[f64], n: usize) -> Vec<f64> {
    if n == 0 {
        return vec![1.0, 0.0];
    }
    let factors = matrix(a, [n, n]).partial_piv_lu();
    let exchanged = pivots_of(&factors, n).iter().enumerate().filter(|&(i, &p)| i != p).count();
    let u = factors.U();
    let start = (if exchanged.is_multiple_of(2) { 1.0 } else { -1.0 }, 0.0);
    let (sign, log) = (0..n)
        .map(|i| u[(i, i)])
        .fold(start, |(sign, log): (f64, f64), d| (if d == 0.0 { 0.0 } else { sign * d.signum() }, log + d.abs().ln()));
    vec![sign, log]
}
